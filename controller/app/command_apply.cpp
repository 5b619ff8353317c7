#include <algorithm>
#include <fstream>
#include <iterator>
#include <ostream>
#include <set>

#include "controller/app/commands.h"
#include "controller/app/revisions.h"
#include "controller/app/session.h"
#include "controller/plan/plan_file.h"
#include "controller/plan/render.h"

namespace plumb::app {
namespace {

constexpr std::size_t kPlanFileLimit = std::size_t{256} << 20U;  // bytes

struct Totals {
  std::size_t applied = 0, failed = 0, unknown = 0, withheld = 0, blocked = 0;
  bool stopped = false;
};

void report_round(const DomainLane& domain, const engine::Round& round, Totals& totals, Console& console) {
  totals.applied += round.applied;
  totals.failed += round.failed;
  totals.unknown += round.unknown;
  totals.withheld += round.withheld;
  totals.blocked += round.plan.blocked.size();
  for (const auto& [key, error] : round.failures) print_error(console, fmt::format("{}: {}", key, error.message));
  if (round.stopped) {
    totals.stopped = true;
    print_error(console, fmt::format("{}: {}", domain.key, round.stopped->message));
  }
}

int finish(const Totals& totals, bool incomplete, Console& console) {
  std::string text = fmt::format("{} applied, {} failed", totals.applied, totals.failed);
  if (totals.unknown > 0) text += fmt::format(", {} without an answer (the next run looks first)", totals.unknown);
  if (totals.withheld > 0) text += fmt::format(", {} held or denied by policies", totals.withheld);
  if (totals.blocked > 0) text += fmt::format(", {} objects blocked", totals.blocked);
  console.out << text << '\n';
  const bool good = totals.failed + totals.unknown + totals.withheld + totals.blocked == 0 && !totals.stopped;
  return good && !incomplete ? kOk : kFailed;
}

// Whether the person at the terminal wants it; where there is nobody to ask, an error.
Result<bool> confirmed(const ApplyOptions& apply, Console& console, const std::stop_token& stop) {
  if (apply.yes) return true;
  if (!console.interactive) {
    return fail(
        Fault::denied,
        "there is no terminal to ask on; review with `plumbline plan --out FILE` and `plumbline apply FILE`, or "
        "apply without asking with --yes");
  }
  console.out << "Apply these changes? Only \"yes\" does: " << std::flush;
  return console.read_line(stop) == "yes";
}

Result<std::string> read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in || text.size() > kPlanFileLimit)
    return fail(Fault::not_found, "{} cannot be read as a plan file", file.string());
  return text;
}

// A plan file works once, also when its run fails half-way: the rest is planned again.
Result<void> use_up(const plan::PlanFile& file, State& state, SystemTime now) {
  const std::string key = "plan-used/" + file.id;
  const std::vector<StateStore::Put> puts = {{key, format_time(now)}};
  const std::vector<StateStore::Guard> guards = {{key, 0}};
  auto used = state.store().commit(puts, guards);
  if (used || used.error().fault != Fault::conflict) return used;
  PLUMB_TRY(const auto item, state.store().get(key));
  return fail(Fault::denied, "this plan was applied already ({}); make a new one with `plumbline plan --out`",
              item ? item->value : "");
}

// What the plan was made of: a rollback is of a commit of the past.
Result<std::shared_ptr<const Snapshot>> manifests_of(const plan::PlanFile& file, const Session& session) {
  if (file.manifests.empty()) return session.manifests.snapshot;
  PLUMB_TRY(const auto revisions, Revisions::open(*session.workspace));
  PLUMB_TRY(const Manifests then, revisions->at(file.manifests, Deadline::never()));
  return with_settings_of(*session.manifests.snapshot, *then.snapshot);
}

Result<int> apply_file(Session& session, const ApplyOptions& apply, Console& console, const std::stop_token& stop) {
  PLUMB_TRY(const auto text, read_file(apply.plan_file));
  auto file = plan::unseal(text, session.state->key(), session.state->instance(), session.clock.now());
  if (!file) return in_context(apply.plan_file.string(), std::move(file).error());
  for (const auto& reviewed : file->plans) {
    const auto same = [&](const auto& domain) { return to_string(domain->key) == reviewed.target; };
    if (std::ranges::none_of(session.lanes, same)) {
      return fail(Fault::not_found, "the plan is for {}, which the manifests do not declare", reviewed.target);
    }
  }
  PLUMB_TRY(const auto snapshot, manifests_of(*file, session));
  PLUMB_CHECK(use_up(*file, *session.state, session.clock.now()));
  Totals totals;
  for (const auto& reviewed : file->plans) {
    for (const auto& domain : session.lanes) {
      if (to_string(domain->key) != reviewed.target) continue;
      report_round(*domain, domain->lane->apply_reviewed(reviewed, *snapshot, stop), totals, console);
    }
  }
  if (!file->manifests.empty())
    console.err
        << "The next round puts things forward again, unless the repository itself is reverted (git revert), or "
           "rounds are pinned: plumbline rollback "
        << short_commit(file->manifests) << " --pin --reason TEXT\n";
  return finish(totals, session.incomplete, console);
}

