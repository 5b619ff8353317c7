#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/plan.h"
#include "controller/model/status.h"
#include "controller/ports/state_store.h"

namespace plumb::engine {

// What a round found out about one object.
struct Finding {
  ResourceKey key;
  bool synced = false;
  std::string reason, message;    // CamelCase; for a person
  std::string id, handle;         // of the live object; empty: there is none
  std::string digest;             // of the resource; empty: it is not declared
  std::string applied_revision;   // not empty: something was written, at this revision
  std::vector<Condition> more{};  // see Target::conditions
};

// The conditions of every object, in the store at "status/<key>". Two conditions: Synced (the object is
// as declared) and Ready (the object is there). Kept across restarts, and written only where something
// changed. On the lane's thread.
class StatusBook {
 public:
  static Result<StatusBook> open(StateStore& store);

  void note(const Finding& finding, SystemTime now);
  // The condition Reachable of a target's own resource (its Directory): whether it could be read in full. `remark`: see
  // Observation.
  void note_reach(const ResourceKey& target, const std::optional<Error>& problem, SystemTime now,
                  const std::string& remark = "");
  // Its condition Verified: all that is known of it was compared with what was there at that time, or later.
  void note_verified(const ResourceKey& target, SystemTime up_to, SystemTime now);
  void forget(const ResourceKey& key);
  std::vector<ResourceKey> keys() const;

  // The writes that bring the store up to date; `saved` once they are durable.
  std::vector<StateStore::Put> unsaved() const;
  void saved() { changed_.clear(); }

 private:
  Status known(const ResourceKey& key) const;
  void put(Status status);

  std::map<ResourceKey, Status> book_;
  std::map<ResourceKey, bool> changed_;  // false: to be removed
};

// In key order; `prefix` is of the key's text: "", "ADUser/", "ADUser/default/jdoe".
Result<std::vector<Status>> read_status(StateStore& store, std::string_view prefix);

}  // namespace plumb::engine
