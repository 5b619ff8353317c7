#include "controller/plan/report.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "controller/base/clock.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "controller/model/flags.h"
#include "controller/plan/values.h"

namespace plumb::plan {
namespace {

constexpr std::string_view kSensitive = "(sensitive)";

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", printable(text)); }

// A FILETIME counts 100 ns from 1601-01-01 (MS-DTYP 2.3.3).
std::string expiry_text(const std::string& value) {
  std::int64_t ticks = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ticks);
  if (error != std::errc{} || end != value.data() + value.size()) return quoted(value);
  if (ticks == 0 || ticks == std::numeric_limits<std::int64_t>::max()) return "never";
  constexpr std::int64_t kFrom1601To1970 = 11'644'473'600'000;
  constexpr std::int64_t kYear10000 = 253'402'300'800'000;
  const std::int64_t since_1970 = ticks / 10'000 - kFrom1601To1970;
  if (ticks < 0 || since_1970 >= kYear10000) return quoted(value);
  const std::string time = format_time(SystemTime(Duration(since_1970)));
  return time.ends_with("T00:00:00.000Z") ? time.substr(0, 10) : time;
}

std::string flags_shown(const std::string& value) {
  const auto bits = parse_flags(value);
  if (!bits) return quoted(value);
  return fmt::format("{} ({})", printable(value), join(account_flag_names(*bits), ", "));
}

std::string shown(const FieldChange& field, const std::string& value) {
  if (field.sensitive) return std::string(kSensitive);
  if (field.link) {
    const LinkText link = parse_link(value);
    return printable(link.dn.empty() ? value : link.dn);
  }
  if (equals_ignoring_case(field.name, "userAccountControl")) return flags_shown(value);
  if (equals_ignoring_case(field.name, "accountExpires")) return expiry_text(value);
  if (!is_utf8(value)) return fmt::format("({} bytes)", value.size());
  return quoted(value);
}

// To the second; nobody reads the rest.
std::string moment(SystemTime time) {
  const std::string text = format_time(time);
  return text.substr(0, text.rfind('.')) + "Z";
}

std::string fate_of(const Plan& plan, const Drift& drift, const RenderOptions& options) {
  if (drift.put_back) {
    const std::string why = withheld(plan, drift.key);
    return why.empty() ? "put back by this plan" : fmt::format("would be put back by this plan, but that is {}", why);
  }
  if (drift.held_until) {
    std::string text = "held until " + moment(*drift.held_until);
    constexpr Duration kShown = std::chrono::minutes(1);
    if (options.now && *drift.held_until > *options.now) {
      const Duration left = *drift.held_until - *options.now;
      text += fmt::format(" (for another {})", format_duration(left < kShown ? left : left - left % kShown));
    }
    return drift.reason.empty() ? text : fmt::format("{}: {}", text, printable(drift.reason));
  }
  if (drift.mode == DriftMode::observe) return "stays: it is only observed (Observe)";
  return "stays: it is only told of (Alert), until the manifest changes";
}

std::string drift_summary(const Counts& counts) {
  if (counts.drifted == 0) return {};
  std::vector<std::string> parts;
  if (const auto back = counts.drifted - counts.drift_held - counts.drift_stays; back > 0)
    parts.push_back(grouped(back) + " put back");
  if (counts.drift_held > 0) parts.push_back(grouped(counts.drift_held) + " held");
  if (counts.drift_stays > 0)
    parts.push_back(grouped(counts.drift_stays) + (counts.drift_stays == 1 ? " stays" : " stay"));
  return fmt::format("; {} drifted ({})", counted(counts.drifted, "attribute"), join(parts, ", "));
}

}  // namespace

Action headline(const Change& change) { return change.actions.empty() ? Action::update : change.actions.front(); }

char symbol_of(Action action) {
  switch (action) {
    case Action::create: return '+';
    case Action::remove: return '-';
    case Action::disable: return '!';
    case Action::enable: return '^';
    case Action::move: return '>';
    case Action::adopt: return '=';
    case Action::update: return '~';
    case Action::forget: return 'x';
  }
  return '~';
}

