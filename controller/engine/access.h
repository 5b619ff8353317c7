#pragma once

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "controller/model/live.h"
#include "controller/model/plan.h"

namespace plumb::engine {

// Which live groups are in which: what the directory has as links down only. Made when it is first asked, at the cost
// of all groups, and kept up to date at the cost of what changed.
class Nesting {
 public:
  void forget();
  // These objects of `live` are not as they were.
  void note(const LiveSet& live, std::span<const std::string> changed);

  // By ids.
  const std::set<std::string>& holders_of(const LiveSet& live, const std::string& group);
  const std::set<std::string>& groups_in(const LiveSet& live, const std::string& group);

 private:
  void make(const LiveSet& live);
  void learn(const LiveSet& live, const std::string& group);
  void look_into(const LiveSet& live, const LiveObject& group);
  void empty(const std::string& group);

  bool made_ = false;
  std::unordered_set<std::string> known_;
  std::unordered_map<std::string, std::set<std::string>> holders_, inside_;
};

struct AccessLimits {
  // Of entries that are kept; the rest is counted. Whom a change lets into a privileged group by name is always kept:
  // policies go by it.
  std::size_t most = 10'000;
};

// Fills in plan.access: who gains and loses which effective memberships if all of the plan is made. `live` is what the
// plan was made from. Costs what the plan's memberships reach, and nothing where there are none. Primary groups are not
// among the members of a group, and so not looked at; neither are groups that are not in `live`.
void tell_access(Plan& plan, const LiveSet& live, Nesting& nesting, const AccessLimits& limits = {});

}  // namespace plumb::engine
