#include "controller/api/api.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "controller/api/answers.h"
#include "controller/api/call_body.h"
#include "controller/api/login.h"
#include "controller/api/openapi_document.h"
#include "controller/api/peer.h"
#include "controller/api/route.h"
#include "controller/api/settings_schema.h"
#include "controller/api/shapes.h"
#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/base/url.h"
#include "controller/openapi/request.h"

namespace plumb::api {
namespace {

using Reply = net::HttpServer::Reply;
using runtime::Caller;

constexpr Duration kFailureWindow = std::chrono::minutes(1);
constexpr int kMostFailures = 10;  // of authentication, from one address within the window

// "a=1&b=2", decoded as forms are: "+" is a space (RFC 6749, 4.1.2, and most clients' libraries). Nothing for what is
// no such text, is not UTF-8, or names one thing twice.
std::optional<std::map<std::string, std::string>> parameters_of(std::string_view query) {
  const auto decoded = [](std::string_view text) {
    std::string spaced(text);
    std::ranges::replace(spaced, '+', ' ');
    auto result = percent_decode(spaced);
    return result && is_utf8(*result) ? std::optional(std::move(*result)) : std::nullopt;
  };
  std::map<std::string, std::string> all;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto name = decoded(pair.substr(0, equals)), value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value || !all.emplace(std::move(*name), std::move(*value)).second) return {};
  }
  return all;
}

// "namespace/model/role"; empty texts, before all others, for null. Nothing: it is no such text.
std::optional<std::array<std::string, 3>> position_of(const std::string* text) {
  std::array<std::string, 3> parts;
  if (text == nullptr) return parts;
  const std::size_t first = text->find('/'), second = text->find('/', first == std::string::npos ? first : first + 1);
  if (second == std::string::npos) return {};
  parts = {text->substr(0, first), text->substr(first + 1, second - first - 1), text->substr(second + 1)};
  if (std::ranges::any_of(parts, &std::string::empty)) return {};
  return parts;
}

}  // namespace

struct Api::State : std::enable_shared_from_this<Api::State> {
  explicit State(ApiParts given) : parts(std::move(given)) {}
  ApiParts parts;
  std::shared_ptr<const runtime::Access> access;
  struct Failures {
    SteadyTime since;
    int count = 0;
  };
  std::map<std::string, Failures> failures;  // by network_of()

  struct Call {
    const Matched& matched;
    const Caller& caller;
    net::Request& request;
    std::map<std::string, std::string> query;
    const std::string& request_id;
    const std::string& token_id;
    const std::string& segment(std::size_t i) const { return matched.segments.at(i); }
    ResourceKey integration() const { return {"Integration", segment(0), segment(1)}; }
  };

  // How long attempts from there are not looked at any more; zero: they are.
  Duration locked_out(const std::string& network) {
    const auto found = failures.find(network);
    if (found == failures.end()) return {};
    const SteadyTime until = found->second.since + kFailureWindow, now = parts.clock.steady();
    if (now >= until) {
      failures.erase(found);
      return {};
    }
    return found->second.count < kMostFailures ? Duration{} : std::chrono::ceil<Duration>(until - now);
  }

  void note_failure(const std::string& network) {
    if (failures.size() > 10'000) failures.clear();  // an attacker with many addresses must not fill the memory
    auto& entry = failures.try_emplace(network, Failures{parts.clock.steady()}).first->second;
    ++entry.count;
  }

  void tell(const Caller& caller, std::string action, std::string subject, std::string message,
            bool security = false) const {
    if (parts.audit)
      parts.audit({fmt::format("{}/{}", caller.kind, caller.name), std::move(action), std::move(subject),
                   std::move(message), security});
  }
  void tell_denied(const Caller& caller, std::string action, std::string subject, std::string message) const {
    tell(caller, std::move(action), std::move(subject), std::move(message), true);
  }

  // The text after "Bearer" of the Authorization header (RFC 6750, 2.1); empty: it is another header.
  static std::string_view bearer_of(std::string_view header) {
    constexpr std::string_view kBearer = "Bearer ";
    if (!equals_ignoring_case(header.substr(0, kBearer.size()), kBearer)) return {};
    header.remove_prefix(std::min(header.find_first_not_of(' ', kBearer.size()), header.size()));
    return header;
  }

  // Nothing: the answer was given. A good token is one whatever others tried from its address: nobody can guess 256
  // bits, but anybody on a machine (or behind one proxy) could else keep all others there out with ten wrong ones.
  std::optional<runtime::AccessToken> authenticate(const net::Request& request, const Reply& reply) {
    const auto header = request.header("Authorization");
    if (header) {
      if (auto token = parts.tokens.verify(bearer_of(*header))) return token;
    }
    const std::string network = network_of(request.peer);
    if (const Duration wait = locked_out(network); wait > Duration{}) {
      auto answer = problem(429, "too many failed attempts to authenticate; try again in a minute");
      answer.headers.emplace_back("Retry-After", std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()));
      reply(std::move(answer));
      return {};
    }
    if (header) note_failure(network);
    auto answer = problem(401, header ? "the token is not valid, has expired or was revoked"
                                      : "a token is needed: Authorization: Bearer plb_... (plumbline token create)");
    answer.headers.emplace_back("WWW-Authenticate", header ? "Bearer realm=\"plumbline\", error=\"invalid_token\""
                                                           : "Bearer realm=\"plumbline\"");
    reply(std::move(answer));
    return {};
  }

