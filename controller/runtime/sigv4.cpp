#include "controller/runtime/sigv4.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/runtime/auth_support.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// Set or changed on the way by the sender or a proxy.
constexpr std::array kUnsigned = {"accept-encoding",
                                  "authorization",
                                  "connection",
                                  "expect",
                                  "keep-alive",
                                  "proxy-authenticate",
                                  "proxy-authorization",
                                  "te",
                                  "trailer",
                                  "transfer-encoding",
                                  "upgrade",
                                  "user-agent",
                                  "x-amzn-trace-id"};

// Endpoints without a region are signed for us-east-1.
constexpr std::array kGlobal = {"cloudfront", "iam", "importexport", "organizations", "route53", "s3", "sts"};
// Hosts whose name is not that of the service in the scope.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kSigningNames = {
    {{"email", "ses"}, {"data-ats", "iotdata"}, {"entitlement", "aws-marketplace"}}};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (auto end = text.find(separator); end != std::string_view::npos; end = text.find(separator)) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

// "us-east-1", "us-gov-west-1"
bool is_region(std::string_view label) {
  const auto parts = split(label, '-');
  if (parts.size() < 3 || parts.front().size() != 2 || parts.back().size() != 1) return false;
  if (parts.back().front() < '1' || parts.back().front() > '9') return false;
  return std::all_of(parts.begin(), parts.end() - 1, [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= 'a' && c <= 'z'; });
  });
}

std::string service_of(std::string_view label) {
  if (label.ends_with("-fips")) label.remove_suffix(5);
  const auto* other = std::ranges::find(kSigningNames, label, &std::pair<std::string_view, std::string_view>::first);
  return std::string(other == kSigningNames.end() ? label : other->second);
}

// Of the labels before ".amazonaws.com".
std::optional<AwsScope> scope_of(const std::vector<std::string_view>& labels) {
  const std::string_view last = labels.back();
  if (is_region(last)) {
    auto service = labels.size() - 1;
    if (service > 0 && labels[service - 1] == "dualstack") --service;
    if (service == 0) return {};
    return AwsScope{std::string(last), service_of(labels[service - 1])};
  }
  // "search-x.us-east-1.es"
  if (labels.size() >= 2 && is_region(labels[labels.size() - 2]))
    return AwsScope{std::string(labels[labels.size() - 2]), service_of(last)};
  // "s3-eu-west-1", "bucket.s3-eu-west-1"
  if (last.starts_with("s3-") && is_region(last.substr(3))) return AwsScope{std::string(last.substr(3)), "s3"};
  const bool global = std::ranges::find(kGlobal, last) != kGlobal.end();
  if (global && (labels.size() == 1 || last == "s3")) return AwsScope{"us-east-1", std::string(last)};
  return {};
}

std::string normalized(std::string_view path) {
  std::vector<std::string_view> kept;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      kept.push_back(part);
    else if (!kept.empty())
      kept.pop_back();
  }
  std::string text;
  for (const std::string_view part : kept) {
    text += '/';
    text += part;
  }
  const bool folder = path.ends_with('/');
  return text.empty() || folder ? text + '/' : text;
}

std::string canonical_path(const HttpRequest& request, const AwsRules& rules) {
  const std::string path = rules.normalize_path ? normalized(request.url.path) : request.url.path;
  if (!rules.encode_path) return path;
  std::string encoded;
  for (const std::string_view part : split(path, '/')) encoded += '/' + percent_encode(part);
  return encoded.substr(1);  // the path begins with a slash itself
}

// As the service will take it apart and put it together again.
std::string encoded_anew(std::string_view text) {
  auto plain = percent_decode(text);
  return percent_encode(plain ? std::string_view(*plain) : text);
}

std::string canonical_query(std::string_view query) {
  if (query.empty()) return {};
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string_view part : split(query, '&')) {
    const auto equals = part.find('=');
    if (part.empty()) continue;
    pairs.emplace_back(encoded_anew(part.substr(0, equals)),
                       equals == std::string_view::npos ? "" : encoded_anew(part.substr(equals + 1)));
  }
  std::ranges::sort(pairs);
  std::string text;
  for (const auto& [name, value] : pairs) text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

