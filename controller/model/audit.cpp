#include "controller/model/audit.h"

#include <array>
#include <utility>

namespace plumb {
namespace {

using Stage = AuditRecord::Stage;

constexpr std::array<std::pair<Stage, std::string_view>, 9> kStages = {{{Stage::intent, "intent"},
                                                                        {Stage::done, "done"},
                                                                        {Stage::failed, "failed"},
                                                                        {Stage::unknown, "unknown"},
                                                                        {Stage::settled, "settled"},
                                                                        {Stage::denied, "denied"},
                                                                        {Stage::held, "held"},
                                                                        {Stage::approval, "approval"},
                                                                        {Stage::note, "note"}}};

}  // namespace

std::string_view to_string(Stage stage) {
  for (const auto& [each, name] : kStages)
    if (each == stage) return name;
  return "note";
}

std::optional<Stage> parse_stage(std::string_view text) {
  for (const auto& [stage, name] : kStages)
    if (name == text) return stage;
  return {};
}

}  // namespace plumb
