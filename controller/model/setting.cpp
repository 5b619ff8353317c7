#include "controller/model/setting.h"

namespace plumb {

Result<Duration> span_at(const Value& spec, std::string_view pointer, Duration otherwise) {
  const auto text = text_at(spec, pointer);
  if (!text) return otherwise;
  auto span = parse_duration(*text);
  if (!span) return in_context(fmt::format("/spec{}", pointer), std::move(span).error());
  if (*span <= Duration::zero()) return fail(Fault::invalid, "/spec{}: must be more than nothing", pointer);
  return span;
}

}  // namespace plumb
