#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "controller/app/console.h"
#include "controller/app/options.h"
#include "controller/app/state.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/plan.h"
#include "controller/plan/render.h"

namespace plumb::app {

// Written aside and renamed: a reader sees all of it or the one before.
Result<void> write_file(const std::filesystem::path& file, std::string_view text, mode_t mode);

// Seals the plans into options.out, and says how to apply it. `manifests`: the commit whose objects the plans are of;
// empty: the manifests as they are.
Result<void> write_plan_file(const PlanOptions& options, const State& state, const std::vector<Plan>& plans,
                             const std::string& manifests, const Clock& clock, Console& console);

// The report of plans in one of the formats of `plan -o`, with what else has to be said of it: as its first lines where
// people read it, else to `err`.
Result<std::string> report_of(const std::vector<Plan>& plans, const std::vector<std::string>& notes,
                              const std::string& output, const plan::RenderOptions& options, Console& console);

// What `plan --detailed-exitcode` says of plans: kChanges, kFailed for blocked objects, as `apply` ends with it.
int detailed_exit_code(const std::vector<Plan>& plans);

}  // namespace plumb::app
