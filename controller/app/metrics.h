#pragma once

#include <string>

#include "controller/app/connector_rows.h"

namespace plumb::app {

// What Prometheus scrapes (its text format, 0.0.4): this process, and the Connectors that were applied.
std::string metrics_text(const ConnectorsSeen& seen, std::string_view version);

}  // namespace plumb::app
