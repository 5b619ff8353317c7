// What the other end of a link says: whatever it is, and in whatever order, a hub answers each question once at most
// and takes no more of an answer than it gave credit for; an agent begins each request once, and gathers no more than
// it may; who sends nonsense is cut off; and what one of us encodes is decoded as it was. With -DPLUMB_LIBFUZZER it is
// a libFuzzer target (of the choices that a hostile peer makes); otherwise it has a main of its own.
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
#include <vector>

#include "controller/base/assert.h"
#include "controller/base/ed25519.h"
#include "controller/link/agent.h"
#include "controller/link/directory_codec.h"
#include "controller/link/http_codec.h"
#include "controller/link/hub.h"
#include "controller/link/log_codec.h"
#include "controller/link/sign_in_codec.h"
#include "controller/link/wire.h"
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
  void assigned(link::SessionId, const std::string&) override { PLUMB_ASSERT(++times_assigned == 1); }
  void part(std::string bytes) override {
    PLUMB_ASSERT(ended == 0);
    taken += bytes.size();
    PLUMB_ASSERT(taken <= granted);
  }
  void done(Result<std::string>, bool) override { PLUMB_ASSERT(++ended == 1); }
  std::uint64_t taken = 0, granted = link::kFirstCredit;
  int ended = 0, times_assigned = 0;
  bool cancelled = false;
};

struct Counts {
  unsigned long hostile_ends = 0, lasted = 0, answered = 0, decoded = 0, refused = 0, work = 0;
};

// A hub and one agent that talk by queues; after both are online, either may be played by the choices.
class World {
 public:
  World() : hub_(hub_parts(), identities_.next_epoch().value()) {
    const ResourceKey key{"Connector", "default", "a"};
    hub_.publish({{key, {.key = key, .group = "default/site"}}});
    auto token = identities_.create_token(key, link::kTokenLifetime, "fuzz");
    keys_.key = make_ed25519().secret;
    session_ = hub_.opened("192.0.2.1:1", false, "tls", true);
    agent_.emplace(agent_parts(std::string(token->text.reveal())), "tls", true);
    agent_->start();
    pump();
    PLUMB_ASSERT(agent_->online() && hub_.session_of(key) == session_);
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

 private:
  link::Hub::Parts hub_parts() {
    return {.identities = identities_,
            .clock = clock_,
            .version = "1",
            .send =
                [this](link::SessionId session, std::string message) {
                  PLUMB_ASSERT(session == session_ && !ended_);
                  to_agent_.push_back(std::move(message));
                },
            .end = [this](link::SessionId session,
                          std::string_view) { PLUMB_ASSERT(session == session_ && !std::exchange(ended_, true)); }};
  }
  link::Agent::Parts agent_parts(std::string token) {
    return {.clock = clock_,
            .facts = {"host", "linux", "amd64", "1", {"directory"}},
            .keys = keys_,
            .token = std::move(token),
            .send = [this](std::string message) { to_hub_.push_back(std::move(message)); },
            .save = [](const link::AgentKeys&) -> Result<void> { return {}; },
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
    sinks.push_back(sink);
    hub_.ask(sinks.size() - 1,
             {.group = "default/site",
              .method = link::Method::logs,
              .payload = std::string(choices.below(2) * 300'000, 'p'),
              .limit = std::chrono::milliseconds(choices.below(20'000))},
             sink);
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

  static std::string bent(Choices& choices, Frame frame, std::string body) {
    const std::size_t how = choices.below(400);
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
};

// Any bytes are decoded to something or refused; what was decoded is encoded and decoded again without a change.
template <class Decode, class Encode>
void round_trip(std::string_view bytes, Decode decode, Encode encode, Counts& counts) {
  const auto first = decode(bytes);
  ++(first ? counts.decoded : counts.refused);
  if (!first) return;
  const std::string again = encode(*first);
  const auto second = decode(again);
  PLUMB_ASSERT(second && encode(*second) == again);
}

void check_codecs(std::string_view bytes, Counts& counts) {
  round_trip(
      bytes, link::parse_frame, [](const Frame& frame) { return link::to_message(frame); }, counts);
  round_trip(
      bytes, link::decode_opening, [](const auto& opening) { return link::encode(opening); }, counts);
  round_trip(
      bytes, link::decode_sign_in, [](const auto& ask) { return link::encode(ask.opening, ask.request); }, counts);
  round_trip(
      bytes, link::decode_http_ask, [](const auto& ask) { return link::encode(ask.request, ask.route, ask.limits); },
      counts);
  round_trip(
      bytes, link::decode_health, [](const auto& health) { return link::encode(health); }, counts);
  round_trip(
      bytes, link::decode_settings, [](const auto& settings) { return link::encode(settings); }, counts);
  round_trip(
      bytes, link::decode_welcome, [](const auto& welcome) { return link::encode(welcome); }, counts);
  round_trip(
      bytes, link::decode_hello, [](const auto& hello) { return link::encode(hello); }, counts);
  (void)link::decode_http_end(bytes, "");
  (void)link::decode_sign_in_answer(bytes);
  (void)link::decode_refusal(bytes);
  (void)link::decode_error(bytes);
  (void)link::decode_files(bytes);
  for (int what = 0; what < 5; ++what) {
    link::Reader in(bytes);
    if (what == 0) (void)link::get_scope(in);
    if (what == 1) (void)link::get_writes(in);
    if (what == 2) (void)link::get_answers(in);
    if (what == 3) (void)link::get_history(in);
    if (what == 4) (void)link::get_about(in);
  }
  // However a stream of entries is cut, the same comes out of it.
  link::EntryStream whole, pieces;
  std::vector<Entry> all, some;
  const bool good = whole.add(bytes, all).has_value();
  bool same = true;
  for (std::size_t at = 0; at < bytes.size() && same; at += 7) same = pieces.add(bytes.substr(at, 7), some).has_value();
  PLUMB_ASSERT(good == same && (!good || all.size() == some.size()));
}

void check_all(std::string_view bytes, Counts& counts) {
  check_codecs(bytes, counts);
  Choices for_agent(bytes), for_hub(bytes);
  World().play_agent(for_agent, counts);
  World().play_hub(for_hub, counts);
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
  const std::string seeds[] = {
      link::to_message({FrameType::part, 7, 3, "body"}),
      link::encode(link::DirectoryOpening{.servers = {"ldaps://dc1"}, .username = "u", .base_dn = "DC=x"}),
      link::encode(link::AgentHealth{.memory_bytes = 5}),
      link::encode(link::AgentSettings{"info", true}),
      link::encode(link::Welcome{.id = "0123456789abcdef0123456789abcdef", .connector = "a/b", .log_level = "info"}),
      link::encode(HttpRequest{.method = "GET", .url = "https://x/"}, HttpRoute{}, HttpLimits{}),
  };
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
    check_codecs(damaged, counts);
  }
  std::printf(
      "%lu rounds: %lu peers cut off, %lu kept within the rules; %lu questions ended once, %lu requests begun "
      "once; %lu payloads decoded, %lu refused\n",
      rounds, counts.hostile_ends, counts.lasted, counts.answered, counts.work, counts.decoded, counts.refused);
  std::fflush(stdout);
  PLUMB_ASSERT(rounds < 500 || (counts.hostile_ends > rounds / 4 && counts.lasted > rounds / 20 &&
                                counts.answered > rounds && counts.decoded > rounds / 4 && counts.work > rounds));
}
#endif
