#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/model/audit.h"
#include "controller/model/plan.h"
#include "controller/policy/policy.h"

namespace plumb::policy {

// What the rolling windows of policies hold, kept up to date record by record, so that a plan costs nothing for what
// was done before. Every operation counts once, with the stage and the time of its latest record; operations that
// failed, or turned out not to have been made, count nothing. Of all targets: a target is only a name in the manifests,
// so that another one must not be a fresh allowance; match.targets tells them apart where that is meant. One caller at
// a time.
class Tally {
 public:
  // `policies` must outlive it.
  explicit Tally(std::span<const Policy> policies);
  ~Tally();
  Tally(Tally&&) noexcept;
  Tally& operator=(Tally&&) noexcept;

  // The next record of the audit log, in the order of the log.
  void take(const AuditRecord& record);
  // What has left the windows is forgotten.
  void move_to(SystemTime now);
  // The clock was set back by so much that forgotten operations count again: begin anew with the records.
  bool went_back(SystemTime now) const;

  // What the window of policies[number] holds, after `move_to`, without the operations of unknown outcome that `plan`
  // does again.
  std::uint64_t count(std::size_t number, const Plan& plan) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plumb::policy
