// Parameters, bodies and servers of OpenAPI 3.
#include <algorithm>
#include <set>

#include "controller/base/text.h"
#include "controller/openapi/reading.h"

namespace plumb::openapi {
namespace {

constexpr std::size_t kMaxParameters = 512;  // of one operation

constexpr std::pair<std::string_view, In> kPlaces[] = {
    {"path", In::path}, {"query", In::query}, {"header", In::header}, {"cookie", In::cookie}};

struct StyleRule {
  std::string_view name;
  Style style;
  std::initializer_list<In> places;
};
const StyleRule kStyles[] = {
    {"simple", Style::simple, {In::path, In::header}},
    {"label", Style::label, {In::path}},
    {"matrix", Style::matrix, {In::path}},
    {"form", Style::form, {In::query, In::cookie}},
    {"spaceDelimited", Style::space_delimited, {In::query}},
    {"pipeDelimited", Style::pipe_delimited, {In::query}},
    {"deepObject", Style::deep_object, {In::query}},
    {"cookie", Style::form, {In::cookie}},  // 3.2
};

std::optional<In> place_of(Reading& reading, const Node& node) {
  const std::string in = text_of(*node.value, "in");
  for (const auto& [name, place] : kPlaces)
    if (name == in) return place;
  if (in.empty()) {
    reading.error(node.pointer, "\"in\" is missing: path, query, header or cookie");
  } else {
    reading.error(node.pointer + "/in", "parameters in \"{}\" are not supported: path, query, header or cookie",
                  printable(in));
  }
  return {};
}

void read_style(Reading& reading, const Node& node, Parameter& parameter) {
  parameter.style = parameter.in == In::path || parameter.in == In::header ? Style::simple : Style::form;
  if (const Node named = child(node, "style")) {
    const std::string name = text_of(*node.value, "style");
    const auto* rule =
        std::find_if(std::begin(kStyles), std::end(kStyles), [&](const auto& r) { return r.name == name; });
    if (rule == std::end(kStyles)) {
      reading.error(named.pointer, "there is no style \"{}\"", printable(name));
    } else if (std::find(rule->places.begin(), rule->places.end(), parameter.in) == rule->places.end()) {
      reading.error(named.pointer, "the style {} is not there for parameters in \"{}\"", name,
                    text_of(*node.value, "in"));
    } else {
      parameter.style = rule->style;
    }
  }
  const Value* explode = find(*node.value, "explode");
  parameter.explode = explode != nullptr && explode->is_bool() ? explode->get_bool() : parameter.style == Style::form;
  parameter.allow_reserved = is_true(*node.value, "allowReserved") && parameter.in == In::query;
}

// `schema`, or the one media type of `content`.
void read_value(Reading& reading, const Node& node, Parameter& parameter) {
  const Node schema = child(node, "schema"), content = child(node, "content");
  if (schema && content) reading.error(node.pointer, "has both \"schema\" and \"content\"");
  if (schema) parameter.schema = reading.take_schema(schema);
  if (schema || !content) return;
  const auto* types = content.value->if_object();
  if (types == nullptr || types->size() != 1)
    return reading.error(content.pointer, "the content of a parameter is exactly one media type");
  parameter.media_type = types->begin()->key();
  if (!is_media_type(parameter.media_type))
    return reading.error(content.pointer, "\"{}\" is no media type", printable(parameter.media_type));
  const Node media = reading.follow(child(content, parameter.media_type));
  if (const Node inner = child(media, "schema")) parameter.schema = reading.take_schema(inner);
}

void read_extensions(Reading& reading, const Node& node, Parameter& parameter) {
  parameter.variable = text_of(*node.value, "x-itential-variable");
  const Node use = child(node, "x-itential-use-in");
  if (!use) return;
  if (use.value->is_string()) parameter.use_in = {std::string(use.value->get_string())};
  if (use.value->is_array()) parameter.use_in = texts_at(*use.value, "");
  for (const std::string& place : parameter.use_in)
    if (place != "token" && place != "refresh" && place != "key")
      reading.error(use.pointer, "\"{}\" is none of token, refresh, key", printable(place));
}

std::optional<MediaType> read_media_type(Reading& reading, const Node& content, std::string_view type) {
  if (!is_media_type(type)) {
    reading.error(content.pointer, "\"{}\" is no media type", printable(type));
    return {};
  }
  const Node node = reading.follow(child(content, type));
  if (!node) return {};
  MediaType media{std::string(type)};
  if (const Node schema = child(node, "schema")) media.schema = reading.take_schema(schema);
  if (const Node encoding = child(node, "encoding")) media.encoding = reading.copy(*encoding.value);
  return media;
}

void read_variable(Reading& reading, const Node& node, const std::string& name, Server& server) {
  const Value* preset = node.value->is_object() ? find(*node.value, "default") : nullptr;
  if (preset == nullptr || !preset->is_string())
    return reading.error(node.pointer, "a server variable needs a \"default\" that is a text");
  ServerVariable variable{std::string(preset->get_string()), texts_at(*node.value, "/enum")};
  if (!variable.allowed.empty() &&
      std::find(variable.allowed.begin(), variable.allowed.end(), variable.value) == variable.allowed.end())
    reading.warn(node.pointer + "/default", "\"{}\" is not in the \"enum\"", printable(variable.value));
  server.variables.emplace(name, std::move(variable));
}

std::optional<Server> read_server(Reading& reading, const Node& node) {
  Server server{text_of(*node.value, "url"), {}};
  if (server.url.empty()) {
    reading.error(node.pointer, "a server needs a \"url\"");
    return {};
  }
  const Node variables = child(node, "variables");
  if (variables && variables.value->is_object())
    for (const auto& member : variables.value->get_object())
      read_variable(reading, child(variables, member.key()), std::string(member.key()), server);
  for (std::size_t open = server.url.find('{'); open != std::string::npos; open = server.url.find('{', open + 1)) {
    const std::size_t close = server.url.find('}', open);
    const std::string name = close == std::string::npos ? "" : server.url.substr(open + 1, close - open - 1);
    if (!server.variables.contains(name))
      reading.error(node.pointer + "/url", "the variable \"{}\" is not among the \"variables\"", printable(name));
  }
  return server;
}

}  // namespace

std::optional<Parameter> read_parameter(Reading& reading, const Node& node, bool body_too) {
  Parameter parameter;
  parameter.pointer = node.pointer;
  parameter.name = text_of(*node.value, "name");
  if (parameter.name.empty()) {
    reading.error(node.pointer, "a parameter needs a \"name\"");
    return {};
  }
  if (body_too && text_of(*node.value, "in") == "body") {
    parameter.in_body = true;
    parameter.required = is_true(*node.value, "required");
    read_value(reading, node, parameter);
    read_extensions(reading, node, parameter);
    return parameter;
  }
  const auto place = place_of(reading, node);
  if (!place) return {};
  parameter.in = *place;
  if ((parameter.in == In::header || parameter.in == In::cookie) && !is_token(parameter.name)) {
    reading.error(node.pointer + "/name", "\"{}\" is no name of a header or cookie", printable(parameter.name));
    return {};
  }
  if (parameter.in == In::header && is_forbidden_header(parameter.name)) {
    reading.warn(node.pointer, "the header {} is set by the program, the parameter is left out", parameter.name);
    return {};
  }
  parameter.required = is_true(*node.value, "required");
  if (parameter.in == In::path && !parameter.required) {
    reading.warn(node.pointer, "a path parameter is always required; \"required: true\" is missing");
    parameter.required = true;
  }
  parameter.description = text_of(*node.value, "description");
  read_style(reading, node, parameter);
  read_value(reading, node, parameter);
  read_extensions(reading, node, parameter);
  reading.spend(sizeof(Parameter) + parameter.description.size() + parameter.pointer.size(), node.pointer);
  return parameter;
}

std::vector<Parameter> read_parameters(Reading& reading, const Node& list) {
  std::vector<Parameter> parameters;
  if (!list) return parameters;
  if (!list.value->is_array()) {
    reading.error(list.pointer, "must be a list of parameters");
    return parameters;
  }
  const std::size_t count = list.value->get_array().size();
  if (count > kMaxParameters) reading.error(list.pointer, "more than {} parameters", kMaxParameters);
  std::set<std::pair<In, std::string>> seen;
  for (std::size_t i = 0; i < std::min(count, kMaxParameters); ++i) {
    const Node entry = item(list, i);
    const Node node = reading.follow(entry);
    if (!node) continue;
    auto parameter =
        reading.dialect() == Dialect::swagger2 ? parameter_of_swagger2(reading, node) : read_parameter(reading, node);
    if (!parameter) continue;
    if (!seen.emplace(parameter->in, parameter->name).second)
      reading.error(entry.pointer, "the parameter \"{}\" is there twice", printable(parameter->name));
    parameters.push_back(std::move(*parameter));
  }
  return parameters;
}

std::optional<Body> read_body(Reading& reading, const Node& entry) {
  const Node node = reading.follow(entry);
  if (!node) return {};
  Body body;
  body.required = is_true(*node.value, "required");
  const Node content = child(node, "content");
  if (!content || !content.value->is_object() || content.value->get_object().empty()) {
    reading.error(node.pointer, "a request body needs a \"content\" with a media type");
    return {};
  }
  for (const auto& member : content.value->get_object())
    if (auto media = read_media_type(reading, content, member.key())) body.content.push_back(std::move(*media));
  return body;
}

std::vector<Server> read_servers(Reading& reading, const Node& list) {
  std::vector<Server> servers;
  if (!list) return servers;
  if (!list.value->is_array()) {
    reading.error(list.pointer, "must be a list of servers");
    return servers;
  }
  for (std::size_t i = 0; i < list.value->get_array().size(); ++i)
    if (auto server = read_server(reading, item(list, i))) servers.push_back(std::move(*server));
  return servers;
}

std::vector<std::string> template_names(Reading& reading, std::string_view path, const std::string& pointer) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t brace = path.find_first_of("{}", at);
    if (brace == path.npos) break;
    const std::size_t close = path[brace] == '{' ? path.find_first_of("{}/", brace + 1) : path.npos;
    if (close == path.npos || path[close] != '}' || close == brace + 1) {
      reading.error(pointer, "the braces of this path are not in pairs around a name");
      return names;
    }
    names.emplace_back(path.substr(brace + 1, close - brace - 1));
    at = close + 1;
  }
  return names;
}

}  // namespace plumb::openapi
