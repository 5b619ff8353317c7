#include "controller/engine/bookkeeper.h"

#include <map>
#include <utility>

#include "controller/base/log.h"
#include "controller/engine/inventory.h"

namespace plumb::engine {
namespace {

using Fate = ChangeResult::Fate;
using Findings = std::map<ResourceKey, Finding>;

std::string reason_of(const ChangeResult& result) {
  switch (result.fate) {
    case Fate::done: return "InSync";
    case Fate::failed: return result.error.fault == Fault::denied ? "Denied" : "ApplyFailed";
    case Fate::unknown: return "OutcomeUnknown";
    case Fate::skipped: return result.reason;
  }
  return "";
}

class Finder {
 public:
  explicit Finder(const RoundNotes& notes) : notes_(notes) {}

  Findings run() {
    if (notes_.looked) note_looked();
    for (const auto& level : notes_.plan.levels)
      for (const Change& change : level) note_change(change);
    return std::move(findings_);
  }

 private:
  Finding& finding(const ResourceKey& key) {
    Finding& found = findings_[key];
    found.key = key;
    if (const auto record = notes_.inventory.find(key); record != notes_.inventory.end()) {
      found.id = record->second.id;
      found.handle = record->second.handle;
    }
    if (const Resource* resource = notes_.snapshot.find(key)) found.digest = resource->digest;
    return found;
  }

  void note_looked() {
    for (const Wanted& wanted : notes_.projection.wanted) {
      Finding& found = finding(wanted.key);
      found.synced = true;
      found.reason = "InSync";
    }
    if (notes_.keys == nullptr) {
      for (const auto& [key, owned] : notes_.inventory) note_undeclared(owned);
    } else {
      for (const ResourceKey& key : *notes_.keys) {
        const auto owned = notes_.inventory.find(key);
        if (owned != notes_.inventory.end()) {
          note_undeclared(owned->second);
        } else if (notes_.snapshot.find(key) == nullptr) {
          finding(key);
        }
      }
    }
    for (const Drift& drift : notes_.plan.drift) {
      if (drift.put_back) continue;
      Finding& found = finding(drift.key);
      found.synced = false;
      found.reason = drift.held_until ? "HeldAsItIs" : "Drifted";
      if (!found.message.empty()) found.message += "; ";
      found.message += drift.field.name + " differs from what is declared";
      if (drift.held_until) found.message += fmt::format(", and is kept until {}", format_time(*drift.held_until));
      if (drift.changed)
        found.message += fmt::format(" (changed {} on {})", format_time(*drift.changed), drift.changed_on);
    }
    for (const Blocked& blocked : notes_.plan.blocked) {
      Finding& found = finding(blocked.key);
      found.synced = false;
      found.reason = blocked.reason;
      found.message = blocked.message;
    }
  }

  void note_undeclared(const Owned& owned) {
    if (findings_.contains(owned.key)) return;
    Finding& found = finding(owned.key);
    found.reason = "Removed";
    found.message = owned.removed_at ? fmt::format("its manifest is gone since {}", format_time(*owned.removed_at))
                                     : "its manifest is gone";
  }

  void note_change(const Change& change) {
    const auto result = notes_.results.find(change.key);
    if (result == notes_.results.end()) {  // its turn has not come: it is as it was
      findings_.erase(change.key);
      return;
    }
    const auto known = findings_.find(change.key);
    const bool blocked =
        notes_.looked && known != findings_.end() && !known->second.synced && known->second.reason != "Removed";
    Finding& found = finding(change.key);
    if (result->second.fate == Fate::done) found.applied_revision = notes_.plan.revision;
    if (result->second.fate == Fate::done && (blocked || change.cause == Cause::removal)) return;
    found.synced = result->second.fate == Fate::done;
    found.reason = reason_of(result->second);
    found.message = result->second.error.message.empty() ? result->second.message : result->second.error.message;
  }

  const RoundNotes& notes_;
  Findings findings_;
};

}  // namespace

Result<void> Bookkeeper::open() {
  if (book_) return {};
  PLUMB_TRY(book_, StatusBook::open(store_));
  return {};
}

void Bookkeeper::note(const RoundNotes& notes, SystemTime now) {
  for (auto& [key, found] : Finder(notes).run()) {
    if (notes.conditions) found.more = notes.conditions(key);
    if (found.digest.empty() && !notes.inventory.contains(key)) {
      book_->forget(key);
    } else {
      book_->note(found, now);
    }
  }
}

// Of objects that are neither declared nor in any target's inventory. The status of a source is of who reads it, and
// that of the integration runtime, which no manifest declares, of its lane.
Result<void> Bookkeeper::drop_stale(const RoundNotes& notes) {
  if (!notes.snapshot.complete() || notes.keys != nullptr) return {};
  std::vector<ResourceKey> stale;
  for (const ResourceKey& key : book_->keys())
    if (key.kind != "GitRepository" && key.kind != "Runtime" && notes.snapshot.find(key) == nullptr &&
        !notes.inventory.contains(key))
      stale.push_back(key);
  if (stale.empty()) return {};
  PLUMB_TRY(const auto owned, all_owned_keys(store_));
  for (const ResourceKey& key : stale)
    if (!owned.contains(key)) book_->forget(key);
  return {};
}

Result<void> Bookkeeper::write(const RoundNotes& notes, SystemTime now, std::vector<StateStore::Put> more) {
  const auto written = [&]() -> Result<void> {
    PLUMB_CHECK(open());
    book_->note_reach(parse_key(target_), std::nullopt, now, notes.remark);
    if (notes.verified_up_to) book_->note_verified(parse_key(target_), *notes.verified_up_to, now);
    note(notes, now);
    PLUMB_CHECK(drop_stale(notes));
    for (StateStore::Put& put : book_->unsaved()) more.push_back(std::move(put));
    if (more.empty()) return {};
    PLUMB_CHECK(store_.commit(more));
    book_->saved();
    return {};
  }();
  if (!written) book_.reset();
  return written;
}

void Bookkeeper::note_unreachable(const Error& error, SystemTime now) {
  if (!open()) return;
  book_->note_reach(parse_key(target_), error, now);
  const std::vector<StateStore::Put> puts = book_->unsaved();
  if (puts.empty()) return;
  if (auto written = store_.commit(puts)) {
    book_->saved();
  } else {
    log::warning("status.lost", "{}: {}", target_, written.error().message);
    book_.reset();
  }
}

}  // namespace plumb::engine