  void handle(net::Request request, Reply plain) {
    const std::string id = request_id_of(request);
    const Reply reply = with_id(std::move(plain), id);
    // Without TLS a token could be read on the way: then only this machine may ask.
    if (!request.tls && !is_loopback(request.peer)) {
      reply(problem(403, "the API is served without TLS to this machine alone; see --api-certificate"));
      return;
    }
    const auto matched = match(request.method, request.path);
    if (!matched) {
      reply(problem(404, "there is nothing at this path; docs/api.md lists what there is"));
      return;
    }
    if (matched->route == nullptr) {
      auto answer = problem(405, "this method is not known here");
      std::vector<std::string> methods(matched->methods.begin(), matched->methods.end());
      answer.headers.emplace_back("Allow", join(methods, ", "));
      reply(std::move(answer));
      return;
    }
    Caller caller;
    std::string token_id;
    if (!matched->route->open) {
      auto known = authenticate(request, reply);
      if (!known) return;
      token_id = known->id;
      caller = {.kind = known->kind,
                .name = std::move(known->account),
                .groups = std::move(known->groups),
                .admin = known->admin};
      if (matched->route->admin_only && !caller.admin) {
        tell_denied(caller, "api.denied", printable(request.path), "only an admin's token may do this");
        reply(problem(403, "only an admin's token may do this"));
        return;
      }
    }
    auto query = parameters_of(request.query);
    if (!query) {
      reply(problem(400, "the query cannot be read"));
      return;
    }
    Call call{*matched, caller, request, std::move(*query), id, token_id};
    // What else is open is for programs that may add what they like; a password is not to be in an address.
    const bool strict = !matched->route->open || matched->route->endpoint == Endpoint::sign_in;
    if (strict && refuses_unknown(call, reply)) return;
    serve(call, reply);
  }

