#pragma once

#include <string>

#include "controller/model/plan.h"

namespace plumb::plan {

enum class Format { text, json, markdown, html, yaml };
std::optional<Format> parse_format(std::string_view text);

struct RenderOptions {
  bool colour = false;          // text only
  bool show_unchanged = false;  // reserved for counts; text only
  std::size_t max_values = 20;  // of a set that are listed before "and N more"
};

// The report of a plan (or of several targets' plans), as people review it. Sensitive values are
// never part of it. JSON follows docs/plan-schema.json ("plumbline.dev/plan/v1").
std::string render(const std::vector<Plan>& plans, Format format, const RenderOptions& options = {});

}  // namespace plumb::plan
