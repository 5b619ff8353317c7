#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "connector/config.h"
#include "connector/local_audit.h"
#include "connector/policy.h"
#include "connector/workplace.h"
#include "controller/base/clock.h"
#include "controller/base/secret.h"
#include "controller/ports/http_sender.h"
#include "controller/ports/secret_store.h"

namespace plumb::connector {

// What of the work came to nothing, for those who watch the agent. Thread-safe.
struct WorkTally {
  std::atomic<std::uint64_t> failed = 0, refused = 0;
};

// What this site does for a controller, and what it keeps to itself.
struct SiteParts {
  const Config& config;
  const Policy& policy;
  LocalAudit& audit;
  const Clock& clock;
  HttpSender& http;
  WorkTally& tally;
};
// All of `parts` outlive what is made.
Skills skills_of(const SiteParts& parts);

// Secrets that stay at the site: "connector:NAME", see local_secret(); and those that the controller gave along
// for one opening. The Config outlives it.
class SiteSecrets final : public SecretStore {
 public:
  static constexpr std::string_view kGiven = "given:";
  SiteSecrets(const Config& config, std::shared_ptr<const Secret> given) : config_(config), given_(std::move(given)) {}
  Result<Secret> fetch(const std::string& reference) override;
  Result<void> deliver(const std::string& reference, const Secret& secret) override;
  Result<void> handed_over(const std::string&) override { return {}; }

 private:
  const Config& config_;
  const std::shared_ptr<const Secret> given_;
};

}  // namespace plumb::connector
