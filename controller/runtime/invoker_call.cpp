#include "controller/runtime/invoker_call.h"

#include "controller/base/text.h"
#include "controller/runtime/invoker_result.h"
#include "controller/runtime/redirects.h"
#include "controller/runtime/retry.h"

namespace plumb::runtime {
namespace {

using Stage = HttpFailure::Stage;

class Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<const InvokerParts> parts, CallPlan plan, Invoker::Done done)
      : parts_(std::move(parts)),
        plan_(std::move(plan)),
        done_(std::move(done)),
        started_(parts_->clock.steady()),
        deadline_{started_ + plan_.timeout} {}

  // Waits for a turn, then goes on.
  void start() {
    const auto turn = connection().limit.take(parts_->clock.steady(), left());
    if (!turn.taken) return refuse_turn(turn.wait);
    if (turn.wait > Duration(0)) return after(turn.wait, &Call::enter);
    enter();
  }

 private:
  using Step = void (Call::*)();

  const IntegrationSettings& settings() const { return *plan_.live->settings; }
  Connection& connection() const { return *plan_.live->connection; }
  Duration left() const { return deadline_.left(parts_->clock.steady()); }
  std::string line() const { return request_line(plan_.request, settings().secrets); }

  void enter() {
    if (left() <= Duration(0)) return time_out();
    // A foreign origin says nothing about the target.
    if (!foreign_) {
      const auto pass = connection().breaker.enter(parts_->clock.steady());
      if (!pass) return refuse_broken();
      pass_ = *pass;
    }
    if (const auto& ready = connection().routes->ready()) return authorise(ready);
    waiting_ = true;
    connection().routes->get([self = shared_from_this()](Result<RouteKeeper::Route> route) {
      if (!self->goes_on()) return;
      if (!route) return self->finish(refusal(in_context(self->line(), std::move(route).error()).value()));
      self->authorise(*route);
    });
    if (waiting_) guard_time();
  }

  void authorise(const RouteKeeper::Route& route) {
    if (!plan_.authorised || foreign_) {
      authenticator_.reset();
      return transmit(plan_.request, foreign_ ? connection().routes->foreign(route) : route);
    }
    authenticator_ = authenticator_of(*plan_.live, route, *parts_);
    if (!authenticator_) {
      if (connection().unauthenticated)
        return finish(refusal(in_context(line(), *connection().unauthenticated).value()));
      return transmit(plan_.request, route);  // the credentials are in the route
    }
    waiting_ = true;
    authenticator_->authorize(plan_.request, [self = shared_from_this(), route](Authenticator::Authorized authorised) {
      if (!self->goes_on()) return;
      if (!authorised) return self->finish(unauthorised(std::move(authorised).error(), self->line()));
      self->transmit(std::move(*authorised), route);
    });
    if (waiting_) guard_time();
  }

  void transmit(HttpRequest request, const RouteKeeper::Route& route) {
    const Duration time = left();
    if (time <= Duration(0)) return time_out();
    // Of all requests so far: a target may give away on one hop what it was sent on another.
    if (authenticator_) reflected_.add(Reflected(request, settings().secrets));
    url_ = masked_url(request.url, settings().secrets);
    reflected_.mask(url_);
    if (parts_->record) {
      auto& attempt = record_.emplace_back();
      attempt.request_line = request.method + " " + url_;
      if (detailed()) attempt.headers = masked_headers(request.headers, settings().secrets);
    }
    ++sent_;
    sending_ = true;
    request.actor = fmt::format("{} for {}", plan_.live->key, plan_.actor);
    const HttpLimits limits{.timeout = time, .body_limit = settings().body_limit};
    parts_->sender.send(std::move(request), route, limits, [self = shared_from_this()](HttpSender::Answer answer) {
      self->sending_ = false;
      if (answer) {
        self->got(std::move(*answer));
      } else {
        self->failed(answer.error());
      }
    });
  }

