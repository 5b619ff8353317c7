#include "controller/link/state_book.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/model/value.h"

namespace plumb::link {
namespace {

constexpr std::string_view kStates = "connector/state/";
constexpr Duration kRefresh = std::chrono::minutes(1);

std::string key_of(const ResourceKey& connector) { return std::string(kStates) + connector.ns + "/" + connector.name; }

ResourceKey connector_of(std::string_view key) {
  key.remove_prefix(kStates.size());
  const std::size_t slash = std::min(key.find('/'), key.size());
  return {"Connector", std::string(key.substr(0, slash)), std::string(key.substr(std::min(slash + 1, key.size())))};
}

Value to_json(const ConnectorState& state) {
  Array capabilities;
  for (const std::string& each : state.facts.capabilities) capabilities.emplace_back(each);
  return Object{{"phase", to_string(state.phase)},
                {"since", format_time(state.since)},
                {"lastSeen", format_time(state.last_seen)},
                {"identity", state.identity},
                {"peer", state.peer},
                {"lastError", state.last_error},
                {"held", state.held},
                {"host", state.facts.host},
                {"os", state.facts.os},
                {"arch", state.facts.arch},
                {"version", state.facts.version},
                {"capabilities", std::move(capabilities)},
                {"health", boost::json::parse(encode(state.health))},
                {"epoch", state.epoch},
                {"working", state.working},
                {"clockSkewMilliseconds", state.clock_skew.count()},
                {"keySince", format_time(state.key_since)}};
}

std::uint64_t number_at(const Value& value, std::string_view pointer) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(int_at(value, pointer).value_or(0), 0));
}

std::optional<ConnectorState> from_json(const std::string& text) {
  boost::json::error_code error;
  const Value value = boost::json::parse(text, error);
  if (error || !value.is_object()) return {};
  const auto time = [&](std::string_view pointer) {
    return parse_time(text_at(value, pointer).value_or("")).value_or(SystemTime{});
  };
  ConnectorState state;
  using Phase = ConnectorState::Phase;
  for (const Phase phase : {Phase::pending, Phase::offline, Phase::online, Phase::held})
    if (text_at(value, "/phase") == to_string(phase)) state.phase = phase;
  state.since = time("/since");
  state.last_seen = time("/lastSeen");
  state.identity = text_at(value, "/identity").value_or("");
  state.peer = text_at(value, "/peer").value_or("");
  state.last_error = text_at(value, "/lastError").value_or("");
  state.held = text_at(value, "/held").value_or("");
  state.facts = {text_at(value, "/host").value_or(""), text_at(value, "/os").value_or(""),
                 text_at(value, "/arch").value_or(""), text_at(value, "/version").value_or(""),
                 texts_at(value, "/capabilities")};
  if (const Value* const health = at(value, "/health"))
    if (auto decoded = decode_health(boost::json::serialize(*health))) state.health = std::move(*decoded);
  state.epoch = number_at(value, "/epoch");
  state.working = number_at(value, "/working");
  state.clock_skew = Duration(int_at(value, "/clockSkewMilliseconds").value_or(0));
  state.key_since = time("/keySince");
  return state;
}

// The same but for what changes with every beat.
bool is_same(ConnectorState a, ConnectorState b) {
  for (ConnectorState* const each : {&a, &b}) {
    each->last_seen = {};
    each->health = {};
    each->working = 0;
    each->clock_skew = {};
  }
  return a == b;
}

}  // namespace

Result<bool> StateBook::keep(const std::map<ResourceKey, ConnectorState>& states) {
  if (!read_) {
    PLUMB_TRY(const auto before, read_states(store_));
    for (const auto& [key, state] : before) kept_[key] = {state, {}};
    read_ = true;
  }
  const SystemTime now = clock_.now();
  std::vector<StateStore::Put> puts;
  std::map<ResourceKey, Kept> next;
  bool other_phase = false;
  for (const auto& [key, state] : states) {
    const auto before = kept_.find(key);
    other_phase = other_phase || before == kept_.end() || before->second.state.phase != state.phase;
    const bool fresh = before != kept_.end() && is_same(before->second.state, state) &&
                       (before->second.state == state || now - before->second.when < kRefresh);
    if (fresh) {
      next[key] = before->second;
      continue;
    }
    puts.push_back({key_of(key), boost::json::serialize(to_json(state))});
    next[key] = {state, now};
  }
  for (const auto& [key, kept] : kept_)
    if (!states.contains(key)) puts.push_back({key_of(key), std::nullopt});
  if (!puts.empty()) PLUMB_CHECK(store_.commit(puts));
  kept_ = std::move(next);
  return other_phase;
}

Result<std::map<ResourceKey, ConnectorState>> read_states(StateStore& store) {
  PLUMB_TRY(const auto items, store.list(kStates));
  std::map<ResourceKey, ConnectorState> states;
  for (const auto& item : items)
    if (auto state = from_json(item.value)) states.emplace(connector_of(item.key), std::move(*state));
  return states;
}

Result<std::optional<ConnectorState>> read_state(StateStore& store, const ResourceKey& connector) {
  PLUMB_TRY(const auto item, store.get(key_of(connector)));
  return item ? from_json(item->value) : std::nullopt;
}

}  // namespace plumb::link
