#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/model/attribute.h"
#include "controller/model/owned.h"
#include "controller/model/resource.h"

namespace plumb {

// What a change does. One change may do several; the first in this order names it.
enum class Action { create, remove, disable, enable, move, adopt, update, forget };
std::string_view to_string(Action action);
std::optional<Action> parse_action(std::string_view text);

// "`removed` out, `added` in", in one write; a single-valued attribute has at most one of each, a
// set has only its difference. Values are the target's texts; links are LinkTexts; the value of a
// sensitive field is a reference ("env:X") and is shown as (sensitive).
struct FieldChange {
  std::string name{};
  std::vector<std::string> removed{}, added{};
  bool multi_valued = false;
  bool sensitive = false;
  bool link = false;
  // Set the value whatever it was: for what cannot be compared (a password, lockoutTime).
  bool blind = false;
  std::string once{};  // name of the OnceWrite it belongs to; empty: none
  friend bool operator==(const FieldChange&, const FieldChange&) = default;
};

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
