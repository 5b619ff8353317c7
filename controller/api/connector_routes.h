#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "controller/api/route.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/net/http_server.h"
#include "controller/runtime/connector_list.h"

namespace plumb::api {

// What is known of Connectors and can be done with them, on the API's thread. `actor` is who asks. Where there is no
// `list`, no connector can dial in to this process, and there are none of the others.
struct ConnectorParts {
  using Connector = const ResourceKey&;
  using Actor = const std::string&;
  template <class T>
  using Later = std::function<void(Result<T>)>;

  std::function<Result<std::vector<Value>>()> list{};  // summaries, by namespace and name
  std::function<Result<Value>(Connector)> get{};
  // {id, token, expires, ...} of a token that is shown this once.
  std::function<Result<Value>(Connector, Duration lifetime, Actor)> create_token{};
  std::function<Result<std::vector<Value>>()> tokens{};
  std::function<Result<void>(const std::string& id)> revoke_token{};
  std::function<Result<Value>(Connector)> revoke{};  // {identities}: how many ended
  // {namespace, name, done, message} of each.
  std::function<Result<std::vector<Value>>(runtime::ConnectorAction, const std::vector<ResourceKey>&, bool force,
                                           Actor)>
      act{};
  // Of the agent, which has to be online: what it reaches; its log as a ZIP; its log as it is written, from a level on.
  std::function<void(Connector, Actor, Later<Value>)> test{};
  std::function<void(Connector, Actor, Later<std::string>)> logs{};
  std::function<Result<net::BodySource>(Connector, Actor, const std::string& level)> follow{};
  // The log of one that may be offline, once it is there.
  std::function<Result<Value>(Connector, Actor)> request_log{};
  std::function<Result<std::vector<Value>>(Connector)> log_requests{};
  std::function<Result<std::string>(Connector, const std::string& id)> requested_log{};  // the ZIP
  std::function<Result<void>(Connector, const std::string& id)> remove_log_request{};
};

struct ConnectorCall {
  Endpoint endpoint;
  const std::array<std::string, 3>& segments;
  const std::map<std::string, std::string>& query;
  const net::Request& request;
  const std::string& actor;
};
// What is worth a record; the subject is a Connector, or a token's id.
using ConnectorTell = std::function<void(std::string action, std::string subject, std::string message)>;

bool is_connector_endpoint(Endpoint endpoint);
// `call` and `tell` are used before it returns; `reply` may be called later.
void serve_connectors(const ConnectorParts& parts, const ConnectorCall& call, const ConnectorTell& tell,
                      const net::HttpServer::Reply& reply);

}  // namespace plumb::api
