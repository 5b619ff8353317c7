#include "tests/support/platform_simulator.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/digest.h"

namespace plumb::test {
namespace {

using Answer = HttpSender::Answer;

Answer respond(int status, const Value& body) {
  HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "application/json; charset=utf-8"}};
  response.body = boost::json::serialize(body);
  return response;
}

Answer text(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "text/html; charset=utf-8"}};
  response.body = std::move(body);
  return response;
}

Answer refused(int status, const std::string& message) {
  return respond(status, {{"status", "Error"}, {"message", message}});
}

std::string member(const Value& value, std::string_view pointer) { return text_at(value, pointer).value_or(""); }

bool secret_name(std::string_view name) {
  constexpr std::string_view kNames[] = {"value",        "password", "client_secret", "secretAccessKey",
                                         "sessionToken", "key",      "access_token",  "refresh_token"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

// What a read shows of `value`, which is `name` below a scheme; a scheme that is a bare text is a secret itself.
void hide(Value& value, std::string_view name, bool bare) {
  if (value.is_object()) {
    for (auto& [key, each] : value.get_object()) hide(each, key, false);
  } else if (value.is_string() && (bare || secret_name(name)) && !value.get_string().starts_with("$SECRET_")) {
    value = "";
  }
}

Value shown(const Value& service) {
  Value copy = service;
  Object& inner = copy.at("properties").at("properties").as_object();
  if (const auto found = inner.find("authentication"); found != inner.end() && found->value().is_object())
    for (auto& [scheme, block] : found->value().get_object()) hide(block, scheme, true);
  return copy;
}

Value entry(const Value& service) {
  return {{"metadata", {{"isActive", true}, {"activeSync", false}}}, {"data", shown(service)}};
}

std::string version_id(const Value& document) {
  return member(document, "/info/title") + ":" + member(document, "/info/version");
}

Value model_entry(const Value& document) {
  Object properties;
  if (const Value* schemes = at(document, "/components/securitySchemes"); schemes != nullptr && schemes->is_object())
    for (const auto& [name, scheme] : schemes->get_object())
      properties[name] = member(scheme, "/type") == "apiKey" ? Value({{"value", ""}}) : Value(Object());
  return {{"model", "@itential/adapter_" + version_id(document)},
          {"versionId", version_id(document)},
          {"description", member(document, "/info/description")},
          {"properties", std::move(properties)}};
}

// The server block that an import makes of the first server, with its recorded defect.
Object server_of(const Value& document) {
  std::string url = member(document, "/servers/0/url");
  if (const Value* variables = at(document, "/servers/0/variables"); variables != nullptr && variables->is_object())
    for (const auto& [name, variable] : variables->get_object())
      if (const auto where = url.find(fmt::format("{{{}}}", std::string_view(name))); where != std::string::npos)
        url.replace(where, name.size() + 2, member(variable, "/default"));
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return {{"protocol", "http"}, {"host", url}, {"base_path", ""}};
  const auto path = url.find('/', scheme + 3);
  Object server{{"protocol", url.substr(0, scheme)}};
  std::string host = url.substr(scheme + 3, path == std::string::npos ? path : path - scheme - 3);
  if (const auto colon = host.find(':'); colon != std::string::npos) {
    server["port"] = std::stoi(host.substr(colon + 1));
    host.resize(colon);
  }
  server["host"] = host;
  server["base_path"] = path == std::string::npos ? "" : url.substr(path);
  return server;
}

Array faults_of(const Value& value, const std::string& pointer) {
  Array faults;
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.get_array().size(); ++i)
      for (Value& each : faults_of(value.get_array()[i], fmt::format("{}/{}", pointer, i))) faults.push_back(each);
  } else if (value.is_object()) {
    for (const auto& [key, each] : value.get_object()) {
      const std::string below = pointer + "/" + pointer_token(key);
      if (key == "exclusiveMinimum" && each.is_bool())
        faults.push_back({{"instancePath", below}, {"message", "must be number"}});
      for (Value& fault : faults_of(each, below)) faults.push_back(fault);
    }
  }
  return faults;
}

Array faults_of_document(const Value& document) {
  Array faults;
  for (const char* needed : {"/info/title", "/info/version", "/openapi"})
    if (member(document, needed).empty())
      faults.push_back({{"instancePath", ""}, {"message", fmt::format("must have required property '{}'", needed)}});
  if (member(document, "/openapi") == "3.0.4")
    faults.push_back({{"instancePath", "/openapi"}, {"message", "must match pattern"}});
  for (Value& fault : faults_of(document, "")) faults.push_back(fault);
  return faults;
}

