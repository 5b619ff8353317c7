#include "controller/app/cli.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <stop_token>

#include <CLI/CLI.hpp>

#include "controller/app/cli_options.h"
#include "controller/app/cli_runtime.h"
#include "controller/app/commands.h"
#include "controller/app/completion.h"
#include "controller/app/signals.h"
#include "controller/app/version.h"
#include "controller/app/workspace.h"
#include "controller/base/text.h"

namespace plumb::app {
namespace {

// Everything that can be said on a command line, and which command was said.
struct CommandLine {
  GlobalOptions global;
  PlanOptions plan;
  ApplyOptions apply;
  RunOptions run;
  GetOptions get, describe;
  ExplainOptions explain;
  ImportOptions import;
  ApproveOptions approve;
  AuditListOptions audit_list;
  SupportOptions support;
  HoldOptions hold;
  DiffOptions diff;
  BlameOptions blame;
  HistoryOptions history;
  RollbackOptions rollback;
  ValidateOptions validate;
  ReconcileOptions reconcile;
  SourceAcceptOptions source_accept;
  RuntimeLine runtime;
  std::string shell;
  bool verbose = false, no_default_policies = false;
  std::function<Result<int>(Console&)> command;
};

void add_globals(CLI::App& app, CommandLine& line) {
  auto& global = line.global;
  const std::map<std::string, GlobalOptions::Colour> colours = {{"auto", GlobalOptions::Colour::automatic},
                                                                {"always", GlobalOptions::Colour::always},
                                                                {"never", GlobalOptions::Colour::never}};
  const std::map<std::string, log::Level> levels = {{"debug", log::Level::debug},
                                                    {"info", log::Level::info},
                                                    {"warning", log::Level::warning},
                                                    {"error", log::Level::error}};
  const std::map<std::string, log::Format> formats = {{"text", log::Format::text}, {"json", log::Format::json}};
  app.add_option("-f,--manifests", global.manifests, "folder of manifests")
      ->envname("PLUMBLINE_MANIFESTS")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--source", global.source,
                 "file with a GitRepository to take the manifests from, in place of a folder")
      ->envname("PLUMBLINE_SOURCE")
      ->type_name("FILE");
  app.add_option("--state", global.state, "folder of the state: inventory, audit log, key")
      ->envname("PLUMBLINE_STATE")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--policies", global.policies, "folder of policies besides those built in (may be repeated)")
      ->allow_extra_args(false)
      ->type_name("DIR");
  app.add_option(
         "--allow-secrets", global.trust.secrets,
         "secrets that manifests may name, env:BEGINNING, file:/FILE or file:/FOLDER; default: any (may be repeated)")
      ->allow_extra_args(false)
      ->type_name("PREFIX");
  app.add_option(
         "--allow-servers", global.trust.servers,
         "domain controller that a Directory may name, *.example.com for all below; default: any (may be repeated)")
      ->allow_extra_args(false)
      ->type_name("HOST");
  app.add_option("--allow-egress", global.egress,
                 "what integrations may connect to besides public addresses: 10.0.0.0/8, api.corp.example, "
                 "*.corp.example, localhost, each with :PORT or without (may be repeated)")
      ->envname("PLUMBLINE_ALLOW_EGRESS")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("RULE");
  const auto option = [&](const char* name, auto& target, const char* description, const char* variable,
                          const char* type) {
    app.add_option(name, target, description)->envname(variable)->type_name(type);
  };
  SecretOptions& secrets = global.secrets;
  option("--age-key-file", secrets.age_key_file, "age identities that open SOPS files", "PLUMBLINE_AGE_KEY_FILE",
         "FILE");
  option("--vault-address", secrets.vault_address, "HashiCorp Vault, for secrets in KV version 2",
         "PLUMBLINE_VAULT_ADDRESS", "URL");
  option("--vault-token-from", secrets.vault_token_from, "its token: env:NAME, file:/FILE or systemd:NAME",
         "PLUMBLINE_VAULT_TOKEN_FROM", "REF");
  option("--vault-role-id", secrets.vault_role_id, "in place of a token: the role of AppRole",
         "PLUMBLINE_VAULT_ROLE_ID", "ID");
  option("--vault-secret-id-from", secrets.vault_secret_id_from, "and its secret id", "PLUMBLINE_VAULT_SECRET_ID_FROM",
         "REF");
  option("--vault-namespace", secrets.vault_namespace, "its namespace", "PLUMBLINE_VAULT_NAMESPACE", "NAME");
  option("--vault-ca", secrets.vault_ca, "PEM: authorities for its certificate", "PLUMBLINE_VAULT_CA", "FILE");
  app.add_flag("--no-default-policies", line.no_default_policies, "without the policies that are built in");
  app.add_option("-n,--namespace", global.ns, "only this namespace")->type_name("NAME");
  app.add_option("--directory", global.directory, "only the Directory of this name")->type_name("NAME");
  app.add_option("-o,--output", global.output, "format of the result; each command says which it knows")
      ->type_name("FORMAT")
      ->capture_default_str();
  app.add_option("--color", global.colour, "auto, always or never; NO_COLOR is heeded")
      ->transform(CLI::CheckedTransformer(colours, CLI::ignore_case).description(""))
      ->type_name("WHEN")
      ->default_str("auto");
  app.add_option("--log-level", global.logging.level, "debug, info, warning or error")
      ->transform(CLI::CheckedTransformer(levels, CLI::ignore_case).description(""))
      ->type_name("LEVEL")
      ->default_str("info for run, else error");
  app.add_option("--log-format", global.logging.format, "text or json")
      ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case).description(""))
      ->type_name("FORMAT")
      ->default_str("text");
  app.add_flag("-v,--verbose", line.verbose, "the same as --log-level debug");
}

