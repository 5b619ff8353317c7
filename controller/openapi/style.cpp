#include "controller/openapi/style.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "controller/base/url.h"

namespace plumb::openapi {
namespace {

using Encode = std::string (*)(std::string_view);

std::string as_it_is(std::string_view text) { return std::string(text); }

// Reserved characters stay (RFC 3986, 2.2), but for those that would end the value, or mean something else in a query.
std::string reserved_stay(std::string_view text) {
  constexpr std::string_view kStay = ":/?@!$'()*,;=";
  std::string result;
  for (const char c : text) {
    if (kStay.find(c) != std::string_view::npos) {
      result.push_back(c);
    } else {
      result += percent_encode({&c, 1});
    }
  }
  return result;
}

Encode encoding_of(const Parameter& parameter) {
  if (parameter.in == In::header) return as_it_is;
  return parameter.allow_reserved && parameter.in == In::query ? reserved_stay : percent_encode;
}

using Texts = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Result<Texts> items_of(const Array& array, Encode encode) {
  Texts items;
  for (const Value& each : array) {
    PLUMB_TRY(const std::string text, plain_text(each));
    items.push_back(encode(text));
  }
  return items;
}

Result<Pairs> members_of(const Object& object, Encode encode) {
  Pairs members;
  for (const auto& [key, value] : object) {
    PLUMB_TRY(const std::string text, plain_text(value));
    members.emplace_back(encode(key), encode(text));
  }
  return members;
}

std::string joined(const Texts& texts, std::string_view separator) {
  return fmt::format("{}", fmt::join(texts, separator));
}

std::string joined(const Pairs& pairs, std::string_view between, std::string_view separator) {
  Texts texts;
  for (const auto& [key, value] : pairs) texts.push_back(fmt::format("{}{}{}", key, between, value));
  return joined(texts, separator);
}

Result<std::string> simple(const Value& value, bool explode, Encode encode) {
  if (const auto* const array = value.if_array()) {
    PLUMB_TRY(const auto items, items_of(*array, encode));
    return joined(items, ",");
  }
  if (const auto* const object = value.if_object()) {
    PLUMB_TRY(const auto members, members_of(*object, encode));
    return joined(members, explode ? "=" : ",", ",");
  }
  PLUMB_TRY(const std::string text, plain_text(value));
  return encode(text);
}

Result<std::string> label(const Value& value, bool explode) {
  const std::string_view separator = explode ? "." : ",";
  if (const auto* const array = value.if_array()) {
    PLUMB_TRY(const auto items, items_of(*array, percent_encode));
    return "." + joined(items, separator);
  }
  if (const auto* const object = value.if_object()) {
    PLUMB_TRY(const auto members, members_of(*object, percent_encode));
    return "." + joined(members, explode ? "=" : ",", separator);
  }
  PLUMB_TRY(const std::string text, plain_text(value));
  return "." + percent_encode(text);
}

Result<std::string> matrix(const Parameter& parameter, const Value& value) {
  const std::string name = percent_encode(parameter.name);
  if (const auto* const array = value.if_array()) {
    PLUMB_TRY(const auto items, items_of(*array, percent_encode));
    if (!parameter.explode) return fmt::format(";{}={}", name, joined(items, ","));
    std::string all;
    for (const std::string& item : items) all += fmt::format(";{}={}", name, item);
    return all;
  }
  if (const auto* const object = value.if_object()) {
    PLUMB_TRY(const auto members, members_of(*object, percent_encode));
    if (parameter.explode) return ";" + joined(members, "=", ";");
    return fmt::format(";{}={}", name, joined(members, ",", ","));
  }
  PLUMB_TRY(const std::string text, plain_text(value));
  return text.empty() ? ";" + name : fmt::format(";{}={}", name, percent_encode(text));
}

// form, spaceDelimited and pipeDelimited, which differ in what is between the items where they are in one value.
Result<std::string> listed(const Parameter& parameter, const Value& value, std::string_view separator, Encode encode) {
  const std::string name = percent_encode(parameter.name);
  if (const auto* const array = value.if_array()) {
    PLUMB_TRY(const auto items, items_of(*array, encode));
    if (!parameter.explode) return fmt::format("{}={}", name, joined(items, separator));
    Texts all;
    for (const std::string& item : items) all.push_back(fmt::format("{}={}", name, item));
    return joined(all, "&");
  }
  if (const auto* const object = value.if_object()) {
    PLUMB_TRY(const auto members, members_of(*object, encode));
    if (!parameter.explode) return fmt::format("{}={}", name, joined(members, separator, separator));
    // Names are always encoded: allowReserved speaks of values.
    Texts all;
    std::size_t i = 0;
    for (const auto& [key, unused] : *object) all.push_back(percent_encode(key) + "=" + members[i++].second);
    return joined(all, "&");
  }
  PLUMB_TRY(const std::string text, plain_text(value));
  return fmt::format("{}={}", name, encode(text));
}

constexpr int kDeepestObject = 8;

Result<void> deep(const std::string& name, const Value& value, Encode encode, int depth, Texts& all) {
  if (depth > kDeepestObject) return fail(Fault::invalid, "is nested too deeply");
  if (const auto* const object = value.if_object()) {
    for (const auto& [key, member] : *object)
      PLUMB_CHECK(deep(fmt::format("{}%5B{}%5D", name, percent_encode(key)), member, encode, depth + 1, all));
    return {};
  }
  if (const auto* const array = value.if_array()) {
    for (const Value& item : *array) {
      PLUMB_TRY(const std::string text, plain_text(item));
      all.push_back(fmt::format("{}={}", name, encode(text)));
    }
    return {};
  }
  PLUMB_TRY(const std::string text, plain_text(value));
  all.push_back(fmt::format("{}={}", name, encode(text)));
  return {};
}

// As its media type has it; nothing but JSON and text can be made from a value.
Result<std::string> by_media_type(const Parameter& parameter, const Value& value) {
  if (parameter.media_type.starts_with("text/")) return plain_text(value);
  return boost::json::serialize(value);
}

}  // namespace

Result<std::string> plain_text(const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::string: return std::string(value.get_string());
    case boost::json::kind::bool_: return std::string(value.get_bool() ? "true" : "false");
    case boost::json::kind::int64: return std::to_string(value.get_int64());
    case boost::json::kind::uint64: return std::to_string(value.get_uint64());
    case boost::json::kind::double_: {
      std::string text = fmt::format("{}", value.get_double());
      if (text.ends_with(".0")) text.resize(text.size() - 2);
      return text;
    }
    case boost::json::kind::null: return std::string();
    case boost::json::kind::array:
    case boost::json::kind::object: break;
  }
  return fail(Fault::invalid, "holds a list or a mapping within another, which its style cannot write");
}

