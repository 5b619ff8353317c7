#pragma once

#include "connector/config.h"
#include "controller/base/result.h"
#include "controller/link/agent.h"

namespace plumb::connector {

// Who the agent is, in storage/identity.json, 0600. A copy of the file is a copy of the identity: the controller
// notices when both are used.
Result<link::AgentKeys> load_keys(const Config& config);  // empty ones where there are none
Result<void> save_keys(const Config& config, const link::AgentKeys& keys);

}  // namespace plumb::connector
