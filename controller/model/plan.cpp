#include "controller/model/plan.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace plumb {
namespace {

constexpr std::array<std::pair<Action, std::string_view>, 8> kActions = {{{Action::create, "create"},
                                                                          {Action::remove, "remove"},
                                                                          {Action::disable, "disable"},
                                                                          {Action::enable, "enable"},
                                                                          {Action::move, "move"},
                                                                          {Action::adopt, "adopt"},
                                                                          {Action::update, "update"},
                                                                          {Action::forget, "forget"}}};
constexpr std::array<std::pair<Cause, std::string_view>, 5> kCauses = {{{Cause::declared, "declared"},
                                                                        {Cause::drift, "drift"},
                                                                        {Cause::missing, "missing"},
                                                                        {Cause::dependent, "dependent"},
                                                                        {Cause::removal, "removal"}}};

template <class Table, class T>
std::string_view name_in(const Table& table, T value) {
  for (const auto& [each, name] : table)
    if (each == value) return name;
  return {};
}

}  // namespace

std::string_view to_string(Action action) { return name_in(kActions, action); }

std::optional<Action> parse_action(std::string_view text) {
  for (const auto& [action, name] : kActions)
    if (name == text) return action;
  return {};
}

std::string_view to_string(Cause cause) { return name_in(kCauses, cause); }

std::optional<Cause> parse_cause(std::string_view text) {
  for (const auto& [cause, name] : kCauses)
    if (name == text) return cause;
  return {};
}

std::string_view to_string(Effect effect) {
  switch (effect) {
    case Effect::warn: return "warn";
    case Effect::hold: return "hold";
    case Effect::deny: return "deny";
  }
  return "deny";
}

bool Change::does(Action action) const { return std::find(actions.begin(), actions.end(), action) != actions.end(); }

bool operator==(const Change& a, const Change& b) {
  const auto tie = [](const Change& c) {
    return std::tie(c.key, c.actions, c.id, c.handle, c.handle_after, c.live_version, c.fields, c.cause, c.reason,
                    c.one_way, c.at, c.after, c.needs);
  };
  return tie(a) == tie(b);
}

std::size_t Plan::size() const {
  std::size_t count = 0;
  for (const auto& level : levels) count += level.size();
  return count;
}

std::optional<Effect> effect_on(const Plan& plan, const ResourceKey& key) {
  std::optional<Effect> strongest;
  for (const Verdict& verdict : plan.verdicts) {
    if (verdict.effect == Effect::warn || verdict.approved) continue;
    if (!std::binary_search(verdict.keys.begin(), verdict.keys.end(), key)) continue;
    strongest = strongest ? std::max(*strongest, verdict.effect) : verdict.effect;
  }
  return strongest;
}

}  // namespace plumb
