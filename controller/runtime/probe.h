#pragma once

#include <string>

#include "controller/base/clock.h"
#include "controller/model/value.h"

// spec.probe of an Integration.
namespace plumb::runtime {

struct ProbeSettings {
  enum class Mode { off, head, operation };
  Mode mode = Mode::off;
  std::string operation{};  // operationId, for Mode::operation
  Duration interval = std::chrono::minutes(5);
  friend bool operator==(const ProbeSettings&, const ProbeSettings&) = default;
};
ProbeSettings probe_settings(const Value& spec);

// Whether an answer to the probe shows that the target is there and takes the credential. HEAD of a base URL is often
// answered with 404 or 405: that is an answer. An operation has to succeed.
bool shows_ready(ProbeSettings::Mode mode, int status);

}  // namespace plumb::runtime
