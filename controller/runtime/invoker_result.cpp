#include "controller/runtime/invoker_result.h"

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

using Stage = HttpFailure::Stage;

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::egress: return "refused by the egress rules";
    case Stage::resolve: return "the host's name was not resolved";
    case Stage::connect: return "connect";
    case Stage::proxy: return "proxy";
    case Stage::tls: return "TLS";
    case Stage::send: return "send";
    case Stage::receive: return "receive";
    case Stage::limit: return "too large";
    case Stage::site: return "refused at the connector's site";
  }
  return "";
}

bool well(int status) { return status >= 200 && status <= 299; }

}  // namespace

Invoked refusal(Fault fault, std::string why) {
  Invoked invoked;
  invoked.result = Value(std::string_view(why));
  invoked.fault = fault;
  return invoked;
}

Invoked refusal(const Error& error) { return refusal(error.fault, error.message); }

std::string timeout_text(std::string_view request_line, Duration timeout) {
  return fmt::format("timeout after {} ms: {}", timeout.count(), request_line);
}

std::string failure_text(const HttpFailure& failure, std::string_view request_line, Duration timeout) {
  if (failure.error.fault == Fault::timeout) return timeout_text(request_line, timeout);
  return fmt::format("{}: {}", request_line, outcome_text(failure));
}

std::string outcome_text(const HttpFailure& failure) {
  return fmt::format("{}: {}", name_of(failure.stage), printable(failure.error.message));
}

std::string outcome_text(const HttpResponse& response) {
  if (response.reason.empty()) return fmt::format("{}", response.status);
  return fmt::format("{} {}", response.status, printable(response.reason));
}

Invoked answered(std::string method, std::string url, HttpResponse response, const SecretPlaces& places) {
  Invoked invoked;
  invoked.ok = well(response.status);
  invoked.reached = true;
  invoked.timing = response.timing;
  if (response.status >= 300 && response.status <= 399)
    for (auto& [name, value] : response.headers)
      if (equals_ignoring_case(name, "Location")) value = masked_reference(value, places);
  invoked.result = openapi::normalised({.method = std::move(method),
                                        .url = std::move(url),
                                        .status = response.status,
                                        .reason = std::move(response.reason),
                                        .headers = std::move(response.headers),
                                        .body = std::move(response.body)});
  return invoked;
}

Invoked unauthorised(AuthFailure failure, std::string_view request_line) {
  if (!failure.answer || well(failure.answer->status))
    return refusal(failure.error.fault, fmt::format("{}: not authorised: {}", request_line, failure.error.message));
  Invoked invoked;
  invoked.fault = failure.error.fault;
  invoked.result = openapi::normalised(*failure.answer);
  Object& answer = invoked.result.as_object();
  answer["phase"] = "token";
  answer["operation"] = request_line;
  return invoked;
}

std::string text_of(const std::vector<schema::Problem>& problems) {
  std::string text;
  for (const auto& [pointer, message] : problems) {
    if (!text.empty()) text += "; ";
    text += pointer.empty() ? message : fmt::format("{}: {}", pointer, message);
  }
  return text;
}

}  // namespace plumb::runtime
