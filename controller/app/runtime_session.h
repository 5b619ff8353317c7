#pragma once

#include <memory>
#include <string_view>

#include "controller/app/options.h"
#include "controller/app/runtime_host.h"
#include "controller/app/state.h"
#include "controller/base/clock.h"
#include "controller/ports/secret_store.h"
#include "controller/runtime/documents.h"
#include "controller/runtime/registry.h"

namespace plumb::app {

// What somebody at this machine did with the runtime or its connectors, for the audit log.
Result<void> note_done(State& state, const ResourceKey& key, const std::string& message);

// What was applied of the integration runtime, for a command beside a controller that may be running; in the order in
// which it is taken down again.
struct RuntimeSession {
  RealClock clock;
  runtime::Documents documents;
  std::unique_ptr<State> state;
  std::unique_ptr<runtime::Registry> registry;
  std::unique_ptr<SecretStore> secrets;
  std::unique_ptr<RuntimeHost> host;  // null: not asked for

  RuntimeSession() = default;
  RuntimeSession(const RuntimeSession&) = delete;
  RuntimeSession& operator=(const RuntimeSession&) = delete;

  // Keeps that somebody at this machine did it.
  void note(const ResourceKey& key, const std::string& message) const;
};

// `purpose`: "plumbline invoke". With `calls`, operations can be called.
Result<std::unique_ptr<RuntimeSession>> open_runtime(const GlobalOptions& options, std::string_view purpose,
                                                     bool calls);
// The Integration of that name: "crm", "integration/crm" or "sales/crm" with a namespace. Fault::not_found with what is
// there and near.
Result<ResourceKey> integration_named(const RuntimeSession& session, const GlobalOptions& options,
                                      const std::string& text);

}  // namespace plumb::app
