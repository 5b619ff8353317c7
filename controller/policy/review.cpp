#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

#include "controller/model/json.h"
#include "controller/policy/state.h"
#include "controller/policy/tally.h"

namespace plumb::policy {
namespace {

Subject subject_of(const Plan& plan, const Change& change) {
  return {plan.target, change.key, change.actions, change.handle, change.handle_after, change.fields};
}

std::string_view unit(const Limit& limit) {
  switch (limit.counts) {
    case Limit::Counts::changes: return "changes";
    case Limit::Counts::removed_values: return "values removed";
    case Limit::Counts::added_values: return "values added";
  }
  return "changes";
}

// What is allowed at least, whatever is owned.
std::uint64_t least_allowance(const Limit& limit) {
  const std::uint64_t count = limit.count.value_or(std::numeric_limits<std::uint64_t>::max());
  return limit.percent ? std::min(count, limit.floor) : count;
}

// min(count, max(floor, percent of the owned objects of the kinds)).
std::uint64_t allowance(const Match& match, const Limit& limit, const Context& context) {
  const std::uint64_t allowed = limit.count.value_or(std::numeric_limits<std::uint64_t>::max());
  if (!limit.percent) return allowed;
  const std::size_t owned = context.owned ? context.owned(match.kinds) : 0;
  // A product such as 1.1 * 1000 / 100 comes out a little above 11: that is not a whole one more.
  const double share = std::ceil(*limit.percent * static_cast<double>(owned) / 100 - 1e-6);
  return std::min(allowed, std::max(limit.floor, static_cast<std::uint64_t>(std::max(share, 0.0))));
}

// What one policy has to say, collected.
class Finding {
 public:
  void add(const std::vector<const Change*>& changes, std::string message) {
    for (const Change* change : changes) keys_.insert(change->key);
    messages_.push_back(std::move(message));
  }
  bool empty() const { return keys_.empty(); }

  Verdict verdict(const Policy::State& policy, const Plan& plan, const Context& context) const {
    Verdict verdict;
    verdict.policy = policy.name;
    verdict.effect = policy.effect;
    verdict.keys.assign(keys_.begin(), keys_.end());
    verdict.message = join(messages_, "; ") + ".";
    if (!policy.message.empty()) verdict.message += " " + policy.message;
    if (policy.effect != Effect::hold) return verdict;
    const auto& approved = context.approved;
    verdict.approved =
        !plan.digest.empty() && std::find(approved.begin(), approved.end(), plan.digest) != approved.end();
    if (!verdict.approved && !plan.digest.empty())
      verdict.message += fmt::format(" To let it through: plumbline approve {}", plan.digest);
    return verdict;
  }

