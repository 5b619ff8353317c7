#include "controller/api/connector_routes.h"

#include <algorithm>
#include <set>

#include "controller/api/answers.h"
#include "controller/api/call_body.h"
#include "controller/base/text.h"

namespace plumb::api {
namespace {

using Reply = net::HttpServer::Reply;
using runtime::ConnectorAction;

net::Response problem_of(const Error& error) { return problem(status_of(error.fault), error.message); }
// Of a body: what is not JSON by its type is another status.
net::Response bad_body(const Error& error) { return problem(error.fault == Fault::denied ? 415 : 400, error.message); }

net::Response success() {
  return json_answer(200, Object{{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}});
}

net::Response list_of(Result<std::vector<Value>> items) {
  if (!items) return problem_of(items.error());
  return json_answer(
      200, Object{{"items", Array(std::make_move_iterator(items->begin()), std::make_move_iterator(items->end()))}});
}

net::Response zip_answer(std::string bytes, const std::string& name) {
  net::Response answer = json_answer(200, nullptr);
  answer.content_type = "application/zip";
  answer.headers.emplace_back("Content-Disposition", fmt::format("attachment; filename=\"{}.zip\"", name));
  answer.body = std::move(bytes);
  return answer;
}

const std::string* given(const ConnectorCall& call, const char* name) {
  const auto found = call.query.find(name);
  return found == call.query.end() ? nullptr : &found->second;
}

Result<bool> flag_of(const ConnectorCall& call, const char* name) {
  const std::string* const text = given(call, name);
  if (text == nullptr) return false;
  if (*text != "true" && *text != "false") return fail(Fault::invalid, "{} has to be true or false", name);
  return *text == "true";
}

using Place = std::pair<std::string, std::string>;  // namespace and name

Place place_of(const Value& row) {
  return {text_at(row, "/namespace").value_or(""), text_at(row, "/name").value_or("")};
}

// "namespace/name"; empty texts, before all others, where nothing is given.
Result<Place> place_after(const ConnectorCall& call) {
  const std::string* const text = given(call, "continue");
  if (text == nullptr) return Place();
  const std::size_t slash = text->find('/');
  if (slash == std::string::npos) return fail(Fault::invalid, "continue has to be what the page before said");
  return Place(text->substr(0, slash), text->substr(slash + 1));
}

// By what comes next rather than by number, so that those that come or go between two pages make no gap and nothing
// twice.
Result<Value> page_of(const ConnectorParts& parts, const ConnectorCall& call) {
  PLUMB_TRY(const auto wanted, runtime::read_query(call.query));
  PLUMB_TRY(const std::size_t limit, page_limit(call.query));
  PLUMB_TRY(const Place after, place_after(call));
  PLUMB_TRY(auto all, parts.list());
  Array items;
  std::size_t total = 0;
  Place last;
  bool more = false;
  for (Value& row : all) {
    if (!runtime::matches(wanted, row)) continue;
    ++total;
    Place place = place_of(row);
    if (place <= after) continue;
    more = items.size() >= limit;
    if (more) continue;
    last = std::move(place);
    items.push_back(std::move(row));
  }
  Object page{{"items", std::move(items)}, {"total", total}};
  if (more) page["continue"] = last.first + "/" + last.second;
  return Value(std::move(page));
}

// One call to the routes of a single Connector or of many.
class Serving {
 public:
  Serving(const ConnectorParts& parts, const ConnectorCall& call, const ConnectorTell& tell, const Reply& reply)
      : parts_(parts), call_(call), tell_(tell), reply_(reply) {}

  void run() {
    switch (call_.endpoint) {
      case Endpoint::list_connectors: return answer(page_of(parts_, call_));
      case Endpoint::get_connector: return answer(parts_.get(key_));
      case Endpoint::archive_connectors: return act_on_many(ConnectorAction::archive);
      case Endpoint::restore_connectors: return act_on_many(ConnectorAction::restore);
      case Endpoint::delete_connectors: return act_on_many(ConnectorAction::remove);
      case Endpoint::delete_connector: return remove();
      case Endpoint::create_connector_token: return create_token();
      case Endpoint::list_connector_tokens: return reply_(list_of(parts_.tokens()));
      case Endpoint::revoke_connector_token: return revoke_token();
      case Endpoint::revoke_connector: return revoke();
      case Endpoint::test_connector: return test();
      case Endpoint::connector_logs: return logs();
      case Endpoint::request_connector_log: return request_log();
      case Endpoint::list_log_requests: return reply_(list_of(parts_.log_requests(key_)));
      case Endpoint::requested_connector_log: return requested_log();
      case Endpoint::delete_log_request: return remove_log_request();
      default: return reply_(problem(404, "there is nothing at this path"));
    }
  }

 private:
  void answer(Result<Value> result, int status = 200) const {
    reply_(result ? json_answer(status, *result) : problem_of(result.error()));
  }
  void told(const std::string& what, const std::string& message = {}) const {
    tell_("connector." + what, to_string(key_), message);
  }
  const std::string& id() const { return call_.segments[2]; }

