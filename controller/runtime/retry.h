#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/ports/http_sender.h"

// When a request may be sent once more, and how long to wait before. Pure.
namespace plumb::runtime {

// To be sent twice does what being sent once does (RFC 9110, 9.2.2).
bool idempotent(std::string_view method);

// Nothing is repeated after a timeout: the time is up, and the outcome unknown. What may have reached the target is
// repeated for idempotent methods alone; what did not get beyond resolving and connecting, for all.
bool worth_repeating(std::string_view method, const HttpFailure& failure);
// 429, 502, 503 and 504 of idempotent methods.
bool worth_repeating(std::string_view method, int status);

// Retry-After (RFC 9110, 10.2.3) of an answer, in seconds or as a date; nothing where there is none that can be read.
std::optional<Duration> retry_after(const HttpHeaders& headers, SystemTime now);
// 100 ms, 200 ms, 400 ms ... 5 s before the first, second, third repetition, of which at least half is waited: the
// other half is `random` (of 32 bits), so that what failed together is not repeated together.
Duration backoff(int repetition, std::uint32_t random);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7); the obsolete forms are nothing.
std::optional<SystemTime> parse_http_date(std::string_view text);

}  // namespace plumb::runtime
