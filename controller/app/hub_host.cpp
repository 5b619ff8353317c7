#include "controller/app/hub_host.h"

#include <algorithm>
#include <utility>

#include "controller/app/beside_server.h"
#include "controller/base/log.h"
#include "controller/base/url.h"
#include "controller/link/archive.h"
#include "controller/link/identities.h"
#include "controller/link/loop_asker.h"
#include "controller/link/state_book.h"
#include "controller/runtime/connectors.h"

namespace plumb::app {
namespace {

constexpr Duration kTick = std::chrono::seconds(1);
constexpr std::size_t kMostConnectors = 5000;
// Bytes that wait for an agent: a question is put there whole, and the largest must not end the link.
constexpr std::size_t kLongestQueue = 256U << 20U;

// "127.0.0.1:1234", "[::1]:1234"
bool is_loopback_peer(const std::string& peer) { return is_loopback_host(peer.substr(0, peer.rfind(':'))); }

bool works_for(const std::string& group, const link::DeclaredConnector& connector) {
  return connector.group == group && connector.enabled && !connector.archived;
}

}  // namespace

struct HubHost::Running : std::enable_shared_from_this<HubHost::Running> {
  Running(HubHost::Parts given, std::uint64_t epoch)
      : parts(std::move(given)),
        identities(parts.state.store(), parts.clock),
        book(parts.state.store(), parts.clock),
        hub({.identities = identities,
             .clock = parts.clock,
             .version = parts.version,
             .send = [this](link::SessionId id, std::string message) { send(id, std::move(message)); },
             .end = [this](link::SessionId id, std::string_view why) { end(id, why); },
             .tell = parts.tell,
             .cut = [this](link::SessionId id) { cut(id); }},
            epoch),
        asker(parts.loop, hub),
        beside(parts.loop, asker) {}

  void send(link::SessionId id, std::string message) {
    if (const auto found = sockets.find(id); found != sockets.end()) found->second->send(std::move(message));
  }

  // What was sent before is still delivered.
  void end(link::SessionId id, std::string_view why) {
    const auto found = sockets.find(id);
    if (found == sockets.end()) return;
    found->second->close(why);
    closing.insert_or_assign(id, std::move(found->second));
    sockets.erase(found);
  }

  void cut(link::SessionId id) {
    const auto found = sockets.find(id);
    if (found == sockets.end()) return;
    const auto socket = std::move(found->second);
    sockets.erase(found);
    socket->abort();
  }

  void accept(std::shared_ptr<net::WebSocket> socket) {
    const std::string peer = socket->peer();
    net::WebSocket& opened = *socket;
    const link::SessionId id = hub.opened(peer, is_loopback_peer(peer), opened.binding(), opened.tls());
    if (!hub.has(id)) return socket->abort();  // else nobody would ever end it
    sockets.emplace(id, std::move(socket));
    const std::weak_ptr<Running> weak = weak_from_this();
    opened.start({.message =
                      [weak, id](std::string_view message) {
                        const auto self = weak.lock();
                        if (self && self->sockets.contains(id)) self->hub.received(id, message);
                      },
                  .ended =
                      [weak, id](const Error& why) {
                        const auto self = weak.lock();
                        if (!self) return;
                        self->hub.closed(id, why);
                        self->sockets.erase(id);
                        self->closing.erase(id);
                      }});
  }

  void tick() {
    parts.loop.later(kTick, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->tick();
    });
    const bool republished = look_at_archive();
    hub.tick();
    const auto changed = book.keep(hub.states());
    if (!changed) return log::warning("connector.state-lost", "{}", changed.error().message);
    if ((*changed || republished) && parts.changed) parts.changed();
  }

  // Commands beside this process put Connectors away too.
  bool look_at_archive() {
    auto now = link::Archive(parts.state.store()).all();
    if (!now) log::warning("connector.state-unreadable", "{}", now.error().message);
    if (!now || *now == archived) return false;
    archived = std::move(*now);
    if (is_loaded) publish();
    return is_loaded;
  }

  void publish() {
    declared = applied;
    for (auto& [key, connector] : declared) connector.archived = connector.archived || archived.contains(key);
    hub.publish(declared);
  }

  HubHost::Parts parts;
  link::Identities identities;
  link::StateBook book;
  std::map<link::SessionId, std::shared_ptr<net::WebSocket>> sockets, closing;
  std::map<ResourceKey, link::DeclaredConnector> applied, declared;  // declared: with what was put away here
  link::PutAwayConnectors archived;
  bool is_loaded = false;  // what was applied is known
  link::Hub hub;
  link::LoopAsker asker;
  BesideServer beside;
};

HubHost::HubHost(std::shared_ptr<Running> running) : running_(std::move(running)) {}
HubHost::~HubHost() = default;

Result<std::unique_ptr<HubHost>> HubHost::open(Parts parts) {
  PLUMB_TRY(const std::uint64_t epoch, link::Identities(parts.state.store(), parts.clock).next_epoch());
  return std::unique_ptr<HubHost>(new HubHost(std::make_shared<Running>(std::move(parts), epoch)));
}

net::WebSocketAcceptor HubHost::acceptor() {
  return {.path = "/connector/v1",
          .subprotocol = "plumbline.connector.v1",
          .options = {.queue_limit = kLongestQueue},
          .limit = kMostConnectors,
          .accepted = [weak = std::weak_ptr(running_)](std::shared_ptr<net::WebSocket> socket, const net::Request&) {
            if (const auto self = weak.lock()) self->accept(std::move(socket));
          }};
}

void HubHost::begin() {
  if (!running_->parts.socket.empty()) running_->beside.serve(running_->parts.socket);
  running_->look_at_archive();  // before anybody can dial in
  running_->tick();
}

void HubHost::look_at_archive() {
  if (running_->look_at_archive() && running_->parts.changed) running_->parts.changed();
}

void HubHost::publish(const runtime::RegistryView& view) {
  running_->applied = declared_connectors(view);
  running_->is_loaded = true;
  running_->publish();
}

link::Asker& HubHost::asker() { return running_->asker; }

bool HubHost::is_online(const std::string& group) const {
  const auto states = running_->hub.states();
  return std::ranges::any_of(running_->declared, [&](const auto& each) {
    const auto state = states.find(each.first);
    return works_for(group, each.second) && state != states.end() &&
           state->second.phase == link::ConnectorState::Phase::online;
  });
}

bool HubHost::may_come(const std::string& group) const {
  return std::ranges::any_of(running_->declared, [&](const auto& each) { return works_for(group, each.second); });
}

std::map<ResourceKey, link::ConnectorState> HubHost::states() const { return running_->hub.states(); }

std::map<ResourceKey, link::DeclaredConnector> declared_connectors(const runtime::RegistryView& view) {
  std::map<ResourceKey, link::DeclaredConnector> all;
  for (const auto& [key, object] : view.objects) {
    if (key.kind != "Connector") continue;
    const Value& spec = object->spec;
    link::DeclaredConnector connector;
    connector.key = key;
    connector.group = key.ns + "/" + runtime::connector_group(spec, key.name);
    connector.enabled = bool_at(spec, "/enabled").value_or(true);
    connector.archived = bool_at(spec, "/archived").value_or(false);
    connector.log_level = text_at(spec, "/logLevel").value_or("info");
    if (const auto rotation = text_at(spec, "/keyRotation/interval"))
      connector.rotation = parse_duration(*rotation).value_or(Duration::zero());
    all.emplace(key, std::move(connector));
  }
  return all;
}

}  // namespace plumb::app
