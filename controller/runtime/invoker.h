#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/base/clock.h"
#include "controller/model/resource.h"
#include "controller/model/value.h"
#include "controller/openapi/request.h"
#include "controller/runtime/authenticator.h"
#include "controller/runtime/integration_settings.h"
#include "controller/runtime/invoker_record.h"
#include "controller/runtime/registry.h"

namespace plumb::runtime {

struct Invocation {
  ResourceKey integration;
  std::string operation;  // operationId
  openapi::Arguments arguments;
  std::string actor;                  // who asked: "ServiceAccount/ci", "root@host"
  std::string request_id;             // in logs and errors
  std::optional<Duration> timeout{};  // shorter than the integration's
};

// What came of it (FEATURES table J).
struct Invoked {
  // An object: the target (or a token endpoint) answered, see openapi::normalised; `ok` says whether well. A string:
  // the call could not be made, and why.
  Value result;
  bool ok = false;
  bool reached = false;           // the target answered
  Fault fault = Fault::internal;  // of a string
  int attempts = 0;               // requests that were sent
  HttpTiming timing{};            // of the last attempt
};

struct InvokerParts {
  HttpSender& sender;
  SecretReader& secrets;
  TokenStore& tokens;
  EventLoop& loop;
  const Clock& clock;
  // Everything below may be left out.
  // Called once for each call, when it has ended.
  std::function<void(const CallRecord&)> record{};
  // Whether the headers of its requests are recorded, besides where its own level is debug or below. Left out: no.
  std::function<bool(const ResourceKey& integration)> detailed{};
  // Whether connectors of the cluster are there to take a request whose route names it. Left out: none are.
  std::function<bool(const std::string& cluster)> online{};
  std::function<std::uint32_t()> random{};  // spreads repetitions
  std::function<Result<std::unique_ptr<Authenticator>>(AuthSettings, const AuthParts&)> make_authenticator{};
};
// Calls operations of integrations: arguments checked against the model, request formed, authorised, sent, repeated
// where that is safe, answer normalised. On the loop's thread; whether the actor may is the caller's business.
class Invoker {
 public:
  using Done = std::function<void(Invoked)>;
  explicit Invoker(InvokerParts parts);  // which must outlive it, and what the loop still holds
  ~Invoker();
  // What it works with from now on. Calls under way end with what they began with. Connections, tokens, circuit
  // breakers and rate limits of integrations that did not change stay.
  void publish(std::shared_ptr<const RegistryView> view);
  // `done` is called once, perhaps from within.
  void invoke(Invocation invocation, Done done);
  // One request that shows whether the target can be reached and takes the credential, as spec.probe says. The result
  // is as of invoke; `ok` also where the target answered anything but 401, 403, 407 and 5xx to a HEAD.
  // Where spec.probe is Off nothing is sent, and that is `ok`; a person who asks gets a HEAD all the same.
  void probe(const ResourceKey& integration, Done done, bool asked_for = false);
  // What an Integration comes to; null: there is none of that name.
  std::shared_ptr<const IntegrationSettings> settings(const ResourceKey& integration) const;
  // The credential of an integration is another one from here on: see Authenticator::drop. What is asked for next is
  // authorised anew.
  void drop_authenticator(const ResourceKey& integration);
  // For a login: what the authenticator of an Integration is made from. Faults as the strings of invoke. `done` may be
  // called from within.
  void auth_settings(const ResourceKey& integration, std::function<void(Result<AuthSettings>)> done) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace plumb::runtime
