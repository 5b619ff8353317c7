#include <algorithm>

#include "controller/app/commands.h"
#include "controller/app/session.h"
#include "controller/app/workspace.h"
#include "controller/model/json.h"

namespace plumb::app {

Result<void> check_format(const std::string& format, const std::vector<std::string>& known) {
  if (std::ranges::find(known, format) != known.end()) return {};
  return fail(Fault::invalid, "-o {}: this command knows {}{}", format, join(known, ", "), did_you_mean(format, known));
}

Result<int> validate_command(const GlobalOptions& options, const ValidateOptions& validate, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  PLUMB_TRY(const auto workspace, Workspace::open(options, SourceUse::look,
                                                  validate.fetch ? UrlDocuments::Use::fetch : UrlDocuments::Use::look));
  PLUMB_TRY(const auto manifests, workspace->load(Deadline::never()));
  warn_of_source(*workspace, manifests, console);
  const auto policies = workspace->policies(*manifests.snapshot);
  const bool valid = !has_errors(manifests.diagnostics) && policies.has_value();

  if (options.output == "json") {
    Array diagnostics;
    for (const auto& diagnostic : manifests.diagnostics) diagnostics.push_back(to_json(diagnostic));
    if (!policies) diagnostics.push_back(Object{{"severity", "error"}, {"message", policies.error().message}});
    console.out << pretty(Object{{"apiVersion", "plumbline.dev/validate/v1"},
                                 {"valid", valid},
                                 {"revision", manifests.snapshot->revision},
                                 {"objects", manifests.snapshot->resources.size()},
                                 {"held", manifests.snapshot->held.size()},
                                 {"diagnostics", std::move(diagnostics)}})
                << '\n';
    return valid ? kOk : kFailed;
  }
  print_diagnostics(console, manifests.diagnostics);
  if (!policies && manifests.diagnostics.empty()) print_error(console, policies.error());
  if (valid) console.out << manifests.snapshot->resources.size() << " objects are valid\n";
  return valid ? kOk : kFailed;
}

}  // namespace plumb::app
