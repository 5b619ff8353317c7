#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/engine/audit_log.h"
#include "controller/ports/lease.h"
#include "controller/ports/state_store.h"
#include "reconcilers/marker.h"

namespace plumb::app {

// Lets the lanes of one process share a store, call by call. Thread-safe; `inner` must outlive it.
class SharedStore final : public StateStore {
 public:
  explicit SharedStore(StateStore& inner) : inner_(inner) {}
  Result<std::optional<Item>> get(std::string_view key) override;
  Result<std::vector<Item>> list(std::string_view prefix) override;
  Result<void> commit(std::span<const Put> puts, std::span<const Guard> guards = {}) override;

 private:
  std::mutex mutex_;
  StateStore& inner_;
};

// The same for the lease: the process holds it, not a lane.
class SharedLease final : public Lease {
 public:
  explicit SharedLease(Lease& inner) : inner_(inner) {}
  Result<void> hold(Deadline deadline) override;
  bool held_for(std::chrono::milliseconds margin) const override;

 private:
  mutable std::mutex mutex_;
  Lease& inner_;
};

// The state directory: plumbline.db, instance.key (made at first use) and lock. Whoever has the key can
// seal plan files, so it is readable by its owner only.
class State {
 public:
  enum class Access {
    look,   // reads; works while another process writes. Makes the directory if there is none yet
    note,   // appends to the records (an approval) while another process may hold the lease
    write,  // takes the lease first: Fault::conflict names the holder
  };
  // `purpose` is told to whoever finds the lease taken: "plumbline run".
  static Result<std::unique_ptr<State>> open(const std::filesystem::path& directory, Access access,
                                             std::string_view purpose, const Clock& clock);

  SharedStore& store() { return *shared_store_; }
  SharedLease& lease() { return *shared_lease_; }
  engine::AuditLog& audit() { return *audit_; }
  // Another end of the same log, for a lane on its own thread.
  Result<engine::AuditLog> open_audit(const Clock& clock);
  const std::string& key() const { return key_; }  // seals plan files
  const std::string& instance() const { return instance_; }
  Installation installation() const { return {instance_, key_}; }  // marks what it created

 private:
  State() = default;
  Result<void> load_key(const std::filesystem::path& file);
  Result<void> check_instance(bool may_write);

  std::string key_, instance_, actor_;
  std::unique_ptr<Lease> lease_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<SharedLease> shared_lease_;
  std::unique_ptr<SharedStore> shared_store_;
  std::optional<engine::AuditLog> audit_;
};

// The state of a controller that may be running, to append to. Fault::not_found if there is none.
Result<std::unique_ptr<State>> open_beside(const std::filesystem::path& directory, std::string_view purpose,
                                           const Clock& clock);

// Makes the state directory, for its owner alone; nothing happens if it is there.
Result<void> make_state_directory(const std::filesystem::path& directory);

// "root@host": who is at the keyboard, for the audit log.
std::string current_actor();

}  // namespace plumb::app
