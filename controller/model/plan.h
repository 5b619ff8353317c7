#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/model/access.h"
#include "controller/model/attribute.h"
#include "controller/model/drift.h"
#include "controller/model/field_change.h"
#include "controller/model/owned.h"
#include "controller/model/resource.h"

namespace plumb {

// What a change does. One change may do several; the first in this order names it.
enum class Action { create, remove, disable, enable, move, adopt, update, forget };
std::string_view to_string(Action action);
std::optional<Action> parse_action(std::string_view text);

// Why a change is planned.
enum class Cause {
  declared,   // the manifest is new or has changed since it was last applied
  drift,      // the target was changed by someone else
  missing,    // was there, and is gone from the target
  dependent,  // follows from a change of another object
  removal,    // the manifest is gone
};
std::string_view to_string(Cause cause);
std::optional<Cause> parse_cause(std::string_view text);

struct Change {
  ResourceKey key;
  std::vector<Action> actions;  // sorted, not empty
  std::string id;               // empty: create
  std::string handle;           // where the object is; for a creation, where it will be
  std::string handle_after;     // where it will be; equal to handle unless moved; empty once removed
  std::string live_version;     // as it was planned against; for information
  std::vector<FieldChange> fields;
  Cause cause = Cause::declared;
  std::string reason;   // for a person: "users/jdoe.yaml:3 changed"
  std::string one_way;  // not empty: cannot be undone, and why
  Location at;
  Owned after;                     // the inventory's record once done
  std::vector<ResourceKey> needs;  // of changes in earlier levels that must have succeeded; sorted
  bool does(Action action) const;
  friend bool operator==(const Change&, const Change&);
};

enum class Effect { warn, hold, deny };
std::string_view to_string(Effect effect);

// A declared object that no change is planned for although it differs, or may differ.
struct Blocked {
  ResourceKey key;
  Location at;
  // A CamelCase word for status conditions: Protected, OutOfScope, AlreadyExists, NameConflict,
  // NotReadable, Held, DependencyNotReady, RemovalFrozen, Invalid.
  std::string reason;
  std::string message;
  friend bool operator==(const Blocked&, const Blocked&) = default;
};

// What a policy says of changes of a plan.
struct Verdict {
  std::string policy;
  Effect effect = Effect::warn;
  std::vector<ResourceKey> keys;  // of the changes concerned; sorted
  std::string message;
  bool approved = false;  // held, and let through by an approval of this plan
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// What will be done to one target. A value: printed, tested, limited, approved, recorded.
struct Plan {
  std::string target;                       // "Directory/default/corp"
  std::string revision;                     // of the snapshot
  std::string digest;                       // over target and levels: names what was reviewed
  std::vector<std::vector<Change>> levels;  // all of a level may be done at once
  std::vector<Blocked> blocked;             // sorted by key
  std::vector<Verdict> verdicts;            // sorted
  // What others changed, or what stays different: told apart from the changes. No part of the digest. Sorted by key and
  // name of the attribute.
  std::vector<Drift> drift;
  // Effective memberships gained and lost if all of it is made; what matters most first. No part of the digest.
  std::vector<AccessChange> access;
  std::size_t access_more = 0;  // that are not listed
  std::size_t unchanged = 0;
  // Once it is applied, another plan goes on: links among objects that do not exist yet are left for it
  // where they form a ring.
  bool continues = false;
  // Inventory records to be brought up to date although nothing is written to the target: where an
  // object is now, what its manifest says of its removal. No part of the digest, nor of reports.
  std::vector<Owned> bookkeeping;
  Diagnostics diagnostics;

  std::size_t size() const;  // number of changes
  bool empty() const { return size() == 0; }
};

// The strongest effect that holds for the change; nothing if it may go ahead.
std::optional<Effect> effect_on(const Plan& plan, const ResourceKey& key);

}  // namespace plumb
