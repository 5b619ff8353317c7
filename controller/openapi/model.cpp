#include "controller/openapi/model.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/openapi/reading.h"

namespace plumb::openapi {
namespace {

constexpr std::size_t kMaxValues = 8'000'000;  // of a document; 15 MB of JSON have about one million

// Nothing works on a document before this: all else is recursive in its depth.
bool has_bounds(const Value& document, Reading& reading) {
  std::vector<std::pair<const Value*, std::size_t>> open = {{&document, 0}};
  std::size_t values = 0;
  while (!open.empty()) {
    const auto [value, depth] = open.back();
    open.pop_back();
    if (depth > kMaxDepth) {
      reading.error("", "the document is nested deeper than {} levels", kMaxDepth);
      return false;
    }
    if (++values > kMaxValues) {
      reading.error("", "the document has more than {} values", kMaxValues);
      return false;
    }
    if (const auto* array = value->if_array())
      for (const Value& element : *array) open.emplace_back(&element, depth + 1);
    if (const auto* object = value->if_object())
      for (const auto& member : *object) open.emplace_back(&member.value(), depth + 1);
  }
  return true;
}

std::string read_version(Reading& reading) {
  const Value& document = reading.document();
  if (const Value* swagger = find(document, "swagger")) {
    const bool is_number = swagger->is_double() && swagger->get_double() == 2.0;
    if (is_number) reading.warn("/swagger", "must be a text; put 2.0 in quotes");
    if (!is_number && text_of(document, "swagger") != "2.0")
      reading.error("/swagger", "only \"2.0\" is there of Swagger");
    return "2.0";
  }
  const Value* openapi = find(document, "openapi");
  if (openapi == nullptr) {
    reading.error("", "this is no OpenAPI document: neither \"openapi\" nor \"swagger\" is there");
    return {};
  }
  if (!openapi->is_string()) {
    reading.error("/openapi", "must be a text of three numbers; put it in quotes (\"3.0.3\")");
    return {};
  }
  const std::string version = text_of(document, "openapi");
  if (version.starts_with("3.2.")) {
    reading.warn("/openapi", "OpenAPI 3.2 is read as 3.1: what is new in it is refused where it is used");
  } else if (!version.starts_with("3.0.") && !version.starts_with("3.1.") && version != "3.0" && version != "3.1") {
    reading.error("/openapi", "OpenAPI {} is not supported: 2.0, 3.0, 3.1", printable(version));
  }
  return version;
}

std::string required_text(Reading& reading, const Node& owner, std::string_view key) {
  const Node node = child(owner, key);
  if (node && node.value->is_string() && !node.value->get_string().empty())
    return std::string(node.value->get_string());
  if (node) {
    reading.error(node.pointer, "must be a text that is not empty{}",
                  node.value->is_number() ? "; put it in quotes" : "");
  } else {
    reading.error(owner.pointer, "\"{}\" is missing", key);
  }
  return {};
}

struct Method {
  std::string_view key, verb;
};
constexpr Method kMethods[] = {{"get", "GET"},         {"put", "PUT"},   {"post", "POST"},   {"delete", "DELETE"},
                               {"options", "OPTIONS"}, {"head", "HEAD"}, {"patch", "PATCH"}, {"trace", "TRACE"}};

class ModelReader {
 public:
  explicit ModelReader(const Value& document)
      : document_(std::make_shared<const Value>(document)), reading_(*document_), root_{document_.get(), ""} {}

  Parsed read() {
    model_.openapi = read_version(reading_);
    if (reading_.has_failed()) return {{}, reading_.take_diagnostics()};
    if (const Node info = child(root_, "info")) {
      model_.title = required_text(reading_, info, "title");
      model_.version = required_text(reading_, info, "version");
    } else {
      reading_.error("", "\"info\" is missing");
    }
    model_.document = document_;
    model_.servers = is_old() ? servers_of_swagger2(reading_, child(root_, "schemes"))
                              : read_servers(reading_, child(root_, "servers"));
    if (model_.servers.empty()) model_.servers.push_back({"/", {}});
    model_.schemes = read_schemes(reading_);
    security_ = read_security(reading_, child(root_, "security"), model_.schemes);
    read_paths();
    reading_.check_schemas();
    if (reading_.has_failed()) return {{}, reading_.take_diagnostics()};
    model_.digest = sha256(canonical(*document_));
    return {std::move(model_), reading_.take_diagnostics()};
  }

 private:
  bool is_old() const { return reading_.dialect() == Dialect::swagger2; }

  void read_paths() {
    const Node paths = child(root_, "paths");
    if (!paths) {
      if (reading_.dialect() != Dialect::openapi31) reading_.error("", "\"paths\" is missing");
      return;
    }
    if (!paths.value->is_object()) return reading_.error(paths.pointer, "must be a mapping of paths");
    for (const auto& member : paths.value->get_object())
      if (!member.key().starts_with("x-")) read_path(child(paths, member.key()), member.key());
  }

  bool check_path(const std::string& pointer, std::string_view path) {
    if (!path.starts_with("/")) {
      reading_.error(pointer, "a path must begin with \"/\"");
      return false;
    }
    if (path.find_first_of("?#") != path.npos) {
      reading_.error(pointer, "a path has no query and no fragment; declare parameters in \"query\"");
      return false;
    }
    for (std::size_t begin = 1; begin <= path.size();) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      const std::string_view segment = path.substr(begin, end - begin);
      if (segment == "." || segment == "..") {
        reading_.error(pointer, "a path has no segment \"{}\"", segment);
        return false;
      }
      begin = end + 1;
    }
    return true;
  }