void add_round_commands(CLI::App& app, CommandLine& line, const std::stop_token& stop) {
  auto* validate = app.add_subcommand("validate", "Check manifests without any server; all errors at once");
  validate->add_flag("--fetch", line.validate.fetch, "fetch documents of models by URL that are not kept yet");
  validate->footer("-o text|json. Exit code 0: valid, 1: not.\n\nExample:\n  plumbline validate -f manifests");
  validate->callback(
      [&] { line.command = [&](Console& c) { return validate_command(line.global, line.validate, c); }; });

  auto* plan = app.add_subcommand("plan", "Show what would be done, and why; changes nothing");
  plan->add_flag("--detailed-exitcode", line.plan.detailed_exit_code,
                 "exit code 2 if there are changes, 1 if objects are blocked");
  plan->add_option("--out", line.plan.out, "also write a sealed plan for `plumbline apply FILE`")->type_name("FILE");
  add_duration(*plan, "--expires", line.plan.expires, "how long the sealed plan can be applied");
  plan->add_option("--output-file", line.plan.output_file, "write the report there")->type_name("FILE");
  plan->add_option("--git", line.plan.git, "what revision B would do beyond revision A: for a pull request")
      ->type_name("A..B");
  plan->add_flag("--offline", line.plan.offline, "against the last mirror in the state; the domain is not asked");
  plan->footer(
      "-o text|json|markdown|html|yaml. Exit code 0, or 1 on errors; with --detailed-exitcode 0: nothing to do, "
      "2: changes, 1: errors or blocked objects, as for apply.\n\nExamples:\n  plumbline plan -f manifests\n  "
      "plumbline plan -o markdown --output-file "
      "plan.md\n  plumbline plan --out reviewed.plan && plumbline apply reviewed.plan");
  plan->callback([&] { line.command = [&](Console& c) { return plan_command(line.global, line.plan, c); }; });

  auto* apply = app.add_subcommand("apply", "Make the domain as the manifests say, once");
  apply->add_option("PLANFILE", line.apply.plan_file, "apply exactly this reviewed plan");
  apply->add_flag("-y,--yes", line.apply.yes, "do not ask");
  apply->footer(
      "Exit code 0: everything is as declared, 1: something failed, is held, or was refused.\n\nExamples:\n  plumbline "
      "apply -f manifests\n  plumbline apply --yes\n  plumbline apply reviewed.plan");
  apply->callback(
      [&, stop] { line.command = [&, stop](Console& c) { return apply_command(line.global, line.apply, c, stop); }; });

  auto* run = app.add_subcommand("run", "Keep the domain as the manifests say, until stopped");
  add_duration(*run, "--interval", line.run.interval,
               "time between rounds that nothing asked for, where the Directory has no schedule");
  add_duration(*run, "--poll", line.run.poll, "ask the domain for changes at least that often; costs one search");
  add_duration(*run, "--confirm-removal", line.run.confirm_removal,
               "a manifest has to be gone for that long before its object's removal begins");
  add_duration(*run, "--settle", line.run.settle, "how long files must be quiet before they are read");
  run->add_flag("--once", line.run.once, "one round of every domain, then end");
  add_duration(*run, "--connector-wait", line.run.connector_wait,
               "with --once and --api: how long it waits for the connectors of its domains");
  run->add_option("--api", line.run.api, "serve the HTTP API there; without --api-certificate to this machine alone")
      ->envname("PLUMBLINE_API")
      ->type_name("HOST:PORT");
  run->add_option("--api-certificate", line.run.api_certificate, "PEM: certificate of the API and those above it")
      ->envname("PLUMBLINE_API_CERTIFICATE")
      ->type_name("FILE");
  run->add_option("--api-key", line.run.api_key, "PEM: its private key")
      ->envname("PLUMBLINE_API_KEY")
      ->type_name("FILE");
  run->footer(
      "SIGTERM and SIGINT end it cleanly, SIGHUP reads the manifests anew. Speaks sd_notify.\n\nExamples:\n  plumbline "
      "run -f /etc/plumbline/manifests --state /var/lib/plumbline --log-format json\n  plumbline run --once");
  run->callback([&] { line.command = [&](Console& c) { return run_command(line.global, line.run, c); }; });
}

