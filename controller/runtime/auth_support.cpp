#include "controller/runtime/auth_support.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include "controller/base/text.h"
#include "controller/model/secret_source.h"
#include "controller/runtime/spellings.h"

namespace plumb::runtime {
namespace {

constexpr std::size_t kSmallAnswer = 256 << 10;
// A refusal of a request that was under way when its token was replaced comes within this.
constexpr Duration kStragglers = std::chrono::seconds(2);
// A secret that was changed is read again after a refusal, but not for every one of them.
constexpr Duration kReadAgain = std::chrono::seconds(10);
// Bytes from which on a parameter is taken for a secret in what a server says; "1" is everywhere.
constexpr std::size_t kMaybeSecret = 6;

struct Reading {
  std::vector<std::string> references;
  Secrets secrets;
  std::function<void(Result<Secrets>)> done;
};

void read_next(SecretReader& reader, const std::shared_ptr<Reading>& reading) {
  if (reading->secrets.size() == reading->references.size()) return reading->done(std::move(reading->secrets));
  reader.get(reading->references[reading->secrets.size()], [&reader, reading](Result<SharedSecret> secret) {
    if (!secret) return reading->done(Failure(std::move(secret).error()));
    reading->secrets.push_back(std::move(*secret));
    read_next(reader, reading);
  });
}

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

// "a=1&b=2" or "a=1; b=2" without the part of that name.
std::string without(std::string_view parts, std::string_view separator, std::string_view name) {
  std::string kept;
  while (!parts.empty()) {
    const auto end = parts.find(separator);
    const std::string_view part = parts.substr(0, end);
    parts = end == std::string_view::npos ? std::string_view() : parts.substr(end + separator.size());
    if (part.substr(0, part.find('=')) == name) continue;
    if (!kept.empty()) kept += separator;
    kept += part;
  }
  return kept;
}

void append(std::string& parts, std::string_view separator, std::string_view name, std::string_view value) {
  if (!parts.empty()) parts += separator;
  parts += name;
  parts += '=';
  parts += value;
}

std::string text_of(const Value& value) {
  return value.is_string() ? std::string(value.get_string()) : canonical(value);
}

const Value* value_of(const openapi::Parameter& parameter, const AuthSettings& settings, Value& variable) {
  if (!parameter.variable.empty()) {
    const auto found = settings.variables.find(parameter.variable);
    if (found == settings.variables.end()) return nullptr;
    variable = found->second;
    return &variable;
  }
  if (const Value* own = at(settings.authentication, "/parameters/" + pointer_token(parameter.name))) return own;
  if (const auto found = settings.variables.find(parameter.name); found != settings.variables.end()) {
    variable = found->second;
    return &variable;
  }
  return at(parameter.schema, "/default");
}

}  // namespace

void read_secrets(SecretReader& reader, std::vector<std::string> references,
                  std::function<void(Result<Secrets>)> done) {
  read_next(reader, std::make_shared<Reading>(Reading{std::move(references), {}, std::move(done)}));
}

Result<void> check_text(std::string_view bytes, Place place, std::string_view reference) {
  if (bytes.empty()) return fail(Fault::invalid, "{}: the secret is empty", reference);
  const auto wrong = [&](unsigned char c) {
    switch (place) {
      case Place::inside:
      case Place::header: return c < ' ' || c == 127;
      case Place::token: return c <= ' ' || c >= 127;
      case Place::cookie: return c <= ' ' || c >= 127 || c == ';' || c == ',' || c == '"' || c == '\\';
    }
    return true;
  };
  if (std::ranges::any_of(bytes, wrong))
    return fail(Fault::invalid, "{}: the secret has a character that cannot be sent there, such as a line break",
                reference);
  if (place == Place::inside) return {};
  if (bytes.front() == ' ' || bytes.back() == ' ')
    return fail(Fault::invalid, "{}: the secret begins or ends with a space", reference);
  return {};
}

void set_header(HttpRequest& request, std::string_view name, std::string value) {
  std::erase_if(request.headers, [&](const auto& header) { return equals_ignoring_case(header.first, name); });
  request.headers.emplace_back(std::string(name), std::move(value));
}

void set_query(Url& url, std::string_view name, std::string_view value) {
  const std::string encoded = percent_encode(name);
  url.query = without(url.query, "&", encoded);
  append(url.query, "&", encoded, percent_encode(value));
}

void set_cookie(HttpRequest& request, std::string_view name, std::string_view value) {
  std::string cookies;
  for (const auto& [key, text] : request.headers) {
    if (!equals_ignoring_case(key, "Cookie") || text.empty()) continue;
    if (!cookies.empty()) cookies += "; ";
    cookies += text;
  }
  cookies = without(cookies, "; ", name);
  append(cookies, "; ", name, value);
  set_header(request, "Cookie", std::move(cookies));
}

std::string form_encode(std::string_view text) {
  std::string encoded = percent_encode(text);
  replace_all(encoded, "%20", "+");
  return encoded;
}

void add_to_form(std::string& form, std::string_view name, std::string_view value) {
  append(form, "&", form_encode(name), form_encode(value));
}

std::string masked_url(const Url& url) {
  Url shown = url;
  shown.query.clear();
  std::string_view rest = url.query;
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    append(shown.query, "&", part.substr(0, part.find('=')), "***");
  }
  return to_string(shown);
}

