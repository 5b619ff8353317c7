// Bodies of requests, by media type.
#include <algorithm>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/openapi/document.h"
#include "controller/openapi/reading.h"
#include "controller/openapi/serialise.h"
#include "controller/openapi/values.h"

namespace plumb::openapi {
namespace {

// "application/json" of "Application/JSON; charset=utf-8"
std::string essence(std::string_view type) {
  std::string text = lower(type.substr(0, type.find(';')));
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

bool fits(std::string_view range, std::string_view type) {
  if (range == "*/*") return true;
  if (range.ends_with("/*")) return type.starts_with(range.substr(0, range.size() - 1));
  return range == type;
}

bool is_json(std::string_view type) { return type.ends_with("/json") || type.ends_with("+json"); }

enum class Kind { json, form, multipart, text, bytes };
constexpr struct {
  std::string_view range;
  Kind kind;
} kKinds[] = {{"application/x-www-form-urlencoded", Kind::form},
              {"multipart/form-data", Kind::multipart},
              {"text/*", Kind::text},
              {"application/xml", Kind::text},
              {"application/yaml", Kind::text},
              {"application/x-yaml", Kind::text},
              {"application/javascript", Kind::text},
              {"application/graphql", Kind::text},
              {"application/sql", Kind::text},
              {"application/x-ndjson", Kind::text},
              {"application/jsonl", Kind::text}};

Kind kind_of(std::string_view type) {
  if (is_json(type)) return Kind::json;
  if (type.ends_with("+xml") || type.ends_with("+yaml")) return Kind::text;
  for (const auto& [range, kind] : kKinds)
    if (fits(range, type)) return kind;
  return Kind::bytes;
}

// The schema of one property, references followed; null where the body's schema does not tell.
const Value* property_of(const Value& document, const Value& schema, std::string_view name) {
  const auto whole = follow(document, Node{&schema, ""});
  if (!whole) return nullptr;
  const Value* properties = find(*whole->value, "properties");
  const Value* property = properties == nullptr ? nullptr : find(*properties, name);
  if (property == nullptr) {
    const Value* all = find(*whole->value, "allOf");
    for (std::size_t i = 0; all != nullptr && all->is_array() && i < all->get_array().size(); ++i) {
      const auto part = follow(document, Node{&all->get_array()[i], ""});
      const Value* inner = part ? find(*part->value, "properties") : nullptr;
      if (const Value* found = inner == nullptr ? nullptr : find(*inner, name)) property = found;
    }
  }
  if (property == nullptr) return nullptr;
  const auto target = follow(document, Node{property, ""});
  return target ? target->value : nullptr;
}

// Bytes that a JSON text cannot hold, given in base64: 2.0's file, 3.0's binary, 3.1's contentMediaType.
bool is_binary(const Value* schema) {
  if (schema == nullptr) return false;
  return text_of(*schema, "type") == "file" || text_of(*schema, "format") == "binary" ||
         (find(*schema, "contentMediaType") != nullptr && find(*schema, "contentEncoding") == nullptr &&
          !is_json(essence(text_of(*schema, "contentMediaType"))));
}

const Value* encoding_of(const MediaType& media, std::string_view name) { return find(media.encoding, name); }

void complain(Problems& problems, std::string_view name, std::string message) {
  problems.push_back({name.empty() ? "/body" : "/body/" + pointer_token(name), std::move(message)});
}

std::string form_body(const MediaType& media, const Value& value, Problems& problems) {
  std::string text;
  for (const auto& member : value.get_object()) {
    Parameter parameter;
    parameter.name = member.key();
    const Value* encoding = encoding_of(media, member.key());
    const std::string style = encoding == nullptr ? "" : text_of(*encoding, "style");
    if (style == "spaceDelimited") parameter.style = Style::space_delimited;
    if (style == "pipeDelimited") parameter.style = Style::pipe_delimited;
    if (style == "deepObject") parameter.style = Style::deep_object;
    parameter.explode = style.empty() || style == "form";
    if (const Value* explode = encoding == nullptr ? nullptr : find(*encoding, "explode");
        explode && explode->is_bool())
      parameter.explode = explode->get_bool();
    parameter.allow_reserved = encoding != nullptr && is_true(*encoding, "allowReserved");
    const bool has_style = encoding != nullptr && (find(*encoding, "style") || find(*encoding, "explode"));
    // Without a style, what is no text is written as its content type says: JSON (3.0.3, 4.7.15.1).
    if (!has_style && encoding != nullptr) parameter.media_type = text_of(*encoding, "contentType");
    if (!has_style && member.value().is_object()) parameter.media_type = "application/json";
    if (!is_json(essence(parameter.media_type))) parameter.media_type.clear();
    if (member.value().is_null()) continue;
    const auto pairs = form_texts(parameter, member.value());
    if (!pairs) {
      complain(problems, member.key(), pairs.error().message);
      continue;
    }
    for (const std::string& pair : *pairs) text += (text.empty() ? "" : "&") + pair;
  }
  return text;
}

// Names in Content-Disposition, as browsers write them (WHATWG HTML, multipart/form-data).
std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"')
      text += "%22";
    else if (c == '\r')
      text += "%0D";
    else if (c == '\n')
      text += "%0A";
    else
      text += c;
  }
  return text + '"';
}

struct Part {
  std::string headers, content;
};

class Parts {
 public:
  Parts(const Value& document, const MediaType& media, Problems& problems)
      : document_(document), media_(media), problems_(problems) {}

