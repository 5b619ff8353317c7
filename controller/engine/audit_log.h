#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/audit.h"
#include "controller/ports/state_store.h"

namespace plumb::engine {

// The append-only, hash-chained log, in the store: one record each at "audit/<sequence, 20 digits>",
// the end of the chain at "audit-head", and at "audit-open/<operation>" the sequence of every intent
// that has no closing record. One caller at a time; several processes may append in turns.
class AuditLog {
 public:
  // Reads the head of the chain. `store` and `clock` must outlive it.
  static Result<AuditLog> open(StateStore& store, const Clock& clock, std::string actor);

  // Reads the head again: another process may have appended (an approval). Nothing may be pending.
  Result<void> refresh();

  // The records get time, sequence, actor and digests, and are returned as puts, so that a caller can
  // make them durable in one transaction with what they speak of. Nothing else may be
  // appended before `appended` (the commit was durable) or `abandon` (it failed) was called.
  std::vector<StateStore::Put> prepare(std::vector<AuditRecord> records);
  // That nobody else has appended: there is no record yet with the first sequence of `prepare`.
  StateStore::Guard guard() const;
  void appended();
  void abandon();
  // prepare + commit together with `puts` + appended. If somebody else has appended meanwhile, the
  // records are chained anew to what they wrote.
  Result<void> append(std::vector<AuditRecord> records, std::vector<StateStore::Put> puts = {});

  // The sequence that the next record will have; never given twice.
  std::uint64_t next_sequence() const { return sequence_ + 1; }

  // All records after the one of that sequence, oldest first: what was appended or asked for lately without a look into
  // the store. Fault::invalid if there are not that many: it is another log.
  Result<std::vector<AuditRecord>> after(std::uint64_t sequence);
  // Oldest first. Reads from the end, in pieces, and stops at the first piece that is older as a whole.
  Result<std::vector<AuditRecord>> since(SystemTime from) const;
  Result<std::vector<AuditRecord>> last(std::size_t count) const;
  // From the newest record back, until `visit` says false or there are no more. Reads in pieces.
  Result<void> newest_first(const std::function<bool(AuditRecord)>& visit) const;
  // Operations with an intent and no closing record, oldest first.
  Result<std::vector<AuditRecord>> open_intents() const;

  struct Verification {
    std::uint64_t records = 0;  // that hold, from the first on
    std::string head;           // digest of the last of them
    std::string problem;        // empty: the chain holds; else what is wrong, and from which record on
  };
  // Recomputes the whole chain. What it cannot see is a log that was cut off together with its head:
  // compare `head` and `records` with a copy kept elsewhere.
  static Result<Verification> verify(StateStore& store);

 private:
  AuditLog(StateStore& store, const Clock& clock, std::string actor);
  Result<std::vector<AuditRecord>> piece(std::uint64_t number) const;
  Result<AuditRecord> one(std::uint64_t sequence) const;
  Result<std::vector<AuditRecord>> read_after(std::uint64_t sequence) const;
  void remember(std::vector<AuditRecord> records);

  StateStore* store_;
  const Clock* clock_;
  std::string actor_;
  std::uint64_t sequence_ = 0, pending_sequence_ = 0;
  std::string head_, pending_head_;
  std::vector<AuditRecord> pending_;
  std::deque<AuditRecord> recent_;  // without gaps; as they would be read
};

}  // namespace plumb::engine
