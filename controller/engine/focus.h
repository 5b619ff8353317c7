#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/base/clock.h"
#include "controller/engine/planner.h"
#include "controller/model/owned.h"
#include "controller/model/resource.h"

namespace plumb::engine {

// What a lane remembers from round to round, so that the next one looks only at keys of which something may have
// changed: their manifest, what it refers to, their object in the target, a clock of theirs; and at those that were
// not as declared. A plan of these keys says what a plan of everything would say. Pure but for what it remembers; one
// caller at a time.
class Focus {
 public:
  // Nothing is remembered: everything has to be looked at.
  void forget();
  bool knows() const { return known_; }

  // What was looked at in a round, and what came of it.
  struct Looked {
    const Snapshot& snapshot;
    const Projection& projection;
    const Plan& plan;
    const LiveSet& live;
    const Inventory& inventory;                    // as it is after the round
    const std::set<ResourceKey>& written;          // changes that were done: looked at once more
    const std::set<ResourceKey>& undone;           // changes of the plan that were not done
    const std::map<ResourceKey, SystemTime>& due;  // clocks that run, of what was looked at
  };
  void note_whole(const Looked& looked);
  void note_some(const Looked& looked, const std::set<ResourceKey>& keys);

  // What may make a key worth a look.
  struct News {
    const Snapshot& snapshot;
    const std::vector<std::string>& changed;  // ids of objects, as an Observation has them
    const LiveSet& live;
    const Inventory& inventory;
    SystemTime now{};
    std::set<ResourceKey> also;                     // for reasons of the caller's
    std::span<const Reconciler* const> kinds = {};  // of the lane
    bool unsettled_too = false;  // those that were not as declared are looked at even if nothing changed
  };
  // The keys to begin with; nothing: everything has to be looked at.
  std::optional<std::set<ResourceKey>> begin(const News& news) const;
  // Which of `keys` are declared is known by their projection; before a plan of them, which asks who is not.
  void declare(const std::set<ResourceKey>& keys, const Projection& projection, const Inventory& inventory);
  // Which keys have a part in what is planned for `keys`, besides these.
  std::set<ResourceKey> wider(const Snapshot& snapshot, const std::set<ResourceKey>& keys, const Projection& projection,
                              const Plan& plan, const Inventory& inventory) const;
  // What a plan of `keys` may ask about all others. All arguments must outlive what is returned.
  Beyond beyond(const Snapshot& snapshot, const std::set<ResourceKey>& keys, const LiveSet& live,
                const Inventory& inventory, std::function<std::optional<Wanted>(const ResourceKey&)> project) const;

  bool all_settled() const { return unsettled_.empty() && undeclared_.empty(); }
  std::set<ResourceKey> due(SystemTime now) const;  // keys of which a clock ran out
  // When the next clock of an object runs out; nothing: none runs.
  std::optional<SystemTime> next_due() const;

 private:
  void add_referrers(const Snapshot& snapshot, const ResourceKey& key, std::set<ResourceKey>& to) const;
  void note(const Looked& looked);
  void add_names(const Snapshot& snapshot, const Wanted& wanted, const LiveSet& live);
  void add_name(std::uint64_t name, const std::shared_ptr<const Resource>& who);
  void add_changed(const News& news, std::set<ResourceKey>& to, bool& all) const;
  void add_holders(const LiveSet& live, const Inventory& inventory, std::string_view handle,
                   std::set<ResourceKey>& to) const;
  void add_named(std::uint64_t name, std::set<ResourceKey>& to) const;
  bool was_settled(const ResourceKey& key, const Inventory& inventory) const;

  bool known_ = false;
  Snapshot snapshot_;  // of the last round; shares what did not change with the next one
  Owners owners_;      // what is not the owner any more may still be here: the inventory has the last word
  std::set<ResourceKey> undeclared_, unsettled_;
  std::set<ResourceKey> again_;  // what the last round did has to be looked at
  std::map<ResourceKey, SystemTime> due_;
  // Hashes of names, of objects named by DN and of their ids -> who names them, or did. One too many costs a look.
  std::unordered_multimap<std::uint64_t, std::shared_ptr<const Resource>> names_;
};

}  // namespace plumb::engine
