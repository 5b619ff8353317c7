#include "controller/runtime/retry.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

using Stage = HttpFailure::Stage;
constexpr auto kIdempotent = std::to_array<std::string_view>({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"});
constexpr auto kMonths = std::to_array<std::string_view>(
    {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"});
// More than any timeout; what a target asks for beyond it is the same to us.
constexpr std::int64_t kLongestSeconds = 1'000'000;

// All of the text as a number without a sign.
std::optional<std::int64_t> digits(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.size() > 18 || text[0] == '-') return {};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

bool idempotent(std::string_view method) { return std::ranges::find(kIdempotent, method) != kIdempotent.end(); }

bool worth_repeating(std::string_view method, const HttpFailure& failure) {
  // Denied, invalid: the same would come of it. Timeout: see the header.
  if (failure.error.fault != Fault::unavailable) return false;
  switch (failure.stage) {
    case Stage::resolve:
    case Stage::connect: return !failure.sent || idempotent(method);
    case Stage::proxy:
    case Stage::tls:
    case Stage::send:
    case Stage::receive: return idempotent(method);
    case Stage::egress:
    case Stage::limit:
    case Stage::site: return false;
  }
  return false;
}

bool worth_repeating(std::string_view method, int status) {
  return (status == 429 || (status >= 502 && status <= 504)) && idempotent(method);
}

std::optional<Duration> retry_after(const HttpHeaders& headers, SystemTime now) {
  const auto found =
      std::ranges::find_if(headers, [](const auto& each) { return equals_ignoring_case(each.first, "Retry-After"); });
  if (found == headers.end()) return {};
  if (const auto seconds = digits(found->second)) return std::chrono::seconds(std::min(*seconds, kLongestSeconds));
  const auto date = parse_http_date(found->second);
  if (!date) return {};
  return std::clamp<Duration>(*date - now, Duration(0), std::chrono::seconds(kLongestSeconds));
}

Duration backoff(int repetition, std::uint32_t random) {
  const std::int64_t whole = std::min<std::int64_t>(5000, 100LL << std::clamp(repetition - 1, 0, 10));
  return Duration(whole / 2 + (whole / 2) * random / 0xFFFFFFFFLL);
}

std::optional<SystemTime> parse_http_date(std::string_view text) {
  // Sun, 06 Nov 1994 08:49:37 GMT
  if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' || text[16] != ' ' ||
      text[19] != ':' || text[22] != ':' || text.substr(25) != " GMT")
    return {};
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = digits(text.substr(5, 2)), year = digits(text.substr(12, 4));
  const auto hour = digits(text.substr(17, 2)), minute = digits(text.substr(20, 2)),
             second = digits(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return {};
  const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  // A leap second is read as the one after it.
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return {};
  return SystemTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

}  // namespace plumb::runtime
