#include "controller/openapi/response.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <boost/json/stream_parser.hpp>
#include <tl/expected.hpp>

#include "controller/base/text.h"
#include "controller/openapi/charset.h"

namespace plumb::openapi {
namespace {

constexpr std::size_t kMaxBodyDepth = 200;  // what is nested deeper is text
constexpr std::size_t kContext = 40;        // characters before and after an error

// IANA HTTP Status Code Registry.
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
  const auto* found = std::lower_bound(std::begin(kPhrases), std::end(kPhrases), status,
                                       [](const auto& phrase, int number) { return phrase.first < number; });
  return found != std::end(kPhrases) && found->first == status ? found->second : "";
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

// Header values are bytes; those that are not UTF-8 are Latin-1 (RFC 9110, 5.5).
std::string header_value(std::string_view bytes) {
  return is_utf8(bytes) ? std::string(bytes) : to_utf8(bytes, "latin1");
}

// "a, b" is a list, "a,b" is not.
Value split(const std::string& value) {
  if (value.find(", ") == std::string::npos) return Value(value);
  Array parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = value.find(", ", begin);
    parts.emplace_back(value.substr(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 2;
  }
}

// Sorted by name, as both examples of the seed are, whatever the order in which they came.
Object headers_of(const Received& received) {
  std::map<std::string, std::string> joined;
  for (const auto& [name, value] : received.headers) {
    const auto [place, fresh] = joined.try_emplace(lower(header_value(name)), header_value(value));
    if (!fresh) place->second += ", " + header_value(value);
  }
  Object headers;
  for (const auto& [name, value] : joined) headers.emplace(name, split(value));
  return headers;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

struct ContentType {
  std::string type, charset;
  bool is_json() const { return type == "application/json" || type.ends_with("+json"); }
};

ContentType content_type_of(const Received& received) {
  ContentType result;
  const auto found = std::find_if(received.headers.begin(), received.headers.end(), [](const auto& header) {
    return equals_ignoring_case(header.first, "content-type");
  });
  if (found == received.headers.end()) return result;
  std::string_view left = found->second;
  result.type = lower(trimmed(left.substr(0, left.find(';'))));
  while (left.find(';') != left.npos) {
    left.remove_prefix(left.find(';') + 1);
    const std::string_view parameter = trimmed(left.substr(0, left.find(';')));
    const auto equals = parameter.find('=');
    if (equals == parameter.npos || lower(trimmed(parameter.substr(0, equals))) != "charset") continue;
    std::string_view value = trimmed(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    result.charset = value;
    break;
  }
  return result;
}

// The last `count` characters of a text, or the first.
std::string_view last_characters(std::string_view text, std::size_t count) {
  std::size_t at = text.size();
  while (count > 0 && at > 0) {
    do --at;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80);
    --count;
  }
  return text.substr(at);
}
std::string_view first_characters(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  while (count > 0 && at < text.size()) {
    at += std::max<std::size_t>(character_length(text.substr(at)), 1);
    --count;
  }
  return text.substr(0, at);
}

struct JsonFault {
  std::string reason;
  std::size_t offset = 0;  // bytes
};

// The value, or what is wrong with the text and where.
tl::expected<Value, JsonFault> parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxBodyDepth;
  boost::json::stream_parser parser({}, options);
  boost::system::error_code error;
  const std::size_t offset = parser.write_some(text.data(), text.size(), error);
  if (error) return tl::unexpected(JsonFault{error.message(), offset});
  if (offset < text.size()) return tl::unexpected(JsonFault{"more follows after the end of the value", offset});
  parser.finish(error);
  if (error) return tl::unexpected(JsonFault{error.message(), text.size()});
  return parser.release();
}

// {name, reason, mark: {name, buffer, position, line, column}, message}: positions in characters from 0, in the message
// from 1 (J12).
Object parse_error(std::string_view text, const JsonFault& fault) {
  const std::string_view before = text.substr(0, fault.offset);
  const auto is_first_byte = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; };
  const auto position = std::count_if(before.begin(), before.end(), is_first_byte);
  const auto line = std::count(before.begin(), before.end(), '\n');
  const auto start = before.rfind('\n');
  const std::string_view in_line = start == before.npos ? before : before.substr(start + 1);
  const auto column = std::count_if(in_line.begin(), in_line.end(), is_first_byte);
  const std::string_view head = last_characters(before, kContext);
  const std::string_view tail = first_characters(text.substr(fault.offset), kContext);
  const std::string buffer = fmt::format("{}{}{}{}", head.size() < before.size() ? "..." : "", head, tail,
                                         fault.offset + tail.size() < text.size() ? "..." : "");
  return Object{{"name", "JSONException"},
                {"reason", fault.reason},
                {"mark", Object{{"name", nullptr},
                                {"buffer", buffer},
                                {"position", static_cast<std::int64_t>(position)},
                                {"line", static_cast<std::int64_t>(line)},
                                {"column", static_cast<std::int64_t>(column)}}},
                {"message", fmt::format("{} ({}:{})", fault.reason, line + 1, column + 1)}};
}

}  // namespace

Value normalised(const Received& received) {
  Object result;
  result.emplace("ok", received.status >= 200 && received.status <= 299);
  result.emplace("method", upper(received.method));
  result.emplace("url", received.url);
  result.emplace("status", received.status);
  result.emplace("statusText",
                 received.reason.empty() ? std::string(phrase_of(received.status)) : header_value(received.reason));
  result.emplace("headers", headers_of(received));
  if (received.body.empty()) return result;
  const ContentType type = content_type_of(received);
  std::string text = to_utf8(received.body, type.charset);
  if (!type.is_json()) {
    result.emplace("text", std::move(text));
    return result;
  }
  auto parsed = parse(text);
  if (parsed) {
    result.emplace("body", std::move(*parsed));
    return result;
  }
  Object error = parse_error(text, parsed.error());
  result.emplace("text", std::move(text));
  result.emplace("parseError", std::move(error));
  return result;
}

}  // namespace plumb::openapi
