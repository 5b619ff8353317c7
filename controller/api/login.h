#pragma once

#include <optional>

#include "controller/api/api.h"
#include "controller/base/result.h"
#include "controller/net/http_message.h"
#include "controller/runtime/access_tokens.h"
#include "controller/runtime/sign_ins.h"

namespace plumb::api {

// The body of a sign-in: {username: TEXT, password: TEXT, directory?: "namespace/name"}. Takes the body out of the
// request: what of it was held here is wiped. Faults as of call_body().
Result<runtime::SignInAttempt> login_body(net::Request& request);

struct LoginAnswer {
  net::Response response;
  std::optional<Event> event;  // nothing: it is not worth a record
};
// What became of it, with a token for who signed in. `peer`: who asked, for the record.
LoginAnswer answer_login(const runtime::SignInOutcome& outcome, runtime::AccessTokens& tokens, const std::string& peer);

}  // namespace plumb::api