void merge(Object& into, const Object& from, bool replaces) {
  if (replaces) into.clear();
  for (const auto& [key, value] : from) into[key] = value;
}

Value loggers() {
  return {{"description", "Logging"},
          {"log_max_files", 10},
          {"log_max_file_size", 10485760},
          {"log_level", "info"},
          {"log_directory", "/var/log/itential"},
          {"log_filename", "integration.log"},
          {"console_level", "info"},
          {"syslog",
           {{"level", "warning"},
            {"host", "127.0.0.1"},
            {"port", 514},
            {"protocol", "udp4"},
            {"facility", "local0"},
            {"type", "BSD"},
            {"path", ""},
            {"pid", "process.pid"},
            {"localhost", ""},
            {"app_name", ""},
            {"eol", ""}}}};
}

}  // namespace

// A request taken apart.
struct PlatformSimulator::Call {
  std::string method;
  std::vector<std::string> path;  // decoded segments
  std::map<std::string, std::string> query, headers;
  std::string text;
  Value body;  // null: none, or not JSON

  explicit Call(const HttpRequest& request) : method(request.method), text(request.body) {
    std::string_view rest = request.url.path;
    while (!rest.empty()) {
      rest.remove_prefix(1);
      const auto slash = rest.find('/');
      path.push_back(percent_decode(rest.substr(0, slash)).value_or("%"));
      rest = slash == std::string_view::npos ? "" : rest.substr(slash);
    }
    for (std::string_view left = request.url.query; !left.empty();) {
      const std::string_view pair = left.substr(0, left.find('&'));
      left = pair.size() == left.size() ? "" : left.substr(pair.size() + 1);
      const auto equals = pair.find('=');
      query[std::string(pair.substr(0, equals))] =
          percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1)).value_or("");
    }
    for (const auto& [name, value] : request.headers) headers[name] = value;
    boost::system::error_code error;
    body = boost::json::parse(request.body, error);
    if (error) body = nullptr;
  }
  bool is(std::string_view verb) const { return method == verb; }
};

std::string PlatformSimulator::new_token() {
  const std::string token = base64(sha256(fmt::format("token {}", ++serial_)).substr(0, 24));
  tokens_[token] = clock_.now() + std::chrono::seconds(3600);
  return token;
}

Answer PlatformSimulator::sign_in(const Call& call) {
  ++logins;
  if (login_broken) return text(500, "Internal Server Error");
  const Value* user = at(call.body, "/user");
  const Value& with = user == nullptr ? call.body : *user;
  if (member(with, "/username") == kUser && member(with, "/password") == kPassword) return text(200, new_token());
  return login_lies ? text(200, "Error-authenticating-user-svc") : text(401, "Invalid credentials");
}

Answer PlatformSimulator::oauth(const Call& call) {
  ++logins;
  const std::string expected = fmt::format("grant_type=client_credentials&client_id={}&client_secret={}",
                                           percent_encode(kClient), percent_encode(kClientSecret));
  if (call.text != expected) return respond(401, {{"error", "invalid_client"}});
  return respond(200, {{"access_token", new_token()}, {"token_type", "bearer"}, {"expires_in", 3600}});
}

bool PlatformSimulator::signed_in(const Call& call) const {
  const auto value = [](const auto& from, const char* name) {
    const auto found = from.find(name);
    return found == from.end() ? std::string() : found->second;
  };
  const std::string authorization = value(call.headers, "Authorization"), cookie = value(call.headers, "Cookie");
  if (authorization == "Basic " + base64(fmt::format("{}:{}", kUser, kPassword))) return true;
  std::string token = value(call.query, "token");
  if (authorization.starts_with("Bearer ")) token = authorization.substr(7);
  if (cookie.starts_with("token=")) token = cookie.substr(6);
  const auto found = tokens_.find(token);
  return found != tokens_.end() && clock_.now() < found->second;
}

Answer PlatformSimulator::answer(const HttpRequest& request) {
  if (before)
    if (auto instead = before(request)) return *std::move(instead);
  const Call call(request);
  if (call.is("POST") && request.url.path == "/login") return sign_in(call);
  if (call.is("POST") && request.url.path == "/oauth/token") return oauth(call);
  log.push_back(request);
  if (!signed_in(call)) return refused(401, "User not authenticated");
  return route(call);
}