  static std::string request_id_of(const net::Request& request) {
    const auto given = request.header("X-Request-Id");
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
             c == '.';
    };
    if (given && !given->empty() && given->size() <= 128 && std::ranges::all_of(*given, fits))
      return std::string(*given);
    return random_hex(8);
  }

  static Reply with_id(Reply reply, const std::string& id) {
    return [reply = std::move(reply), id](net::Response response) {
      response.headers.emplace_back("X-Request-Id", id);
      reply(std::move(response));
    };
  }

  // A filter that is misspelt must not be no filter.
  static bool refuses_unknown(const Call& call, const Reply& reply) {
    for (const auto& [name, value] : call.query) {
      if (query_parameters(call.matched.route->endpoint).contains(name)) continue;
      reply(problem(400, fmt::format("there is no query parameter \"{}\" here", printable(name))));
      return true;
    }
    return false;
  }

  void serve(Call& call, const Reply& reply) {
    switch (call.matched.route->endpoint) {
      case Endpoint::health: return reply(json_answer(200, Object{{"status", "ok"}}));
      case Endpoint::readiness:
        return reply(access == nullptr ? problem(503, "what was applied is not loaded yet")
                                       : json_answer(200, Object{{"status", "ok"}}));
      case Endpoint::callback: return finish_login(call, reply);
      case Endpoint::sign_in: return sign_in(call, reply);
      case Endpoint::sign_out: return sign_out(call, reply);
      case Endpoint::list_tokens: return list_tokens(reply);
      case Endpoint::revoke_token: return revoke_token(call, reply);
      case Endpoint::metrics: return reply(metrics(call.caller));
      case Endpoint::openapi: return reply(json_answer(200, openapi_document()));
      default: break;
    }
    if (access == nullptr) return reply(problem(503, "what was applied is not loaded yet"));
    if (is_connector_endpoint(call.matched.route->endpoint)) return serve_connectors(call, reply);
    switch (call.matched.route->endpoint) {
      case Endpoint::list_integrations: return list_integrations(call, reply);
      case Endpoint::list_models: return list_models(call, reply);
      case Endpoint::list_roles: return list_roles(call, reply);
      default: break;
    }
    // What the caller has no role of is not there for it, so that nobody learns names by asking.
    const ResourceKey key = call.integration();
    if (access->view().find(key) == nullptr || !access->may_see(call.caller, key)) {
      reply(
          problem(404, fmt::format("there is no Integration \"{}\" in namespace \"{}\", or no role of it was given to "
                                   "{}",
                                   printable(key.name), printable(key.ns), call.caller.name)));
      return;
    }
    switch (call.matched.route->endpoint) {
      case Endpoint::get_integration: return reply(json_answer(200, summary_of(*access, key, status_of_key(key))));
      case Endpoint::integration_schema: return reply(integration_schema(key));
      case Endpoint::export_integration: return reply(exported(key));
      case Endpoint::list_failures: return reply(list_failures(call.caller, key));
      case Endpoint::login: return begin_login(key, reply);
      case Endpoint::get_log_level: return reply(log_level(key));
      case Endpoint::set_log_level: return reply(set_log_level(call, key));
      default: break;
    }
    const auto operations = runtime::operations_of(access->view(), key);
    if (operations == nullptr) {
      reply(problem(503, "its model is not there, or cannot be used; see the conditions of the Integration"));
      return;
    }
    if (call.matched.route->endpoint == Endpoint::list_operations) return reply(list_operations(*operations));
    const auto operation = operations->model().operations.find(call.segment(2));
    if (operation == operations->model().operations.end()) {
      std::vector<std::string> known;
      for (const auto& each : operations->model().operations) known.push_back(each.first);
      reply(problem(404, fmt::format("{} has no operation \"{}\"{}", operations->model().version_id(),
                                     printable(call.segment(2)), did_you_mean(call.segment(2), known))));
      return;
    }
    if (call.matched.route->endpoint == Endpoint::operation_schema)
      return reply(json_answer(200, openapi::arguments_schema(operation->second)));
    invoke(call, key, operation->second, reply);
  }

  std::optional<Status> status_of_key(const ResourceKey& key) const {
    return parts.status ? parts.status(key) : std::nullopt;
  }

  // Of what the caller may call: an answer to a DELETE is nothing for whoever may only read.
  net::Response list_failures(const Caller& caller, const ResourceKey& key) const {
    if (!parts.failures) return problem(404, "calls are not recorded here");
    auto calls = parts.failures(key);
    if (!calls) return problem(503, calls.error().message);
    const auto operations = runtime::operations_of(access->view(), key);
    Array items;
    for (Value& each : *calls) {
      bool may = caller.admin;
      if (!may && operations != nullptr) {
        const auto operation = operations->model().operations.find(text_at(each, "/operation").value_or(""));
        may = operation != operations->model().operations.end() && access->may_invoke(caller, key, operation->second);
      }
      if (may) items.push_back(std::move(each));
    }
    return json_answer(200, Object{{"items", std::move(items)}});
  }

  void invoke(Call& call, const ResourceKey& key, const openapi::Operation& operation, const Reply& reply) {
    if (!access->may_invoke(call.caller, key, operation)) {
      const std::string needed =
          fmt::format("not authorized: {} needs the role \"{}\" (or \"admin\") of {}", operation.id,
                      lower(operation.method), runtime::model_of(access->view(), key).name);
      tell_denied(call.caller, "invoke.denied", to_string(key), needed);
      reply(problem(403, needed));
      return;
    }
    auto body = call_body(call.request);
    if (!body) {
      reply(problem(body.error().fault == Fault::denied ? 415 : 400, body.error().message));
      return;
    }
    runtime::Invocation invocation{.integration = key,
                                   .operation = operation.id,
                                   .arguments = std::move(body->arguments),
                                   .actor = fmt::format("{}/{}", call.caller.kind, call.caller.name),
                                   .request_id = call.request_id,
                                   .timeout = body->timeout};
    parts.invoke(std::move(invocation), [reply](runtime::Invoked invoked) {
      if (!invoked.result.is_string()) return reply(json_answer(200, invoked.result));
      const std::string error(invoked.result.get_string());
      // Integration and operation are there, so what was not found is on this side: a secret.
      const int status = invoked.fault == Fault::not_found ? 503 : status_of(invoked.fault);
      reply(problem(status, error, Object{{"error", error}}));
    });
  }

  void list_integrations(const Call& call, const Reply& reply) const {
    Array items;
    for (const auto& [key, object] : access->view().objects)
      if (key.kind == "Integration" && key.ns == call.segment(0) && access->may_see(call.caller, key))
        items.push_back(summary_of(*access, key, status_of_key(key)));
    reply(json_answer(200, Object{{"items", std::move(items)}}));
  }

  static net::Response list_operations(const openapi::Operations& operations) {
    Array items;
    for (const auto& [id, operation] : operations.model().operations) items.push_back(described(operation));
    return json_answer(200, Object{{"items", std::move(items)}});
  }

  bool sees_model(const Caller& caller, const ResourceKey& model) const {
    return caller.admin || !access->roles(caller, model).empty();
  }

  void list_models(const Call& call, const Reply& reply) const {
    Array items;
    for (const auto& [key, operations] : access->view().models)
      if (sees_model(call.caller, key))
        items.push_back(Object{{"namespace", key.ns},
                               {"name", key.name},
                               {"versionId", operations->model().version_id()},
                               {"openapi", operations->model().openapi},
                               {"operations", operations->model().operations.size()}});
    reply(json_answer(200, Object{{"items", std::move(items)}}));
  }

  // A page of all roles, in the order of namespaces, models and names. `continue` is the last one of the page, so that
  // models that come or go between two pages make no gap and nothing twice.
  void list_roles(const Call& call, const Reply& reply) const {
    const auto given = [&](const char* name) {
      const auto found = call.query.find(name);
      return found == call.query.end() ? nullptr : &found->second;
    };
    const auto limit = page_limit(call.query);
    if (!limit) return reply(problem(400, limit.error().message));
    const auto after = position_of(given("continue"));
    if (!after) return reply(problem(400, "continue has to be what the page before said"));
    const std::string* const source = given("source");
    Array items;
    std::size_t total = 0;
    std::string last, next;
    for (const auto& [key, operations] : access->view().models) {
      const openapi::Model& model = operations->model();
      if (!sees_model(call.caller, key) || (source != nullptr && *source != model.version_id())) continue;
      const auto roles = runtime::roles_of(model);
      total += roles.size();
      for (const runtime::Role& role : roles) {
        if (std::tie(key.ns, key.name, role.name) <= std::tie((*after)[0], (*after)[1], (*after)[2])) continue;
        if (items.size() >= *limit) {
          next = last;
          break;
        }
        items.push_back(described(key, role));
        last = fmt::format("{}/{}/{}", key.ns, key.name, role.name);
      }
    }
    Object page{{"items", std::move(items)}, {"total", total}};
    if (!next.empty()) page["continue"] = next;
    reply(json_answer(200, page));
  }

  net::Response integration_schema(const ResourceKey& key) const {
    const auto operations = runtime::operations_of(access->view(), key);
    if (operations == nullptr) return problem(503, "its model is not there, or cannot be used");
    return json_answer(200, settings_schema(operations->model()));
  }

  net::Response exported(const ResourceKey& key) const {
    if (!parts.exported) return problem(404, "this build does not export");
    const auto result = parts.exported(access->view(), key);
    return result ? json_answer(200, *result) : problem(status_of(result.error().fault), result.error().message);
  }

  net::Response log_level(const ResourceKey& key) const {
    if (!parts.log_level) return problem(404, "calls are not logged here");
    const runtime::ActiveLevel active = parts.log_level(key);
    Object answer{{"level", runtime::to_string(active.level)}, {"declared", runtime::to_string(active.declared)}};
    if (active.until) answer["until"] = format_time(*active.until);
    return json_answer(200, answer);
  }

  // Until then, or until the controller starts again; then the manifest's level counts.
  net::Response set_log_level(const Call& call, const ResourceKey& key) const {
    const ResourceKey model = runtime::model_of(access->view(), key);
    if (!call.caller.admin && !access->roles(call.caller, model).contains("admin")) {
      const std::string needed = fmt::format("not authorized: it needs the role \"admin\" of {}", model.name);
      tell_denied(call.caller, "log.denied", to_string(key), needed);
      return problem(403, needed);
    }
    if (!parts.set_log_level) return problem(404, "calls are not logged here");
    const auto asked = level_body(call.request);
    if (!asked) return problem(asked.error().fault == Fault::denied ? 415 : 400, asked.error().message);
    const SystemTime until = parts.clock.now() + asked->span;
    if (const auto set = parts.set_log_level(key, asked->level, until); !set)
      return problem(status_of(set.error().fault), set.error().message);
    tell(call.caller, "log.level", to_string(key),
         fmt::format("{} until {}", runtime::to_string(asked->level), format_time(until)));
    return log_level(key);
  }

  void serve_connectors(const Call& call, const Reply& reply) {
    const std::string actor = fmt::format("{}/{}", call.caller.kind, call.caller.name);
    api::serve_connectors(
        parts.connectors, {call.matched.route->endpoint, call.matched.segments, call.query, call.request, actor},
        [this, &call](std::string action, std::string subject, std::string message) {
          tell(call.caller, std::move(action), std::move(subject), std::move(message));
        },
        reply);
  }

  // For programs that watch; people who signed in see what their roles let them, and these are the names of sites.
  net::Response metrics(const Caller& caller) const {
    if (!caller.admin && caller.kind != "ServiceAccount")
      return problem(403, "metrics are for service accounts: plumbline token create");
    if (!parts.metrics) return problem(404, "nothing is measured here");
    net::Response answer = json_answer(200, nullptr);
    answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    answer.body = parts.metrics();
    return answer;
  }

  void list_tokens(const Reply& reply) const {
    const auto tokens = parts.tokens.list();
    if (!tokens) return reply(problem(503, tokens.error().message));
    Array items;
    for (const auto& token : *tokens) items.push_back(described(token));
    reply(json_answer(200, Object{{"items", std::move(items)}}));
  }

  void revoke_token(const Call& call, const Reply& reply) {
    const auto revoked = parts.tokens.revoke(call.segment(0));
    if (!revoked) return reply(problem(status_of(revoked.error().fault), revoked.error().message));
    tell(call.caller, "token.revoked", call.segment(0), "");
    reply(json_answer(200, Object{{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}}));
  }

  void sign_in(const Call& call, const Reply& reply) {
    if (!parts.sign_in) return reply(problem(404, "nobody can sign in here with a password"));
    auto attempt = login_body(call.request);
    if (!attempt) return reply(problem(attempt.error().fault == Fault::denied ? 415 : 400, attempt.error().message));
    attempt->network = network_of(call.request.peer);
    parts.sign_in(std::move(*attempt),
                  [weak = weak_from_this(), peer = call.request.peer, reply](const runtime::SignInOutcome& outcome) {
                    const auto self = weak.lock();
                    if (!self) return;
                    LoginAnswer answer = answer_login(outcome, self->parts.tokens, peer);
                    if (answer.event && self->parts.audit) self->parts.audit(*answer.event);
                    reply(std::move(answer.response));
                  });
  }

  void sign_out(const Call& call, const Reply& reply) {
    if (call.caller.kind != "User")
      return reply(problem(403, "this token was not made by signing in; see plumbline token revoke"));
    const auto revoked = parts.tokens.revoke(call.token_id);
    if (!revoked) return reply(problem(status_of(revoked.error().fault), revoked.error().message));
    tell(call.caller, "login.ended", call.token_id, "");
    reply(json_answer(200, Object{{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}}));
  }

  void begin_login(const ResourceKey& key, const Reply& reply) const {
    if (!parts.begin_login) return reply(problem(404, "nobody can sign in here"));
    parts.begin_login(key, [reply](auto begun) {
      if (!begun) return reply(problem(status_of(begun.error().error.fault), begun.error().error.message));
      reply(json_answer(200, Object{{"url", begun->url}, {"expires", format_time(begun->expires)}}));
    });
  }

  void finish_login(const Call& call, const Reply& reply) const {
    if (!parts.finish_login) return reply(problem(404, "nobody can sign in here"));
    const auto text = [&](const char* name) {
      const auto found = call.query.find(name);
      return found == call.query.end() ? std::string() : found->second;
    };
    const runtime::LoginAnswer answer{.state = text("state"),
                                      .code = text("code"),
                                      .error = text("error"),
                                      .error_description = text("error_description"),
                                      .issuer = text("iss")};
    parts.finish_login(answer, [reply](auto finished) {
      if (!finished)
        return reply(html_page(400, "The login did not succeed: " + printable(finished.error().error.message)));
      reply(html_page(200, fmt::format("Signed in for {}. You can close this page.", to_string(*finished))));
    });
  }
};

Api::Api(ApiParts parts) : state_(std::make_shared<State>(std::move(parts))) {}
Api::~Api() = default;

void Api::publish(std::shared_ptr<const runtime::RegistryView> view) {
  state_->access = std::make_shared<const runtime::Access>(std::move(view));
}

void Api::handle(net::Request request, Reply reply) { state_->handle(std::move(request), std::move(reply)); }

std::vector<std::string> Api::routes() {
  std::vector<std::string> all;
  for (const Route& route : all_routes()) all.push_back(fmt::format("{} {}", route.method, route.pattern));
  return all;
}

}  // namespace plumb::api
