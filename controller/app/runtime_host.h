#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/app/state.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/link/asker.h"
#include "controller/ports/secret_store.h"
#include "controller/runtime/invoker.h"
#include "controller/runtime/local_target.h"
#include "controller/runtime/registry.h"
#include "controller/runtime/sign_ins.h"

namespace plumb::app {

struct RuntimeOptions {
  std::vector<std::string> egress;         // rules, see net::Egress
  std::string api;                         // address and port that the API is served at; empty: it is not
  std::filesystem::path certificate, key;  // PEM, for TLS
  std::string hub_version;                 // not empty: connectors may dial in, and are told this version of ours
  // Where connectors may dial in, commands beside this process use them through a socket there; else this process uses
  // those of the controller that runs on it. Empty: neither.
  std::filesystem::path state{};
};

// The integration runtime of one process: a loop with everything that works on it (see docs/decisions/0012). It follows
// the registry: what is applied is live with the view after it. Thread-safe.
class RuntimeHost {
 public:
  // All of which must outlive it.
  struct Parts {
    runtime::Registry& registry;
    SecretStore& secrets;
    State& state;
    const Clock& clock;
  };
  // Fault::invalid for an egress rule that cannot be read.
  static Result<std::unique_ptr<RuntimeHost>> start(const RuntimeOptions& options, const Parts& parts);
  ~RuntimeHost();
  RuntimeHost(const RuntimeHost&) = delete;
  RuntimeHost& operator=(const RuntimeHost&) = delete;

  // Who puts questions to connectors; null: none can dial in to this process.
  link::Asker* asker() const;
  // Waits until somebody of each group ("namespace/group") that can come is there, or it is to stop: which are not, at
  // the end.
  std::vector<std::string> wait_for(const std::set<std::string>& groups, Duration limit, const std::stop_token& stop);
  // Whose people sign in to the API from now on; nobody's until then.
  void sign_in_by(runtime::SignIns::Directories directories);
  // Serves the API, and says where. Connectors dial in there too.
  Result<std::string> serve(const RuntimeOptions& options);
  // Probes integrations as they say, and tells when a result is another than before; on the loop's thread.
  void probe_all(std::function<void()> changed);
  void stop_probing();  // neither `changed` is called any more when it returns
  // Connectors came or went; on the loop's thread.
  void watch_connectors(std::function<void()> changed);
  std::optional<runtime::ProbeResult> last_probe(const ResourceKey& integration) const;

  // For a person who waits.
  runtime::Invoked invoke(runtime::Invocation invocation, Duration limit);
  runtime::Invoked probe(const ResourceKey& integration, Duration limit);
  // The URL to sign in at, once `listen` (an address of the loopback, port 0 for any) takes the answer; `show` gets it.
  // Returns when the person has signed in.
  Result<void> login(const ResourceKey& integration, const std::string& listen, Duration limit,
                     const std::function<void(const std::string& url)>& show);

 private:
  struct Running;
  explicit RuntimeHost(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

// "Answered", "Unauthorized", "Unreachable": what a probe's result says of the connection.
runtime::ProbeResult probe_result(const runtime::Invoked& probed);

}  // namespace plumb::app
