#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/base/clock.h"
#include "controller/model/resource.h"
#include "controller/model/value.h"
#include "controller/openapi/request.h"
#include "controller/runtime/authenticator.h"
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
  int attempts;
  HttpTiming timing{};  // of the last attempt
};

struct InvokerParts {
  HttpSender& sender;
  SecretReader& secrets;
  TokenStore& tokens;
  EventLoop& loop;
  const Clock& clock;
};
// Calls operations of integrations: arguments checked against the model, request formed, authorised, sent, repeated
// where that is safe, answer normalised. On the loop's thread; whether the actor may is the caller's business.
class Invoker {
 public:
  using Done = std::function<void(Invoked)>;
  explicit Invoker(const InvokerParts& parts);  // which must outlive it
  ~Invoker();
  // What it works with from now on. Calls under way end with what they began with. Connections, tokens, circuit
  // breakers and rate limits of integrations that did not change stay.
  void publish(std::shared_ptr<const RegistryView> view);
  void invoke(Invocation invocation, Done done);
  // One request that shows whether the target can be reached and takes the credential, as spec.probe says. The result
  // is as of invoke; `ok` also where the target answered anything but 401, 403, 407 and 5xx to a HEAD.
  void probe(const ResourceKey& integration, Done done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plumb::runtime
