#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/audit.h"
#include "controller/model/owned.h"
#include "controller/model/plan.h"
#include "controller/schema/registry.h"

namespace plumb::policy {

// One guard rail, made from a Policy resource (crds/policies.yaml describes every field).
class Policy {
 public:
  // `origin` is for messages ("policies/limits.yaml", "built in").
  static Result<Policy> from_resource(const Resource& resource, std::string origin);
  ~Policy();
  Policy(Policy&&) noexcept;
  Policy& operator=(Policy&&) noexcept;
  const std::string& name() const;

  struct State;
  const State& state() const { return *state_; }

 private:
  explicit Policy(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Tally;

struct Context {
  // How many objects of these kinds (empty: of all) are owned: what limits in percent are percent of. Asked only where
  // the verdict depends on it; nothing: none.
  std::function<std::size_t(const std::set<std::string>& kinds)> owned;
  // What was done before, of the same policies, moved to `now`; null: nothing.
  const Tally* tally = nullptr;
  SystemTime now{};
  // Digests of plans a person has approved, and that have not expired.
  std::span<const std::string> approved;
};

// What the policies say of the plan. Pure. Sorted; one verdict a policy at most, naming every change
// concerned. When a limit is passed, all changes of its class are named, not only the surplus.
std::vector<Verdict> review(std::span<const Policy> policies, const Plan& plan, const Context& context);
// When a window of one of the policies (spec.windows) opens or closes next, so that what they hold may change; nothing
// if none does. A verdict depends on no other time of day.
std::optional<SystemTime> next_change(std::span<const Policy> policies, SystemTime now);
// The longest window any of the policies looks back.
Duration longest_window(std::span<const Policy> policies);

}  // namespace plumb::policy