  void add(std::string_view name, const Value& value) {
    const Value* schema = property_of(document_, media_.schema, name);
    if (value.is_null()) return;
    if (!value.is_array()) return add_one(name, value, schema);
    const Value* items = schema == nullptr ? nullptr : find(*schema, "items");
    const auto item_schema = items == nullptr ? Result<Node>(Node{}) : follow(document_, Node{items, ""});
    for (const Value& entry : value.get_array()) add_one(name, entry, item_schema ? item_schema->value : nullptr);
  }

  std::string joined(std::string& boundary) const {
    std::string all;
    for (const Part& part : parts_) all += part.headers + part.content;
    // Made of the content, so that the same call is the same bytes; and of another round where it occurs in it.
    for (boundary = "plumbline-" + sha256(all).substr(0, 40); all.find(boundary) != all.npos;)
      boundary = "plumbline-" + sha256(boundary + all).substr(0, 40);
    std::string bytes;
    for (const Part& part : parts_) bytes += fmt::format("--{}\r\n{}\r\n{}\r\n", boundary, part.headers, part.content);
    return bytes + fmt::format("--{}--\r\n", boundary);
  }

 private:
  void add_one(std::string_view name, const Value& value, const Value* schema) {
    Part part;
    part.headers = "Content-Disposition: form-data; name=" + quoted(name);
    std::string type = "text/plain; charset=utf-8";
    if (is_binary(schema)) {
      const auto bytes = value.is_string() ? from_base64(std::string_view(value.get_string())) : std::nullopt;
      if (!bytes) return complain(problems_, name, "must be a text in base64: it is sent as bytes");
      part.headers += "; filename=" + quoted(name);
      part.content = *bytes;
      type = schema != nullptr && is_media_type(text_of(*schema, "contentMediaType"))
                 ? text_of(*schema, "contentMediaType")
                 : "application/octet-stream";
    } else if (auto text = plain_text(value)) {
      part.content = std::move(*text);
    } else {
      part.content = json_text(value);
      type = "application/json";
    }
    if (const Value* encoding = encoding_of(media_, name)) {
      std::string named = text_of(*encoding, "contentType");
      named = named.substr(0, named.find(','));  // several: any of them
      if (!named.empty() && is_media_type(named) && named.find('*') == named.npos) type = named;
    }
    part.headers += fmt::format("\r\nContent-Type: {}\r\n", type);
    parts_.push_back(std::move(part));
  }

  const Value& document_;
  const MediaType& media_;
  Problems& problems_;
  std::vector<Part> parts_;
};

Written multipart_body(const Value& document, const Chosen& chosen, const Value& value, Problems& problems) {
  Parts parts(document, *chosen.media, problems);
  for (const auto& member : value.get_object()) parts.add(member.key(), member.value());
  std::string boundary;
  std::string bytes = parts.joined(boundary);
  return {std::move(bytes), fmt::format("{}; boundary={}", essence(chosen.type), boundary)};
}

// What is taken where the caller names none.
Chosen first_media_type(const MediaType& media, const Value& value, Problems& problems) {
  const std::string range = essence(media.type);
  if (!range.ends_with("/*")) return {&media, media.type};
  if (range == "text/*") return {&media, "text/plain"};
  if (range == "*/*" || range == "application/*")
    return {&media, range == "*/*" && value.is_string() ? "text/plain" : "application/json"};
  problems.push_back({"/mediaType", fmt::format("is missing: the operation takes any {}", range)});
  return {};
}

}  // namespace

Chosen choose_media_type(const Body& body, const std::string& wanted, const Value& value, Problems& problems) {
  if (!wanted.empty() && (!is_media_type(wanted) || wanted.find('*') != wanted.npos)) {
    problems.push_back({"/mediaType", fmt::format("\"{}\" is no media type", printable(wanted))});
    return {};
  }
  if (body.content.empty()) return {};
  if (wanted.empty()) return first_media_type(body.content.front(), value, problems);
  std::vector<std::string> known;
  const MediaType* by_range = nullptr;
  for (const MediaType& media : body.content) {
    const std::string range = essence(media.type);
    if (range == essence(wanted)) return {&media, wanted};
    if (by_range == nullptr && fits(range, essence(wanted))) by_range = &media;
    known.push_back(media.type);
  }
  if (by_range != nullptr) return {by_range, wanted};
  problems.push_back({"/mediaType", fmt::format("the operation takes no {}, but {}", wanted, join(known, ", "))});
  return {};
}

bool is_structured(std::string_view type) {
  const Kind kind = kind_of(essence(type));
  return kind == Kind::json || kind == Kind::form || kind == Kind::multipart;
}

Written write_body(const Value& document, const Chosen& chosen, const Value& value, Problems& problems) {
  const std::string type = essence(chosen.type);
  const Kind kind = kind_of(type);
  if (kind == Kind::json) return {json_text(value), chosen.type};
  if (kind == Kind::form || kind == Kind::multipart) {
    if (!value.is_object()) {
      complain(problems, "", fmt::format("must be a mapping to be written as {}", type));
      return {};
    }
    if (kind == Kind::multipart) return multipart_body(document, chosen, value, problems);
    return {form_body(*chosen.media, value, problems), chosen.type};
  }
  if (kind == Kind::text) {
    auto text = plain_text(value);
    if (!text) complain(problems, "", fmt::format("must be a text: no other form of {} can be made", type));
    const bool has_charset = lower(chosen.type).find("charset=") != std::string::npos;
    return {std::move(text).value_or(""), chosen.type + (has_charset ? "" : "; charset=utf-8")};
  }
  const auto bytes = value.is_string() ? from_base64(std::string_view(value.get_string())) : std::nullopt;
  if (!bytes) complain(problems, "", fmt::format("must be a text in base64: {} is sent as bytes", type));
  return {bytes.value_or(""), chosen.type};
}

}  // namespace plumb::openapi
