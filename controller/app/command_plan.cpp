#include <algorithm>
#include <ostream>

#include "controller/app/commands.h"
#include "controller/app/plan_output.h"
#include "controller/app/session.h"

namespace plumb::app {

Result<int> plan_command(const GlobalOptions& options, const PlanOptions& plan, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json", "markdown", "html", "yaml"}));
  if (!plan.git.empty() || plan.offline) return plan_revisions_command(options, plan, console);
  PLUMB_TRY(const auto session, open_session(options, State::Access::look, "plumbline plan", console));

  std::vector<Plan> plans;
  bool failed = session->incomplete;
  for (const auto& domain : session->lanes) {
    auto made = domain->lane->plan(*session->manifests.snapshot);
    if (made) {
      plans.push_back(std::move(*made));
    } else {
      print_error(console, fmt::format("{}: {}", domain->key, made.error().message));
      failed = true;
    }
  }
  if (plans.empty()) return kFailed;  // a report of nothing would read as "no changes"
  PLUMB_TRY(const std::string report,
            report_of(plans, {}, options.output,
                      {.colour = console.colour && plan.output_file.empty(), .now = session->clock.now()}, console));
  if (plan.output_file.empty()) {
    console.out << report << std::flush;
  } else {
    PLUMB_CHECK(write_file(plan.output_file, report, 0644));
  }
  if (!plan.out.empty()) {
    if (failed) return fail(Fault::invalid, "{} was not written: the plan is not of everything", plan.out.string());
    PLUMB_CHECK(write_plan_file(plan, *session->state, plans, "", session->clock, console));
  }
  if (failed) return kFailed;
  return plan.detailed_exit_code ? detailed_exit_code(plans) : kOk;
}

}  // namespace plumb::app
