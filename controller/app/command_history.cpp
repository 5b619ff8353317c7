#include <algorithm>
#include <map>
#include <ostream>
#include <set>

#include "controller/app/commands.h"
#include "controller/app/lanes.h"
#include "controller/app/revisions.h"
#include "controller/app/state.h"
#include "controller/base/text.h"
#include "controller/engine/inventory.h"
#include "controller/engine/review.h"
#include "controller/manifest/yaml.h"
#include "controller/model/json.h"

namespace plumb::app {
namespace {

using Stage = AuditRecord::Stage;

// One thing that happened, of either kind.
struct Event {
  SystemTime at{};
  std::optional<AuditRecord> record;
  std::optional<Commit> commit;
};

struct Past {
  std::vector<AuditRecord> records;                   // of the object, oldest first
  std::multimap<std::string, AuditRecord> approvals;  // by digest of the plan
  std::string file;                                   // where the inventory saw it declared last
};

// Reads back until there are so many records of the object, and all approvals of what they did.
Result<Past> past_of(const ResourceKey& key, const Snapshot& snapshot, State& state, std::size_t limit) {
  Past past;
  PLUMB_TRY(const auto approved, engine::approved_ever(state.store()));
  std::set<std::string> closed, awaited;
  const auto take = [&](AuditRecord record) {
    if (record.stage == Stage::done || record.stage == Stage::failed || record.stage == Stage::settled)
      closed.insert(record.operation);
    // An intent says what its closing record says again; one that is open is told.
    if (record.stage == Stage::intent && closed.contains(record.operation)) return;
    if (approved.contains(record.plan) && !past.approvals.contains(record.plan)) awaited.insert(record.plan);
    past.records.push_back(std::move(record));
  };
  PLUMB_CHECK(state.audit().newest_first([&](AuditRecord record) {
    if (record.stage == Stage::approval) {
      awaited.erase(record.plan);
      past.approvals.emplace(record.plan, record);
    }
    if (record.key == key && past.records.size() < limit) take(std::move(record));
    return past.records.size() < limit || !awaited.empty();
  }));
  std::ranges::reverse(past.records);
  for (const ResourceKey& target : targets_of(snapshot, key.ns)) {
    PLUMB_TRY(const auto inventory, engine::read_inventory(state.store(), to_string(target)));
    if (const auto owned = inventory.find(key); owned != inventory.end()) past.file = owned->second.file;
  }
  return past;
}

std::string values_text(const FieldChange& field) {
  if (field.sensitive) return field.name + ": (sensitive)";
  const auto side = [](const std::vector<std::string>& values) {
    if (values.empty()) return std::string("(none)");
    if (values.size() > 3) return fmt::format("{} values", values.size());
    return join(values, " | ");
  };
  return printable(fmt::format("{}: {} -> {}", field.name, side(field.removed), side(field.added)));
}

void print_record(const AuditRecord& record, const Past& past, std::ostream& out) {
  std::vector<std::string> actions;
  for (const Action action : record.actions) actions.emplace_back(to_string(action));
  out << format_time(record.at) << "  " << to_string(record.stage);
  if (!actions.empty()) out << ' ' << join(actions, "+");
  if (!record.actor.empty()) out << " by " << printable(record.actor);
  out << '\n';
  if (!record.handle_after.empty() && record.handle_after != record.handle && !record.handle.empty())
    out << "    " << printable(record.handle) << " -> " << printable(record.handle_after) << '\n';
  for (const FieldChange& field : record.fields) out << "    " << values_text(field) << '\n';
  if (!record.message.empty()) out << "    " << printable(record.message) << '\n';
  if (!record.plan.empty())
    out << "    plan " << record.plan << (record.revision.empty() ? "" : ", revision " + record.revision.substr(0, 12))
        << '\n';
  const auto [first, last] = past.approvals.equal_range(record.plan);
  for (auto at = first; at != last && !record.plan.empty(); ++at)
    out << "    approved by " << printable(at->second.actor) << " at " << format_time(at->second.at) << ": "
        << printable(at->second.message) << '\n';
}

void print_commit(const Commit& commit, std::ostream& out) {
  out << format_time(commit.time) << "  commit " << short_commit(commit.id) << " by " << commit.author << '\n'
      << "    " << commit.subject << '\n';
  if (!commit.signer.empty()) out << "    signed by " << commit.signer << '\n';
}

Value event_json(const Event& event, const Past& past) {
  if (event.commit)
    return Object{{"time", format_time(event.at)},
                  {"commit", Object{{"id", event.commit->id},
                                    {"author", event.commit->author},
                                    {"email", event.commit->email},
                                    {"subject", event.commit->subject},
                                    {"signer", event.commit->signer}}}};
  Array approvals;
  const auto [first, last] = past.approvals.equal_range(event.record->plan);
  for (auto at = first; at != last && !event.record->plan.empty(); ++at) approvals.push_back(to_json(at->second));
  return Object{
      {"time", format_time(event.at)}, {"record", to_json(*event.record)}, {"approvals", std::move(approvals)}};
}

}  // namespace

Result<int> history_command(const GlobalOptions& options, const HistoryOptions& history, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json", "yaml"}));
  const RealClock clock;
  PLUMB_TRY(const auto workspace, Workspace::open(options, SourceUse::stored, UrlDocuments::Use::look));
  PLUMB_TRY(const ResourceKey key, key_named(history.object, workspace->kinds(), options));
  PLUMB_TRY(const Manifests manifests, workspace->load(Deadline::never()));
  const Resource* resource = manifests.snapshot->find(key);
  Past past;
  std::vector<std::string> missing;
  std::error_code error;
  if (std::filesystem::exists(options.state / "plumbline.db", error)) {
    PLUMB_TRY(const auto state, State::open(options.state, State::Access::look, "plumbline history", clock));
    PLUMB_TRY(past, past_of(key, *manifests.snapshot, *state, history.limit));
  } else {
    missing.push_back(
        fmt::format("there is no state in {}, so nothing is known of what was done", options.state.string()));
  }
  std::vector<Event> events;
  for (const AuditRecord& record : past.records) events.push_back({record.at, record, {}});
  const std::string file = resource == nullptr ? past.file : resource->at.file;
  const auto revisions = Revisions::open(*workspace);
  if (!revisions) {
    missing.push_back(revisions.error().message);
  } else if (!file.empty()) {
    PLUMB_TRY(const auto commits,
              (*revisions)
                  ->history()
                  .commits({.after = "", .until = (*revisions)->head(), .path = file, .limit = history.limit},
                           Deadline::never()));
    for (const Commit& commit : commits) events.push_back({commit.time, {}, commit});
  }
  if (events.empty() && resource == nullptr)
    return fail(Fault::not_found, "nothing is known of {}: it is not declared, and nothing was done to it", key);
  // The author's clock has seconds: what came of a commit is told behind it.
  std::ranges::stable_sort(events, [](const Event& a, const Event& b) {
    return a.at != b.at ? a.at < b.at : (a.commit.has_value() && !b.commit.has_value());
  });
  if (events.size() > history.limit)
    events.erase(events.begin(), events.end() - static_cast<std::ptrdiff_t>(history.limit));

  if (options.output != "text") {
    Array all;
    for (const Event& event : events) all.push_back(event_json(event, past));
    const Value document = Object{{"key", to_string(key)}, {"file", file}, {"events", std::move(all)}};
    console.out << (options.output == "json" ? pretty(document) + "\n" : manifest::write_yaml(document));
    return kOk;
  }
  console.out << to_string(key);
  if (resource != nullptr) console.out << "  " << printable(to_string(resource->at));
  if (resource == nullptr) console.out << "  not declared any more" << (file.empty() ? "" : ", last in " + file);
  console.out << "\n";
  for (const std::string& text : missing) console.out << printable(text) << '\n';
  for (const Event& event : events) {
    console.out << '\n';
    if (event.commit) print_commit(*event.commit, console.out);
    if (event.record) print_record(*event.record, past, console.out);
  }
  return kOk;
}

}  // namespace plumb::app
