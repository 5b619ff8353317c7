#pragma once

#include <optional>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/net/http_message.h"
#include "controller/openapi/request.h"
#include "controller/runtime/syslog_format.h"

namespace plumb::api {

// Whether it is sent as application/json: what a form of a browser cannot be (I16).
bool is_json(const net::Request& request);

// The body of an invocation: {parameters?: {...}, body?: ..., mediaType?: TEXT, timeoutMs?: N}.
struct CallBody {
  openapi::Arguments arguments;
  std::optional<Duration> timeout;
};
// Fault::denied: it is not sent as application/json. Fault::invalid: everything else, and what.
Result<CallBody> call_body(const net::Request& request);

// The body of a change of the log level: {level: TEXT, forSeconds?: N}; faults as above.
struct LevelBody {
  runtime::LogLevel level = runtime::LogLevel::info;
  Duration span = std::chrono::hours(1);
};
Result<LevelBody> level_body(const net::Request& request);

// How long a connector's token is to be good: {expiresInSeconds?: N}, or no body at all.
Result<Duration> token_body(const net::Request& request);

// Which Connectors are meant: {connectors: ["namespace/name", ...], force?: BOOL}; force only where it `may_force`.
struct ConnectorsBody {
  std::vector<ResourceKey> connectors;
  bool force = false;
};
Result<ConnectorsBody> connectors_body(const net::Request& request, bool may_force);

}  // namespace plumb::api
