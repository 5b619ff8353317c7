#include "controller/engine/status_book.h"

#include <algorithm>
#include <utility>

#include <boost/json/parse.hpp>

#include "controller/model/json.h"

namespace plumb::engine {
namespace {

constexpr std::string_view kPrefix = "status/";

Condition condition(std::string type, bool holds, std::string reason, std::string message, SystemTime now) {
  return {std::move(type), holds ? "True" : "False", std::move(reason), std::move(message), now};
}

}  // namespace

Result<std::vector<Status>> read_status(StateStore& store, std::string_view prefix) {
  PLUMB_TRY(const auto items, store.list(fmt::format("{}{}", kPrefix, prefix)));
  std::vector<Status> found;
  for (const StateStore::Item& item : items) {
    boost::system::error_code error;
    const Value json = boost::json::parse(item.value, error);
    if (error) return fail(Fault::invalid, "{} in the state store is not JSON", item.key);
    auto status = status_from_json(json);
    if (!status) return in_context(item.key, status.error());
    found.push_back(std::move(*status));
  }
  return found;
}

Result<StatusBook> StatusBook::open(StateStore& store) {
  PLUMB_TRY(auto statuses, read_status(store, ""));
  StatusBook book;
  for (Status& status : statuses) {
    const ResourceKey key = status.key;
    book.book_.emplace(key, std::move(status));
  }
  return book;
}

Status StatusBook::known(const ResourceKey& key) const {
  const auto found = book_.find(key);
  if (found != book_.end()) return found->second;
  Status status;
  status.key = key;
  return status;
}

void StatusBook::put(Status status) {
  const auto before = book_.find(status.key);
  if (before != book_.end() && before->second == status) return;
  changed_[status.key] = true;
  book_[status.key] = std::move(status);
}

void StatusBook::note(const Finding& finding, SystemTime now) {
  Status status = known(finding.key);
  status.id = finding.id;
  status.handle = finding.handle;
  status.observed_digest = finding.digest;
  const bool exists = !finding.id.empty();
  const bool ready_is_told =
      std::any_of(finding.more.begin(), finding.more.end(), [](const Condition& each) { return each.type == "Ready"; });
  if (!exists || !ready_is_told)
    set_condition(
        status, condition("Ready", exists, exists ? "Available" : finding.reason, exists ? "" : finding.message, now));
  set_condition(status, condition("Synced", finding.synced, finding.reason, finding.message, now));
  for (Condition each : finding.more) {
    if (!exists && each.type == "Ready") continue;
    each.last_transition = now;
    set_condition(status, std::move(each));
  }
  if (!finding.applied_revision.empty()) {
    status.revision = finding.applied_revision;
    status.last_applied = now;
  }
  if (finding.synced) status.first_failure.clear();
  if (!finding.synced && status.first_failure.empty()) status.first_failure = format_time(now);
  put(std::move(status));
}

void StatusBook::note_reach(const ResourceKey& target, const std::optional<Error>& problem, SystemTime now,
                            const std::string& remark) {
  Status status = known(target);
  const auto reason = [](Fault fault) -> std::string {
    switch (fault) {
      case Fault::denied: return "AccessDenied";
      case Fault::timeout: return "Timeout";
      case Fault::not_found: return "NotFound";
      case Fault::unavailable: return "Unreachable";
      case Fault::invalid:
      case Fault::conflict:
      case Fault::internal: break;
    }
    return "ReadFailed";
  };
  set_condition(status, condition("Reachable", !problem, problem ? reason(problem->fault) : "ReadInFull",
                                  problem ? problem->message : remark, now));
  if (!problem) status.first_failure.clear();
  if (problem && status.first_failure.empty()) status.first_failure = format_time(now);
  put(std::move(status));
}

void StatusBook::note_verified(const ResourceKey& target, SystemTime up_to, SystemTime now) {
  Status status = known(target);
  set_condition(status,
                condition("Verified", true, "Compared", fmt::format("verified up to {}", format_time(up_to)), now));
  put(std::move(status));
}

void StatusBook::forget(const ResourceKey& key) {
  if (book_.erase(key) != 0) changed_[key] = false;
}

std::vector<ResourceKey> StatusBook::keys() const {
  std::vector<ResourceKey> keys;
  for (const auto& [key, status] : book_) keys.push_back(key);
  return keys;
}

std::vector<StateStore::Put> StatusBook::unsaved() const {
  std::vector<StateStore::Put> puts;
  for (const auto& [key, present] : changed_) {
    StateStore::Put put{fmt::format("{}{}", kPrefix, key), std::nullopt};
    if (present) put.value = canonical(to_json(book_.at(key)));
    puts.push_back(std::move(put));
  }
  return puts;
}

}  // namespace plumb::engine
