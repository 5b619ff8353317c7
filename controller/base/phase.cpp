#include "controller/base/phase.h"

#include <charconv>
#include <cstdint>

#include "controller/base/assert.h"
#include "controller/base/digest.h"

namespace plumb {

Duration phase_of(std::string_view identity, Duration interval) {
  PLUMB_ASSERT(interval > Duration::zero());
  const std::string digest = sha256(identity);
  std::uint64_t number = 0;
  std::from_chars(digest.data(), digest.data() + 16, number, 16);
  return Duration(static_cast<Duration::rep>(number % static_cast<std::uint64_t>(interval.count())));
}

SystemTime next_due(SystemTime now, Duration interval, std::string_view identity) {
  const Duration since = now.time_since_epoch() - phase_of(identity, interval);
  Duration into = since % interval;
  if (into < Duration::zero()) into += interval;
  return now + (interval - into);
}

}  // namespace plumb
