#include "connector/agent.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <optional>
#include <random>
#include <utility>

#include "connector/agent_keys.h"
#include "connector/site.h"
#include "connector/storage.h"
#include "connector/workplace.h"
#include "controller/base/digest.h"
#include "controller/base/log.h"
#include "controller/net/http_client.h"
#include "controller/net/loop.h"
#include "controller/net/web_socket_client.h"

namespace plumb::connector {
namespace {

constexpr Duration kTick = std::chrono::seconds(1);
constexpr Duration kFirstPause = std::chrono::seconds(1), kLastPause = std::chrono::minutes(1);
constexpr Duration kGoodSession = std::chrono::seconds(5);  // one that lasted so long was no failure
constexpr std::string_view kPath = "/connector/v1", kSubprotocol = "plumbline.connector.v1";

// What is allowed to be connected to is the policy's to say, by URL: see Skills::may_send.
net::HttpClientOptions anywhere() {
  auto egress = net::Egress::parse({"0.0.0.0/0", "::/0"});
  return {.egress = egress ? std::move(*egress) : net::Egress()};
}

link::AgentFacts facts_of(const Config& config, const std::string& version) {
  utsname name{};
  ::uname(&name);
  return {.host = config.name_hint.empty() ? host_name() : config.name_hint,
          .os = std::string(name.sysname) + " " + name.release,
          .arch = name.machine,
          .version = version,
          .capabilities = {"directory", "http", "logs", "sign-in"}};
}

// The proxy is of this side: who reads it can mend it.
Error with_advice(HttpFailure failure) {
  Error error = std::move(failure.error);
  if (failure.stage == HttpFailure::Stage::proxy && error.fault == Fault::denied)
    error.message +=
        ". Correct [proxy] in the configuration, or have the proxy allow it; then: systemctl restart "
        "integration-connector";
  return error;
}

link::AgentHealth usage() {
  link::AgentHealth health;
  std::ifstream stat("/proc/self/stat"), pages("/proc/self/statm");
  std::string word;
  std::uint64_t user = 0, system = 0, resident = 0;
  for (int i = 1; i <= 13; ++i) stat >> word;  // the name has no space in it
  stat >> user >> system;
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  if (ticks > 0) health.cpu_milliseconds = (user + system) * 1000 / ticks;
  pages >> word >> resident;
  health.memory_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return health;
}

// Everything of it runs on the loop's thread, but for the constructor, `begin` and the destructor.
class Runner {
 public:
  Runner(const Config& config, const Policy& policy, const AgentSurroundings& around)
      : config_(config),
        around_(around),
        dialler_(loop_, anywhere()),
        http_(loop_, anywhere()),
        skills_(skills_of({config, policy, around.audit, around.clock, http_, tally_})) {
    status_.server = config.server.scheme + "://" + config.server.authority();
    status_.version = around.version;
    status_.pid = ::getpid();
    status_.since = around.clock.now();
  }
  ~Runner() {
    std::ignore = loop_.call([this] {
      stopping_ = true;
      end_session();
    });
    loop_.stop();
  }
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  Result<void> begin() {
    PLUMB_TRY(keys_, load_keys(config_));
    auto route = std::make_shared<HttpRoute>();
    if (!config_.ca_file.empty()) {
      PLUMB_TRY(std::string ca, read_plain(config_.ca_file));
      route->tls.ca = std::make_shared<const std::string>(std::move(ca));
    }
    route->proxy = config_.proxy;
    route_ = std::move(route);
    status_.id = keys_.connector;
    return loop_.call([this] {
      tick();
      watch_over();
      dial();
    });
  }

 private:
  struct Session {
    std::shared_ptr<net::WebSocket> socket;
    std::optional<link::Agent> agent;
    std::unique_ptr<Workplace> place;
    SteadyTime online{};
    bool enrols = false, with_old = false;
  };

  void tell(std::string state, std::string error) {
    if (state == status_.state && error == status_.last_error) return;
    if (state != status_.state) status_.since = around_.clock.now();
    status_.state = std::move(state);
    status_.last_error = std::move(error);
    status_.id = keys_.connector;
    around_.publish(status_);
  }

  void watch_over() {
    const Duration interval = around_.service.alive_interval();
    if (interval <= Duration::zero()) return;
    around_.service.alive();
    loop_.later(interval, [this] { watch_over(); });
  }

