#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/ports/http_sender.h"
#include "controller/ports/secret_reader.h"
#include "controller/runtime/authenticator.h"

// What several authentication schemes need. On the loop's thread.
namespace plumb::runtime {

using SharedSecret = std::shared_ptr<const Secret>;
using Secrets = std::vector<SharedSecret>;

// All of them, in that order, or the first error.
void read_secrets(SecretReader& reader, std::vector<std::string> references, std::function<void(Result<Secrets>)> done);

// Whether the bytes can be sent in a place of a request without becoming something else there. Fault::invalid names
// `reference`, never a byte.
enum class Place {
  inside,  // of something that is encoded: no control characters
  header,
  token,  // visible ASCII, as after "Bearer "
  cookie,
};
Result<void> check_text(std::string_view bytes, Place place, std::string_view reference);

// A credential takes the place of what the caller has put there: two values would let the target choose.
void set_header(HttpRequest& request, std::string_view name, std::string value);
void set_query(Url& url, std::string_view name, std::string_view value);
// Into the one Cookie header (RFC 6265, 5.4).
void set_cookie(HttpRequest& request, std::string_view name, std::string_view value);

// application/x-www-form-urlencoded: a space is "+".
std::string form_encode(std::string_view text);
void add_to_form(std::string& form, std::string_view name, std::string_view value);

// A parameter of x-itential-parameters with its value.
struct ExtraParameter {
  std::string name, value;
  openapi::In in = openapi::In::query;
  bool in_body = false;
};

// "name=***&other=***": values in a query may be secrets.
std::string masked_url(const Url& url);
// The answer without the secrets that were sent, should it repeat them: as they are, and percent-encoded. Of `extra`,
// what is long enough to be one.
openapi::Received received(const HttpRequest& request, HttpResponse response, Secrets sent,
                           const std::vector<ExtraParameter>& extra = {});

// Those that are for `use` ("token", "refresh", "key"). Fault::invalid where a required one has no value.
Result<std::vector<ExtraParameter>> extra_parameters(const AuthSettings& settings, std::string_view use);
// Header, query and cookie onto the request, the others onto its body, which is a form.
void put_extra(HttpRequest& request, const std::vector<ExtraParameter>& extra);

// The reference of the secret source at `pointer` of the Credential's spec. Fault::invalid names the pointer.
Result<std::string> reference_at(const Value& credential, std::string_view pointer);
// The command that a person signs in with: "plumbline login crm".
std::string how_to_sign_in(const ResourceKey& integration);
// "/spec/basic/username of the Credential: ..."
Failure wrong_credential(std::string_view pointer, std::string_view what);

// What requests of our own need besides: kept as long as any of them is under way.
struct SharedSettings : AuthSettings {
  // The target's route without the name and the certificate that are for the target alone: to other origins. One
  // object, as connections are shared by it.
  std::shared_ptr<const HttpRoute> elsewhere;
};
std::shared_ptr<const SharedSettings> shared(AuthSettings settings);
// The route to where tokens and keys come from.
std::shared_ptr<const HttpRoute> route_to(const Url& url, const SharedSettings& settings);

// An answer that can be used is small.
HttpLimits small_answer(const HttpLimits& limits);
// When to come again, as it says in seconds (RFC 9110, 10.2.3); at most an hour.
std::chrono::milliseconds retry_after(const HttpHeaders& headers);

// Texts of a document that held a secret.
void wipe_texts(Value& value);

// Has secrets read again that were refused somewhere, but not for each refusal: they are the same mostly.
class Rereading {
 public:
  Rereading(SecretReader& reader, const Clock& clock) : reader_(reader), clock_(clock) {}
  void forget(const std::vector<std::string>& references);

 private:
  SecretReader& reader_;
  const Clock& clock_;
  std::optional<SteadyTime> forgot_;
};

// How often a token or key was handed out, so that the late refusal of one that was replaced meanwhile does not throw
// away what replaced it: of eight calls under way, one refusal renews and seven are stragglers.
class Handouts {
 public:
  void handed_out() { ++current_; }
  // Something new is handed out from here on.
  void replaced(SteadyTime at);
  // True: drop what is in use. False: the refusal is of what was dropped already, or replaced a moment ago.
  bool refused(SteadyTime at);

 private:
  bool dropped_ = false;
  std::uint64_t current_ = 0, stragglers_ = 0;
  SteadyTime replaced_{};
};

}  // namespace plumb::runtime