  void act(ConnectorAction action, const std::vector<ResourceKey>& connectors, bool force) const {
    auto outcomes = parts_.act(action, connectors, force, call_.actor);
    if (!outcomes) return reply_(problem_of(outcomes.error()));
    std::size_t failed = 0;
    for (const Value& each : *outcomes) {
      const bool done = bool_at(each, "/done").value_or(false);
      failed += done ? 0 : 1;
      if (done)
        tell_(fmt::format("connector.{}", runtime::to_string(action)),
              fmt::format("Connector/{}/{}", text_at(each, "/namespace").value_or(""),
                          text_at(each, "/name").value_or("")),
              "");
    }
    reply_(json_answer(200, Object{{"items", Array(std::make_move_iterator(outcomes->begin()),
                                                   std::make_move_iterator(outcomes->end()))},
                                   {"failed", failed}}));
  }

  void act_on_many(ConnectorAction action) const {
    const auto body = connectors_body(call_.request, action == ConnectorAction::remove);
    if (!body) return reply_(bad_body(body.error()));
    act(action, body->connectors, body->force);
  }

  void remove() const {
    const auto force = flag_of(call_, "force");
    if (!force) return reply_(problem_of(force.error()));
    const auto outcomes = parts_.act(ConnectorAction::remove, {key_}, *force, call_.actor);
    if (!outcomes) return reply_(problem_of(outcomes.error()));
    const Value& outcome = outcomes->front();
    if (!bool_at(outcome, "/done").value_or(false))
      return reply_(problem(409, text_at(outcome, "/message").value_or("")));
    told("deleted");
    reply_(json_answer(200, outcome));
  }

  void create_token() const {
    const auto lifetime = token_body(call_.request);
    if (!lifetime) return reply_(bad_body(lifetime.error()));
    const auto created = parts_.create_token(key_, *lifetime, call_.actor);
    if (created)
      told("token-created", fmt::format("{}, until {}", text_at(*created, "/id").value_or(""),
                                        text_at(*created, "/expires").value_or("")));
    answer(created, 201);
  }

  void revoke_token() const {
    const std::string& token = call_.segments[0];
    if (const auto revoked = parts_.revoke_token(token); !revoked) return reply_(problem_of(revoked.error()));
    tell_("connector.token-revoked", token, "");
    reply_(success());
  }

  void revoke() const {
    const auto revoked = parts_.revoke(key_);
    if (revoked) told("revoked");
    answer(revoked);
  }

  void test() const {
    told("tested");
    parts_.test(key_, call_.actor, [reply = reply_](const Result<Value>& tested) {
      reply(tested ? json_answer(200, *tested) : problem_of(tested.error()));
    });
  }

  std::string file_name() const { return fmt::format("connector-{}-{}", key_.ns, key_.name); }

  void logs() const {
    const auto follow = flag_of(call_, "follow");
    if (!follow) return reply_(problem_of(follow.error()));
    static const std::set<std::string> kLevels = {"", "debug", "info", "warning", "error"};
    const std::string* const level = given(call_, "level");
    if (level != nullptr && (!kLevels.contains(*level) || !*follow))
      return reply_(problem(400, "level goes with follow=true, and is debug, info, warning or error"));
    if (*follow) {
      auto source = parts_.follow(key_, call_.actor, level == nullptr ? "" : *level);
      if (!source) return reply_(problem_of(source.error()));
      told("log-followed");
      net::Response response = json_answer(200, nullptr);
      response.content_type = "text/plain; charset=utf-8";
      response.body.clear();
      response.source = std::move(*source);
      return reply_(std::move(response));
    }
    told("log-requested");
    parts_.logs(key_, call_.actor, [reply = reply_, name = file_name()](Result<std::string> zip) {
      reply(zip ? zip_answer(std::move(*zip), name) : problem_of(zip.error()));
    });
  }

  void request_log() const {
    const auto requested = parts_.request_log(key_, call_.actor);
    if (requested) told("log-requested", text_at(*requested, "/id").value_or(""));
    answer(requested, 202);
  }

  void requested_log() const {
    auto zip = parts_.requested_log(key_, id());
    if (zip) told("log-fetched", id());
    reply_(zip ? zip_answer(std::move(*zip), fmt::format("{}-{}", file_name(), id())) : problem_of(zip.error()));
  }

  void remove_log_request() const {
    if (const auto removed = parts_.remove_log_request(key_, id()); !removed)
      return reply_(problem_of(removed.error()));
    told("log-request-deleted", id());
    reply_(success());
  }

  const ConnectorParts& parts_;
  const ConnectorCall& call_;
  const ConnectorTell& tell_;
  const Reply& reply_;
  const ResourceKey key_{"Connector", call_.segments[0], call_.segments[1]};
};

}  // namespace

bool is_connector_endpoint(Endpoint endpoint) {
  return endpoint >= Endpoint::list_connectors && endpoint <= Endpoint::delete_log_request;
}

void serve_connectors(const ConnectorParts& parts, const ConnectorCall& call, const ConnectorTell& tell,
                      const net::HttpServer::Reply& reply) {
  if (!parts.list) return reply(problem(404, "no connector can dial in to this process"));
  Serving(parts, call, tell, reply).run();
}

}  // namespace plumb::api
