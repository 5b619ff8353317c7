// What the other end of a link says: whatever it is, and in whatever order, a hub answers each question once at most
// and takes no more of an answer than it gave credit for; an agent begins each request once, and gathers no more than
// it may; who sends nonsense is cut off; nobody is let in without a proof, nor changes what the state says; and what
// one of us encodes is decoded as it was. With -DPLUMB_LIBFUZZER it is a libFuzzer target (of the choices that a
// hostile peer makes); otherwise it has a main of its own.
//   link_fuzz [rounds] [seed]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/base/assert.h"
#include "controller/base/ed25519.h"
#include "controller/link/agent.h"
#include "controller/link/hub.h"
#include "controller/link/wire.h"
#include "tests/fuzz/link_codecs.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"

namespace {

using namespace plumb;
using link::Frame;
using link::FrameType;

// Decisions, one byte after the other; zeros at the end.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : bytes_(bytes) {}
  bool more() const { return !bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return first;
  }
  std::size_t below(std::size_t limit) { return (byte() * 256U + byte()) % limit; }
  std::string text(std::size_t most) {
    std::string all;
    for (std::size_t size = below(most + 1); size > 0; --size) all.push_back(static_cast<char>(byte()));
    return all;
  }

 private:
  std::string_view bytes_;
};

struct Counted final : link::Sink {
  void assigned(link::SessionId to, const std::string&) override {
    PLUMB_ASSERT(++times_assigned == 1);
    session = to;
  }
  void part(std::string bytes) override {
    PLUMB_ASSERT(ended == 0);
    taken += bytes.size();
    PLUMB_ASSERT(taken <= granted);
  }
  void done(Result<std::string>, bool) override { PLUMB_ASSERT(++ended == 1); }
  std::uint64_t taken = 0, granted = link::kFirstCredit;
  int ended = 0, times_assigned = 0;
  link::SessionId session = 0;
  bool cancelled = false;
};

struct Counts {
  unsigned long hostile_ends = 0, lasted = 0, answered = 0, work = 0;
  unsigned long turned_away = 0, let_in = 0, welcomes = 0, unwelcome = 0;
  test::CodecCounts codecs;
};

// A connection that nobody knows yet, and what an agent says there.
struct Stranger {
  std::string binding;
  SteadyTime opened{};
  link::AgentKeys keys{};
  std::optional<link::Agent> agent{};
  std::deque<std::string> said{};
  std::size_t next = 0;  // of `said`
  // What the hub took from it and gave it.
  std::optional<link::Hello> hello{};
  std::string nonce{};
  bool welcomed = false, online = false, ended = false;
};

// A hub and one agent that are online and talk by queues. Either may be played by the choices; or strangers come to the
// hub, or the agent comes to a hub that it does not know.
class World {
 public:
  World() : hub_(hub_parts(), identities_.next_epoch().value()) {
    hub_.publish({{key_, {.key = key_, .group = "default/site"}}});
    keys_.key = make_ed25519().secret;
    session_ = hub_.opened("192.0.2.1:1", false, "tls", true);
    agent_.emplace(agent_parts(keys_, new_token(), to_hub_), "tls", true);
    agent_->start();
    pump();
    PLUMB_ASSERT(agent_->online() && hub_.session_of(key_) == session_);
  }

  // The agent is hostile from here on.
  void play_agent(Choices& choices, Counts& counts) {
    std::vector<std::shared_ptr<Counted>> sinks(1);  // by id, from 1
    while (choices.more() && hub_.has(session_)) {
      switch (choices.below(8)) {
        case 0: ask(choices, sinks); break;
        case 1: steer(choices, sinks); break;
        case 2:
          clock_.advance(std::chrono::milliseconds(choices.below(4000)));
          hub_.tick();
          break;
        default: hub_.received(session_, from_agent(choices, sinks.size())); break;
      }
    }
    ++(hub_.has(session_) ? counts.lasted : counts.hostile_ends);
    if (hub_.has(session_)) hub_.closed(session_, {Fault::unavailable, "over", {}});
    PLUMB_ASSERT(!hub_.has(session_) && hub_.sessions() == 0 && hub_.asked() == 0);
    for (const auto& sink : sinks) {
      PLUMB_ASSERT(sink == nullptr || sink->cancelled || sink->ended == 1);
      if (sink != nullptr && sink->ended == 1) ++counts.answered;
    }
  }

