#include "controller/openapi/model.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/openapi/readers.h"

namespace plumb::openapi {
namespace {

constexpr std::string_view kMethods[] = {"get", "put", "post", "delete", "options", "head", "patch", "trace"};
constexpr std::string_view kData[] = {"example", "examples", "default", "enum", "const"};
constexpr std::size_t kLongestId = 256;

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return result;
}

// The names in "/pets/{petId}"; a brace without its counterpart is told.
std::vector<std::string> names_in(Reading& reading, const Node& path, std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) {
      reading.error(path, "has a \"{\" without its \"}\"");
      break;
    }
    names.emplace_back(text.substr(open + 1, close - open - 1));
  }
  return names;
}

class Parser {
 public:
  explicit Parser(const Value& document) : document_(document), reading_(document, parsed_.diagnostics) {}

  Parsed run() {
    if (read_head()) read_all();
    // A reference that is wrong is found by who follows it, and by who looks at all of them.
    Diagnostics once;
    for (Diagnostic& each : parsed_.diagnostics)
      if (std::ranges::find(once, each) == once.end()) once.push_back(std::move(each));
    parsed_.diagnostics = std::move(once);
    if (has_errors(parsed_.diagnostics)) return std::move(parsed_);
    model_.digest = sha256(canonical(document_));
    model_.document = std::make_shared<const Value>(document_);
    parsed_.model = std::move(model_);
    return std::move(parsed_);
  }

 private:
  void read_all() {
    model_.schemes = read_schemes(reading_, dialect_);
    model_.servers = dialect_ == Dialect::swagger2 ? read_swagger_servers(reading_)
                                                   : read_servers(reading_, reading_.root()["servers"]);
    if (model_.servers.empty()) model_.servers.push_back({.url = "/"});
    check_references();
    security_ = read_security(reading_, reading_.root()["security"], model_.schemes);
    read_paths();
  }

  bool read_head() {
    const Node root = reading_.root();
    if (root.object() == nullptr) {
      reading_.error(root, "is not an OpenAPI document: it must be a mapping");
      return false;
    }
    const std::string swagger = root.text("swagger");
    model_.openapi = swagger.empty() ? root.text("openapi") : swagger;
    const auto of = [&](std::string_view version) {
      return model_.openapi == version || model_.openapi.starts_with(fmt::format("{}.", version));
    };
    if (!swagger.empty() && swagger == "2.0") {
      dialect_ = Dialect::swagger2;
    } else if (swagger.empty() && (of("3.0") || of("3.1") || of("3.2"))) {
      if (of("3.2")) reading_.warning(root["openapi"], "what only OpenAPI 3.2 has is ignored");
    } else {
      reading_.error(root, fmt::format("is not an OpenAPI document of a known version (\"{}\"): openapi 3.0, 3.1 or "
                                       "swagger \"2.0\" is needed",
                                       printable(model_.openapi)));
      return false;
    }
    const Node info = root["info"];
    model_.title = info.text("title");
    model_.version = info.text("version");
    if (model_.title.empty()) reading_.error(info, "needs a title: with the version it names the model");
    if (model_.version.empty()) reading_.error(info, "needs a version (a text): with the title it names the model");
    return true;
  }

  // Those in schemas, which nobody follows before a call. What stands in examples and defaults is data.
  void check_references() {
    std::vector<std::pair<const Value*, std::string>> open{{&document_, ""}};
    while (!open.empty()) {
      const auto [value, pointer] = std::move(open.back());
      open.pop_back();
      if (const Array* const list = value->if_array()) {
        for (std::size_t i = 0; i < list->size(); ++i)
          if ((*list)[i].is_structured()) open.emplace_back(&(*list)[i], fmt::format("{}/{}", pointer, i));
        continue;
      }
      for (const auto& [key, member] : value->get_object()) {
        if (member.is_structured()) {
          if (std::ranges::find(kData, std::string_view(key)) == std::end(kData) && !key.starts_with("x-"))
            open.emplace_back(&member, fmt::format("{}/{}", pointer, pointer_token(key)));
        } else if (key == "$ref" && member.is_string()) {
          check_reference({value, pointer}, std::string(member.get_string()));
        }
      }
    }
  }

  void check_reference(const Node& node, const std::string& reference) {
    if (std::string problem = problem_of_reference(reference); !problem.empty()) {
      reading_.error(node, std::move(problem));
    } else if (at(document_, pointer_of_reference(reference)) == nullptr) {
      reading_.error(node, fmt::format("$ref \"{}\" leads to nothing", printable(reference)));
    }
  }

  void read_paths() {
    const Node paths = reading_.root()["paths"];
    if (paths.object() == nullptr) {
      // OpenAPI 3.1 allows documents of components or webhooks alone; there is nothing to call in them.
      reading_.error(paths, "there are no paths, so there is nothing to call");
      return;
    }
    for (const auto& [path, unused] : *paths.object()) {
      if (path.starts_with("x-")) continue;
      const Node named = paths[path];
      if (!path.starts_with("/")) {
        reading_.error(named, "a path begins with \"/\"");
        continue;
      }
      const Node item = reading_.resolved(named);
      if (item.object() == nullptr) {
        if (item.value != nullptr) reading_.error(item, "a path item must be a mapping");
        continue;
      }
      for (const std::string_view method : kMethods)
        if (item.has(method))
          read_operation(std::string(path), item, method,
                         {item[method].value, named.pointer + "/" + std::string(method)});
    }
  }

