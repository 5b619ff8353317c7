// Tokens of service accounts for the HTTP API.

#include <ostream>

#include <boost/json/serialize.hpp>

#include "controller/app/commands.h"
#include "controller/app/runtime_session.h"
#include "controller/app/state.h"
#include "controller/base/text.h"
#include "controller/runtime/access_tokens.h"

namespace plumb::app {
Result<int> token_create_command(const GlobalOptions& options, const TokenOptions& token, Console& console) {
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline token", clock));
  runtime::AccessTokens tokens(state->store(), clock);
  PLUMB_TRY(const auto created, tokens.create({.account = token.account,
                                               .lifetime = token.expires,
                                               .admin = token.admin,
                                               .description = token.description,
                                               .created_by = current_actor()}));
  PLUMB_CHECK(note_done(
      *state, {},
      fmt::format("token.created: {} for ServiceAccount/{}{}, until {}", created.token.id, created.token.account,
                  created.token.admin ? " (admin)" : "", format_time(created.token.expires))));
  console.err << "The token of " << created.token.account << ", good until " << format_time(created.token.expires)
              << "; it is shown this once:\n"
              << std::flush;
  console.out << created.text.reveal() << '\n';
  return kOk;
}

Result<int> token_list_command(const GlobalOptions& options, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline token", clock));
  PLUMB_TRY(const auto all, runtime::AccessTokens(state->store(), clock).list());
  Array documents;
  std::vector<std::vector<std::string>> rows;
  for (const auto& token : all) {
    const bool expired = token.expires <= clock.now();
    rows.push_back({token.id, token.kind == "User" ? "User/" + token.account : token.account,
                    token.admin ? "yes" : "no", format_time(token.expires) + (expired ? " (expired)" : ""),
                    printable(token.created_by), printable(token.description)});
    documents.push_back(Object{{"id", token.id},
                               {"account", token.account},
                               {"kind", token.kind},
                               {"admin", token.admin},
                               {"created", format_time(token.created)},
                               {"expires", format_time(token.expires)},
                               {"createdBy", token.created_by},
                               {"description", token.description}});
  }
  if (options.output == "json") {
    console.out << boost::json::serialize(documents) << '\n';
  } else {
    console.out << table({"ID", "ACCOUNT", "ADMIN", "EXPIRES", "CREATED BY", "DESCRIPTION"}, rows);
  }
  return kOk;
}

Result<int> token_revoke_command(const GlobalOptions& options, const TokenOptions& token, Console& console) {
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline token", clock));
  PLUMB_CHECK(runtime::AccessTokens(state->store(), clock).revoke(token.id));
  PLUMB_CHECK(note_done(*state, {}, fmt::format("token.revoked: {}", token.id)));
  console.out << "revoked " << token.id << '\n';
  return kOk;
}

}  // namespace plumb::app
