#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "controller/app/state.h"
#include "controller/base/clock.h"
#include "controller/link/asker.h"
#include "controller/link/hub.h"
#include "controller/net/http_server.h"
#include "controller/net/loop.h"
#include "controller/runtime/registry.h"

namespace plumb::app {

// The hub of connectors in the process that serves the API. On the loop's thread, but for `asker`, which any may use.
class HubHost {
 public:
  struct Parts {
    net::Loop& loop;
    State& state;
    const Clock& clock;
    std::string version;
    std::filesystem::path socket;  // where commands beside this process may use the connectors; empty: they may not
    std::function<void(const link::HubEvent&)> tell;  // for the audit log
    std::function<void()> changed;                    // somebody came or went; may be empty
  };
  // Takes a new epoch from the state, which this process holds the lease of.
  static Result<std::unique_ptr<HubHost>> open(Parts parts);
  ~HubHost();
  HubHost(const HubHost&) = delete;
  HubHost& operator=(const HubHost&) = delete;

  net::WebSocketAcceptor acceptor();
  void begin();  // looks every second from here on, and takes questions of commands beside this process
  void publish(const runtime::RegistryView& view);
  // What was put away or taken back counts from now on; else from the next second on.
  void look_at_archive();
  link::Asker& asker();
  // Whether a connector of the group ("namespace/group") would take work now.
  bool is_online(const std::string& group) const;
  // Whether one that connects would: where all are disabled or archived, waiting brings none.
  bool may_come(const std::string& group) const;
  std::map<ResourceKey, link::ConnectorState> states() const;

 private:
  struct Running;
  explicit HubHost(std::shared_ptr<Running> running);
  const std::shared_ptr<Running> running_;
};

// The Connectors among what was applied.
std::map<ResourceKey, link::DeclaredConnector> declared_connectors(const runtime::RegistryView& view);

}  // namespace plumb::app