Counts count(const std::vector<Plan>& plans) {
  Counts counts;
  for (const Plan& plan : plans) {
    counts.unchanged += plan.unchanged;
    counts.blocked += plan.blocked.size();
    counts.drifted += plan.drift.size();
    for (const AccessChange& change : plan.access) {
      ++(change.gained ? counts.access_gained : counts.access_lost);
      if (change.gained && !change.privileged.empty()) ++counts.privileged_gained;
    }
    for (const Drift& drift : plan.drift) {
      if (drift.put_back) continue;
      ++(drift.held_until ? counts.drift_held : counts.drift_stays);
    }
    for (const auto& level : plan.levels) {
      for (const Change& change : level) {
        ++counts.changes;
        ++counts.by_action[static_cast<std::size_t>(headline(change))];
        if (!change.one_way.empty()) ++counts.one_way;
        const auto effect = effect_on(plan, change.key);
        if (effect == Effect::hold) ++counts.held;
        if (effect == Effect::deny) ++counts.denied;
      }
    }
  }
  return counts;
}

std::string grouped(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string counted(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
}

FieldView view_of(const FieldChange& field, Action action, std::size_t max_values) {
  FieldView view;
  view.name = printable(field.name);
  view.set = field.multi_valued || field.removed.size() > 1 || field.added.size() > 1;
  if (!view.set) {
    view.before = field.removed.empty() ? std::string(kNone) : shown(field, field.removed.front());
    view.after = field.added.empty() ? std::string(kNone) : shown(field, field.added.front());
    // What is new has nothing before it, and what is written blindly had something unknown.
    if (field.removed.empty() && (field.blind || action == Action::create)) view.before.clear();
    return view;
  }
  const std::size_t total = field.removed.size() + field.added.size();
  for (const std::string& value : field.added)
    if (view.lines.size() < max_values) view.lines.push_back({'+', shown(field, value)});
  for (const std::string& value : field.removed)
    if (view.lines.size() < max_values) view.lines.push_back({'-', shown(field, value)});
  view.more = total - view.lines.size();
  return view;
}

std::string reason_of(const Change& change) {
  const std::string at = to_string(change.at);
  std::string reason = change.reason.empty() ? std::string(to_string(change.cause)) : change.reason;
  if (!at.empty() && reason.find(change.at.file) == std::string::npos) reason += fmt::format(" ({})", at);
  if (change.cause == Cause::drift) reason += "; see Drift";
  return printable(reason);
}

std::string place_of(const Change& change) {
  const bool moves = !change.handle_after.empty() && change.handle_after != change.handle && !change.handle.empty();
  if (moves) return printable(change.handle) + " -> " + printable(change.handle_after);
  return printable(change.handle.empty() ? change.handle_after : change.handle);
}

std::string other_actions(const Change& change) {
  std::vector<std::string> names;
  for (const Action action : change.actions)
    if (action != headline(change) && action != Action::update) names.emplace_back(to_string(action));
  return join(names, ", ");
}

std::string withheld(const Plan& plan, const ResourceKey& key) {
  const auto effect = effect_on(plan, key);
  if (!effect) return {};
  std::vector<std::string> policies;
  for (const Verdict& verdict : plan.verdicts)
    if (verdict.effect == *effect && !verdict.approved &&
        std::binary_search(verdict.keys.begin(), verdict.keys.end(), key))
      policies.push_back(printable(verdict.policy));
  return fmt::format("{} by {}", *effect == Effect::deny ? "denied" : "held", join(policies, ", "));
}

std::string drift_mark(const Change& change) { return change.cause == Cause::drift ? "drift" : ""; }

DriftView view_of(const Plan& plan, const Drift& drift, const RenderOptions& options) {
  DriftView view;
  const FieldView field = view_of(drift.field, Action::update, options.max_values);
  view.attribute = field.name;
  view.left = !drift.put_back || !withheld(plan, drift.key).empty();
  if (field.set) {
    const auto listed = [&](const std::vector<std::string>& values) {
      std::vector<std::string> texts;
      for (const std::string& value : values)
        if (texts.size() < options.max_values) texts.push_back(shown(drift.field, value));
      if (texts.size() < values.size())
        texts.push_back(fmt::format("and {} more", grouped(values.size() - texts.size())));
      return join(texts, ", ");
    };
    view.set = true;
    view.there = listed(drift.field.removed);
    view.declared = listed(drift.field.added);
  } else {
    view.there = field.before.empty() ? std::string(kNone) : field.before;
    view.declared = field.after;
  }
  if (drift.changed) {
    view.changed = "changed " + moment(*drift.changed);
    if (!drift.changed_on.empty()) view.changed += " on " + printable(drift.changed_on);
  }
  view.fate = fate_of(plan, drift, options);
  return view;
}

AccessShown access_of(const Plan& plan, std::size_t most) {
  AccessShown shown;
  shown.more = plan.access_more;
  for (const AccessChange& change : plan.access) {
    if (change.via.empty() && change.privileged.empty()) continue;
    if (shown.lines.size() == most) {
      ++shown.more;
      continue;
    }
    AccessView view;
    view.gained = change.gained;
    view.text =
        fmt::format("{} {} {}", printable(change.member), change.gained ? "gains" : "loses", printable(change.group));
    std::vector<std::string> via;
    for (const std::string& group : change.via) via.push_back(printable(group));
    if (!via.empty()) view.text += " through " + join(via, ", then ");
    if (!change.privileged.empty()) view.privileged = "privileged: " + printable(change.privileged);
    shown.lines.push_back(std::move(view));
  }
  return shown;
}

std::vector<std::span<const Drift>> drift_by_object(const Plan& plan) {
  std::vector<std::span<const Drift>> objects;
  for (std::size_t i = 0; i < plan.drift.size();) {
    std::size_t end = i;
    while (end < plan.drift.size() && plan.drift[end].key == plan.drift[i].key) ++end;
    objects.emplace_back(plan.drift.data() + i, end - i);
    i = end;
  }
  return objects;
}

bool wants_approval(const Plan& plan) {
  return std::any_of(plan.verdicts.begin(), plan.verdicts.end(),
                     [](const Verdict& verdict) { return verdict.effect == Effect::hold && !verdict.approved; });
}

std::string summary(const std::vector<Plan>& plans) {
  const Counts counts = count(plans);
  std::string text;
  if (counts.changes == 0) {
    text = fmt::format("No changes. {} {} as declared", counted(counts.unchanged, "object"),
                       counts.unchanged == 1 ? "is" : "are");
    if (counts.blocked > 0) text += fmt::format("; {} blocked", grouped(counts.blocked));
    return text + drift_summary(counts) + ".";
  }
  text = fmt::format("Plan: {} to create, {} to update, {} to disable, {} to remove",
                     grouped(counts.of(Action::create)), grouped(counts.of(Action::update)),
                     grouped(counts.of(Action::disable)), grouped(counts.of(Action::remove)));
  for (const Action action : {Action::move, Action::enable, Action::adopt, Action::forget})
    if (counts.of(action) > 0) text += fmt::format(", {} to {}", grouped(counts.of(action)), to_string(action));
  if (counts.held > 0) text += fmt::format("; {} held", grouped(counts.held));
  if (counts.denied > 0) text += fmt::format("; {} denied", grouped(counts.denied));
  if (counts.privileged_gained > 0)
    text += fmt::format("; {} gained", counted(counts.privileged_gained, "privileged membership"));
  if (counts.blocked > 0) text += fmt::format("; {} blocked", grouped(counts.blocked));
  return text + drift_summary(counts) + fmt::format("; {} unchanged.", grouped(counts.unchanged));
}

}  // namespace plumb::plan
