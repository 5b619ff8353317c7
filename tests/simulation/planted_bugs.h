#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controller/ports/target.h"
#include "tests/support/fake_state_store.h"

namespace plumb::simulation {

using test::FakeStateStore;

inline constexpr const char* kSecret = "Canary-Passw0rd-4711";

// Bugs that can be planted, to see that the simulation finds them.
enum class Bug {
  none,
  trusts_incomplete_manifests,  // a source that could not be read in full counts as complete
  ignores_marker,               // does not know its own objects again
  intent_not_durable,           // says that a commit is durable when it is not
  ignores_scope,                // the target's gate stands open
  loses_audit,                  // drops one record
  leaks_secret,                 // writes it into a status
  loosens_limit,                // a policy allows more than it says
};

// A store that lies, for the planted bugs.
class LyingStore final : public StateStore {
 public:
  LyingStore(FakeStateStore& real, Bug bug) : real_(real), bug_(bug) {}
  Result<std::optional<Item>> get(std::string_view key) override { return real_.get(key); }
  Result<std::vector<Item>> list(std::string_view prefix) override { return real_.list(prefix); }
  Result<void> commit(std::span<const Put> puts, std::span<const Guard> guards) override {
    std::vector<Put> kept(puts.begin(), puts.end());
    if (bug_ == Bug::intent_not_durable)
      std::erase_if(kept, [](const Put& put) { return put.key.starts_with("intent/") && put.value; });
    if (bug_ == Bug::loses_audit && ++commits_ % 7 == 0)
      std::erase_if(kept, [](const Put& put) { return put.key.starts_with("audit/"); });
    for (Put& put : kept)
      if (bug_ == Bug::leaks_secret && put.key.starts_with("status/") && put.value) put.value->append(kSecret);
    return real_.commit(kept, guards);
  }

 private:
  FakeStateStore& real_;
  Bug bug_;
  int commits_ = 0;
};

// Does not know its own objects again.
class ForgetfulTarget final : public Target {
 public:
  explicit ForgetfulTarget(std::unique_ptr<Target> real) : real_(std::move(real)) {}
  std::string_view name() const override { return real_->name(); }
  std::vector<const Reconciler*> kinds() const override { return real_->kinds(); }
  Result<Observation> observe(const Interest& interest, Deadline deadline) override {
    return real_->observe(interest, deadline);
  }
  Result<Observation> look_up(const Interest& interest, Deadline deadline) override {
    return real_->look_up(interest, deadline);
  }
  Result<void> restore(StateStore& from) override { return real_->restore(from); }
  std::vector<StateStore::Put> unsaved() override { return real_->unsaved(); }
  void saved() override { real_->saved(); }
  void doubt(const std::string& id) override { real_->doubt(id); }
  std::string vantage() const override { return real_->vantage(); }
  Result<bool> continues(const std::string& vantage, Deadline deadline) override {
    return real_->continues(vantage, deadline);
  }
  std::vector<Outcome> apply(std::span<const Change> changes, std::span<const std::string> operations,
                             Deadline deadline) override {
    return real_->apply(changes, operations, deadline);
  }
  std::string created_by(const LiveObject&) const override { return ""; }

 private:
  std::unique_ptr<Target> real_;
};

}  // namespace plumb::simulation
