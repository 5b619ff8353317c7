#include <CLI/CLI.hpp>

#include "controller/app/cli_options.h"
#include "controller/app/cli_runtime.h"
#include "controller/app/command_connector.h"

namespace plumb::app {
namespace {

void add_enrolment(CLI::App& connector, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  auto* token = connector.add_subcommand("token", "Tokens that an agent registers with, once");
  token->require_subcommand(1);
  token->footer("Example:\n  plumbline connector token create berlin-1");
  auto* create = token->add_subcommand("create", "Make one for a Connector that was applied; it is shown once");
  create->add_option("NAME", line.connector.name, "name of the Connector")->required();
  add_duration(*create, "--expires", line.connector.expires, "how long it is good; 24h at most");
  create->footer("Example:\n  plumbline connector token create berlin-1 -n sales --expires 1h");
  create->callback(
      [&, chosen] { chosen([&](Console& c) { return connector_token_create_command(global, line.connector, c); }); });
  auto* list = token->add_subcommand("list", "Which there are that were not used");
  list->footer("-o text|json.\n\nExample:\n  plumbline connector token list");
  list->callback([&, chosen] { chosen([&](Console& c) { return connector_token_list_command(global, c); }); });
  auto* end = token->add_subcommand("revoke", "End one");
  end->add_option("ID", line.connector.id, "as `connector token list` shows it")->required();
  end->footer("Example:\n  plumbline connector token revoke 5f0c1a2b3c4d5e6f");
  end->callback(
      [&, chosen] { chosen([&](Console& c) { return connector_token_revoke_command(global, line.connector, c); }); });
  auto* revoke = connector.add_subcommand("revoke", "End the registration of one, its link and its tokens");
  revoke->add_option("NAME", line.connector.name, "name of the Connector")->required();
  revoke->footer(
      "A running controller ends the link within seconds.\n\nExample:\n  plumbline connector revoke berlin-1");
  revoke->callback(
      [&, chosen] { chosen([&](Console& c) { return connector_revoke_command(global, line.connector, c); }); });
}

void add_query(CLI::App& command, runtime::ConnectorQuery& query) {
  command.add_option("--status", query.status, "Online, Offline, Pending, Held, Disabled, Archived or Unknown")
      ->type_name("STATUS");
  command.add_option("--os", query.os, "of its host")->type_name("OS");
  command.add_option("--version", query.version, "of its agent")->type_name("VERSION");
  command.add_option("--group", query.group, "that it is in")->type_name("GROUP");
  command.add_option("--label", query.labels, "that it has (may be repeated)")
      ->allow_extra_args(false)
      ->type_name("NAME[=VALUE]");
}

void add_actions(CLI::App& connector, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  using runtime::ConnectorAction;
  struct Row {
    const char* name;
    ConnectorAction action;
    const char* about;
    const char* footer;
  };
  static constexpr Row kRows[] = {
      {"archive", ConnectorAction::archive, "Put Connectors away: no agent connects, and lists leave them out",
       "Each by itself; what could not be done of one is told. `spec.archived` of a manifest does the same.\n\n"
       "Example:\n  plumbline connector archive --label site=oslo"},
      {"restore", ConnectorAction::restore, "Take back what was archived",
       "Not what a manifest archives.\n\nExample:\n  plumbline connector restore oslo-1 oslo-2"},
      {"delete", ConnectorAction::remove, "Delete the registration of Connectors, their tokens and fetched logs",
       "One that is connected only with --force. Where the manifest is still there it is listed as Pending then.\n\n"
       "Example:\n  plumbline connector delete --status archived --yes"},
  };
  for (const Row& row : kRows) {
    auto* command = connector.add_subcommand(row.name, row.about);
    command->add_option("NAME", line.connector.names, "names of Connectors; or say which with a filter");
    add_query(*command, line.connector.query);
    if (row.action == ConnectorAction::remove) {
      command->add_flag("--force", line.connector.force, "those too that are connected");
      command->add_flag("-y,--yes", line.connector.yes, "do not ask");
    }
    command->footer(std::string("-o text|json. ") + row.footer);
    command->callback([&, chosen, action = row.action] {
      chosen([&, action](Console& c) { return connector_act_command(global, line.connector, action, c); });
    });
  }
}

void add_log_requests(CLI::App& connector, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  auto* request = connector.add_subcommand("log-request", "The log of an agent that may be offline");
  request->require_subcommand(1);
  request->footer("Example:\n  plumbline connector log-request create berlin-1");
  auto* create = request->add_subcommand("create", "Have it fetched when the agent is online");
  create->add_option("NAME", line.connector.name, "name of the Connector")->required();
  create->footer("Given up after seven days.\n\nExample:\n  plumbline connector log-request create berlin-1");
  create->callback(
      [&, chosen] { chosen([&](Console& c) { return connector_log_request_command(global, line.connector, c); }); });
  auto* list = request->add_subcommand("list", "What was asked for, and what came of it");
  list->footer("-o text|json.\n\nExample:\n  plumbline connector log-request list");
  list->callback([&, chosen] { chosen([&](Console& c) { return connector_log_requests_command(global, c); }); });
  auto* fetch = request->add_subcommand("fetch", "Write one that has come to a file");
  fetch->add_option("ID", line.connector.id, "as `connector log-request list` shows it")->required();
  fetch->add_option("--to", line.connector.to, "the archive that is made; default: connector-NAMESPACE-NAME-ID.zip")
      ->type_name("FILE");
  fetch->footer("Example:\n  plumbline connector log-request fetch 5f0c1a2b3c4d5e6f --to /tmp/berlin.zip");
  fetch->callback(
      [&, chosen] { chosen([&](Console& c) { return connector_log_fetch_command(global, line.connector, c); }); });
  auto* remove = request->add_subcommand("delete", "Delete one and its log");
  remove->add_option("ID", line.connector.id, "as `connector log-request list` shows it")->required();
  remove->footer("Example:\n  plumbline connector log-request delete 5f0c1a2b3c4d5e6f");
  remove->callback(
      [&, chosen] { chosen([&](Console& c) { return connector_log_delete_command(global, line.connector, c); }); });
}

void add_views(CLI::App& connector, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  auto* list = connector.add_subcommand("list", "Which there are, and how they are");
  auto& query = line.connector.query;
  list->add_option("SEARCH", query.text, "part of a name, host or id, in any case");
  add_query(*list, query);
  list->add_flag("--archived", query.archived, "those that are archived as well");
  list->footer(
      "-o text|json, by namespace and name. Unknown: it was online when its controller was last heard of.\n\n"
      "Example:\n  plumbline connector list --status offline --label site=berlin");
  list->callback(
      [&, chosen] { chosen([&](Console& c) { return connector_list_command(global, line.connector, c); }); });
  for (const char* word : {"get", "describe"}) {
    auto* get = connector.add_subcommand(word, "Everything that is known of one");
    get->add_option("NAME", line.connector.name, "name of the Connector")->required();
    get->footer(std::string("-o text|json.\n\nExample:\n  plumbline connector ") + word + " berlin-1");
    get->callback(
        [&, chosen] { chosen([&](Console& c) { return connector_get_command(global, line.connector, c); }); });
  }
}

void add_questions(CLI::App& connector, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  auto* logs = connector.add_subcommand("logs", "The log of an agent, as an archive, or as it is written");
  logs->add_option("NAME", line.connector.name, "name of the Connector")->required();
  logs->add_flag("-f,--follow", line.connector.follow, "lines as they are written, until Ctrl-C");
  logs->add_option("--level", line.connector.level, "lines of this level and above that are followed")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->type_name("LEVEL");
  logs->add_option("--to", line.connector.to, "the archive that is made; default: connector-NAMESPACE-NAME.zip")
      ->type_name("FILE");
  logs->footer(
      "Asks the agent, which has to be online, through the controller that runs; see `connector log-request` for one "
      "that is not.\n\n"
      "Example:\n  plumbline connector logs berlin-1 --to /tmp/berlin.zip\n  plumbline connector logs -f berlin-1");
  logs->callback(
      [&, chosen] { chosen([&](Console& c) { return connector_logs_command(global, line.connector, c); }); });
  auto* test = connector.add_subcommand("test", "Whether an agent reaches what its site's policy names");
  test->add_option("NAME", line.connector.name, "name of the Connector")->required();
  test->footer(
      "-o text|json. By TCP and TLS, from where the agent is.\n\nExample:\n  plumbline connector test berlin-1");
  test->callback(
      [&, chosen] { chosen([&](Console& c) { return connector_test_command(global, line.connector, c); }); });
}

}  // namespace

void add_connector_commands(CLI::App& app, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  auto* connector = app.add_subcommand("connector", "Agents at sites that cannot be reached from here");
  connector->require_subcommand(1);
  connector->footer("Example:\n  plumbline connector list --status offline");
  add_enrolment(*connector, global, line, chosen);
  add_views(*connector, global, line, chosen);
  add_actions(*connector, global, line, chosen);
  add_log_requests(*connector, global, line, chosen);
  add_questions(*connector, global, line, chosen);
}

}  // namespace plumb::app
