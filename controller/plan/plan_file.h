#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/plan.h"

namespace plumb::plan {

// A reviewed plan on its way to `apply`. Sealed with a key of the installation (HMAC-SHA-256 over
// every byte), so that what is applied is what was reviewed.
struct PlanFile {
  std::string id;  // random; makes it usable once
  SystemTime created{}, expires{};
  std::string instance;  // whose plan it is
  // The commit whose manifests it is of, where that is not what the source has: what is taken away is compared with
  // these. Empty: the manifests as they are.
  std::string manifests{};
  std::vector<Plan> plans;
};

std::string seal(const PlanFile& file, std::string_view key);
// Fault::denied if it was changed, is of another installation or has expired; the message says which.
Result<PlanFile> unseal(std::string_view text, std::string_view key, std::string_view instance, SystemTime now);

}  // namespace plumb::plan
