// Many Connectors at once, and the logs of those that are offline.

#include <ostream>

#include <boost/json/serialize.hpp>

#include "controller/app/command_connector.h"
#include "controller/app/commands.h"
#include "controller/app/connector_actions.h"
#include "controller/app/log_requests.h"
#include "controller/app/runtime_session.h"
#include "controller/app/state.h"
#include "controller/app/zip_file.h"
#include "controller/base/text.h"

namespace plumb::app {
namespace {

using runtime::ConnectorAction;

bool is_narrowed(const runtime::ConnectorQuery& query) {
  return !query.status.empty() || !query.os.empty() || !query.version.empty() || !query.group.empty() ||
         !query.labels.empty();
}

// By name, or by what they have in common: nobody means all of them by saying nothing.
Result<std::vector<ResourceKey>> meant(const GlobalOptions& options, const ConnectorOptions& asked,
                                       ConnectorAction action, const ConnectorsSeen& seen) {
  std::vector<ResourceKey> all;
  for (const std::string& name : asked.names) all.push_back(connector_named(name, options.ns));
  if (!is_narrowed(asked.query)) {
    if (all.empty())
      return fail(Fault::invalid,
                  "name the Connectors, or say which are meant with --label, --group, --status, --os "
                  "or --version");
    return all;
  }
  if (!all.empty()) return fail(Fault::invalid, "either names or a filter say which Connectors are meant, not both");
  runtime::ConnectorQuery query = asked.query;
  query.ns = options.ns;
  query.archived = action != ConnectorAction::archive;
  PLUMB_CHECK(runtime::check(query));
  for (const Value& row : connector_summaries(seen))
    if (runtime::matches(query, row))
      all.push_back({"Connector", text_at(row, "/namespace").value_or(""), text_at(row, "/name").value_or("")});
  return all;
}

Result<bool> confirmed(const ConnectorOptions& asked, const std::vector<ResourceKey>& connectors, Console& console) {
  if (asked.yes) return true;
  if (!console.interactive) return fail(Fault::denied, "there is no terminal to ask on; say --yes to delete them");
  std::vector<std::string> names;
  for (const ResourceKey& each : connectors) names.push_back(each.ns + "/" + each.name);
  console.out << fmt::format("Delete the registration of {}: {}? Only \"yes\" does: ", connectors.size(),
                             join(names, ", "))
              << std::flush;
  return console.read_line({}) == "yes";
}

LogRequests requests_of(const GlobalOptions& options, State& state, const Clock& clock) {
  return {state.store(), log_folder(options.state), clock};
}

}  // namespace

Result<int> connector_act_command(const GlobalOptions& options, const ConnectorOptions& asked, ConnectorAction action,
                                  Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline connector", clock));
  PLUMB_TRY(const auto known, connectors_in(state->store(), clock.now()));
  const ConnectorsSeen seen = known.seen();
  PLUMB_TRY(const auto connectors, meant(options, asked, action, seen));
  if (connectors.empty()) {
    console.err << "no Connector is meant by that\n";
    return kOk;
  }
  if (action == ConnectorAction::remove) {
    PLUMB_TRY(const bool go, confirmed(asked, connectors, console));
    if (!go) return kFailed;
  }
  const auto outcomes = act({state->store(), clock, current_actor()}, seen, action, connectors, asked.force);
  Array documents;
  std::vector<std::vector<std::string>> rows;
  bool good = true;
  for (const ConnectorOutcome& each : outcomes) {
    good = good && each.done;
    if (each.done)
      PLUMB_CHECK(
          note_done(*state, each.connector, fmt::format("connector.{}: {}", to_string(action), each.connector)));
    documents.push_back(described(each));
    rows.push_back(
        {each.connector.ns + "/" + each.connector.name, each.done ? "done" : "refused", printable(each.message)});
  }
  console.out << (options.output == "json" ? boost::json::serialize(documents) + "\n"
                                           : table({"CONNECTOR", "OUTCOME", "WHAT HAPPENED"}, rows));
  return good ? kOk : kFailed;
}

Result<int> connector_log_request_command(const GlobalOptions& options, const ConnectorOptions& asked,
                                          Console& console) {
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline connector", clock));
  PLUMB_TRY(const auto applied, applied_connectors(state->store()));
  const ResourceKey key = connector_named(asked.name, options.ns);
  PLUMB_CHECK(check_applied(applied, key));
  PLUMB_TRY(const LogRequest request, requests_of(options, *state, clock).create(key, current_actor()));
  PLUMB_CHECK(note_done(*state, key, fmt::format("connector.log-requested: {}, {}", key, request.id)));
  console.err << "The controller fetches it when the agent is online; `plumbline connector log-request fetch "
              << request.id << "` writes it to a file then:\n"
              << std::flush;
  console.out << request.id << '\n';
  return kOk;
}

Result<int> connector_log_requests_command(const GlobalOptions& options, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline connector", clock));
  PLUMB_TRY(const auto all, requests_of(options, *state, clock).all());
  Array documents;
  std::vector<std::vector<std::string>> rows;
  for (const LogRequest& each : all) {
    if (!options.ns.empty() && each.connector.ns != options.ns) continue;
    Value row = described(each);
    const std::string status = text_at(row, "/status").value_or("");
    rows.push_back(
        {each.id, each.connector.ns + "/" + each.connector.name, status, age(each.created, clock.now()),
         each.phase == LogRequest::Phase::ready ? fmt::format("{} bytes", each.bytes) : printable(each.error)});
    documents.push_back(std::move(row));
  }
  console.out << (options.output == "json" ? boost::json::serialize(documents) + "\n"
                                           : table({"ID", "CONNECTOR", "STATUS", "AGE", "WHAT CAME"}, rows));
  return kOk;
}

Result<int> connector_log_fetch_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console) {
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline connector", clock));
  const LogRequests requests = requests_of(options, *state, clock);
  PLUMB_TRY(const LogRequest request, requests.find(asked.id));
  PLUMB_TRY(const std::string bytes, requests.archive_of(asked.id));
  const std::filesystem::path to =
      asked.to.empty() ? std::filesystem::path(fmt::format("connector-{}-{}-{}.zip", request.connector.ns,
                                                           request.connector.name, request.id))
                       : asked.to;
  PLUMB_CHECK(write_new_file(to, bytes));
  PLUMB_CHECK(note_done(*state, request.connector, fmt::format("connector.log-fetched: {}", request.id)));
  console.out << to.string() << '\n';
  return kOk;
}

Result<int> connector_log_delete_command(const GlobalOptions& options, const ConnectorOptions& asked,
                                         Console& console) {
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline connector", clock));
  LogRequests requests = requests_of(options, *state, clock);
  PLUMB_TRY(const LogRequest request, requests.find(asked.id));
  PLUMB_CHECK(requests.remove(asked.id));
  PLUMB_CHECK(note_done(*state, request.connector, fmt::format("connector.log-request-deleted: {}", request.id)));
  console.out << "deleted " << request.id << '\n';
  return kOk;
}

}  // namespace plumb::app
