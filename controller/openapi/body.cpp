#include "controller/openapi/body.h"

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/openapi/style.h"

namespace plumb::openapi {
namespace {

bool is_binary(const Value& schema) {
  const auto format = text_at(schema, "/format");
  return format == "binary" || format == "byte" || text_at(schema, "/contentEncoding") == "base64";
}

Result<std::string> decoded(const std::string& name, const Value& value) {
  const auto bytes = value.is_string() ? from_base64(value.get_string()) : std::nullopt;
  if (!bytes) return fail(Fault::invalid, "{}: has to be a text with the bytes in base64", name);
  return *bytes;
}

// What the Encoding Object of a property says.
std::optional<std::string> encoding_text(const MediaType& media, std::string_view property, std::string_view member) {
  return text_at(media.encoding, fmt::format("/{}/{}", pointer_token(property), member));
}

Result<WrittenBody> urlencoded(const MediaType& media, const Object& members) {
  std::string all;
  for (const auto& [name, value] : members) {
    Parameter parameter;
    parameter.name = name;
    const std::string pointer = "/" + pointer_token(name);
    parameter.explode = bool_at(media.encoding, pointer + "/explode").value_or(true);
    const std::string style = encoding_text(media, name, "style").value_or("form");
    if (style == "spaceDelimited") parameter.style = Style::space_delimited;
    if (style == "pipeDelimited") parameter.style = Style::pipe_delimited;
    if (style == "deepObject") parameter.style = Style::deep_object;
    const bool nested = value.is_object() && style == "form";
    if (nested || encoding_text(media, name, "contentType")) parameter.media_type = "application/json";
    auto text = in_query(parameter, value);
    if (!text) return in_context("/" + std::string(name), std::move(text).error());
    if (text->empty()) continue;
    if (!all.empty()) all += '&';
    all += *text;
  }
  return WrittenBody{media.type, std::move(all)};
}

struct Part {
  std::string head, bytes;
};

// A name in a Content-Disposition (RFC 7578, 4.2): what could end it is percent-encoded, as browsers do.
std::string quoted(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == '"' || static_cast<unsigned char>(c) < 0x20 || c == '\x7f') {
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      result.push_back(c);
    }
  }
  return result;
}

Result<Part> part_of(const MediaType& media, std::string_view name, const Value& schema, const Value& value) {
  const auto type = encoding_text(media, name, "contentType");
  Part part;
  std::string content_type, disposition = fmt::format("form-data; name=\"{}\"", quoted(name));
  if (is_binary(schema)) {
    PLUMB_TRY(part.bytes, decoded("/" + std::string(name), value));
    content_type = type.value_or("application/octet-stream");
    disposition += fmt::format("; filename=\"{}\"", quoted(name));
  } else if (value.is_object() || value.is_array()) {
    part.bytes = boost::json::serialize(value);
    content_type = type.value_or("application/json");
  } else {
    PLUMB_TRY(part.bytes, plain_text(value));
    content_type = type.value_or("");
  }
  // "image/png, image/jpeg" leaves the choice to us.
  content_type = content_type.substr(0, content_type.find(','));
  if (content_type.find_first_of("\r\n") != std::string::npos)
    return fail(Fault::invalid, "/{}: its contentType holds a line break", name);
  part.head = fmt::format("Content-Disposition: {}\r\n", disposition);
  if (!content_type.empty()) part.head += fmt::format("Content-Type: {}\r\n", content_type);
  return part;
}

Result<WrittenBody> multipart(const MediaType& media, const Object& members) {
  std::vector<Part> parts;
  for (const auto& [name, value] : members) {
    const Value* const known = at(media.schema, "/properties/" + pointer_token(name));
    const Value schema = known != nullptr ? *known : Value();
    const Value* const items = at(schema, "/items");
    const Array* const several = value.if_array();
    if (several != nullptr && items != nullptr) {
      for (const Value& item : *several) {
        PLUMB_TRY(auto part, part_of(media, name, *items, item));
        parts.push_back(std::move(part));
      }
    } else {
      PLUMB_TRY(auto part, part_of(media, name, schema, value));
      parts.push_back(std::move(part));
    }
  }
  // The same content has the same boundary, so that a repeated request is the same request; and it is in none of it.
  std::string all;
  for (const Part& part : parts) all += part.head + part.bytes;
  std::string boundary = "plumbline-" + sha256(all).substr(0, 32);
  while (all.find(boundary) != std::string::npos) boundary = "plumbline-" + sha256(boundary).substr(0, 32);
  std::string bytes;
  for (const Part& part : parts) bytes += fmt::format("--{}\r\n{}\r\n{}\r\n", boundary, part.head, part.bytes);
  bytes += fmt::format("--{}--\r\n", boundary);
  return WrittenBody{fmt::format("{}; boundary={}", essence_of(media.type), boundary), std::move(bytes)};
}

}  // namespace

std::string essence_of(std::string_view media_type) {
  std::string_view essence = media_type.substr(0, media_type.find(';'));
  while (essence.ends_with(' ') || essence.ends_with('\t')) essence.remove_suffix(1);
  while (essence.starts_with(' ') || essence.starts_with('\t')) essence.remove_prefix(1);
  return lower(essence);
}

bool is_json(std::string_view media_type) {
  const std::string essence = essence_of(media_type);
  return essence == "application/json" || essence == "text/json" || essence.ends_with("+json");
}

Result<WrittenBody> written_body(const MediaType& media, const Value& value) {
  const std::string essence = essence_of(media.type);
  if (is_json(essence)) return WrittenBody{media.type, boost::json::serialize(value)};
  // "*/*" and the like leave the choice to us.
  if (essence.find('*') != std::string::npos) return WrittenBody{"application/json", boost::json::serialize(value)};
  const bool form = essence == "application/x-www-form-urlencoded", parts = essence == "multipart/form-data";
  if (form || parts) {
    const Object* const members = value.if_object();
    if (members == nullptr) return fail(Fault::invalid, "has to be a mapping of the form's fields");
    return form ? urlencoded(media, *members) : multipart(media, *members);
  }
  if (essence.starts_with("text/") || essence.ends_with("+xml") || essence == "application/xml") {
    if (!value.is_string()) return fail(Fault::invalid, "has to be a text, as it is sent as {}", essence);
    return WrittenBody{media.type, std::string(value.get_string())};
  }
  PLUMB_TRY(auto bytes, decoded("the body", value));
  return WrittenBody{media.type, std::move(bytes)};
}

}  // namespace plumb::openapi
