#include "controller/adapters/connector/opened.h"
#include "controller/adapters/connector/remote_directory.h"

namespace plumb::remote {
namespace {

// How long the agent is asked to wait at a time; a stop is noticed in between, and a cancelled question ends at once.
constexpr Duration kTurn = std::chrono::minutes(1);
constexpr Duration kPause = std::chrono::seconds(5);

class RemoteWatch final : public DirectoryWatch {
 public:
  RemoteWatch(Options options, link::Asker& asker, SecretStore& secrets, const Clock& clock)
      : opened_(std::move(options), link::Method::open_watch, asker, secrets, clock) {}

  Result<bool> wait(Deadline deadline, std::stop_token stop) override;

 private:
  Result<bool> ask(Deadline deadline, const std::stop_token& stop);

  Opened opened_;
  bool interrupted_ = false;  // nothing would have been noticed for a while
};

Result<bool> RemoteWatch::wait(Deadline deadline, std::stop_token stop) {
  const Clock& clock = opened_.clock();
  const Deadline turn{std::min(deadline.at, clock.steady() + kTurn)};
  const auto fresh = opened_.ensure(Deadline::in(clock, std::chrono::seconds(30)));
  if (fresh && *fresh && std::exchange(interrupted_, false)) return true;
  auto told = fresh ? ask(turn, stop) : Result<bool>(tl::unexpected(fresh.error()));
  if (told) return told;
  interrupted_ = true;
  opened_.close_elsewhere();
  // Whoever asks again at once would ask without end.
  std::mutex mutex;
  std::unique_lock lock(mutex);
  const auto until = std::min(deadline.at, clock.steady() + kPause);
  std::condition_variable_any().wait_for(lock, stop, Deadline{until}.left(clock.steady()), [] { return false; });
  if (clock.steady() < deadline.at && !stop.stop_requested()) return false;
  return told;
}

Result<bool> RemoteWatch::ask(Deadline deadline, const std::stop_token& stop) {
  struct Waiting final : link::Sink {
    void assigned(link::SessionId, const std::string&) override {}
    void part(std::string) override {}
    void done(Result<std::string> end, bool) override {
      const std::scoped_lock lock(mutex);
      outcome = std::move(end);
      came.notify_one();
    }
    std::mutex mutex;
    std::condition_variable_any came;
    std::optional<Result<std::string>> outcome;
  };
  const auto waiting = std::make_shared<Waiting>();
  const auto id = opened_.asker().ask(opened_.ask(link::Method::watch_wait, {}, deadline), waiting);
  const Duration limit = deadline.left(opened_.clock().steady()) + std::chrono::seconds(10);
  std::unique_lock lock(waiting->mutex);
  if (!waiting->came.wait_for(lock, stop, limit, [&] { return waiting->outcome.has_value(); })) {
    opened_.asker().cancel(id);
    if (stop.stop_requested()) return false;
    return fail(Fault::timeout, "the connector did not answer in time");
  }
  PLUMB_TRY(const std::string answer, std::move(*waiting->outcome));
  link::Reader in(answer);
  const bool changed = in.flag();
  if (!in.at_end()) return fail(Fault::internal, "the connector's answer cannot be read");
  return changed;
}

}  // namespace

std::unique_ptr<DirectoryWatch> make_watch(Options options, link::Asker& asker, SecretStore& secrets,
                                           const Clock& clock) {
  return std::make_unique<RemoteWatch>(std::move(options), asker, secrets, clock);
}

}  // namespace plumb::remote
