#include "controller/app/plan_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ostream>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/manifest/yaml.h"
#include "controller/plan/plan_file.h"

namespace plumb::app {
namespace {

// A commit's author and subject are anybody's: no markup, no link and nobody mentioned.
std::string markdown_text(std::string_view text) {
  std::string safe;
  for (const char c : printable(text)) {
    if (std::string_view("\\`*_{}[]()<>#|&@!~:.").find(c) == std::string_view::npos) {
      safe += c;
    } else {
      safe += fmt::format("&#{};", static_cast<int>(c));
    }
  }
  return safe;
}

}  // namespace

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

Result<void> write_plan_file(const PlanOptions& options, const State& state, const std::vector<Plan>& plans,
                             const std::string& manifests, const Clock& clock, Console& console) {
  const SystemTime now = clock.now();
  const plan::PlanFile file{.id = random_hex(16),
                            .created = now,
                            .expires = now + options.expires,
                            .instance = state.instance(),
                            .manifests = manifests,
                            .plans = plans};
  PLUMB_CHECK(write_file(options.out, plan::seal(file, state.key()), 0600));
  console.err << "The plan is in " << options.out.string() << " until " << format_time(file.expires)
              << "; apply exactly this with: plumbline apply " << options.out.string() << '\n';
  return {};
}

Result<std::string> report_of(const std::vector<Plan>& plans, const std::vector<std::string>& notes,
                              const std::string& output, const plan::RenderOptions& options, Console& console) {
  const bool markdown = output == "markdown" || output == "md", text = output == "text";
  std::string above;
  for (const std::string& note : notes) {
    if (markdown) above += "> " + markdown_text(note) + "\n>\n";
    if (text) above += printable(note) + "\n";
    if (!markdown && !text) console.err << printable(note) << '\n';
  }
  if (!above.empty()) above += '\n';
  if (output == "yaml") return manifest::write_yaml(plan::report_json(plans));
  const auto format = plan::parse_format(output);
  if (!format) return fail(Fault::invalid, "-o {}: no such format", printable(output));
  plan::RenderOptions shortened = options;  // the notes are part of what a comment may hold
  shortened.markdown_limit -= std::min(above.size(), options.markdown_limit / 2);
  return above + plan::render(plans, *format, shortened);
}

int detailed_exit_code(const std::vector<Plan>& plans) {
  if (std::ranges::any_of(plans, [](const Plan& one) { return !one.blocked.empty(); })) return kFailed;
  return std::ranges::any_of(plans, [](const Plan& one) { return !one.empty(); }) ? kChanges : kOk;
}

}  // namespace plumb::app
