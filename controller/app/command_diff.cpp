#include <array>
#include <optional>
#include <ostream>

#include <boost/json/parse.hpp>

#include "controller/app/commands.h"
#include "controller/app/manifest_difference.h"
#include "controller/app/plan_difference.h"
#include "controller/app/plan_output.h"
#include "controller/app/revision_lanes.h"
#include "controller/base/text.h"
#include "controller/manifest/yaml.h"
#include "controller/plan/render.h"

namespace plumb::app {
namespace {

using Shared = std::shared_ptr<const Snapshot>;

// The two sides that are compared.
struct Sides {
  Shared from, to;
  std::string from_name, to_name;  // for people
};

std::string names_of(const std::vector<ResourceKey>& keys) {
  constexpr std::size_t kShown = 10;
  std::vector<std::string> names;
  for (const ResourceKey& key : keys)
    if (names.size() < kShown) names.push_back(to_string(key));
  if (keys.size() > kShown) names.push_back(fmt::format("{} more", keys.size() - kShown));
  return join(names, ", ");
}

std::string sentence(const PlanDifference& difference) {
  std::vector<std::string> parts;
  if (difference.pending > 0)
    parts.push_back(fmt::format(
        "{} of both revisions {} not shown",
        difference.pending == 1 ? "1 pending change" : fmt::format("{} pending changes", difference.pending),
        difference.pending == 1 ? "is" : "are"));
  if (!difference.withdrawn.empty()) {
    parts.push_back("left alone where the earlier revision would change them: " + names_of(difference.withdrawn));
  }
  return join(parts, "; ");
}

struct Planned {
  std::vector<Plan> plans;
  std::vector<std::string> notes;
  bool failed = false;
};

// What `sides.to` would do beyond `sides.from` (null: beyond what is there), to each domain.
Planned plan_sides(RevisionSession& session, const Sides& sides, const Snapshot& settings, Console& console) {
  Planned planned;
  planned.failed = session.incomplete;
  for (const auto& lane : session.lanes) {
    const auto compare = [&]() -> Result<PlanDifference> {
      PLUMB_TRY(Plan to, plan_of(*lane, settings, *sides.to));
      if (sides.from == nullptr) return PlanDifference{.plan = std::move(to), .withdrawn = {}, .pending = 0};
      PLUMB_TRY(const Plan from, plan_of(*lane, settings, *sides.from));
      return plan_difference(from, to);
    };
    auto difference = compare();
    if (!difference) {
      print_error(console, difference.error());
      planned.failed = true;
      continue;
    }
    if (const std::string text = sentence(*difference); !text.empty())
      planned.notes.push_back(fmt::format("{}: {}", lane->key.name, text));
    planned.plans.push_back(std::move(difference->plan));
  }
  return planned;
}

void note_settings(const Snapshot& a, const Snapshot& b, std::vector<std::string>& notes) {
  const auto differ = settings_that_differ(a, b);
  if (differ.empty()) return;
  notes.push_back(
      fmt::format("{} differ{} between the two; the plan is made with those of the earlier one, as nobody "
                  "works with the others yet",
                  names_of(differ), differ.size() == 1 ? "s" : ""));
}

Value field_json(const FieldDifference& field) {
  const auto values = [](const std::vector<std::string>& texts) {
    Array all;
    for (const std::string& text : texts) all.push_back(boost::json::parse(text));
    return all;
  };
  Object json{{"pointer", field.pointer}};
  json[field.list ? "removed" : "before"] = values(field.before);
  json[field.list ? "added" : "after"] = values(field.after);
  return json;
}

std::string_view word_of(ObjectDifference::Kind kind) {
  switch (kind) {
    case ObjectDifference::Kind::added: return "added";
    case ObjectDifference::Kind::removed: return "removed";
    case ObjectDifference::Kind::changed: return "changed";
  }
  return "";
}

Value objects_json(const std::vector<ObjectDifference>& objects) {
  Array all;
  for (const ObjectDifference& object : objects) {
    Array fields;
    for (const FieldDifference& field : object.fields) fields.push_back(field_json(field));
    all.push_back(Object{{"key", to_string(object.key)},
                         {"change", word_of(object.kind)},
                         {"at", to_string(object.at)},
                         {"fields", std::move(fields)}});
  }
  return all;
}

void print_field(const FieldDifference& field, std::ostream& out) {
  if (!field.list) {
    const auto side = [](const std::vector<std::string>& values) {
      return values.empty() ? std::string("(not set)") : printable(values.front());
    };
    out << "    " << printable(field.pointer) << ": " << side(field.before) << " -> " << side(field.after) << '\n';
    return;
  }
  out << "    " << printable(field.pointer) << '\n';
  for (const std::string& item : field.before) out << "      - " << printable(item) << '\n';
  for (const std::string& item : field.after) out << "      + " << printable(item) << '\n';
}

void print_objects(const std::vector<ObjectDifference>& objects, const Sides& sides, std::ostream& out) {
  using Kind = ObjectDifference::Kind;
  std::array<std::size_t, 3> counts{};
  out << "From " << sides.from_name << "\n  to " << sides.to_name << "\n\n";
  for (const ObjectDifference& object : objects) {
    ++counts[static_cast<std::size_t>(object.kind)];
    const char symbol = object.kind == Kind::added ? '+' : (object.kind == Kind::removed ? '-' : '~');
    out << symbol << ' ' << to_string(object.key) << "  " << printable(to_string(object.at)) << '\n';
    if (object.kind == Kind::changed)
      for (const FieldDifference& field : object.fields) print_field(field, out);
  }
  if (objects.empty()) {
    out << "No object differs.\n";
  } else {
    out << '\n'
        << counts[static_cast<std::size_t>(Kind::added)] << " added, "
        << counts[static_cast<std::size_t>(Kind::changed)] << " changed, "
        << counts[static_cast<std::size_t>(Kind::removed)] << " removed.\n";
  }
}

std::string name_of(const Revisions& revisions, const std::string& commit) {
  const auto found = revisions.history().commit(commit);
  if (!found) return short_commit(commit);
  return printable(
      fmt::format("{} ({}, {}: {})", short_commit(commit), format_time(found->time), found->author, found->subject));
}

Result<Shared> snapshot_at(RevisionSession& session, const std::string& commit, Console& console) {
  PLUMB_TRY(Manifests manifests, session.revisions->at(commit, Deadline::never()));
  for (const auto& diagnostic : manifests.diagnostics) {
    const std::string text = fmt::format("in {}: {}", short_commit(commit), to_string(diagnostic));
    if (diagnostic.severity == Severity::warning) {
      print_warning(console, text);
    } else {
      print_error(console, text);
      session.incomplete = true;
    }
  }
  return manifests.snapshot;
}

Result<Sides> sides_of(RevisionSession& session, const DiffOptions& diff, Console& console) {
  const Revisions& revisions = *session.revisions;
  if (diff.revisions.size() > 2) return fail(Fault::invalid, "two revisions at most can be compared");
  std::string from = diff.revisions.empty() ? "HEAD" : diff.revisions.front();
  std::string to = diff.revisions.size() == 2 ? diff.revisions.back() : "";
  if (diff.revisions.size() == 1 && from.find("..") != std::string::npos) {
    PLUMB_TRY(const RevisionRange range, parse_range(revisions, from));
    from = range.from;
    to = range.to;
  }
  Sides sides;
  PLUMB_TRY(const std::string from_id, revisions.resolve(from));
  PLUMB_TRY(sides.from, snapshot_at(session, from_id, console));
  sides.from_name = name_of(revisions, from_id);
  if (to.empty()) {
    sides.to = session.manifests.snapshot;
    sides.to_name = session.workspace->git() == nullptr
                        ? fmt::format("the files{}", revisions.dirty() ? ", with what is not committed" : "")
                        : name_of(revisions, revisions.head());
    return sides;
  }
  PLUMB_TRY(const std::string to_id, revisions.resolve(to));
  PLUMB_TRY(sides.to, snapshot_at(session, to_id, console));
  sides.to_name = name_of(revisions, to_id);
  return sides;
}

// With the plan where one can be made, and else why not.
struct Effect {
  std::optional<Planned> planned;
  std::string missing;
};

Effect effect_of(RevisionSession& session, const Sides& sides, const DiffOptions& diff, const GlobalOptions& options,
                 Console& console) {
  if (diff.no_plan) return {};
  const Snapshot& settings = *session.manifests.snapshot;
  if (auto opened = open_lanes(session, options, settings, !diff.live, console); !opened)
    return {.planned = {}, .missing = opened.error().message};
  Planned planned = plan_sides(session, sides, settings, console);
  planned.notes.insert(planned.notes.begin(), session.basis.begin(), session.basis.end());
  return {.planned = std::move(planned), .missing = ""};
}

Result<int> print_difference(const std::vector<ObjectDifference>& objects, const Sides& sides, const Effect& effect,
                             const GlobalOptions& options, SystemTime now, Console& console) {
  const bool failed = effect.planned && effect.planned->failed;
  if (options.output != "text") {
    Object json{{"from", sides.from_name}, {"to", sides.to_name}, {"objects", objects_json(objects)}};
    if (effect.planned) json["plan"] = plan::report_json(effect.planned->plans);
    const Value document = std::move(json);
    console.out << (options.output == "json" ? pretty(document) + "\n" : manifest::write_yaml(document));
    return failed ? kFailed : kOk;
  }
  print_objects(objects, sides, console.out);
  if (!effect.missing.empty()) console.out << "\nNo plan of it: " << effect.missing << '\n';
  if (!effect.planned) return kOk;
  console.out << "\nWhat this would do:\n";
  PLUMB_TRY(const std::string report, report_of(effect.planned->plans, effect.planned->notes, "text",
                                                {.colour = console.colour, .now = now}, console));
  console.out << report;
  return failed ? kFailed : kOk;
}

// The domain, as it is or was seen last, beside the manifests of a commit.
Result<int> diff_at(RevisionSession& session, const DiffOptions& diff, const GlobalOptions& options, Console& console) {
  PLUMB_TRY(const std::string commit, session.revisions->resolve(diff.at));
  Sides sides;
  PLUMB_TRY(sides.to, snapshot_at(session, commit, console));
  sides.to_name = name_of(*session.revisions, commit);
  const Snapshot& settings = *session.manifests.snapshot;
  PLUMB_CHECK(open_lanes(session, options, settings, !diff.live, console));
  Planned planned = plan_sides(session, sides, settings, console);
  if (planned.plans.empty()) return kFailed;
  planned.notes.insert(planned.notes.begin(), session.basis.begin(), session.basis.end());
  planned.notes.insert(planned.notes.begin(), "What would make the domain as declared at " + sides.to_name);
  PLUMB_TRY(const std::string report, report_of(planned.plans, planned.notes, options.output,
                                                {.colour = console.colour, .now = session.clock.now()}, console));
  console.out << report;
  return planned.failed ? kFailed : kOk;
}

// The manifests as they are, or "A..B".
Result<Sides> sides_of_plan(RevisionSession& session, const PlanOptions& plan, Console& console) {
  Sides sides;
  if (plan.git.empty()) {
    print_diagnostics(console, session.manifests.diagnostics);
    session.incomplete = has_errors(session.manifests.diagnostics);
    sides.to = session.manifests.snapshot;
    return sides;
  }
  PLUMB_TRY(const RevisionRange range, parse_range(*session.revisions, plan.git));
  PLUMB_TRY(const Manifests from, session.revisions->at(range.from, Deadline::never()));
  sides.from = from.snapshot;
  sides.from_name = name_of(*session.revisions, range.from);
  PLUMB_TRY(sides.to, snapshot_at(session, range.to, console));
  sides.to_name = name_of(*session.revisions, range.to);
  return sides;
}

}  // namespace

Result<int> diff_command(const GlobalOptions& options, const DiffOptions& diff, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json", "yaml"}));
  if (!diff.at.empty() && (!diff.revisions.empty() || diff.no_plan))
    return fail(Fault::invalid, "--at COMMIT compares the domain with that commit; it goes with no other revision");
  PLUMB_TRY(const auto session, open_revisions(options));
  if (!diff.at.empty()) return diff_at(*session, diff, options, console);
  PLUMB_TRY(const Sides sides, sides_of(*session, diff, console));
  const auto objects = manifest_difference(*sides.from, *sides.to);
  const Effect effect = effect_of(*session, sides, diff, options, console);
  return print_difference(objects, sides, effect, options, session->clock.now(), console);
}

Result<int> plan_revisions_command(const GlobalOptions& options, const PlanOptions& plan, Console& console) {
  if (!plan.out.empty())
    return fail(Fault::invalid,
                "--out goes with a plan of the manifests as they are: a difference of two plans, or a "
                "plan against an old mirror, is to be read, not applied");
  auto session = std::make_unique<RevisionSession>();
  if (plan.git.empty()) {
    PLUMB_TRY(session->workspace, Workspace::open(options, SourceUse::stored));
    PLUMB_TRY(session->manifests, session->workspace->load(Deadline::never()));
  } else {
    PLUMB_TRY(session, open_revisions(options));
  }
  PLUMB_TRY(const Sides sides, sides_of_plan(*session, plan, console));
  const Snapshot& settings = sides.from == nullptr ? *sides.to : *sides.from;
  PLUMB_CHECK(open_lanes(*session, options, settings, plan.offline, console));
  Planned planned = plan_sides(*session, sides, settings, console);
  if (planned.plans.empty()) return kFailed;  // a report of nothing would read as "no changes"
  if (sides.from != nullptr) {
    note_settings(*sides.from, *sides.to, planned.notes);
    planned.notes.insert(planned.notes.begin(),
                         fmt::format("What {} would do beyond {}", sides.to_name, sides.from_name));
  }
  planned.notes.insert(planned.notes.end(), session->basis.begin(), session->basis.end());
  PLUMB_TRY(const std::string report,
            report_of(planned.plans, planned.notes, options.output,
                      {.colour = console.colour && plan.output_file.empty(), .now = session->clock.now()}, console));
  if (plan.output_file.empty()) {
    console.out << report << std::flush;
  } else {
    PLUMB_CHECK(write_file(plan.output_file, report, 0644));
  }
  if (planned.failed) return kFailed;
  return plan.detailed_exit_code ? detailed_exit_code(planned.plans) : kOk;
}

}  // namespace plumb::app