void add_look_commands(CLI::App& app, CommandLine& line) {
  auto* get = app.add_subcommand("get", "List objects with their status");
  get->add_option("KIND", line.get.kind, "a kind by any of its names: ADUser, adusers, adu; or KIND/NAME")->required();
  get->add_option("NAME", line.get.name, "only this one");
  get->footer(
      "-o text|wide|json|yaml|name.\n\nExamples:\n  plumbline get adusers\n  plumbline get aduser jdoe -o yaml");
  get->callback([&] { line.command = [&](Console& c) { return get_command(line.global, line.get, c); }; });

  auto* describe = app.add_subcommand("describe", "All that is known of one object: spec, status, history");
  describe->add_option("KIND", line.describe.kind, "a kind by any of its names, or KIND/NAME")->required();
  describe->add_option("NAME", line.describe.name, "its name");
  describe->footer("Example:\n  plumbline describe aduser jdoe");
  describe->callback(
      [&] { line.command = [&](Console& c) { return describe_command(line.global, line.describe, c); }; });

  auto* explain = app.add_subcommand("explain", "Describe a kind, or a field of it");
  explain->add_option("PATH", line.explain.path, "KIND or KIND.field.field");
  explain->add_flag("--list", line.explain.list, "list the kinds");
  explain->footer(
      "-o text|json|yaml.\n\nExamples:\n  plumbline explain --list\n  plumbline explain "
      "ADUser.spec.initialPassword");
  explain->callback([&] { line.command = [&](Console& c) { return explain_command(line.global, line.explain, c); }; });
}

