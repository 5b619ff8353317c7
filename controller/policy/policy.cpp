#include "controller/policy/policy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "controller/policy/state.h"

namespace plumb::policy {
namespace {

// A member that is misspelt would make the guard look at something else than was meant, so it is
// refused here too and not only by the CRD.
Result<void> only(const Value& object, std::string_view where, const std::vector<std::string>& known) {
  if (!object.is_object()) return fail(Fault::invalid, "{} must be a mapping", where);
  for (const auto& member : object.get_object()) {
    const std::string name(member.key());
    if (std::find(known.begin(), known.end(), name) == known.end())
      return fail(Fault::invalid, "{}/{} is not known{}", where, printable(name), did_you_mean(name, known));
  }
  return {};
}

Result<std::vector<std::string>> texts(const Value& spec, const std::string& pointer) {
  const Value* list = at(spec, pointer);
  std::vector<std::string> found;
  if (list == nullptr) return found;
  if (!list->is_array()) return fail(Fault::invalid, "/spec{} must be a list", pointer);
  for (const Value& item : list->get_array()) {
    if (!item.is_string()) return fail(Fault::invalid, "/spec{} must be a list of texts", pointer);
    found.emplace_back(item.get_string());
  }
  return found;
}

Result<std::optional<std::string>> text(const Value& spec, const std::string& pointer) {
  const Value* value = at(spec, pointer);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return fail(Fault::invalid, "/spec{} must be a text", pointer);
  return std::optional<std::string>(value->get_string());
}

Result<std::optional<std::uint64_t>> count(const Value& spec, const std::string& pointer) {
  const Value* value = at(spec, pointer);
  if (value == nullptr) return std::optional<std::uint64_t>();
  if (!value->is_int64() || value->get_int64() < 0)
    return fail(Fault::invalid, "/spec{} must be a whole number, zero or larger", pointer);
  return std::optional<std::uint64_t>(static_cast<std::uint64_t>(value->get_int64()));
}

template <class T, std::size_t N>
Result<T> one_of(const std::array<std::pair<std::string_view, T>, N>& names, std::string_view text,
                 std::string_view where) {
  std::vector<std::string> known;
  for (const auto& [name, value] : names) {
    if (name == text) return value;
    known.emplace_back(name);
  }
  return fail(Fault::invalid, "{} must be one of {}, not \"{}\"{}", where, join(known, ", "), printable(text),
              did_you_mean(text, known));
}

constexpr std::array<std::pair<std::string_view, Effect>, 3> kEffects = {
    {{"Deny", Effect::deny}, {"Hold", Effect::hold}, {"Warn", Effect::warn}}};
constexpr std::array<std::pair<std::string_view, Limit::Per>, 3> kPer = {
    {{"plan", Limit::Per::plan}, {"window", Limit::Per::window}, {"both", Limit::Per::both}}};
constexpr std::array<std::pair<std::string_view, Limit::Counts>, 3> kCounts = {
    {{"changes", Limit::Counts::changes},
     {"removedValues", Limit::Counts::removed_values},
     {"addedValues", Limit::Counts::added_values}}};

Result<Match> match_from(const Value& spec) {
  Match match;
  const Value* json = at(spec, "/match");
  if (json == nullptr) return match;
  PLUMB_CHECK(
      only(*json, "/spec/match", {"targets", "kinds", "actions", "namespaces", "within", "fields", "names", "access"}));
  PLUMB_TRY(match.targets, texts(spec, "/match/targets"));
  PLUMB_TRY(match.namespaces, texts(spec, "/match/namespaces"));
  PLUMB_TRY(match.names, texts(spec, "/match/names"));
  PLUMB_TRY(const auto kinds, texts(spec, "/match/kinds"));
  match.kinds.insert(kinds.begin(), kinds.end());
  PLUMB_TRY(const auto fields, texts(spec, "/match/fields"));
  match.fields.insert(fields.begin(), fields.end());
  if (const Value* access = at(spec, "/match/access")) {
    PLUMB_CHECK(only(*access, "/spec/match/access", {"privileged"}));
    const Value* privileged = at(*access, "/privileged");
    // False would look at what does not let anybody in, which nobody means by it.
    if (privileged == nullptr || !privileged->is_bool() || !privileged->get_bool())
      return fail(Fault::invalid, "/spec/match/access/privileged must be true");
    match.privileged_access = true;
  }
  PLUMB_TRY(const auto actions, texts(spec, "/match/actions"));
  for (const std::string& name : actions) {
    const auto action = parse_action(name);
    if (!action) return fail(Fault::invalid, "/spec/match/actions: \"{}\" is not an action", printable(name));
    match.actions.insert(*action);
  }
  PLUMB_TRY(const auto subtrees, texts(spec, "/match/within"));
  for (const std::string& name : subtrees) {
    auto dn = Dn::parse(name);
    if (!dn) return in_context("/spec/match/within", std::move(dn).error());
    match.within.push_back(std::move(*dn));
  }
  return match;
}

Result<Limit> limit_from(const Value& spec) {
  Limit limit;
  PLUMB_CHECK(only(*at(spec, "/limit"), "/spec/limit", {"count", "percent", "floor", "window", "per", "counts"}));
  PLUMB_TRY(limit.count, count(spec, "/limit/count"));
  if (const Value* percent = at(spec, "/limit/percent")) {
    boost::system::error_code error;
    limit.percent = percent->to_number<double>(error);
    if (error || !(*limit.percent >= 0 && *limit.percent <= 100))
      return fail(Fault::invalid, "/spec/limit/percent must be a number from 0 to 100");
  }
  if (!limit.count && !limit.percent) return fail(Fault::invalid, "/spec/limit needs count, percent or both");
  PLUMB_TRY(const auto floor, count(spec, "/limit/floor"));
  limit.floor = floor.value_or(0);
  PLUMB_TRY(const auto window, text(spec, "/limit/window"));
  if (window) {
    auto span = parse_duration(*window);
    if (!span) return in_context("/spec/limit/window", std::move(span).error());
    limit.window = *span;
  }
  PLUMB_TRY(const auto per, text(spec, "/limit/per"));
  if (per) {
    PLUMB_TRY(limit.per, one_of(kPer, *per, "/spec/limit/per"));
  }
  PLUMB_TRY(const auto counts, text(spec, "/limit/counts"));
  if (counts) {
    PLUMB_TRY(limit.counts, one_of(kCounts, *counts, "/spec/limit/counts"));
  }
  return limit;
}

Result<void> read(const Value& spec, Policy::State& state) {
  PLUMB_CHECK(only(spec, "/spec",
                   {"description", "match", "limit", "protectedAttributes", "rule", "windows", "effect", "message"}));
  PLUMB_TRY(state.match, match_from(spec));
  if (at(spec, "/limit") != nullptr) {
    PLUMB_TRY(state.limit, limit_from(spec));
  }
  // What was done before is on record without what followed from it.
  if (state.match.privileged_access && state.limit && state.limit->per != Limit::Per::plan)
    return fail(Fault::invalid, "/spec/limit/per must be plan with /spec/match/access");
  PLUMB_TRY(const auto names, texts(spec, "/protectedAttributes"));
  state.protected_attributes.insert(names.begin(), names.end());
  if (const Value* rule = at(spec, "/rule")) {
    PLUMB_CHECK(only(*rule, "/spec/rule", {"schema"}));
    const Value* schema = at(*rule, "/schema");
    if (schema == nullptr) return fail(Fault::invalid, "/spec/rule needs schema");
    auto compiled = schema::DocumentSchema::compile(*schema);
    if (!compiled) return in_context("/spec/rule/schema", std::move(compiled).error());
    state.rule = std::move(*compiled);
  }
  PLUMB_TRY(state.windows, windows_from(spec));
  if (!state.limit && state.protected_attributes.empty() && !state.rule && state.windows.empty())
    return fail(Fault::invalid, "/spec needs limit, protectedAttributes, rule or windows; it would guard nothing");
  PLUMB_TRY(const auto effect, text(spec, "/effect"));
  if (effect) {
    PLUMB_TRY(state.effect, one_of(kEffects, *effect, "/spec/effect"));
  }
  PLUMB_TRY(const auto message, text(spec, "/message"));
  PLUMB_TRY(const auto description, text(spec, "/description"));
  state.message = message.value_or(description.value_or(""));
  return {};
}

}  // namespace

Policy::Policy(std::unique_ptr<State> state) : state_(std::move(state)) {}
Policy::~Policy() = default;
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(Policy&&) noexcept = default;

const std::string& Policy::name() const { return state_->name; }

Result<Policy> Policy::from_resource(const Resource& resource, std::string origin) {
  auto state = std::make_unique<State>();
  state->name = resource.key.name;
  state->origin = std::move(origin);
  if (auto done = read(resource.spec, *state); !done)
    return in_context(fmt::format("policy {} ({})", resource.key.name, state->origin), std::move(done).error());
  return Policy(std::move(state));
}

std::optional<SystemTime> next_change(std::span<const Policy> policies, SystemTime now) {
  std::optional<SystemTime> next;
  for (const Policy& policy : policies)
    if (const auto turn = next_turn(policy.state().windows, now); turn && (!next || turn->at < *next)) next = turn->at;
  return next;
}

Duration longest_window(std::span<const Policy> policies) {
  Duration longest{};
  for (const Policy& policy : policies)
    if (const auto& limit = policy.state().limit; limit && limit->per != Limit::Per::plan)
      longest = std::max(longest, limit->window);
  return longest;
}

}  // namespace plumb::policy
