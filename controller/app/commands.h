#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "controller/app/console.h"
#include "controller/app/options.h"
#include "controller/base/result.h"

// One function a command. Each returns the exit code; an error is printed by the caller, which then exits
// with kFailed.
namespace plumb::app {

Result<int> validate_command(const GlobalOptions& options, const ValidateOptions& validate, Console& console);
Result<int> plan_command(const GlobalOptions& options, const PlanOptions& plan, Console& console);
// The same of two revisions, or against the last mirror.
Result<int> plan_revisions_command(const GlobalOptions& options, const PlanOptions& plan, Console& console);
// Stops after the batch under way when `stop` is asked for; what is left is done by the next run.
Result<int> apply_command(const GlobalOptions& options, const ApplyOptions& apply, Console& console,
                          std::stop_token stop);
Result<int> run_command(const GlobalOptions& options, const RunOptions& run, Console& console);
Result<int> get_command(const GlobalOptions& options, const GetOptions& get, Console& console);
Result<int> describe_command(const GlobalOptions& options, const GetOptions& get, Console& console);
Result<int> explain_command(const GlobalOptions& options, const ExplainOptions& explain, Console& console);
Result<int> import_command(const GlobalOptions& options, const ImportOptions& import, Console& console);
Result<int> approve_command(const GlobalOptions& options, const ApproveOptions& approve, Console& console);
Result<int> hold_command(const GlobalOptions& options, const HoldOptions& hold, Console& console);
Result<int> reconcile_command(const GlobalOptions& options, const ReconcileOptions& reconcile, Console& console);
Result<int> source_accept_command(const GlobalOptions& options, const SourceAcceptOptions& accept, Console& console);
Result<int> diff_command(const GlobalOptions& options, const DiffOptions& diff, Console& console);
Result<int> blame_command(const GlobalOptions& options, const BlameOptions& blame, Console& console);
Result<int> history_command(const GlobalOptions& options, const HistoryOptions& history, Console& console);
Result<int> rollback_command(const GlobalOptions& options, const RollbackOptions& rollback, Console& console);
// The integration runtime: what was applied of it in the state, called from here.
Result<int> invoke_command(const GlobalOptions& options, const InvokeOptions& invoke, Console& console);
Result<int> test_connection_command(const GlobalOptions& options, const InvokeOptions& invoke, Console& console);
Result<int> test_directory_command(const GlobalOptions& options, const TestDirectoryOptions& asked, Console& console);
Result<int> login_command(const GlobalOptions& options, const LoginOptions& login, Console& console);
Result<int> operations_command(const GlobalOptions& options, const IntegrationOptions& integration, Console& console);
Result<int> roles_command(const GlobalOptions& options, const IntegrationOptions& integration, Console& console);
// Manifests to put into Git, on standard output.
Result<int> create_integration_command(const GlobalOptions& options, const IntegrationOptions& integration,
                                       Console& console);
Result<int> clone_integration_command(const GlobalOptions& options, const IntegrationOptions& integration,
                                      Console& console);
// Calls of an integration that failed, newest first.
Result<int> failures_command(const GlobalOptions& options, const IntegrationOptions& integration, Console& console);
// The JSON that an Itential Platform keeps of an Integration, or the manifests that such JSON stands for.
Result<int> export_integration_command(const GlobalOptions& options, const IntegrationOptions& integration,
                                       Console& console);
// Through the HTTP API of a controller that is running.
Result<int> log_level_command(const GlobalOptions& options, const LogLevelOptions& log_level, Console& console);
// Tokens of the HTTP API.
Result<int> token_create_command(const GlobalOptions& options, const TokenOptions& token, Console& console);
Result<int> token_list_command(const GlobalOptions& options, Console& console);
Result<int> token_revoke_command(const GlobalOptions& options, const TokenOptions& token, Console& console);
Result<int> audit_list_command(const GlobalOptions& options, const AuditListOptions& list, Console& console);
Result<int> audit_verify_command(const GlobalOptions& options, Console& console);
Result<int> support_bundle_command(const GlobalOptions& options, const SupportOptions& support, Console& console);
Result<int> version_command(const GlobalOptions& options, Console& console);

// A format that all commands with documents as results know: text, json, yaml. `also` are further ones.
Result<void> check_format(const std::string& format, const std::vector<std::string>& known);

}  // namespace plumb::app
