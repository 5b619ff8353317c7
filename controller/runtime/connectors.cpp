#include "controller/runtime/connectors.h"

#include <chrono>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

using Phase = ConnectorFacts::Phase;

constexpr Duration kMostSkew = std::chrono::minutes(1);

Condition condition(std::string type, std::string status, std::string reason, std::string message) {
  return {std::move(type), std::move(status), std::move(reason), std::move(message), {}};
}

ConnectorFacts facts_of(const ResourceKey& key, const ConnectorsNow& now) {
  const auto found = now.facts.find(key);
  return found == now.facts.end() ? ConnectorFacts() : found->second;
}

std::string and_so(std::string_view before, const std::string& what) {
  return what.empty() ? std::string() : fmt::format("{}{}", before, printable(what));
}

std::string how_to_enrol(const ResourceKey& key) {
  return fmt::format("no agent has registered; `plumbline connector token create {} -n {}` makes it a token", key.name,
                     key.ns);
}

Condition registered(const ConnectorFacts& facts) {
  if (facts.phase == Phase::pending) return condition("Registered", "False", "Pending", "");
  return condition("Registered", "True", "Enrolled",
                   facts.host.empty() ? "" : fmt::format("{} ({})", printable(facts.host), printable(facts.system)));
}

Condition online(const Registered& connector, const ConnectorFacts& facts) {
  const auto is = [&](std::string_view status, std::string_view reason, std::string message) {
    return condition("Online", std::string(status), std::string(reason), std::move(message));
  };
  const std::string at = fmt::format("since {}{}{}", format_time(facts.since), and_so(" from ", facts.peer),
                                     and_so(" on host ", facts.host));
  if (bool_at(connector.spec, "/archived").value_or(false))
    return is("False", "Archived", "spec.archived is true: it may not connect");
  if (!facts.archived.empty())
    return is("False", "Archived",
              fmt::format("{}; `plumbline connector restore {} -n {}` takes it back", printable(facts.archived),
                          connector.key.name, connector.key.ns));
  if (facts.phase == Phase::pending) return is("False", "Pending", how_to_enrol(connector.key));
  if (facts.phase == Phase::held) return is("False", "Held", fmt::format("{}{}", at, and_so(": ", facts.held)));
  if (facts.phase == Phase::offline)
    return is("False", "Offline", fmt::format("{}{}", at, and_so(": ", facts.last_error)));
  if (!bool_at(connector.spec, "/enabled").value_or(true))
    return is("False", "Disabled", "spec.enabled is false: it is connected and gets no new work; " + at);
  return is("True", "Online", at);
}

Condition version_matches(const Registered& connector, const ConnectorFacts& facts, const std::string& ours) {
  constexpr std::string_view kType = "VersionMatches";
  if (facts.version.empty()) return condition(std::string(kType), "Unknown", "NotSeen", "");
  const auto asked = text_at(connector.spec, "/version");
  const std::string wanted = asked.value_or(ours);
  const std::string has = printable(facts.version);
  if (wanted.empty() || has == wanted) return condition(std::string(kType), "True", "Same", has);
  return condition(std::string(kType), "False", "VersionSkew",
                   fmt::format("{}, {} {}", has, asked ? "wanted is" : "this controller is", wanted));
}

Condition key_current(const Registered& connector, const ConnectorFacts& facts, SystemTime now) {
  if (facts.phase == Phase::pending) return condition("KeyCurrent", "Unknown", "Pending", "");
  const std::string age = fmt::format("its key is of {}", format_time(facts.key_since));
  const auto text = text_at(connector.spec, "/keyRotation/interval");
  const Duration interval = text ? parse_duration(*text).value_or(Duration::zero()) : Duration::zero();
  if (interval == Duration::zero()) return condition("KeyCurrent", "True", "NoRotation", age);
  // Half as long again, as it is renewed over the link once that is due.
  if (now - facts.key_since < interval + interval / 2) return condition("KeyCurrent", "True", "Current", age);
  return condition("KeyCurrent", "False", "RotationOverdue",
                   fmt::format("{}, and should be renewed every {}", age, *text));
}

Condition clock_in_step(const ConnectorFacts& facts) {
  if (facts.version.empty()) return condition("ClockInStep", "Unknown", "NotSeen", "");
  const Duration off = facts.clock_skew < Duration::zero() ? -facts.clock_skew : facts.clock_skew;
  if (off <= kMostSkew) return condition("ClockInStep", "True", "InStep", "");
  return condition("ClockInStep", "False", "ClockSkew",
                   fmt::format("its clock is {} by {} minutes; certificates and tokens fail by that",
                               facts.clock_skew < Duration::zero() ? "behind" : "ahead",
                               std::chrono::round<std::chrono::minutes>(off).count()));
}

std::string how_it_is(const Registered& connector, const ConnectorFacts& facts) {
  const std::string& name = connector.key.name;
  if (!facts.archived.empty()) return name + " is archived";
  switch (facts.phase) {
    case Phase::pending: return name + " was never connected";
    case Phase::held: return fmt::format("{} is held since {}", name, format_time(facts.since));
    case Phase::offline: return fmt::format("{} is offline since {}", name, format_time(facts.since));
    case Phase::online: break;
  }
  return bool_at(connector.spec, "/enabled").value_or(true) ? std::string() : name + " is disabled";
}

}  // namespace

std::string connector_group(const Value& spec, const std::string& name) {
  return text_at(spec, "/group").value_or(name);
}

std::vector<const Registered*> members_of(const RegistryView& view, const std::string& ns, const std::string& group) {
  std::vector<const Registered*> members;
  const std::string kind = "Connector";
  for (auto each = view.objects.lower_bound({kind, ns, ""});
       each != view.objects.end() && each->first.kind == kind && each->first.ns == ns; ++each) {
    const Value& spec = each->second->spec;
    if (connector_group(spec, each->first.name) == group && !bool_at(spec, "/archived").value_or(false))
      members.push_back(each->second.get());
  }
  return members;
}

std::vector<Condition> connector_conditions(const Registered& connector, const ConnectorsNow& now) {
  const ConnectorFacts facts = facts_of(connector.key, now);
  return {registered(facts), online(connector, facts), version_matches(connector, facts, now.version),
          key_current(connector, facts, now.now), clock_in_step(facts)};
}

std::string who_is_away(const std::vector<const Registered*>& members, const ConnectorsNow& now) {
  constexpr std::size_t kNamed = 5;
  std::vector<std::string> away;
  for (const Registered* member : members) {
    std::string how = how_it_is(*member, facts_of(member->key, now));
    if (how.empty()) return {};
    away.push_back(std::move(how));
  }
  const std::size_t more = away.size() > kNamed ? away.size() - kNamed : 0;
  away.resize(away.size() - more);
  return join(away, ", ") + (more == 0 ? "" : fmt::format(" and {} more", more));
}

}  // namespace plumb::runtime