Answer PlatformSimulator::route(const Call& call) {
  const auto& path = call.path;
  const std::string first = path.empty() ? "" : path[0];
  if (first == "authorization") return respond(200, {{"results", Array()}, {"total", 0}});
  if (first == "integrations" && path.size() == 1) return on_integrations(call);
  if (first == "integrations" && path.size() == 2) return on_integration(call, path[1], false);
  if (first == "integrations" && path.size() == 3 && path[2] == "properties")
    return on_integration(call, path[1], true);
  if (first == "integration-models" && path.size() == 1) return on_models(call);
  if (first == "integration-models" && path.size() == 2) return on_model(call, path[1], "");
  if (first == "integration-models" && path.size() == 3) return on_model(call, path[1], path[2]);
  return refused(404, "Cannot find route");
}

Answer PlatformSimulator::page(const Call& call, std::vector<Value> all, const std::string& member_name,
                               const std::string& key) {
  const auto number = [&](const char* name, std::size_t otherwise) {
    const auto found = call.query.find(name);
    return found == call.query.end() ? otherwise : static_cast<std::size_t>(std::stoul(found->second));
  };
  const std::size_t skip = number("skip", 0), limit = std::min<std::size_t>(number("limit", 25), 100);
  if (call.query.contains("sort") && !ignores_sort) {
    std::ranges::sort(all, {}, [&](const Value& each) { return member(each, key); });
  } else if (!all.empty()) {
    std::ranges::rotate(all, all.begin() + static_cast<std::ptrdiff_t>(++turns_ % all.size()));
  }
  Array some;
  for (std::size_t i = skip; i < all.size() && some.size() < limit; ++i) some.push_back(all[i]);
  return respond(200, {{member_name, std::move(some)}, {"total", all.size()}});
}

Answer PlatformSimulator::on_integrations(const Call& call) {
  if (call.is("POST")) return create_integration(call.body);
  if (!call.is("GET")) return refused(405, "Method not allowed");
  std::vector<Value> all;
  for (const Value& each : integrations_) all.push_back(entry(each));
  return page(call, std::move(all), "results", "/data/name");
}

Value PlatformSimulator::filled(Value made) {
  Object& service = made.as_object();
  const std::string type = member(made, "/properties/type");
  service["model"] = "@itential/adapter_" + type;
  service["_id"] = sha256(fmt::format("id {}", ++serial_)).substr(0, 24);
  service["isEncrypted"] = true;
  service.insert({{"virtual", true}});
  if (!service.contains("loggerProps")) service["loggerProps"] = loggers();
  Object& outer = service["properties"].as_object();
  for (const char* list : {"brokers", "groups"})
    if (!outer.contains(list)) outer[list] = Array();
  if (!outer.contains("properties")) outer["properties"] = Object();
  Object& inner = outer["properties"].as_object();
  const Value* document = model(type);
  if (!inner.contains("authentication")) inner["authentication"] = Object();
  if (!inner.contains("server") && document != nullptr) inner["server"] = server_of(*document);
  if (!inner.contains("tls")) inner["tls"] = {{"enabled", false}, {"rejectUnauthorized", true}};
  if (!inner.contains("version") && document != nullptr) inner["version"] = member(*document, "/info/version");
  return made;
}

Answer PlatformSimulator::create_integration(const Value& body) {
  const Value* wrapped = at(body, "/properties");
  if (wrapped == nullptr || member(*wrapped, "/name").empty() || at(*wrapped, "/properties") == nullptr)
    return refused(400, "must have required property 'properties'");
  Value service = *wrapped;
  std::string name = member(service, "/name");
  if (name.find('/') != std::string::npos) return refused(400, "name must match pattern ^[^\\/]+$");
  if (integration(name) != nullptr) return refused(500, fmt::format("Integration {} already exists", name));
  if (model(member(service, "/properties/type")) == nullptr) return refused(404, "Model not found");
  if (renames) service.as_object()["name"] = name += " (1)";
  service.as_object()["properties"].as_object()["id"] = name;
  integrations_.push_back(filled(std::move(service)));
  return respond(
      200, {{"status", "Created"}, {"message", "Successfully created " + name}, {"data", shown(integrations_.back())}});
}

