#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/link/asker.h"
#include "controller/link/frame.h"
#include "controller/link/greeting.h"

namespace plumb::link {

// What an agent keeps between sessions. The keys are Ed25519 (32 bytes).
struct AgentKeys {
  std::string id, connector;  // empty: it has not been enrolled yet
  Secret key, next;           // `next` was told to the hub, which may not have heard it
  std::uint64_t counter = 0;  // of the last welcome
  std::uint64_t epoch = 0;    // the highest hub that there ever was: an older one is not worked for
};

// One question of the hub, whole.
struct Job {
  std::uint64_t request = 0;
  Method method = Method::about;
  std::string payload;
  std::string actor;
  SteadyTime until{};
};

// The agent's end of one link. Sees messages and gives messages; sockets and work are somebody else's. On one thread;
// the callbacks must not call back, but `work` may answer at once. Made anew for each connection.
class Agent {
 public:
  struct Limits {
    std::size_t open_requests = 1024;
    std::size_t payload_bytes = 256U << 20U;  // of all requests that are not whole yet
    Duration greeting = std::chrono::seconds(15);
  };
  struct Parts {
    const Clock& clock;
    AgentFacts facts;
    AgentKeys& keys;
    std::string token{};    // to get keys with
    bool with_old = false;  // sign with `keys.key` even where there is a next one, which the hub does not know
    std::function<void(std::string message)> send;
    std::function<Result<void>(const AgentKeys&)> save;  // durable when it returns
    std::function<void(Job)> work;
    std::function<void(std::uint64_t request)> cancelled;  // nobody waits for it; it is to be answered all the same
    std::function<void(std::uint64_t request)> credited;   // there is credit for parts again
    std::function<AgentHealth()> health;
    std::function<void(const std::string& level)> log_level;
    Limits limits{};
  };
  // `binding`: see Transcript; empty: a link without TLS, or through a server that ends TLS itself. `need_binding`:
  // then nothing is signed.
  Agent(Parts parts, std::string binding, bool need_binding);

  void start();  // says hello
  // An error: the link is of no more use, and why. Then nothing more may be called.
  Result<void> received(std::string_view message);
  Result<void> tick();  // once a second

  // Answers, of requests that `work` was given. Of a part is sent what there is credit for; it is taken off the front
  // of `bytes`. True: all of it was sent.
  bool part(std::uint64_t request, std::string_view& bytes);
  void done(std::uint64_t request, std::string_view end);  // at most kBodyLimit; what is more goes before, in parts
  void failed(std::uint64_t request, const Error& error);

  bool online() const { return stage_ == Stage::online; }
  const std::optional<Refusal>& refusal() const { return refusal_; }
  const Welcome& welcome() const { return welcome_; }
  std::size_t working() const { return open_.size(); }

 private:
  enum class Stage { hello, challenged, online };
  struct Open {
    bool whole = false;
    Job job{};
    std::uint64_t credit = 0;
    std::uint32_t heard = 0, said = 0;  // sequences
  };
  Result<void> on_challenge(const Frame& frame);
  Result<void> on_welcome(const Frame& frame);
  Result<void> on_request(const Frame& frame);
  Result<void> on_more(const Frame& frame);
  Result<void> on_credit(const Frame& frame);
  Result<void> on_settings(const Frame& frame);
  Result<void> renew_key();
  Result<void> gather(std::size_t bytes);  // of a question that is not whole
  void begin(Open& open);
  const Secret& signing_key() const {
    return parts_.keys.next.empty() || parts_.with_old ? parts_.keys.key : parts_.keys.next;
  }

  Parts parts_;
  const std::string binding_;
  const bool need_binding_;
  Stage stage_ = Stage::hello;
  std::string nonce_, subject_;
  Welcome welcome_;
  std::optional<Refusal> refusal_;
  SteadyTime began_{}, heard_{}, beat_at_{};
  std::map<std::uint64_t, Open> open_;
  std::size_t gathering_ = 0;  // bytes of payloads that are not whole
};

// The token's id, which is not secret; empty if it is none.
std::string token_id(std::string_view token);

}  // namespace plumb::link
