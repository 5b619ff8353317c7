#include "controller/app/beside_server.h"

#include <map>
#include <utility>

#include "controller/base/log.h"
#include "controller/link/relay.h"
#include "controller/net/local_channel.h"

namespace plumb::app {
namespace {

constexpr std::size_t kMostCommands = 64;  // at a time

using ClientId = link::RelayServer::ClientId;

}  // namespace

struct BesideServer::Running : std::enable_shared_from_this<BesideServer::Running> {
  Running(net::Loop& with, link::Asker& asker)
      : loop(with),
        relay({.asker = asker,
               .send = [this](ClientId id, std::string message) { send(id, std::move(message)); },
               .end =
                   [this](ClientId id, std::string_view why) {
                     log::warning("connector.beside", "a command beside this process: {}", why);
                     let_go(id);
                   }}) {}

  void send(ClientId id, std::string message) {
    if (const auto found = channels.find(id); found != channels.end()) found->second->send(std::move(message));
  }

  void accept(std::shared_ptr<net::LocalChannel> channel) {
    if (channels.size() >= kMostCommands)
      return log::warning("connector.beside", "{} commands ask for connectors already", channels.size());
    const ClientId id = relay.opened();
    net::LocalChannel& opened = *channel;
    channels.emplace(id, std::move(channel));
    const std::weak_ptr<Running> weak = weak_from_this();
    opened.start({.message =
                      [weak, id](std::string_view message) {
                        if (const auto self = weak.lock()) self->relay.received(id, message);
                      },
                  .ended =
                      [weak, id](const Error&) {
                        const auto self = weak.lock();
                        if (!self) return;
                        self->relay.closed(id);
                        self->let_go(id);
                      }});
  }

  // Not at once: it may be what calls.
  void let_go(ClientId id) {
    const auto found = channels.find(id);
    if (found == channels.end()) return;
    loop.post([channel = std::move(found->second)] {});
    channels.erase(found);
  }

  net::Loop& loop;
  std::map<ClientId, std::shared_ptr<net::LocalChannel>> channels;
  link::RelayServer relay;
  std::unique_ptr<net::LocalListener> listener;  // null: nobody is listened to
};

BesideServer::BesideServer(net::Loop& loop, link::Asker& asker) : running_(std::make_shared<Running>(loop, asker)) {}
BesideServer::~BesideServer() = default;

void BesideServer::serve(const std::filesystem::path& socket) {
  auto opened = net::LocalListener::open(running_->loop, socket, [weak = std::weak_ptr(running_)](auto channel) {
    if (const auto self = weak.lock()) self->accept(std::move(channel));
  });
  if (!opened)
    return log::warning("connector.beside", "commands beside this process cannot use its connectors: {}",
                        opened.error().message);
  running_->listener = std::move(*opened);
}

}  // namespace plumb::app
