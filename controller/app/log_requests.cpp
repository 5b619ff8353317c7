#include "controller/app/log_requests.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <tuple>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/link/log_codec.h"

namespace plumb::app {
namespace {

namespace fs = std::filesystem;
using Phase = LogRequest::Phase;

constexpr std::string_view kRequests = "connector/log-request/";
constexpr std::pair<Phase, std::string_view> kPhases[] = {
    {Phase::pending, "Pending"}, {Phase::ready, "Ready"}, {Phase::failed, "Failed"}};

std::string key_of(const std::string& id) { return std::string(kRequests) + id; }

std::string text_of(Phase phase) {
  const auto found = std::ranges::find(kPhases, phase, &std::pair<Phase, std::string_view>::first);
  return std::string(found->second);
}

Value to_json(const LogRequest& request) {
  return Object{{"id", request.id},
                {"namespace", request.connector.ns},
                {"connector", request.connector.name},
                {"by", request.by},
                {"created", format_time(request.created)},
                {"status", text_of(request.phase)},
                {"finished", request.phase == Phase::pending ? "" : format_time(request.finished)},
                {"bytes", request.bytes},
                {"error", request.error}};
}

std::optional<LogRequest> from_json(const StateStore::Item& item) {
  boost::json::error_code error;
  const Value value = boost::json::parse(item.value, error);
  if (error) return {};
  const auto text = [&](std::string_view pointer) { return text_at(value, pointer).value_or(""); };
  LogRequest request{
      .id = item.key.substr(kRequests.size()),
      .connector = {"Connector", text("/namespace"), text("/connector")},
      .by = text("/by"),
      .created = parse_time(text("/created")).value_or(SystemTime{}),
      .finished = parse_time(text("/finished")).value_or(SystemTime{}),
      .bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(int_at(value, "/bytes").value_or(0), 0)),
      .error = text("/error")};
  for (const auto& [phase, name] : kPhases)
    if (text("/status") == name) request.phase = phase;
  return request;
}

// For its owner alone, all of it or none.
Result<void> write_archive(const fs::path& folder, const fs::path& file, const std::string& bytes) {
  const auto failed = [&](const std::string& why) {
    return fail(Fault::unavailable, "{} cannot be written: {}", file.string(), why);
  };
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return failed(error.message());
  const fs::path part = file.string() + ".part";
  {
    const mode_t before = ::umask(0077);
    std::ofstream out(part, std::ios::binary | std::ios::trunc);
    ::umask(before);
    out << bytes << std::flush;
    if (!out) return failed("the disk may be full");
  }
  fs::rename(part, file, error);
  return error ? Result<void>(failed(error.message())) : Result<void>();
}

}  // namespace

Result<LogRequest> LogRequests::create(const ResourceKey& connector, const std::string& by) {
  PLUMB_TRY(const auto known, all());
  if (known.size() >= kMostLogRequests)
    return fail(Fault::unavailable, "there are {} requests for logs already; delete some first", known.size());
  const LogRequest request{.id = random_hex(8), .connector = connector, .by = by, .created = clock_.now()};
  PLUMB_CHECK(put(request));
  return request;
}

Result<void> LogRequests::put(const LogRequest& request) {
  const StateStore::Put put{key_of(request.id), boost::json::serialize(to_json(request))};
  return store_.commit({&put, 1});
}

Result<std::vector<LogRequest>> LogRequests::all() const {
  PLUMB_TRY(const auto items, store_.list(kRequests));
  std::vector<LogRequest> all;
  for (const StateStore::Item& item : items)
    if (auto request = from_json(item)) all.push_back(std::move(*request));
  std::ranges::sort(all, {}, [](const LogRequest& each) { return std::tuple(each.created, each.id); });
  return all;
}

Result<LogRequest> LogRequests::find(const std::string& id) const {
  PLUMB_TRY(const auto item, store_.get(key_of(id)));
  auto request = item ? from_json(*item) : std::nullopt;
  if (!request) return fail(Fault::not_found, "there is no request for logs \"{}\"", printable(id));
  return std::move(*request);
}

Result<std::string> LogRequests::archive_of(const std::string& id) const {
  PLUMB_TRY(const LogRequest request, find(id));
  if (request.phase == Phase::pending)
    return fail(Fault::conflict, "{} was not online since {}; its log is fetched when it is", request.connector,
                format_time(request.created));
  if (request.phase == Phase::failed) return fail(Fault::conflict, "the log could not be had: {}", request.error);
  std::ifstream in(file_of(id), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  if (bytes.size() != request.bytes) return fail(Fault::conflict, "{} is not as it was written", file_of(id).string());
  return bytes;
}

Result<void> LogRequests::finish(const LogRequest& request, Result<std::string> archive) {
  PLUMB_CHECK(find(request.id));  // somebody may have deleted it meanwhile
  LogRequest finished = request;
  finished.finished = clock_.now();
  if (archive) {
    if (auto written = write_archive(folder_, file_of(request.id), *archive); !written)
      archive = tl::unexpected(std::move(written).error());
  }
  finished.phase = archive ? Phase::ready : Phase::failed;
  finished.bytes = archive ? archive->size() : 0;
  finished.error = archive ? "" : archive.error().message;
  return put(finished);
}

Result<void> LogRequests::remove(const std::string& id) {
  PLUMB_CHECK(find(id));
  const StateStore::Put put{key_of(id), {}};
  PLUMB_CHECK(store_.commit({&put, 1}));
  std::error_code ignored;
  fs::remove(file_of(id), ignored);
  return {};
}

Result<void> LogRequests::tidy() {
  PLUMB_TRY(const auto known, all());
  const SystemTime now = clock_.now();
  std::set<fs::path> kept;
  for (const LogRequest& each : known) {
    const SystemTime since = each.phase == Phase::pending ? each.created : each.finished;
    if (now - since < kLogRequestLifetime) {
      kept.insert(file_of(each.id));
    } else if (each.phase == Phase::pending) {
      PLUMB_CHECK(finish(each, fail(Fault::timeout, "no agent of it was online within {} days",
                                    std::chrono::duration_cast<std::chrono::days>(kLogRequestLifetime).count())));
    } else {
      PLUMB_CHECK(remove(each.id));
    }
  }
  std::error_code error;
  std::vector<fs::path> nobodys;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (!kept.contains(entry.path())) nobodys.push_back(entry.path());
  for (const fs::path& file : nobodys) fs::remove(file, error);
  return {};
}

Value described(const LogRequest& request) { return to_json(request); }

fs::path log_folder(const fs::path& state) { return state / "connector-logs"; }

Result<std::size_t> remove_log_requests(StateStore& store, const ResourceKey& connector) {
  PLUMB_TRY(const auto items, store.list(kRequests));
  std::vector<StateStore::Put> puts;
  for (const StateStore::Item& item : items)
    if (const auto request = from_json(item); request && request->connector == connector)
      puts.push_back({item.key, {}});
  if (!puts.empty()) PLUMB_CHECK(store.commit(puts));
  return puts.size();
}

}  // namespace plumb::app