// Without white space around it, and with one space for each run of it.
std::string trimmed(std::string_view value) {
  std::string text;
  for (const char c : value) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    if (!space)
      text += c;
    else if (!text.empty() && text.back() != ' ')
      text += ' ';
  }
  if (text.ends_with(' ')) text.pop_back();
  return text;
}

std::map<std::string, std::string> signed_headers(const HttpRequest& request) {
  std::map<std::string, std::string> headers = {{"host", request.url.authority()}};
  for (const auto& [name, value] : request.headers) {
    std::string key = lower(name);
    if (key == "host" || std::ranges::find(kUnsigned, key) != kUnsigned.end()) continue;
    const auto [found, added] = headers.try_emplace(std::move(key), trimmed(value));
    if (!added) found->second += ',' + trimmed(value);
  }
  return headers;
}

std::string names_of(const std::map<std::string, std::string>& headers) {
  std::string names;
  for (const auto& header : headers) names += (names.empty() ? "" : ";") + header.first;
  return names;
}

std::string signature(const AwsKeys& keys, const AwsScope& scope, std::string_view day, std::string_view text) {
  std::string key = fmt::format("AWS4{}", keys.secret_access_key);
  for (const std::string_view part :
       {day, std::string_view(scope.region), std::string_view(scope.service), std::string_view("aws4_request")}) {
    std::string next = hmac_sha256_raw(key, part);
    wipe(key);
    key = std::move(next);
  }
  std::string made = hmac_sha256(key, text);
  wipe(key);
  return made;
}

// "20150830T123600Z"
std::string basic_time(SystemTime now) {
  std::string text = format_time(now).substr(0, 19) + 'Z';
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

}  // namespace

AwsRules aws_rules(std::string_view service) {
  if (service == "s3" || service == "s3-object-lambda")
    return {.normalize_path = false, .encode_path = false, .content_header = true};
  return {};
}

std::optional<AwsScope> aws_scope_of(std::string_view host) {
  // "<id>.lambda-url.<region>.on.aws"
  if (host.ends_with(".on.aws")) {
    const auto labels = split(host.substr(0, host.size() - 7), '.');
    if (labels.size() == 3 && labels[1] == "lambda-url" && is_region(labels[2]))
      return AwsScope{std::string(labels[2]), "lambda"};
    return {};
  }
  for (const std::string_view suffix : {".amazonaws.com", ".amazonaws.com.cn"}) {
    if (host.size() > suffix.size() && host.ends_with(suffix))
      return scope_of(split(host.substr(0, host.size() - suffix.size()), '.'));
  }
  return {};
}

std::string aws_canonical_request(const HttpRequest& request, const AwsRules& rules) {
  const auto headers = signed_headers(request);
  std::string lines;
  for (const auto& [name, value] : headers) lines += fmt::format("{}:{}\n", name, value);
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, canonical_path(request, rules),
                     canonical_query(request.url.query), lines, names_of(headers), sha256(request.body));
}

void aws_sign(HttpRequest& request, const AwsKeys& keys, const AwsScope& scope, const AwsRules& rules, SystemTime now) {
  const std::string time = basic_time(now);
  const std::string day = time.substr(0, 8);
  set_header(request, "X-Amz-Date", time);
  if (!keys.session_token.empty()) set_header(request, "X-Amz-Security-Token", std::string(keys.session_token));
  if (rules.content_header) set_header(request, "X-Amz-Content-Sha256", sha256(request.body));
  const std::string within = fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  const std::string text =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, within, sha256(aws_canonical_request(request, rules)));
  set_header(request, "Authorization",
             fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm, keys.access_key_id, within,
                         names_of(signed_headers(request)), signature(keys, scope, day, text)));
}

}  // namespace plumb::runtime
