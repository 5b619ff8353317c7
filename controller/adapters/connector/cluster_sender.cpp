#include "controller/adapters/connector/cluster_sender.h"

#include <utility>

#include "controller/link/http_codec.h"

namespace plumb::remote {
namespace {

// The agent waits as long as the caller wants; it has this for the way.
constexpr Duration kGrace = std::chrono::seconds(2);

class Answering final : public link::Sink {
 public:
  Answering(link::Asker& asker, std::size_t limit, HttpSender::Done done)
      : asker_(asker), limit_(limit), done_(std::move(done)) {}
  std::uint64_t id = 0;

  void assigned(link::SessionId session, const std::string&) override { session_ = session; }
  void part(std::string bytes) override {
    body_ += bytes;
    if (body_.size() > limit_) {
      asker_.cancel(id);
      return finish(HttpFailure::Stage::limit, {Fault::invalid, "the connector sent more than it was to", {}});
    }
    asker_.credit(id, static_cast<std::uint32_t>(bytes.size()));
  }
  void done(Result<std::string> end, bool answered) override {
    if (!end) {
      // A link that broke may have been used already.
      const auto stage = answered || session_ == 0 ? HttpFailure::Stage::connect : HttpFailure::Stage::receive;
      return finish(stage, std::move(end).error());
    }
    auto answer = link::decode_http_end(*end, std::move(body_));
    if (!answer) return finish(HttpFailure::Stage::receive, std::move(answer).error());
    // It did not get as far as to send; another one may.
    if (!*answer && !answer->error().sent) asker_.complain(session_);
    if (done_) std::exchange(done_, {})(std::move(*answer));
  }

 private:
  void finish(HttpFailure::Stage stage, Error error) {
    if (!done_) return;
    std::exchange(done_, {})(
        tl::unexpected(HttpFailure{stage, session_ != 0 && stage != HttpFailure::Stage::connect, std::move(error)}));
  }

  link::Asker& asker_;
  const std::size_t limit_;
  HttpSender::Done done_;
  std::string body_;
  link::SessionId session_ = 0;  // who works on it
};

}  // namespace

void ClusterSender::send(HttpRequest request, std::shared_ptr<const HttpRoute> route, const HttpLimits& limits,
                         Done done) {
  if (route->cluster.empty()) return direct_.send(std::move(request), std::move(route), limits, std::move(done));
  link::Ask ask{.group = route->cluster,
                .method = link::Method::http_send,
                .payload = link::encode(request, *route, limits),
                .limit = limits.timeout + kGrace,
                .actor = request.actor.empty() ? "integrations" : request.actor};
  const auto answering = std::make_shared<Answering>(asker_, limits.body_limit, std::move(done));
  answering->id = asker_.ask(std::move(ask), answering);
}

}  // namespace plumb::remote
