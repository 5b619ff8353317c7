#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/model/value.h"
#include "controller/ports/http_sender.h"

namespace plumb::test {

// An Itential Platform in memory, as far as this project talks to one, with its oddities. What each behaviour rests on:
// REC a recorded answer, MEAS measured by a third party, DOC the vendor's pages, CODE the vendor's clients, INF
// inferred here, so that a real Platform may differ.
//
//   POST /login: raw token text, not JSON; long body {user:{...}}                                   DOC, CODE
//     short body {username,password}                                                                MEAS
//     a refused login answers 200 with an error text that looks like a token (`login_lies`)         MEAS
//     500 on SaaS (`login_broken`)                                                                  MEAS
//   POST /oauth/token: form, expires_in 3600, Bearer; the token ends then                           DOC, CODE
//   Basic on each call; token as Cookie or ?token=                                                  DOC
//   401 with {message} where none of them holds                                                     INF
//   GET lists: skip, limit 25 unless given, never more than 100, total                              DOC, CODE, MEAS
//     answers {integrationModels, total} and {results:[{metadata,data}], total}                     DOC, CODE
//     without `sort` (or with `ignores_sort`): in an order that turns with every request            MEAS (that pages
//     shift)
//   names in paths: percent-encoded; one with "/" finds no route                                    DOC, REC
//   POST /integrations: {properties:{...}} wrapper or 400; {status,message,data}; fills brokers,
//     groups, isEncrypted, loggerProps, tls, server and version from the model                      REC
//     "already exists" is HTTP 500                                                                  MEAS (models), INF
//     (integrations) another name than asked for (`renames`)                                                       MEAS
//   PUT /integrations/{name} and /{name}/properties: whole service, inner block                     DOC, MEAS
//     keys that are absent stay (`put_replaces`: they go)                                           INF, both ways
//     unknown keys are kept                                                                         INF (FEATURES A9)
//   DELETE: 200, 404 where there is none; a model while instances name it: 500 with a text          DOC, MEAS; status
//   INF POST /integration-models: {model}; "already exists" is HTTP 500; roles by versionId             DOC, MEAS
//     invalid documents: a list [{instancePath,message}]; exclusiveMinimum: true is one             MEAS; status INF
//   PUT /integration-models: 500 on 6.5.2 (`model_put` makes it work)                               MEAS, DOC
//   relative server URL "/v3": protocol "http", host "/v3", base_path ""                            REC
//   secrets read back as "", but "$SECRET_..." as it was written                                    DOC; MEAS
//     a "" that is written to a secret wipes it                                                     INF (VENDORS 1.10)
class PlatformSimulator {
 public:
  explicit PlatformSimulator(const Clock& clock) : clock_(clock) {}

  // Switches.
  bool login_lies = false, login_broken = false, ignores_sort = false, renames = false, put_replaces = false,
       model_put = false;
  // Looked at before anything else: an answer in its place, or a change by somebody else meanwhile.
  std::function<std::optional<HttpSender::Answer>(const HttpRequest&)> before;

  HttpSender::Answer answer(const HttpRequest& request);
  std::function<HttpSender::Answer(HttpRequest, Deadline)> sender() {
    return [this](const HttpRequest& request, Deadline deadline) -> HttpSender::Answer {
      if (clock_.steady() < deadline.at) return answer(request);
      return tl::unexpected(HttpFailure{HttpFailure::Stage::connect, false, Error{Fault::timeout, "no time left", {}}});
    };
  }

  // As an administrator would by hand.
  void add_model(const Value& document);
  void add_integration(const std::string& name, const std::string& version_id, Value settings = Object());
  void forget_tokens() { tokens_.clear(); }

  // With secrets in clear; null: there is none.
  Value* integration(const std::string& name);
  Value* model(const std::string& version_id);  // the document
  std::size_t integrations() const { return integrations_.size(); }
  std::size_t models() const { return models_.size(); }
  std::set<std::string> roles;  // "Title:Version/admin"

  std::vector<HttpRequest> log;  // all but sign-in
  std::size_t logins = 0;
  std::size_t writes() const;  // requests of `log` that are no GET

  static constexpr std::string_view kUser = "svc", kPassword = "Login-Canary-1", kClient = "0123456789abcdef01234567",
                                    kClientSecret = "Client-Canary-2";

 private:
  struct Call;
  HttpSender::Answer sign_in(const Call& call);
  HttpSender::Answer oauth(const Call& call);
  bool signed_in(const Call& call) const;
  HttpSender::Answer route(const Call& call);
  HttpSender::Answer on_integrations(const Call& call);
  HttpSender::Answer on_integration(const Call& call, const std::string& name, bool inner);
  HttpSender::Answer on_models(const Call& call);
  HttpSender::Answer on_model(const Call& call, const std::string& name, const std::string& what);
  HttpSender::Answer create_integration(const Value& body);
  HttpSender::Answer page(const Call& call, std::vector<Value> all, const std::string& member, const std::string& key);
  Value filled(Value service);
  std::string new_token();

  const Clock& clock_;
  std::vector<Value> integrations_;
  std::vector<Value> models_;  // documents
  std::map<std::string, SystemTime> tokens_;
  int serial_ = 0, turns_ = 0;
};

}  // namespace plumb::test
