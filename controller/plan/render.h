#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/model/plan.h"
#include "controller/model/value.h"

namespace plumb::plan {

enum class Format { text, json, markdown, html };
std::optional<Format> parse_format(std::string_view text);

struct RenderOptions {
  bool colour = false;          // text only
  std::size_t max_values = 20;  // of a set that are listed before "and N more"; not for JSON
  std::size_t max_access = 30;  // memberships that follow from others, in text and Markdown; ten times that in HTML
  // Markdown ends before it has more bytes, and says how much was left out: GitHub refuses comments
  // of more than 65,536 characters.
  std::size_t markdown_limit = 65'000;
  // For "held for another 1h20m"; nothing: only until when.
  std::optional<SystemTime> now;
};

// The report of a plan (or of several targets' plans), as people review it. Sensitive values are
// never part of it; control characters and markup in values are escaped.
std::string render(const std::vector<Plan>& plans, Format format, const RenderOptions& options = {});

// What Format::json prints, following docs/plan-schema.json ("plumbline.dev/plan/v1").
Value report_json(const std::vector<Plan>& plans);

// "Plan: 3 to create, 2 to update, 1 to disable, 0 to remove; 5 held; 1,204 unchanged.", or
// "No changes. 1,204 objects are as declared."
std::string summary(const std::vector<Plan>& plans);

}  // namespace plumb::plan