void add_import_command(CLI::App& app, CommandLine& line) {
  auto* take = app.add_subcommand("import", "Write manifests for what a domain holds already");
  take->add_option("--from", line.import.from, "DN of an OU to read with all below it (may be repeated)")
      ->required()
      ->allow_extra_args(false)
      ->type_name("DN");
  take->add_option("--to", line.import.to, "folder to write to; nothing in it is overwritten")
      ->required()
      ->type_name("DIR");
  take->add_option("--kind", line.import.kinds, "users, groups, ous (with commas); default: all")->delimiter(',');
  take->add_option("--attributes", line.import.attributes, "further attributes (with commas)")->delimiter(',');
  take->add_flag("--dry-run", line.import.dry_run, "say what would be written");
  take->footer(
      "The manifests adopt the objects: their first plan takes them into the inventory and writes nothing to the "
      "domain.\n\nExample:\n  plumbline import -f manifests --directory corp --from 'OU=Sales,DC=corp,DC=example' --to "
      "manifests/sales");
  take->callback([&] { line.command = [&](Console& c) { return import_command(line.global, line.import, c); }; });
}

// A positional that may be left out or given twice is not shown as "(0x)".
class HelpFormatter final : public CLI::Formatter {
 public:
  std::string make_option_usage(const CLI::Option* option) const override {
    const bool several = option->get_expected_min() == 0 && option->get_expected_max() > 1;
    return several ? "[" + make_option_name(option, true) + "...]" : CLI::Formatter::make_option_usage(option);
  }
};

void add_diff_command(CLI::App& app, CommandLine& line) {
  auto* diff =
      app.add_subcommand("diff", "What differs between two revisions of the manifests, and what that would do");
  diff->add_option("REVISION", line.diff.revisions, "none: HEAD and the files; A: it and the files; A B, or A..B")
      ->expected(0, 2);
  diff->add_option("--at", line.diff.at, "the domain beside the manifests of a commit, as a plan")->type_name("COMMIT");
  diff->add_flag("--live", line.diff.live, "ask the domain, in place of its last mirror");
  diff->add_flag("--no-plan", line.diff.no_plan, "only the manifests");
  diff->footer(
      "-o text|json|yaml. The plan is made against the last mirror of the domain in the state, without a connection."
      "\n\nExamples:\n  plumbline diff\n  plumbline diff main..HEAD\n  plumbline diff --at v1.4.0");
  diff->callback([&] { line.command = [&](Console& c) { return diff_command(line.global, line.diff, c); }; });
}

void add_past_commands(CLI::App& app, CommandLine& line) {
  add_diff_command(app, line);
  auto* blame = app.add_subcommand("blame", "Where each value of an object comes from, and who changed it last");
  blame->add_option("OBJECT", line.blame.object, "KIND/NAME")->required();
  blame->add_flag("--offline", line.blame.offline, "do not ask the domain when its attributes changed");
  blame->footer("-o text|json|yaml.\n\nExample:\n  plumbline blame aduser/jdoe");
  blame->callback([&] { line.command = [&](Console& c) { return blame_command(line.global, line.blame, c); }; });

  auto* history = app.add_subcommand("history", "What was done to an object, among the commits of its manifest");
  history->add_option("OBJECT", line.history.object, "KIND/NAME")->required();
  history->add_option("--limit", line.history.limit, "the last so many")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10000}))
      ->capture_default_str();
  history->footer("-o text|json|yaml.\n\nExample:\n  plumbline history aduser/jdoe");
  history->callback([&] { line.command = [&](Console& c) { return history_command(line.global, line.history, c); }; });

  auto* rollback = app.add_subcommand("rollback", "Plan the way back: to a commit, or of one plan that was applied");
  rollback->add_option("COMMIT", line.rollback.commit, "make the domain as declared at this commit");
  rollback->add_option("--plan", line.rollback.plan, "undo the one applied plan of this digest")->type_name("DIGEST");
  rollback->add_option("--out", line.rollback.output.out, "write a sealed plan for `plumbline apply FILE`")
      ->type_name("FILE");
  add_duration(*rollback, "--expires", line.rollback.output.expires, "how long the sealed plan can be applied");
  rollback->add_flag("--pin", line.rollback.pin, "work with the manifests of COMMIT until --release");
  rollback->add_flag("--release", line.rollback.release, "work with the newest manifests again");
  rollback->add_option("--reason", line.rollback.reason, "why; kept in the audit log")->type_name("TEXT");
  rollback->footer(
      "-o text|json|markdown|html|yaml. Shows a plan, and changes nothing by itself. With --pin a running controller "
      "goes back at its next round.\n\nExamples:\n  plumbline rollback HEAD~1 --out back.plan && plumbline apply "
      "back.plan\n  plumbline rollback 1a2b3c4 --pin --reason 'wrong import'\n  plumbline rollback --release\n  "
      "plumbline rollback --plan 5f0c...");
  rollback->callback(
      [&] { line.command = [&](Console& c) { return rollback_command(line.global, line.rollback, c); }; });
}