Answer PlatformSimulator::on_integration(const Call& call, const std::string& name, bool inner) {
  Value* const found = integration(name);
  if (found == nullptr) return refused(404, fmt::format("Integration {} not found", name));
  if (call.is("GET") && !inner) return respond(200, entry(*found));
  if (call.is("DELETE") && !inner) {
    integrations_.erase(integrations_.begin() + (found - integrations_.data()));
    return respond(200, {{"message", "Successfully deleted " + name}});
  }
  const Value* wrapped = at(call.body, "/properties");
  if (!call.is("PUT") || wrapped == nullptr || !wrapped->is_object())
    return refused(400, "must have required property 'properties'");
  if (inner) {
    merge(found->at("properties").at("properties").as_object(), wrapped->get_object(), put_replaces);
  } else {
    const Value id = found->at("_id");
    const Object old = found->at("properties").at("properties").as_object();
    merge(found->as_object(), wrapped->get_object(), put_replaces);
    found->as_object()["_id"] = id;
    if (!put_replaces) {
      Object kept = old;
      merge(kept, found->at("properties").at("properties").as_object(), false);
      found->at("properties").as_object()["properties"] = std::move(kept);
    }
  }
  return respond(200, {{"status", "OK"}, {"message", "Successfully updated " + name}, {"data", shown(*found)}});
}

Answer PlatformSimulator::on_models(const Call& call) {
  if (call.is("GET")) {
    std::vector<Value> all;
    for (const Value& each : models_) all.push_back(model_entry(each));
    return page(call, std::move(all), "integrationModels", "/versionId");
  }
  const Value* document = at(call.body, "/model");
  if (document == nullptr || !document->is_object()) return refused(400, "must have required property 'model'");
  if (Array faults = faults_of_document(*document); !faults.empty())
    return respond(400, {{"status", "Error"}, {"message", std::move(faults)}});
  const std::string id = version_id(*document);
  if (call.is("POST")) {
    if (model(id) != nullptr) return refused(500, fmt::format("Model {} already exists", id));
    add_model(*document);
    return respond(
        200, {{"status", "Created"}, {"message", "Successfully created " + id}, {"data", model_entry(*model(id))}});
  }
  if (!call.is("PUT") || !model_put) return refused(500, "Cannot read properties of undefined");
  Value* const found = model(id);
  if (found == nullptr) return refused(404, "Model not found");
  *found = *document;
  return respond(200, {{"status", "OK"}, {"message", "Successfully updated " + id}, {"data", model_entry(*found)}});
}

Answer PlatformSimulator::on_model(const Call& call, const std::string& name, const std::string& what) {
  if (call.is("PUT") && name == "validation") {
    const Value* document = at(call.body, "/model");
    Array faults = faults_of_document(document == nullptr ? Value() : *document);
    if (faults.empty()) return respond(200, {{"status", "OK"}, {"message", "valid"}});
    return respond(400, {{"status", "Error"}, {"message", std::move(faults)}});
  }
  Value* const found = model(name);
  if (found == nullptr) return refused(404, fmt::format("Model {} not found", name));
  if (call.is("GET") && what.empty()) return respond(200, model_entry(*found));
  if (call.is("GET") && what == "export") return respond(200, *found);
  if (!call.is("DELETE")) return refused(405, "Method not allowed");
  for (const Value& each : integrations_)
    if (member(each, "/properties/type") == name)
      return refused(500, fmt::format("Cannot delete {}: integrations reference it", name));
  models_.erase(models_.begin() + (found - models_.data()));
  std::erase_if(roles, [&](const std::string& role) { return role.starts_with(name + "/"); });
  return respond(200, {{"message", "Successfully deleted " + name}});
}

void PlatformSimulator::add_model(const Value& document) {
  models_.push_back(document);
  const std::string id = version_id(models_.back());
  roles.insert(id + "/admin");
  if (const Value* paths = at(document, "/paths"); paths != nullptr && paths->is_object())
    for (const auto& [path, item] : paths->get_object())
      for (const auto& [verb, operation] : item.as_object())
        roles.insert(fmt::format("{}/{}", id, std::string_view(verb)));
}

void PlatformSimulator::add_integration(const std::string& name, const std::string& version_id, Value settings) {
  integrations_.push_back(
      filled({{"name", name},
              {"type", "Adapter"},
              {"virtual", true},
              {"properties", {{"id", name}, {"type", version_id}, {"properties", std::move(settings)}}}}));
}

Value* PlatformSimulator::integration(const std::string& name) {
  const auto found =
      std::ranges::find_if(integrations_, [&](const Value& each) { return member(each, "/name") == name; });
  return found == integrations_.end() ? nullptr : &*found;
}

Value* PlatformSimulator::model(const std::string& id) {
  const auto found = std::ranges::find_if(models_, [&](const Value& each) { return version_id(each) == id; });
  return found == models_.end() ? nullptr : &*found;
}

std::size_t PlatformSimulator::writes() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(log, [](const HttpRequest& each) { return each.method != "GET"; }));
}

}  // namespace plumb::test
