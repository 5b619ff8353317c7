#include "controller/app/cli_runtime.h"

#include <CLI/CLI.hpp>

#include "controller/app/cli_options.h"
#include "controller/app/commands.h"

namespace plumb::app {
namespace {

void add_calls(CLI::App& app, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  auto* invoke = app.add_subcommand("invoke", "Call an operation of an integration");
  invoke->add_option("INTEGRATION", line.invoke.integration, "name of the Integration")->required();
  invoke->add_option("OPERATION", line.invoke.operation, "operationId of its model")->required();
  invoke->add_option("-p,--param", line.invoke.parameters, "a parameter (may be repeated); lists and mappings are JSON")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  invoke->add_option("--body", line.invoke.body, "the body as JSON, or @FILE with it")->type_name("JSON");
  invoke->add_option("--media-type", line.invoke.media_type, "of the body, where the operation takes several")
      ->type_name("TYPE");
  add_duration(*invoke, "--timeout", line.invoke.timeout, "for all of it; default: the integration's");
  invoke->footer(
      "-o text|json. What the target answered, normalised. Exit code 0: a 2xx answer, 1: another one, or none.\n\n"
      "Examples:\n  plumbline integration operations inventory\n  plumbline invoke inventory listDevices -p site=ber1 "
      "-p "
      "limit=10\n  plumbline invoke inventory addDevice --body '{\"name\": \"sw-1\", \"site\": \"ber1\"}'");
  invoke->callback([&, chosen] { chosen([&](Console& c) { return invoke_command(global, line.invoke, c); }); });

  auto* test = app.add_subcommand("test-connection", "Whether an integration can be reached and takes its credential");
  test->add_option("INTEGRATION", line.test.integration, "name of the Integration")->required();
  test->footer(
      "-o text|json. Sends what spec.probe says, or HEAD. Exit code 0: it is good, 1: it is not.\n\nExample:\n  "
      "plumbline "
      "test-connection inventory");
  test->callback([&, chosen] { chosen([&](Console& c) { return test_connection_command(global, line.test, c); }); });

  auto* directory = app.add_subcommand("test-directory", "Whether a domain can be reached, read, and worked on");
  directory->add_option("DIRECTORY", line.test_directory.directory, "name of the Directory; default: the only one");
  directory->add_option("--through", line.test_directory.through, "one Connector, in place of any of its group")
      ->type_name("NAME");
  directory
      ->add_option("--scratch-ou", line.test_directory.scratch_ou,
                   "DN of an OU to make, change and remove a test account in")
      ->type_name("DN");
  directory->footer(
      "-o text|json. Signs in and finds each base; with --scratch-ou it creates an account there, sets a password, "
      "enables, updates, disables and removes it, and compares the OU with what it was. Exit code 0: all went well, 1: "
      "something did not.\n\nExample:\n  plumbline test-directory corp --through berlin-1 --scratch-ou "
      "'OU=Scratch,OU=Corp,DC=corp,DC=example'");
  directory->callback(
      [&, chosen] { chosen([&](Console& c) { return test_directory_command(global, line.test_directory, c); }); });

  auto* login = app.add_subcommand("login", "Sign in for an integration that works in a person's name");
  login->add_option("INTEGRATION", line.login.integration, "name of the Integration")->required();
  login->add_option("--listen", line.login.listen, "address that the browser comes back to")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  add_duration(*login, "--timeout", line.login.timeout, "how long it waits for the person");
  login->footer(
      "OAuth 2.0 authorization code with PKCE. The token is kept sealed in the state.\n\nExample:\n  plumbline login "
      "crm "
      "--listen 127.0.0.1:8485");
  login->callback([&, chosen] { chosen([&](Console& c) { return login_command(global, line.login, c); }); });
}

void add_log_level(CLI::App& integration, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  auto* level = integration.add_subcommand("log-level", "How a running controller logs the calls of one, for a while");
  level->add_option("INTEGRATION", line.log_level.integration, "name of the Integration")->required();
  level->add_option("LEVEL", line.log_level.level, "error, warn, info, debug, trace or spam; left out: shows it");
  add_duration(*level, "--for", line.log_level.span, "then the manifest's level counts again; 7d at most");
  level->add_option("--api", line.log_level.api, "where its HTTP API is")
      ->envname("PLUMBLINE_API")
      ->type_name("URL")
      ->capture_default_str();
  level->add_option("--token-from", line.log_level.token_from, "where a token of it is; see `plumbline token create`")
      ->type_name("REFERENCE")
      ->capture_default_str();
  level->add_option("--api-ca", line.log_level.ca, "authorities that vouch for its certificate (PEM)")
      ->type_name("FILE");
  level->footer(
      "-o text|json. Needs the role admin of its model, or a token that was made with --admin. A restart ends it.\n\n"
      "Example:\n  plumbline integration log-level inventory debug --for 15m");
  level->callback([&, chosen] { chosen([&](Console& c) { return log_level_command(global, line.log_level, c); }); });
}

void add_integrations(CLI::App& app, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  auto* integration = app.add_subcommand("integration", "Operations, and manifests to begin with");
  integration->require_subcommand(1);
  integration->footer("Example:\n  plumbline integration create --from-model inventory berlin > berlin.yaml");
  auto* operations = integration->add_subcommand("operations", "What can be called");
  operations->add_option("INTEGRATION", line.integration.name, "name of the Integration")->required();
  operations->footer("-o text|json.\n\nExample:\n  plumbline integration operations inventory");
  operations->callback(
      [&, chosen] { chosen([&](Console& c) { return operations_command(global, line.integration, c); }); });
  auto* create = integration->add_subcommand("create", "Print the manifests of a new one, filled in from its model");
  create->add_option("NAME", line.integration.name, "name of the new Integration")->required();
  create->add_option("--from-model", line.integration.model, "name of the IntegrationModel, or its Title:Version")
      ->required()
      ->type_name("MODEL");
  create->footer(
      "-o yaml|json.\n\nExample:\n  plumbline integration create --from-model 'Inventory:1.2.0' berlin > berlin.yaml");
  create->callback(
      [&, chosen] { chosen([&](Console& c) { return create_integration_command(global, line.integration, c); }); });
  auto* clone = integration->add_subcommand("clone", "Print the manifest of a copy; secrets are named, tokens stay");
  clone->add_option("INTEGRATION", line.integration.name, "name of the Integration")->required();
  clone->add_option("NAME", line.integration.clone, "name of the copy")->required();
  clone->footer("-o yaml|json.\n\nExample:\n  plumbline integration clone berlin hamburg > hamburg.yaml");
  clone->callback(
      [&, chosen] { chosen([&](Console& c) { return clone_integration_command(global, line.integration, c); }); });
  auto* exported = integration->add_subcommand(
      "export", "Print the JSON that an Itential Platform keeps of it; secrets are empty in it");
  exported->add_option("NAME", line.integration.name, "name of the Integration; of the new one with --from");
  exported->add_option("--platform", line.integration.platform, "version of the Platform that it is for")
      ->type_name("VERSION")
      ->capture_default_str();
  exported->add_option("--from", line.integration.from, "print the manifests that such JSON stands for")
      ->type_name("FILE");
  exported->footer(
      "-o text|json; with --from -o yaml|json.\n\nExamples:\n  plumbline integration export berlin > berlin.json\n"
      "  plumbline integration export --from berlin.json > berlin.yaml");
  exported->callback(
      [&, chosen] { chosen([&](Console& c) { return export_integration_command(global, line.integration, c); }); });

  auto* failures = integration->add_subcommand("failures", "Calls that failed within 30 days, the last hundred");
  failures->add_option("INTEGRATION", line.integration.name, "name of the Integration")->required();
  failures->add_option("--request", line.integration.request_id, "only this one, with everything that is known")
      ->type_name("ID");
  failures->footer("-o text|json.\n\nExample:\n  plumbline integration failures inventory --request 5f0c1a2b3c4d5e6f");
  failures->callback(
      [&, chosen] { chosen([&](Console& c) { return failures_command(global, line.integration, c); }); });

  add_log_level(*integration, global, line, chosen);

  auto* roles = app.add_subcommand("roles", "Roles that the models bring, for RoleBindings");
  roles->add_option("--source", line.integration.source, "only of the model with this Title:Version")
      ->type_name("MODEL");
  roles->footer("-o text|json.\n\nExample:\n  plumbline roles --source 'Inventory:1.2.0'");
  roles->callback([&, chosen] { chosen([&](Console& c) { return roles_command(global, line.integration, c); }); });
}

void add_tokens(CLI::App& app, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  auto* token = app.add_subcommand("token", "Tokens of service accounts for the HTTP API");
  token->require_subcommand(1);
  token->footer("Example:\n  plumbline token create dashboard --expires 30d");
  auto* create = token->add_subcommand("create", "Make one; it is shown once");
  create->add_option("ACCOUNT", line.token.account, "service account, as RoleBindings name it")->required();
  add_duration(*create, "--expires", line.token.expires, "how long it is good; 365d at most");
  create->add_flag("--admin", line.token.admin, "may do everything that the API offers");
  create->add_option("--description", line.token.description, "what it is for")->type_name("TEXT");
  create->footer("Example:\n  plumbline token create dashboard --description 'wall display, 3rd floor'");
  create->callback([&, chosen] { chosen([&](Console& c) { return token_create_command(global, line.token, c); }); });
  auto* list = token->add_subcommand("list", "Which there are");
  list->footer("-o text|json.\n\nExample:\n  plumbline token list");
  list->callback([&, chosen] { chosen([&](Console& c) { return token_list_command(global, c); }); });
  auto* revoke = token->add_subcommand("revoke", "End one, within a second");
  revoke->add_option("ID", line.token.id, "as `token list` shows it")->required();
  revoke->footer("Example:\n  plumbline token revoke 5f0c1a2b3c4d5e6f");
  revoke->callback([&, chosen] { chosen([&](Console& c) { return token_revoke_command(global, line.token, c); }); });
}

}  // namespace

void add_runtime_commands(CLI::App& app, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen) {
  add_calls(app, global, line, chosen);
  add_integrations(app, global, line, chosen);
  add_tokens(app, global, line, chosen);
  add_connector_commands(app, global, line, chosen);
}

}  // namespace plumb::app
