// How a connection becomes a session of a Connector (docs/decisions/0015, "Identity").
#include <algorithm>

#include "controller/base/digest.h"
#include "controller/base/ed25519.h"
#include "controller/link/hub_parts.h"

namespace plumb::link {
namespace {

using Phase = ConnectorState::Phase;
constexpr Duration kSlowRetry = std::chrono::minutes(1);

}  // namespace

SessionId Hub::opened(const std::string& peer, bool loopback, std::string binding, bool tls) {
  auto session = std::make_unique<Session>();
  session->id = next_session_++;
  session->peer = peer;
  session->binding = std::move(binding);
  session->loopback = loopback;
  session->tls = tls;
  session->opened = session->heard = parts_.clock.steady();
  const SessionId id = session->id;
  Session& kept = *sessions_.emplace(id, std::move(session)).first->second;
  const auto greeting = std::count_if(sessions_.begin(), sessions_.end(),
                                      [](const auto& each) { return each.second->stage != Session::Stage::online; });
  if (static_cast<std::size_t>(greeting) > parts_.options.greeting_most)
    refuse(kept, {"Busy", "too many connections are being greeted", std::chrono::seconds(10)});
  return id;
}

void Hub::received(SessionId id, std::string_view message) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  Session& session = *found->second;
  session.heard = parts_.clock.steady();
  if (session.stage != Session::Stage::online && message.size() > parts_.options.greeting_bytes)
    return drop(session, fmt::format("sent {} bytes before it was let in", message.size()), true);
  const auto frame = parse_frame(message);
  if (!frame) return drop(session, frame.error().message, true);
  using Stage = Session::Stage;
  if (session.stage == Stage::online) return on_online_frame(session, *frame);
  if (session.stage == Stage::greeting && frame->type == FrameType::hello) return on_hello(session, *frame);
  if (session.stage == Stage::proving && frame->type == FrameType::proof) return on_proof(session, *frame);
  if (session.stage == Stage::welcomed && frame->type == FrameType::ready) return on_ready(session);
  drop(session, fmt::format("sent \"{}\" before it was its turn", to_string(frame->type)), true);
}

void Hub::on_online_frame(Session& session, const Frame& frame) {
  state_of(session.connector).last_seen = parts_.clock.now();
  switch (frame.type) {
    case FrameType::part:
    case FrameType::done:
    case FrameType::failed: return on_answer(session, frame);
    case FrameType::beat: return on_beat(session, frame);
    case FrameType::renewed: return on_renewal(session, frame);
    default: drop(session, fmt::format("sent \"{}\", which only the controller may", to_string(frame.type)), true);
  }
}

void Hub::refuse(Session& session, Refusal refusal) {
  ResourceKey connector = session.connector;
  if (connector.name.empty() && session.token) connector = session.token->connector;
  if (declared_.contains(connector)) state_of(connector).last_error = refusal.message;
  tell(connector, "connector.refused", fmt::format("{}: {}: {}", session.peer, refusal.reason, refusal.message), true);
  parts_.send(session.id, to_message({FrameType::refused, 0, 0, encode(refusal)}));
  parts_.end(session.id, refusal.reason);
  forget(session.id, {Fault::unavailable, refusal.message, {}});
}

void Hub::on_hello(Session& session, const Frame& frame) {
  auto hello = decode_hello(frame.body);
  if (!hello) return drop(session, hello.error().message, true);
  session.hello = std::move(*hello);
  if (session.hello.oldest > kProtocol || session.hello.protocol < kOldestProtocol)
    return refuse(session, {session.hello.protocol < kOldestProtocol ? "VersionTooOld" : "VersionTooNew",
                            fmt::format("this controller (plumbline {}) speaks protocol {} to {}, the connector "
                                        "(version {}) {} to {}; install the same version on both",
                                        parts_.version, kOldestProtocol, kProtocol, session.hello.facts.version,
                                        session.hello.oldest, session.hello.protocol),
                            kSlowRetry});
  if (parts_.options.need_tls && !session.tls && !session.loopback)
    return refuse(session, {"NoTls", "this controller takes connectors only over TLS", kSlowRetry});
  session.hub_nonce = random_raw(kNonceSize);
  session.stage = Session::Stage::proving;
  parts_.send(session.id,
              to_message({FrameType::challenge, 0, 0, encode(Challenge{session.hub_nonce, !session.binding.empty()})}));
}

