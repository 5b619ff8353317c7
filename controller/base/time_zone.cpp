#include "controller/base/time_zone.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "controller/base/posix_time_zone.h"
#include "controller/base/text.h"

namespace plumb {

struct TimeZone::Rules {
  std::string name = "UTC";
  std::chrono::seconds first{};              // before the first change
  std::vector<PosixTimeZone::Change> known;  // sorted
  std::optional<PosixTimeZone> later;        // after the last change
};

namespace {

namespace fs = std::filesystem;
using Change = PosixTimeZone::Change;

// The names in the database that are no zones: other forms of the same, and lists.
constexpr std::string_view kNoZones[] = {"posix", "right", "posixrules", "localtime", "Factory", "leapseconds"};
constexpr std::size_t kLargestFile = 256 * 1024;  // bytes; the largest there are have 4 KiB
// No offset is larger (RFC 8536, 3.2).
constexpr auto kLargestOffset = std::chrono::hours(26);

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '/' || name.find("..") != std::string_view::npos)
    return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
           c == '-' || c == '+';
  });
}

// Reads big-endian numbers off the front of a text; after the end, zeros and `good` false.
struct Reader {
  std::string_view rest;
  bool good = true;

  std::string_view bytes(std::size_t size) {
    if (rest.size() < size) {
      good = false;
      return {};
    }
    const std::string_view taken = rest.substr(0, size);
    rest.remove_prefix(size);
    return taken;
  }
  std::int64_t number(std::size_t size) {
    const std::string_view taken = bytes(size);
    std::uint64_t value = !taken.empty() && (taken.front() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (const char c : taken) value = value << 8 | static_cast<std::uint8_t>(c);
    return static_cast<std::int64_t>(value);
  }
};

// The header of RFC 8536, 3.1.
struct Header {
  char version = 0;
  std::size_t ut_indicators = 0, standard_indicators = 0, leaps = 0, times = 0, types = 0, letters = 0;

  std::size_t body(std::size_t time_size) const {
    return times * (time_size + 1) + types * 6 + letters + leaps * (time_size + 4) + standard_indicators +
           ut_indicators;
  }
};

std::optional<Header> read_header(Reader& in) {
  if (in.bytes(4) != "TZif") return {};
  const std::string_view version = in.bytes(1);
  in.bytes(15);
  Header header;
  for (std::size_t* count : {&header.ut_indicators, &header.standard_indicators, &header.leaps, &header.times,
                             &header.types, &header.letters}) {
    const std::int64_t value = in.number(4);
    if (value < 0 || value > static_cast<std::int64_t>(kLargestFile)) return {};
    *count = static_cast<std::size_t>(value);
  }
  if (!in.good || header.types == 0) return {};
  header.version = version.front();
  return header;
}

// The changes of RFC 8536, 3.2, into `first` and `known`.
bool read_body(Reader& in, const Header& header, std::size_t time_size, std::chrono::seconds& first,
               std::vector<Change>& known) {
  if (header.leaps != 0) return false;  // "right/": not the time that systems keep
  std::vector<std::int64_t> times(header.times);
  for (std::int64_t& time : times) time = in.number(time_size);
  const std::string_view types = in.bytes(header.times);
  std::vector<std::chrono::seconds> offsets;
  for (std::size_t i = 0; i < header.types; ++i) {
    offsets.emplace_back(in.number(4));
    in.bytes(2);
    if (std::chrono::abs(offsets.back()) >= kLargestOffset) return false;
  }
  in.bytes(header.letters + header.standard_indicators + header.ut_indicators);
  if (!in.good || !std::is_sorted(times.begin(), times.end())) return false;
  first = offsets.front();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto type = static_cast<std::uint8_t>(types[i]);
    if (type >= offsets.size()) return false;
    // Some files begin with a change at the big bang, which milliseconds do not reach.
    if (times[i] < -(std::int64_t{1} << 52)) {
      first = offsets[type];
    } else {
      known.push_back({PosixTimeZone::Seconds(std::chrono::seconds(times[i])), offsets[type]});
    }
  }
  return true;
}

std::chrono::year year_of(SystemTime time) {
  return std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(time)).year();
}

// `time` is at or after `from`, where the rule begins to hold.
TimeZone::Period by_rule(const PosixTimeZone& rule, SystemTime from, SystemTime time) {
  TimeZone::Period period{from, SystemTime::max(), rule.standard};
  if (!rule.saving) return period;
  const std::chrono::year year = year_of(time);
  for (int i = -2; i <= 2; ++i) {
    for (const Change& change : rule.changes(year + std::chrono::years(i))) {
      if (change.at > time) {
        period.until = change.at;
        return period;
      }
      period.from = std::max<SystemTime>(from, change.at);
      period.offset = change.offset;
    }
  }
  return period;
}

}  // namespace

