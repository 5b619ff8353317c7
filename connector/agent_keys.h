#pragma once

#include <string_view>

#include "connector/config.h"
#include "controller/base/result.h"
#include "controller/link/agent.h"

namespace plumb::connector {

// Who the agent is, in storage/identity.json, 0600. A copy of the file is a copy of the identity: the controller
// notices when both are used.
Result<link::AgentKeys> load_keys(const Config& config);  // empty ones where there are none
Result<void> save_keys(const Config& config, const link::AgentKeys& keys);

// The key that goes with a token, on the disk before it is first used: the controller takes the token from this key
// alone after that, and a link may break, or we may be restarted, before it has said so. In storage/enrolling.json, by
// the SHA-256 of the token; one of another token makes way.
Result<Secret> enrolling_key(const Config& config, std::string_view token_digest);
Result<void> forget_enrolling_key(const Config& config);  // there may be none

}  // namespace plumb::connector
