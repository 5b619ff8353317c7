// What calls were like that failed.

#include <ostream>

#include <boost/json/serialize.hpp>

#include "controller/app/commands.h"
#include "controller/app/runtime_session.h"
#include "controller/base/text.h"
#include "controller/model/json.h"
#include "controller/runtime/failed_calls.h"

namespace plumb::app {
namespace {

// "404 Not Found", or the text in place of an answer.
std::string outcome_of(const Value& call) {
  const Value* const result = at(call, "/result");
  if (result == nullptr) return "";
  if (result->is_string()) return printable(result->get_string());
  return fmt::format("{} {}", int_at(*result, "/status").value_or(0),
                     printable(text_at(*result, "/statusText").value_or("")));
}

}  // namespace

Result<int> failures_command(const GlobalOptions& options, const IntegrationOptions& integration, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  PLUMB_TRY(const auto session, open_runtime(options, "plumbline integration", false));
  PLUMB_TRY(const auto key, integration_named(*session, options, integration.name));
  PLUMB_TRY(const auto calls, runtime::FailedCalls::of(session->state->store(), key));
  Array documents;
  std::vector<std::vector<std::string>> rows;
  for (const Value& call : calls) {
    const std::string id = text_at(call, "/requestId").value_or("");
    if (!integration.request_id.empty() && id != integration.request_id) continue;
    documents.push_back(call);
    const Value* const attempts = at(call, "/attempts");
    rows.push_back({text_at(call, "/time").value_or(""), printable(id), text_at(call, "/operation").value_or("(probe)"),
                    std::to_string(attempts == nullptr ? 0 : attempts->as_array().size()), outcome_of(call)});
  }
  if (options.output == "json" || !integration.request_id.empty()) {
    console.out << pretty(documents) << '\n';
  } else if (rows.empty()) {
    console.err << "No call of " << to_string(key) << " failed within 30 days, as far as the state knows\n";
  } else {
    console.out << table({"TIME", "REQUEST", "OPERATION", "ATTEMPTS", "OUTCOME"}, rows);
  }
  return kOk;
}

}  // namespace plumb::app
