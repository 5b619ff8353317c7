#pragma once

#include <string>

#include "connector/config.h"
#include "connector/policy.h"
#include "connector/reply.h"
#include "controller/base/clock.h"
#include "controller/link/asker.h"

namespace plumb::connector {

struct ReportParts {
  const Config& config;
  const Policy& policy;
  Deadline deadline;
};
// What a site tells of itself: its log (files as in agent_codec.h, or lines as they come), and whether its targets can
// be reached (JSON of the doctor's checks). Blocks.
Result<std::string> report(link::Method method, Reply& reply, const ReportParts& parts);

}  // namespace plumb::connector
