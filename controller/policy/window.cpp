#include "controller/policy/window.h"

#include <algorithm>
#include <utility>

#include "controller/base/text.h"

namespace plumb::policy {
namespace {

// A window of a month is a date, and the search for its edges looks back as far as it is long.
constexpr Duration kLongest = std::chrono::days(31);
// How many edges are looked at, over all windows of a policy: what the author of a manifest can make a round compute.
// Enough for a single window of every minute to be followed for a day.
constexpr std::size_t kMostEdges = 2000;

Result<std::string> text_of(const Value& window, const std::string& where, const std::string& name) {
  const Value* value = at(window, "/" + name);
  if (value == nullptr) return fail(Fault::invalid, "{} needs {}", where, name);
  if (!value->is_string()) return fail(Fault::invalid, "{}/{} must be a text", where, name);
  return std::string(value->get_string());
}

Result<SystemTime> moment_of(const Value& window, const std::string& where, const std::string& name) {
  PLUMB_TRY(const auto text, text_of(window, where, name));
  const auto time = parse_time(text);
  if (!time || text.size() < 20)
    return fail(Fault::invalid, "{}/{}: \"{}\" is not a date with time and offset such as 2026-12-24T12:00:00+01:00",
                where, name, printable(text));
  return *time;
}

Result<Window::Absolute> absolute_from(const Value& window, const std::string& where) {
  PLUMB_TRY(const SystemTime from, moment_of(window, where, "from"));
  PLUMB_TRY(const SystemTime until, moment_of(window, where, "until"));
  if (until <= from) return fail(Fault::invalid, "{}: it ends before it begins", where);
  return Window::Absolute{from, until};
}

Result<Window::Recurring> recurring_from(const Value& window, const std::string& where) {
  PLUMB_TRY(const auto expression, text_of(window, where, "cron"));
  auto cron = Cron::parse(expression);
  if (!cron) return in_context(where + "/cron", std::move(cron).error());
  PLUMB_TRY(const auto text, text_of(window, where, "duration"));
  auto duration = parse_duration(text);
  if (!duration) return in_context(where + "/duration", std::move(duration).error());
  if (*duration < std::chrono::minutes(1) || *duration > kLongest)
    return fail(Fault::invalid, "{}/duration must be 1m to 31d; for longer ones use from and until", where);
  return Window::Recurring{std::move(*cron), *duration};
}

Result<Window> window_from(const Value& json, const std::string& where) {
  if (!json.is_object()) return fail(Fault::invalid, "{} must be a mapping", where);
  const std::vector<std::string> known = {"type", "cron", "duration", "timeZone", "from", "until", "message"};
  for (const auto& member : json.get_object())
    if (const std::string name(member.key()); std::find(known.begin(), known.end(), name) == known.end())
      return fail(Fault::invalid, "{}/{} is not known{}", where, printable(name), did_you_mean(name, known));

  PLUMB_TRY(const auto type, text_of(json, where, "type"));
  if (type != "Freeze" && type != "Maintenance")
    return fail(Fault::invalid, "{}/type must be Freeze or Maintenance, not \"{}\"{}", where, printable(type),
                did_you_mean(type, {"Freeze", "Maintenance"}));
  TimeZone zone;
  if (at(json, "/timeZone") != nullptr) {
    PLUMB_TRY(const auto name, text_of(json, where, "timeZone"));
    auto found = TimeZone::find(name);
    if (!found) return in_context(where + "/timeZone", std::move(found).error());
    zone = std::move(*found);
  }
  std::string message;
  if (at(json, "/message") != nullptr) {
    PLUMB_TRY(message, text_of(json, where, "message"));
  }
  const bool recurring = at(json, "/cron") != nullptr || at(json, "/duration") != nullptr;
  const bool absolute = at(json, "/from") != nullptr || at(json, "/until") != nullptr;
  if (recurring == absolute) return fail(Fault::invalid, "{} needs either cron and duration, or from and until", where);
  const auto made = [&](std::variant<Window::Recurring, Window::Absolute> span) {
    return Window{type == "Freeze" ? Window::Type::freeze : Window::Type::maintenance, std::move(span), std::move(zone),
                  std::move(message)};
  };
  if (absolute) {
    PLUMB_TRY(auto span, absolute_from(json, where));
    return made(span);
  }
  PLUMB_TRY(auto span, recurring_from(json, where));
  return made(std::move(span));
}

}  // namespace

bool Window::open(SystemTime time) const {
  if (const auto* absolute = std::get_if<Absolute>(&span)) return absolute->from <= time && time < absolute->until;
  const auto& [start, duration] = std::get<Recurring>(span);
  return start.next_after(time - duration, zone) <= time;
}

std::optional<SystemTime> Window::next_edge(SystemTime time) const {
  if (const auto* absolute = std::get_if<Absolute>(&span)) {
    if (time < absolute->from) return absolute->from;
    if (time < absolute->until) return absolute->until;
    return {};
  }
  const auto& [start, duration] = std::get<Recurring>(span);
  return std::min(start.next_after(time, zone), start.next_after(time - duration, zone) + duration);
}

Result<std::vector<Window>> windows_from(const Value& spec) {
  std::vector<Window> windows;
  const Value* list = at(spec, "/windows");
  if (list == nullptr) return windows;
  if (!list->is_array() || list->get_array().empty())
    return fail(Fault::invalid, "/spec/windows must be a list that is not empty");
  for (const Value& each : list->get_array()) {
    PLUMB_TRY(Window window, window_from(each, fmt::format("/spec/windows/{}", windows.size())));
    windows.push_back(std::move(window));
  }
  return windows;
}

bool closed(const std::vector<Window>& windows, SystemTime time) {
  bool any_maintenance = false;
  bool maintained = false;
  for (const Window& window : windows) {
    const bool open = window.open(time);
    if (window.type == Window::Type::freeze && open) return true;
    if (window.type == Window::Type::maintenance) {
      any_maintenance = true;
      maintained |= open;
    }
  }
  return any_maintenance && !maintained;
}

std::optional<Turn> next_turn(const std::vector<Window>& windows, SystemTime now) {
  const bool before = closed(windows, now);
  SystemTime time = now;
  const std::size_t most = std::max<std::size_t>(kMostEdges / std::max<std::size_t>(windows.size(), 1), 100);
  for (std::size_t i = 0; i < most; ++i) {
    std::optional<SystemTime> next;
    for (const Window& window : windows)
      if (const auto edge = window.next_edge(time); edge && (!next || *edge < *next)) next = edge;
    if (!next) return {};
    time = *next;
    if (closed(windows, time) != before) return Turn{time};
  }
  return Turn{time, false};
}

std::string why_closed(const std::vector<Window>& windows, SystemTime now) {
  std::vector<std::string> said;
  const Window* shown = nullptr;
  for (const Window& window : windows) {
    if (window.type != Window::Type::freeze || !window.open(now)) continue;
    if (shown == nullptr) shown = &window;
    if (!window.message.empty()) said.push_back(window.message);
  }
  const bool frozen = shown != nullptr;
  if (!frozen) {
    for (const Window& window : windows) {
      if (window.type != Window::Type::maintenance) continue;
      if (shown == nullptr) shown = &window;
      if (!window.message.empty()) said.push_back(window.message);
    }
  }
  std::string text = frozen ? "changes are frozen" : "outside of the maintenance windows";
  const auto turn = next_turn(windows, now);
  if (turn) {
    text += frozen ? ", until " : ", the next begins ";
    if (!turn->certain) text += frozen ? "at least " : "after ";
    text += format_time(turn->at, shown == nullptr ? TimeZone() : shown->zone);
  } else {
    text += frozen ? ", and nothing ends that" : ", and none comes any more";
  }
  if (!said.empty()) text += ": " + printable(join(said, "; "));
  return text;
}

}  // namespace plumb::policy