openapi::Received received(const HttpRequest& request, HttpResponse response, Secrets sent,
                           const std::vector<ExtraParameter>& extra) {
  for (const ExtraParameter& one : extra)
    if (one.value.size() >= kMaybeSecret) sent.push_back(std::make_shared<const Secret>(std::string(one.value)));
  openapi::Received shown{.method = request.method,
                          .url = masked_url(request.url),
                          .status = response.status,
                          .reason = std::move(response.reason),
                          .headers = std::move(response.headers),
                          .body = std::move(response.body)};
  for (const SharedSecret& secret : sent) {
    if (secret == nullptr || secret->empty()) continue;
    std::vector<std::string> spellings = spellings_of(secret->reveal());
    const auto mask = [&](std::string& text) {
      for (const std::string& each : spellings) replace_all(text, each, "(sensitive)");
    };
    mask(shown.body);
    mask(shown.reason);
    for (auto& header : shown.headers) mask(header.second);
    for (std::string& each : spellings) wipe(each);
  }
  return shown;
}

Result<std::vector<ExtraParameter>> extra_parameters(const AuthSettings& settings, std::string_view use) {
  std::vector<ExtraParameter> extra;
  for (const openapi::Parameter& parameter : settings.scheme.parameters) {
    if (std::ranges::find(parameter.use_in, use) == parameter.use_in.end()) continue;
    Value variable;
    const Value* value = value_of(parameter, settings, variable);
    const std::string pointer = parameter.variable.empty()
                                    ? "/spec/authentication/parameters/" + pointer_token(parameter.name)
                                    : "/spec/server/variables/" + pointer_token(parameter.variable);
    if (value == nullptr && parameter.required)
      return fail(Fault::invalid, "{}: the scheme {} needs it for its {} request", pointer, settings.scheme.name, use);
    if (value == nullptr || value->is_null()) continue;
    ExtraParameter one{parameter.name, text_of(*value), parameter.in, parameter.in_body};
    if (!one.in_body && one.in == openapi::In::header && !one.value.empty())
      PLUMB_CHECK(check_text(one.value, Place::header, pointer));
    if (!one.in_body && one.in == openapi::In::cookie && !one.value.empty())
      PLUMB_CHECK(check_text(one.value, Place::cookie, pointer));
    extra.push_back(std::move(one));
  }
  return extra;
}

