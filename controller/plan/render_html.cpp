#include <fmt/format.h>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/plan/html_style.h"
#include "controller/plan/report.h"

// One file that needs no other, no script and no network: the style is named by its hash in the
// content security policy, and nothing else may be loaded or run.
namespace plumb::plan {
namespace {

// As text and in quoted attributes.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string style_hash() {
  std::string bytes;
  const std::string hex = sha256(kHtmlStyle);
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return base64(bytes);
}

std::string value_html(std::string_view element, const std::string& text) {
  if (text == kNone) return fmt::format("<span class=\"more\">{}</span>", kNone);
  return fmt::format("<{0}>{1}</{0}>", element, escaped(text));
}

std::string field_row(const FieldChange& field, Action action, const RenderOptions& options) {
  const FieldView view = view_of(field, action, options.max_values);
  std::string row = fmt::format("<tr><th scope=\"row\">{}</th><td>", escaped(view.name));
  if (!view.set) {
    if (!view.before.empty()) row += value_html("del", view.before) + "<span class=\"to\"> → </span>";
    row += value_html("ins", view.after);
  } else {
    row += "<ul class=\"values\">";
    for (const ValueLine& line : view.lines)
      row += fmt::format("<li><{0}><b>{1}</b> {2}</{0}></li>", line.sign == '+' ? "ins" : "del",
                         line.sign == '+' ? "+" : "−", escaped(line.text));
    if (view.more > 0) row += fmt::format("<li class=\"more\">and {} more</li>", grouped(view.more));
    row += "</ul>";
  }
  return row + "</td></tr>\n";
}

// Where the drift of the object is told of; plans of several targets have several such places.
std::string drift_anchor(const Plan& plan, const ResourceKey& key) {
  return "drift-" + sha256(plan.target + '\n' + to_string(key)).substr(0, 16);
}

std::string change_card(const Plan& plan, const Change& change, const RenderOptions& options) {
  const std::string_view action = to_string(headline(change));
  const std::string others = other_actions(change);
  const std::string why = withheld(plan, change.key);
  std::string card = fmt::format("<details class=\"change {}{}\"{}>\n<summary><span class=\"tag\">{}</span> ", action,
                                 why.empty() ? "" : " withheld", change.fields.size() <= 12 ? " open" : "", action);
  card += fmt::format("<span class=\"key\">{}</span>", escaped(to_string(change.key)));
  if (!others.empty()) card += fmt::format(" <span class=\"note\">{}</span>", escaped(others));
  if (!drift_mark(change).empty())
    card += fmt::format(" <a class=\"note warn\" href=\"#{}\">drift</a>", drift_anchor(plan, change.key));
  if (!why.empty()) card += fmt::format(" <span class=\"note warn\">{}</span>", escaped(why));
  if (!change.one_way.empty()) card += " <span class=\"note bad\">cannot be undone</span>";
  card += fmt::format("</summary>\n<p class=\"dn\">{}</p>\n<p class=\"reason\">{}</p>\n", escaped(place_of(change)),
                      escaped(reason_of(change)));
  if (!change.one_way.empty())
    card += fmt::format("<p class=\"reason bad\">Cannot be undone: {}</p>\n", escaped(change.one_way));
  if (!change.fields.empty()) {
    card += "<table class=\"fields\"><tbody>\n";
    for (const FieldChange& field : change.fields) card += field_row(field, headline(change), options);
    card += "</tbody></table>\n";
  }
  return card + "</details>\n";
}

std::string verdicts_section(const Plan& plan) {
  if (plan.verdicts.empty()) return {};
  std::string html = "<section class=\"box\"><h3>Policies</h3><ul class=\"rows\">\n";
  for (const Verdict& verdict : plan.verdicts) {
    const std::string_view effect = verdict.approved ? "approved" : to_string(verdict.effect);
    html += fmt::format(
        "<li><span class=\"effect {}\">{}</span> <b>{}</b> <span class=\"count\">{}</span><br>{}</li>\n", effect,
        effect, escaped(verdict.policy), counted(verdict.keys.size(), "change"), escaped(verdict.message));
  }
  html += "</ul>\n";
  if (wants_approval(plan))
    html += fmt::format("<p>To let the held changes through, after review:</p><pre>plumbline approve {}</pre>\n",
                        escaped(plan.digest));
  return html + "</section>\n";
}

std::string blocked_section(const Plan& plan) {
  if (plan.blocked.empty()) return {};
  std::string html = "<section class=\"box\"><h3>Blocked</h3><ul class=\"rows\">\n";
  for (const Blocked& each : plan.blocked)
    html += fmt::format(
        "<li><span class=\"effect hold\">{}</span> <b>{}</b> <span class=\"count\">{}</span><br>{}</li>\n",
        escaped(each.reason), escaped(to_string(each.key)), escaped(to_string(each.at)), escaped(each.message));
  return html + "</ul></section>\n";
}

std::string access_section(const Plan& plan, const RenderOptions& options) {
  const AccessShown shown = access_of(plan, options.max_access * 10);
  if (shown.lines.empty() && shown.more == 0) return {};
  std::string html = "<section class=\"box\"><h3>Memberships that follow</h3><ul class=\"rows\">\n";
  for (const AccessView& view : shown.lines) {
    html += fmt::format("<li><{0}><b>{1}</b> {2}</{0}>", view.gained ? "ins" : "del", view.gained ? "+" : "−",
                        escaped(view.text));
    if (!view.privileged.empty())
      html += fmt::format(" <span class=\"effect deny\">{}</span>", escaped(view.privileged));
    html += "</li>\n";
  }
  if (shown.more > 0) html += fmt::format("<li class=\"more\">and {} more</li>\n", grouped(shown.more));
  return html + "</ul></section>\n";
}

std::string drift_section(const Plan& plan, const RenderOptions& options) {
  if (plan.drift.empty()) return {};
  std::string html = "<section class=\"box\"><h3>Drift</h3><ul class=\"rows\">\n";
  for (const auto& object : drift_by_object(plan)) {
    html += fmt::format("<li id=\"{}\"><b>{}</b><p class=\"dn\">{}</p>\n<table class=\"fields\"><tbody>\n",
                        drift_anchor(plan, object.front().key), escaped(to_string(object.front().key)),
                        escaped(object.front().handle));
    for (const Drift& drift : object) {
      const DriftView view = view_of(plan, drift, options);
      html += fmt::format("<tr><th scope=\"row\">{}</th><td>", escaped(view.attribute));
      if (!view.there.empty()) html += (view.set ? "not declared: " : "is ") + value_html("del", view.there) + " ";
      if (!view.declared.empty()) html += (view.set ? "missing: " : "declared ") + value_html("ins", view.declared);
      if (!view.changed.empty()) html += fmt::format("<p class=\"reason\">{}</p>", escaped(view.changed));
      html += fmt::format("<p class=\"reason\"><span class=\"effect {}\">{}</span></p></td></tr>\n",
                          view.left ? "hold" : "approved", escaped(view.fate));
    }
    html += "</tbody></table></li>\n";
  }
  return html + "</ul></section>\n";
}

std::string diagnostics_section(const Plan& plan) {
  if (plan.diagnostics.empty()) return {};
  std::string html = "<section class=\"box\"><h3>Manifests</h3><ul class=\"rows\">\n";
  for (const Diagnostic& diagnostic : plan.diagnostics) {
    const bool error = diagnostic.severity == Severity::error;
    html += fmt::format(
        "<li><span class=\"effect {}\">{}</span> {}</li>\n", error ? "deny" : "warn", error ? "error" : "warning",
        escaped(to_string(Diagnostic{Severity::error, diagnostic.at, diagnostic.path, diagnostic.message})));
  }
  return html + "</ul></section>\n";
}

std::string plan_section(const Plan& plan, const RenderOptions& options) {
  std::string html = fmt::format("<section class=\"plan\">\n<h2>{}</h2>\n<p class=\"meta\">", escaped(plan.target));
  if (!plan.revision.empty()) html += fmt::format("revision <code>{}</code> · ", escaped(plan.revision));
  html += fmt::format("{} unchanged · digest <code>{}</code></p>\n", counted(plan.unchanged, "object"),
                      escaped(plan.digest));
  html += verdicts_section(plan) + access_section(plan, options) + drift_section(plan, options) +
          blocked_section(plan) + diagnostics_section(plan);
  for (std::size_t i = 0; i < plan.levels.size(); ++i) {
    if (plan.levels.size() > 1) html += fmt::format("<h3 class=\"step\">Step {}</h3>\n", i + 1);
    for (const Change& change : plan.levels[i]) html += change_card(plan, change, options);
  }
  return html + "</section>\n";
}

struct Filter {
  std::string_view id, label;
  std::size_t count;
};

// Radio buttons and style rules choose what is shown, instead of a script.
std::string filters(const Counts& counts) {
  std::vector<Filter> list = {{"all", "all", counts.changes}};
  for (const Action action : kActionsShown)
    if (counts.of(action) > 0) list.push_back({to_string(action), to_string(action), counts.of(action)});
  if (counts.held + counts.denied > 0) list.push_back({"withheld", "withheld", counts.held + counts.denied});
  std::string inputs, labels;
  for (const Filter& filter : list) {
    inputs += fmt::format("<input type=\"radio\" name=\"show\" id=\"show-{}\"{}>\n", filter.id,
                          filter.id == "all" ? " checked" : "");
    labels +=
        fmt::format("<label for=\"show-{}\"><b>{}</b> {}</label>\n", filter.id, grouped(filter.count), filter.label);
  }
  return inputs + "<nav aria-label=\"Show\">\n" + labels + "</nav>\n";
}

}  // namespace

std::string render_html(const std::vector<Plan>& plans, const RenderOptions& options) {
  const Counts counts = count(plans);
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{}'; "
      "base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n<style>",
      style_hash(), escaped(summary(plans)));
  html += kHtmlStyle;
  html +=
      fmt::format("</style>\n</head>\n<body>\n<header><h1>Plumbline</h1><p>{}</p></header>\n", escaped(summary(plans)));
  if (counts.changes > 0) html += filters(counts);
  html += "<main>\n";
  for (const Plan& plan : plans) html += plan_section(plan, options);
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace plumb::plan
