#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "connector/workplace.h"
#include "controller/base/ed25519.h"
#include "controller/link/agent.h"
#include "controller/link/hub.h"
#include "controller/link/loop_asker.h"
#include "controller/net/loop.h"
#include "tests/support/fake_state_store.h"

namespace plumb::test {

// A hub and agents of it, in one process and on one loop, with messages that are handed over instead of sent. Whatever
// is below runs on the loop's thread; from a test it is called through `on_loop`.
class LinkWorld {
 public:
  struct Site {  // an agent's machine
    link::AgentKeys keys{};
    std::string token{};
    connector::Skills skills{};
    connector::Yard yard{};
    std::optional<link::Agent> agent{};
    std::unique_ptr<connector::Workplace> place{};
    link::SessionId session = 0;
    bool cut = false;                          // what is sent does not arrive, and nobody is told
    link::FrameType lost = link::FrameType{};  // from the first of these on; and then the link breaks
    std::string ended{};
    std::string level{};
    std::optional<link::Refusal> refusal{};
    int saves = 0;
    const Clock* clock = nullptr;  // its own; null: that of all
  };

  LinkWorld() {
    auto epoch = identities.next_epoch();
    hub.emplace(parts(), epoch.value());
  }
  ~LinkWorld() { stop(); }

  // Nobody works any more. For the destructor of a world whose skills use members that go before this one does.
  void stop() {
    loop.stop();
    for (auto& site : sites) site->place.reset();
  }

  link::Hub::Parts parts() {
    return {.identities = identities,
            .clock = clock,
            .version = "1.0",
            .send = [this](link::SessionId session, std::string message) { to_agent(session, std::move(message)); },
            .end = [this](link::SessionId session, std::string_view why) { hub_ends(session, std::string(why)); },
            .tell = [this](const link::HubEvent& event) { events.push_back(event.action); }};
  }

  template <class F>
  auto on_loop(F what) {
    std::optional<decltype(what())> result;
    EXPECT_TRUE(loop.call([&] { result.emplace(what()); }));
    if (!result) throw std::runtime_error("the loop did not take it");
    return std::move(*result);
  }

  // Another hub on the same state, as after a restart; all links are broken.
  void restart_hub() {
    on_loop([&] {
      for (auto& each : sites) hang_up(*each);
      hub.emplace(parts(), identities.next_epoch().value());
      return true;
    });
  }

  static ResourceKey key(const std::string& name) { return {"Connector", "default", name}; }

  void declare(const std::vector<std::string>& names, const std::string& group = "default/site") {
    std::map<ResourceKey, link::DeclaredConnector> all;
    for (const auto& name : names) all[key(name)] = {.key = key(name), .group = group};
    on_loop([&] {
      hub->publish(all);
      return true;
    });
  }

  // A machine with a fresh token for the connector.
  Site& site(const std::string& name) {
    auto created = on_loop([&] { return identities.create_token(key(name), link::kTokenLifetime, "test"); });
    sites.push_back(std::make_unique<Site>());
    sites.back()->token = std::string(created->text.reveal());
    sites.back()->keys.key = make_ed25519().secret;
    return *sites.back();
  }

  // Dials, and lets both talk until nothing more comes. Whether the agent is online then.
  bool dial(Site& at, const std::string& binding = "tls", const std::string& hub_binding = "tls") {
    on_loop([&] {
      hang_up(at, false);
      at.refusal.reset();
      at.ended.clear();
      at.cut = false;
      at.session = hub->opened("192.0.2.7:1234", false, hub_binding, true);
      Site* const to = &at;
      at.agent.emplace(link::Agent::Parts{.clock = at.clock == nullptr ? clock : *at.clock,
                                          .facts = {"host", "linux", "amd64", "1.0", {"directory", "http"}},
                                          .keys = at.keys,
                                          .token = at.token,
                                          .send = [this, to](std::string message) { to_hub(*to, std::move(message)); },
                                          .save = [to](const link::AgentKeys&) -> Result<void> {
                                            ++to->saves;
                                            return {};
                                          },
                                          .work = [to](link::Job job) { to->place->work(std::move(job)); },
                                          .cancelled = [to](std::uint64_t id) { to->place->cancelled(id); },
                                          .credited = [to](std::uint64_t id) { to->place->credited(id); },
                                          .health = [] { return link::AgentHealth{}; },
                                          .log_level = [to](const std::string& level) { to->level = level; }},
                       binding, true);
      at.place = std::make_unique<connector::Workplace>(connector::Workplace::Parts{loop, clock, at.skills, at.yard},
                                                        *at.agent);
      at.agent->start();
      return true;
    });
    settle();
    return on_loop([&] { return at.agent && at.agent->online(); });
  }

  // The link breaks; who is told?
  void hang_up(Site& at, bool tell_hub = true) {
    at.place.reset();
    at.agent.reset();
    if (at.session != 0 && tell_hub) hub->closed(at.session, {Fault::unavailable, "the connection was closed", {}});
    at.session = 0;
  }

  // Until what was posted so far, and what that posted, was run.
  void settle() {
    for (int i = 0; i < 20; ++i) on_loop([] { return true; });
  }

  // Real time, and what the test adds to it.
  class LaterClock final : public Clock {
   public:
    SystemTime now() const override { return real_.now() + ahead_.load(); }
    SteadyTime steady() const override { return real_.steady() + ahead_.load(); }
    void advance(Duration by) { ahead_ = ahead_.load() + by; }

   private:
    RealClock real_;
    std::atomic<Duration> ahead_{Duration::zero()};
  };

  LaterClock clock;
  net::Loop loop;
  FakeStateStore store;
  link::Identities identities{store, clock};
  std::optional<link::Hub> hub;
  std::vector<std::string> events;
  std::vector<std::unique_ptr<Site>> sites;

 private:
  Site* at_session(link::SessionId session) {
    for (auto& each : sites)
      if (each->session == session) return each.get();
    return nullptr;
  }
  bool loses(Site& at, const std::string& message) {
    const auto frame = link::parse_frame(message);
    if (at.lost == link::FrameType{} || !frame || frame->type != at.lost) return false;
    at.ended = "the link broke";
    hang_up(at);
    return true;
  }
  void to_agent(link::SessionId session, std::string message) {
    loop.post([this, session, message = std::move(message)] {
      Site* const at = at_session(session);
      if (at == nullptr || !at->agent || at->cut) return;
      if (loses(*at, message)) return;
      if (const auto good = at->agent->received(message); !good) {
        at->refusal = at->agent->refusal();
        at->ended = good.error().message;
        hang_up(*at);
      }
    });
  }
  void to_hub(const Site& from, std::string message) {
    loop.post([this, session = from.session, &from, message = std::move(message)] {
      if (Site* const at = at_session(session); at != nullptr && !loses(*at, message) && !from.cut)
        hub->received(session, message);
    });
  }
  void hub_ends(link::SessionId session, std::string why) {
    loop.post([this, session, why = std::move(why)] {
      Site* const at = at_session(session);
      if (at == nullptr || at->cut) return;
      if (at->ended.empty()) at->ended = why;
      hang_up(*at, false);
    });
  }
};

}  // namespace plumb::test