void add_record_commands(CLI::App& app, CommandLine& line) {
  auto* approve = app.add_subcommand("approve", "Let through a plan that policies hold");
  approve->add_option("DIGEST", line.approve.digest, "digest of the plan, as `plumbline plan` prints it")->required();
  approve->add_option("--reason", line.approve.reason, "why; kept in the audit log")->required()->type_name("TEXT");
  add_duration(*approve, "--expires", line.approve.expires, "how long it holds");
  approve->footer("Example:\n  plumbline approve 5f0c... --reason 'CHG-1042, agreed with HR'");
  approve->callback([&] { line.command = [&](Console& c) { return approve_command(line.global, line.approve, c); }; });

  auto* audit = app.add_subcommand("audit", "Read and check the audit log");
  audit->require_subcommand(1);
  audit->footer("Examples:\n  plumbline audit list --since 24h\n  plumbline audit verify");
  auto* list = audit->add_subcommand("list", "Records of what was done");
  list->add_option("--since", line.audit_list.since, "a time, or how long ago: 24h")->type_name("WHEN");
  list->footer("-o text|json.\n\nExample:\n  plumbline audit list --since 7d -o json");
  list->callback(
      [&] { line.command = [&](Console& c) { return audit_list_command(line.global, line.audit_list, c); }; });
  auto* verify = audit->add_subcommand("verify", "Check that nothing was changed or cut out");
  verify->footer("-o text|json. Exit code 1 if the chain is broken.\n\nExample:\n  plumbline audit verify");
  verify->callback([&] { line.command = [&](Console& c) { return audit_verify_command(line.global, c); }; });
}

// Beside a controller that runs.
void add_steer_commands(CLI::App& app, CommandLine& line) {
  auto* hold = app.add_subcommand("hold", "Keep what is different about an object, until a time");
  hold->add_option("OBJECT", line.hold.object, "KIND/NAME");
  hold->add_option("--attribute", line.hold.attributes, "only these attributes (with commas); default: all")
      ->delimiter(',')
      ->type_name("NAME");
  hold->add_option("--until", line.hold.until, "a time, or for how long: 2h")->type_name("WHEN");
  hold->add_option("--reason", line.hold.reason, "why; kept in the audit log")->type_name("TEXT");
  hold->add_flag("--list", line.hold.list, "list what is held");
  hold->add_option("--release", line.hold.release, "end the hold of KIND/NAME")->type_name("OBJECT");
  hold->footer(
      "Then it is put back as declared. -o text|json with --list.\n\nExamples:\n  plumbline hold aduser/jdoe "
      "--attribute "
      "title --until 2h --reason 'INC-77, until HR has answered'\n  plumbline hold --list\n  plumbline hold --release "
      "aduser/jdoe");
  hold->callback([&] { line.command = [&](Console& c) { return hold_command(line.global, line.hold, c); }; });

  auto* reconcile =
      app.add_subcommand("reconcile", "Have the controller that runs look now, and try again what failed");
  reconcile->add_option("DIRECTORY", line.reconcile.directory, "only this one; default: the source and all");
  reconcile->footer("Examples:\n  plumbline reconcile\n  plumbline reconcile corp");
  reconcile->callback(
      [&] { line.command = [&](Console& c) { return reconcile_command(line.global, line.reconcile, c); }; });

  auto* source = app.add_subcommand("source", "The Git repository of --source");
  source->require_subcommand(1);
  source->footer("Example:\n  plumbline source accept 1a2b3c4d5e6f --reason 'history cleaned, CHG-1042'");
  auto* accept = source->add_subcommand("accept", "Allow a commit that does not descend from the last one taken");
  accept->add_option("COMMIT", line.source_accept.commit, "the commit, as the refusal gives it")->required();
  accept->add_option("--reason", line.source_accept.reason, "why; kept in the audit log")->type_name("TEXT");
  accept->footer("Example:\n  plumbline source accept 1a2b3c4d5e6f --reason 'history cleaned, CHG-1042'");
  accept->callback(
      [&] { line.command = [&](Console& c) { return source_accept_command(line.global, line.source_accept, c); }; });
}

