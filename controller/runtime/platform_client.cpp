#include "controller/runtime/platform_client.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/runtime/spellings.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPage = 100;           // more is never given, whatever is asked for
constexpr int kReadings = 4;                 // of a list that moves
constexpr std::size_t kLongestToken = 8192;  // bytes
constexpr std::size_t kShownText = 400;      // bytes of what a Platform says
constexpr std::size_t kShortestSecret = 4;   // bytes; masking shorter texts would hide everything
constexpr std::size_t kDeepest = 1024;       // of nested JSON
constexpr Duration kTokenMargin = 30s;       // a token is renewed so long before it ends

// A document may be nested deeper than a parser goes unless told; the registry goes as deep.
Value parsed(const std::string& text, boost::system::error_code& error) {
  boost::json::parse_options options;
  options.max_depth = kDeepest;
  return boost::json::parse(text, error, {}, options);
}

bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kLongestToken &&
         std::ranges::all_of(text, [](char each) { return each > ' ' && each < 0x7f && each != ';' && each != '"'; });
}

void collect_secrets(const Value& value, bool below, std::vector<std::string>& into) {
  if (value.is_object()) {
    for (const auto& [key, each] : value.get_object()) collect_secrets(each, below || key == "authentication", into);
  } else if (below && value.is_string() && value.get_string().size() >= kShortestSecret) {
    into.emplace_back(value.get_string());
  }
}

// Everything that an echo of the secret can look like, to be masked and wiped. Twice spelt: a text of JSON within JSON.
void spell(std::string secret, std::vector<std::string>& into) {
  if (secret.size() < kShortestSecret) return;
  std::string encoded = base64(secret);
  for (const std::string* plain : {&secret, &encoded}) {
    for (std::string& once : spellings_of(*plain)) {
      std::ranges::move(spellings_of(once), std::back_inserter(into));
      wipe(once);
    }
  }
  wipe(encoded);
  wipe(secret);
}

// What was sent as a secret: values in the body, the token, and the password that a token of Basic is made of.
std::vector<std::string> sent_secrets(const Value* body, const Secret& token) {
  std::vector<std::string> values, all;
  if (body != nullptr) collect_secrets(*body, false, values);
  for (std::string& value : values) {
    constexpr std::string_view kEncoded = ";base64,";  // as certificates and keys are sent
    if (const auto found = value.find(kEncoded); value.starts_with("data:") && found != std::string::npos)
      if (auto plain = from_base64(std::string_view(value).substr(found + kEncoded.size())))
        spell(std::move(*plain), all);
    spell(std::move(value), all);
  }
  if (auto pair = from_base64(token.reveal()); pair && pair->find(':') != std::string::npos) {
    spell(pair->substr(pair->find(':') + 1), all);
    wipe(*pair);
  }
  spell(std::string(token.reveal()), all);
  return all;
}

// What a Platform says, without what was sent to it as a secret. Whatever it was sent, it may echo.
std::string said(const HttpResponse& response, std::vector<std::string> secrets) {
  boost::system::error_code error;
  const Value answer = parsed(response.body, error);
  std::string text = error ? response.body : canonical(answer);
  if (const Value* message = error ? nullptr : at(answer, "/message"); message != nullptr)
    text = message->is_string() ? std::string(message->get_string()) : canonical(*message);
  std::ranges::sort(secrets, std::greater(), &std::string::size);
  for (std::string& secret : secrets) {
    for (auto found = text.find(secret); found != std::string::npos; found = text.find(secret, found + 3))
      text.replace(found, secret.size(), "***");
    wipe(secret);
  }
  if (text.size() > kShownText) text = text.substr(0, kShownText) + "...";
  return printable(text);
}

bool says(const std::string& text, std::string_view what) { return lower(text).find(what) != std::string::npos; }

// Which fault a status is, and what to do about it.
Failure refusal(const std::string& what, const HttpResponse& response, std::vector<std::string> secrets) {
  const std::string text = said(response, std::move(secrets));
  const int status = response.status;
  if (says(text, "already exists")) return fail(Fault::conflict, "{}: {}", what, text);
  if (what.starts_with("DELETE") && says(text, "reference"))
    return fail(Fault::conflict, "{}: {}; remove what uses it first", what, text);
  if (status == 404) return fail(Fault::not_found, "{}: it is not there ({})", what, text);
  if (status == 401)
    return fail(Fault::denied, "{}: the sign-in is refused ({}); check the Credential of the IntegrationPlatform", what,
                text);
  if (status == 403)
    return fail(Fault::denied,
                "{}: not permitted ({}); give the account the role that this needs, and note that a new "
                "role counts from the next sign-in on",
                what, text);
  if (status == 429 || status == 502 || status == 503 || status == 504)
    return fail(Fault::unavailable, "{}: answered {} ({})", what, status, text);
  if (status >= 500) return fail(Fault::unavailable, "{}: answered {} ({}); its log may say why", what, status, text);
  return fail(Fault::invalid, "{}: answered {}: {}", what, status, text);
}

