#include "connector/agent.h"

namespace plumb::connector {

Result<int> run_agent(const Config& /*config*/, const Policy& /*policy*/, const AgentSurroundings& /*surroundings*/) {
  return fail(Fault::unavailable, "the link to the controller is not built yet");
}

}  // namespace plumb::connector
