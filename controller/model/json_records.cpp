#include <array>

#include "controller/model/json.h"
#include "controller/model/json_members.h"

// The records of the inventory and the status book.
namespace plumb {
namespace {

using json::bytes;
using json::list;
using json::Members;

constexpr std::array<std::pair<Deletion::Mode, std::string_view>, 3> kModes = {
    {{Deletion::Mode::disable, "disable"}, {Deletion::Mode::orphan, "orphan"}, {Deletion::Mode::remove, "remove"}}};

std::string_view mode_name(Deletion::Mode mode) {
  for (const auto& [each, name] : kModes)
    if (each == mode) return name;
  return "disable";
}

std::optional<Deletion::Mode> mode_from(std::string_view text) {
  for (const auto& [mode, name] : kModes)
    if (name == text) return mode;
  return {};
}

std::optional<ResourceKey> key_from(std::string_view text) {
  ResourceKey key = parse_key(text);
  if (to_string(key) != text) return {};
  return key;
}

// Durations are whole milliseconds.
Value deletion_json(const Deletion& deletion) {
  Object to{{"mode", bytes(mode_name(deletion.mode))}};
  if (deletion.strip_after.count() != 0) to["stripAfterMs"] = deletion.strip_after.count();
  if (deletion.quarantine_after.count() != 0) to["quarantineAfterMs"] = deletion.quarantine_after.count();
  if (deletion.remove_after.count() != 0) to["removeAfterMs"] = deletion.remove_after.count();
  if (!deletion.quarantine.empty()) to["quarantine"] = bytes(deletion.quarantine);
  return to;
}

void read_duration(Members& from, std::string_view name, Duration& to) {
  std::int64_t milliseconds = 0;
  from.read(name, milliseconds);
  to = Duration(milliseconds);
}

Result<Deletion> deletion_from(const Value& json) {
  Deletion deletion;
  Members from(json, "a deletion");
  from.read_as("mode", deletion.mode, mode_from);
  read_duration(from, "stripAfterMs", deletion.strip_after);
  read_duration(from, "quarantineAfterMs", deletion.quarantine_after);
  read_duration(from, "removeAfterMs", deletion.remove_after);
  from.read("quarantine", deletion.quarantine);
  PLUMB_CHECK(from.finish());
  return deletion;
}

void read_identity(Members& from, Identity& identity) {
  const Value* json = from.take("identity");
  if (json == nullptr) return;
  Members members(*json, "an identity");
  members.read("attribute", identity.attribute);
  members.read("value", identity.value);
  if (auto done = members.finish(); !done) from.fail_with(std::move(done).error());
}

// `each` is called with name and value of every member of the object there.
template <class Each>
void read_map(Members& from, std::string_view name, Each each) {
  const Value* json = from.take(name);
  if (json == nullptr) return;
  const auto* object = json->if_object();
  if (object == nullptr) return from.bad(name, "is not an object");
  for (const auto& member : *object)
    if (!each(std::string(member.key()), member.value())) from.bad(name, "has a member that cannot be read");
}

Result<Condition> condition_from(const Value& json) {
  Condition condition;
  Members from(json, "a condition");
  from.require("type");
  from.read("type", condition.type);
  from.read("status", condition.status);
  from.read("reason", condition.reason);
  from.read("message", condition.message);
  from.read_as("lastTransitionTime", condition.last_transition, parse_time);
  PLUMB_CHECK(from.finish());
  return condition;
}

}  // namespace

Value to_json(const Owned& owned) {
  Object to{{"key", bytes(to_string(owned.key))}};
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) to[name] = bytes(value);
  };
  text("id", owned.id);
  text("handle", owned.handle);
  if (owned.identity != Identity{})
    to["identity"] = Object{{"attribute", bytes(owned.identity.attribute)}, {"value", bytes(owned.identity.value)}};
  if (owned.created) to["created"] = true;
  text("operation", owned.operation);
  if (!owned.attributes.empty()) to["attributes"] = list(owned.attributes.get());
  if (!owned.links.empty()) {
    Object links;
    for (const auto& [attribute, ids] : owned.links) links[attribute] = list(ids);
    to["links"] = std::move(links);
  }
  if (!owned.once.empty()) {
    Object once;
    for (const auto& [name, token] : owned.once) once[name] = bytes(token);
    to["once"] = std::move(once);
  }
  if (owned.deletion != Deletion{}) to["deletion"] = deletion_json(owned.deletion);
  text("digest", owned.digest);
  text("file", owned.file);
  if (owned.removed_at) to["removedAt"] = format_time(*owned.removed_at);
  if (owned.giving_up_since) to["givingUpSince"] = format_time(*owned.giving_up_since);
  if (owned.undeclared_since) to["undeclaredSince"] = format_time(*owned.undeclared_since);
  if (owned.missing_since) to["missingSince"] = format_time(*owned.missing_since);
  text("removalStage", owned.removal_stage);
  if (owned.disabled_by_us) to["disabledByUs"] = true;
  return to;
}

