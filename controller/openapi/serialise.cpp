#include "controller/openapi/serialise.h"

#include <algorithm>

#include <boost/json/serialize.hpp>

#include "controller/base/text.h"

namespace plumb::openapi {
namespace {

// Reserved characters (RFC 3986, 2.2) that a query may hold and that cannot end or split it.
constexpr std::string_view kReserved = ":/?@!$'()*,;=";

std::string number_text(const Value& value) {
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return boost::json::serialize(value);
}

// What a style joins: one text, the items of a list, or the members of a mapping.
struct Fields {
  enum class Form { single, list, mapping } form = Form::single;
  Pairs pairs{};  // names are empty but for mappings
};

Result<Fields> fields_of(const Value& value) {
  Fields fields;
  const auto add = [&](std::string_view name, const Value& part) -> Result<void> {
    auto text = plain_text(part);
    if (!text) return fail(Fault::invalid, "the parts of this value must be texts, numbers or booleans");
    fields.pairs.emplace_back(name, std::move(*text));
    return {};
  };
  if (const auto* array = value.if_array()) {
    fields.form = Fields::Form::list;
    for (const Value& part : *array) PLUMB_CHECK(add("", part));
  } else if (const auto* object = value.if_object()) {
    fields.form = Fields::Form::mapping;
    for (const auto& member : *object) PLUMB_CHECK(add(member.key(), member.value()));
  } else {
    PLUMB_CHECK(add("", value));
  }
  return fields;
}

// "R,100,G,200", "R=100,G=200", "blue,black": `separator` between the parts, `inner` between name and value.
template <class Encode>
std::string joined(const Fields& fields, std::string_view separator, std::string_view inner, Encode encode) {
  std::string text;
  bool first = true;
  for (const auto& [name, value] : fields.pairs) {
    if (!first) text += separator;
    first = false;
    if (fields.form == Fields::Form::mapping) text.append(encode(name)).append(inner);
    text += encode(value);
  }
  return text;
}

std::string plainly_encoded(std::string_view text) { return encoded(text); }

bool is_json(std::string_view type) {
  const std::string lowered = lower(type.substr(0, type.find(';')));
  return lowered.ends_with("/json") || lowered.ends_with("+json");
}

// A parameter with `content`.
Result<std::string> content_text(const Parameter& parameter, const Value& value) {
  if (is_json(parameter.media_type)) return json_text(value);
  auto text = plain_text(value);
  if (!text) return fail(Fault::invalid, "must be a text to be written as {}", parameter.media_type);
  return std::move(*text);
}

// a[b][c]=1
Result<void> deep(const std::string& prefix, const Value& value, std::string_view keep, std::vector<std::string>& to) {
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object)
      PLUMB_CHECK(deep(fmt::format("{}%5B{}%5D", prefix, encoded(member.key())), member.value(), keep, to));
    return {};
  }
  const auto text = plain_text(value);
  if (!text)
    return fail(Fault::invalid, "the style deepObject has no form for {}", value.is_array() ? "lists" : "null");
  to.push_back(prefix + '=' + encoded(*text, keep));
  return {};
}

Result<std::vector<std::string>> delimited(const Parameter& parameter, const Fields& fields, std::string_view keep) {
  const bool is_space = parameter.style == Style::space_delimited;
  const char delimiter = is_space ? ' ' : '|';
  for (const auto& [name, text] : fields.pairs)
    if (name.find(delimiter) != name.npos || text.find(delimiter) != text.npos)
      return fail(Fault::invalid, "no part may have a \"{}\", which is what separates them", delimiter);
  const std::string_view separator = is_space ? "%20" : "%7C";
  const auto encode = [&](std::string_view text) { return encoded(text, keep); };
  return std::vector<std::string>{encoded(parameter.name) + '=' + joined(fields, separator, separator, encode)};
}

Result<std::vector<std::string>> pairs_of(const Parameter& parameter, const Value& value) {
  std::vector<std::string> texts;
  const std::string name = encoded(parameter.name);
  const std::string_view keep = parameter.allow_reserved ? kReserved : std::string_view();
  if (!parameter.media_type.empty()) {
    PLUMB_TRY(const std::string text, content_text(parameter, value));
    return std::vector<std::string>{name + '=' + encoded(text, keep)};
  }
  if (parameter.style == Style::deep_object) {
    if (!value.is_object()) return fail(Fault::invalid, "must be a mapping: its style is deepObject");
    PLUMB_CHECK(deep(name, value, keep, texts));
    return texts;
  }
  PLUMB_TRY(const Fields fields, fields_of(value));
  if (fields.pairs.empty()) return texts;  // RFC 6570, 2.3: undefined, nothing is written
  const bool is_single = fields.form == Fields::Form::single;
  if (!is_single && !parameter.explode && parameter.style != Style::form) return delimited(parameter, fields, keep);
  if (is_single || parameter.explode) {
    for (const auto& [key, text] : fields.pairs)
      texts.push_back((fields.form == Fields::Form::mapping ? encoded(key) : name) + '=' + encoded(text, keep));
    return texts;
  }
  std::string inside(keep);
  std::erase(inside, ',');  // separates
  const auto encode = [&](std::string_view text) { return encoded(text, inside); };
  texts.push_back(name + '=' + joined(fields, ",", ",", encode));
  return texts;
}

}  // namespace