std::string form(std::string_view name, std::string_view value) {
  return fmt::format("{}={}", name, percent_encode(value));
}

Result<std::string> segment(const std::string& name) {
  if (name.empty() || name.find('/') != std::string::npos)
    return fail(Fault::invalid, "\"{}\" cannot be addressed: a name on a Platform has no \"/\" and is not empty",
                printable(name));
  return percent_encode(name);
}

}  // namespace

PlatformClient::PlatformClient(PlatformSettings settings, BlockingSend send, SecretStore& secrets, const Clock& clock)
    : settings_(std::move(settings)), send_(std::move(send)), secrets_(secrets), clock_(clock) {}

HttpRequest PlatformClient::request(const std::string& method, const std::string& route) const {
  HttpRequest made{.method = method, .url = settings_.url};
  const auto query = route.find('?');
  made.url.path += route.substr(0, query);
  if (query != std::string::npos) made.url.query = route.substr(query + 1);
  made.headers = {{"Accept", "application/json"}};
  return made;
}

Result<HttpResponse> PlatformClient::exchange(HttpRequest sent, const std::string& what, Deadline deadline) {
  auto answer = send_(std::move(sent), deadline);
  if (answer) return std::move(*answer);
  // After that nothing is known of a write.
  if (answer.error().sent && answer.error().error.fault == Fault::unavailable)
    answer.error().error.fault = Fault::timeout;
  return in_context(what, std::move(answer.error().error));
}

Result<void> PlatformClient::log_in(const Secret& password, Deadline deadline) {
  const Object user{{"username", settings_.account}, {"password", password.reveal()}};
  const std::string what = "POST /login";
  // Platforms take the one body or the other.
  for (const Value& body : {Value({{"user", user}}), Value(user)}) {
    HttpRequest sent = request("POST", "/login");
    sent.headers.emplace_back("Content-Type", "application/json");
    sent.body = boost::json::serialize(body);
    PLUMB_TRY(HttpResponse answer, exchange(std::move(sent), what, deadline));
    if (answer.status == 400 || answer.status == 422) continue;
    if (answer.status >= 500)
      return fail(
          Fault::unavailable,
          "{}: answered {}; a hosted Platform may have no such sign-in: use the method oauth with a service account",
          what, answer.status);
    if (answer.status != 200)
      return fail(Fault::denied, "{}: answered {}; check user name and password of the Credential", what,
                  answer.status);
    if (!is_token(answer.body))
      return fail(Fault::denied, "{}: the answer is no token; check user name and password of the Credential", what);
    token_ = Secret(std::move(answer.body));
    return check_token(deadline);
  }
  return fail(Fault::invalid, "{}: refused in either form of its body", what);
}

// A refused sign-in may be answered 200 with a text that could be a token.
Result<void> PlatformClient::check_token(Deadline deadline) {
  HttpRequest sent = request("GET", "/authorization/accounts?limit=1");
  PLUMB_CHECK(authorize(sent, deadline));
  PLUMB_TRY(const HttpResponse answer, exchange(std::move(sent), "GET /authorization/accounts", deadline));
  if (answer.status != 401) return {};
  token_ = Secret();
  return fail(Fault::denied,
              "POST /login: what it answered is no token; check user name and password of the Credential");
}

Result<void> PlatformClient::oauth(const Secret& secret, Deadline deadline) {
  const std::string what = "POST /oauth/token";
  HttpRequest sent = request("POST", "/oauth/token");
  sent.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  sent.body = fmt::format("{}&{}&{}", form("grant_type", "client_credentials"), form("client_id", settings_.account),
                          form("client_secret", secret.reveal()));
  PLUMB_TRY(HttpResponse answer, exchange(std::move(sent), what, deadline));
  if (answer.status == 400 || answer.status == 401 || answer.status == 403)
    return fail(Fault::denied, "{}: answered {}; check client id and secret of the Credential", what, answer.status);
  if (answer.status != 200) return fail(Fault::unavailable, "{}: answered {}", what, answer.status);
  boost::system::error_code error;
  const Value body = boost::json::parse(answer.body, error);
  wipe(answer.body);
  auto token = error ? std::nullopt : text_at(body, "/access_token");
  if (!token || !is_token(*token)) return fail(Fault::unavailable, "{}: the answer holds no access_token", what);
  token_ = Secret(std::move(*token));
  token_ends_ = clock_.steady() + std::chrono::seconds(int_at(body, "/expires_in").value_or(3600)) - kTokenMargin;
  return {};
}

