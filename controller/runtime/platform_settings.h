#pragma once

#include <memory>
#include <string>

#include "controller/base/result.h"
#include "controller/base/url.h"
#include "controller/model/resource.h"
#include "controller/ports/http_sender.h"
#include "controller/runtime/platform_shape.h"

namespace plumb::runtime {

// An IntegrationPlatform with its Credential, parsed and checked.
struct PlatformSettings {
  ResourceKey key;
  Url url;  // the path is put before every route
  enum class Login { basic, login, oauth };
  Login login = Login::oauth;
  std::string account;      // user name, or client id
  std::string secret_from;  // SecretStore reference of the password, or of the client's secret
  PlatformVersion version{};
  HttpTls tls{};
  HttpLimits limits{};
};

// Fault::invalid, at a JSON Pointer: what is missing or does not fit, or a URL over which secrets would go in clear
// (http is for loopback only).
Result<PlatformSettings> platform_settings(const Resource& platform, const Snapshot& snapshot);

}  // namespace plumb::runtime
