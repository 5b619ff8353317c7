// Commands that call third-party systems.

#include <fstream>
#include <ostream>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/app/commands.h"
#include "controller/app/runtime_session.h"
#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/runtime/access.h"

namespace plumb::app {
namespace {

constexpr Duration kSpare = std::chrono::seconds(5);  // beyond the integration's own timeout, for what is around it
constexpr Duration kLongest = std::chrono::hours(1);

Result<Value> body_of(const std::string& text) {
  std::string content = text;
  if (text.starts_with('@')) {
    std::ifstream in(text.substr(1), std::ios::binary);
    if (!in) return fail(Fault::not_found, "--body {}: the file cannot be read", printable(text));
    content.assign(std::istreambuf_iterator<char>(in), {});
  }
  boost::json::error_code error;
  Value value = boost::json::parse(content, error);
  if (error)
    return fail(Fault::invalid, "--body: is not JSON ({}); a text needs its quotes: '\"text\"'", error.message());
  return value;
}

Result<openapi::Arguments> arguments_of(const InvokeOptions& invoke, const openapi::Operations& operations,
                                        const openapi::Operation& operation) {
  openapi::Arguments arguments{.media_type = invoke.media_type};
  for (const std::string& each : invoke.parameters) {
    const std::size_t equals = each.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(Fault::invalid, "--param {}: expected NAME=VALUE", printable(each));
    const std::string name = each.substr(0, equals);
    if (arguments.parameters.contains(name))
      return fail(Fault::invalid, "--param {}: is there twice; a list is JSON: {}='[1, 2]'", printable(name),
                  printable(name));
    arguments.parameters.emplace(name, operations.from_text(operation, name, each.substr(equals + 1)));
  }
  if (!invoke.body.empty()) {
    PLUMB_TRY(arguments.body, body_of(invoke.body));
    arguments.has_body = true;
  }
  return arguments;
}

Result<int> show(const GlobalOptions& options, const runtime::Invoked& invoked, Console& console) {
  if (invoked.result.is_string()) {
    const std::string error(invoked.result.get_string());
    if (options.output == "json") {
      console.out << boost::json::serialize(invoked.result) << '\n';
      return kFailed;
    }
    return tl::unexpected(Error{invoked.fault, error, {}});
  }
  console.out << (options.output == "json" ? boost::json::serialize(invoked.result) : pretty(invoked.result)) << '\n';
  return invoked.ok ? kOk : kFailed;
}

}  // namespace

Result<int> invoke_command(const GlobalOptions& options, const InvokeOptions& invoke, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  PLUMB_TRY(const auto session, open_runtime(options, "plumbline invoke", true));
  PLUMB_TRY(const auto key, integration_named(*session, options, invoke.integration));
  const auto view = session->registry->view();
  const auto operations = runtime::operations_of(*view, key);
  if (operations == nullptr)
    return fail(Fault::invalid, "the model of {} cannot be used: {}", key,
                session->registry->problem(runtime::model_of(*view, key)));
  const auto& known = operations->model().operations;
  const auto operation = known.find(invoke.operation);
  if (operation == known.end()) {
    std::vector<std::string> names;
    for (const auto& each : known) names.push_back(each.first);
    return fail(Fault::not_found, "{} has no operation \"{}\"{}", operations->model().version_id(),
                printable(invoke.operation), did_you_mean(invoke.operation, names));
  }
  PLUMB_TRY(auto arguments, arguments_of(invoke, *operations, operation->second));
  runtime::Invocation invocation{.integration = key,
                                 .operation = invoke.operation,
                                 .arguments = std::move(arguments),
                                 .actor = current_actor(),
                                 .request_id = random_hex(8)};
  if (invoke.timeout > Duration::zero()) invocation.timeout = invoke.timeout;
  const auto invoked = session->host->invoke(std::move(invocation),
                                             invoke.timeout > Duration::zero() ? invoke.timeout + kSpare : kLongest);
  // What only looks leaves no trace in the audit log; what may change something does.
  if (operation->second.method != "GET" && operation->second.method != "HEAD")
    session->note(
        key, fmt::format("invoked {} ({}): {}", invoke.operation, operation->second.method,
                         invoked.result.is_string() ? "not called"
                                                    : std::to_string(int_at(invoked.result, "/status").value_or(0))));
  return show(options, invoked, console);
}

Result<int> test_connection_command(const GlobalOptions& options, const InvokeOptions& invoke, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  PLUMB_TRY(const auto session, open_runtime(options, "plumbline test-connection", true));
  PLUMB_TRY(const auto key, integration_named(*session, options, invoke.integration));
  const auto probed = session->host->probe(key, kLongest);
  const auto result = probe_result(probed);
  if (options.output == "json") {
    console.out << boost::json::serialize(Value(Object{{"integration", to_string(key)},
                                                       {"ok", result.ok},
                                                       {"reason", result.reason},
                                                       {"message", result.message},
                                                       {"result", probed.result}}))
                << '\n';
    return result.ok ? kOk : kFailed;
  }
  const auto ms = [](std::chrono::microseconds span) { return static_cast<double>(span.count()) / 1000; };
  console.out << fmt::format("{}: {}\n", to_string(key), result.reason);
  if (!result.message.empty()) console.out << "  " << printable(result.message) << '\n';
  if (probed.reached) {
    const HttpTiming& timing = probed.timing;
    console.out << fmt::format("  {} {} -> {} {}\n", text_at(probed.result, "/method").value_or(""),
                               printable(text_at(probed.result, "/url").value_or("")),
                               int_at(probed.result, "/status").value_or(0),
                               printable(text_at(probed.result, "/statusText").value_or("")));
    console.out << fmt::format(
        "  resolve {:.1f} ms, connect {:.1f} ms, TLS {:.1f} ms, first byte {:.1f} ms, total {:.1f} ms\n",
        ms(timing.resolve), ms(timing.connect), ms(timing.tls), ms(timing.first_byte), ms(timing.total));
  }
  return result.ok ? kOk : kFailed;
}

Result<int> login_command(const GlobalOptions& options, const LoginOptions& login, Console& console) {
  PLUMB_TRY(const auto session, open_runtime(options, "plumbline login", true));
  PLUMB_TRY(const auto key, integration_named(*session, options, login.integration));
  PLUMB_CHECK(session->host->login(key, login.listen, login.timeout, [&](const std::string& url) {
    console.err << "Open this page and sign in; this command waits for it:\n" << std::flush;
    console.out << url << '\n' << std::flush;
  }));
  session->note(key, "signed in");
  console.err << "Signed in for " << to_string(key) << '\n';
  return kOk;
}

}  // namespace plumb::app