Result<void> PlatformClient::sign_in(Deadline deadline) {
  token_ = Secret();
  token_ends_.reset();
  PLUMB_TRY(Secret secret, secrets_.fetch(settings_.secret_from));
  switch (settings_.login) {
    case PlatformSettings::Login::basic:
      token_ = Secret(base64(fmt::format("{}:{}", settings_.account, secret.reveal())));
      return {};
    case PlatformSettings::Login::login: return log_in(secret, deadline);
    case PlatformSettings::Login::oauth: return oauth(secret, deadline);
  }
  return {};
}

Result<void> PlatformClient::authorize(HttpRequest& sent, Deadline deadline) {
  if (token_.empty() || (token_ends_ && clock_.steady() >= *token_ends_)) PLUMB_CHECK(sign_in(deadline));
  switch (settings_.login) {
    case PlatformSettings::Login::basic:
      sent.headers.emplace_back("Authorization", fmt::format("Basic {}", token_.reveal()));
      break;
    case PlatformSettings::Login::login:
      sent.headers.emplace_back("Cookie", fmt::format("token={}", token_.reveal()));
      break;
    case PlatformSettings::Login::oauth:
      sent.headers.emplace_back("Authorization", fmt::format("Bearer {}", token_.reveal()));
      break;
  }
  return {};
}

Result<Value> PlatformClient::call(const std::string& method, const std::string& route, const Value* body,
                                   Deadline deadline) {
  const std::string what = fmt::format("{} {}", method, route.substr(0, route.find('?')));
  HttpRequest plain = request(method, route);
  if (body != nullptr) {
    plain.headers.emplace_back("Content-Type", "application/json");
    plain.body = boost::json::serialize(*body);
  }
  HttpRequest sent = plain;
  PLUMB_CHECK(authorize(sent, deadline));
  PLUMB_TRY(HttpResponse answer, exchange(std::move(sent), what, deadline));
  if (answer.status == 401) {  // the session ended; refused before anything was done
    token_ = Secret();
    PLUMB_CHECK(authorize(plain, deadline));
    PLUMB_TRY(answer, exchange(std::move(plain), what, deadline));
  }
  if (answer.status < 200 || answer.status > 299) return refusal(what, answer, sent_secrets(body, token_));
  if (answer.body.empty()) return Value();
  boost::system::error_code error;
  Value value = parsed(answer.body, error);
  if (error && method == "GET")
    return fail(Fault::invalid, "{}: the answer is not JSON; is the URL that of a Platform?", what);
  return error ? Value() : value;
}

Result<PlatformClient::Page> PlatformClient::page(const List& list, std::size_t skip, Deadline deadline) {
  PLUMB_TRY(Value answer,
            call("GET", fmt::format("{}?skip={}&limit={}&sort={}&order=1", list.route, skip, kPage, list.sort), nullptr,
                 deadline));
  const Value* const entries = at(answer, "/" + list.member);
  const auto total = int_at(answer, "/total");
  if (entries == nullptr || !entries->is_array() || !total || *total < 0)
    return fail(Fault::invalid, "GET {}: the answer has no list \"{}\" with its total", list.route, list.member);
  Page made{.total = static_cast<std::size_t>(*total)};
  for (const Value& each : entries->get_array()) made.entries.push_back(each);
  return made;
}

Result<std::vector<Value>> PlatformClient::read_once(const List& list, Deadline deadline) {
  const auto name_of = [&](const Value& entry) { return text_at(entry, list.name).value_or(""); };
  const auto moved = [&](std::string_view why) {
    return fail(Fault::conflict, "GET {}: the list changed while it was read ({})", list.route, why);
  };
  std::vector<Value> all;
  std::set<std::string> names;
  std::optional<std::size_t> total;
  do {
    // The last one once more: whatever was added or removed before it shows by that.
    const bool overlaps = !all.empty();
    PLUMB_TRY(Page next, page(list, overlaps ? all.size() - 1 : 0, deadline));
    if (total && *total != next.total) return moved("another total");
    total = next.total;
    if (overlaps && (next.entries.empty() || name_of(next.entries.front()) != name_of(all.back())))
      return moved("a page begins where the last one did not end");
    if (overlaps) next.entries.erase(next.entries.begin());
    if (next.entries.empty() && all.size() < *total) return moved("fewer than its total");
    for (Value& entry : next.entries) {
      if (!names.insert(name_of(entry)).second) return moved("a name twice");
      all.push_back(std::move(entry));
    }
  } while (all.size() < *total);
  if (all.size() != *total) return moved("more than its total");
  return all;
}

