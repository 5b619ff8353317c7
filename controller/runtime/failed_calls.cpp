#include "controller/runtime/failed_calls.h"

#include <algorithm>
#include <deque>
#include <map>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/log.h"
#include "controller/base/text.h"
#include "controller/runtime/masking.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kPrefix = "runtime/call/";
constexpr std::size_t kMostOfBody = 16 * 1024;
constexpr std::size_t kDeepest = 1024;  // of JSON; bodies are parsed less deep
constexpr Duration kWriteAfter = std::chrono::seconds(1);

// With the time first, so that keys of one integration are in the order of the calls.
std::string place_of(const ResourceKey& integration) {
  return fmt::format("{}{}/{}/", kPrefix, integration.ns, integration.name);
}

std::int64_t millis(SystemTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

// Of a key; 0 for what is none.
std::int64_t millis_of(std::string_view key) {
  const auto slash = key.rfind('/');
  std::int64_t made = 0;
  for (const char c : key.substr(slash == std::string_view::npos ? key.size() : slash + 1)) {
    if (c < '0' || c > '9') break;
    made = made * 10 + (c - '0');
  }
  return made;
}

Value bounded(const Value& result) {
  if (!result.is_object()) return result;
  Value kept = result;
  // The session that the target gave is of use to whoever reads this.
  if (Value* const headers = kept.get_object().if_contains("headers"); headers != nullptr && headers->is_object())
    for (auto& header : headers->get_object())
      if (equals_ignoring_case(header.key(), "set-cookie")) header.value() = kMasked;
  for (const std::string_view member : {"body", "text"}) {
    Value* const found = kept.get_object().if_contains(member);
    if (found == nullptr) continue;
    const std::string text = found->is_string() ? std::string(found->get_string()) : boost::json::serialize(*found);
    if (text.size() <= kMostOfBody) continue;
    *found = beginning(text, kMostOfBody);
    kept.get_object()["truncated"] = true;
  }
  return kept;
}

Value described(const CallRecord::Attempt& attempt) {
  Object made{{"request", attempt.request_line},
              {"outcome", attempt.outcome},
              {"timing", Object{{"resolveUs", attempt.timing.resolve.count()},
                                {"connectUs", attempt.timing.connect.count()},
                                {"tlsUs", attempt.timing.tls.count()},
                                {"firstByteUs", attempt.timing.first_byte.count()},
                                {"totalUs", attempt.timing.total.count()}}}};
  if (attempt.headers.empty()) return made;
  Object headers;
  for (const auto& [name, value] : attempt.headers) headers[printable(name)] = printable(value);
  made["headers"] = std::move(headers);
  return made;
}

Value described(const CallRecord& call, SystemTime now) {
  Array attempts;
  for (const auto& each : call.attempts) attempts.push_back(described(each));
  return Object{{"time", format_time(now)},
                {"integration", to_string(call.integration)},
                {"operation", call.operation},
                {"requestId", call.request_id},
                {"actor", call.actor},
                {"routing", call.routing},
                {"attempts", std::move(attempts)},
                {"tookMs", static_cast<double>(call.took.count()) / 1000},
                {"result", bounded(call.result)}};
}

}  // namespace

struct FailedCalls::Kept : std::enable_shared_from_this<Kept> {
  Kept(StateStore& in, EventLoop& on, const Clock& by) : store(in), loop(on), clock(by) {}

  void note(const CallRecord& call) {
    if (call.ok) return;
    auto& waiting = unwritten[call.integration];
    const SystemTime now = clock.now();
    const std::string key = fmt::format("{}{:015}-{:06}", place_of(call.integration), millis(now), ++count % 1'000'000);
    waiting.emplace_back(key, boost::json::serialize(described(call, now)));
    if (waiting.size() > kMostOfOne) waiting.pop_front();
    if (std::exchange(due, true)) return;
    loop.later(kWriteAfter, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->write();
    });
  }

  void write() {
    due = false;
    if (unwritten.empty()) return;
    if (const auto read = know(); !read) return lost(read.error());
    std::vector<StateStore::Put> puts;
    for (auto& [integration, calls] : unwritten) {
      auto& keys = written[place_of(integration)];
      for (auto& [key, text] : calls) {
        puts.push_back({key, std::move(text)});
        keys.push_back(std::move(key));
      }
    }
    unwritten.clear();
    prune(puts);
    if (const auto done = store.commit(puts); !done) lost(done.error());
  }

  // What earlier processes wrote.
  Result<void> know() {
    if (known) return {};
    PLUMB_TRY(const auto items, store.list(kPrefix));
    for (const auto& item : items) written[item.key.substr(0, item.key.rfind('/') + 1)].push_back(item.key);
    known = true;
    return {};
  }

  void prune(std::vector<StateStore::Put>& puts) {
    const std::int64_t oldest = millis(clock.now() - kKeep);
    for (auto each = written.begin(); each != written.end();) {
      auto& keys = each->second;
      while (!keys.empty() && (keys.size() > kMostOfOne || millis_of(keys.front()) < oldest)) {
        const auto fresh = std::ranges::find(puts, keys.front(), &StateStore::Put::key);
        if (fresh != puts.end()) {
          puts.erase(fresh);
        } else {
          puts.push_back({keys.front(), std::nullopt});
        }
        keys.pop_front();
      }
      each = keys.empty() ? written.erase(each) : std::next(each);
    }
  }

  static void lost(const Error& error) {
    log::warning("call.record.lost", "what failed calls were like cannot be kept: {}", error.message);
  }

  StateStore& store;
  EventLoop& loop;
  const Clock& clock;
  std::map<ResourceKey, std::deque<std::pair<std::string, std::string>>> unwritten;
  std::map<std::string, std::deque<std::string>> written;  // by their place, oldest first
  std::uint64_t count = 0;
  bool known = false, due = false;
};

FailedCalls::FailedCalls(StateStore& store, EventLoop& loop, const Clock& clock)
    : kept_(std::make_shared<Kept>(store, loop, clock)) {}

FailedCalls::~FailedCalls() { kept_->write(); }

void FailedCalls::note(const CallRecord& call) { kept_->note(call); }

Result<std::vector<Value>> FailedCalls::of(StateStore& store, const ResourceKey& integration) {
  PLUMB_TRY(auto items, store.list(place_of(integration)));
  std::vector<Value> calls;
  for (auto item = items.rbegin(); item != items.rend(); ++item) {
    boost::json::error_code error;
    boost::json::parse_options options;
    options.max_depth = kDeepest;
    Value call = boost::json::parse(item->value, error, {}, options);
    // One that is damaged must not hide the others.
    if (error) {
      log::warning("call.record.unreadable", "{}: {}", item->key, error.message());
      continue;
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

}  // namespace plumb::runtime
