#include "controller/app/connector_answers.h"

#include <algorithm>
#include <array>
#include <utility>

#include "controller/base/text.h"

namespace plumb::app {
namespace {

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warning", "error"};
constexpr std::size_t kLongestLine = 64U << 10U;

// Told of its id before anything comes: whoever asks is on the thread that answers.
class Collecting final : public link::Sink {
 public:
  Collecting(link::Asker& asker, std::size_t most, std::function<void(Result<std::string>)> done)
      : asker_(asker), most_(most), done_(std::move(done)) {}
  void is(std::uint64_t id) { id_ = id; }
  void assigned(link::SessionId, const std::string&) override {}
  void part(std::string bytes) override {
    if (!done_) return;
    if (all_.size() + bytes.size() > most_) {
      asker_.cancel(id_);
      return end(fail(Fault::invalid, "the connector's answer is longer than {} bytes", most_));
    }
    all_ += bytes;
    asker_.credit(id_, static_cast<std::uint32_t>(bytes.size()));
  }
  void done(Result<std::string> last, bool) override {
    if (last) all_ += *last;
    end(last ? Result<std::string>(std::move(all_)) : std::move(last));
  }

 private:
  void end(Result<std::string> result) {
    if (const auto done = std::exchange(done_, nullptr)) done(std::move(result));
  }
  link::Asker& asker_;
  const std::size_t most_;
  std::function<void(Result<std::string>)> done_;
  std::uint64_t id_ = 0;
  std::string all_;
};

// Between the agent, which sends while there is credit, and the reader, who asks for one piece after the other.
class Lines final : public link::Sink {
 public:
  Lines(link::Asker& asker, std::string level) : asker_(asker), level_(std::move(level)) {}
  void is(std::uint64_t id) { id_ = id; }

  void next(std::function<void(Result<std::string>)> more) {
    more_ = std::move(more);
    give();
  }
  void cancel() {
    if (!ended_) asker_.cancel(id_);
  }
  void assigned(link::SessionId, const std::string&) override {}
  void part(std::string bytes) override {
    credit_ += static_cast<std::uint32_t>(bytes.size());
    rest_ += bytes;
    std::size_t end = 0;
    while ((end = rest_.find('\n')) != std::string::npos || rest_.size() > kLongestLine) {
      const std::size_t size = end == std::string::npos ? rest_.size() : end + 1;
      const std::string_view line = std::string_view(rest_).substr(0, size);
      if (is_at_least(line, level_)) ready_ += printable(line, true);
      rest_.erase(0, size);
    }
    give();
  }
  void done(Result<std::string> last, bool) override {
    ended_ = true;
    if (!last) error_ = std::move(last).error();
    give();
  }

 private:
  void give() {
    if (ready_.empty()) repay();
    if (!more_ || (ready_.empty() && !ended_)) return;
    const auto more = std::exchange(more_, nullptr);
    if (!ready_.empty()) {
      std::string piece = std::exchange(ready_, {});
      repay();
      return more(std::move(piece));
    }
    error_ ? more(tl::unexpected(*error_)) : more(std::string());
  }
  // What has been passed on may be followed by as much.
  void repay() {
    if (credit_ > 0 && !ended_) asker_.credit(id_, std::exchange(credit_, 0U));
  }

  link::Asker& asker_;
  const std::string level_;
  std::uint64_t id_ = 0;
  std::string rest_, ready_;
  std::function<void(Result<std::string>)> more_;
  std::optional<Error> error_;
  std::uint32_t credit_ = 0;  // bytes that came and were not credited yet
  bool ended_ = false;
};

std::size_t rank_of(std::string_view level) {
  return static_cast<std::size_t>(std::ranges::find(kLevels, level) - kLevels.begin());
}

}  // namespace

void collect(link::Asker& asker, link::Ask ask, std::size_t most, std::function<void(Result<std::string>)> done) {
  const auto sink = std::make_shared<Collecting>(asker, most, std::move(done));
  sink->is(asker.ask(std::move(ask), sink));
}

net::BodySource lines_of(link::Asker& asker, link::Ask ask, const std::string& level) {
  const auto sink = std::make_shared<Lines>(asker, level);
  sink->is(asker.ask(std::move(ask), sink));
  const auto ending = std::shared_ptr<void>(nullptr, [sink](void*) { sink->cancel(); });
  return [sink, ending](std::function<void(Result<std::string>)> more) { sink->next(std::move(more)); };
}

bool is_at_least(std::string_view line, std::string_view level) {
  const std::size_t wanted = rank_of(level);
  if (wanted == 0 || wanted == kLevels.size()) return true;
  std::string_view found;
  if (line.starts_with('{')) {
    constexpr std::string_view kKey = R"("level":")";
    const std::size_t at = line.find(kKey);
    if (at != std::string_view::npos) found = line.substr(at + kKey.size());
    found = found.substr(0, found.find('"'));
  } else {
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) found = line.substr(space + 1);
    found = found.substr(0, found.find(' '));
  }
  const std::size_t rank = rank_of(lower(found));
  return rank == kLevels.size() || rank >= wanted;
}

}  // namespace plumb::app
