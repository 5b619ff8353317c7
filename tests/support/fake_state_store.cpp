#include "tests/support/fake_state_store.h"

namespace plumb::test {

Result<std::optional<StateStore::Item>> FakeStateStore::get(std::string_view key) {
  if (unreadable) return fail(Fault::unavailable, "the state store cannot be read");
  const auto found = items_.find(key);
  if (found == items_.end()) return std::optional<Item>();
  return std::optional<Item>(found->second);
}

Result<std::vector<StateStore::Item>> FakeStateStore::list(std::string_view prefix) {
  if (unreadable) return fail(Fault::unavailable, "the state store cannot be read");
  std::vector<Item> found;
  for (auto item = items_.lower_bound(prefix); item != items_.end() && item->first.starts_with(prefix); ++item)
    found.push_back(item->second);
  return found;
}

Result<void> FakeStateStore::commit(std::span<const Put> puts, std::span<const Guard> guards) {
  const Fate fate = fault ? fault(++commits_, puts) : (++commits_, Fate::durable);
  if (fate == Fate::crash_before) throw Crash("before a commit");
  if (fate == Fate::refused) return fail(Fault::unavailable, "the state store cannot be written: disk full");
  for (const Guard& guard : guards) {
    const auto found = items_.find(guard.key);
    if ((found == items_.end() ? 0 : found->second.version) != guard.version)
      return fail(Fault::conflict, "{} was changed by somebody else", guard.key);
  }
  ++version_;
  for (const Put& put : puts) {
    ++writes_;
    if (put.value)
      items_[put.key] = {put.key, *put.value, version_};
    else
      items_.erase(put.key);
  }
  if (fate == Fate::crash_after) throw Crash("after a commit");
  if (fate == Fate::lost_answer) return fail(Fault::unavailable, "the state store cannot be synced: I/O error");
  return {};
}

}  // namespace plumb::test
