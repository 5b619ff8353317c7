#include "controller/net/probe.h"

#include <algorithm>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>

#include "controller/base/text.h"
#include "controller/net/resolver.h"
#include "controller/net/stream.h"
#include "controller/net/tls_client.h"

namespace plumb::net {
namespace {

using Steady = std::chrono::steady_clock;

// On a thread that is left behind where the servers of a name are silent: getaddrinfo has no limit of its own.
Result<Resolver::Addresses> look_up(const std::string& host, Steady::time_point until) {
  const auto answer = std::make_shared<std::promise<Result<Resolver::Addresses>>>();
  auto future = answer->get_future();
  std::thread([answer, host] { answer->set_value(Resolver::system(host)); }).detach();
  if (future.wait_until(until) != std::future_status::ready)
    return fail(Fault::timeout, "the name {} was not resolved in time", printable(host));
  return future.get();
}

// Runs the loop until the step is done; nothing if time was up first.
std::optional<Code> finish(asio::io_context& io, const std::optional<Code>& done, Steady::time_point until) {
  io.restart();
  while (!done && io.run_one_until(until) > 0) {
  }
  return done;
}

std::string text_of(const std::optional<Code>& code) { return code ? code->message() : "no answer in time"; }

// The handshake, and the reason where it fails. The stream and the loop outlive what is under way.
std::string shake_hands(asio::io_context& io, Stream& stream, const ProbeOptions& options, Steady::time_point until) {
  auto tls = TlsClient::make(*options.tls);
  if (!tls) return tls.error().message;
  TlsClient::Peer peer{.host = options.host, .port = options.port};
  stream.add_tls((*tls)->context());
  if (auto prepared = (*tls)->prepare(stream.ssl(), peer); !prepared) return prepared.error().message;
  std::optional<Code> done;
  stream.connect_tls([&done](Code code) { done = code; });
  const auto ended = finish(io, done, until);
  const std::string why = !ended ? text_of(ended) : *ended ? TlsClient::explain(*ended, peer).message : std::string();
  stream.close();
  if (!ended) {  // its handler refers to `done`
    io.restart();
    io.run();
  }
  return why;
}

void connect(const Resolver::Addresses& addresses, const ProbeOptions& options, Steady::time_point until,
             Probe& probe) {
  for (const std::string& address : addresses) {
    asio::io_context io{1};
    Code wrong;
    const auto parsed = asio::ip::make_address(address, wrong);
    if (wrong) continue;
    probe.address = address;
    asio::ip::tcp::socket socket(io);
    std::optional<Code> done;
    socket.async_connect({parsed, options.port}, [&done](Code code) { done = code; });
    const auto ended = finish(io, done, until);
    if (!ended || *ended) {
      probe.error = text_of(ended);
      socket.close(wrong);
      if (!ended) {
        io.restart();
        io.run();
      }
      continue;
    }
    probe.reached = Probe::Reached::connection;
    probe.error.clear();
    Stream stream(std::move(socket), nullptr);
    if (options.tls) probe.error = shake_hands(io, stream, options, until);
    if (probe.error.empty()) probe.reached = Probe::Reached::all;
    return;
  }
}

}  // namespace

Probe probe(const ProbeOptions& options) {
  const auto begun = Steady::now();
  const auto until = begun + options.timeout;
  Probe probe;
  if (const auto addresses = look_up(options.host, until)) {
    probe.reached = Probe::Reached::address;
    connect(*addresses, options, until, probe);
  } else {
    probe.error = addresses.error().message;
  }
  probe.took = std::chrono::duration_cast<std::chrono::microseconds>(Steady::now() - begun);
  return probe;
}

}  // namespace plumb::net