Result<Complete<std::vector<Value>>> PlatformClient::read_all(const List& list, Deadline deadline) {
  Result<std::vector<Value>> all = read_once(list, deadline);
  for (int more = 1; more < kReadings && !all && all.error().fault == Fault::conflict; ++more)
    all = read_once(list, deadline);
  if (!all) return Failure(std::move(all).error());
  std::string evidence = fmt::format("{} of {} by GET {}, in pages that overlap", all->size(), all->size(), list.route);
  return Complete<std::vector<Value>>::proven(std::move(*all), std::move(evidence));
}

Result<Complete<std::vector<Value>>> PlatformClient::integrations(Deadline deadline) {
  PLUMB_TRY(Complete<std::vector<Value>> all, read_all({"/integrations", "results", "/data/name", "name"}, deadline));
  std::string evidence = all.evidence();
  std::vector<Value> entries = std::move(all).take();
  for (Value& entry : entries) entry = Value(entry.as_object()["data"]);
  return Complete<std::vector<Value>>::proven(std::move(entries), std::move(evidence));
}

Result<Complete<std::vector<Value>>> PlatformClient::models(Deadline deadline) {
  return read_all({"/integration-models", "integrationModels", "/versionId", "versionId"}, deadline);
}

Result<Value> PlatformClient::integration(const std::string& name, Deadline deadline) {
  PLUMB_TRY(const std::string encoded, segment(name));
  PLUMB_TRY(const Value answer, call("GET", "/integrations/" + encoded, nullptr, deadline));
  const Value* const data = at(answer, "/data");
  if (data == nullptr || !data->is_object())
    return fail(Fault::invalid, "GET /integrations/{}: the answer has no \"data\"", encoded);
  return *data;
}

Result<Value> PlatformClient::document(const std::string& version_id, Deadline deadline) {
  PLUMB_TRY(const std::string encoded, segment(version_id));
  return call("GET", fmt::format("/integration-models/{}/export", encoded), nullptr, deadline);
}

Result<Value> PlatformClient::create_integration(const Value& service, Deadline deadline) {
  const Value body{{"properties", service}};
  PLUMB_TRY(const Value answer, call("POST", "/integrations", &body, deadline));
  const Value* const data = at(answer, "/data");
  return data == nullptr ? Value() : *data;
}

Result<void> PlatformClient::replace_integration(const std::string& name, const Value& service, Deadline deadline) {
  PLUMB_TRY(const std::string encoded, segment(name));
  const Value body{{"properties", service}};
  PLUMB_CHECK(call("PUT", "/integrations/" + encoded, &body, deadline));
  return {};
}

Result<void> PlatformClient::replace_settings(const std::string& name, const Value& settings, Deadline deadline) {
  PLUMB_TRY(const std::string encoded, segment(name));
  const Value body{{"properties", settings}};
  PLUMB_CHECK(call("PUT", fmt::format("/integrations/{}/properties", encoded), &body, deadline));
  return {};
}

Result<void> PlatformClient::remove_integration(const std::string& name, Deadline deadline) {
  PLUMB_TRY(const std::string encoded, segment(name));
  PLUMB_CHECK(call("DELETE", "/integrations/" + encoded, nullptr, deadline));
  return {};
}

Result<void> PlatformClient::import_model(const Value& document, Deadline deadline) {
  const Value body{{"model", document}};
  PLUMB_CHECK(call("POST", "/integration-models", &body, deadline));
  return {};
}

Result<void> PlatformClient::validate_model(const Value& document, Deadline deadline) {
  const Value body{{"model", document}};
  PLUMB_CHECK(call("PUT", "/integration-models/validation", &body, deadline));
  return {};
}

Result<void> PlatformClient::replace_model(const Value& document, Deadline deadline) {
  const Value body{{"model", document}};
  auto answer = call("PUT", "/integration-models", &body, deadline);
  if (answer) return {};
  if (answer.error().fault == Fault::unavailable && says(answer.error().message, "answered 500"))
    return fail(Fault::denied, "{}", answer.error().message);
  return Failure(std::move(answer).error());
}

Result<void> PlatformClient::remove_model(const std::string& version_id, Deadline deadline) {
  PLUMB_TRY(const std::string encoded, segment(version_id));
  PLUMB_CHECK(call("DELETE", "/integration-models/" + encoded, nullptr, deadline));
  return {};
}

}  // namespace plumb::runtime