  // The hub is hostile from here on.
  void play_hub(Choices& choices, Counts& counts) {
    bool good = true;
    while (choices.more() && good) {
      if (choices.below(6) == 0) {
        clock_.advance(std::chrono::milliseconds(choices.below(4000)));
        good = agent_->tick().has_value();
      } else if (choices.below(4) == 0 && !working_.empty()) {
        const std::uint64_t request = working_.begin()->first;
        const std::string bytes(choices.below(3000), 'x');
        std::string_view rest = bytes;
        if (choices.byte() % 2 == 0) {
          agent_->part(request, rest);
        } else {
          working_.erase(request);
          agent_->done(request, bytes);
        }
      } else {
        good = agent_->received(from_hub(choices)).has_value();
      }
      PLUMB_ASSERT(agent_->working() <= link::Agent::Limits{}.open_requests);
    }
    ++(good ? counts.lasted : counts.hostile_ends);
    counts.work += begun_;
  }

  // Connections come to the hub, and it is not known who they are. Thieves have a token or a key; others have at most
  // what was said on another connection.
  void play_strangers(Choices& choices, Counts& counts) {
    const bool thieves = choices.byte() % 2 == 0;
    token_ = new_token();
    store_.fault = [&choices](std::size_t, auto) {
      using Fate = test::FakeStateStore::Fate;
      return choices.below(8) != 1 ? Fate::durable : choices.byte() % 2 == 0 ? Fate::refused : Fate::lost_answer;
    };
    std::vector<std::shared_ptr<Counted>> sinks(1);
    while (choices.more()) {
      switch (choices.below(16)) {
        case 0: pass(std::chrono::milliseconds(choices.below(4000))); break;
        case 1: ask(choices, sinks); break;
        case 2:
        case 3: come(choices.below(4), thieves, choices); break;
        default: say(choices); break;
      }
      PLUMB_ASSERT(thieves || !proven_);
    }
    store_.fault = {};
    pass(link::HubOptions{}.greeting_limit + std::chrono::milliseconds(1));
    for (const auto& [id, stranger] : strangers_) ++(stranger.online ? counts.let_in : counts.turned_away);
    // Nobody has used the token: whom it was made for gets in with it.
    if (!proven_) {
      Choices none("");
      const link::SessionId id = come(0, true, none);
      Stranger& owner = strangers_.at(id);
      while (owner.next < 3) deliver(id, owner, owner.said.at(owner.next++));
      PLUMB_ASSERT(hub_.session_of(key_) == id && ended_);
    }
    hub_.closed(hub_.session_of(key_), {Fault::unavailable, "over", {}});
    PLUMB_ASSERT(hub_.sessions() == 0 && hub_.asked() == 0);
  }