  void read_operation(const std::string& path, const Node& item, std::string_view method, const Node& node) {
    if (node.object() == nullptr) {
      reading_.error(node, "an operation must be a mapping");
      return;
    }
    Operation operation;
    operation.id = node.text("operationId");
    operation.method = upper(method);
    operation.path = path;
    operation.summary = node.text("summary");
    operation.description = node.text("description");
    operation.deprecated = node.flag("deprecated");
    operation.pointer = node.pointer;
    if (const Array* const tags = node["tags"].array())
      for (const Value& tag : *tags)
        if (tag.is_string()) operation.tags.emplace_back(tag.get_string());
    operation.security = node.has("security") ? read_security(reading_, node["security"], model_.schemes) : security_;
    operation.servers = read_servers(reading_, node["servers"]);
    if (operation.servers.empty()) operation.servers = read_servers(reading_, item["servers"]);
    read_parameters(item, node, operation);
    check_path(node, operation);
    take(node, std::move(operation));
  }

  void read_parameters(const Node& item, const Node& node, Operation& operation) {
    std::vector<Node> of_body;  // Swagger 2
    for (const Node& list : {item["parameters"], node["parameters"]}) {
      if (list.value == nullptr) continue;
      if (list.array() == nullptr) {
        reading_.error(list, "must be a list of parameters");
        continue;
      }
      std::set<std::pair<std::string, In>> here;
      for (std::size_t i = 0; i < list.array()->size(); ++i) {
        const Node each = reading_.resolved({&(*list.array())[i], list.pointer + "/" + std::to_string(i)});
        const std::string place = each.text("in");
        if (dialect_ == Dialect::swagger2 && (place == "body" || place == "formData")) {
          // What the operation says of a name goes before what the path item says.
          std::erase_if(of_body, [&](const Node& other) { return other.text("name") == each.text("name"); });
          of_body.push_back(each);
          continue;
        }
        auto parameter = read_parameter(reading_, each, dialect_);
        if (!parameter) continue;
        if (!here.emplace(parameter->name, parameter->in).second)
          reading_.error(each, fmt::format("the parameter \"{}\" is there twice", printable(parameter->name)));
        std::erase_if(operation.parameters, [&](const Parameter& other) {
          return other.name == parameter->name && other.in == parameter->in;
        });
        operation.parameters.push_back(std::move(*parameter));
      }
    }
    operation.body = dialect_ == Dialect::swagger2 ? read_swagger_body(reading_, of_body, node)
                                                   : read_body(reading_, node["requestBody"]);
  }

  void check_path(const Node& node, const Operation& operation) {
    const auto names = names_in(reading_, node, operation.path);
    const auto is_declared = [&](const std::string& name) {
      return std::ranges::any_of(operation.parameters, [&](const Parameter& parameter) {
        return parameter.in == In::path && parameter.name == name;
      });
    };
    for (const std::string& name : names)
      if (!is_declared(name))
        reading_.error(node, fmt::format("{{{}}} of the path is no parameter of it", printable(name)));
    for (const Parameter& parameter : operation.parameters)
      if (parameter.in == In::path && std::ranges::find(names, parameter.name) == names.end())
        reading_.error({nullptr, parameter.pointer}, fmt::format("the path has no {{{}}}", printable(parameter.name)));
  }

  void take(const Node& node, Operation operation) {
    if (operation.id.empty()) {
      reading_.error(node, "needs an operationId: it is what the operation is called by");
      return;
    }
    if (operation.id.size() > kLongestId) {
      reading_.error(node["operationId"], fmt::format("is longer than {} bytes", kLongestId));
      return;
    }
    const auto [found, fresh] = model_.operations.try_emplace(operation.id);
    if (!fresh) {
      reading_.error(node["operationId"], fmt::format("\"{}\" is the operationId of {} too", printable(operation.id),
                                                      found->second.pointer));
      return;
    }
    found->second = std::move(operation);
  }

  const Value& document_;
  Parsed parsed_;
  Reading reading_;
  Dialect dialect_ = Dialect::openapi3;
  Model model_;
  std::vector<std::vector<std::string>> security_;
};

}  // namespace

const SecurityScheme* Model::scheme(std::string_view name) const {
  const auto found = std::ranges::find(schemes, name, &SecurityScheme::name);
  return found == schemes.end() ? nullptr : &*found;
}

std::vector<std::string> Model::verbs() const {
  std::set<std::string> all;
  for (const auto& [id, operation] : operations) all.insert(lower(operation.method));
  return {all.begin(), all.end()};
}

Parsed parse_model(const Value& document) { return Parser(document).run(); }

}  // namespace plumb::openapi
