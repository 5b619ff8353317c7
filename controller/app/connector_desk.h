#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "controller/api/connector_routes.h"
#include "controller/app/hub_host.h"
#include "controller/app/state.h"
#include "controller/base/clock.h"
#include "controller/net/loop.h"
#include "controller/runtime/registry.h"

namespace plumb::app {

// What the HTTP API may do with Connectors, in the process that they have dialled in to. On the loop's thread.
class ConnectorDesk {
 public:
  struct Parts {
    net::Loop& loop;
    State& state;
    const Clock& clock;
    HubHost& hub;
    std::filesystem::path folder;                                        // of the state
    std::string version;                                                 // of this program
    std::function<std::shared_ptr<const runtime::RegistryView>()> view;  // null: nothing is loaded yet
  };
  explicit ConnectorDesk(Parts parts);  // which must outlive it
  // Once the loop is stopped. Waits for an archive that is being made.
  ~ConnectorDesk();
  ConnectorDesk(const ConnectorDesk&) = delete;
  ConnectorDesk& operator=(const ConnectorDesk&) = delete;

  // Looks every second, from here on, for logs that were asked for and can be had now.
  void begin();
  api::ConnectorParts parts();
  std::string metrics() const;

 private:
  struct Running;
  const std::shared_ptr<Running> running_;
};

}  // namespace plumb::app