  // The hub is hostile from its first word on.
  void play_false_hub(Choices& choices, Counts& counts) {
    const bool enrolled = choices.byte() % 2 == 0, need_binding = choices.byte() % 2 == 0;
    if (!enrolled) keys_ = {};
    if (enrolled) keys_.epoch = 2;  // so that there can be a hub before that
    if (!enrolled || choices.byte() % 2 == 0) (enrolled ? keys_.next : keys_.key) = make_ed25519().secret;
    const auto kept = [this] {
      return std::tuple(keys_.id, keys_.counter, keys_.epoch, std::string(keys_.key.reveal()),
                        std::string(keys_.next.reveal()));
    };
    agent_.emplace(agent_parts(keys_, new_token(), to_hub_), "tls", need_binding);
    agent_->start();
    const auto before = kept();
    const auto& [id, counter, epoch, key, next] = before;
    bool good = true, proven = false;
    while (choices.more() && good && !agent_->online()) {
      if (choices.below(8) == 0) {
        clock_.advance(std::chrono::milliseconds(choices.below(4000)));
        good = agent_->tick().has_value();
        continue;
      }
      if (choices.below(8) == 1) may_save_ = fail(Fault::unavailable, "no space");
      const std::string message = from_false_hub(choices, proven);
      good = agent_->received(message).has_value();
      const auto frame = link::parse_frame(message);
      PLUMB_ASSERT(frame || !good);
      if (good && !proven) {
        const auto challenge = link::decode_challenge(frame->body);
        proven = frame->type == FrameType::challenge && challenge && (challenge->bound || !need_binding);
        PLUMB_ASSERT(proven);
      } else if (good) {
        const auto welcome = link::decode_welcome(frame->body);
        PLUMB_ASSERT(agent_->online() && may_save_ && frame->type == FrameType::welcome && welcome);
        PLUMB_ASSERT(!enrolled || (welcome->id == id && welcome->counter > counter && welcome->epoch >= epoch));
        PLUMB_ASSERT(kept() ==
                     std::tuple(welcome->id, welcome->counter, welcome->epoch, next.empty() ? key : next, ""));
      } else if (frame && frame->type == FrameType::refused) {
        PLUMB_ASSERT(agent_->refusal());
      }
    }
    static const FrameType kSaid[] = {FrameType::hello, FrameType::proof, FrameType::ready, FrameType::beat};
    PLUMB_ASSERT(to_hub_.size() == (agent_->online() ? 4 : proven ? 2 : 1));
    for (std::size_t i = 0; i < to_hub_.size(); ++i) PLUMB_ASSERT(link::parse_frame(to_hub_[i])->type == kSaid[i]);
    PLUMB_ASSERT(begun_ == 0 && (agent_->online() || kept() == before));
    if (proven) ++(agent_->online() ? counts.welcomes : counts.unwelcome);
    clock_.advance(link::Agent::Limits{}.greeting + std::chrono::milliseconds(1));
    PLUMB_ASSERT(!good || agent_->online() || !agent_->tick());
  }

 private:
  link::Hub::Parts hub_parts() {
    return {.identities = identities_,
            .clock = clock_,
            .version = "1",
            .send =
                [this](link::SessionId session, std::string message) {
                  if (session != session_) return to_stranger(strangers_.at(session), message);
                  PLUMB_ASSERT(!ended_);
                  to_agent_.push_back(std::move(message));
                },
            .end =
                [this](link::SessionId session, std::string_view why) {
                  bool& ended = session == session_ ? ended_ : strangers_.at(session).ended;
                  PLUMB_ASSERT(!why.empty() && !std::exchange(ended, true));
                }};
  }
  link::Agent::Parts agent_parts(link::AgentKeys& keys, std::string token, std::deque<std::string>& said) {
    return {.clock = clock_,
            .facts = {"host", "linux", "amd64", "1", {"directory"}},
            .keys = keys,
            .token = std::move(token),
            .send = [&said](std::string message) { said.push_back(std::move(message)); },
            .save = [this](const link::AgentKeys&) { return may_save_; },
            .work =
                [this](link::Job job) {
                  PLUMB_ASSERT(working_.emplace(job.request, 0).second);
                  ++begun_;
                },
            .cancelled = [this](std::uint64_t request) { PLUMB_ASSERT(working_.contains(request)); },
            .credited = [this](std::uint64_t request) { PLUMB_ASSERT(working_.contains(request)); },
            .health = [] { return link::AgentHealth{}; },
            .log_level = [](const std::string&) {}};
  }
  std::string new_token() {
    return std::string(identities_.create_token(key_, link::kLongestTokenLifetime, "fuzz")->text.reveal());
  }
  void pump() {
    while (!to_agent_.empty() || !to_hub_.empty()) {
      if (!to_hub_.empty()) {
        const std::string message = std::move(to_hub_.front());
        to_hub_.pop_front();
        hub_.received(session_, message);
      } else {
        const std::string message = std::move(to_agent_.front());
        to_agent_.pop_front();
        PLUMB_ASSERT(agent_->received(message));
      }
    }
  }