std::string encoded(std::string_view text, std::string_view keep) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    const bool is_unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                               c == '.' || c == '_' || c == '~';
    if (is_unreserved || keep.find(c) != keep.npos) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += {'%', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
    }
  }
  return result;
}

std::optional<std::string> plain_text(const Value& value) {
  if (const auto* text = value.if_string()) return std::string(*text);
  if (const auto* flag = value.if_bool()) return *flag ? "true" : "false";
  if (value.is_number()) return number_text(value);
  return {};
}

std::string json_text(const Value& value) {
  std::string text;
  if (const auto* object = value.if_object()) {
    text += '{';
    for (const auto& member : *object) {
      if (text.size() > 1) text += ',';
      text += boost::json::serialize(boost::json::string_view(member.key()));
      text.append(":").append(json_text(member.value()));
    }
    return text += '}';
  }
  if (const auto* array = value.if_array()) {
    text += '[';
    for (const Value& part : *array) {
      if (text.size() > 1) text += ',';
      text += json_text(part);
    }
    return text += ']';
  }
  return value.is_double() ? number_text(value) : boost::json::serialize(value);
}

Result<std::string> path_text(const Parameter& parameter, const Value& value) {
  if (!parameter.media_type.empty()) {
    PLUMB_TRY(const std::string text, content_text(parameter, value));
    return encoded(text);
  }
  PLUMB_TRY(const Fields fields, fields_of(value));
  if (fields.pairs.empty()) return fail(Fault::invalid, "must not be empty: it is part of the path");
  const std::string_view inner = parameter.explode ? "=" : ",";
  if (parameter.style == Style::simple) return joined(fields, ",", inner, plainly_encoded);
  if (parameter.style == Style::label)
    return '.' + joined(fields, parameter.explode ? "." : ",", inner, plainly_encoded);
  const std::string name = ';' + encoded(parameter.name);  // matrix
  if (fields.form == Fields::Form::single || !parameter.explode) {
    const std::string text = joined(fields, ",", ",", plainly_encoded);
    return text.empty() ? name : name + '=' + text;
  }
  if (fields.form == Fields::Form::mapping) return ';' + joined(fields, ";", "=", plainly_encoded);
  return name + '=' + joined(fields, name + '=', "", plainly_encoded);
}

Result<std::vector<std::string>> query_texts(const Parameter& parameter, const Value& value) {
  return pairs_of(parameter, value);
}

Result<std::vector<std::string>> form_texts(const Parameter& parameter, const Value& value) {
  PLUMB_TRY(auto texts, pairs_of(parameter, value));
  for (std::string& text : texts)
    for (std::size_t at = text.find("%20"); at != std::string::npos; at = text.find("%20", at))
      text.replace(at, 3, "+");
  return texts;
}

Result<std::string> header_text(const Parameter& parameter, const Value& value) {
  std::string text;
  if (!parameter.media_type.empty()) {
    PLUMB_TRY(text, content_text(parameter, value));
  } else {
    PLUMB_TRY(const Fields fields, fields_of(value));
    const bool is_single = fields.form == Fields::Form::single;
    for (const auto& [name, part] : fields.pairs)
      if (!is_single && (name.find_first_of(",=") != name.npos || part.find(',') != part.npos))
        return fail(Fault::invalid, "no part may have a \",\", which is what separates them");
    text = joined(fields, ",", parameter.explode ? "=" : ",", [](std::string_view part) { return std::string(part); });
  }
  const bool has_control = std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (has_control) return fail(Fault::invalid, "the value of a header has no control characters or line breaks");
  return text;
}

Result<Pairs> cookie_pairs(const Parameter& parameter, const Value& value) {
  Pairs pairs;
  if (!parameter.media_type.empty()) {
    PLUMB_TRY(const std::string text, content_text(parameter, value));
    pairs.emplace_back(parameter.name, encoded(text));
    return pairs;
  }
  PLUMB_TRY(const Fields fields, fields_of(value));
  if (fields.pairs.empty()) return pairs;
  if (fields.form != Fields::Form::single && !parameter.explode) {
    pairs.emplace_back(parameter.name, joined(fields, ",", ",", plainly_encoded));
    return pairs;
  }
  for (const auto& [name, text] : fields.pairs)
    pairs.emplace_back(fields.form == Fields::Form::mapping ? encoded(name) : parameter.name, encoded(text));
  return pairs;
}

}  // namespace plumb::openapi
