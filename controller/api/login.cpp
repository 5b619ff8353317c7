#include "controller/api/login.h"

#include <algorithm>
#include <array>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>

#include "controller/api/answers.h"
#include "controller/api/call_body.h"
#include "controller/base/text.h"

namespace plumb::api {
namespace {

using Kind = runtime::SignInOutcome::Kind;

constexpr std::size_t kLongestBody = 8192, kLongestPassword = 1024;  // bytes

// Bytes that are wiped when they go.
struct Wiped {
  std::string bytes;
  explicit Wiped(std::string taken) : bytes(std::move(taken)) {}
  ~Wiped() { wipe(bytes); }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
};

Result<runtime::SignInAttempt> attempt_of(const Value& body) {
  if (!body.is_object()) return fail(Fault::invalid, "the body has to be a mapping");
  runtime::SignInAttempt attempt;
  for (const auto& [key, member] : body.get_object()) {
    const bool known = key == "username" || key == "password" || key == "directory";
    // Not what it is called: somebody may have typed a password there.
    if (!known) return fail(Fault::invalid, "the body has username, password and directory, and nothing else");
    if (!member.is_string()) return fail(Fault::invalid, "/{}: has to be a text", std::string_view(key));
    const std::string_view text = member.get_string();
    if (key == "username") {
      attempt.login = text;
    } else if (key == "directory") {
      attempt.directory = text;
    } else if (text.size() > kLongestPassword) {
      return fail(Fault::invalid, "/password: is longer than {} bytes", kLongestPassword);
    } else {
      attempt.password = std::make_shared<const Secret>(std::string(text));
    }
  }
  if (attempt.login.empty()) return fail(Fault::invalid, "/username: is needed");
  // Servers take an empty one for nobody's, and let that in (RFC 4513, 5.1.2).
  if (attempt.password == nullptr || attempt.password->empty()) return fail(Fault::invalid, "/password: is needed");
  return attempt;
}

net::Response asks_to_wait(int status, const runtime::SignInOutcome& outcome) {
  auto answer = problem(status, outcome.message);
  answer.headers.emplace_back("Retry-After",
                              std::to_string(std::chrono::ceil<std::chrono::seconds>(outcome.retry_after).count()));
  return answer;
}

net::Response refusal(const runtime::SignInOutcome& outcome) {
  switch (outcome.kind) {
    case Kind::wrong: return problem(401, outcome.message);
    case Kind::refused: return problem(403, outcome.message);
    case Kind::too_many: return asks_to_wait(429, outcome);
    case Kind::not_served: return problem(404, outcome.message);
    case Kind::which: return problem(400, outcome.message);
    case Kind::busy: return asks_to_wait(503, outcome);
    case Kind::not_available: return problem(503, outcome.message);
    case Kind::signed_in: break;
  }
  return problem(500, "there is no answer");
}

}  // namespace

Result<runtime::SignInAttempt> login_body(net::Request& request) {
  const Wiped body(std::move(request.body));
  request.body.clear();
  if (!is_json(request)) return fail(Fault::denied, "the body has to be application/json");
  if (body.bytes.size() > kLongestBody) return fail(Fault::invalid, "the body is longer than {} bytes", kLongestBody);
  // What is made of it lies within these, the parser's own copies too, and is wiped with them.
  Wiped room(std::string(8 * kLongestBody, '\0')), stack(std::string(8 * kLongestBody, '\0'));
  boost::json::monotonic_resource memory(reinterpret_cast<unsigned char*>(room.bytes.data()), room.bytes.size());
  boost::json::parse_options options;
  options.max_depth = 2;
  boost::json::parser parser(&memory, options, reinterpret_cast<unsigned char*>(stack.bytes.data()),
                             stack.bytes.size());
  boost::json::error_code error;
  parser.write(body.bytes, error);
  if (error) return fail(Fault::invalid, "the body is not JSON: {}", error.message());
  return attempt_of(parser.release());
}

LoginAnswer answer_login(const runtime::SignInOutcome& outcome, runtime::AccessTokens& tokens,
                         const std::string& peer) {
  const std::string actor = outcome.user.empty() ? "anonymous" : "User/" + printable(outcome.user);
  const auto event = [&](std::string action) {
    return Event{actor, std::move(action), to_string(outcome.directory),
                 fmt::format("from {}: {}", peer, outcome.record)};
  };
  if (outcome.kind != Kind::signed_in) {
    if (outcome.record.empty()) return {refusal(outcome), {}};
    auto refused = event("login.refused");
    refused.security = true;
    return {refusal(outcome), std::move(refused)};
  }
  const auto created = tokens.create({.account = outcome.user,
                                      .lifetime = outcome.lifetime,
                                      .description = "signed in",
                                      .created_by = to_string(outcome.directory),
                                      .kind = "User",
                                      .groups = outcome.groups});
  if (!created) {
    auto failed = event("login.failed");
    failed.message += ": " + created.error().message;
    return {problem(status_of(created.error().fault), created.error().message), std::move(failed)};
  }
  auto granted = event("login.granted");
  granted.message += fmt::format("; token {} until {}", created->token.id, format_time(created->token.expires));
  return {json_answer(200, Object{{"token", created->text.reveal()},
                                  {"tokenType", "Bearer"},
                                  {"id", created->token.id},
                                  {"expires", format_time(created->token.expires)},
                                  {"user", outcome.user},
                                  {"displayName", outcome.display_name},
                                  {"groups", Array(outcome.groups.begin(), outcome.groups.end())}}),
          std::move(granted)};
}

}  // namespace plumb::api
