#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/ports/event_loop.h"
#include "controller/ports/http_sender.h"
#include "controller/ports/secret_reader.h"
#include "controller/ports/token_store.h"
#include "tests/support/fake_clock.h"

// The ports of the integration runtime, in memory and stepped by hand.
namespace plumb::test {

// Runs what was posted when the test says so; `later` goes by the fake clock.
class ManualLoop final : public EventLoop {
 public:
  explicit ManualLoop(FakeClock& clock) : clock_(clock) {}
  void post(std::function<void()> what) override { later(Duration(0), std::move(what)); }
  void later(Duration delay, std::function<void()> what) override {
    waiting_.push_back({clock_.steady() + delay, std::move(what)});
  }
  // Everything that is due, and what that makes due.
  void run() {
    for (auto due = next_due(); due != waiting_.end(); due = next_due()) {
      const auto what = std::move(due->second);
      waiting_.erase(due);
      what();
    }
  }
  void advance(Duration span) {
    clock_.advance(span);
    run();
  }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  using Waiting = std::vector<std::pair<SteadyTime, std::function<void()>>>;
  Waiting::iterator next_due() {
    const auto first = std::ranges::min_element(waiting_, {}, [](const auto& each) { return each.first; });
    return first != waiting_.end() && first->first <= clock_.steady() ? first : waiting_.end();
  }
  FakeClock& clock_;
  Waiting waiting_;
};

// Answers from a function, and remembers what was sent.
class FakeHttp final : public HttpSender {
 public:
  struct Sent {
    HttpRequest request;
    std::shared_ptr<const HttpRoute> route;
    HttpLimits limits;
  };
  using Handler = std::function<Answer(const HttpRequest&)>;
  FakeHttp(EventLoop& loop, Handler answer) : handler(std::move(answer)), loop_(loop) {}
  void send(HttpRequest request, std::shared_ptr<const HttpRoute> route, const HttpLimits& limits, Done done) override {
    sent.push_back({request, route, limits});
    auto act = [this, request = std::move(request), done = std::move(done)] { done(handler(request)); };
    if (holding) {
      held.push_back(std::move(act));
    } else {
      loop_.post(std::move(act));
    }
  }
  void release() {
    holding = false;
    for (auto& act : std::exchange(held, {})) loop_.post(std::move(act));
  }

  Handler handler;
  std::vector<Sent> sent;
  bool holding = false;  // answers wait for release()
  std::vector<std::function<void()>> held;

 private:
  EventLoop& loop_;
};

inline HttpResponse http_answer(int status, std::string body = "", std::string type = "application/json") {
  HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", std::move(type)}};
  response.body = std::move(body);
  return response;
}

inline HttpSender::Answer http_failure(HttpFailure::Stage stage, Fault fault, bool sent = false) {
  return tl::unexpected(HttpFailure{stage, sent, Error{fault, "as the test says", {}}});
}

class FakeSecrets final : public SecretReader {
 public:
  void get(const std::string& reference, Done done) override {
    ++asked[reference];
    const auto found = secrets.find(reference);
    if (found == secrets.end()) return done(fail(Fault::not_found, "secret {}: not there", reference));
    done(std::make_shared<const Secret>(std::string(found->second)));
  }
  void forget(const std::string& reference) override { forgotten.push_back(reference); }

  std::map<std::string, std::string> secrets;
  std::map<std::string, int> asked;
  std::vector<std::string> forgotten;
};

class FakeTokens final : public TokenStore {
 public:
  std::optional<Token> load(const std::string& name) override {
    const auto found = tokens.find(name);
    return found == tokens.end() ? std::nullopt : std::optional(found->second);
  }
  Result<void> save(const std::string& name, const Token& token) override {
    ++saves;
    tokens.insert_or_assign(name, token);
    return {};
  }
  void erase(const std::string& name) override { tokens.erase(name); }

  std::map<std::string, Token> tokens;
  int saves = 0;
};

}  // namespace plumb::test
