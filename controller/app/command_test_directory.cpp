// Whether a domain can be worked on, before anything is applied to it.

#include <algorithm>
#include <ostream>

#include <boost/json/serialize.hpp>

#include "controller/app/beside_hub.h"
#include "controller/app/commands.h"
#include "controller/app/connector_rows.h"
#include "controller/app/directory_check.h"
#include "controller/app/lanes.h"
#include "controller/app/secret_access.h"
#include "controller/app/state.h"
#include "controller/app/workspace.h"
#include "controller/base/text.h"
#include "reconcilers/directory_settings.h"

namespace plumb::app {
namespace {

// Of one operation: people wait for it.
constexpr Duration kLimit = std::chrono::seconds(10);

Result<ResourceKey> the_directory(const Snapshot& snapshot, const GlobalOptions& options, const std::string& name) {
  const auto keys = directories_of(snapshot, options.ns, name.empty() ? options.directory : name);
  if (keys.size() == 1) return keys.front();
  if (keys.empty())
    return fail(Fault::not_found,
                "there is no such Directory in the manifests; `plumbline get directories` lists them");
  return fail(Fault::invalid, "there are {} Directory resources; say which", keys.size());
}

Result<Dn> scratch_of(const std::string& text, const DirectorySettings& settings) {
  auto dn = Dn::parse(text);
  if (!dn) return in_context("--scratch-ou " + text, std::move(dn).error());
  if (std::ranges::none_of(settings.managed_scope, [&](const Dn& scope) { return dn->within(scope); }))
    return fail(Fault::denied, "--scratch-ou {} is outside of the managedScope of {}, where nothing is ever written",
                text, settings.key);
  return dn;
}

// Who writes into a domain is in the log, and so is who signs in there through somebody's site.
Result<void> note(const GlobalOptions& options, const ResourceKey& directory, const std::string& message,
                  const Clock& clock) {
  PLUMB_TRY(const auto state, State::open(options.state, State::Access::note, "plumbline test-directory", clock));
  PLUMB_CHECK(state->audit().refresh());
  AuditRecord record;
  record.stage = AuditRecord::Stage::note;
  record.target = to_string(directory);
  record.actor = current_actor();
  record.key = directory;
  record.message = message;
  return state->audit().append({std::move(record)});
}

}  // namespace

Result<int> test_directory_command(const GlobalOptions& options, const TestDirectoryOptions& asked, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  const RealClock clock;
  PLUMB_TRY(const auto workspace, Workspace::open(options, SourceUse::look, UrlDocuments::Use::look));
  PLUMB_TRY(const auto manifests, workspace->load(Deadline::never()));
  const Snapshot& snapshot = *manifests.snapshot;
  print_diagnostics(console, manifests.diagnostics);
  PLUMB_TRY(const ResourceKey key, the_directory(snapshot, options, asked.directory));
  PLUMB_TRY(const auto secrets, open_secrets(options, nullptr));
  const auto beside = connectors_beside(options.state, snapshot);
  const std::string through = asked.through.empty() ? "" : to_string(connector_named(asked.through, options.ns));
  PLUMB_TRY(const auto directory, connect(key, snapshot, options.trust, *secrets, clock, asker_of(beside), through));
  PLUMB_TRY(const auto settings, directory_settings(*snapshot.resources.at(key), snapshot));
  Dn scratch;
  if (!asked.scratch_ou.empty()) {
    PLUMB_TRY(scratch, scratch_of(asked.scratch_ou, settings));
    PLUMB_CHECK(note(options, key, fmt::format("directory.tested: a scratch account in {}", scratch.text()), clock));
  }
  auto tried = try_reading(*directory, settings.base_dns, clock, kLimit);
  const auto good = [&] { return std::ranges::all_of(tried, &DirectoryTried::good); };
  if (good() && !scratch.empty()) {
    auto written = try_writing(*directory, scratch, clock, kLimit);
    std::ranges::move(written, std::back_inserter(tried));
  }
  Array documents;
  std::vector<std::vector<std::string>> rows;
  for (const DirectoryTried& each : tried) {
    documents.push_back(described(each));
    rows.push_back(
        {each.good ? "pass" : "fail", each.step, fmt::format("{} ms", each.took.count()), printable(each.text)});
  }
  console.out << (options.output == "json" ? boost::json::serialize(documents) + "\n"
                                           : table({"OUTCOME", "STEP", "TOOK", "WHAT WAS SEEN"}, rows));
  return good() ? kOk : kFailed;
}

}  // namespace plumb::app