void put_extra(HttpRequest& request, const std::vector<ExtraParameter>& extra) {
  for (const ExtraParameter& one : extra) {
    if (one.in_body) {
      add_to_form(request.body, one.name, one.value);
      set_header(request, "Content-Type", "application/x-www-form-urlencoded");
      continue;
    }
    switch (one.in) {
      case openapi::In::header: set_header(request, one.name, one.value); break;
      case openapi::In::cookie: set_cookie(request, one.name, one.value); break;
      // A URL of a scheme is no template, so there is no other place for a parameter of a path.
      case openapi::In::path:
      case openapi::In::query: set_query(request.url, one.name, one.value); break;
    }
  }
}

std::string how_to_sign_in(const ResourceKey& integration) {
  return fmt::format("plumbline login {}{}", integration.ns == "default" ? "" : integration.ns + "/", integration.name);
}

Failure wrong_credential(std::string_view pointer, std::string_view what) {
  return fail(Fault::invalid, "/spec{} of the Credential: {}", pointer, what);
}

Result<std::string> reference_at(const Value& credential, std::string_view pointer) {
  const Value* source = at(credential, pointer);
  if (source == nullptr) return wrong_credential(pointer, "it is needed");
  auto reference = secret_reference(*source);
  if (!reference) return wrong_credential(pointer, reference.error().message);
  return reference;
}

std::shared_ptr<const SharedSettings> shared(AuthSettings settings) {
  auto made = std::make_shared<SharedSettings>(SharedSettings{std::move(settings), nullptr});
  made->elsewhere = made->route;
  if (made->route == nullptr) return made;
  HttpRoute other = *made->route;
  if (other.tls.verify && other.tls.server_name.empty() && other.tls.certificate == nullptr) return made;
  other.tls.verify = true;  // who is trusted unseen is the target, and nobody else
  other.tls.server_name.clear();
  other.tls.certificate.reset();
  other.tls.key.reset();
  made->elsewhere = std::make_shared<const HttpRoute>(std::move(other));
  return made;
}

std::shared_ptr<const HttpRoute> route_to(const Url& url, const SharedSettings& settings) {
  return same_origin(url, settings.base) ? settings.route : settings.elsewhere;
}

std::chrono::milliseconds retry_after(const HttpHeaders& headers) {
  for (const auto& [name, value] : headers) {
    std::int64_t seconds = 0;
    if (!equals_ignoring_case(name, "Retry-After")) continue;
    std::from_chars(value.data(), value.data() + value.size(), seconds);
    return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, 3600));
  }
  return {};
}

void wipe_texts(Value& value) {
  if (auto* text = value.if_string()) {
    explicit_bzero(text->data(), text->size());
  } else if (auto* object = value.if_object()) {
    for (auto& member : *object) wipe_texts(member.value());
  } else if (auto* array = value.if_array()) {
    for (auto& item : *array) wipe_texts(item);
  }
}

void Rereading::forget(const std::vector<std::string>& references) {
  const SteadyTime now = clock_.steady();
  if (forgot_ && now - *forgot_ < kReadAgain) return;
  forgot_ = now;
  for (const std::string& reference : references)
    if (!reference.empty()) reader_.forget(reference);
}

HttpLimits small_answer(const HttpLimits& limits) {
  HttpLimits small = limits;
  small.body_limit = std::min(small.body_limit, kSmallAnswer);
  return small;
}

void Handouts::replaced(SteadyTime at) {
  // Where it was replaced because it had expired, nobody is refused for it.
  stragglers_ = dropped_ ? current_ : 0;
  current_ = 0;
  dropped_ = false;
  replaced_ = at;
}

bool Handouts::refused(SteadyTime at) {
  if (!dropped_ && stragglers_ > 0 && at - replaced_ < kStragglers) {
    --stragglers_;
    return false;
  }
  if (current_ > 0) --current_;
  return !std::exchange(dropped_, true);
}

}  // namespace plumb::runtime
