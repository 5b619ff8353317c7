// How a controller that is running logs the calls of an integration, through its HTTP API.

#include <ostream>

#include <boost/json/parse.hpp>

#include "controller/app/commands.h"
#include "controller/app/operator_way.h"
#include "controller/app/secret_access.h"
#include "controller/base/text.h"
#include "controller/base/url.h"

namespace plumb::app {
namespace {

constexpr Duration kPatience = std::chrono::seconds(30);

// The token goes with every request: not in clear to another machine.
Result<Url> url_of(const LogLevelOptions& asked, const GlobalOptions& options) {
  auto url = parse_url(asked.api);
  if (!url) return in_context("--api", std::move(url).error());
  if (url->scheme != "https" && !is_loopback_host(url->host))
    return fail(Fault::invalid, "--api {}: https is needed to another machine, as a token is sent",
                printable(asked.api));
  const std::string& name = asked.integration;
  const std::size_t slash = name.find('/');
  const std::string ns = slash != std::string::npos ? name.substr(0, slash)
                         : options.ns.empty()       ? "default"
                                                    : options.ns;
  url->path = fmt::format("/api/v1/namespaces/{}/integrations/{}/log-level", percent_encode(ns),
                          percent_encode(slash == std::string::npos ? name : name.substr(slash + 1)));
  return url;
}

Fault fault_of(int status) {
  switch (status) {
    case 400:
    case 415: return Fault::invalid;
    case 401:
    case 403: return Fault::denied;
    case 404: return Fault::not_found;
    default: return Fault::unavailable;
  }
}

}  // namespace

Result<int> log_level_command(const GlobalOptions& options, const LogLevelOptions& asked, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  PLUMB_TRY(Url url, url_of(asked, options));
  PLUMB_TRY(const auto secrets, operator_secrets(options));
  auto token = secrets->fetch(asked.token_from);
  if (!token) return in_context("--token-from", std::move(token).error());
  PLUMB_TRY(const std::string ca, authorities_in("--api-ca", asked.ca.string()));
  HttpRequest request{.method = asked.level.empty() ? "GET" : "PUT", .url = std::move(url)};
  request.headers = {{"Authorization", fmt::format("Bearer {}", token->reveal())}};
  if (!asked.level.empty()) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(asked.span).count();
    request.body = canonical(Object{{"level", asked.level}, {"forSeconds", seconds}});
    request.headers.emplace_back("Content-Type", "application/json");
  }
  const RealClock clock;
  auto answer = OperatorWay(ca).call(std::move(request), Deadline::in(clock, kPatience));
  if (!answer)
    return in_context(fmt::format("--api {}: is `plumbline run --api` there?", printable(asked.api)),
                      std::move(answer).error());
  boost::system::error_code error;
  const Value body = boost::json::parse(answer->body, error);
  if (error || !body.is_object())
    return fail(Fault::unavailable, "--api {}: answered {}, and no JSON", printable(asked.api), answer->status);
  if (answer->status != 200)
    return fail(fault_of(answer->status), "{}", printable(text_at(body, "/message").value_or("it was refused")));
  if (options.output == "json") {
    console.out << canonical(body) << '\n';
    return kOk;
  }
  const std::string level = printable(text_at(body, "/level").value_or(""));
  const auto until = text_at(body, "/until");
  console.out << printable(asked.integration) << ": " << level;
  if (until)
    console.out << " until " << printable(*until) << ", then " << printable(text_at(body, "/declared").value_or(""));
  console.out << '\n';
  return kOk;
}

}  // namespace plumb::app
