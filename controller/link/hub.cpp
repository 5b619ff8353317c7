// Questions, and what holds for all sessions. How a session comes to be is in hub_greeting.cpp.
#include "controller/link/hub.h"

#include <algorithm>
#include <array>

#include "controller/base/text.h"
#include "controller/link/hub_parts.h"
#include "controller/link/wire.h"

namespace plumb::link {
namespace {

using Phase = ConnectorState::Phase;

constexpr int kMissedBeats = 3;
constexpr Duration kGrace = std::chrono::seconds(5);  // for an answer that was given in time to arrive
constexpr std::array<std::string_view, 21> kMethods{
    "",           "open_directory", "close_handle",  "read_all",  "pages_begin", "pages_next",  "pages_end",
    "find",       "cursor",         "changes_since", "continues", "history",     "write",       "about",
    "open_watch", "watch_wait",     "sign_in",       "http_send", "logs",        "follow_logs", "test_targets"};

constexpr std::size_t kPartCost = 64;  // of memory, besides its bytes

}  // namespace

std::string_view to_string(Method method) {
  const auto index = static_cast<std::size_t>(method);
  return index < kMethods.size() ? kMethods.at(index) : std::string_view();
}

std::string_view to_string(ConnectorState::Phase phase) {
  constexpr std::array<std::string_view, 4> kNames{"Pending", "Offline", "Online", "Held"};
  return kNames.at(static_cast<std::size_t>(phase));
}

Hub::Hub(Parts parts, std::uint64_t epoch) : parts_(std::move(parts)), epoch_(epoch) {}
Hub::~Hub() = default;

// Anybody can connect, and each record is a write to the disk. One that is known can come and go as fast as it likes.
bool Hub::may_tell(const ResourceKey& connector) {
  const bool stranger = !declared_.contains(connector);
  const std::size_t most = stranger ? parts_.options.strangers_told : parts_.options.told_most;
  const SteadyTime now = parts_.clock.steady();
  Told& told = told_[stranger ? ResourceKey() : connector];
  if (told.count == 0 || now - told.since > std::chrono::minutes(1)) {
    const std::size_t untold = told.count > most ? told.count - most : 0;
    told = {now, 0};
    if (untold > 0 && stranger) {
      parts_.tell({{}, "connector.refused", fmt::format("{} more that were nobody within a minute", untold), true});
    } else if (untold > 0) {
      parts_.tell({connector, "connector.untold", fmt::format("{} more records within a minute", untold), true});
    }
  }
  return ++told.count <= most;
}

void Hub::tell(const ResourceKey& connector, std::string action, std::string message, bool security) {
  if (!parts_.tell || !may_tell(connector)) return;
  parts_.tell({connector, std::move(action), std::move(message), security});
}

void Hub::set_phase(const ResourceKey& connector, Phase phase) {
  ConnectorState& state = state_of(connector);
  if (state.phase != phase || state.since == SystemTime{}) state.since = parts_.clock.now();
  state.phase = phase;
}

void Hub::publish(std::map<ResourceKey, DeclaredConnector> declared) {
  const auto before = std::exchange(declared_, std::move(declared));
  members_.clear();
  for (const auto& [key, connector] : declared_) members_[connector.group].push_back(key);
  for (const auto& [key, connector] : declared_)
    if (!states_.contains(key)) set_phase(key, Phase::pending);
  // One that was taken out while we ran is nobody any more; one that is only not there at our start is refused.
  for (const auto& [key, connector] : before) {
    if (declared_.contains(key)) continue;
    if (const auto revoked = parts_.identities.revoke(key); !revoked)
      tell(key, "connector.revoke_failed", revoked.error().message, true);
    states_.erase(key);
    told_.erase(key);
  }
  std::vector<SessionId> gone;
  for (const auto& [id, session] : sessions_) {
    if (session->stage != Session::Stage::online) continue;
    const auto old = before.find(session->connector);
    if (!takes(session->connector)) {
      gone.push_back(id);
    } else if (old == before.end() || old->second.log_level != declared_.at(session->connector).log_level) {
      send_settings(*session, false);
    }
  }
  for (const SessionId id : gone)
    refuse(*sessions_.at(id),
           {"Archived", "this connector is archived, or is no longer in the manifests", std::chrono::minutes(1)});
  check_revoked();
}

// What the state says now: keys without an agent, and sessions whose key was taken away.
void Hub::check_revoked() {
  const auto identities = parts_.identities.all();
  if (!identities) return tell({}, "connector.unreadable", identities.error().message);
  std::map<std::string, const Identity*> known;
  std::set<ResourceKey> enrolled;
  for (const Identity& each : *identities) {
    known.emplace(each.id, &each);
    if (!each.token.empty()) continue;  // it may still come to nothing, and another one is there
    enrolled.insert(each.connector);
    if (!declared_.contains(each.connector)) continue;
    ConnectorState& state = state_of(each.connector);
    state.identity = each.id;
    state.held = each.held;
    state.key_since = each.renewed;
    if (!each.held.empty()) {
      set_phase(each.connector, Phase::held);
    } else if (state.phase == Phase::pending || state.phase == Phase::held) {
      set_phase(each.connector, online_session(each.connector) == nullptr ? Phase::offline : Phase::online);
    }
  }
  for (auto& [key, state] : states_)
    if (!enrolled.contains(key)) set_phase(key, Phase::pending);
  std::vector<SessionId> gone;
  for (const auto& [id, session] : sessions_) {
    if (!session->identity) continue;
    const auto found = known.find(session->identity->id);
    if (found == known.end() || !found->second->held.empty()) gone.push_back(id);
  }
  for (const SessionId id : gone)
    refuse(*sessions_.at(id), {"Revoked", "the identity of this connector was revoked", std::chrono::minutes(1)});
}

void Hub::closed(SessionId id, const Error& why) { forget(id, why); }

// Nobody may use the session afterwards.
void Hub::forget(SessionId id, const Error& why) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const auto session = std::move(found->second);
  sessions_.erase(found);
  if (const auto online = online_.find(session->connector); online != online_.end() && online->second == id)
    online_.erase(online);
  const bool was_online = session->stage == Session::Stage::online;
  for (const std::uint64_t question : session->questions) {
    const auto asked = questions_.find(question);
    if (asked == questions_.end()) continue;
    const auto sink = std::move(asked->second.sink);
    release(asked->second);
    questions_.erase(asked);
    if (sink) sink->done(fail(Fault::timeout, "the link to {} broke: {}", session->connector, why.message), false);
  }
  if (!was_online || !declared_.contains(session->connector) || online_session(session->connector) != nullptr) return;
  ConnectorState& state = state_of(session->connector);
  state.last_error = why.message;
  if (state.phase == Phase::online) set_phase(session->connector, Phase::offline);
  tell(session->connector, "connector.offline", why.message);
}

