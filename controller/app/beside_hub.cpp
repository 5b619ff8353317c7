#include "controller/app/beside_hub.h"

#include <utility>

#include "controller/link/relay.h"
#include "controller/net/local_channel.h"

namespace plumb::app {

std::filesystem::path hub_socket(const std::filesystem::path& state) { return state / "hub.sock"; }

struct BesideHub::Running : std::enable_shared_from_this<BesideHub::Running> {
  Running(std::filesystem::path at, net::Loop& with)
      : state(std::move(at)),
        loop(with),
        client({.loop = with, .send = [this](std::string message) { return send(std::move(message)); }}) {}

  Result<void> send(std::string message) {
    if (message.size() > net::LocalChannel::kMessageLimit)
      return fail(Fault::invalid, "a question of {} bytes is too long for the controller", message.size());
    if (channel == nullptr) PLUMB_CHECK(connect());
    channel->send(std::move(message));
    return {};
  }

  Result<void> connect() {
    auto connected = net::LocalChannel::connect(loop, hub_socket(state));
    if (!connected && connected.error().fault == Fault::not_found)
      return fail(Fault::unavailable,
                  "connectors dial in to `plumbline run --api`, and none is running on the state in {}; start it, or "
                  "name its state with --state",
                  state.string());
    if (!connected)
      return fail(Fault::unavailable, "the controller that connectors dial in to cannot be asked: {}",
                  connected.error().message);
    channel = std::move(*connected);
    const std::weak_ptr<Running> weak = weak_from_this();
    channel->start({.message =
                        [weak](std::string_view message) {
                          const auto self = weak.lock();
                          if (!self) return;
                          if (const auto good = self->client.received(message); !good) self->end(good.error());
                        },
                    .ended =
                        [weak](const Error& why) {
                          if (const auto self = weak.lock()) self->end(why);
                        }});
    return {};
  }

  // The channel goes later: it may be what calls. There is no other after it: what was opened through it is closed.
  void end(const Error& why) {
    loop.post([ended = std::exchange(channel, nullptr)] {});
    client.closed(why);
  }

  const std::filesystem::path state;
  net::Loop& loop;
  std::shared_ptr<net::LocalChannel> channel;  // null: not connected
  link::RelayClient client;
};

BesideHub::BesideHub(std::filesystem::path state, net::Loop& loop)
    : running_(std::make_shared<Running>(std::move(state), loop)) {}
BesideHub::~BesideHub() = default;

link::Asker& BesideHub::asker() { return running_->client; }

std::unique_ptr<LoopedBesideHub> connectors_beside(const std::filesystem::path& state, const Snapshot& snapshot) {
  bool needed = false;
  each_of_kind(snapshot, "Directory", [&](const Resource& directory) {
    needed = needed || !text_at(directory.spec, "/connectorGroup").value_or("").empty();
  });
  return needed ? std::make_unique<LoopedBesideHub>(state) : nullptr;
}

}  // namespace plumb::app