  void tick() {
    loop_.later(kTick, [this] { tick(); });
    yard_.reap();
    if (!session_ && status_.state == "auth-failed" && another_token()) {
      ++turn_;  // in place of the later attempt
      return dial();
    }
    if (ending_ || !session_ || !session_->agent) return;
    if (const auto good = session_->agent->tick(); !good) end(good.error());
  }

  // A token that somebody has put there goes before an identity that we have: it is how a person replaces one.
  bool take_token() {
    auto token = read_token(config_);
    if (!token) {
      say_unusable(token.error());
      return false;
    }
    const std::string digest = sha256(token->reveal());
    if (digest == bad_token_) return false;
    token_ = std::string(token->reveal());
    token_digest_ = digest;
    return true;
  }

  // Somebody put it there, and waits.
  void say_unusable(const Error& why) {
    if (why.fault == Fault::not_found || why.message == unusable_) return;
    unusable_ = why.message;
    log::warning("token.unusable", "{}", why.message);
  }

  // One that was not tried yet: a person waits for it.
  bool another_token() const {
    const auto token = read_token(config_);
    if (!token) return false;
    const std::string digest = sha256(token->reveal());
    return digest != bad_token_ && digest != token_digest_;
  }

  void dial() {
    if (stopping_) return;
    const bool enrols = take_token();
    if (!enrols && keys_.id.empty()) {
      const auto why = bad_token_.empty() ? read_token(config_).error().message : refused_;
      tell("auth-failed", why);
      return dial_later(kLastPause);
    }
    if (status_.state != "auth-failed") tell("connecting", status_.last_error);
    Url url = config_.server;
    url.path = kPath;
    session_.emplace();
    session_->enrols = enrols;
    session_->with_old = with_old_;
    dialler_.dial(url, route_, std::string(kSubprotocol), {}, config_.dial_timeout, {},
                  [this](net::WebSocketClient::Opened opened) {
                    if (stopping_) return;
                    if (!opened) return end(with_advice(std::move(opened).error()));
                    greet(std::move(*opened));
                  });
  }

  void greet(std::shared_ptr<net::WebSocket> socket) {
    session_->socket = std::move(socket);
    link::AgentKeys* keys = &keys_;
    if (session_->enrols) {
      // One key for one token, however often the link breaks: the token belongs to the first that came with it.
      auto key = enrolling_key(config_, token_digest_);
      if (!key) {
        wipe(token_);
        return end(key.error());
      }
      fresh_ = {.id = {}, .connector = {}, .key = std::move(*key), .next = {}};
      keys = &fresh_;
    }
    session_->agent.emplace(
        link::Agent::Parts{.clock = around_.clock,
                           .facts = facts_of(config_, around_.version),
                           .keys = *keys,
                           .token = std::exchange(token_, {}),
                           .with_old = session_->with_old,
                           .send = [this](std::string message) { session_->socket->send(std::move(message)); },
                           .save = [this](const link::AgentKeys& kept) { return save(kept); },
                           .work = [this](link::Job job) { session_->place->work(std::move(job)); },
                           .cancelled = [this](std::uint64_t id) { session_->place->cancelled(id); },
                           .credited = [this](std::uint64_t id) { session_->place->credited(id); },
                           .health = [this] { return health(); },
                           .log_level = [this](const std::string& level) { set_level(level); }},
        session_->socket->binding(), config_.channel_binding && !config_.plain);
    session_->place =
        std::make_unique<Workplace>(Workplace::Parts{loop_, around_.clock, skills_, yard_}, *session_->agent);
    session_->socket->start({.message = [this](std::string_view message) { on_message(message); },
                             .ended = [this](const Error& why) { end(why); }});
    session_->agent->start();
  }

  Result<void> save(const link::AgentKeys& kept) {
    PLUMB_CHECK(save_keys(config_, kept));
    if (session_->enrols) {
      if (const auto gone = forget_token(config_); !gone) log::warning("token.kept", "{}", gone.error().message);
      if (const auto gone = forget_enrolling_key(config_); !gone)
        log::warning("token.key_kept", "{}", gone.error().message);
    }
    return {};
  }

  void on_message(std::string_view message) {
    if (ending_ || !session_) return;
    const bool was_online = session_->agent->online();
    if (const auto good = session_->agent->received(message); !good) return end(good.error());
    if (was_online || !session_->agent->online()) return;
    if (std::exchange(session_->enrols, false)) {
      // The agent goes on with the keys that it was made for; from the next session on they are ours.
      enrolled_ = true;
    }
    session_->online = around_.clock.steady();
    with_old_ = false;
    const link::Welcome& welcome = session_->agent->welcome();
    const auto ahead = around_.clock.now() - welcome.now;
    if (std::chrono::abs(ahead) > std::chrono::minutes(1))
      log::warning("clock.skewed", "this clock is {} {} of the controller's", format_duration(std::chrono::abs(ahead)),
                   ahead > Duration::zero() ? "ahead" : "behind");
    log::info("link.online", "as {} with plumbline {}, epoch {}", welcome.connector, welcome.hub_version,
              welcome.epoch);
    if (enrolled_) keys_.connector = welcome.connector;
    tell("online", "");
  }

