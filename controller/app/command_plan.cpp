#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ostream>

#include "controller/app/commands.h"
#include "controller/app/session.h"
#include "controller/base/digest.h"
#include "controller/plan/plan_file.h"
#include "controller/plan/render.h"

namespace plumb::app {
namespace {

// Written aside and renamed: a reader sees all of it or the one before.
Result<void> write_file(const std::filesystem::path& file, std::string_view text, mode_t mode) {
  const std::string aside = file.string() + ".tmp." + std::to_string(::getpid());
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return fail(Fault::unavailable, "writing {}: {}", file.string(), std::strerror(errno));
  std::string_view left = text;
  int reason = 0;
  while (!left.empty() && reason == 0) {
    const auto n = ::write(fd, left.data(), left.size());
    if (n > 0) left.remove_prefix(static_cast<std::size_t>(n));
    if (n < 0 && errno != EINTR) reason = errno;
  }
  if (reason == 0 && ::fsync(fd) != 0) reason = errno;
  ::close(fd);
  if (reason == 0 && ::rename(aside.c_str(), file.c_str()) != 0) reason = errno;
  if (reason == 0) return {};
  ::unlink(aside.c_str());
  return fail(Fault::unavailable, "writing {}: {}", file.string(), std::strerror(reason));
}

Result<void> write_plan_file(const PlanOptions& options, const Session& session, const std::vector<Plan>& plans,
                             Console& console) {
  const SystemTime now = session.clock.now();
  const plan::PlanFile file{.id = random_hex(16),
                            .created = now,
                            .expires = now + options.expires,
                            .instance = session.state->instance(),
                            .plans = plans};
  PLUMB_CHECK(write_file(options.out, plan::seal(file, session.state->key()), 0600));
  console.err << "The plan is in " << options.out.string() << " until " << format_time(file.expires)
              << "; apply exactly this with: plumbline apply " << options.out.string() << '\n';
  return {};
}

}  // namespace

Result<int> plan_command(const GlobalOptions& options, const PlanOptions& plan, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json", "markdown", "html", "yaml"}));
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
  const std::string report =
      plan::render(plans, *plan::parse_format(options.output),
                   {.colour = console.colour && plan.output_file.empty(), .now = session->clock.now()});
  if (plan.output_file.empty()) {
    console.out << report << std::flush;
  } else {
    PLUMB_CHECK(write_file(plan.output_file, report, 0644));
  }
  if (!plan.out.empty()) {
    if (failed) return fail(Fault::invalid, "{} was not written: the plan is not of everything", plan.out.string());
    PLUMB_CHECK(write_plan_file(plan, *session, plans, console));
  }
  if (failed) return kFailed;
  const bool changes = std::ranges::any_of(plans, [](const Plan& one) { return !one.empty(); });
  const bool blocked = std::ranges::any_of(plans, [](const Plan& one) { return !one.blocked.empty(); });
  if (!plan.detailed_exit_code) return kOk;
  return blocked ? kFailed : (changes ? kChanges : kOk);  // `apply` ends with 1 on what is blocked, too
}

}  // namespace plumb::app
