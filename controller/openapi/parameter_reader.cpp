#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/openapi/readers.h"

namespace plumb::openapi {
namespace {

template <class Enum>
struct Word {
  std::string_view text;
  Enum value;
};

constexpr std::array<Word<In>, 4> kPlaces = {
    {{"path", In::path}, {"query", In::query}, {"header", In::header}, {"cookie", In::cookie}}};
constexpr std::array<Word<Style>, 7> kStyles = {{{"simple", Style::simple},
                                                 {"label", Style::label},
                                                 {"matrix", Style::matrix},
                                                 {"form", Style::form},
                                                 {"spaceDelimited", Style::space_delimited},
                                                 {"pipeDelimited", Style::pipe_delimited},
                                                 {"deepObject", Style::deep_object}}};
// collectionFormat of Swagger 2, and what it is in OpenAPI 3; "tsv" has no counterpart.
struct Collection {
  std::string_view text;
  Style style;
  bool explode;
};
constexpr Collection kCollections[] = {{"csv", Style::form, false},
                                       {"ssv", Style::space_delimited, false},
                                       {"pipes", Style::pipe_delimited, false},
                                       {"multi", Style::form, true}};
// Members of a parameter of Swagger 2 that are not of its schema.
constexpr std::string_view kNotSchema[] = {"name",           "in", "required", "description", "collectionFormat",
                                           "allowEmptyValue"};

template <class Enum, std::size_t N>
std::optional<Enum> find_word(const std::array<Word<Enum>, N>& words, std::string_view text) {
  const auto found = std::ranges::find(words, text, &Word<Enum>::text);
  return found == words.end() ? std::nullopt : std::optional(found->value);
}

Style standard_style(In in) { return in == In::path || in == In::header ? Style::simple : Style::form; }

void read_swagger_shape(Reading& reading, const Node& node, Parameter& parameter) {
  Object schema;
  for (const auto& [key, value] : *node.object())
    if (std::ranges::find(kNotSchema, std::string_view(key)) == std::end(kNotSchema) && !key.starts_with("x-"))
      schema.emplace(key, value);
  parameter.schema = std::move(schema);
  parameter.explode = false;
  const std::string format = node.text("collectionFormat");
  if (format.empty() || format == "csv") return;
  const auto found = std::ranges::find(kCollections, format, &Collection::text);
  if (found == std::end(kCollections)) {
    reading.error(node["collectionFormat"],
                  fmt::format("\"{}\" is not supported; csv, ssv, pipes and multi are", printable(format)));
    return;
  }
  const bool simple = parameter.style == Style::simple;
  if (simple) {
    reading.error(node["collectionFormat"], "only csv can be used in a path or a header");
    return;
  }
  parameter.style = found->style;
  parameter.explode = found->explode;
}

void read_shape(Reading& reading, const Node& node, Parameter& parameter) {
  if (const std::string style = node.text("style"); !style.empty()) {
    const auto known = find_word(kStyles, style);
    if (!known) {
      reading.error(node["style"], fmt::format("there is no style \"{}\"", printable(style)));
    } else {
      parameter.style = *known;
    }
  }
  parameter.explode = node.flag("explode", parameter.style == Style::form);
  parameter.allow_reserved = node.flag("allowReserved");
  const Node content = node["content"];
  if (content.object() != nullptr) {
    if (content.object()->size() != 1) {
      reading.error(content, "has to have exactly one media type");
      return;
    }
    parameter.media_type = std::string(content.object()->begin()->key());
    const Node schema = content[parameter.media_type]["schema"];
    if (schema.value != nullptr) parameter.schema = *schema.value;
  } else if (const Node schema = node["schema"]; schema.value != nullptr) {
    parameter.schema = *schema.value;
  }
}

}  // namespace

void check_style(Reading& reading, const Node& node, const Parameter& parameter) {
  struct Allowed {
    In in;
    std::vector<Style> styles;
  };
  static const Allowed kAllowed[] = {
      {In::path, {Style::simple, Style::label, Style::matrix}},
      {In::query, {Style::form, Style::space_delimited, Style::pipe_delimited, Style::deep_object}},
      {In::header, {Style::simple}},
      {In::cookie, {Style::form}}};
  for (const Allowed& each : kAllowed)
    if (each.in == parameter.in && std::ranges::find(each.styles, parameter.style) == each.styles.end())
      reading.error(node["style"], "this style cannot be used in that place");
}

std::optional<Parameter> read_parameter(Reading& reading, const Node& node, Dialect dialect) {
  if (node.object() == nullptr) {
    if (node.value != nullptr) reading.error(node, "a parameter must be a mapping");
    return {};
  }
  Parameter parameter;
  parameter.pointer = node.pointer;
  parameter.name = node.text("name");
  parameter.description = node.text("description");
  if (parameter.name.empty()) {
    reading.error(node, "a parameter needs a name");
    return {};
  }
  const std::string place = node.text("in");
  const auto in = find_word(kPlaces, place);
  if (!in) {
    reading.error(node["in"],
                  fmt::format("\"{}\" is no place of a parameter: path, query, header or cookie", printable(place)));
    return {};
  }
  parameter.in = *in;
  parameter.style = standard_style(*in);
  parameter.required = node.flag("required") || *in == In::path;
  if (*in == In::path && !node.flag("required"))
    reading.warning(node, "a parameter of the path is always required; write required: true");
  if (dialect == Dialect::swagger2) {
    read_swagger_shape(reading, node, parameter);
  } else {
    read_shape(reading, node, parameter);
  }
  check_style(reading, node, parameter);
  return parameter;
}

std::vector<Parameter> read_extra_parameters(Reading& reading, const Node& list) {
  std::vector<Parameter> all;
  if (list.value == nullptr) return all;
  if (list.array() == nullptr) {
    reading.error(list, "must be a list of parameters");
    return all;
  }
  for (std::size_t i = 0; i < list.array()->size(); ++i) {
    const Node node = reading.resolved({&(*list.array())[i], list.pointer + "/" + std::to_string(i)});
    Parameter parameter;
    parameter.pointer = node.pointer;
    parameter.name = node.text("name");
    if (parameter.name.empty()) {
      reading.error(node, "a parameter needs a name");
      continue;
    }
    const std::string place = node.text("in");
    parameter.in_body = place == "body";
    const auto in = find_word(kPlaces, place);
    if (!in && !parameter.in_body) {
      reading.error(node["in"], fmt::format("\"{}\" is no place: query, header, cookie or body", printable(place)));
      continue;
    }
    parameter.in = in.value_or(In::query);
    parameter.style = standard_style(parameter.in);
    parameter.required = node.flag("required");
    parameter.variable = node.text("x-itential-variable");
    if (const Node schema = node["schema"]; schema.value != nullptr) parameter.schema = *schema.value;
    if (const Value* const uses = node["x-itential-use-in"].value; uses != nullptr) {
      if (uses->is_string()) parameter.use_in.emplace_back(uses->get_string());
      if (const Array* const several = uses->if_array())
        for (const Value& use : *several)
          if (use.is_string()) parameter.use_in.emplace_back(use.get_string());
    }
    all.push_back(std::move(parameter));
  }
  return all;
}

std::optional<Body> read_body(Reading& reading, const Node& given) {
  if (given.value == nullptr) return {};
  const Node node = reading.resolved(given);
  if (node.value == nullptr) return {};
  Body body;
  body.required = node.flag("required");
  const Node content = node["content"];
  if (content.object() == nullptr || content.object()->empty()) {
    reading.error(node, "a request body needs `content` with a media type");
    return {};
  }
  for (const auto& [type, value] : *content.object()) {
    const Node media{&value, content.pointer + "/" + pointer_token(type)};
    MediaType read{.type = std::string(type)};
    if (const Node schema = media["schema"]; schema.value != nullptr) read.schema = *schema.value;
    if (const Node encoding = media["encoding"]; encoding.object() != nullptr) read.encoding = *encoding.value;
    body.content.push_back(std::move(read));
  }
  return body;
}

std::optional<Body> read_swagger_body(Reading& reading, const std::vector<Node>& parameters, const Node& operation) {
  std::vector<std::string> consumes;
  Node list = operation["consumes"];
  if (list.array() == nullptr) list = reading.root()["consumes"];
  if (list.array() != nullptr)
    for (const Value& each : *list.array())
      if (each.is_string()) consumes.emplace_back(each.get_string());

  Body body;
  Object properties, encoding;
  Array required;
  bool files = false;
  for (const Node& node : parameters) {
    const std::string place = node.text("in");
    if (place == "body") {
      body.required = node.flag("required");
      if (consumes.empty()) consumes.emplace_back("application/json");
      for (const std::string& type : consumes) {
        MediaType media{.type = type};
        if (const Node schema = node["schema"]; schema.value != nullptr) media.schema = *schema.value;
        body.content.push_back(std::move(media));
      }
      return body;
    }
    Parameter shape;
    shape.style = Style::form;
    read_swagger_shape(reading, node, shape);
    if (node.text("type") == "file") {
      files = true;
      shape.schema = Object{{"type", "string"}, {"format", "binary"}};
    }
    if (node.flag("required")) required.emplace_back(node.text("name"));
    properties.emplace(node.text("name"), shape.schema);
    encoding.emplace(node.text("name"), Object{{"explode", shape.explode}});
  }
  if (properties.empty()) return {};
  body.required = !required.empty();
  Object schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  const std::string_view multipart = "multipart/form-data";
  const bool is_multipart = files || std::ranges::find(consumes, multipart) != consumes.end();
  body.content.push_back({.type = is_multipart ? std::string(multipart) : "application/x-www-form-urlencoded",
                          .schema = std::move(schema),
                          .encoding = std::move(encoding)});
  return body;
}

}  // namespace plumb::openapi