void collect(const CLI::App& app, const std::string& name, std::vector<CompletedCommand>& all) {
  CompletedCommand command{.name = name, .description = app.get_description(), .options = {}, .commands = {}};
  for (const auto* option : app.get_options()) {
    for (const auto& text : option->get_lnames()) command.options.push_back("--" + text);
    for (const auto& text : option->get_snames()) command.options.push_back("-" + text);
  }
  const auto children = app.get_subcommands([](const CLI::App*) { return true; });
  for (const auto* child : children) command.commands.push_back(child->get_name());
  all.push_back(command);
  for (const auto* child : children)
    collect(*child, name.empty() ? child->get_name() : name + " " + child->get_name(), all);
}

void add_other_commands(CLI::App& app, CommandLine& line) {
  auto* version = app.add_subcommand("version", "Version and how it was built");
  version->footer("-o text|json.\n\nExample:\n  plumbline version -o json");
  version->callback([&] { line.command = [&](Console& c) { return version_command(line.global, c); }; });

  auto* support = app.add_subcommand("support-bundle", "A ZIP with what is known, to ask for help with");
  support->add_option("--out", line.support.out, "where to; it must not be there yet")->type_name("FILE");
  support->add_option("--since", line.support.since, "of the audit log: a duration or a time")->capture_default_str();
  support->add_option("--log", line.support.log, "what the controller wrote, to go along")->type_name("FILE");
  support->footer(
      "Versions, the machine, validation, manifests of the configuration, conditions, failed calls and the audit log. "
      "No secrets.\n\nExample:\n  journalctl -u plumbline > plumbline.log; plumbline support-bundle --log "
      "plumbline.log");
  support->callback(
      [&] { line.command = [&](Console& c) { return support_bundle_command(line.global, line.support, c); }; });

  auto* completion = app.add_subcommand("completion", "Completion for a shell");
  completion->add_option("SHELL", line.shell, "bash, zsh or fish")->required();
  completion->footer("Example:\n  source <(plumbline completion bash)");
  completion->callback([&] {
    line.command = [&](Console& console) -> Result<int> {
      std::vector<CompletedCommand> commands;
      collect(app, "", commands);
      PLUMB_TRY(const auto kinds, builtin_kinds());
      std::vector<std::string> names;
      for (const auto& kind : kinds.kinds()) names.push_back(kind.plural);
      PLUMB_TRY(const auto script, completion_script(line.shell, commands, names));
      console.out << script;
      return kOk;
    };
  });
}

// Whether an option was said on the command line; CLI11 gives what an environment variable says in the same way.
bool was_typed(const CLI::Option& option) {
  if (option.count() == 0) return false;
  const char* set = std::getenv(option.get_envname().c_str());
  return set == nullptr || option.results() != std::vector<std::string>{set};
}

