#pragma once

#include <functional>
#include <map>
#include <stdexcept>
#include <string>

#include "controller/ports/lease.h"
#include "controller/ports/state_store.h"

namespace plumb::test {

// Thrown by fakes in place of the end of the process; everything in memory is lost, what was durable stays.
struct Crash : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A StateStore in memory. Passes tests/contract/state_store_contract.h. `fault` is asked at each commit
// (1-based number) what becomes of it.
class FakeStateStore final : public StateStore {
 public:
  enum class Fate {
    durable,
    refused,       // nothing written, Fault::unavailable
    lost_answer,   // written, but Fault::unavailable all the same (a sync that failed late)
    crash_before,  // nothing written, then Crash
    crash_after,   // written, then Crash
  };
  std::function<Fate(std::size_t number, std::span<const Put> puts)> fault;
  bool unreadable = false;  // reads fail

  std::size_t commits() const { return commits_; }  // asked for, whatever became of them
  std::size_t writes() const { return writes_; }    // puts that became durable

  Result<std::optional<Item>> get(std::string_view key) override;
  Result<std::vector<Item>> list(std::string_view prefix) override;
  Result<void> commit(std::span<const Put> puts, std::span<const Guard> guards) override;

  // For tests that damage the store.
  std::map<std::string, Item, std::less<>>& items() { return items_; }

 private:
  std::map<std::string, Item, std::less<>> items_;
  std::uint64_t version_ = 0;
  std::size_t commits_ = 0, writes_ = 0;
};

// A lease that is there, or is not.
struct FakeLease final : Lease {
  bool available = true;
  bool long_enough = true;
  bool held = false;
  Result<void> hold(Deadline) override {
    held = available;
    if (!available) return fail(Fault::conflict, "the lease is held by plumbline run (pid 1 on other)");
    return {};
  }
  bool held_for(std::chrono::milliseconds) const override { return held && available && long_enough; }
};

}  // namespace plumb::test
