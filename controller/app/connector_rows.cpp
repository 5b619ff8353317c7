#include "controller/app/connector_rows.h"

#include <algorithm>
#include <chrono>

#include "controller/app/connector_facts.h"
#include "controller/app/version.h"
#include "controller/base/text.h"
#include "controller/link/state_book.h"
#include "controller/runtime/connectors.h"

namespace plumb::app {
namespace {

using Phase = link::ConnectorState::Phase;

// What the hub writes of one that is online is a minute old at most.
constexpr Duration kFresh = std::chrono::minutes(3);

link::ConnectorState state_of(const ConnectorsSeen& seen, const ResourceKey& key) {
  const auto found = seen.states.find(key);
  return found == seen.states.end() ? link::ConnectorState() : found->second;
}

bool is_archived(const ConnectorsSeen& seen, const ResourceKey& key) {
  if (seen.archived.contains(key)) return true;
  const runtime::Registered* const applied = seen.applied.find(key);
  return applied != nullptr && bool_at(applied->spec, "/archived").value_or(false);
}

// Empty for what never was.
std::string time_text(SystemTime when) { return when == SystemTime{} ? std::string() : format_time(when); }

Object summary(const ConnectorsSeen& seen, const runtime::Registered& connector) {
  const ResourceKey& key = connector.key;
  const link::ConnectorState state = state_of(seen, key);
  const Value* const labels = at(connector.spec, "/labels");
  return {{"namespace", key.ns},
          {"name", key.name},
          {"group", runtime::connector_group(connector.spec, key.name)},
          {"status", connector_status(seen, key)},
          {"since", time_text(state.since)},
          {"lastSeen", time_text(state.last_seen)},
          {"identity", state.identity},
          {"host", state.facts.host},
          {"os", state.facts.os},
          {"arch", state.facts.arch},
          {"version", state.facts.version},
          {"working", state.working},
          {"errors", state.health.failed},
          {"labels", labels == nullptr ? Value(Object()) : *labels},
          {"enabled", bool_at(connector.spec, "/enabled").value_or(true)},
          {"archived", is_archived(seen, key)}};
}

void add_state(const link::ConnectorState& state, Object& to) {
  Array capabilities;
  for (const std::string& each : state.facts.capabilities) capabilities.emplace_back(each);
  to["peer"] = state.peer;
  to["lastError"] = state.last_error;
  to["held"] = state.held;
  to["capabilities"] = std::move(capabilities);
  to["epoch"] = state.epoch;
  to["clockSkewMilliseconds"] = state.clock_skew.count();
  to["keySince"] = time_text(state.key_since);
  const link::AgentHealth& health = state.health;
  to["health"] = Object{{"cpuMilliseconds", health.cpu_milliseconds},
                        {"memoryBytes", health.memory_bytes},
                        {"working", health.working},
                        {"served", health.served},
                        {"failed", health.failed},
                        {"refused", health.refused},
                        {"lastError", health.last_error}};
}

}  // namespace

std::string connector_status(const ConnectorsSeen& seen, const ResourceKey& connector) {
  const runtime::Registered* const applied = seen.applied.find(connector);
  if (is_archived(seen, connector)) return "Archived";
  const link::ConnectorState state = state_of(seen, connector);
  if (state.phase != Phase::online) return std::string(to_string(state.phase));
  if (!seen.live && seen.now - state.last_seen > kFresh) return "Unknown";
  const bool enabled = applied == nullptr || bool_at(applied->spec, "/enabled").value_or(true);
  return enabled ? "Online" : "Disabled";
}

std::vector<Value> connector_summaries(const ConnectorsSeen& seen) {
  std::vector<Value> all;
  for (const auto& [key, object] : seen.applied.objects)
    if (key.kind == "Connector") all.emplace_back(summary(seen, *object));
  return all;
}

Result<void> check_applied(const runtime::RegistryView& applied, const ResourceKey& connector) {
  if (applied.find(connector) != nullptr) return {};
  std::vector<std::string> known;
  for (const auto& [key, object] : applied.objects)
    if (key.kind == "Connector" && key.ns == connector.ns) known.push_back(key.name);
  return fail(Fault::not_found, "no Connector \"{}\" was applied in namespace \"{}\"{}", printable(connector.name),
              printable(connector.ns),
              known.empty() ? "; declare it and run `plumbline apply`" : did_you_mean(connector.name, known));
}

Result<Value> connector_description(const ConnectorsSeen& seen, const link::Identities& identities,
                                    const ResourceKey& connector) {
  PLUMB_CHECK(check_applied(seen.applied, connector));
  const runtime::Registered& applied = *seen.applied.find(connector);
  const link::ConnectorState state = state_of(seen, connector);
  Object all = summary(seen, applied);
  add_state(state, all);
  all["logLevel"] = text_at(applied.spec, "/logLevel").value_or("info");
  for (const char* name : {"version", "description"})
    if (const auto text = text_at(applied.spec, fmt::format("/{}", name)))
      all[name == std::string_view("version") ? "wantedVersion" : name] = *text;
  if (const auto interval = text_at(applied.spec, "/keyRotation/interval")) all["keyRotation"] = *interval;
  all["revision"] = applied.revision;
  all["applied"] = time_text(applied.applied);
  PLUMB_TRY(const auto known, identities.all());
  for (const link::Identity& each : known) {
    if (each.connector != connector) continue;
    all["identity"] = each.id;
    all["enrolled"] = time_text(each.enrolled);
    all["keySince"] = time_text(each.renewed);
  }
  PLUMB_TRY(const auto tokens, identities.tokens());
  Array open;
  for (const link::EnrolmentToken& each : tokens)
    if (each.connector == connector && each.expires > seen.now) open.push_back(described(each, seen.now));
  all["tokens"] = std::move(open);
  runtime::ConnectorsNow now{.now = seen.now, .version = std::string(kVersion), .facts = {}};
  if (seen.states.contains(connector)) now.facts.emplace(connector, facts_of(state));
  if (const auto archived = seen.archived.find(connector); archived != seen.archived.end()) {
    const auto& [by, when] = archived->second;
    now.facts[connector].archived = put_away_text(archived->second);
    all["archivedBy"] = by;
    all["archivedSince"] = time_text(when);
  }
  Array conditions;
  for (const Condition& each : runtime::connector_conditions(applied, now))
    conditions.push_back(
        Object{{"type", each.type}, {"status", each.status}, {"reason", each.reason}, {"message", each.message}});
  all["conditions"] = std::move(conditions);
  return Value(std::move(all));
}

Result<ConnectorsInState> connectors_in(StateStore& store, SystemTime now) {
  ConnectorsInState all{.applied = {}, .states = {}, .archived = {}, .now = now};
  PLUMB_TRY(all.applied, applied_connectors(store));
  PLUMB_TRY(all.states, link::read_states(store));
  PLUMB_TRY(all.archived, link::Archive(store).all());
  return all;
}

Result<runtime::RegistryView> applied_connectors(StateStore& store) {
  runtime::RegistryView view;
  PLUMB_TRY(view.objects, runtime::read_applied(store, "Connector"));
  return view;
}

ResourceKey connector_named(const std::string& text, const std::string& ns) {
  const std::size_t slash = text.find('/');
  if (slash != std::string::npos) return {"Connector", text.substr(0, slash), text.substr(slash + 1)};
  return {"Connector", ns.empty() ? "default" : ns, text};
}

Result<link::Identities::Created> make_connector_token(const ConnectorsSeen& seen, link::Identities& identities,
                                                       const ResourceKey& connector, Duration lifetime,
                                                       const std::string& actor) {
  PLUMB_CHECK(check_applied(seen.applied, connector));
  if (is_archived(seen, connector))
    return fail(Fault::invalid, "{} is archived: no agent may register for it", connector);
  return identities.create_token(connector, lifetime, actor);
}

Value described(const link::EnrolmentToken& token, SystemTime now) {
  return Object{{"id", token.id},
                {"namespace", token.connector.ns},
                {"connector", token.connector.name},
                {"created", format_time(token.created)},
                {"expires", format_time(token.expires)},
                {"expired", token.expires <= now},
                {"createdBy", token.created_by}};
}

}  // namespace plumb::app