// Whether there may be sessions of it.
bool Hub::takes(const ResourceKey& connector) const {
  const auto declared = declared_.find(connector);
  return declared != declared_.end() && !declared->second.archived;
}

// The identity whose key made the signature; with a token, a new one. Which of several reasons it is that nobody is
// let in is told only where the peer has proven who it is.
Result<Identity> Hub::identity_of(Session& session, std::string_view signature) {
  const Hello& hello = session.hello;
  const auto signed_by = [&](std::string_view key, std::string_view subject) {
    return ed25519_verifies(
        key, to_sign({session.hub_nonce, hello.nonce, session.binding, subject, hello.counter, hello.epoch}),
        signature);
  };
  if (hello.id.empty()) {
    PLUMB_TRY(auto token, parts_.identities.check_token(hello.token));
    if (!signed_by(hello.public_key, token.id)) return fail(Fault::denied, "the signature is not of the key");
    session.token = std::move(token);
    if (!takes(session.token->connector)) return fail(Fault::not_found, "");
    return parts_.identities.enrol(*session.token, hello.public_key);
  }
  PLUMB_TRY(auto found, parts_.identities.find(hello.id));
  if (!found) return fail(Fault::denied, "the identity is not known here, or was revoked");
  const bool with_next = !found->next_key.empty() && signed_by(found->next_key, hello.id);
  if (!with_next && !signed_by(found->public_key, hello.id))
    return fail(Fault::denied, "the signature is not of the key of this identity");
  if (with_next) found->public_key = std::exchange(found->next_key, {});
  return std::move(*found);
}

// Two copies of one key cannot both know the number that the last welcome gave.
Result<void> Hub::check_counter(Session& session, Identity& identity) {
  if (!identity.held.empty()) return fail(Fault::conflict, "{}", identity.held);
  const std::uint64_t said = session.hello.counter;
  if (said == identity.counter || (identity.pending != 0 && said == identity.pending)) {
    identity.counter = said;
    identity.pending = std::max(identity.pending, identity.counter) + 1;
    return {};
  }
  identity.held = fmt::format(
      "its key is in use twice: an agent at {} ({}) was at session {}, and the last one was {}. A copy of its state, "
      "or "
      "an old one that was restored. Enrol it again with a new token (plumbline connector token create {})",
      session.peer, session.hello.facts.host, said, identity.counter, identity.connector.name);
  PLUMB_CHECK(parts_.identities.save(identity));
  return fail(Fault::conflict, "{}", identity.held);
}