  void ask(Choices& choices, std::vector<std::shared_ptr<Counted>>& sinks) {
    const auto sink = std::make_shared<Counted>();
    const link::SessionId online = hub_.session_of(key_);
    sinks.push_back(sink);
    hub_.ask(sinks.size() - 1,
             {.group = "default/site",
              .method = link::Method::logs,
              .payload = std::string(choices.below(2) * 300'000, 'p'),
              .limit = std::chrono::milliseconds(choices.below(20'000))},
             sink);
    PLUMB_ASSERT(sink->session == 0 || sink->session == online);
    if (sink->times_assigned == 1) open_.emplace(sinks.size() - 1, 0);
  }
  void steer(Choices& choices, const std::vector<std::shared_ptr<Counted>>& sinks) {
    const std::size_t id = choices.below(sinks.size());
    if (sinks[id] == nullptr) return;
    if (choices.byte() % 3 == 0) {
      sinks[id]->cancelled = true;
      hub_.cancel(id);
    } else {
      sinks[id]->granted += 5000;
      hub_.credit(id, 5000);
    }
  }

  // `who` has 0: the token, 1: the keys of the agent that is there, 2: half of the token, 3: the agent's id. Where 0
  // and 1 may not prove it, what they say was said on another connection.
  link::SessionId come(std::size_t who, bool may_prove, Choices& choices) {
    const bool relayed = !may_prove && who < 2, unbound = may_prove && choices.below(4) == 1;
    const std::string binding = relayed ? "other" : unbound ? "" : "tls";
    const link::SessionId id = hub_.opened("198.51.100.9:1", false, binding, choices.below(16) != 1);
    Stranger& stranger = strangers_[id];
    stranger.binding = binding;
    stranger.opened = clock_.steady();
    std::string token = token_;
    if (who == 2) token.back() = token.back() == '0' ? '1' : '0';
    stranger.keys.key = who == 1 ? Secret(std::string(keys_.key.reveal())) : make_ed25519().secret;
    if (who % 2 == 1) {
      stranger.keys.id = keys_.id;
      stranger.keys.counter = keys_.counter - (choices.below(4) == 1 ? 1 : 0);
      stranger.keys.epoch = keys_.epoch + (choices.below(16) == 1 ? 1 : 0);
    }
    stranger.agent.emplace(agent_parts(stranger.keys, std::move(token), stranger.said), "tls", false);
    stranger.agent->start();
    return id;
  }
  // What its agent says next, or what another one has said, or what nobody would; then bent.
  void say(Choices& choices) {
    if (strangers_.empty()) return;
    const auto any = [&] { return std::next(strangers_.begin(), static_cast<int>(choices.below(strangers_.size()))); };
    auto& [id, stranger] = *any();
    if (stranger.online) return;
    const std::size_t how = choices.below(16);
    std::string message;
    if (how > 2 && stranger.next < stranger.said.size()) {
      message = stranger.said[stranger.next++];
    } else if (const auto& said = any()->second.said; how > 0) {
      message = said[choices.below(said.size())];
    } else {
      message = link::to_message({static_cast<FrameType>(choices.below(17)), 0, 0, choices.text(20)});
    }
    if (const auto frame = link::parse_frame(message)) message = bent(choices, *frame, std::string(frame->body), 40);
    deliver(id, stranger, message);
  }
  void deliver(link::SessionId id, Stranger& stranger, const std::string& message) {
    const auto frame = link::parse_frame(message);
    const bool proof = frame && frame->type == FrameType::proof && proves(stranger, frame->body);
    const bool ready = frame && frame->type == FrameType::ready && stranger.welcomed && !stranger.ended;
    const link::SessionId before = hub_.session_of(key_);
    const auto writes = store_.writes();
    const auto standing = what_stands();
    heard_ = frame ? frame->body : std::string_view();
    proof_heard_ = proof;
    proven_ = proven_ || proof;
    stranger.online = ready;
    hub_.received(id, message);
    const link::SessionId holder = hub_.session_of(key_);
    stranger.online = holder == id;
    PLUMB_ASSERT(proof || ready || store_.writes() == writes);
    PLUMB_ASSERT(ready || what_stands() == standing);
    PLUMB_ASSERT(hub_.has(id) != stranger.ended);
    // The one before stays until the next one is ready, or the key turns out to be in use twice.
    PLUMB_ASSERT(holder == before || (ready ? holder == id : proof && holder == 0 && stranger.ended));
    PLUMB_ASSERT(ready ? stranger.online || stranger.ended : !stranger.online);
  }
  void to_stranger(Stranger& stranger, const std::string& message) {
    PLUMB_ASSERT(!stranger.ended);
    const Frame frame = link::parse_frame(message).value();
    if (frame.type == FrameType::challenge) {
      stranger.hello = link::decode_hello(heard_).value();
      stranger.nonce = link::decode_challenge(frame.body)->nonce;
    } else if (frame.type == FrameType::welcome) {
      PLUMB_ASSERT(proof_heard_ && !stranger.welcomed);
      stranger.welcomed = true;
    } else {
      PLUMB_ASSERT(frame.type == FrameType::refused || stranger.online);
    }
    if (stranger.agent && !stranger.agent->received(message)) stranger.agent.reset();
  }
  bool proves(const Stranger& stranger, std::string_view signature) {
    if (!stranger.hello) return false;
    const link::Hello& hello = *stranger.hello;
    std::string key = hello.public_key, subject = link::token_id(hello.token);
    if (hello.id.empty() && hello.token != token_) return false;
    if (!hello.id.empty()) {
      const auto found = link::Identities(store_, clock_).find(hello.id).value();
      if (!found) return false;
      key = found->public_key;
      subject = hello.id;
    }
    return ed25519_verifies(
        key, link::to_sign({stranger.nonce, hello.nonce, stranger.binding, subject, hello.counter, hello.epoch}),
        signature);
  }
  // Tokens, and identities that are confirmed.
  std::vector<std::string> what_stands() {
    std::vector<std::string> keys;
    for (const auto& [key, item] : store_.items())
      if (key.starts_with("connector/token/") ||
          (key.starts_with("connector/identity/") && item.value.find("\"token\":") == std::string::npos))
        keys.push_back(key);
    return keys;
  }
  void pass(Duration time) {
    clock_.advance(time);
    if (!ended_) {
      PLUMB_ASSERT(agent_->tick());
      pump();
    }
    hub_.tick();
    PLUMB_ASSERT(proven_ || !ended_);
    for (const auto& [id, stranger] : strangers_)
      PLUMB_ASSERT(stranger.ended || stranger.online ||
                   clock_.steady() - stranger.opened <= link::HubOptions{}.greeting_limit);
  }

  // Mostly what an agent could say: known types and requests, numbers that go on, bodies that parse; then bent.
  std::string from_agent(Choices& choices, std::size_t asked) {
    static const FrameType kTypes[] = {FrameType::part, FrameType::part, FrameType::part,  FrameType::done,
                                       FrameType::beat, FrameType::beat, FrameType::failed};
    Frame frame{kTypes[choices.below(std::size(kTypes))], 0, 0, {}};
    if (choices.below(100) == 0) frame.type = FrameType::renewed;
    const bool answers =
        frame.type == FrameType::part || frame.type == FrameType::done || frame.type == FrameType::failed;
    if (answers && open_.empty()) frame.type = FrameType::beat;
    if (answers && !open_.empty()) {
      const auto which = std::next(open_.begin(), static_cast<std::ptrdiff_t>(choices.below(open_.size())));
      frame.request = choices.below(60) == 0 ? choices.below(asked + 2) : which->first;
      frame.sequence = which->second;
      if (frame.type == FrameType::part) ++which->second;
      if (frame.type != FrameType::part) open_.erase(which);
    }
    std::string body = frame.type == FrameType::beat     ? link::encode(link::AgentHealth{})
                       : frame.type == FrameType::failed ? link::encode_error({Fault::denied, "no", {}})
                       : frame.type == FrameType::part   ? std::string(choices.below(60'000), 'x')
                                                         : choices.text(20);
    return bent(choices, frame, std::move(body));
  }
  std::string from_hub(Choices& choices) {
    static const FrameType kTypes[] = {FrameType::request, FrameType::request, FrameType::more,    FrameType::credit,
                                       FrameType::cancel,  FrameType::beat,    FrameType::settings};
    Frame frame{kTypes[choices.below(std::size(kTypes))], choices.below(12) + 1, 0, {}};
    if (frame.type == FrameType::beat || frame.type == FrameType::settings) frame.request = 0;
    std::string body = choices.text(20);
    if (frame.type == FrameType::request) {
      // As send_question() writes it, most often with an id that is new and all of the payload.
      if (choices.byte() % 4 != 0) frame.request = ++next_request_ + 100;
      body = captured_request(choices);
    } else if (frame.type == FrameType::credit) {
      link::Writer out;
      out.u32(static_cast<std::uint32_t>(choices.below(5000)));
      body = out.take();
    } else if (frame.type == FrameType::settings) {
      body = link::encode(link::AgentSettings{"info", choices.byte() % 4 == 0});
    } else if (frame.type == FrameType::beat || frame.type == FrameType::cancel) {
      body.clear();
    }
    return bent(choices, frame, std::move(body));
  }
  std::string from_false_hub(Choices& choices, bool proven) {
    Frame frame{proven ? FrameType::welcome : FrameType::challenge, 0, 0, {}};
    if (choices.below(8) == 1) frame.type = static_cast<FrameType>(choices.below(17));
    std::string body = choices.text(8);
    if (frame.type == FrameType::challenge) {
      body = link::encode(link::Challenge{std::string(link::kNonceSize, 'n'), choices.below(4) != 0});
    } else if (frame.type == FrameType::refused) {
      body = link::encode(link::Refusal{"Busy", "no", std::chrono::seconds(1)});
    } else if (frame.type == FrameType::welcome) {
      const bool other = keys_.id.empty() || choices.below(8) == 1;
      body = link::encode(link::Welcome{.id = other ? "0123456789abcdef0123456789abcdef" : keys_.id,
                                        .connector = "default/a",
                                        .epoch = choices.below(4),
                                        .counter = keys_.counter + choices.below(4),
                                        .hub_version = "1",
                                        .log_level = "info",
                                        .now = clock_.now(),
                                        .beat = std::chrono::milliseconds(choices.below(60'000))});
    }
    return bent(choices, frame, std::move(body), 40);
  }
  // The body of a request as the hub makes it.
  std::string captured_request(Choices& choices) {
    to_agent_.clear();
    const std::uint64_t id = 1'000'000 + ++next_request_;
    hub_.ask(id,
             {.group = "default/site",
              .method = static_cast<link::Method>(choices.below(22)),
              .payload = std::string(choices.below(3) * 150'000, 'p')},
             std::make_shared<Counted>());
    hub_.cancel(id);
    for (const std::string& message : to_agent_)
      if (const auto frame = link::parse_frame(message); frame && frame->type == FrameType::request)
        return std::string(frame->body);
    return choices.text(40);
  }

  static std::string bent(Choices& choices, Frame frame, std::string body, std::size_t one_in = 400) {
    const std::size_t how = choices.below(one_in);
    if (how == 0) frame.sequence += static_cast<std::uint32_t>(choices.below(3));
    if (how == 1) frame.type = static_cast<FrameType>(choices.byte());
    if (how == 2) frame.request = choices.below(1U << 16U) * 0x1'0000'0001ULL;
    if (how == 3 && !body.empty()) body.resize(choices.below(body.size()));
    frame.body = body;
    std::string message = link::to_message(frame);
    if (how == 4) message.resize(choices.below(message.size() + 1));
    if (how == 5 && !message.empty()) message[choices.below(message.size())] ^= static_cast<char>(choices.byte());
    if (how == 6) message.resize(link::kMessageLimit + choices.below(2), 'z');
    return message;
  }

  const ResourceKey key_{"Connector", "default", "a"};
  test::FakeClock clock_;
  test::FakeStateStore store_;
  link::Identities identities_{store_, clock_};
  link::SessionId session_ = 0;
  bool ended_ = false;
  std::deque<std::string> to_agent_, to_hub_;
  link::Hub hub_;
  link::AgentKeys keys_;
  std::optional<link::Agent> agent_;
  std::map<std::uint64_t, std::uint32_t> open_, working_;  // open_: questions to the agent, and its next sequence
  std::uint64_t next_request_ = 0;
  unsigned long begun_ = 0;
  std::map<link::SessionId, Stranger> strangers_;
  std::string token_;                          // that strangers may know
  std::string_view heard_;                     // body of what the hub hears now
  bool proof_heard_ = false, proven_ = false;  // that is a proof that fits; there was one
  Result<void> may_save_;
};

void check_all(std::string_view bytes, Counts& counts) {
  test::check_codecs(bytes, counts.codecs);
  Choices choices(bytes);
  const bool greeting = choices.byte() % 4 == 0;
  Choices for_agent = choices, for_hub = choices;
  if (greeting) {
    World().play_strangers(for_agent, counts);
    World().play_false_hub(for_hub, counts);
  } else {
    World().play_agent(for_agent, counts);
    World().play_hub(for_hub, counts);
  }
}

}  // namespace

#ifdef PLUMB_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Counts counts;
  check_all({reinterpret_cast<const char*>(data), size}, counts);
  return 0;
}
#else
int main(int argc, char** argv) {
  const unsigned long rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20000;
  std::mt19937 random(argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1);
  Counts counts;
  const auto seeds = test::codec_seeds();
  for (unsigned long round = 0; round < rounds; ++round) {
    std::string bytes(random() % 1500, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    check_all(bytes, counts);
    std::string damaged = seeds[round % std::size(seeds)];
    if (round >= std::size(seeds))
      for (auto edits = random() % 3 + 1; edits > 0 && !damaged.empty(); --edits) {
        const std::size_t place = random() % damaged.size();
        switch (random() % 3) {
          case 0: damaged[place] = static_cast<char>(random()); break;
          case 1: damaged.erase(place, random() % 4 + 1); break;
          default: damaged.insert(place, std::string(random() % 5, static_cast<char>(random()))); break;
        }
      }
    test::check_codecs(damaged, counts.codecs);
  }
  std::printf(
      "%lu rounds: %lu peers cut off, %lu kept within the rules; %lu questions ended once, %lu requests begun "
      "once; %lu strangers turned away, %lu let in with a proof; %lu welcomes of a strange hub taken, %lu not; %lu "
      "payloads "
      "decoded, %lu refused\n",
      rounds, counts.hostile_ends, counts.lasted, counts.answered, counts.work, counts.turned_away, counts.let_in,
      counts.welcomes, counts.unwelcome, counts.codecs.decoded, counts.codecs.refused);
  std::fflush(stdout);
  PLUMB_ASSERT(rounds < 500 ||
               (counts.hostile_ends > rounds / 4 && counts.lasted > rounds / 20 && counts.answered > rounds &&
                counts.codecs.decoded > rounds / 4 && counts.work > rounds && counts.turned_away > rounds / 2 &&
                counts.let_in > rounds / 100 && counts.welcomes > rounds / 100 && counts.unwelcome > rounds / 50));
}
#endif