Result<std::string> in_path(const Parameter& parameter, const Value& value) {
  std::string text;
  if (!parameter.media_type.empty()) {
    PLUMB_TRY(const std::string content, by_media_type(parameter, value));
    text = percent_encode(content);
  } else if (parameter.style == Style::label) {
    PLUMB_TRY(text, label(value, parameter.explode));
  } else if (parameter.style == Style::matrix) {
    PLUMB_TRY(text, matrix(parameter, value));
  } else {
    PLUMB_TRY(text, simple(value, parameter.explode, percent_encode));
  }
  if (text.empty()) return fail(Fault::invalid, "is empty, which would make it another path");
  return text;
}

Result<std::string> in_query(const Parameter& parameter, const Value& value) {
  const Encode encode = encoding_of(parameter);
  const std::string name = percent_encode(parameter.name);
  if (!parameter.media_type.empty()) {
    PLUMB_TRY(const std::string content, by_media_type(parameter, value));
    return fmt::format("{}={}", name, encode(content));
  }
  switch (parameter.style) {
    case Style::space_delimited: return listed(parameter, value, "%20", encode);
    case Style::pipe_delimited: return listed(parameter, value, "%7C", encode);
    case Style::deep_object: {
      Texts all;
      PLUMB_CHECK(deep(name, value, encode, 0, all));
      return joined(all, "&");
    }
    case Style::form:
    case Style::simple:
    case Style::label:
    case Style::matrix: break;
  }
  return listed(parameter, value, ",", encode);
}

Result<std::string> in_header(const Parameter& parameter, const Value& value) {
  std::string text;
  if (!parameter.media_type.empty()) {
    PLUMB_TRY(text, by_media_type(parameter, value));
  } else {
    PLUMB_TRY(text, simple(value, parameter.explode, as_it_is));
  }
  const auto control = [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; };
  if (std::ranges::any_of(text, control)) return fail(Fault::invalid, "holds a control character");
  if (text.starts_with(' ') || text.ends_with(' ')) return fail(Fault::invalid, "begins or ends with a space");
  return text;
}

Result<Cookies> in_cookie(const Parameter& parameter, const Value& value) {
  Cookies cookies;
  const std::string name = percent_encode(parameter.name);
  if (!parameter.media_type.empty()) {
    PLUMB_TRY(const std::string content, by_media_type(parameter, value));
    cookies.emplace_back(name, percent_encode(content));
    return cookies;
  }
  const auto* const object = value.if_object();
  if (object != nullptr && parameter.explode) {
    PLUMB_TRY(cookies, members_of(*object, percent_encode));
    return cookies;
  }
  // Several cookies of one name would be one to most servers: a list is in one value whatever `explode` says.
  PLUMB_TRY(std::string text, simple(value, false, percent_encode));
  cookies.emplace_back(name, std::move(text));
  return cookies;
}

}  // namespace plumb::openapi
