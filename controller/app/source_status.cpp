#include "controller/app/source_status.h"

#include "controller/engine/status_book.h"
#include "controller/model/json.h"

namespace plumb::app {
namespace {

constexpr std::string_view kRequests = "look-request/";

std::string reason_of(Fault fault) {
  switch (fault) {
    case Fault::denied: return "Refused";
    case Fault::timeout: return "Timeout";
    case Fault::unavailable: return "Unavailable";
    case Fault::not_found: return "NotFound";
    case Fault::invalid:
    case Fault::conflict:
    case Fault::internal: break;
  }
  return "ReadFailed";
}

}  // namespace

Result<void> note_source(StateStore& store, const Resource& source, const std::string& revision,
                         const std::optional<Error>& problem, SystemTime now) {
  PLUMB_TRY(auto known, engine::read_status(store, to_string(source.key)));
  std::erase_if(known, [&](const Status& status) { return status.key != source.key; });
  const Status before = known.empty() ? Status{} : std::move(known.front());
  Status status = before;
  status.key = source.key;
  status.observed_digest = source.digest;
  set_condition(status, {"Ready", problem ? "False" : "True", problem ? reason_of(problem->fault) : "Taken",
                         problem ? problem->message : "", now});
  if (!revision.empty() && revision != status.revision) {
    status.revision = revision;
    status.last_applied = now;
  }
  if (!problem) status.first_failure.clear();
  if (problem && status.first_failure.empty()) status.first_failure = format_time(now);
  if (status == before) return {};
  const std::vector<StateStore::Put> puts = {{fmt::format("status/{}", source.key), canonical(to_json(status))}};
  return store.commit(puts);
}

StateStore::Put request_look(const std::string& directory, SystemTime now) {
  return {fmt::format("{}{}", kRequests, directory), format_time(now)};
}

Result<std::vector<std::string>> take_requests(StateStore& store) {
  PLUMB_TRY(const auto items, store.list(kRequests));
  std::vector<std::string> names;
  std::vector<StateStore::Put> puts;
  for (const auto& item : items) {
    names.push_back(item.key.substr(kRequests.size()));
    puts.push_back({item.key, std::nullopt});
  }
  if (!puts.empty()) PLUMB_CHECK(store.commit(puts));
  return names;
}

}  // namespace plumb::app
