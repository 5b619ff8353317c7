// What people send along when they ask for help: one ZIP with what Plumbline knows of itself (FEATURES J19).

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <ostream>
#include <sstream>

#include "controller/app/commands.h"
#include "controller/app/state.h"
#include "controller/app/zip_file.h"
#include "controller/engine/status_book.h"
#include "controller/model/json.h"
#include "controller/runtime/failed_calls.h"

namespace plumb::app {
namespace {

constexpr std::size_t kMostOfLog = 4 << 20;

// Kinds that say how things are set up. Not the ones that are people.
constexpr std::array<std::string_view, 9> kConfiguration = {
    "Directory",   "Policy",      "GitRepository",        "IntegrationModel",
    "Integration", "RoleBinding", "GatewayConfiguration", "IntegrationPlatform",
    "Connector"};

// What a command would print, and how it ended: a bundle is made most often because something does not work.
std::string printed(const std::function<Result<int>(Console&)>& command) {
  std::ostringstream out, err;
  Console console{out, err, false, false, {}};
  const auto code = command(console);
  if (!code) print_error(console, code.error());
  std::string text = out.str();
  if (!err.str().empty()) text += (text.empty() ? "" : "\n") + err.str();
  return text;
}

std::string system_text() {
  utsname name{};
  ::uname(&name);
  std::ifstream release("/etc/os-release");
  const std::string distribution{std::istreambuf_iterator<char>(release), {}};
  return fmt::format("{} {} {} {}\nprocessors: {}\nmemory: {} MiB\n\n{}", name.sysname, name.release, name.version,
                     name.machine, ::sysconf(_SC_NPROCESSORS_ONLN),
                     ::sysconf(_SC_PHYS_PAGES) / 1024 * ::sysconf(_SC_PAGESIZE) / 1024, distribution);
}

// Of the state, if there is one.
Result<void> add_state(const GlobalOptions& options, std::vector<ZipFile>& files) {
  std::error_code error;
  if (!std::filesystem::exists(options.state / "plumbline.db", error)) {
    files.push_back({"state.txt", fmt::format("there is no state in {}\n", options.state.string())});
    return {};
  }
  const RealClock clock;
  PLUMB_TRY(const auto state, State::open(options.state, State::Access::look, "plumbline support-bundle", clock));
  PLUMB_TRY(const auto statuses, engine::read_status(state->store(), ""));
  Array all;
  for (const Status& status : statuses) {
    all.push_back(to_json(status));
    if (status.key.kind != "Integration") continue;
    PLUMB_TRY(const auto failures, runtime::FailedCalls::of(state->store(), status.key));
    if (failures.empty()) continue;
    files.push_back({fmt::format("failures/{}.{}.json", status.key.ns, status.key.name),
                     pretty(Array(failures.begin(), failures.end())) + "\n"});
  }
  files.push_back({"status.json", pretty(all) + "\n"});
  return {};
}

// The end of it, from the first whole line on.
Result<std::string> log_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Fault::not_found, "--log: {} cannot be read", file.string());
  in.seekg(0, std::ios::end);
  const auto size = static_cast<std::size_t>(in.tellg());
  const std::size_t from = size > kMostOfLog ? size - kMostOfLog : 0;
  in.seekg(static_cast<std::streamoff>(from));
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (from > 0) text.erase(0, text.find('\n') + 1);
  return text;
}

Result<std::vector<ZipFile>> collect(const GlobalOptions& options, const SupportOptions& support) {
  GlobalOptions json = options;
  json.output = "json";
  GlobalOptions text = options;
  text.output = "text";
  std::vector<ZipFile> files;
  files.push_back({"version.json", printed([&](Console& c) { return version_command(json, c); })});
  files.push_back({"system.txt", system_text()});
  files.push_back({"validate.txt", printed([&](Console& c) { return validate_command(text, {}, c); })});
  for (const std::string_view kind : kConfiguration)
    files.push_back({fmt::format("manifests/{}.json", kind), printed([&](Console& c) {
                       return get_command(json, {.kind = std::string(kind), .name = ""}, c);
                     })});
  if (const auto added = add_state(options, files); !added)
    files.push_back({"state.txt", fmt::format("error: {}\n", added.error().message)});
  files.push_back(
      {"audit.json", printed([&](Console& c) { return audit_list_command(json, {.since = support.since}, c); })});
  files.push_back({"audit-verify.txt", printed([&](Console& c) { return audit_verify_command(text, c); })});
  if (!support.log.empty()) {
    PLUMB_TRY(auto log, log_text(support.log));
    files.push_back({"plumbline.log", std::move(log)});
  }
  return files;
}

}  // namespace

Result<int> support_bundle_command(const GlobalOptions& options, const SupportOptions& support, Console& console) {
  PLUMB_TRY(const auto files, collect(options, support));
  const RealClock clock;
  std::string stamp = format_time(clock.now()).substr(0, 19);  // 2026-11-27T20:00:00
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  const std::filesystem::path to =
      support.out.empty() ? std::filesystem::path("plumbline-support-" + stamp + ".zip") : support.out;
  PLUMB_CHECK(write_zip(to, files));
  for (const ZipFile& file : files)
    console.err << fmt::format("  {:<40} {:>9} bytes\n", file.name, file.content.size());
  console.err
      << "Look at it before you send it: audit.json and status.json name people, and failures/ has what targets\n"
         "answered. Secrets that Plumbline sent are masked; manifests name secrets by where they are.\n";
  console.out << to.string() << '\n';
  return kOk;
}

}  // namespace plumb::app
