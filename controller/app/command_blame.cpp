#include <algorithm>
#include <map>
#include <ostream>
#include <set>

#include <boost/json/parse.hpp>

#include "controller/app/beside_hub.h"
#include "controller/app/commands.h"
#include "controller/app/lanes.h"
#include "controller/app/origins.h"
#include "controller/app/revisions.h"
#include "controller/app/secret_access.h"
#include "controller/app/state.h"
#include "controller/app/trust.h"
#include "controller/base/text.h"
#include "controller/engine/holds.h"
#include "controller/engine/inventory.h"
#include "controller/manifest/yaml.h"
#include "controller/model/dn.h"

namespace plumb::app {
namespace {

// What is known of one attribute of the object in the target.
struct Known {
  std::string owner;
  std::optional<AttributeHistory> last;
  bool asked = false;  // the domain was
};

// An object that a value of this one acts on.
struct Other {
  Owned owned;
  std::vector<AttributeHistory> changes;
};

// The object's other side, as far as there is a state and a connection.
struct Standing {
  ResourceKey directory;
  std::optional<Owned> owned;
  std::optional<Hold> hold;
  std::vector<AttributeHistory> changes;
  std::string not_asked;  // why `changes` is empty
  std::map<ResourceKey, Other> others;
};

Result<Standing> standing_of(const ResourceKey& key, const Origins& origins, const Snapshot& snapshot,
                             const GlobalOptions& options, const Clock& clock) {
  Standing standing;
  std::error_code error;
  if (!std::filesystem::exists(options.state / "plumbline.db", error)) {
    standing.not_asked =
        fmt::format("there is no state in {}, so it is not known which object this is", options.state.string());
    return standing;
  }
  PLUMB_TRY(const auto state, State::open(options.state, State::Access::look, "plumbline blame", clock));
  PLUMB_TRY(const auto holds, engine::read_holds(state->store()));
  if (const auto hold = holds.find(key); hold != holds.end() && hold->second.until > clock.now())
    standing.hold = hold->second;
  std::vector<ResourceKey> targets = directories_of(snapshot, key.ns, "");
  targets.push_back(runtime_key());
  for (const ResourceKey& directory : targets) {
    PLUMB_TRY(const auto inventory, engine::read_inventory(state->store(), to_string(directory)));
    const auto owned = inventory.find(key);
    if (owned == inventory.end()) continue;
    standing.directory = directory;
    standing.owned = owned->second;
    for (const Origin& origin : origins.values)
      for (const OtherAttribute& other : origin.elsewhere)
        if (const auto found = inventory.find(other.key); found != inventory.end())
          standing.others[other.key].owned = found->second;
  }
  if (standing.owned && standing.directory == runtime_key())
    standing.not_asked =
        fmt::format("nobody but Plumbline writes to the integration runtime; `plumbline history {}/{}` tells when",
                    key.kind, key.name);
  if (!standing.owned) standing.not_asked = "it is not in the inventory: nothing was done to it so far";
  return standing;
}

void ask_directory(Standing& standing, const Snapshot& snapshot, const GlobalOptions& options, const Clock& clock) {
  const Deadline deadline = Deadline::in(clock, std::chrono::seconds(30));
  const auto ask = [&]() -> Result<void> {
    PLUMB_TRY(const auto secrets, open_secrets(options, nullptr));
    const auto beside = connectors_beside(options.state, snapshot);
    PLUMB_TRY(const auto directory,
              connect(standing.directory, snapshot, options.trust, *secrets, clock, asker_of(beside)));
    PLUMB_TRY(standing.changes, directory->history(standing.owned->id, deadline));
    for (auto& [key, other] : standing.others) {
      PLUMB_TRY(other.changes, directory->history(other.owned.id, deadline));
    }
    return {};
  };
  if (const auto asked = ask(); !asked) {
    standing.not_asked = asked.error().message;
    return;
  }
  if (standing.changes.empty()) standing.not_asked = "our account may not read the replication metadata";
}

Known known_of(const std::string& attribute, const Standing& standing) {
  Known known{.owner = "", .last = {}, .asked = !standing.changes.empty()};
  // A move shows as a change of the name, which AD counts among the attributes.
  const bool place = equals_ignoring_case(attribute, "distinguishedName");
  for (const AttributeHistory& change : standing.changes)
    if (equals_ignoring_case(change.attribute, place ? "name" : attribute) &&
        (!known.last || known.last->changed < change.changed))
      known.last = change;
  if (!standing.owned) {
    known.owner = "not managed yet";
    return known;
  }
  const Owned& owned = *standing.owned;
  const bool ours = place || owned.attributes.contains(attribute) || owned.links.contains(attribute) ||
                    equals_ignoring_case(owned.identity.attribute, attribute);
  known.owner = ours ? "ours" : "not ours";
  if (owned.links.contains(attribute) && !owned.attributes.contains(attribute)) known.owner = "ours, beside others'";
  const bool held =
      standing.hold && (standing.hold->attributes.empty() || standing.hold->attributes.contains(attribute));
  if (held)
    known.owner += fmt::format(", held until {} by {}", format_time(standing.hold->until), standing.hold->actor);
  return known;
}

// Of this object as a value of another one's attribute.
Known known_elsewhere(const OtherAttribute& at, const Standing& standing) {
  const auto found = standing.others.find(at.key);
  if (found == standing.others.end()) return {.owner = "not managed yet", .last = {}, .asked = false};
  const Other& other = found->second;
  Known known{.owner = "not ours", .last = {}, .asked = !standing.changes.empty()};
  const auto links = other.owned.links.find(at.name);
  if (other.owned.attributes.contains(at.name) ||
      (links != other.owned.links.end() && links->second.contains(standing.owned->id)))
    known.owner = "ours";
  for (const AttributeHistory& change : other.changes)
    if (equals_ignoring_case(change.attribute, at.name) && dn_key(change.value) == dn_key(standing.owned->handle))
      known.last = change;
  return known;
}

Value commit_json(const Commit& commit) {
  return Object{{"id", commit.id},           {"author", commit.author},
                {"email", commit.email},     {"time", format_time(commit.time)},
                {"subject", commit.subject}, {"signer", commit.signer}};
}

Object known_json(const std::string& attribute, const Known& known) {
  Object json{{"name", attribute}, {"owner", known.owner}};
  if (known.last) {
    json["changed"] = format_time(known.last->changed);
    json["changedOn"] = known.last->server;
  }
  return json;
}

Value document_of(const Resource& resource, const Origins& origins, const Standing& standing) {
  Array values;
  for (const Origin& origin : origins.values) {
    Array attributes;
    for (const std::string& name : origin.attributes) attributes.push_back(known_json(name, known_of(name, standing)));
    for (const OtherAttribute& other : origin.elsewhere) {
      attributes.push_back(known_json(other.name, known_elsewhere(other, standing)));
      attributes.back().as_object()["of"] = to_string(other.key);
    }
    Object json{{"pointer", origin.pointer},
                {"value", boost::json::parse(origin.value)},
                {"default", !origin.at.has_value()},
                {"attributes", std::move(attributes)}};
    if (origin.at) json["at"] = to_string(*origin.at);
    if (origin.commit) json["commit"] = commit_json(*origin.commit);
    if (origin.uncommitted) json["uncommitted"] = true;
    values.push_back(std::move(json));
  }
  Object json{{"key", to_string(resource.key)}, {"at", to_string(resource.at)}, {"values", std::move(values)}};
  if (!origins.no_history.empty()) json["noHistory"] = origins.no_history;
  if (!standing.not_asked.empty()) json["noChanges"] = standing.not_asked;
  if (standing.owned) {
    const bool in_domain = standing.directory != runtime_key();
    json[in_domain ? "directory" : "target"] = to_string(standing.directory);
    json[in_domain ? "distinguishedName" : "object"] = standing.owned->handle;
    if (in_domain) json["objectGUID"] = standing.owned->id;
  }
  return json;
}

void print_known(const std::string& attribute, const Known& known, std::ostream& out) {
  out << "    -> " << attribute << ": " << printable(known.owner);
  if (known.last)
    out << "; last changed in AD " << format_time(known.last->changed) << " on " << printable(known.last->server);
  if (!known.last && known.asked) out << "; AD tells of no change";
  out << '\n';
}

void print_origin(const Origin& origin, const Standing& standing, std::ostream& out) {
  out << '\n' << printable(origin.pointer) << " = " << printable(origin.value) << '\n';
  if (!origin.at) {
    out << "    a default of the kind, or through an alias\n";
  } else {
    out << "    " << printable(to_string(*origin.at));
    if (origin.commit)
      out << "  " << short_commit(origin.commit->id) << "  " << origin.commit->author << "  "
          << format_time(origin.commit->time) << "  " << origin.commit->subject;
    if (origin.uncommitted) out << "  not committed yet";
    out << '\n';
  }
  for (const std::string& name : origin.attributes) print_known(name, known_of(name, standing), out);
  for (const OtherAttribute& other : origin.elsewhere)
    print_known(fmt::format("{} of {}", other.name, other.key), known_elsewhere(other, standing), out);
}

// What was asserted once, and is declared by no value.
void print_rest(const Origins& origins, const Standing& standing, std::ostream& out) {
  if (!standing.owned) return;
  std::set<std::string, IgnoreCase> left;
  for (const std::string& name : standing.owned->attributes) left.insert(name);
  for (const Origin& origin : origins.values)
    for (const std::string& name : origin.attributes) left.erase(name);
  if (!left.empty())
    out << "\nOurs as well, by defaults of the kind or of the Directory, or from an earlier manifest: "
        << join({left.begin(), left.end()}, ", ") << '\n';
}

}  // namespace

Result<int> blame_command(const GlobalOptions& options, const BlameOptions& blame, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json", "yaml"}));
  const RealClock clock;
  PLUMB_TRY(const auto workspace, Workspace::open(options, SourceUse::stored, UrlDocuments::Use::look));
  PLUMB_TRY(const ResourceKey key, key_named(blame.object, workspace->kinds(), options));
  PLUMB_TRY(const Manifests manifests, workspace->load(Deadline::never()));
  const Snapshot& snapshot = *manifests.snapshot;
  const Resource* resource = snapshot.find(key);
  if (resource == nullptr)
    return fail(Fault::not_found, "{} is not declared in {}{}; `plumbline history {}/{}` tells what was done to it",
                key, origin_of(options), snapshot.held.contains(key) ? " in a form that can be read" : "", key.kind,
                key.name);
  const auto revisions = Revisions::open(*workspace);
  const auto folder = workspace->git() == nullptr ? options.manifests : std::filesystem::path();
  if (!revisions && folder.empty()) return Failure(revisions.error());
  PLUMB_TRY(Origins origins, origins_of(*resource, snapshot, revisions ? revisions->get() : nullptr, folder));
  if (!revisions) origins.no_history = revisions.error().message;

  PLUMB_TRY(Standing standing, standing_of(key, origins, snapshot, options, clock));
  const bool in_domain = standing.owned && standing.directory != runtime_key();
  if (blame.offline && in_domain) {
    standing.not_asked = "the domain is not asked (--offline)";
  } else if (in_domain) {
    ask_directory(standing, snapshot, options, clock);
  }
  if (options.output != "text") {
    const Value document = document_of(*resource, origins, standing);
    console.out << (options.output == "json" ? pretty(document) + "\n" : manifest::write_yaml(document));
    return kOk;
  }
  console.out << to_string(key) << "  " << printable(to_string(resource->at)) << '\n';
  if (standing.owned)
    console.out << printable(standing.owned->handle) << " in " << to_string(standing.directory) << ", "
                << (standing.owned->created ? "created by Plumbline" : "adopted") << '\n';
  if (!origins.no_history.empty()) console.out << "No commits: " << printable(origins.no_history) << '\n';
  if (!standing.not_asked.empty()) console.out << "No changes of others: " << printable(standing.not_asked) << '\n';
  for (const Origin& origin : origins.values) print_origin(origin, standing, console.out);
  print_rest(origins, standing, console.out);
  return kOk;
}

}  // namespace plumb::app
