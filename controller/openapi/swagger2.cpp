// Swagger 2.0, read to the same model. What it says otherwise is converted here; schemas are read where they stand.
#include <algorithm>
#include <map>

#include "controller/base/text.h"
#include "controller/openapi/reading.h"

namespace plumb::openapi {
namespace {

struct Format {
  std::string_view name;
  Style style;
  bool explode, in_path, in_query;
};
constexpr Format kFormats[] = {{"csv", Style::form, false, true, true},
                               {"ssv", Style::space_delimited, false, false, true},
                               {"pipes", Style::pipe_delimited, false, false, true},
                               {"multi", Style::form, true, false, true}};

// How an array is written; nothing, with an error, where it cannot be.
const Format* format_of(Reading& reading, const Node& node, bool plain) {
  const Node named = child(node, "collectionFormat");
  const std::string name = named ? text_of(*node.value, "collectionFormat") : "csv";
  for (const Format& format : kFormats)
    if (format.name == name && (plain ? format.in_path : format.in_query)) return &format;
  reading.error(named ? named.pointer : node.pointer, "the collectionFormat \"{}\" is not supported here",
                printable(name));
  return nullptr;
}

// The parameters of both lists that make the body: those of the operation replace the path item's.
std::vector<Node> body_parameters(Reading& reading, const Node& operation, const Node& path_item) {
  std::vector<Node> result;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  for (const Node& owner : {path_item, operation}) {
    const Node list = child(owner, "parameters");
    if (!list || !list.value->is_array()) continue;
    for (std::size_t i = 0; i < list.value->get_array().size(); ++i) {
      const auto node = follow(reading.document(), item(list, i));  // errors are read_parameters's
      if (!node) continue;
      const std::string in = text_of(*node->value, "in");
      if (in != "body" && in != "formData") continue;
      const auto [place, fresh] = places.emplace(std::pair(in, text_of(*node->value, "name")), result.size());
      if (fresh) {
        result.push_back(*node);
      } else {
        result[place->second] = *node;
      }
    }
  }
  return result;
}

std::vector<std::string> consumed(Reading& reading, const Node& operation) {
  const Value* own = find(*operation.value, "consumes");
  auto types = own != nullptr ? texts_at(*own, "") : texts_at(reading.document(), "/consumes");
  std::erase_if(types, [&](const std::string& type) {
    if (is_media_type(type)) return false;
    reading.error(operation.pointer, "\"{}\" in \"consumes\" is no media type", printable(type));
    return true;
  });
  return types;
}

Body form_of(Reading& reading, const std::vector<Node>& fields, std::vector<std::string> types) {
  Body body;
  Object properties, encoding;
  Array required;
  bool has_file = false;
  for (const Node& field : fields) {
    const std::string name = text_of(*field.value, "name");
    if (name.empty()) {
      reading.error(field.pointer, "a parameter needs a \"name\"");
      continue;
    }
    has_file = has_file || text_of(*field.value, "type") == "file";
    if (is_true(*field.value, "required")) required.emplace_back(name);
    properties.insert_or_assign(name, reading.take_schema(field));
    if (text_of(*field.value, "type") != "array") continue;
    if (const Format* format = format_of(reading, field, false)) {
      constexpr std::string_view kNames[] = {"simple", "label", "matrix", "form", "spaceDelimited", "pipeDelimited"};
      encoding.insert_or_assign(
          name, Object{{"style", kNames[static_cast<std::size_t>(format->style)]}, {"explode", format->explode}});
    }
  }
  body.required = !required.empty();
  Object schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema.emplace("required", std::move(required));
  std::erase_if(types, [&](const std::string& type) {
    const std::string lowered = lower(type);
    return !lowered.starts_with("multipart/form-data") &&
           (has_file || !lowered.starts_with("application/x-www-form-urlencoded"));
  });
  if (types.empty()) types = {has_file ? "multipart/form-data" : "application/x-www-form-urlencoded"};
  for (const std::string& type : types)
    body.content.push_back({type, reading.copy(schema), encoding.empty() ? Value(nullptr) : reading.copy(encoding)});
  return body;
}

}  // namespace

std::vector<Server> servers_of_swagger2(Reading& reading, const Node& schemes) {
  const Node root{&reading.document(), ""};
  const std::string host = text_of(*root.value, "host");
  std::string base = text_of(*root.value, "basePath");
  if (!base.empty() && base.front() != '/') reading.error("/basePath", "must begin with \"/\"");
  if (host.find_first_of("/{}") != std::string::npos)
    reading.error("/host", "must be a host name and a port, without a scheme, path or template");
  if (host.empty()) return {{base.empty() ? "/" : base, {}}};
  std::vector<Server> servers;
  const auto names = schemes ? texts_at(*schemes.value, "") : std::vector<std::string>();
  for (const std::string& name : names)
    if (name == "http" || name == "https") servers.push_back({name + "://" + host + base, {}});
  if (!names.empty() && servers.empty()) reading.error(schemes.pointer, "neither http nor https is among the schemes");
  if (names.empty()) {
    reading.warn("/host", "the document has no \"schemes\": http is taken, which the integration may change");
    servers.push_back({"http://" + host + base, {}});
  }
  return servers;
}

std::optional<Parameter> parameter_of_swagger2(Reading& reading, const Node& node) {
  const std::string in = text_of(*node.value, "in");
  if (in == "body" || in == "formData") return {};
  auto parameter = read_parameter(reading, node);
  if (!parameter) return {};
  parameter->media_type.clear();
  // Keywords of the schema stand beside "name" and "in".
  parameter->schema = reading.take_schema(node);
  const bool plain = parameter->in == In::path || parameter->in == In::header;
  if (text_of(*node.value, "type") != "array") return parameter;
  if (const Format* format = format_of(reading, node, plain)) {
    parameter->style = plain ? Style::simple : format->style;
    parameter->explode = format->explode;
  }
  return parameter;
}

std::optional<Body> body_of_swagger2(Reading& reading, const Node& operation, const Node& path_item) {
  const auto nodes = body_parameters(reading, operation, path_item);
  if (nodes.empty()) return {};
  auto types = consumed(reading, operation);
  const auto is_body = [](const Node& node) { return text_of(*node.value, "in") == "body"; };
  const auto bodies = std::count_if(nodes.begin(), nodes.end(), is_body);
  if (bodies == 0) return form_of(reading, nodes, std::move(types));
  if (nodes.size() > 1) {
    reading.error(operation.pointer, "has more than one parameter in \"body\", or also some in \"formData\"");
    return {};
  }
  Body body;
  body.required = is_true(*nodes.front().value, "required");
  if (types.empty()) types = {"application/json"};
  const Node schema = child(nodes.front(), "schema");
  for (const std::string& type : types)
    body.content.push_back({type, schema ? reading.take_schema(schema) : Value(nullptr), nullptr});
  return body;
}

}  // namespace plumb::openapi
