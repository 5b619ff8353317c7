#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/ports/http_sender.h"

namespace plumb::net {

struct ProbeOptions {
  std::string host;
  std::uint16_t port = 0;
  std::optional<HttpTls> tls{};  // none: TCP alone
  Duration timeout = std::chrono::seconds(10);
};

// How far one gets towards a server: its name, a TCP connection, TLS. Sends nothing above that, and closes.
struct Probe {
  enum class Reached { nothing, address, connection, all };
  Reached reached = Reached::nothing;
  std::string address{};  // that was connected to, or tried last
  std::string error{};    // of the step after; empty: all went well
  std::chrono::microseconds took{};
};

// For diagnosis. Blocks until the timeout at most, on the calling thread. Asks no egress rules: whoever calls says
// where to, and gets no byte back.
Probe probe(const ProbeOptions& options);

}  // namespace plumb::net
