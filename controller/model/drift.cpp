#include "controller/model/drift.h"

#include <array>

namespace plumb {
namespace {

constexpr std::array<std::pair<DriftMode, std::string_view>, 3> kModes = {
    {{DriftMode::enforce, "Enforce"}, {DriftMode::alert, "Alert"}, {DriftMode::observe, "Observe"}}};

}  // namespace

std::string_view to_string(DriftMode mode) {
  for (const auto& [each, name] : kModes)
    if (each == mode) return name;
  return "";
}

std::optional<DriftMode> parse_drift_mode(std::string_view text) {
  for (const auto& [mode, name] : kModes)
    if (name == text) return mode;
  return {};
}

DriftMode DriftRules::of(std::string_view attribute) const {
  const auto found = attributes.find(attribute);
  return found == attributes.end() ? mode : found->second;
}

}  // namespace plumb