TimeZone::TimeZone() : TimeZone(std::make_shared<const Rules>()) {}
TimeZone::TimeZone(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}

const std::string& TimeZone::name() const { return rules_->name; }

Result<TimeZone> TimeZone::parse(std::string name, std::string_view tzif) {
  auto rules = std::make_shared<Rules>();
  rules->name = std::move(name);
  const auto damaged = [&] { return fail(Fault::invalid, "the file of time zone {} is damaged", rules->name); };
  Reader in{tzif};
  auto header = read_header(in);
  if (!header) return damaged();
  std::size_t time_size = 4;
  const bool has_second_part = header->version >= '2';
  if (has_second_part) {  // the first part is the same for programs of the last century
    in.bytes(header->body(time_size));
    header = read_header(in);
    time_size = 8;
  }
  if (!header || !read_body(in, *header, time_size, rules->first, rules->known)) return damaged();
  if (has_second_part && in.bytes(1) == "\n") {
    const std::string_view text = in.rest.substr(0, in.rest.find('\n'));
    if (!text.empty()) {
      rules->later = parse_posix_time_zone(text);
      if (!rules->later) return damaged();
    }
  }
  return TimeZone(std::move(rules));
}

Result<TimeZone> TimeZone::find(std::string_view name, const std::string& database) {
  if (name == "UTC") return TimeZone();
  const auto unknown = [&]() -> Failure {
    const auto names = time_zone_names(database);
    if (names.empty())
      return fail(Fault::unavailable, "time zone {}: there is no database in {}; install tzdata", printable(name),
                  database);
    return fail(Fault::invalid, "there is no time zone \"{}\"{}; write a name such as Europe/Berlin, or UTC",
                printable(name), did_you_mean(name, names));
  };
  if (!is_name(name)) return unknown();
  const fs::path path = fs::path(database) / name;
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > kLargestFile) return unknown();
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!bytes.starts_with("TZif")) return unknown();
  return parse(std::string(name), bytes);
}

TimeZone::Period TimeZone::period_at(SystemTime time) const {
  const auto& known = rules_->known;
  const auto next = std::upper_bound(known.begin(), known.end(), time,
                                     [](SystemTime at, const Change& change) { return at < change.at; });
  const SystemTime from = next == known.begin() ? SystemTime::min() : SystemTime(std::prev(next)->at);
  if (next == known.end() && rules_->later) return by_rule(*rules_->later, from, time);
  return {from, next == known.end() ? SystemTime::max() : SystemTime(next->at),
          next == known.begin() ? rules_->first : std::prev(next)->offset};
}

LocalTime TimeZone::local(SystemTime time) const { return LocalTime(time.time_since_epoch() + period_at(time).offset); }

SystemTime TimeZone::first_at(LocalTime time) const {
  // Before this moment no clock can have shown `time`.
  SystemTime from(time.time_since_epoch() - kLargestOffset);
  for (;;) {
    const Period period = period_at(from);
    const SystemTime shown = std::max(from, SystemTime(time.time_since_epoch() - period.offset));
    if (shown < period.until) return shown;
    from = period.until;
  }
}

std::vector<std::string> time_zone_names(const std::string& database) {
  std::vector<std::string> names = {"UTC"};
  std::error_code error;
  for (fs::recursive_directory_iterator entry(database, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().lexically_relative(database).string();
    if (std::find(std::begin(kNoZones), std::end(kNoZones), name) != std::end(kNoZones)) {
      entry.disable_recursion_pending();
    } else if (is_name(name) && name != "UTC" && name.front() >= 'A' && name.front() <= 'Z' &&
               entry->is_regular_file(error)) {
      names.push_back(name);
    }
  }
  if (names.size() == 1) return {};
  std::sort(names.begin(), names.end());
  return names;
}

std::string format_time(SystemTime time, const TimeZone& zone) {
  const std::string utc = format_time(time).substr(0, 19) + "Z";
  if (zone.name() == "UTC") return utc;
  const std::string local = format_time(SystemTime(zone.local(time).time_since_epoch()));
  return fmt::format("{} {} {} ({})", local.substr(0, 10), local.substr(11, 5), zone.name(), utc);
}

}  // namespace plumb
