#pragma once

#include <functional>
#include <stop_token>

#include "connector/config.h"
#include "connector/local_audit.h"
#include "connector/policy.h"
#include "connector/service_notify.h"
#include "connector/status.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb::connector {

// What the program gives to the agent. All of it outlives run_agent().
struct AgentSurroundings {
  const Clock& clock;
  LocalAudit& audit;
  const ServiceNotify& service;
  std::function<void(const AgentStatus&)> publish;  // to the status file and `systemctl status`; on any thread
  std::stop_token stop;
  std::string version;
};

// systemd has been told that the service is ready; the agent calls service.alive() at least each alive_interval(), and
// publish() whenever its state changes.
// Connects, and works until it is told to stop; the exit code then. An error ends the program: what passes by itself is
// tried again within.
Result<int> run_agent(const Config& config, const Policy& policy, const AgentSurroundings& surroundings);

}  // namespace plumb::connector
