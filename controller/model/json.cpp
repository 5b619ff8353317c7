#include "controller/model/json.h"

#include <array>

#include "controller/model/json_members.h"

namespace plumb {
namespace {

using json::bytes;
using json::list;
using json::Members;

constexpr std::array<std::pair<Effect, std::string_view>, 3> kEffects = {
    {{Effect::warn, "warn"}, {Effect::hold, "hold"}, {Effect::deny, "deny"}}};

Value keys_json(const std::vector<ResourceKey>& keys) {
  Array array;
  for (const ResourceKey& key : keys) array.push_back(bytes(to_string(key)));
  return array;
}

// Keys are written by us alone: a text that is not one is a damaged document.
std::optional<ResourceKey> key_from(std::string_view text) {
  ResourceKey key = parse_key(text);
  if (to_string(key) != text) return {};
  return key;
}

void add_location(Object& to, const Location& at) {
  if (at == Location{}) return;
  Object location{{"file", bytes(at.file)}};
  if (at.line != 0) location["line"] = at.line;
  if (at.column != 0) location["column"] = at.column;
  to["at"] = std::move(location);
}

void read_location(Members& from, Location& at) {
  const Value* json = from.take("at");
  if (json == nullptr) return;
  Members members(*json, "a location");
  members.read("file", at.file);
  members.read("line", at.line);
  members.read("column", at.column);
  if (auto done = members.finish(); !done) from.fail_with(std::move(done).error());
}

Value actions_json(const std::vector<Action>& actions) {
  Array array;
  for (const Action action : actions) array.push_back(bytes(to_string(action)));
  return array;
}

Result<Action> action_from(const Value& json) {
  const auto* text = json.if_string();
  const auto action = text == nullptr ? std::nullopt : parse_action(*text);
  if (!action) return fail(Fault::invalid, "an action is not known");
  return *action;
}

// `values` false: names only, as where values of sensitive fields must not be.
Value field_json(const FieldChange& field, bool values) {
  Object to{{"name", bytes(field.name)}};
  to["removed"] = values ? list(field.removed) : Array{};
  to["added"] = values ? list(field.added) : Array{};
  if (field.multi_valued) to["multiValued"] = true;
  if (field.sensitive) to["sensitive"] = true;
  if (field.link) to["link"] = true;
  if (field.blind) to["blind"] = true;
  if (!field.once.empty()) to["once"] = bytes(field.once);
  return to;
}

Result<FieldChange> field_from(const Value& json) {
  FieldChange field;
  Members from(json, "a field");
  from.require("name");
  from.read("name", field.name);
  from.read("removed", field.removed);
  from.read("added", field.added);
  from.read("multiValued", field.multi_valued);
  from.read("sensitive", field.sensitive);
  from.read("link", field.link);
  from.read("blind", field.blind);
  from.read("once", field.once);
  PLUMB_CHECK(from.finish());
  return field;
}

Value to_json(const Drift& drift) {
  Object to{{"key", bytes(to_string(drift.key))}};
  add_location(to, drift.at);
  to["id"] = bytes(drift.id);
  to["handle"] = bytes(drift.handle);
  to["field"] = field_json(drift.field, !drift.field.sensitive);
  to["mode"] = bytes(to_string(drift.mode));
  if (drift.put_back) to["putBack"] = true;
  if (drift.held_until) to["heldUntil"] = bytes(format_time(*drift.held_until));
  if (!drift.reason.empty()) to["reason"] = bytes(drift.reason);
  if (drift.changed) to["changed"] = bytes(format_time(*drift.changed));
  if (!drift.changed_on.empty()) to["changedOn"] = bytes(drift.changed_on);
  return to;
}

Result<Drift> drift_from(const Value& json) {
  Drift drift;
  Members from(json, "a drift");
  from.require("key");
  from.read_as("key", drift.key, key_from);
  read_location(from, drift.at);
  from.read("id", drift.id);
  from.read("handle", drift.handle);
  if (const Value* field = from.take("field")) {
    PLUMB_TRY(drift.field, field_from(*field));
  }
  from.read_as("mode", drift.mode, parse_drift_mode);
  from.read("putBack", drift.put_back);
  from.read_as("heldUntil", drift.held_until, parse_time);
  from.read("reason", drift.reason);
  from.read_as("changed", drift.changed, parse_time);
  from.read("changedOn", drift.changed_on);
  PLUMB_CHECK(from.finish());
  return drift;
}

Value access_json(const AccessChange& change) {
  Object to{{"member", bytes(change.member)}, {"group", bytes(change.group)}, {"gained", change.gained}};
  if (!change.via.empty()) to["via"] = list(change.via);
  if (!change.privileged.empty()) to["privileged"] = bytes(change.privileged);
  to["by"] = bytes(to_string(change.by));
  if (change.nested) to["nested"] = true;
  return to;
}

Result<AccessChange> access_from(const Value& json) {
  AccessChange change;
  Members from(json, "a change of access");
  for (const char* name : {"member", "group", "by"}) from.require(name);
  from.read("member", change.member);
  from.read("group", change.group);
  from.read("gained", change.gained);
  from.read("via", change.via);
  from.read("privileged", change.privileged);
  from.read_as("by", change.by, key_from);
  from.read("nested", change.nested);
  PLUMB_CHECK(from.finish());
  return change;
}

Result<Blocked> blocked_from(const Value& json) {
  Blocked blocked;
  Members from(json, "a blocked object");
  from.require("key");
  from.read_as("key", blocked.key, key_from);
  read_location(from, blocked.at);
  from.read("reason", blocked.reason);
  from.read("message", blocked.message);
  PLUMB_CHECK(from.finish());
  return blocked;
}

Result<ResourceKey> key_item_from(const Value& json) {
  const auto text = json::bytes_from(json);
  const auto key = text ? key_from(*text) : std::nullopt;
  if (!key) return fail(Fault::invalid, "a key is not kind/namespace/name");
  return *key;
}

std::optional<Effect> effect_from(std::string_view text) {
  for (const auto& [effect, name] : kEffects)
    if (name == text) return effect;
  return {};
}

Result<Verdict> verdict_from(const Value& json) {
  Verdict verdict;
  Members from(json, "a verdict");
  from.require("policy");
  from.read("policy", verdict.policy);
  from.read_as("effect", verdict.effect, effect_from);
  from.read_each("keys", verdict.keys, key_item_from);
  from.read("message", verdict.message);
  from.read("approved", verdict.approved);
  PLUMB_CHECK(from.finish());
  return verdict;
}

std::optional<Severity> severity_from(std::string_view text) {
  if (text == "error") return Severity::error;
  if (text == "warning") return Severity::warning;
  return {};
}

Result<Diagnostic> diagnostic_from(const Value& json) {
  Diagnostic diagnostic;
  Members from(json, "a diagnostic");
  from.require("message");
  from.read_as("severity", diagnostic.severity, severity_from);
  read_location(from, diagnostic.at);
  from.read("path", diagnostic.path);
  from.read("message", diagnostic.message);
  PLUMB_CHECK(from.finish());
  return diagnostic;
}

Result<std::vector<Change>> level_from(const Value& json) {
  std::vector<Change> level;
  if (!json.is_array()) return fail(Fault::invalid, "a level of a plan is not an array");
  for (const Value& item : json.get_array()) {
    PLUMB_TRY(Change change, change_from_json(item));
    level.push_back(std::move(change));
  }
  return level;
}

}  // namespace

Value to_json(const FieldChange& field) { return field_json(field, true); }

Value to_json(const Change& change) {
  Object to{{"key", bytes(to_string(change.key))}, {"actions", actions_json(change.actions)}};
  to["id"] = bytes(change.id);
  to["handle"] = bytes(change.handle);
  to["handleAfter"] = bytes(change.handle_after);
  if (!change.live_version.empty()) to["liveVersion"] = bytes(change.live_version);
  Array fields;
  for (const FieldChange& field : change.fields) fields.push_back(to_json(field));
  to["fields"] = std::move(fields);
  to["cause"] = bytes(to_string(change.cause));
  if (!change.reason.empty()) to["reason"] = bytes(change.reason);
  if (!change.one_way.empty()) to["oneWay"] = bytes(change.one_way);
  add_location(to, change.at);
  if (change.after != Owned{}) to["after"] = to_json(change.after);
  if (!change.needs.empty()) to["needs"] = keys_json(change.needs);
  return to;
}

Result<Change> change_from_json(const Value& json) {
  Change change;
  Members from(json, "a change");
  for (const char* name : {"key", "actions", "fields", "cause"}) from.require(name);
  from.read_as("key", change.key, key_from);
  from.read_each("actions", change.actions, action_from);
  from.read("id", change.id);
  from.read("handle", change.handle);
  from.read("handleAfter", change.handle_after);
  from.read("liveVersion", change.live_version);
  from.read_each("fields", change.fields, field_from);
  from.read_as("cause", change.cause, parse_cause);
  from.read("reason", change.reason);
  from.read("oneWay", change.one_way);
  read_location(from, change.at);
  if (const Value* after = from.take("after")) {
    auto owned = owned_from_json(*after);
    if (owned) change.after = std::move(*owned);
    if (!owned) from.fail_with(std::move(owned).error());
  }
  from.read_each("needs", change.needs, key_item_from);
  PLUMB_CHECK(from.finish());
  return change;
}

Value to_json(const Verdict& verdict) {
  Object to{{"policy", bytes(verdict.policy)}, {"effect", bytes(to_string(verdict.effect))}};
  to["keys"] = keys_json(verdict.keys);
  to["message"] = bytes(verdict.message);
  if (verdict.approved) to["approved"] = true;
  return to;
}

Value to_json(const Diagnostic& diagnostic) {
  Object to{{"severity", diagnostic.severity == Severity::error ? "error" : "warning"}};
  add_location(to, diagnostic.at);
  if (!diagnostic.path.empty()) to["path"] = bytes(diagnostic.path);
  to["message"] = bytes(diagnostic.message);
  return to;
}

Value to_json(const Plan& plan) {
  Array levels, blocked, verdicts, diagnostics;
  for (const auto& level : plan.levels) {
    Array changes;
    for (const Change& change : level) changes.push_back(to_json(change));
    levels.push_back(std::move(changes));
  }
  for (const Blocked& each : plan.blocked) {
    Object to{{"key", bytes(to_string(each.key))}};
    add_location(to, each.at);
    to["reason"] = bytes(each.reason);
    to["message"] = bytes(each.message);
    blocked.push_back(std::move(to));
  }
  for (const Verdict& verdict : plan.verdicts) verdicts.push_back(to_json(verdict));
  Array drift;
  for (const Drift& each : plan.drift) drift.push_back(to_json(each));
  Array access;
  for (const AccessChange& each : plan.access) access.push_back(access_json(each));
  for (const Diagnostic& diagnostic : plan.diagnostics) diagnostics.push_back(to_json(diagnostic));
  return Object{{"access", std::move(access)},
                {"accessMore", static_cast<std::int64_t>(plan.access_more)},
                {"target", bytes(plan.target)},
                {"revision", bytes(plan.revision)},
                {"digest", bytes(plan.digest)},
                {"levels", std::move(levels)},
                {"blocked", std::move(blocked)},
                {"verdicts", std::move(verdicts)},
                {"drift", std::move(drift)},
                {"unchanged", plan.unchanged},
                {"diagnostics", std::move(diagnostics)}};
}

Result<Plan> plan_from_json(const Value& json) {
  Plan plan;
  Members from(json, "a plan");
  for (const char* name : {"target", "revision", "digest", "levels"}) from.require(name);
  from.read("target", plan.target);
  from.read("revision", plan.revision);
  from.read("digest", plan.digest);
  from.read_each("levels", plan.levels, level_from);
  from.read_each("blocked", plan.blocked, blocked_from);
  from.read_each("verdicts", plan.verdicts, verdict_from);
  from.read_each("drift", plan.drift, drift_from);
  from.read_each("access", plan.access, access_from);
  std::uint64_t unchanged = 0, access_more = 0;
  from.read("accessMore", access_more);
  plan.access_more = access_more;
  from.read("unchanged", unchanged);
  plan.unchanged = unchanged;
  from.read_each("diagnostics", plan.diagnostics, diagnostic_from);
  PLUMB_CHECK(from.finish());
  return plan;
}

// The audit log outlives every secret's rotation: values of sensitive fields are left out here too,
// whoever made the record.
Value to_json(const AuditRecord& record) {
  Object to{{"sequence", record.sequence}, {"time", format_time(record.at)}};
  to["stage"] = bytes(to_string(record.stage));
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) to[name] = bytes(value);
  };
  text("operation", record.operation);
  text("target", record.target);
  text("plan", record.plan);
  text("revision", record.revision);
  text("actor", record.actor);
  if (record.key != ResourceKey{}) to["key"] = bytes(to_string(record.key));
  if (!record.actions.empty()) to["actions"] = actions_json(record.actions);
  text("id", record.id);
  text("handle", record.handle);
  text("handleAfter", record.handle_after);
  if (!record.fields.empty()) {
    Array fields;
    for (const FieldChange& field : record.fields) fields.push_back(field_json(field, !field.sensitive));
    to["fields"] = std::move(fields);
  }
  text("message", record.message);
  if (record.security) to["security"] = true;
  text("previous", record.previous);
  text("digest", record.digest);
  return to;
}

Result<AuditRecord> audit_from_json(const Value& json) {
  AuditRecord record;
  Members from(json, "an audit record");
  for (const char* name : {"sequence", "time", "stage"}) from.require(name);
  from.read("sequence", record.sequence);
  from.read_as("time", record.at, parse_time);
  from.read_as("stage", record.stage, parse_stage);
  from.read("operation", record.operation);
  from.read("target", record.target);
  from.read("plan", record.plan);
  from.read("revision", record.revision);
  from.read("actor", record.actor);
  from.read_as("key", record.key, key_from);
  from.read_each("actions", record.actions, action_from);
  from.read("id", record.id);
  from.read("handle", record.handle);
  from.read("handleAfter", record.handle_after);
  from.read_each("fields", record.fields, field_from);
  from.read("message", record.message);
  from.read("security", record.security);
  from.read("previous", record.previous);
  from.read("digest", record.digest);
  PLUMB_CHECK(from.finish());
  return record;
}

}  // namespace plumb
