#include <algorithm>
#include <ostream>

#include "controller/app/commands.h"
#include "controller/app/pin.h"
#include "controller/app/plan_output.h"
#include "controller/app/revision_lanes.h"
#include "controller/app/source_status.h"
#include "controller/base/text.h"
#include "controller/engine/intent.h"
#include "controller/engine/inverse.h"
#include "controller/engine/planner.h"
#include "controller/engine/review.h"

namespace plumb::app {
namespace {

using Stage = AuditRecord::Stage;

AuditRecord note(const ResourceKey& key, std::string message) {
  AuditRecord record;
  record.stage = Stage::note;
  record.key = key;
  record.message = std::move(message);
  return record;
}

// The state, to write a record beside a controller that may be running.
Result<std::unique_ptr<State>> open_to_note(const GlobalOptions& options, const Clock& clock) {
  if (!has_state(options))
    return fail(Fault::not_found, "there is no state in {}; name it with --state or PLUMBLINE_STATE",
                options.state.string());
  PLUMB_TRY(auto state, State::open(options.state, State::Access::note, "plumbline rollback", clock));
  PLUMB_CHECK(state->audit().refresh());
  return state;
}

Result<int> release(const GlobalOptions& options, const RollbackOptions& rollback, Console& console) {
  const RealClock clock;
  PLUMB_TRY(const auto state, open_to_note(options, clock));
  const auto pin = read_pin(state->store());
  if (pin && !*pin) return fail(Fault::not_found, "nothing is rolled back: the newest manifests are worked with");
  const std::string commit = pin ? (*pin)->commit : "an unknown commit";
  const std::string reason = rollback.reason.empty() ? "" : ": " + rollback.reason;
  PLUMB_CHECK(state->audit().append({note({}, fmt::format("the rollback to commit {} was released{}", commit, reason))},
                                    {removal_of_pin(), request_look("", clock.now())}));
  console.out << "The newest manifests are worked with again, from the next round on\n";
  return kOk;
}

Result<void> pin_to(const Commit& commit, const GlobalOptions& options, const RollbackOptions& rollback,
                    Console& console) {
  const RealClock clock;
  PLUMB_TRY(const auto state, open_to_note(options, clock));
  const Pin pin{.commit = commit.id, .reason = rollback.reason, .actor = current_actor(), .at = clock.now()};
  PLUMB_CHECK(state->audit().append(
      {note({}, fmt::format("rolled back to commit {} until it is released: {}", commit.id, rollback.reason))},
      {put_of(pin), request_look("", clock.now())}));
  console.err << "Rounds work with the manifests of commit " << short_commit(commit.id)
              << " from now on, whatever comes into the source; `plumbline rollback --release` ends that\n";
  return {};
}

// Accounts that the way back would make anew: they are others than those that were deleted.
std::vector<std::string> notes_on_one_way(const std::vector<Plan>& plans, const std::vector<AuditRecord>& records) {
  std::set<ResourceKey> deleted;
  for (const AuditRecord& record : records)
    if (record.stage == Stage::done && std::ranges::find(record.actions, Action::remove) != record.actions.end())
      deleted.insert(record.key);
  std::vector<std::string> notes;
  for (const Plan& plan : plans)
    for (const auto& level : plan.levels)
      for (const Change& change : level)
        if (change.does(Action::create) && deleted.contains(change.key))
          notes.push_back(
              fmt::format("ONE WAY: {} was deleted and is made anew, with another SID: what was granted to "
                          "the old one is not granted to it",
                          change.key));
  return notes;
}

// Passwords that were given out since: a lower generation is not written again.
Result<std::vector<std::string>> notes_on_passwords(RevisionSession& session, const Snapshot& objects) {
  std::vector<std::string> notes;
  for (const auto& lane : session.lanes) {
    PLUMB_TRY(const auto inventory, engine::read_inventory(session.state->store(), to_string(lane->key)));
    const auto kinds = lane->target->kinds();
    const auto projection = engine::project(objects, kinds, [](const Resource&) { return true; });
    for (const Wanted& wanted : projection.wanted) {
      const auto owned = inventory.find(wanted.key);
      if (owned == inventory.end()) continue;
      for (const OnceWrite& once : wanted.once) {
        const auto done = owned->second.once.find(once.name);
        if (!once.only_higher || done == owned->second.once.end() || done->second == once.token) continue;
        notes.push_back(fmt::format("ONE WAY: {}: {} {} was done since, and stays: this commit asks for {}", wanted.key,
                                    once.name, done->second, once.token));
      }
    }
  }
  return notes;
}

struct Way {
  std::vector<Plan> plans;
  std::vector<std::string> notes;
  bool failed = false;
};

Result<int> show(RevisionSession& session, const Way& way, const std::string& manifests, const GlobalOptions& options,
                 const RollbackOptions& rollback, Console& console) {
  if (way.plans.empty()) return kFailed;
  PLUMB_TRY(const std::string report, report_of(way.plans, way.notes, options.output,
                                                {.colour = console.colour, .now = session.clock.now()}, console));
  console.out << report << std::flush;
  if (!rollback.output.out.empty()) {
    if (way.failed)
      return fail(Fault::invalid, "{} was not written: the plan is not of everything", rollback.output.out.string());
    PLUMB_CHECK(write_plan_file(rollback.output, *session.state, way.plans, manifests, session.clock, console));
  }
  return way.failed ? kFailed : kOk;
}

Result<int> to_commit(const GlobalOptions& options, const RollbackOptions& rollback, Console& console) {
  if (rollback.pin && rollback.reason.empty())
    return fail(Fault::invalid, "--pin needs a --reason: it is kept in the audit log");
  PLUMB_TRY(const auto session, open_revisions(options));
  PLUMB_TRY(const std::string id, session->revisions->resolve(rollback.commit));
  PLUMB_TRY(const Commit commit, session->revisions->history().commit(id));
  PLUMB_TRY(const Manifests then, session->revisions->at(id, Deadline::never()));
  print_diagnostics(console, then.diagnostics);
  const Snapshot& settings = *session->manifests.snapshot;
  PLUMB_CHECK(open_lanes(*session, options, settings, false, console));
  Way way;
  way.failed = session->incomplete || has_errors(then.diagnostics);
  for (const auto& lane : session->lanes) {
    auto plan = plan_of(*lane, settings, *then.snapshot);
    if (plan) {
      way.plans.push_back(std::move(*plan));
    } else {
      print_error(console, plan.error());
      way.failed = true;
    }
  }
  way.notes.push_back(fmt::format("Back to {} ({}, {}: {})", short_commit(id), format_time(commit.time), commit.author,
                                  commit.subject));
  PLUMB_TRY(const auto records, session->state->audit().since(SystemTime{}));
  for (std::string& text : notes_on_one_way(way.plans, records)) way.notes.push_back(std::move(text));
  PLUMB_TRY(auto passwords, notes_on_passwords(*session, *with_settings_of(settings, *then.snapshot)));
  for (std::string& text : passwords) way.notes.push_back(std::move(text));
  PLUMB_TRY(const int code, show(*session, way, id, options, rollback, console));
  if (rollback.pin) {
    if (way.failed) return fail(Fault::invalid, "nothing is pinned: the plan is not of everything");
    PLUMB_CHECK(pin_to(commit, options, rollback, console));
    return code;
  }
  console.err << "The next round puts things forward again, unless the repository itself is reverted (git revert), or "
                 "rounds are pinned to this commit: plumbline rollback "
              << short_commit(id) << " --pin --reason TEXT\n";
  return code;
}

// What a plan that is bound for one target would meet there now.
Result<void> compare_with_live(DomainLane& lane, RevisionSession& session, const Inventory& inventory, Plan& plan) {
  Interest interest;
  for (const auto& level : plan.levels)
    for (const Change& change : level) engine::add_interest(change, interest);
  PLUMB_CHECK(lane.target->restore(session.state->store()));
  PLUMB_TRY(const Observation seen,
            lane.target->observe(interest, Deadline::in(session.clock, std::chrono::minutes(2))));
  const auto kinds = lane.target->kinds();
  engine::leave_out(engine::compare_with(plan, *session.manifests.snapshot, **seen.live, inventory, kinds), plan);
  engine::Reviewer reviewer(lane.policies, session.state->store(), *lane.audit);
  return reviewer.review(plan, inventory, session.clock.now());
}

Result<std::optional<Plan>> way_back(DomainLane& lane, RevisionSession& session,
                                     const std::vector<AuditRecord>& applied) {
  std::vector<AuditRecord> here;
  for (const AuditRecord& record : applied)
    if (record.target == to_string(lane.key)) here.push_back(record);
  if (here.empty()) return std::optional<Plan>();
  PLUMB_TRY(const auto inventory, engine::read_inventory(session.state->store(), to_string(lane.key)));
  const auto kinds = lane.target->kinds();
  Plan plan = engine::inverse_of(here, inventory, kinds);
  plan.revision = here.front().revision;
  if (auto compared = compare_with_live(lane, session, inventory, plan); !compared)
    return in_context(to_string(lane.key), std::move(compared).error());
  return std::optional(std::move(plan));
}

Result<int> of_plan(const GlobalOptions& options, const RollbackOptions& rollback, Console& console) {
  constexpr std::size_t kShortest = 8;
  if (rollback.plan.size() < kShortest || rollback.plan.find_first_not_of("0123456789abcdef") != std::string::npos)
    return fail(Fault::invalid,
                "--plan {}: the digest of a plan is expected, as `plumbline history` prints it, or at "
                "least its first {} digits",
                printable(rollback.plan), kShortest);
  // No commit is needed for it, and so no repository.
  const auto session = std::make_unique<RevisionSession>();
  PLUMB_TRY(session->workspace, Workspace::open(options, SourceUse::stored));
  PLUMB_TRY(session->manifests, session->workspace->load(Deadline::never()));
  PLUMB_CHECK(open_lanes(*session, options, *session->manifests.snapshot, false, console));
  PLUMB_TRY(const auto records, session->state->audit().since(SystemTime{}));
  const auto applied = engine::applied_of(records, rollback.plan);
  if (applied.empty())
    return fail(Fault::not_found, "the audit log knows of no change that was applied of plan {}", rollback.plan);
  if (std::ranges::any_of(applied, [&](const AuditRecord& each) { return each.plan != applied.front().plan; }))
    return fail(Fault::invalid, "{} is the beginning of several plans; give more of it", rollback.plan);
  Way way;
  way.failed = session->incomplete;
  for (const auto& lane : session->lanes) {
    auto plan = way_back(*lane, *session, applied);
    if (!plan) {
      print_error(console, plan.error());
      way.failed = true;
    } else if (*plan) {
      way.plans.push_back(std::move(**plan));
    }
  }
  way.notes.push_back(fmt::format("The way back of plan {}, applied at {} by {}: {}",
                                  applied.front().plan.substr(0, 12), format_time(applied.front().at),
                                  applied.front().actor,
                                  applied.size() == 1 ? "1 change" : fmt::format("{} changes", applied.size())));
  PLUMB_TRY(const int code, show(*session, way, "", options, rollback, console));
  console.err << "The manifests still ask for what that plan did: the next round does it again, unless they are "
                 "reverted first (git revert), or the objects are kept as they are: plumbline hold KIND/NAME\n";
  return code;
}

}  // namespace

Result<int> rollback_command(const GlobalOptions& options, const RollbackOptions& rollback, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json", "markdown", "html", "yaml"}));
  const int asked = (rollback.commit.empty() ? 0 : 1) + (rollback.plan.empty() ? 0 : 1) + (rollback.release ? 1 : 0);
  if (asked != 1) return fail(Fault::invalid, "one of COMMIT, --plan DIGEST and --release is needed");
  if (rollback.pin && rollback.commit.empty()) return fail(Fault::invalid, "--pin goes with a COMMIT");
  if (rollback.release) return release(options, rollback, console);
  return rollback.commit.empty() ? of_plan(options, rollback, console) : to_commit(options, rollback, console);
}

}  // namespace plumb::app
