#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/api/connector_routes.h"
#include "controller/base/clock.h"
#include "controller/model/status.h"
#include "controller/net/http_server.h"
#include "controller/runtime/access.h"
#include "controller/runtime/access_tokens.h"
#include "controller/runtime/auth_code.h"
#include "controller/runtime/integration_log.h"
#include "controller/runtime/invoker.h"
#include "controller/runtime/sign_ins.h"

// The HTTP API: reads integrations, invokes their operations, and handles tokens. It writes no manifests: those are
// Git's (docs/decisions/0012). docs/api.md lists the routes.
namespace plumb::api {

// Something that is worth a record, for the audit log.
struct Event {
  std::string actor;    // "ServiceAccount/ci"
  std::string action;   // "token.revoked", "invoke.denied"
  std::string subject;  // "Integration/default/crm"
  std::string message;
  bool security = false;  // somebody was refused, or may be who they are not
};

struct ApiParts {
  runtime::AccessTokens& tokens;
  const Clock& clock;
  std::function<void(runtime::Invocation, runtime::Invoker::Done)> invoke;
  // Nothing: nobody wrote one. May be empty.
  std::function<std::optional<Status>(const ResourceKey&)> status{};
  std::function<void(const Event&)> audit{};
  // Calls that failed, newest first (runtime::FailedCalls); may be empty.
  std::function<Result<std::vector<Value>>(const ResourceKey& integration)> failures{};
  // How people sign in for an integration (runtime::Logins); may be empty.
  std::function<void(const ResourceKey& integration, runtime::Logins::Begun)> begin_login{};
  std::function<void(const runtime::LoginAnswer&, runtime::Logins::Finished)> finish_login{};
  // How people sign in here, with the password that a directory has of them (runtime::SignIns); may be empty.
  std::function<void(runtime::SignInAttempt, runtime::SignIns::Done)> sign_in{};
  // How calls of an integration are logged, and for how long it is to be otherwise; may be empty.
  std::function<runtime::ActiveLevel(const ResourceKey& integration)> log_level{};
  std::function<Result<void>(const ResourceKey& integration, runtime::LogLevel, SystemTime until)> set_log_level{};
  // The form in which a platform takes an integration (FEATURES A14); may be empty.
  std::function<Result<Value>(const runtime::RegistryView&, const ResourceKey&)> exported{};
  ConnectorParts connectors{};             // may be empty
  std::function<std::string()> metrics{};  // in the text format of Prometheus, 0.0.4; may be empty
};

// On the thread of the server and of the invoker.
class Api {
 public:
  explicit Api(ApiParts parts);  // which must outlive it
  ~Api();
  // What may be seen and called from now on.
  void publish(std::shared_ptr<const runtime::RegistryView> view);
  void handle(net::Request request, net::HttpServer::Reply reply);

  // Every route, for tests and documents: "POST /api/v1/namespaces/{ns}/integrations/{name}/operations/{operation}".
  static std::vector<std::string> routes();

 private:
  struct State;
  std::shared_ptr<State> state_;  // weakly held by what comes later
};

}  // namespace plumb::api
