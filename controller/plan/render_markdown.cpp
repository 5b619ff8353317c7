#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/plan/report.h"

namespace plumb::plan {
namespace {

constexpr std::size_t kLongestValue = 300;  // bytes of one value or message

std::string clipped(std::string text) {
  if (text.size() <= kLongestValue) return text;
  return std::string(beginning(text, kLongestValue)) + "…";
}

// As text in a paragraph, a list or a table (GitHub Flavored Markdown): no markup, link or mention.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : clipped(printable(text))) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '@': out += "&#64;"; break;
      case ':': out += "&#58;"; break;
      case '.': out += "&#46;"; break;
      case '\\':
      case '`':
      case '*':
      case '_':
      case '[':
      case ']':
      case '(':
      case ')':
      case '#':
      case '|':
      case '~':
      case '!':
        out += '\\';
        out += c;
        break;
      default: out += c;
    }
  }
  return out;
}

// A line of a fenced block. It never begins with a fence: four spaces or a sign come first.
std::string fenced(std::string_view prefix, std::string_view text) {
  return fmt::format("{}{}\n", prefix, clipped(std::string(text)));
}

std::string change_block(const Plan& plan, const Change& change, const RenderOptions& options) {
  const Action action = headline(change);
  const std::string others = other_actions(change);
  // The diff colouring of GitHub knows + - ! in the first column.
  const char symbol = symbol_of(action);
  std::string text =
      fenced(fmt::format("{} ", symbol == '~' || symbol == '>' ? '!' : symbol),
             fmt::format("{}  {}{}{}{}", printable(to_string(change.key)), to_string(action),
                         others.empty() ? "" : ", ", others, drift_mark(change).empty() ? "" : "  [drift]"));
  text += fenced("      ", place_of(change));
  text += fenced("      ", reason_of(change));
  for (const FieldChange& field : change.fields) {
    const FieldView view = view_of(field, action, options.max_values);
    if (!view.set) {
      if (!view.before.empty()) text += fenced("-     ", fmt::format("{}: {}", view.name, view.before));
      text += fenced("+     ", fmt::format("{}: {}", view.name, view.after));
      continue;
    }
    text += fenced("      ", view.name + ":");
    for (const ValueLine& line : view.lines) text += fenced(fmt::format("{}       ", line.sign), line.text);
    if (view.more > 0) text += fenced("        ", fmt::format("and {} more", grouped(view.more)));
  }
  if (!change.one_way.empty()) text += fenced("!     ", "cannot be undone: " + printable(change.one_way));
  if (const std::string why = withheld(plan, change.key); !why.empty()) text += fenced("!     ", why);
  return text;
}

// Text up to a size; what does not fit is counted.
class Page {
 public:
  explicit Page(std::size_t limit) : limit_(limit) {}
  // `closing`: bytes that must still fit after this.
  bool add(std::string_view text, std::size_t closing = 0) {
    if (text_.size() + text.size() + closing + kReserve > limit_) return false;
    text_ += text;
    return true;
  }
  void close(std::string_view text) { text_ += text; }
  std::string take() { return std::move(text_); }
  std::size_t left_out = 0;

 private:
  static constexpr std::size_t kReserve = 400;  // for closing tags and the note at the end
  std::size_t limit_;
  std::string text_;
};

void add_group(Page& page, const Plan& plan, Action action, const RenderOptions& options) {
  constexpr std::string_view kEnd = "```\n\n</details>\n\n";
  std::vector<const Change*> changes;
  for (const auto& level : plan.levels)
    for (const Change& change : level)
      if (headline(change) == action) changes.push_back(&change);
  if (changes.empty()) return;
  const bool open = changes.size() <= 10;
  const std::string head = fmt::format("<details{}>\n<summary><b>{} to {}</b></summary>\n\n```diff\n",
                                       open ? " open" : "", grouped(changes.size()), to_string(action));
  if (!page.add(head, kEnd.size())) {
    page.left_out += changes.size();
    return;
  }
  bool full = false;
  for (const Change* change : changes) {
    full = full || !page.add(change_block(plan, *change, options), kEnd.size());
    if (full) ++page.left_out;
  }
  page.close(kEnd);
}

