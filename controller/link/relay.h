#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/link/asker.h"
#include "controller/ports/event_loop.h"

// Questions of other processes of this machine (`plumbline plan` beside `plumbline run --api`) to the connectors that
// have dialled in to this one. Both ends see messages and give messages; sockets are somebody else's. One message:
//
//     type (1 byte) | question (8) | body
//
//     ask      version of this protocol, method, session, limit in ms, bytes of payload, group, actor; begins the
//     payload more     the rest of it, piece by piece credit, cancel                     as of an Asker assigned, part,
//     done               as of a Sink
namespace plumb::link {

struct RelayOptions {
  std::size_t asked_most = 64;            // open questions of one client
  std::size_t payload_most = 72U << 20U;  // bytes of one question, as HubOptions has it
  std::size_t held_most = 128U << 20U;    // bytes of all questions that have not come whole
};

// The end that has the connectors. On the thread that `asker` calls its sinks on.
class RelayServer {
 public:
  using ClientId = std::uint64_t;
  struct Parts {
    Asker& asker;  // outlives it
    // Neither may call back.
    std::function<void(ClientId, std::string message)> send;
    std::function<void(ClientId, std::string_view why)> end;  // it does not keep to the protocol
    RelayOptions options{};
  };
  explicit RelayServer(Parts parts);
  ~RelayServer();  // of what is under way nobody hears any more
  RelayServer(const RelayServer&) = delete;
  RelayServer& operator=(const RelayServer&) = delete;

  ClientId opened();
  void received(ClientId client, std::string_view message);
  // What it asked is cancelled, and what agents have open for it is closed there.
  void closed(ClientId client);

  std::size_t asked() const;  // open questions of all clients
  std::size_t held() const;   // bytes of those that have not come whole

 private:
  struct Running;
  class Passing;
  const std::shared_ptr<Running> running_;
};

// The other end: asks through a process that has the connectors. What is not said to be thread-safe is on the loop's
// thread.
class RelayClient final : public Asker {
 public:
  struct Parts {
    EventLoop& loop;  // sinks are called there
    // Queues a message. An error: it never goes out, and whoever asked is told why. Must not call back.
    std::function<Result<void>(std::string message)> send;
  };
  explicit RelayClient(Parts parts);
  ~RelayClient() override;  // on the loop's thread or once it is stopped; what is open is not answered any more
  RelayClient(const RelayClient&) = delete;
  RelayClient& operator=(const RelayClient&) = delete;

  // Thread-safe.
  std::uint64_t ask(Ask ask, std::shared_ptr<Sink> sink) override;
  void credit(std::uint64_t id, std::uint32_t bytes) override;
  void cancel(std::uint64_t id) override;

  // Fault::invalid: whoever is there speaks something else; closed() is to follow.
  Result<void> received(std::string_view message);
  // Nobody is there any more: what was asked may have been begun, and what is asked from now on is not.
  void closed(const Error& why);

 private:
  struct Running;
  const std::shared_ptr<Running> running_;
  std::atomic<std::uint64_t> next_ = 1;
};

}  // namespace plumb::link
