#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/plan/report.h"

namespace plumb::plan {
namespace {

// Colours of a terminal (ECMA-48 SGR), where they are wanted.
class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}
  std::string operator()(std::string_view code, std::string_view text) const {
    return on_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }

 private:
  bool on_;
};

constexpr std::string_view kBold = "1", kDim = "2", kRed = "31", kGreen = "32", kYellow = "33", kCyan = "36";

std::string_view colour_of(Action action) {
  switch (action) {
    case Action::create:
    case Action::enable: return kGreen;
    case Action::remove:
    case Action::disable: return kRed;
    case Action::update: return kYellow;
    case Action::move:
    case Action::adopt:
    case Action::forget: return kCyan;
  }
  return kYellow;
}

void add_field(std::string& to, const FieldChange& field, Action action, const RenderOptions& options,
               const Paint& paint) {
  const FieldView view = view_of(field, action, options.max_values);
  if (!view.set) {
    const std::string_view arrow = view.before.empty() ? "" : " -> ";
    to += fmt::format("      {}: {}{}{}\n", view.name, view.before, arrow, view.after);
    return;
  }
  to += fmt::format("      {}:\n", view.name);
  for (const ValueLine& line : view.lines)
    to += paint(line.sign == '+' ? kGreen : kRed, fmt::format("        {} {}", line.sign, line.text)) + "\n";
  if (view.more > 0) to += fmt::format("        and {} more\n", grouped(view.more));
}

void add_change(std::string& to, const Plan& plan, const Change& change, const RenderOptions& options,
                const Paint& paint) {
  const Action action = headline(change);
  const std::string key = printable(to_string(change.key));
  to += fmt::format("  {} {}", paint(colour_of(action), std::string(1, symbol_of(action))), paint(kBold, key));
  to += fmt::format("  {}{}", to_string(action), other_actions(change).empty() ? "" : ", " + other_actions(change));
  to += drift_mark(change).empty() ? "\n" : "  " + paint(kYellow, fmt::format("[{}]", drift_mark(change))) + "\n";
  to += fmt::format("      {}\n", place_of(change));
  to += paint(kDim, "      " + reason_of(change)) + "\n";
  for (const FieldChange& field : change.fields) add_field(to, field, action, options, paint);
  if (!change.one_way.empty()) to += paint(kRed, "      cannot be undone: " + printable(change.one_way)) + "\n";
  if (const std::string why = withheld(plan, change.key); !why.empty())
    to += paint(kYellow, fmt::format("      ({})", why)) + "\n";
  to += "\n";
}

void add_drift(std::string& to, const Plan& plan, const RenderOptions& options, const Paint& paint) {
  if (plan.drift.empty()) return;
  to += "Drift (somebody else changed, or it stays different):\n";
  for (const auto& object : drift_by_object(plan)) {
    to += fmt::format("  {}  {}\n", paint(kBold, printable(to_string(object.front().key))),
                      printable(object.front().handle));
    for (const Drift& drift : object) {
      const DriftView view = view_of(plan, drift, options);
      std::vector<std::string> parts;
      if (!view.there.empty()) parts.push_back(paint(kRed, (view.set ? "not declared: " : "is ") + view.there));
      if (!view.declared.empty())
        parts.push_back(paint(kGreen, (view.set ? "missing: " : "declared ") + view.declared));
      to += fmt::format("      {}: {}\n", view.attribute, join(parts, view.set ? "; " : ", "));
      if (!view.changed.empty()) to += paint(kDim, "        " + view.changed) + "\n";
      to += fmt::format("        {}\n", paint(view.left ? kYellow : kGreen, view.fate));
    }
  }
  to += "\n";
}

void add_access(std::string& to, const Plan& plan, const RenderOptions& options, const Paint& paint) {
  const AccessShown shown = access_of(plan, options.max_access);
  if (shown.lines.empty() && shown.more == 0) return;
  to += "Memberships that follow:\n";
  for (const AccessView& view : shown.lines) {
    to += fmt::format("  {}\n",
                      paint(view.gained ? kGreen : kRed, fmt::format("{} {}", view.gained ? '+' : '-', view.text)));
    if (!view.privileged.empty()) to += fmt::format("      {}\n", paint(kRed, view.privileged));
  }
  if (shown.more > 0) to += fmt::format("  and {} more\n", grouped(shown.more));
  to += "\n";
}

void add_verdicts(std::string& to, const Plan& plan, const Paint& paint) {
  if (plan.verdicts.empty()) return;
  to += "Policies:\n";
  for (const Verdict& verdict : plan.verdicts) {
    const std::string effect = verdict.approved ? "approved" : std::string(to_string(verdict.effect));
    to += fmt::format("  {} {}: {} ({})\n", paint(verdict.effect == Effect::deny ? kRed : kYellow, effect),
                      paint(kBold, printable(verdict.policy)), printable(verdict.message),
                      counted(verdict.keys.size(), "change"));
  }
  if (wants_approval(plan))
    to +=
        fmt::format("  To let the held changes through, after review: plumbline approve {}\n", printable(plan.digest));
  to += "\n";
}

void add_plan(std::string& to, const Plan& plan, const RenderOptions& options, const Paint& paint) {
  to += fmt::format("{}{}\n\n", paint(kBold, printable(plan.target)),
                    plan.revision.empty() ? "" : " at " + printable(plan.revision));
  for (const auto& level : plan.levels)
    for (const Change& change : level) add_change(to, plan, change, options, paint);
  add_access(to, plan, options, paint);
  add_drift(to, plan, options, paint);
  if (!plan.blocked.empty()) {
    to += "Blocked:\n";
    for (const Blocked& each : plan.blocked) {
      const std::string at = each.at.file.empty() ? "" : fmt::format(" ({})", printable(to_string(each.at)));
      to += fmt::format("  {} {}{}\n      {}\n", paint(kBold, printable(to_string(each.key))),
                        paint(kYellow, printable(each.reason)), at, printable(each.message));
    }
    to += "\n";
  }
  add_verdicts(to, plan, paint);
  for (const Diagnostic& diagnostic : plan.diagnostics) {
    const bool error = diagnostic.severity == Severity::error;
    to += fmt::format("{}{}\n", error ? paint(kRed, "error: ") : "", printable(to_string(diagnostic)));
  }
  if (!plan.diagnostics.empty()) to += "\n";
}

}  // namespace

std::string render_text(const std::vector<Plan>& plans, const RenderOptions& options) {
  const Paint paint(options.colour);
  std::string text;
  for (const Plan& plan : plans)
    if (!plan.empty() || !plan.blocked.empty() || !plan.diagnostics.empty() || !plan.drift.empty() || plans.size() > 1)
      add_plan(text, plan, options, paint);
  text += paint(kBold, summary(plans)) + "\n";
  for (const Plan& plan : plans)
    if (!plan.empty())
      text += plans.size() == 1 ? fmt::format("Digest: {}\n", printable(plan.digest))
                                : fmt::format("Digest of {}: {}\n", printable(plan.target), printable(plan.digest));
  return text;
}

}  // namespace plumb::plan