void add_lists(Page& page, const Plan& plan) {
  for (const Verdict& verdict : plan.verdicts) {
    const std::string_view effect = verdict.approved ? "approved" : to_string(verdict.effect);
    if (!page.add(fmt::format("- **{}** by {}: {} ({})\n", effect, escaped(verdict.policy), escaped(verdict.message),
                              counted(verdict.keys.size(), "change"))))
      ++page.left_out;
  }
  if (wants_approval(plan))
    page.add(fmt::format("\nTo let the held changes through, after review: `plumbline approve {}`\n", plan.digest));
  if (!plan.verdicts.empty()) page.add("\n");
  if (plan.blocked.empty()) return;
  if (!page.add("| Blocked | Why | Where |\n|---|---|---|\n")) {
    page.left_out += plan.blocked.size();
    return;
  }
  for (const Blocked& each : plan.blocked)
    if (!page.add(fmt::format("| {} | **{}** {} | {} |\n", escaped(to_string(each.key)), escaped(each.reason),
                              escaped(each.message), escaped(to_string(each.at)))))
      ++page.left_out;
  page.add("\n");
}

void add_drift(Page& page, const Plan& plan, const RenderOptions& options) {
  if (plan.drift.empty()) return;
  if (!page.add("| Drift | Attribute | Is | Declared | Changed | What becomes of it |\n|---|---|---|---|---|---|\n")) {
    page.left_out += plan.drift.size();
    return;
  }
  for (const Drift& drift : plan.drift) {
    const DriftView view = view_of(plan, drift, options);
    if (!page.add(fmt::format("| {} | {} | {} | {} | {} | {}{}{} |\n", escaped(to_string(drift.key)),
                              escaped(view.attribute), escaped(view.there), escaped(view.declared),
                              escaped(view.changed), view.left ? "**" : "", escaped(view.fate), view.left ? "**" : "")))
      ++page.left_out;
  }
  page.add("\n");
}

void add_access(Page& page, const Plan& plan, const RenderOptions& options) {
  const AccessShown shown = access_of(plan, options.max_access);
  if (shown.lines.empty() && shown.more == 0) return;
  if (!page.add("Memberships that follow:\n\n")) {
    page.left_out += shown.lines.size();
    return;
  }
  for (const AccessView& view : shown.lines)
    if (!page.add(fmt::format("- {} {}{}\n", view.gained ? "➕" : "➖", escaped(view.text),
                              view.privileged.empty() ? "" : fmt::format(" **{}**", escaped(view.privileged)))))
      ++page.left_out;
  if (shown.more > 0) page.add(fmt::format("- and {} more\n", grouped(shown.more)));
  page.add("\n");
}

void add_plan(Page& page, const Plan& plan, const RenderOptions& options) {
  page.add(
      fmt::format("#### {}{}\n\n", escaped(plan.target), plan.revision.empty() ? "" : " at " + escaped(plan.revision)));
  add_lists(page, plan);
  add_access(page, plan, options);
  add_drift(page, plan, options);
  for (const Action action : kActionsShown) add_group(page, plan, action, options);
  for (const Diagnostic& diagnostic : plan.diagnostics)
    if (!page.add(fmt::format("- {}{}\n", diagnostic.severity == Severity::error ? "**error** " : "",
                              escaped(to_string(diagnostic)))))
      ++page.left_out;
  if (!plan.empty()) page.add(fmt::format("\nDigest `{}`\n\n", plan.digest));
}

}  // namespace

std::string render_markdown(const std::vector<Plan>& plans, const RenderOptions& options) {
  Page page(options.markdown_limit);
  page.close(fmt::format("### Plumbline\n\n**{}**\n\n", summary(plans)));
  for (const Plan& plan : plans) add_plan(page, plan, options);
  if (page.left_out > 0)
    page.close(fmt::format("\n> **Cut short** to fit a comment: {} left out. `plumbline plan` shows all.\n",
                           counted(page.left_out, "item")));
  return page.take();
}

}  // namespace plumb::plan