void Hub::drop(Session& session, const std::string& why, bool hostile) {
  if (hostile) tell(session.connector, "connector.misbehaved", fmt::format("{}: {}", session.peer, why), true);
  if (hostile && parts_.cut) {
    parts_.cut(session.id);  // what it was sent and has not read is nothing to wait for
  } else {
    parts_.end(session.id, why);
  }
  forget(session.id, {Fault::unavailable, why, {}});
}

void Hub::tick() {
  const SteadyTime now = parts_.clock.steady();
  std::vector<std::pair<SessionId, std::string>> silent;
  for (const auto& [id, session] : sessions_) {
    if (session->stage != Session::Stage::online) {
      if (now - session->opened > parts_.options.greeting_limit) silent.emplace_back(id, "did not say who it is");
    } else if (now - session->heard > kMissedBeats * parts_.options.beat) {
      silent.emplace_back(id,
                          fmt::format("nothing was heard for {}", format_duration(kMissedBeats * parts_.options.beat)));
    } else if (now - session->beaten >= parts_.options.beat) {
      // Not as an answer to the agent's: that may be far behind what it sends of a large read.
      session->beaten = now;
      parts_.send(id, to_message({FrameType::beat, 0, 0, {}}));
    }
  }
  for (const auto& [id, why] : silent) drop(*sessions_.at(id), why, false);

  std::vector<std::uint64_t> late;
  for (const auto& [id, question] : questions_)
    if (question.sink && now > question.until) late.push_back(id);
  for (const std::uint64_t id : late) {
    const auto sink = questions_.at(id).sink;
    cancel(id);
    sink->done(fail(Fault::timeout, "the connector did not answer in time"), false);
  }

  const auto changes = parts_.identities.changes();
  if (changes && *changes != seen_changes_) {
    seen_changes_ = *changes;
    check_revoked();
  }
  const SystemTime wall = parts_.clock.now();
  for (const auto& [id, session] : sessions_) {
    if (session->stage != Session::Stage::online || session->renewing) continue;
    const auto declared = declared_.find(session->connector);
    if (declared == declared_.end() || declared->second.rotation <= Duration::zero()) continue;
    if (wall - session->identity->renewed >= declared->second.rotation) {
      session->renewing = true;
      send_settings(*session, true);
    }
  }
}

