// What an agent tells of itself when it is asked, through the controller that runs.

#include <ostream>

#include <boost/json/parse.hpp>

#include "controller/app/beside_hub.h"
#include "controller/app/command_connector.h"
#include "controller/app/commands.h"
#include "controller/app/connector_answers.h"
#include "controller/app/connector_rows.h"
#include "controller/app/runtime_session.h"
#include "controller/app/state.h"
#include "controller/app/zip_file.h"
#include "controller/base/text.h"
#include "controller/link/conversation.h"
#include "controller/link/log_codec.h"
#include "controller/model/value.h"

namespace plumb::app {
namespace {

constexpr Duration kAnswer = std::chrono::minutes(2), kFollow = std::chrono::hours(24);

link::Ask question(const ResourceKey& connector, link::Method method, Duration limit) {
  return {.group = to_string(connector), .method = method, .limit = limit, .actor = current_actor()};
}

// Whoever reads what happens at a site is in the log.
Result<ResourceKey> meant(const GlobalOptions& options, const std::string& name, const std::string& what,
                          const Clock& clock) {
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline connector", clock));
  PLUMB_TRY(const auto applied, applied_connectors(state->store()));
  const ResourceKey key = connector_named(name, options.ns);
  PLUMB_CHECK(check_applied(applied, key));
  PLUMB_CHECK(note_done(*state, key, fmt::format("connector.{}: {}", what, key)));
  return key;
}

// The whole lines of what has come so far, those of a level and above.
std::string whole_lines(std::string& rest, const std::string& level) {
  std::string ready;
  for (std::size_t end = 0; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1))
    if (const std::string_view line(rest.data(), end + 1); is_at_least(line, level)) ready += printable(line, true);
  return ready;
}

Result<int> follow(const ResourceKey& key, const std::string& level, link::Asker& asker, const Clock& clock,
                   Console& console) {
  link::Conversation conversation(asker, clock, question(key, link::Method::follow_logs, kFollow));
  const Deadline deadline = Deadline::in(clock, kFollow);
  std::string rest;
  while (true) {
    PLUMB_TRY(const auto part, conversation.next(deadline));
    if (!part) return kOk;
    rest += *part;
    console.out << whole_lines(rest, level) << std::flush;
    if (!console.out) return kOk;
  }
}

}  // namespace

Result<int> connector_logs_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console) {
  const RealClock clock;
  PLUMB_TRY(const ResourceKey key, meant(options, asked.name, asked.follow ? "log-followed" : "log-requested", clock));
  LoopedBesideHub hub(options.state);
  if (asked.follow) return follow(key, asked.level, hub.asker(), clock, console);
  link::Conversation conversation(hub.asker(), clock, question(key, link::Method::logs, kAnswer));
  PLUMB_TRY(const std::string stream, conversation.all(Deadline::in(clock, kAnswer)));
  PLUMB_TRY(const auto files, link::decode_files(stream));
  std::vector<ZipFile> archive;
  for (const auto& [name, content] : files) archive.push_back({name, content});
  const std::filesystem::path to =
      asked.to.empty() ? std::filesystem::path(fmt::format("connector-{}-{}.zip", key.ns, key.name)) : asked.to;
  PLUMB_CHECK(write_zip(to, archive));
  for (const ZipFile& file : archive)
    console.err << fmt::format("  {:<24} {:>9} bytes\n", file.name, file.content.size());
  console.out << to.string() << '\n';
  return kOk;
}

Result<int> connector_test_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  const RealClock clock;
  PLUMB_TRY(const ResourceKey key, meant(options, asked.name, "tested", clock));
  LoopedBesideHub hub(options.state);
  link::Conversation conversation(hub.asker(), clock, question(key, link::Method::test_targets, kAnswer));
  PLUMB_TRY(const std::string answer, conversation.all(Deadline::in(clock, kAnswer)));
  boost::json::error_code error;
  const Value checks = boost::json::parse(answer, error);
  const Value* const list = error ? nullptr : at(checks, "/checks");
  if (list == nullptr || !list->is_array()) return fail(Fault::invalid, "the connector's answer cannot be read");
  bool good = true;
  std::vector<std::vector<std::string>> rows;
  for (const Value& check : list->get_array()) {
    const std::string outcome = text_at(check, "/outcome").value_or("");
    good = good && outcome != "fail";
    const std::string remedy = text_at(check, "/remedy").value_or("");
    rows.push_back({printable(outcome), printable(text_at(check, "/check").value_or("")),
                    printable(text_at(check, "/text").value_or("") + (remedy.empty() ? "" : "; " + remedy))});
  }
  if (options.output == "json") {
    console.out << printable(answer, true) << '\n';
  } else {
    console.out << table({"OUTCOME", "CHECK", "WHAT WAS SEEN"}, rows);
  }
  return good ? kOk : kFailed;
}

}  // namespace plumb::app
