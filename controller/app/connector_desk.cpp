#include "controller/app/connector_desk.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include <boost/json/parse.hpp>

#include "controller/app/connector_actions.h"
#include "controller/app/connector_answers.h"
#include "controller/app/log_requests.h"
#include "controller/app/metrics.h"
#include "controller/app/zip_file.h"
#include "controller/base/log.h"
#include "controller/link/log_codec.h"

namespace plumb::app {
namespace {

using Connector = const ResourceKey&;

constexpr Duration kAnswer = std::chrono::minutes(2), kFollow = std::chrono::hours(24);
constexpr Duration kLook = std::chrono::seconds(1), kTidy = std::chrono::hours(1);
constexpr std::size_t kMostAnswer = 1U << 20U;  // bytes of what an agent tells in one piece
constexpr std::size_t kMostFollowed = 16;       // logs, at one time

link::Ask question(Connector connector, link::Method method, Duration limit, const std::string& actor) {
  return {.group = to_string(connector), .method = method, .limit = limit, .actor = actor};
}

Result<Value> checks_of(Result<std::string> answer) {
  if (!answer) return tl::unexpected(std::move(answer).error());
  boost::json::error_code error;
  Value checks = boost::json::parse(*answer, error);
  const Value* const list = error ? nullptr : at(checks, "/checks");
  if (list == nullptr || !list->is_array()) return fail(Fault::invalid, "the connector's answer cannot be read");
  return checks;
}

Result<std::string> zip_of(const std::string& stream) {
  PLUMB_TRY(const auto files, link::decode_files(stream));
  std::vector<ZipFile> archive;
  for (const auto& [name, content] : files) archive.push_back({name, content});
  return zip_bytes(archive);
}

// A thread for what takes long, begun with the first of it: archives of 50 MB, one after the other.
class Packing {
 public:
  explicit Packing(net::Loop& loop) : loop_(loop) {}
  ~Packing() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      waiting_.clear();
    }
    came_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  Packing(const Packing&) = delete;
  Packing& operator=(const Packing&) = delete;

  using Done = std::function<void(Result<std::string>)>;
  // `done` on the loop's thread.
  void pack(std::string stream, Done done) {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(stream), std::move(done));
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    came_.notify_all();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      came_.wait(lock, [&] { return over_ || !waiting_.empty(); });
      if (over_) return;
      auto [stream, done] = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      loop_.post([done = std::move(done), zip = std::make_shared<Result<std::string>>(zip_of(stream))] {
        done(std::move(*zip));
      });
      lock.lock();
    }
  }

  net::Loop& loop_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::pair<std::string, Done>> waiting_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace

struct ConnectorDesk::Running : std::enable_shared_from_this<ConnectorDesk::Running> {
  explicit Running(Parts with)
      : parts(std::move(with)),
        identities(parts.state.store(), parts.clock),
        requests(parts.state.store(), log_folder(parts.folder), parts.clock),
        packing(parts.loop) {}

  // Of the hub itself, as it is now.
  template <class Do>
  auto with_seen(Do what) const -> decltype(what(std::declval<const ConnectorsSeen&>())) {
    const auto view = parts.view();
    if (view == nullptr) return fail(Fault::unavailable, "what was applied is not loaded yet");
    auto archived = link::Archive(parts.state.store()).all();
    if (!archived) return tl::unexpected(std::move(archived).error());
    const ConnectorsSeen seen{.applied = *view,
                              .states = parts.hub.states(),
                              .archived = std::move(*archived),
                              .now = parts.clock.now(),
                              .live = true};
    return what(seen);
  }

  Result<void> check_known(Connector connector) const {
    return with_seen([&](const ConnectorsSeen& seen) { return check_applied(seen.applied, connector); });
  }