Hub::Session* Hub::online_session(const ResourceKey& connector) {
  const auto found = online_.find(connector);
  return found == online_.end() ? nullptr : sessions_.at(found->second).get();
}

SessionId Hub::session_of(const ResourceKey& connector) {
  const Session* const session = online_session(connector);
  return session == nullptr ? 0 : session->id;
}

std::string Hub::who_is_missing(const std::string& group) const {
  std::string members;
  for (const auto& [key, connector] : declared_) {
    if ((connector.group != group && to_string(key) != group) || connector.archived) continue;
    const auto state = states_.find(key);
    members += members.empty() ? "" : ", ";
    members += key.name;
    if (!connector.enabled) {
      members += " is disabled";
    } else if (state != states_.end()) {
      members +=
          fmt::format(" is {} since {}{}{}", lower(to_string(state->second.phase)), format_time(state->second.since),
                      state->second.last_error.empty() ? "" : ": ", state->second.last_error);
    }
  }
  if (members.empty()) return fmt::format("there is no Connector of group \"{}\"", group);
  return fmt::format("no connector of group \"{}\" is online ({})", group, members);
}

void Hub::complain(SessionId session) {
  constexpr Duration kLastChoice = std::chrono::seconds(30);
  if (const auto found = sessions_.find(session); found != sessions_.end())
    found->second->last_choice_until = parts_.clock.steady() + kLastChoice;
}

// One of which nobody complained lately, the one with the least to do; among equals in turn.
Hub::Session* Hub::member_for(const Ask& ask, std::string& why_none) {
  if (ask.session != 0) {
    const auto found = sessions_.find(ask.session);
    if (found != sessions_.end() && found->second->stage == Session::Stage::online) return found->second.get();
    why_none = "the link to the connector that worked on this is gone";
    return nullptr;
  }
  std::vector<Session*> members;
  const auto burden = [now = parts_.clock.steady()](const Session& session) {
    return std::pair(session.last_choice_until > now, session.questions.size());
  };
  const auto consider = [&](const ResourceKey& key) {
    Session* const session = online_session(key);
    if (session == nullptr) return;
    if (members.empty() || burden(*session) == burden(*members.front())) {
      members.push_back(session);
    } else if (burden(*session) < burden(*members.front())) {
      members = {session};
    }
  };
  if (const auto group = members_.find(ask.group); group != members_.end()) {
    for (const ResourceKey& key : group->second)
      if (declared_.at(key).enabled) consider(key);
  } else if (const ResourceKey key = parse_key(ask.group); declared_.contains(key)) {
    consider(key);  // one alone, enabled or not
  }
  if (members.empty()) {
    why_none = who_is_missing(ask.group);
    return nullptr;
  }
  return members[chosen_++ % members.size()];
}

