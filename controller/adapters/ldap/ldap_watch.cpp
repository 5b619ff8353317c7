#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>

#include "controller/adapters/ldap/connector.h"
#include "controller/adapters/ldap/faults.h"
#include "controller/adapters/ldap/ldap_directory.h"
#include "controller/adapters/ldap/reader.h"
#include "controller/base/log.h"
#include "controller/base/text.h"

namespace plumb::ldap {
namespace {

constexpr Duration kShortestPause = std::chrono::seconds(1), kLongestPause = std::chrono::minutes(1);
// Binds with a password that is wrong would lock the account.
constexpr Duration kPauseWhenDenied = std::chrono::minutes(30);
// A notification that lasted this long was no failure.
constexpr Duration kHealthy = std::chrono::minutes(5);
constexpr int kMostAtOnce = 10'000;

// A descriptor that is readable from when the stop is asked for.
class StopSignal {
 public:
  explicit StopSignal(const std::stop_token& stop) : callback_(stop, [this] { event_.raise(); }) {}
  int descriptor() const { return event_.descriptor; }

 private:
  struct Event {
    int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    Event() = default;
    ~Event() {
      if (descriptor >= 0) ::close(descriptor);
    }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    void raise() const {
      const std::uint64_t one = 1;
      std::ignore = ::write(descriptor, &one, sizeof one);  // fails only if it is readable already
    }
  };
  Event event_;  // outlives the callback
  std::stop_callback<std::function<void()>> callback_;
};

class LdapWatch final : public DirectoryWatch {
 public:
  LdapWatch(Options options, SecretStore& secrets, const Clock& clock)
      : options_(std::move(options)), clock_(clock), connector_(options_, secrets, clock) {}

  Result<bool> wait(Deadline deadline, std::stop_token stop) override {
    const StopSignal signal(stop);
    if (signal.descriptor() < 0) return fail(Fault::internal, "no event descriptor: {}", std::strerror(errno));
    while (!stop.stop_requested()) {
      if (connection_) {
        if (const auto heard = listen(signal.descriptor(), deadline)) return *heard;
        continue;
      }
      const SteadyTime now = clock_.steady();
      if (now >= deadline.at) return Failure(why_);
      if (now < next_try_) {
        rest(signal.descriptor(), std::min(deadline.at, next_try_) - now);
        continue;
      }
      // What changed before anybody listened is not told.
      if (arm(deadline)) return true;
    }
    return false;
  }

 private:
  // Nothing if the notification has come to an end.
  std::optional<bool> listen(int interrupt, Deadline deadline) {
    bool heard = false;
    for (int i = 0; i < kMostAtOnce; ++i) {
      const Deadline until = heard ? Deadline{clock_.steady()} : deadline;  // what comes together wakes once
      const auto answer = connection_->wait(request_, interrupt, until);
      if (!answer) {
        lost(answer.error());
        return std::nullopt;
      }
      if (!*answer) return heard;
      if ((*answer)->type == LDAP_RES_SEARCH_RESULT) {
        const Outcome outcome = connection_->outcome(**answer);
        lost(fault_of(outcome.code, outcome.diagnostic, "change notification"));
        return std::nullopt;
      }
      heard = true;
      failures_ = 0;
    }
    return true;
  }

  bool arm(Deadline deadline) {
    const Deadline within{std::min(deadline.at, clock_.steady() + 3 * options_.connect_timeout)};
    const auto set_up = [&]() -> Result<void> {
      PLUMB_TRY(connection_, connector_.connect(within));
      Reader reader(*connection_, options_, clock_, within);
      const std::vector<std::string> fetch = {"defaultNamingContext"};
      PLUMB_TRY(const auto root, reader.root(fetch));
      PLUMB_TRY(request_, reader.notify(first_value(root, "defaultNamingContext")));
      // The server does not say when it listens. It takes requests in order: once it answers the next, it does.
      PLUMB_CHECK(reader.root(fetch));
      return {};
    };
    if (auto done = set_up(); !done) {
      lost(std::move(done).error());
      return false;
    }
    armed_at_ = clock_.steady();
    return true;
  }

  void lost(Error why) {
    const SteadyTime now = clock_.steady();
    if (connection_ && armed_at_ != SteadyTime{} && now - armed_at_ >= kHealthy) failures_ = 0;
    connection_.reset();
    armed_at_ = {};
    log::debug("ldap.watch_lost", "{}", why.message);
    Duration pause = failures_ == 0 ? Duration::zero() : std::min(kLongestPause, kShortestPause * (1 << failures_));
    if (why.fault == Fault::denied || why.fault == Fault::invalid) pause = kPauseWhenDenied;
    failures_ = std::min(failures_ + 1, 6);
    next_try_ = now + pause;
    why.fault = Fault::unavailable;
    why_ = std::move(why);
  }

  static void rest(int interrupt, SteadyTime::duration span) {
    pollfd waiting{interrupt, POLLIN, 0};
    const auto left = std::chrono::duration_cast<Duration>(span).count() + 1;
    std::ignore = ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 3'600'000)));
  }

  const Options options_;
  const Clock& clock_;
  Connector connector_;
  std::unique_ptr<Connection> connection_;  // null: nothing would be noticed
  int request_ = 0;
  SteadyTime armed_at_{}, next_try_{};
  int failures_ = 0;
  Error why_{Fault::unavailable, "change notification is not set up yet", {}};
};

}  // namespace

std::unique_ptr<DirectoryWatch> make_watch(Options options, SecretStore& secrets, const Clock& clock) {
  prepare_process();
  return std::make_unique<LdapWatch>(std::move(options), secrets, clock);
}

}  // namespace plumb::ldap