  Result<Value> create_token(Connector connector, Duration lifetime, const std::string& actor) {
    return with_seen([&](const ConnectorsSeen& seen) -> Result<Value> {
      PLUMB_TRY(const auto created, make_connector_token(seen, identities, connector, lifetime, actor));
      Value all = described(created.token, seen.now);
      all.get_object()["token"] = created.text.reveal();
      return all;
    });
  }

  Result<std::vector<Value>> tokens() const {
    PLUMB_TRY(const auto known, identities.tokens());
    std::vector<Value> all;
    for (const link::EnrolmentToken& each : known) all.push_back(described(each, parts.clock.now()));
    return all;
  }

  // One that is in no manifest any more may still have a key.
  Result<Value> revoke(Connector connector) {
    PLUMB_TRY(const std::size_t count, identities.revoke(connector));
    if (count == 0) PLUMB_CHECK(check_known(connector));
    return Value(Object{{"identities", count}});
  }

  Result<std::vector<Value>> act(runtime::ConnectorAction action, const std::vector<ResourceKey>& connectors,
                                 bool force, const std::string& actor) {
    auto outcomes = with_seen([&](const ConnectorsSeen& seen) -> Result<std::vector<Value>> {
      std::vector<Value> all;
      for (const auto& each : app::act({parts.state.store(), parts.clock, actor}, seen, action, connectors, force))
        all.push_back(described(each));
      return all;
    });
    parts.hub.look_at_archive();
    return outcomes;
  }

  void test(Connector connector, const std::string& actor, const std::function<void(Result<Value>)>& done) {
    if (auto known = check_known(connector); !known) return done(tl::unexpected(std::move(known).error()));
    collect(parts.hub.asker(), question(connector, link::Method::test_targets, kAnswer, actor), kMostAnswer,
            [done](Result<std::string> answer) { done(checks_of(std::move(answer))); });
  }

  void logs(Connector connector, const std::string& actor, const Packing::Done& done) {
    if (auto known = check_known(connector); !known) return done(tl::unexpected(std::move(known).error()));
    collect(parts.hub.asker(), question(connector, link::Method::logs, kAnswer, actor), 2 * link::kLogLimit,
            [weak = weak_from_this(), done](Result<std::string> stream) {
              const auto self = weak.lock();
              if (!stream || !self) return done(std::move(stream));
              self->packing.pack(std::move(*stream), done);
            });
  }

  Result<net::BodySource> follow(Connector connector, const std::string& actor, const std::string& level) {
    PLUMB_CHECK(check_known(connector));
    if (following.use_count() > static_cast<long>(kMostFollowed))
      return fail(Fault::unavailable, "{} logs are being followed already", kMostFollowed);
    auto lines = lines_of(parts.hub.asker(), question(connector, link::Method::follow_logs, kFollow, actor), level);
    return [lines = std::move(lines), counted = following](std::function<void(Result<std::string>)> more) {
      lines(std::move(more));
    };
  }

  Result<Value> request_log(Connector connector, const std::string& actor) {
    PLUMB_CHECK(check_known(connector));
    PLUMB_TRY(const LogRequest request, requests.create(connector, actor));
    return described(request);
  }

  Result<std::vector<Value>> log_requests(Connector connector) const {
    PLUMB_TRY(const auto known, requests.all());
    std::vector<Value> all;
    for (const LogRequest& each : known)
      if (each.connector == connector) all.push_back(described(each));
    return all;
  }

  Result<void> check_request(Connector connector, const std::string& id) const {
    PLUMB_TRY(const LogRequest request, requests.find(id));
    if (request.connector == connector) return {};
    return fail(Fault::not_found, "{} has no request for logs \"{}\"", connector, id);
  }