// Why a question is not sent, where it is not.
Result<void> Hub::admits(const Session& session, const Ask& ask) const {
  const HubOptions& options = parts_.options;
  if (ask.limit <= Duration::zero())
    return fail(Fault::unavailable, "the time for it was up before {} was asked", session.connector);
  if (ask.payload.size() > options.payload_most)
    return fail(Fault::invalid, "a question of {} bytes to a connector; {} are the most", ask.payload.size(),
                options.payload_most);
  if (session.questions.size() >= options.asked_most)
    return fail(Fault::unavailable, "{} has {} questions to work on", session.connector, session.questions.size());
  if (session.payload + ask.payload.size() > options.payloads_most)
    return fail(Fault::unavailable, "{} has questions of {} bytes to work on", session.connector, session.payload);
  const auto asked = group_asked_.find(ask.group);
  if (asked != group_asked_.end() && asked->second >= options.group_asked_most)
    return fail(Fault::unavailable, "group \"{}\" has {} questions to work on", ask.group, asked->second);
  return {};
}

Result<void> Hub::are_good(const std::vector<std::string>& identities) const {
  for (const std::string& id : identities) {
    PLUMB_TRY(const auto identity, parts_.identities.find(id));
    if (!identity || !identity->held.empty())
      return fail(Fault::conflict, "{} has told of it, which is not good any more",
                  identity ? fmt::format("{}", identity->connector) : "a connector");
  }
  return {};
}

void Hub::ask(std::uint64_t id, Ask ask, std::shared_ptr<Sink> sink) {
  const SteadyTime now = parts_.clock.steady();
  if (ask.asked) ask.limit -= std::chrono::duration_cast<Duration>(now - *ask.asked);
  std::string why;
  Session* const session = member_for(ask, why);
  auto good = session == nullptr ? Result<void>(fail(Fault::unavailable, "{}", why)) : admits(*session, ask);
  if (good) good = are_good(ask.rests_on);
  if (!good) {
    sink->done(tl::unexpected(good.error()), false);
  } else {
    session->questions.insert(id);
    session->payload += ask.payload.size();
    ++group_asked_[ask.group];
    questions_[id] = {.sink = sink,
                      .session = session->id,
                      .until = now + ask.limit + kGrace,
                      .credit = kFirstCredit,
                      .group = ask.group,
                      .payload = ask.payload.size()};
    sink->assigned(session->id, session->identity ? session->identity->id : std::string());
    send_question(*session, id, ask);
  }
  wipe(ask.payload);
}

// What a question that is over took of the bounds.
void Hub::release(const Question& question) {
  if (const auto asked = group_asked_.find(question.group); asked != group_asked_.end() && --asked->second == 0)
    group_asked_.erase(asked);
  const auto session = sessions_.find(question.session);
  if (session == sessions_.end()) return;
  session->second->payload -= question.payload;
  session->second->kept -= question.kept;
}

void Hub::send_question(Session& session, std::uint64_t id, const Ask& ask) {
  constexpr std::uint32_t kLongest = 0xFFFF'FFFF;
  const auto limit = std::clamp<std::int64_t>(ask.limit.count(), 0, kLongest);
  Writer head;
  head.u8(static_cast<std::uint8_t>(ask.method)).u32(static_cast<std::uint32_t>(limit)).u64(epoch_).u32(kFirstCredit);
  const std::string_view actor = beginning(ask.actor, 256);
  const std::string_view payload = ask.payload;
  const std::size_t room = kBodyLimit - head.out().size() - 1 - 4 - actor.size();
  std::size_t sent = std::min(room, payload.size());
  head.flag(sent < payload.size()).text(actor);
  head.out() += payload.substr(0, sent);
  std::string body = head.take();
  parts_.send(session.id, to_message({FrameType::request, id, 0, body}));
  wipe(body);  // there may be a password in it
  for (std::uint32_t sequence = 1; sent < payload.size(); ++sequence) {
    const std::string_view piece = payload.substr(sent, kBodyLimit - 1);
    sent += piece.size();
    std::string more(1, sent < payload.size() ? '\1' : '\0');
    more += piece;
    parts_.send(session.id, to_message({FrameType::more, id, sequence, more}));
    wipe(more);
  }
}