// Leaves in `next` what is of objects of the first plan, which was agreed to; whether anything else was in it.
bool restrict_to(const std::set<ResourceKey>& agreed, Plan& next) {
  std::size_t dropped = 0;
  for (auto& level : next.levels)
    dropped += std::erase_if(level, [&](const Change& change) { return !agreed.contains(change.key); });
  std::erase_if(next.levels, [](const auto& level) { return level.empty(); });
  for (Verdict& verdict : next.verdicts)
    std::erase_if(verdict.keys, [&](const ResourceKey& key) { return !agreed.contains(key); });
  std::erase_if(next.verdicts, [](const Verdict& verdict) { return verdict.keys.empty(); });
  return dropped > 0;
}

// What was shown is what is done: not planned again, and each object checked against it once more. Links
// in a ring among new objects take a second plan: shown too, and of nothing but the objects of the first.
void apply_domain(DomainLane& domain, Plan made, const Snapshot& snapshot, Totals& totals, Console& console,
                  const std::stop_token& stop) {
  std::set<ResourceKey> agreed;
  for (const auto& level : made.levels)
    for (const Change& change : level) agreed.insert(change.key);
  bool whole = true;
  while (true) {
    const engine::Round round =
        whole ? domain.lane->apply_made(made, snapshot, stop) : domain.lane->apply_reviewed(made, snapshot, stop);
    const bool goes_on = made.continues && round.failures.empty() && !round.stopped && !stop.stop_requested();
    report_round(domain, round, totals, console);
    if (!goes_on) return;
    auto next = domain.lane->plan(snapshot, true);
    if (!next) {
      totals.stopped = true;
      return print_error(console, fmt::format("{}: {}", domain.key, next.error().message));
    }
    made = std::move(*next);
    whole = !restrict_to(agreed, made);
    made.continues = false;  // a ring is closed in one more plan, or not at all
    if (made.empty()) return;
    totals.blocked -= round.plan.blocked.size();  // counted again, as is what is withheld
    totals.withheld -= round.withheld;
    console.out << "Links among new objects:\n"
                << plan::render(std::vector<Plan>{made}, plan::Format::text, {.colour = console.colour}) << std::flush;
  }
}

Result<int> apply_now(Session& session, const ApplyOptions& apply, Console& console, const std::stop_token& stop) {
  std::vector<std::pair<DomainLane*, Plan>> planned;
  std::vector<Plan> plans;
  bool failed = session.incomplete;
  for (const auto& domain : session.lanes) {
    auto made = domain->lane->plan(*session.manifests.snapshot, true);
    if (!made) {
      print_error(console, fmt::format("{}: {}", domain->key, made.error().message));
      failed = true;
      continue;
    }
    plans.push_back(*made);
    planned.emplace_back(domain.get(), std::move(*made));
  }
  if (plans.empty()) return kFailed;  // a report of nothing would read as "no changes"
  console.out << plan::render(plans, plan::Format::text, {.colour = console.colour, .now = session.clock.now()})
              << std::flush;
  Totals totals;
  for (const auto& one : plans) totals.blocked += one.blocked.size();
  const bool nothing = std::ranges::all_of(plans, &Plan::empty);
  PLUMB_TRY(const bool go, nothing ? Result<bool>(true) : confirmed(apply, console, stop));
  if (!go) {
    console.out << "Nothing was changed.\n";
    return kFailed;
  }
  totals.blocked = 0;  // counted again from the rounds
  for (auto& [domain, made] : planned) {
    apply_domain(*domain, std::move(made), *session.manifests.snapshot, totals, console, stop);
    if (stop.stop_requested()) break;
  }
  if (nothing && !totals.stopped) return failed || totals.blocked > 0 ? kFailed : kOk;
  return finish(totals, failed, console);
}

}  // namespace

Result<int> apply_command(const GlobalOptions& options, const ApplyOptions& apply, Console& console,
                          std::stop_token stop) {
  PLUMB_CHECK(check_format(options.output, {"text"}));
  Progress progress(console, "applying");
  engine::LaneOptions lane_options;
  lane_options.progress = [&](std::size_t done, std::size_t of) { progress.update(done, of); };
  PLUMB_TRY(const auto session,
            open_session(options, State::Access::write, "plumbline apply", console, std::move(lane_options)));
  if (!apply.plan_file.empty()) return apply_file(*session, apply, console, stop);
  return apply_now(*session, apply, console, stop);
}

}  // namespace plumb::app
