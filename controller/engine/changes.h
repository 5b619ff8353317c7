#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/engine/pairing.h"
#include "controller/engine/placement.h"
#include "controller/engine/removal.h"

namespace plumb::engine {

// What one declared object needs.
struct Proposal {
  std::optional<Change> change;
  std::optional<Owned> bookkeeping;  // the inventory's record, where it alone has to be brought up to date
  std::vector<Blocked> blocked;
  std::vector<Drift> drift;
  std::vector<ResourceKey> after;   // pairs whose changes have to be done before this one
  std::vector<ResourceKey> linked;  // pairs to be created that a link of this one names: before it too
};

// Turns pairs into changes. Pure; one object for many pairs.
class Proposer {
 public:
  // All arguments must outlive it.
  Proposer(const PlanInput& input, const Pairing& pairing, const Removals& removals);
  Proposal propose(const Pair& pair) const;

 private:
  struct Resolved;
  bool stays_away(const Pair& pair) const;
  bool is_known_as(const ResourceKey& key, const LiveObject& object) const;
  Resolved resolve(const Pair& pair, Proposal& to) const;
  Proposal create(const Pair& pair, Resolved resolved, Proposal to) const;
  Proposal change(const Pair& pair, Resolved resolved, Proposal to) const;
  void keep_leavers(const Pair& pair, const Attributes& now, const Owned& before, Resolved& resolved) const;
  void keep_unseen(const Attributes& now, const Owned& before, Owned& after) const;
  bool strip_leavers(const Resolved& resolved, const Attributes& now, std::span<const AttributeRule> rules,
                     std::vector<FieldChange>& fields) const;
  Owned record_after(const Pair& pair, const Resolved& resolved, const Attributes& now, const Owned& before,
                     const Change& change) const;
  void say_why(const Pair& pair, bool returns, bool strips, Change& change) const;
  void add_once_writes(const Pair& pair, bool creating, std::vector<FieldChange>& fields, Owned& after) const;
  Attributes live_attributes(const LiveObject& live, std::span<const AttributeRule> rules) const;
  void note_links(const Pair& pair, const Resolved& resolved, const Attributes& live, Owned& after) const;
  std::string text_of(const LiveObject& object) const;
  bool may_clear(const Wanted& wanted) const;
  std::span<const AttributeRule> rules_of(const std::string& kind) const;

  const PlanInput& input_;
  const LiveSet& live_;
  const Pairing& pairing_;
  const Removals& removals_;
};

}  // namespace plumb::engine