Result<Owned> owned_from_json(const Value& json) {
  Owned owned;
  Members from(json, "an inventory record");
  from.require("key");
  from.read_as("key", owned.key, key_from);
  from.read("id", owned.id);
  from.read("handle", owned.handle);
  read_identity(from, owned.identity);
  from.read("created", owned.created);
  from.read("operation", owned.operation);
  std::vector<std::string> attributes;
  from.read("attributes", attributes);
  owned.attributes.insert(attributes.begin(), attributes.end());
  read_map(from, "links", [&](std::string attribute, const Value& ids) {
    auto& to = owned.links[std::move(attribute)];
    if (!ids.is_array()) return false;
    for (const Value& item : ids.get_array()) {
      auto id = json::bytes_from(item);
      if (!id) return false;
      to.insert(std::move(*id));
    }
    return true;
  });
  read_map(from, "once", [&](const std::string& name, const Value& token) {
    auto text = json::bytes_from(token);
    if (text) owned.once[name] = std::move(*text);
    return text.has_value();
  });
  if (const Value* deletion = from.take("deletion")) {
    auto read = deletion_from(*deletion);
    if (read) owned.deletion = std::move(*read);
    if (!read) from.fail_with(std::move(read).error());
  }
  from.read("digest", owned.digest);
  from.read("file", owned.file);
  from.read_as("removedAt", owned.removed_at, parse_time);
  from.read_as("givingUpSince", owned.giving_up_since, parse_time);
  from.read_as("undeclaredSince", owned.undeclared_since, parse_time);
  from.read_as("missingSince", owned.missing_since, parse_time);
  from.read("removalStage", owned.removal_stage);
  from.read("disabledByUs", owned.disabled_by_us);
  PLUMB_CHECK(from.finish());
  return owned;
}

Value to_json(const Condition& condition) {
  return Object{{"type", bytes(condition.type)},
                {"status", bytes(condition.status)},
                {"reason", bytes(condition.reason)},
                {"message", bytes(condition.message)},
                {"lastTransitionTime", format_time(condition.last_transition)}};
}

Value to_json(const Status& status) {
  Object to{{"key", bytes(to_string(status.key))}};
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) to[name] = bytes(value);
  };
  text("id", status.id);
  text("handle", status.handle);
  text("revision", status.revision);
  text("observedDigest", status.observed_digest);
  Array conditions;
  for (const Condition& condition : status.conditions) conditions.push_back(to_json(condition));
  to["conditions"] = std::move(conditions);
  if (status.last_applied != SystemTime{}) to["lastApplied"] = format_time(status.last_applied);
  text("firstFailure", status.first_failure);
  return to;
}

Result<Status> status_from_json(const Value& json) {
  Status status;
  Members from(json, "a status");
  from.require("key");
  from.read_as("key", status.key, key_from);
  from.read("id", status.id);
  from.read("handle", status.handle);
  from.read("revision", status.revision);
  from.read("observedDigest", status.observed_digest);
  from.read_each("conditions", status.conditions, condition_from);
  from.read_as("lastApplied", status.last_applied, parse_time);
  from.read("firstFailure", status.first_failure);
  PLUMB_CHECK(from.finish());
  return status;
}

}  // namespace plumb
