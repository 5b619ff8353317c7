// Connectors, as the state has them: tokens and identities, lists, and one with everything.

#include <algorithm>
#include <ostream>

#include <boost/json/serialize.hpp>

#include "controller/app/command_connector.h"
#include "controller/app/commands.h"
#include "controller/app/connector_rows.h"
#include "controller/app/runtime_session.h"
#include "controller/app/state.h"
#include "controller/base/text.h"
#include "controller/manifest/yaml.h"

namespace plumb::app {
namespace {

constexpr std::string_view kPurpose = "plumbline connector";

std::string cell(const Value& row, std::string_view pointer) {
  const Value* const value = at(row, pointer);
  if (value == nullptr) return {};
  return value->is_string() ? printable(value->get_string()) : boost::json::serialize(*value);
}

std::string age_cell(const Value& row, std::string_view pointer, SystemTime now) {
  const auto when = parse_time(text_at(row, pointer).value_or(""));
  return when ? age(*when, now) : std::string();
}

}  // namespace

Result<int> connector_token_create_command(const GlobalOptions& options, const ConnectorOptions& asked,
                                           Console& console) {
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, kPurpose, clock));
  PLUMB_TRY(const auto all, connectors_in(state->store(), clock.now()));
  link::Identities identities(state->store(), clock);
  const ResourceKey key = connector_named(asked.name, options.ns);
  PLUMB_TRY(const auto created, make_connector_token(all.seen(), identities, key, asked.expires, current_actor()));
  PLUMB_CHECK(note_done(*state, key,
                        fmt::format("connector.token-created: {} for {}, until {}", created.token.id, key,
                                    format_time(created.token.expires))));
  console.err << "The token of " << key.ns << '/' << key.name << ", good once and until "
              << format_time(created.token.expires) << "; it is shown this once:\n"
              << std::flush;
  console.out << created.text.reveal() << '\n';
  return kOk;
}

Result<int> connector_token_list_command(const GlobalOptions& options, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, kPurpose, clock));
  PLUMB_TRY(const auto all, link::Identities(state->store(), clock).tokens());
  Array documents;
  std::vector<std::vector<std::string>> rows;
  for (const link::EnrolmentToken& token : all) {
    if (!options.ns.empty() && token.connector.ns != options.ns) continue;
    documents.push_back(described(token, clock.now()));
    rows.push_back({token.id, token.connector.ns + "/" + token.connector.name,
                    format_time(token.expires) + (token.expires <= clock.now() ? " (expired)" : ""),
                    printable(token.created_by)});
  }
  if (options.output == "json") {
    console.out << boost::json::serialize(documents) << '\n';
  } else {
    console.out << table({"ID", "CONNECTOR", "EXPIRES", "CREATED BY"}, rows);
  }
  return kOk;
}

Result<int> connector_token_revoke_command(const GlobalOptions& options, const ConnectorOptions& asked,
                                           Console& console) {
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, kPurpose, clock));
  PLUMB_CHECK(link::Identities(state->store(), clock).revoke_token(asked.id));
  PLUMB_CHECK(note_done(*state, {}, fmt::format("connector.token-revoked: {}", asked.id)));
  console.out << "revoked " << asked.id << '\n';
  return kOk;
}

// One that is in no manifest any more may still have a key.
Result<int> connector_revoke_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console) {
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, kPurpose, clock));
  const ResourceKey key = connector_named(asked.name, options.ns);
  link::Identities identities(state->store(), clock);
  PLUMB_TRY(const auto tokens, identities.tokens());
  PLUMB_TRY(const std::size_t count, identities.revoke(key));
  const bool had_tokens = std::ranges::any_of(tokens, [&](const auto& each) { return each.connector == key; });
  if (count == 0 && !had_tokens) {
    PLUMB_TRY(const auto applied, applied_connectors(state->store()));
    PLUMB_CHECK(check_applied(applied, key));
    console.out << key.ns << '/' << key.name << ": no agent had registered, and there was no token\n";
    return kOk;
  }
  PLUMB_CHECK(note_done(*state, key, fmt::format("connector.revoked: {}, {} identities", key, count)));
  console.out << "revoked " << key.ns << '/' << key.name << '\n';
  return kOk;
}

Result<int> connector_list_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  runtime::ConnectorQuery query = asked.query;
  query.ns = options.ns;
  PLUMB_CHECK(runtime::check(query));
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, kPurpose, clock));
  const SystemTime now = clock.now();
  PLUMB_TRY(const auto all, connectors_in(state->store(), now));
  Array documents;
  std::vector<std::vector<std::string>> rows;
  for (Value& row : connector_summaries(all.seen())) {
    if (!runtime::matches(query, row)) continue;
    const std::string ns = cell(row, "/namespace");
    rows.push_back({(ns == "default" || !options.ns.empty() ? "" : ns + "/") + cell(row, "/name"), cell(row, "/group"),
                    cell(row, "/status"), age_cell(row, "/since", now), age_cell(row, "/lastSeen", now),
                    cell(row, "/host"), cell(row, "/os"), cell(row, "/version"), cell(row, "/working"),
                    cell(row, "/errors")});
    documents.push_back(std::move(row));
  }
  if (options.output == "json") {
    console.out << boost::json::serialize(documents) << '\n';
  } else {
    console.out << table(
        {"NAME", "GROUP", "STATUS", "SINCE", "LAST SEEN", "HOST", "OS", "VERSION", "WORKING", "ERRORS"}, rows);
  }
  return kOk;
}

Result<int> connector_get_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, kPurpose, clock));
  PLUMB_TRY(const auto known, connectors_in(state->store(), clock.now()));
  const link::Identities identities(state->store(), clock);
  PLUMB_TRY(const Value all, connector_description(known.seen(), identities, connector_named(asked.name, options.ns)));
  // What comes from the agent is text in YAML as it is in JSON: quoted where it is not plain.
  console.out << (options.output == "json" ? boost::json::serialize(all) + "\n" : manifest::write_yaml(all));
  return kOk;
}

}  // namespace plumb::app