  void failed(const HttpFailure& failure) {
    if (!record_.empty()) record_.back().outcome = outcome_text(failure);
    // Egress rules, policies and limits are ours: they tell nothing about the target.
    const bool ours = failure.stage == Stage::egress || failure.stage == Stage::limit || failure.stage == Stage::site;
    note(ours ? Outcome::unknown : Outcome::bad);
    if (failure.stage == Stage::tls && !foreign_) connection().routes->forget();
    if (worth_repeating(plan_.request.method, failure) && repeat({})) return;
    finish(refusal(failure.error.fault, failure_text(failure, plan_.request.method + " " + url_, plan_.timeout)));
  }

  void got(HttpResponse response) {
    if (!record_.empty()) {
      reflected_.mask(response.reason);
      record_.back().outcome = outcome_text(response);
      record_.back().timing = response.timing;
    }
    // Of plain HTTP through a proxy the answer may be the proxy's own (RFC 9110, 15.5.8): the target was not reached.
    if (response.status == 407 && plan_.request.url.scheme == "http" &&
        settings().route.mode == ChosenRoute::Mode::proxy)
      return refused_by_proxy();
    note(response.status >= 500 ? Outcome::bad : Outcome::good);
    if (authorised_anew(response.status)) return enter();
    if (follow(response)) return enter();
    if (worth_repeating(plan_.request.method, response.status) &&
        repeat(retry_after(response.headers, parts_->clock.now())))
      return;
    status_ = response.status;
    reflected_.mask(response);
    finish(answered(plan_.request.method, url_, std::move(response), settings().secrets));
  }

  // 401 or 403, and there may be better credentials: once, as more would be a loop.
  bool authorised_anew(int status) {
    if ((status != 401 && status != 403) || foreign_ || renewed_ || !authenticator_) return false;
    renewed_ = authenticator_->refused(status);
    return renewed_;
  }

  bool follow(const HttpResponse& response) {
    auto hop = next_hop(plan_.request.method, plan_.request.url, response, followed_);
    if (!hop) return false;
    // A target that writes the key of the query into its Location would send it on for us, or have it twice. Where it
    // stands in another place, as in `next=%2Fpets%3Fapi_key%3D...` of a sign-in page, the answer is the result.
    hop->url.query = without_secrets(hop->url.query, settings().secrets);
    if (reflected_.is_in(hop->url)) return false;
    ++followed_;
    plan_.request.url = std::move(hop->url);
    if (!hop->foreign || foreign_) return true;
    foreign_ = true;
    plan_.request.headers = harmless_headers(plan_.request.headers);
    plan_.request.body.clear();
    return true;
  }

  // Once more after what the target asks for, else after our own pause. False: it may not be, or time is too short.
  bool repeat(std::optional<Duration> asked) {
    if (repetitions_ + 1 >= settings().max_attempts || (!foreign_ && connection().breaker.open())) return false;
    const Duration pause = asked ? *asked : backoff(repetitions_ + 1, parts_->random());
    if (pause >= left()) return false;
    // Asked for now, so that the answer at hand is still there to be given where the turn would come too late.
    const auto turn = connection().limit.take(parts_->clock.steady(), left());
    const Duration wait = std::max(pause, turn.wait);
    if (!turn.taken || wait >= left()) return false;
    ++repetitions_;
    after(wait, &Call::enter);
    return true;
  }

  enum class Outcome { good, bad, unknown };
  void note(Outcome outcome) {
    if (!pass_) return;
    CircuitBreaker& breaker = connection().breaker;
    switch (outcome) {
      case Outcome::good: breaker.succeeded(*pass_); break;
      case Outcome::bad: breaker.failed(*pass_, parts_->clock.steady()); break;
      case Outcome::unknown: breaker.abandoned(*pass_); break;
    }
    pass_.reset();
  }

  void after(Duration wait, Step step) {
    parts_->loop.later(wait, [self = shared_from_this(), step] {
      if (!self->finished_) ((*self).*step)();
    });
  }