  void set_level(const std::string& level) {
    static const std::pair<std::string_view, log::Level> kLevels[] = {{"debug", log::Level::debug},
                                                                      {"info", log::Level::info},
                                                                      {"warning", log::Level::warning},
                                                                      {"error", log::Level::error}};
    if (level == level_) return;
    for (const auto& [name, value] : kLevels) {
      if (name != level) continue;
      level_ = level;
      log::info("log.level", "{}", level);  // before, or an error level would keep it back
      log::configure({.level = value});
    }
  }

  link::AgentHealth health() {
    link::AgentHealth now = usage();
    now.served = served_ + session_->place->served();
    now.failed = tally_.failed;
    now.refused = tally_.refused;
    now.last_error = last_problem_;
    return now;
  }

  void end_session() {
    if (!session_) return;
    if (session_->place) served_ += session_->place->served();
    session_->place.reset();
    session_->agent.reset();
    if (session_->socket) session_->socket->abort();
    session_.reset();
    if (std::exchange(enrolled_, false)) keys_ = std::move(fresh_);
  }

  // Called from the agent and the socket, whose call is not over: what it was is taken down a moment later.
  void end(const Error& why) {
    if (!session_ || ending_) return;
    ending_ = true;
    const auto refusal = session_->agent ? session_->agent->refusal() : std::nullopt;
    loop_.post([this, why, refusal] {
      ending_ = false;
      if (stopping_ || !session_) return;
      const bool lasted = session_->online != SteadyTime{} && around_.clock.steady() - session_->online > kGoodSession;
      const bool was_online = session_->online != SteadyTime{}, tried_token = session_->enrols;
      const bool tried_old = session_->with_old;
      end_session();
      if (was_online && lasted) pause_ = kFirstPause;
      last_problem_ = why.message;
      log::warning(refusal ? "security.link-refused" : "link.ended", "{}", why.message);
      if (!refusal) {
        tell("offline", why.message);
        dial_later(std::exchange(pause_, std::min(2 * pause_, kLastPause)));
        return;
      }
      if (tried_token && refusal->reason == "InvalidToken") {
        bad_token_ = token_digest_;
        refused_ = why.message;
      }
      // A new key that the hub never heard of; or the old one, after all.
      with_old_ = refusal->reason == "UnknownIdentity" && !keys_.next.empty() && !tried_old;
      tell(refusal->reason == "Busy" ? "offline" : "auth-failed", why.message);  // of too many, it passes by itself
      dial_later(with_old_ ? kFirstPause : std::max(refusal->retry_after, pause_));
      pause_ = std::min(2 * pause_, kLastPause);
    });
  }

  // Somewhere between half of the pause and all of it, so that a thousand agents do not come at once.
  void dial_later(Duration pause) {
    const auto milliseconds = pause.count();
    const Duration wait(std::uniform_int_distribution<std::int64_t>(milliseconds / 2, milliseconds)(random_));
    loop_.later(wait, [this, turn = ++turn_] {
      if (turn == turn_) dial();
    });
  }

  const Config& config_;
  const AgentSurroundings& around_;
  net::Loop loop_;
  net::WebSocketClient dialler_;
  net::HttpClient http_;
  WorkTally tally_;
  const Skills skills_;
  Yard yard_;
  link::AgentKeys keys_, fresh_;
  std::shared_ptr<const HttpRoute> route_;
  std::optional<Session> session_;
  AgentStatus status_;
  std::string level_;  // as the controller last said
  std::string token_, token_digest_, bad_token_, refused_, last_problem_, unusable_;
  Duration pause_ = kFirstPause;
  std::uint64_t served_ = 0, turn_ = 0;
  bool stopping_ = false, ending_ = false, with_old_ = false, enrolled_ = false;
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace

Result<int> run_agent(const Config& config, const Policy& policy, const AgentSurroundings& surroundings) {
  Runner runner(config, policy, surroundings);
  PLUMB_CHECK(runner.begin());
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, surroundings.stop, [] { return false; });
  return 0;
}

}  // namespace plumb::connector