  void look() {
    parts.loop.later(kLook, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->look();
    });
    if (const SteadyTime now = parts.clock.steady(); now >= tidy_at) {
      tidy_at = now + kTidy;
      if (const auto tidied = requests.tidy(); !tidied)
        log::warning("connector.logs-untidy", "{}", tidied.error().message);
    }
    const auto known = requests.all();
    if (!known) return log::warning("connector.state-unreadable", "{}", known.error().message);
    const auto states = parts.hub.states();
    for (const LogRequest& each : *known) {
      const auto state = states.find(each.connector);
      const bool there = state != states.end() && state->second.phase == link::ConnectorState::Phase::online;
      if (each.phase == LogRequest::Phase::pending && there && fetching.insert(each.id).second) fetch(each);
    }
  }

  // One that fails because the link broke is tried again when the agent is back.
  void fetch(const LogRequest& request) {
    logs(request.connector, request.by, [weak = weak_from_this(), request](Result<std::string> zip) {
      const auto self = weak.lock();
      if (!self) return;
      self->fetching.erase(request.id);
      const bool again = !zip && (zip.error().fault == Fault::unavailable || zip.error().fault == Fault::timeout);
      if (again) return log::info("connector.log-missed", "{}: {}", request.connector, zip.error().message);
      if (const auto kept = self->requests.finish(request, std::move(zip)); !kept)
        log::warning("connector.log-lost", "{}: {}", request.connector, kept.error().message);
    });
  }

  Parts parts;
  link::Identities identities;
  LogRequests requests;
  std::set<std::string> fetching;  // ids of requests
  SteadyTime tidy_at{};
  const std::shared_ptr<void> following = std::make_shared<int>(0);  // shared by each log that is followed
  Packing packing;
};

ConnectorDesk::ConnectorDesk(Parts parts) : running_(std::make_shared<Running>(std::move(parts))) {}
ConnectorDesk::~ConnectorDesk() = default;

void ConnectorDesk::begin() { running_->look(); }

std::string ConnectorDesk::metrics() const {
  const auto text = running_->with_seen(
      [&](const ConnectorsSeen& seen) -> Result<std::string> { return metrics_text(seen, running_->parts.version); });
  if (text) return *text;
  log::warning("metrics.connectors", "{}", text.error().message);
  return metrics_text({.applied = {}, .states = {}, .archived = {}}, running_->parts.version);
}

api::ConnectorParts ConnectorDesk::parts() {
  Running& on = *running_;
  using Values = Result<std::vector<Value>>;
  return {
      .list = [&on] { return on.with_seen([](const auto& seen) -> Values { return connector_summaries(seen); }); },
      .get =
          [&on](Connector connector) {
            return on.with_seen(
                [&](const auto& seen) { return connector_description(seen, on.identities, connector); });
          },
      .create_token = [&on](Connector connector, Duration lifetime,
                            const std::string& actor) { return on.create_token(connector, lifetime, actor); },
      .tokens = [&on] { return on.tokens(); },
      .revoke_token = [&on](const std::string& id) { return on.identities.revoke_token(id); },
      .revoke = [&on](Connector connector) { return on.revoke(connector); },
      .act = [&on](auto action, const auto& connectors, bool force,
                   const std::string& actor) { return on.act(action, connectors, force, actor); },
      .test = [&on](Connector connector, const std::string& actor,
                    const auto& done) { on.test(connector, actor, done); },
      .logs = [&on](Connector connector, const std::string& actor,
                    const auto& done) { on.logs(connector, actor, done); },
      .follow = [&on](Connector connector, const std::string& actor,
                      const std::string& level) { return on.follow(connector, actor, level); },
      .request_log = [&on](Connector connector, const std::string& actor) { return on.request_log(connector, actor); },
      .log_requests = [&on](Connector connector) { return on.log_requests(connector); },
      .requested_log = [&on](Connector connector, const std::string& id) -> Result<std::string> {
        PLUMB_CHECK(on.check_request(connector, id));
        return on.requests.archive_of(id);
      },
      .remove_log_request = [&on](Connector connector, const std::string& id) -> Result<void> {
        PLUMB_CHECK(on.check_request(connector, id));
        return on.requests.remove(id);
      }};
}

}  // namespace plumb::app
