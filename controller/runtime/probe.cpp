#include "controller/runtime/probe.h"

namespace plumb::runtime {

ProbeSettings probe_settings(const Value& spec) {
  ProbeSettings settings;
  const std::string mode = text_at(spec, "/probe/mode").value_or("Off");
  if (mode == "Head") settings.mode = ProbeSettings::Mode::head;
  if (mode == "Operation") settings.mode = ProbeSettings::Mode::operation;
  settings.operation = text_at(spec, "/probe/operationId").value_or("");
  settings.interval = std::chrono::seconds(int_at(spec, "/probe/intervalSeconds").value_or(300));
  return settings;
}

bool shows_ready(ProbeSettings::Mode mode, int status) {
  if (mode == ProbeSettings::Mode::operation) return status >= 200 && status <= 299;
  return status != 401 && status != 403 && status != 407 && status < 500;
}

}  // namespace plumb::runtime