  void read_path(const Node& entry, std::string_view path) {
    if (!check_path(entry.pointer, path)) return;
    const Node node = reading_.follow(entry);
    if (!node) return;
    if (!node.value->is_object()) return reading_.error(entry.pointer, "must be a mapping of methods to operations");
    const auto names = template_names(reading_, path, entry.pointer);
    const auto shared = read_parameters(reading_, child(node, "parameters"));
    const auto servers = is_old() ? std::vector<Server>() : read_servers(reading_, child(node, "servers"));
    for (const Method& method : kMethods) {
      const Node operation = child(node, method.key);
      if (!operation) continue;
      if (!operation.value->is_object()) {
        reading_.error(operation.pointer, "an operation must be a mapping");
        continue;
      }
      read_operation(operation, node, {std::string(path), std::string(method.verb)}, names, shared, servers);
    }
    for (const std::string_view unknown : {"query", "additionalOperations"})
      if (const Node operation = child(node, unknown); operation && !is_old())
        reading_.error(operation.pointer, "operations of other methods (OpenAPI 3.2) are not supported");
  }

  struct Place {
    std::string path, method;
  };

  void read_operation(const Node& node, const Node& path_item, Place place, const std::vector<std::string>& names,
                      const std::vector<Parameter>& shared, const std::vector<Server>& servers) {
    Operation operation;
    operation.pointer = node.pointer;
    operation.path = std::move(place.path);
    operation.method = std::move(place.method);
    operation.document = document_;
    operation.summary = text_of(*node.value, "summary");
    operation.description = text_of(*node.value, "description");
    operation.deprecated = is_true(*node.value, "deprecated");
    if (const Value* tags = find(*node.value, "tags")) operation.tags = texts_at(*tags, "");
    operation.parameters = merged(shared, read_parameters(reading_, child(node, "parameters")));
    check_template(node, operation, names);
    read_request(node, path_item, operation);
    const Node own_security = child(node, "security");
    operation.security = own_security ? read_security(reading_, own_security, model_.schemes) : security_;
    operation.servers = own_servers(node, servers);
    operation.id = text_of(*node.value, "operationId");
    if (operation.id.empty())
      return reading_.error(node.pointer, "\"operationId\" is missing: it is the name of the task");
    const auto [first, fresh] = model_.operations.try_emplace(operation.id, operation);
    if (!fresh)
      reading_.error(node.pointer + "/operationId", "\"{}\" is also the operationId of {}", printable(operation.id),
                     first->second.pointer);
  }

  void read_request(const Node& node, const Node& path_item, Operation& operation) {
    if (is_old()) {
      operation.body = body_of_swagger2(reading_, node, path_item);
    } else if (const Node body = child(node, "requestBody")) {
      operation.body = read_body(reading_, body);
    }
    if (operation.method != "TRACE" || !operation.body) return;
    reading_.warn(node.pointer, "TRACE has no body (RFC 9110, 9.3.8); it is left out");
    operation.body.reset();
  }

  std::vector<Server> own_servers(const Node& node, const std::vector<Server>& servers) {
    if (is_old()) {
      const Node schemes = child(node, "schemes");
      return schemes ? servers_of_swagger2(reading_, schemes) : std::vector<Server>();
    }
    auto own = read_servers(reading_, child(node, "servers"));
    return own.empty() ? servers : own;
  }

  std::vector<Parameter> merged(const std::vector<Parameter>& shared, std::vector<Parameter> own) {
    std::vector<Parameter> result;
    for (const Parameter& parameter : shared) {
      const bool is_replaced = std::any_of(own.begin(), own.end(), [&](const Parameter& other) {
        return other.in == parameter.in && other.name == parameter.name;
      });
      if (is_replaced || !reading_.spend(sizeof(Parameter) + parameter.description.size(), parameter.pointer)) continue;
      result.push_back(parameter);
    }
    std::move(own.begin(), own.end(), std::back_inserter(result));
    return result;
  }

  // Every name of the template has a parameter, and the other way round.
  void check_template(const Node& node, const Operation& operation, const std::vector<std::string>& names) {
    std::vector<std::string> declared;
    for (const Parameter& parameter : operation.parameters) {
      if (parameter.in != In::path) continue;
      declared.push_back(parameter.name);
      if (std::find(names.begin(), names.end(), parameter.name) == names.end())
        reading_.error(parameter.pointer, "the path {} has no \"{{{}}}\"{}", operation.path, printable(parameter.name),
                       did_you_mean(parameter.name, names));
    }
    for (const std::string& name : names)
      if (std::find(declared.begin(), declared.end(), name) == declared.end())
        reading_.error(node.pointer, "no parameter in \"path\" is declared for \"{{{}}}\"{}", printable(name),
                       did_you_mean(name, declared));
  }

  std::shared_ptr<const Value> document_;
  Reading reading_;
  Node root_;
  Model model_;
  std::vector<std::vector<std::string>> security_;
};

}  // namespace

const SecurityScheme* Model::scheme(std::string_view name) const {
  const auto found =
      std::find_if(schemes.begin(), schemes.end(), [&](const auto& scheme) { return scheme.name == name; });
  return found == schemes.end() ? nullptr : &*found;
}

std::vector<std::string> Model::verbs() const {
  std::set<std::string> verbs;
  for (const auto& [id, operation] : operations) verbs.insert(lower(operation.method));
  return {verbs.begin(), verbs.end()};
}

Parsed parse_model(const Value& document) {
  Reading bounds(document);
  if (!has_bounds(document, bounds)) return {{}, bounds.take_diagnostics()};
  return ModelReader(document).read();
}

}  // namespace plumb::openapi
