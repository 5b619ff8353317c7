#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/link/asker.h"
#include "controller/link/frame.h"
#include "controller/link/greeting.h"
#include "controller/link/identities.h"

namespace plumb::link {

// A Connector as it was applied.
struct DeclaredConnector {
  ResourceKey key;
  std::string group;  // "namespace/group"
  bool enabled = true, archived = false;
  std::string log_level = "info";
  Duration rotation{};  // how old a key may become; zero: any age
  friend bool operator==(const DeclaredConnector&, const DeclaredConnector&) = default;
};

// What is known of one now.
struct ConnectorState {
  enum class Phase { pending, offline, online, held };
  Phase phase = Phase::pending;  // pending: no agent has a key for it
  SystemTime since{};            // of the phase
  SystemTime last_seen{};
  std::string identity{}, peer{}, last_error{}, held{};
  AgentFacts facts{};
  AgentHealth health{};
  std::uint64_t epoch = 0, working = 0;
  Duration clock_skew{};  // the agent's clock is ahead by that
  SystemTime key_since{};
  friend bool operator==(const ConnectorState&, const ConnectorState&) = default;
};
std::string_view to_string(ConnectorState::Phase phase);  // "Online"

// Something that is worth a record.
struct HubEvent {
  ResourceKey connector;  // empty: nobody known
  std::string action;     // "connector.online", "connector.refused"
  std::string message;
  bool security = false;
};

struct HubOptions {
  bool need_tls = true;  // refuses links that are not encrypted, but from this machine itself
  Duration greeting_limit = std::chrono::seconds(10);
  Duration beat = std::chrono::seconds(10);
  std::size_t greeting_most = 2000;         // connections that have not shown yet who they are
  std::size_t asked_most = 512;             // open questions to one agent
  std::size_t payload_most = 72U << 20U;    // bytes of one question: a request with the largest body, and its headers
  std::size_t payloads_most = 128U << 20U;  // bytes of all open questions to one agent
  std::size_t group_asked_most = 4096;      // open questions to one group, whoever of it works on them
  std::size_t kept_most = 128U << 20U;      // bytes of one agent's answers that nobody has taken yet
  std::size_t greeting_bytes = 16U << 10U;  // of one message of a peer that has not shown yet who it is
  std::size_t beats_most = 120;             // of one agent in a minute
  std::size_t strangers_told = 20;          // records of peers that are nobody, in a minute; further ones are counted
  std::size_t told_most = 60;               // the same, of one connector
};

// The controller's end of all links: who is there, and who works on what. Sees messages and gives messages; sockets are
// somebody else's. On one thread; the callbacks of Parts must not call back.
class Hub {
 public:
  struct Parts {
    Identities& identities;
    const Clock& clock;
    std::string version;  // ours, for people
    std::function<void(SessionId, std::string message)> send;
    std::function<void(SessionId, std::string_view why)> end;  // after what was sent
    std::function<void(const HubEvent&)> tell{};               // may be empty
    std::function<void(SessionId)> cut{};                      // at once, of one that is hostile; empty: as `end`
    HubOptions options{};
  };
  // `epoch` of Identities::next_epoch(): this hub's among all that there ever were.
  Hub(Parts parts, std::uint64_t epoch);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // The Connectors that there are from now on. Sessions of those that are gone or archived end.
  void publish(std::map<ResourceKey, DeclaredConnector> declared);

  // A connection came. `binding`: see Transcript.
  SessionId opened(const std::string& peer, bool loopback, std::string binding, bool tls);
  void received(SessionId session, std::string_view message);
  void closed(SessionId session, const Error& why);
  // Once a second: what took too long, what was revoked meanwhile.
  void tick();

  // `id`: of the Asker, never used before.
  void ask(std::uint64_t id, Ask ask, std::shared_ptr<Sink> sink);
  void credit(std::uint64_t id, std::uint32_t bytes);
  void cancel(std::uint64_t id);
  void complain(SessionId session);

  std::map<ResourceKey, ConnectorState> states() const;
  SessionId session_of(const ResourceKey& connector);  // 0: it is not online
  std::size_t sessions() const { return sessions_.size(); }
  bool has(SessionId session) const { return sessions_.contains(session); }  // false: it was refused at once
  std::size_t asked() const { return questions_.size(); }

 private:
  struct Session;
  struct Question;
  using Sessions = std::map<SessionId, std::unique_ptr<Session>>;

  void on_hello(Session& session, const Frame& frame);
  void on_proof(Session& session, const Frame& frame);
  void on_ready(Session& session);
  void on_online_frame(Session& session, const Frame& frame);
  void on_answer(Session& session, const Frame& frame);
  void on_beat(Session& session, const Frame& frame);
  void on_renewal(Session& session, const Frame& frame);
  Result<Identity> identity_of(Session& session, std::string_view signature);
  Result<void> check_counter(Session& session, Identity& identity);
  void send_settings(Session& session, bool renew);
  void refuse(Session& session, Refusal refusal);
  // Ends the session because of what the peer did, or of what a person did.
  void drop(Session& session, const std::string& why, bool hostile);
  void forget(SessionId id, const Error& why);
  void check_revoked();
  bool takes(const ResourceKey& connector) const;
  Session* online_session(const ResourceKey& connector);
  Result<void> are_good(const std::vector<std::string>& identities) const;
  Result<void> admits(const Session& session, const Ask& ask) const;
  Session* member_for(const Ask& ask, std::string& why_none);
  std::string who_is_missing(const std::string& group) const;
  void send_question(Session& session, std::uint64_t id, const Ask& ask);
  void finish(std::uint64_t id, Result<std::string> end);
  void tell(const ResourceKey& connector, std::string action, std::string message, bool security = false);
  struct Told {
    SteadyTime since{};
    std::size_t count = 0;  // since then
  };
  bool may_tell(const ResourceKey& connector);
  void release(const Question& question);
  ConnectorState& state_of(const ResourceKey& connector) { return states_[connector]; }
  void set_phase(const ResourceKey& connector, ConnectorState::Phase phase);

  Parts parts_;
  const std::uint64_t epoch_;
  std::map<ResourceKey, DeclaredConnector> declared_;
  std::map<ResourceKey, ConnectorState> states_;
  std::map<std::string, std::vector<ResourceKey>, std::less<>> members_;  // declared_ by group
  Sessions sessions_;
  std::map<ResourceKey, SessionId> online_;  // those of sessions_ that are
  std::map<std::uint64_t, Question> questions_;
  SessionId next_session_ = 1;
  std::uint64_t chosen_ = 0, seen_changes_ = 0;
  std::map<ResourceKey, Told> told_;                // of declared ones, and of nobody
  std::map<std::string, std::size_t> group_asked_;  // open questions
};

}  // namespace plumb::link