 private:
  std::set<ResourceKey> keys_;
  std::vector<std::string> messages_;
};

void check_limit(const Policy::State& policy, const Plan& plan, const Context& context, std::size_t number,
                 const std::vector<const Change*>& matching, Finding& finding) {
  const Limit& limit = *policy.limit;
  std::vector<const Change*> concerned;
  std::uint64_t planned = 0;
  for (const Change* change : matching) {
    const std::uint64_t each = weight(policy.match, limit, subject_of(plan, *change));
    if (each > 0) concerned.push_back(change);
    planned += each;
  }
  if (concerned.empty()) return;
  const bool looks_back = limit.per != Limit::Per::plan && context.tally != nullptr;
  const std::uint64_t before = looks_back ? context.tally->count(number, plan) : 0;
  if (planned + before <= least_allowance(limit)) return;
  const std::uint64_t allowed = allowance(policy.match, limit, context);
  if (limit.per != Limit::Per::window && planned > allowed)
    return finding.add(concerned, fmt::format("{} {} in this plan, {} allowed", planned, unit(limit), allowed));
  if (limit.per == Limit::Per::plan) return;
  if (planned + before > allowed)
    finding.add(concerned, fmt::format("{} {} in this plan and {} within the last {}, {} allowed", planned, unit(limit),
                                       before, format_duration(limit.window), allowed));
}

void check_attributes(const Policy::State& policy, const std::vector<const Change*>& matching, Finding& finding) {
  std::vector<const Change*> concerned;
  std::set<std::string> touched;
  for (const Change* change : matching) {
    const auto before = concerned.size();
    for (const FieldChange& field : change->fields) {
      if (!policy.protected_attributes.contains(field.name)) continue;
      touched.insert(field.name);
      if (concerned.size() == before) concerned.push_back(change);
    }
  }
  if (concerned.empty()) return;
  finding.add(concerned, fmt::format("protected attribute{} {}", touched.size() == 1 ? "" : "s",
                                     printable(join({touched.begin(), touched.end()}, ", "))));
}

void check_rule(const Policy::State& policy, const std::vector<const Change*>& matching, Finding& finding) {
  constexpr std::size_t kTold = 3;
  std::vector<const Change*> concerned;
  std::vector<std::string> told;
  for (const Change* change : matching) {
    const auto problems = policy.rule->check(review_json(*change));
    if (problems.empty()) continue;
    concerned.push_back(change);
    if (told.size() < kTold)
      told.push_back(printable(
          fmt::format("{} {}: {}", to_string(change->key), problems.front().pointer, problems.front().message)));
  }
  if (concerned.empty()) return;
  if (concerned.size() > told.size()) told.push_back(fmt::format("and {} more", concerned.size() - told.size()));
  finding.add(concerned, "against the rule: " + join(told, "; "));
}

// The changes that let somebody into a privileged group by name. Without all of them nobody gets in: on every way into
// the group there is one who newly does.
std::set<ResourceKey> lets_into_privileged(const Plan& plan) {
  std::set<ResourceKey> keys;
  for (const AccessChange& change : plan.access)
    if (change.gained && !change.nested && !change.privileged.empty()) keys.insert(change.by);
  return keys;
}

std::string who_gets_in(const Plan& plan) {
  constexpr std::size_t kTold = 3;
  std::vector<std::string> told;
  std::size_t count = 0;
  for (const AccessChange& change : plan.access) {
    if (!change.gained || change.privileged.empty() || ++count > kTold) continue;
    told.push_back(printable(fmt::format("{} gets into {}{}{}", change.member, change.group,
                                         change.via.empty() ? "" : " through ", join(change.via, ", "))));
  }
  if (count > kTold) told.push_back(fmt::format("and {} more", count - kTold));
  return join(told, "; ");
}

}  // namespace

std::vector<Verdict> review(std::span<const Policy> policies, const Plan& plan, const Context& context) {
  std::vector<Verdict> verdicts;
  if (plan.empty()) return verdicts;
  const std::set<ResourceKey> into_privileged = lets_into_privileged(plan);
  for (std::size_t number = 0; number < policies.size(); ++number) {
    const Policy::State& policy = policies[number].state();
    std::vector<const Change*> matching;
    for (const auto& level : plan.levels)
      for (const Change& change : level)
        if ((!policy.match.privileged_access || into_privileged.contains(change.key)) &&
            matches(policy.match, subject_of(plan, change)))
          matching.push_back(&change);
    if (matching.empty()) continue;
    Finding finding;
    if (policy.limit) check_limit(policy, plan, context, number, matching, finding);
    if (!policy.protected_attributes.empty()) check_attributes(policy, matching, finding);
    if (policy.rule) check_rule(policy, matching, finding);
    if (closed(policy.windows, context.now)) finding.add(matching, why_closed(policy.windows, context.now));
    if (policy.match.privileged_access && !finding.empty()) finding.add({}, who_gets_in(plan));
    if (!finding.empty()) verdicts.push_back(finding.verdict(policy, plan, context));
  }
  std::sort(verdicts.begin(), verdicts.end(), [](const Verdict& a, const Verdict& b) {
    return std::tie(a.policy, a.effect, a.keys, a.message) < std::tie(b.policy, b.effect, b.keys, b.message);
  });
  return verdicts;
}

}  // namespace plumb::policy