  // While somebody else is waited for who may take longer than there is time. The sender keeps time itself.
  void guard_time() {
    if (std::exchange(guarded_, true)) return;
    parts_->loop.later(left(), [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && !self->finished_ && !self->sending_) self->time_out();
    });
  }

  // What was waited for has come, and not too late.
  bool goes_on() {
    waiting_ = false;
    return !finished_;
  }

  void time_out() { finish(refusal(Fault::timeout, timeout_text(line(), plan_.timeout))); }

  void refuse_turn(Duration wait) {
    const auto& [per_second, burst] = connection().limit.settings();
    finish(
        refusal(Fault::unavailable,
                fmt::format("{}: rate limit of {} requests a second (burst {}): the next turn is in {} ms, and {} ms "
                            "are left",
                            line(), per_second, burst, wait.count(), left().count())));
  }

  void refuse_broken() {
    const CircuitBreaker& breaker = connection().breaker;
    const Duration more = std::chrono::ceil<Duration>(breaker.until() - parts_->clock.steady());
    const std::string when = more > Duration(0) ? fmt::format("until {}", format_time(parts_->clock.now() + more))
                                                : std::string("while a trial call is under way");
    finish(refusal(Fault::unavailable, fmt::format("{}: circuit breaker: {} calls failed in a row, none is made {}",
                                                   line(), settings().breaker.failures, when)));
  }

  void refused_by_proxy() {
    note(Outcome::bad);
    const ChosenRoute& way = settings().route;
    finish(refusal(Fault::denied, fmt::format("{} {}: proxy: {}:{} answered 407 (Proxy Authentication Required)",
                                              plan_.request.method, url_, way.proxy_host, way.proxy_port)));
  }

  void finish(Invoked invoked) {
    finished_ = true;
    note(Outcome::unknown);
    invoked.attempts = sent_;
    if (parts_->record) parts_->record(recorded(invoked));
    // Nobody may find the call half taken down from within.
    const auto done = std::move(done_);
    done(std::move(invoked));
  }

  bool detailed() const { return settings().detailed || (parts_->detailed && parts_->detailed(plan_.live->key)); }

  CallRecord recorded(const Invoked& invoked) {
    CallRecord record{.integration = plan_.live->key,
                      .operation = std::move(plan_.operation),
                      .request_id = std::move(plan_.request_id),
                      .actor = std::move(plan_.actor),
                      .routing = to_string(settings().route),
                      .attempts = std::move(record_)};
    record.ok = invoked.ok;
    record.reached = invoked.reached;
    record.detailed = detailed();
    record.status = status_;
    record.fault = invoked.fault;
    if (invoked.result.is_string()) record.error = std::string(invoked.result.get_string());
    if (!invoked.ok) record.result = invoked.result;
    record.took = std::chrono::duration_cast<std::chrono::microseconds>(parts_->clock.steady() - started_);
    return record;
  }

  std::shared_ptr<const InvokerParts> parts_;
  CallPlan plan_;
  Invoker::Done done_;
  SteadyTime started_;
  Deadline deadline_;
  std::shared_ptr<Authenticator> authenticator_;  // that the last request was authorised by
  std::optional<CircuitBreaker::Pass> pass_;
  Reflected reflected_;  // of the requests that were sent
  std::string url_;      // of the last request that was sent, masked
  std::vector<CallRecord::Attempt> record_;
  int sent_ = 0, repetitions_ = 0, followed_ = 0, status_ = 0;
  bool foreign_ = false, renewed_ = false, waiting_ = false, sending_ = false, guarded_ = false, finished_ = false;
};

}  // namespace

void run_call(std::shared_ptr<const InvokerParts> parts, CallPlan plan, Invoker::Done done) {
  std::make_shared<Call>(std::move(parts), std::move(plan), std::move(done))->start();
}

std::string request_line(const HttpRequest& request, const SecretPlaces& places) {
  return request.method + " " + masked_url(request.url, places);
}

}  // namespace plumb::runtime
