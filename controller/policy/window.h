#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "controller/base/cron.h"
#include "controller/base/result.h"
#include "controller/model/value.h"

// When changes may go ahead: spec.windows of a Policy. For the files behind policy.h only.
namespace plumb::policy {

struct Window {
  enum class Type { freeze, maintenance };
  // From each moment of the expression on, for that long by a stop watch.
  struct Recurring {
    Cron start;
    Duration duration;
  };
  struct Absolute {
    SystemTime from, until;
  };
  Type type = Type::freeze;
  std::variant<Recurring, Absolute> span;
  TimeZone zone;  // of the expression, and of messages
  std::string message;

  bool open(SystemTime time) const;
  // The first moment after `time` at which it opens or ends; it may be open before and after.
  std::optional<SystemTime> next_edge(SystemTime time) const;
};

// "/spec/windows" of a policy, checked.
Result<std::vector<Window>> windows_from(const Value& spec);

// A freeze is open, or there are windows of maintenance and none of them is open.
bool closed(const std::vector<Window>& windows, SystemTime time);

struct Turn {
  SystemTime at;
  // false: not found within a bounded search; nothing turns before `at`.
  bool certain = true;
};
// When `closed` turns next; nothing if it never does.
std::optional<Turn> next_turn(const std::vector<Window>& windows, SystemTime now);

// Why changes wait at `now`, at which `closed`: "frozen until 2026-...: <message>".
std::string why_closed(const std::vector<Window>& windows, SystemTime now);

}  // namespace plumb::policy
