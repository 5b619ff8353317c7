#include "controller/app/connector_facts.h"

#include "controller/app/version.h"
#include "controller/base/log.h"
#include "controller/link/state_book.h"

namespace plumb::app {
namespace {

runtime::ConnectorFacts::Phase phase_of(link::ConnectorState::Phase phase) {
  using From = link::ConnectorState::Phase;
  using To = runtime::ConnectorFacts::Phase;
  switch (phase) {
    case From::pending: return To::pending;
    case From::offline: return To::offline;
    case From::online: return To::online;
    case From::held: return To::held;
  }
  return To::pending;
}

}  // namespace

runtime::ConnectorFacts facts_of(const link::ConnectorState& state) {
  const bool known = !state.facts.os.empty() || !state.facts.arch.empty();
  return {.phase = phase_of(state.phase),
          .since = state.since,
          .identity = state.identity,
          .peer = state.peer,
          .host = state.facts.host,
          .system = known ? fmt::format("{}/{}", state.facts.os, state.facts.arch) : "",
          .version = state.facts.version,
          .last_error = state.last_error,
          .held = state.held,
          .clock_skew = state.clock_skew,
          .key_since = state.key_since};
}

std::string put_away_text(const link::PutAway& by) {
  return fmt::format("put away by {} on {}", by.by, format_time(by.when));
}

runtime::ConnectorsNow connectors_now(StateStore& store, SystemTime now) {
  runtime::ConnectorsNow all{.now = now, .version = std::string(kVersion)};
  const auto states = link::read_states(store);
  if (!states) {
    log::warning("connector.state-unreadable", "{}", states.error().message);
    return all;
  }
  for (const auto& [key, state] : *states) all.facts.emplace(key, facts_of(state));
  const auto archived = link::Archive(store).all();
  if (!archived) log::warning("connector.state-unreadable", "{}", archived.error().message);
  if (!archived) return all;
  for (const auto& [key, by] : *archived) all.facts[key].archived = put_away_text(by);
  return all;
}

}  // namespace plumb::app
