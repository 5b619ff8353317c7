#include "controller/plan/render.h"

#include "controller/base/text.h"
#include "controller/plan/report.h"

namespace plumb::plan {

std::optional<Format> parse_format(std::string_view text) {
  const std::string name = lower(text);
  if (name == "text") return Format::text;
  if (name == "json") return Format::json;
  if (name == "markdown" || name == "md") return Format::markdown;
  if (name == "html") return Format::html;
  return {};
}

std::string render(const std::vector<Plan>& plans, Format format, const RenderOptions& options) {
  switch (format) {
    case Format::text: return render_text(plans, options);
    case Format::json: return pretty(report_json(plans));
    case Format::markdown: return render_markdown(plans, options);
    case Format::html: return render_html(plans, options);
  }
  return {};
}

}  // namespace plumb::plan