void Hub::credit(std::uint64_t id, std::uint32_t bytes) {
  const auto found = questions_.find(id);
  if (found == questions_.end() || !found->second.sink) return;
  Question& question = found->second;
  question.credit += bytes;
  // What was taken counts with its share of what parts cost besides their bytes: all of it, once all was taken.
  const std::size_t outstanding = kFirstCredit - std::min<std::size_t>(kFirstCredit, question.credit - bytes);
  const std::size_t taken = bytes >= outstanding
                                ? question.kept
                                : static_cast<std::size_t>(static_cast<double>(question.kept) * bytes / outstanding);
  question.kept -= taken;
  if (const auto session = sessions_.find(question.session); session != sessions_.end()) session->second->kept -= taken;
  parts_.send(found->second.session, to_message({FrameType::credit, id, 0, Writer().u32(bytes).take()}));
}

// The question stays until the agent has answered: its answer may be on the way.
void Hub::cancel(std::uint64_t id) {
  const auto found = questions_.find(id);
  if (found == questions_.end() || !found->second.sink) return;
  found->second.sink = nullptr;
  parts_.send(found->second.session, to_message({FrameType::cancel, id, 0, {}}));
}

void Hub::on_answer(Session& session, const Frame& frame) {
  const auto found = questions_.find(frame.request);
  if (found == questions_.end() || found->second.session != session.id)
    return drop(session, fmt::format("answered question {}, which it was not asked", frame.request), true);
  Question& question = found->second;
  if (frame.sequence != question.next++)
    return drop(session, fmt::format("the parts of answer {} are out of order", frame.request), true);
  if (frame.type == FrameType::part) {
    if (frame.body.empty())  // costs no credit, so there could be any number of them
      return drop(session, fmt::format("sent a part of answer {} with nothing in it", frame.request), true);
    if (frame.body.size() > question.credit)
      return drop(session, fmt::format("sent more of answer {} than was asked for", frame.request), true);
    question.credit -= frame.body.size();
    if (!question.sink) return;
    question.kept += frame.body.size() + kPartCost;
    session.kept += frame.body.size() + kPartCost;
    // It has kept to its credit in each answer: nothing to hold against it, but no reason to let it fill the memory.
    if (session.kept > parts_.options.kept_most)
      return refuse(session, {"Busy", "its answers are not taken as fast as they come", std::chrono::seconds(10)});
    question.sink->part(std::string(frame.body));
    return;
  }
  const auto sink = std::move(question.sink);
  session.questions.erase(frame.request);
  release(question);
  questions_.erase(found);
  if (!sink) return;
  if (frame.type == FrameType::failed) {
    sink->done(tl::unexpected(decode_error(frame.body)), true);
  } else {
    sink->done(std::string(frame.body), true);
  }
}

void Hub::on_beat(Session& session, const Frame& frame) {
  if (const SteadyTime now = parts_.clock.steady(); now - session.beats_since > std::chrono::minutes(1)) {
    session.beats_since = now;
    session.beats = 0;
  }
  if (++session.beats > parts_.options.beats_most)
    return drop(session, fmt::format("sent {} beats within a minute", session.beats), true);
  auto health = decode_health(frame.body);
  if (!health) return drop(session, health.error().message, true);
  ConnectorState& state = state_of(session.connector);
  // Behind an answer it was long on its way, and its clock says nothing.
  if (health->clock != 0 && session.questions.empty())
    state.clock_skew = SystemTime(std::chrono::milliseconds(health->clock)) - parts_.clock.now();
  state.health = std::move(*health);
}

std::map<ResourceKey, ConnectorState> Hub::states() const {
  auto all = states_;
  for (const auto& [id, session] : sessions_) {
    if (session->stage != Session::Stage::online) continue;
    const auto found = all.find(session->connector);
    if (found != all.end()) found->second.working = session->questions.size();
  }
  return all;
}

}  // namespace plumb::link
