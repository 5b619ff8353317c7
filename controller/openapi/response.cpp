#include "controller/openapi/response.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>
#include <boost/json/stream_parser.hpp>

#include "controller/base/text.h"
#include "controller/openapi/body.h"
#include "controller/openapi/charset.h"

namespace plumb::openapi {
namespace {

constexpr std::size_t kDeepest = 256;      // of values in values
constexpr std::size_t kBufferShown = 120;  // bytes of a text that could not be parsed

// IANA's registry of status codes (RFC 9110, 15, and others), for answers without a phrase.
constexpr std::pair<int, std::string_view> kPhrases[] = {{100, "Continue"},
                                                         {101, "Switching Protocols"},
                                                         {102, "Processing"},
                                                         {103, "Early Hints"},
                                                         {200, "OK"},
                                                         {201, "Created"},
                                                         {202, "Accepted"},
                                                         {203, "Non-Authoritative Information"},
                                                         {204, "No Content"},
                                                         {205, "Reset Content"},
                                                         {206, "Partial Content"},
                                                         {207, "Multi-Status"},
                                                         {208, "Already Reported"},
                                                         {226, "IM Used"},
                                                         {300, "Multiple Choices"},
                                                         {301, "Moved Permanently"},
                                                         {302, "Found"},
                                                         {303, "See Other"},
                                                         {304, "Not Modified"},
                                                         {305, "Use Proxy"},
                                                         {307, "Temporary Redirect"},
                                                         {308, "Permanent Redirect"},
                                                         {400, "Bad Request"},
                                                         {401, "Unauthorized"},
                                                         {402, "Payment Required"},
                                                         {403, "Forbidden"},
                                                         {404, "Not Found"},
                                                         {405, "Method Not Allowed"},
                                                         {406, "Not Acceptable"},
                                                         {407, "Proxy Authentication Required"},
                                                         {408, "Request Timeout"},
                                                         {409, "Conflict"},
                                                         {410, "Gone"},
                                                         {411, "Length Required"},
                                                         {412, "Precondition Failed"},
                                                         {413, "Content Too Large"},
                                                         {414, "URI Too Long"},
                                                         {415, "Unsupported Media Type"},
                                                         {416, "Range Not Satisfiable"},
                                                         {417, "Expectation Failed"},
                                                         {421, "Misdirected Request"},
                                                         {422, "Unprocessable Content"},
                                                         {423, "Locked"},
                                                         {424, "Failed Dependency"},
                                                         {425, "Too Early"},
                                                         {426, "Upgrade Required"},
                                                         {428, "Precondition Required"},
                                                         {429, "Too Many Requests"},
                                                         {431, "Request Header Fields Too Large"},
                                                         {451, "Unavailable For Legal Reasons"},
                                                         {500, "Internal Server Error"},
                                                         {501, "Not Implemented"},
                                                         {502, "Bad Gateway"},
                                                         {503, "Service Unavailable"},
                                                         {504, "Gateway Timeout"},
                                                         {505, "HTTP Version Not Supported"},
                                                         {506, "Variant Also Negotiates"},
                                                         {507, "Insufficient Storage"},
                                                         {508, "Loop Detected"},
                                                         {511, "Network Authentication Required"}};

std::string_view phrase_of(int status) {
  const auto found = std::ranges::find(kPhrases, status, [](const auto& each) { return each.first; });
  return found == std::end(kPhrases) ? std::string_view() : found->second;
}

// "a, b" is a list; "a,b" is not: the products tell them apart by the space alone.
Value header_value(const std::string& text) {
  constexpr std::string_view kSeparator = ", ";
  if (text.find(kSeparator) == std::string::npos) return Value(text);
  Array items;
  std::size_t from = 0;
  for (std::size_t at = text.find(kSeparator); at != std::string::npos; at = text.find(kSeparator, from)) {
    items.emplace_back(text.substr(from, at - from));
    from = at + kSeparator.size();
  }
  items.emplace_back(text.substr(from));
  return items;
}

Object headers_of(const Received& received) {
  std::vector<std::pair<std::string, std::string>> joined;
  for (const auto& [name, value] : received.headers) {
    const std::string key = lower(name);
    const auto found = std::ranges::find(joined, key, [](const auto& each) { return each.first; });
    const std::string text = to_utf8(value, "");
    if (found == joined.end()) {
      joined.emplace_back(key, text);
    } else {
      found->second += ", " + text;
    }
  }
  Object headers;
  for (const auto& [name, value] : joined) headers.emplace(name, header_value(value));
  return headers;
}

// What a parser that stopped at that byte has to say, as the products put it.
Object parse_error(const std::string& text, std::size_t position, std::string_view reason) {
  std::size_t line = 0, line_begin = 0;
  for (std::size_t at = text.find('\n'); at != std::string::npos && at < position; at = text.find('\n', at + 1)) {
    ++line;
    line_begin = at + 1;
  }
  const std::size_t column = position - line_begin;
  std::size_t shown = std::min(text.size(), kBufferShown);
  while (shown > 0 && !is_utf8(std::string_view(text).substr(0, shown))) --shown;
  return Object{{"name", "JSONParseError"},
                {"reason", reason},
                {"mark", Object{{"name", nullptr},
                                {"buffer", text.substr(0, shown) + (shown < text.size() ? "..." : "")},
                                {"position", static_cast<std::int64_t>(position)},
                                {"line", static_cast<std::int64_t>(line)},
                                {"column", static_cast<std::int64_t>(column)}}},
                {"message", fmt::format("{} ({}:{})", reason, line + 1, column + 1)}};
}

void add_body(const Received& received, std::string_view content_type, Object& result) {
  if (received.body.empty()) return;
  std::string text = to_utf8(received.body, charset_of(content_type));
  if (!is_json(content_type)) {
    result.emplace("text", std::move(text));
    return;
  }
  boost::json::parse_options options;
  options.max_depth = kDeepest;
  boost::json::stream_parser parser({}, options);
  boost::json::error_code error;
  std::size_t position = parser.write_some(text, error);
  if (!error && position == text.size()) parser.finish(error);
  const bool more = !error && position < text.size();  // something after the value
  if (!error && !more) {
    result.emplace("body", parser.release());
    return;
  }
  while (more && position < text.size() && std::string_view(" \t\r\n").find(text[position]) != std::string_view::npos)
    ++position;
  const std::string reason = more ? "there is more after the value" : error.message();
  Object problem = parse_error(text, std::min(position, text.size()), reason);
  result.emplace("text", std::move(text));
  result.emplace("parseError", std::move(problem));
}

}  // namespace

Value normalised(const Received& received) {
  Object result;
  result.emplace("ok", received.status >= 200 && received.status <= 299);
  result.emplace("method", received.method);
  result.emplace("url", received.url);
  result.emplace("status", received.status);
  result.emplace("statusText",
                 received.reason.empty() ? std::string(phrase_of(received.status)) : to_utf8(received.reason, ""));
  result.emplace("headers", headers_of(received));
  std::string_view content_type;
  for (const auto& [name, value] : received.headers)
    if (equals_ignoring_case(name, "content-type")) content_type = value;
  add_body(received, content_type, result);
  return result;
}

}  // namespace plumb::openapi
