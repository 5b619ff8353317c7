#pragma once

#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/audit.h"
#include "controller/ports/state_store.h"

namespace plumb::engine {

// The append-only, hash-chained log, in the store below "audit/". One caller at a time.
class AuditLog {
 public:
  // Reads the head of the chain. `store` and `clock` must outlive it.
  static Result<AuditLog> open(StateStore& store, const Clock& clock, std::string actor);

  // The records get time, sequence, actor and digests, and are returned as puts, so that a caller can
  // make them durable in one transaction with what they speak of. Nothing else may be
  // appended before `appended` (the commit was durable) or `abandon` (it failed) was called.
  std::vector<StateStore::Put> prepare(std::vector<AuditRecord> records);
  StateStore::Guard guard() const;  // that nobody else has appended
  void appended();
  void abandon();
  // prepare + commit + appended.
  Result<void> append(std::vector<AuditRecord> records);

  Result<std::vector<AuditRecord>> since(SystemTime from) const;
  Result<std::vector<AuditRecord>> last(std::size_t count) const;
  // Operations with an intent and no closing record.
  Result<std::vector<AuditRecord>> open_intents() const;

  struct Verification {
    std::uint64_t records = 0;
    std::string head;     // digest of the last record
    std::string problem;  // empty: the chain holds; else what is wrong, and from which record on
  };
  static Result<Verification> verify(StateStore& store);

 private:
  AuditLog(StateStore& store, const Clock& clock, std::string actor);
  StateStore* store_;
  const Clock* clock_;
  std::string actor_;
  std::uint64_t sequence_ = 0, pending_sequence_ = 0;
  std::string head_, pending_head_;
  std::uint64_t head_version_ = 0;
};

}  // namespace plumb::engine