// Manifests come from one place. What is said on the command line stands before what the environment says.
void settle_origin(const CLI::App& app, GlobalOptions& global) {
  const CLI::Option& folder = *app.get_option("--manifests");
  const CLI::Option& source = *app.get_option("--source");
  if (folder.count() == 0 || source.count() == 0) return;
  if (was_typed(folder) == was_typed(source))
    throw CLI::ValidationError("--source and -f, --manifests",
                               "each says where the manifests are; leave one of them out");
  if (was_typed(folder)) global.source.clear();
}

// What is wrong with a word that stands where a command should; empty: none does.
std::string unknown_command(const CLI::App& app) {
  const CLI::App* parent = &app;
  std::string said;
  for (auto chosen = app.get_subcommands(); !chosen.empty(); chosen = parent->get_subcommands()) {
    parent = chosen.back();
    said += parent->get_name() + " ";
  }
  std::vector<std::string> known;
  for (const auto* command : parent->get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(command->get_name());
  const auto rest = app.remaining(true);
  const auto word = std::ranges::find_if(rest, [](const std::string& text) { return !text.starts_with('-'); });
  if (known.empty() || word == rest.end()) return "";
  return fmt::format("there is no command \"{}{}\"{}", said, printable(*word), did_you_mean(*word, known));
}

// Its errors are written as all others are, and --help to standard output.
int parse_error(const CLI::App& app, const CLI::ParseError& error) {
  const std::string unknown = unknown_command(app);
  if (error.get_exit_code() == 0 && unknown.empty()) return app.exit(error);
  std::cerr << "error: " << (unknown.empty() ? error.what() : unknown)
            << "\nplumbline --help lists the commands, plumbline COMMAND --help its options\n";
  return kFailed;
}

}  // namespace

void add_duration(CLI::App& app, const std::string& name, Duration& target, const std::string& description) {
  app.add_option_function<std::string>(
         name,
         [&target, name](const std::string& text) {
           const auto span = parse_duration(text);
           if (!span || *span <= Duration::zero()) {
             throw CLI::ValidationError(name, "\"" + text + "\" is no duration such as 90s, 15m, 24h or 30d");
           }
           target = *span;
         },
         description)
      ->type_name("DURATION")
      ->default_str(target > Duration::zero() ? format_duration(target) : "");
}

int run_cli(int argc, const char* const* argv) {
  CommandLine line;
  std::stop_source stopping;
  CLI::App app("Keeps Active Directory and integrations as manifests say.", "plumbline");
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  app.formatter(std::make_shared<HelpFormatter>());
  app.fallthrough();  // global options work before and after the command
  app.footer(
      "Example:\n  plumbline validate -f manifests && plumbline plan -f manifests && plumbline apply -f manifests");
  add_globals(app, line);
  add_round_commands(app, line, stopping.get_token());
  add_look_commands(app, line);
  add_import_command(app, line);
  add_past_commands(app, line);
  add_record_commands(app, line);
  add_steer_commands(app, line);
  add_runtime_commands(app, line.global, line.runtime, [&](auto command) { line.command = std::move(command); });
  add_other_commands(app, line);
  try {
    app.parse(argc, argv);
    settle_origin(app, line.global);
  } catch (const CLI::ParseError& error) {
    return parse_error(app, error);
  }
  line.global.default_policies = !line.no_default_policies;
  // What went wrong in a command is its answer, not a line in a log.
  const bool runs = app.got_subcommand("run");
  if (app.get_option("--log-level")->empty() && !runs) line.global.logging.level = log::Level::error;
  if (line.verbose) line.global.logging.level = log::Level::debug;
  log::configure(line.global.logging);

  Console console = process_console(line.global);
  // Only `apply` has something to end in good order; elsewhere the signals do what they always do.
  std::optional<Signals> signals;
  const auto stop = [&] {
    console.err << "Stopping when what is under way is done; a second Ctrl-C stops at once\n" << std::flush;
    stopping.request_stop();
  };
  if (app.got_subcommand("apply")) signals.emplace(stop, std::function<void()>());
  auto code = line.command(console);
  if (code) return *code;
  print_error(console, code.error());
  return kFailed;
}

}  // namespace plumb::app
