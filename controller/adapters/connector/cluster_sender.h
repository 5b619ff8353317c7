#pragma once

#include <memory>

#include "controller/link/asker.h"
#include "controller/ports/http_sender.h"

namespace plumb::remote {

// Sends what is routed to a cluster through a connector of it, all else as `direct` does. An agent's answer comes on
// the hub's loop, which has to be that of `direct`. Connections are the agent's, and equal routes share them there: a
// new certificate makes another route. Both outlive it.
class ClusterSender final : public HttpSender {
 public:
  ClusterSender(HttpSender& direct, link::Asker& asker) : direct_(direct), asker_(asker) {}
  void send(HttpRequest request, std::shared_ptr<const HttpRoute> route, const HttpLimits& limits, Done done) override;

 private:
  HttpSender& direct_;
  link::Asker& asker_;
};

}  // namespace plumb::remote