void Hub::on_proof(Session& session, const Frame& frame) {
  auto identity = identity_of(session, frame.body);
  if (!identity && identity.error().fault != Fault::not_found) {
    if (identity.error().fault != Fault::denied)
      return refuse(session, {"Busy", "the controller cannot read its state now", {}});
    return refuse(
        session, {session.hello.id.empty() ? "InvalidToken" : "UnknownIdentity", identity.error().message, kSlowRetry});
  }
  session.connector = identity ? identity->connector : session.token->connector;
  if (!takes(session.connector))
    return refuse(session, {"Archived", "this connector is archived, or is no longer in the manifests", kSlowRetry});
  // Before the counter, which an old copy of our state has wrong as well: the agent is not to blame for that.
  if (session.hello.epoch > epoch_)
    return refuse(session,
                  {"OldController",
                   "this controller is older than one that was here before: its state was restored from a copy. "
                   "If that is meant, enrol the connector again with a new token",
                   kSlowRetry});
  if (const auto good = check_counter(session, *identity); !good) {
    if (good.error().fault != Fault::conflict || identity->held.empty())
      return refuse(session, {"Busy", good.error().message, {}});
    tell(session.connector, "connector.cloned", identity->held, true);
    refuse(session, {"Cloned", identity->held, kSlowRetry});
    return check_revoked();  // ends the other one
  }
  if (const auto kept = parts_.identities.save(*identity); !kept)
    return refuse(session, {"Busy", kept.error().message, {}});
  session.identity = std::move(*identity);
  session.stage = Session::Stage::welcomed;
  parts_.send(session.id, to_message({FrameType::welcome, 0, 0,
                                      encode(Welcome{.id = session.identity->id,
                                                     .connector = session.connector.ns + "/" + session.connector.name,
                                                     .epoch = epoch_,
                                                     .counter = session.identity->pending,
                                                     .hub_version = parts_.version,
                                                     .log_level = declared_.at(session.connector).log_level,
                                                     .now = parts_.clock.now(),
                                                     .beat = parts_.options.beat})}));
}

void Hub::on_ready(Session& session) {
  if (!takes(session.connector))
    return refuse(session, {"Archived", "this connector is archived, or is no longer in the manifests", kSlowRetry});
  Identity& identity = *session.identity;
  identity.counter = std::exchange(identity.pending, 0);
  const std::string token = identity.token;
  const auto kept = token.empty() ? parts_.identities.save(identity) : parts_.identities.confirm(identity);
  if (!kept) return refuse(session, {"Busy", kept.error().message, {}});
  // One that is still here has been cut off without our having noticed, or it is a copy: then it does not come back.
  if (Session* const old = online_session(session.connector); old != nullptr)
    drop(*old, "another link of the same connector came", false);
  session.stage = Session::Stage::online;
  online_[session.connector] = session.id;
  ConnectorState& state = state_of(session.connector);
  state.identity = session.identity->id;
  state.peer = session.peer;
  state.facts = session.hello.facts;
  state.health = {};
  state.epoch = epoch_;
  state.held.clear();
  state.last_error.clear();
  state.key_since = session.identity->renewed;
  state.last_seen = parts_.clock.now();
  set_phase(session.connector, Phase::online);
  if (!token.empty())
    tell(session.connector, "connector.enrolled",
         fmt::format("{} ({}) with token {}", session.peer, session.hello.facts.host, token), true);
  tell(session.connector, "connector.online",
       fmt::format("{} ({}, {} {}, version {})", session.peer, state.facts.host, state.facts.os, state.facts.arch,
                   state.facts.version));
}

void Hub::send_settings(Session& session, bool renew) {
  const auto declared = declared_.find(session.connector);
  if (declared == declared_.end()) return;
  parts_.send(session.id,
              to_message({FrameType::settings, 0, 0, encode(AgentSettings{declared->second.log_level, renew})}));
}

void Hub::on_renewal(Session& session, const Frame& frame) {
  const auto renewal = decode_renewal(frame.body);
  if (!renewal) return drop(session, renewal.error().message, true);
  if (!session.renewing) return drop(session, "renewed its key without being asked to", true);
  if (!ed25519_verifies(renewal->public_key, to_sign(session.identity->id, renewal->public_key), renewal->signature))
    return drop(session, "the signature of its new key is wrong", true);
  Identity next = *session.identity;
  next.next_key = renewal->public_key;
  next.renewed = parts_.clock.now();
  session.renewing = false;
  if (const auto kept = parts_.identities.save(next); !kept)
    return tell(session.connector, "connector.renewal_failed", kept.error().message);
  session.identity = std::move(next);
  state_of(session.connector).key_since = session.identity->renewed;
  tell(session.connector, "connector.key_renewed", "a new key; the old one is good until the new one was used");
}

}  // namespace plumb::link
