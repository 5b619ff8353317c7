#include <algorithm>
#include <iterator>
#include <map>
#include <ostream>

#include "controller/app/commands.h"
#include "controller/app/json_path.h"
#include "controller/app/lanes.h"
#include "controller/app/state.h"
#include "controller/app/workspace.h"
#include "controller/engine/lane.h"
#include "controller/manifest/yaml.h"
#include "controller/model/json.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

// Files and state, as far as they are there: looking must work without either being perfect.
struct View {
  RealClock clock;
  std::unique_ptr<Workspace> workspace;
  Manifests manifests;
  std::unique_ptr<State> state;  // null: there is no state yet
  std::map<ResourceKey, Status> statuses;
};

Result<std::unique_ptr<View>> open_view(const GlobalOptions& options) {
  auto view = std::make_unique<View>();
  PLUMB_TRY(view->workspace, Workspace::open(options, SourceUse::stored, UrlDocuments::Use::look));
  PLUMB_TRY(view->manifests, view->workspace->load(Deadline::never()));
  std::error_code error;
  if (!std::filesystem::exists(options.state / "plumbline.db", error)) return view;
  PLUMB_TRY(view->state, State::open(options.state, State::Access::look, "plumbline get", view->clock));
  PLUMB_TRY(auto statuses, engine::read_status(view->state->store(), ""));
  for (auto& status : statuses) view->statuses.emplace(status.key, std::move(status));
  return view;
}

// "aduser/jdoe", as `get -o name` prints, is as good as "aduser jdoe".
GetOptions with_name(GetOptions get) {
  const auto slash = get.kind.find('/');
  if (!get.name.empty() || slash == std::string::npos) return get;
  get.name = get.kind.substr(slash + 1);
  get.kind.resize(slash);
  return get;
}

Result<const schema::KindInfo*> kind_named(const schema::Registry& kinds, const std::string& name) {
  if (const auto* info = kinds.find(name)) return info;
  std::vector<std::string> known;
  for (const auto& kind : kinds.kinds()) {
    known.push_back(kind.kind);
    known.push_back(kind.plural);
  }
  return fail(Fault::not_found, "there is no kind \"{}\"{}; `plumbline explain --list` shows all", name,
              did_you_mean(name, known));
}

Value status_document(const Status& status) {
  Array conditions;
  for (const auto& condition : status.conditions) conditions.push_back(to_json(condition));
  Object document{{"conditions", std::move(conditions)}};
  const bool in_directory = status.id != to_string(status.key);  // objects of the runtime are known by their keys
  if (!status.handle.empty() && in_directory) document["distinguishedName"] = status.handle;
  if (!status.id.empty() && in_directory) document["objectGUID"] = status.id;
  if (!status.revision.empty()) document["revision"] = status.revision;
  if (status.last_applied != SystemTime{}) document["lastApplied"] = format_time(status.last_applied);
  if (!status.first_failure.empty()) document["firstFailure"] = status.first_failure;
  return document;
}

Value texts(const Texts& members) {
  Object object;
  for (const auto& [name, value] : members) object[name] = value;
  return object;
}

// The one of --source is not among the manifests.
const Resource* resource_of(const ResourceKey& key, const View& view) {
  const GitManifests* git = view.workspace->git();
  if (git != nullptr && git->resource()->key == key) return git->resource().get();
  return view.manifests.snapshot->find(key);
}

// Who names a Credential, of its own namespace as all references are.
std::vector<std::string> users_of(const ResourceKey& key, const View& view) {
  std::vector<std::string> users;
  const auto& referrers = view.manifests.snapshot->referrers;
  const auto found = referrers.find(key);
  if (key.kind != "Credential" || found == referrers.end()) return users;
  for (const ResourceKey& user : found->second) users.push_back(fmt::format("{}/{}", user.kind, user.name));
  return users;
}

// The whole object as a Kubernetes API server would show it.
Value document_of(const ResourceKey& key, const View& view) {
  Object metadata{{"name", key.name}, {"namespace", key.ns}};
  Object document{{"apiVersion", "plumbline.dev/v1alpha1"}, {"kind", key.kind}};
  const Resource* resource = resource_of(key, view);
  if (resource != nullptr && !resource->labels.empty()) metadata["labels"] = texts(resource->labels);
  if (resource != nullptr && !resource->annotations.empty()) metadata["annotations"] = texts(resource->annotations);
  document["metadata"] = std::move(metadata);
  if (resource != nullptr) document["spec"] = resource->spec;
  if (const auto status = view.statuses.find(key); status != view.statuses.end()) {
    document["status"] = status_document(status->second);
  }
  if (const auto users = users_of(key, view); !users.empty()) {
    if (!document.contains("status")) document["status"] = Object();
    document["status"].get_object()["usedBy"] = Array(users.begin(), users.end());
  }
  return document;
}

std::vector<ResourceKey> selected(const View& view, const std::string& kind, const GlobalOptions& options,
                                  const std::string& name) {
  std::set<ResourceKey> keys;
  const auto consider = [&](const ResourceKey& key) {
    if (key.kind == kind && (options.ns.empty() || key.ns == options.ns) && (name.empty() || key.name == name)) {
      keys.insert(key);
    }
  };
  for (const auto& [key, resource] : view.manifests.snapshot->resources) consider(key);
  for (const auto& key : view.manifests.snapshot->held) consider(key);
  for (const auto& [key, status] : view.statuses) consider(key);  // those that are being removed
  if (view.workspace->git() != nullptr) consider(view.workspace->git()->resource()->key);
  return {keys.begin(), keys.end()};
}

// What a field that the manifest leaves out comes to, where it is an attribute of the same name; else empty.
std::string effective(const ResourceKey& key, std::string_view json_path, const View& view) {
  constexpr std::string_view kSpec = ".spec.";
  const Resource* resource = view.manifests.snapshot->find(key);
  auto kinds = directory_kinds();
  std::ranges::copy(runtime_kinds(), std::back_inserter(kinds));
  const auto kind = std::ranges::find(kinds, std::string_view(key.kind), &Reconciler::kind);
  if (resource == nullptr || kind == kinds.end() || !json_path.starts_with(kSpec)) return "";
  const auto wanted = (*kind)->project(*resource, *view.manifests.snapshot);
  if (!wanted) return "";
  const auto attribute = wanted->attributes.find(json_path.substr(kSpec.size()));
  return attribute == wanted->attributes.end() ? "" : join(attribute->second.values, ",");
}

std::string table_of(const std::vector<ResourceKey>& keys, const schema::KindInfo& kind, const View& view, bool wide,
                     bool with_namespace) {
  std::vector<std::string> headers;
  std::vector<const schema::PrinterColumn*> columns;
  if (with_namespace) headers.emplace_back("NAMESPACE");
  headers.emplace_back("NAME");
  for (const auto& column : kind.columns) {
    // Manifests have no creation time; the column is for Kubernetes API servers.
    if ((column.priority > 0 && !wide) || column.json_path == ".metadata.creationTimestamp") continue;
    columns.push_back(&column);
    std::string header = column.name;
    std::ranges::transform(header, header.begin(), [](unsigned char c) { return std::toupper(c); });
    headers.push_back(std::move(header));
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& key : keys) {
    const Value document = document_of(key, view);
    std::vector<std::string> row;
    if (with_namespace) row.push_back(key.ns);
    row.push_back(key.name);
    for (const auto* column : columns) {
      std::string cell = printable(json_path_text(document, column->json_path));
      if (cell.empty()) cell = printable(effective(key, column->json_path, view));
      const auto when = column->type == "date" ? parse_time(cell) : std::nullopt;
      if (when) cell = age(*when, view.clock.now());
      row.push_back(cell.empty() ? "<none>" : std::move(cell));
    }
    rows.push_back(std::move(row));
  }
  return table(headers, rows);
}

void describe_conditions(const Status& status, const View& view, std::ostream& out) {
  out << "Conditions:\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& condition : status.conditions) {
    rows.push_back({"  " + condition.type, condition.status, age(condition.last_transition, view.clock.now()),
                    condition.reason, printable(condition.message)});
  }
  out << table({"  TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"}, rows);
}

void describe_owned(const ResourceKey& target, const Owned& record, std::ostream& out) {
  if (target == runtime_key()) {
    out << "Inventory:\n  Runtime:  " << target.name << "\n  Object:   " << printable(record.handle) << '\n';
  } else if (target.kind == "IntegrationPlatform") {
    out << "Inventory:\n  Platform: " << target.name << "\n  Object:   " << printable(record.handle)
        << "\n  Origin:   " << (record.created ? "created" : "adopted") << '\n';
  } else {
    out << "Inventory:\n  Domain:   " << target.name << "\n  Object:   " << printable(record.handle)
        << "\n  GUID:     " << record.id << "\n  Origin:   " << (record.created ? "created" : "adopted") << '\n';
  }
  if (!record.attributes.empty()) {
    out << "  Managed:  " << join({record.attributes.begin(), record.attributes.end()}, ", ") << '\n';
  }
  if (record.removed_at) out << "  Removed:  manifest gone since " << format_time(*record.removed_at) << '\n';
}

Result<void> describe_inventory(const ResourceKey& key, View& view, std::ostream& out) {
  for (const ResourceKey& target : targets_of(*view.manifests.snapshot)) {
    PLUMB_TRY(const auto inventory, engine::read_inventory(view.state->store(), to_string(target)));
    if (const auto owned = inventory.find(key); owned != inventory.end()) describe_owned(target, owned->second, out);
  }
  return {};
}

Result<void> describe_history(const ResourceKey& key, View& view, std::ostream& out) {
  constexpr std::size_t kRead = 5000, kShown = 10;
  PLUMB_TRY(auto records, view.state->audit().last(kRead));
  std::erase_if(records, [&](const AuditRecord& record) { return record.key != key; });
  if (records.size() > kShown) records.erase(records.begin(), records.end() - kShown);
  if (records.empty()) return {};
  out << "History (last " << records.size() << "):\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& record : records) {
    std::vector<std::string> actions;
    for (const auto action : record.actions) actions.emplace_back(to_string(action));
    rows.push_back({"  " + format_time(record.at), std::string(to_string(record.stage)), join(actions, "+"),
                    record.actor, printable(record.message)});
  }
  out << table({"  TIME", "STAGE", "ACTION", "BY", "MESSAGE"}, rows);
  return {};
}

}  // namespace

Result<int> get_command(const GlobalOptions& options, const GetOptions& asked, Console& console) {
  const GetOptions get = with_name(asked);
  PLUMB_CHECK(check_format(options.output, {"text", "table", "wide", "json", "yaml", "name"}));
  PLUMB_TRY(const auto view, open_view(options));
  PLUMB_TRY(const auto* const kind, kind_named(view->workspace->kinds(), get.kind));
  const auto keys = selected(*view, kind->kind, options, get.name);
  if (keys.empty() && !get.name.empty()) {
    return fail(Fault::not_found, "there is no {} \"{}\" in {}", kind->kind, get.name, origin_of(options));
  }
  if (options.output == "name") {
    for (const auto& key : keys) console.out << kind->singular << '/' << key.name << '\n';
    return kOk;
  }
  if (options.output == "json" || options.output == "yaml") {
    Value document;
    if (!get.name.empty() && keys.size() == 1) {
      document = document_of(keys.front(), *view);
    } else {
      Array items;
      for (const auto& key : keys) items.push_back(document_of(key, *view));
      document = Object{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
    }
    console.out << (options.output == "json" ? pretty(document) + "\n" : manifest::write_yaml(document));
    return kOk;
  }
  if (keys.empty()) {
    console.err << "No " << kind->plural << " in " << origin_of(options) << '\n';
    return kOk;
  }
  const bool several_namespaces =
      std::ranges::any_of(keys, [&](const ResourceKey& key) { return key.ns != keys.front().ns; });
  console.out << table_of(keys, *kind, *view, options.output == "wide", several_namespaces);
  return kOk;
}

Result<int> describe_command(const GlobalOptions& options, const GetOptions& asked, Console& console) {
  const GetOptions get = with_name(asked);
  if (get.name.empty()) return fail(Fault::invalid, "which {}? plumbline describe KIND NAME", get.kind);
  PLUMB_CHECK(check_format(options.output, {"text"}));
  PLUMB_TRY(const auto view, open_view(options));
  PLUMB_TRY(const auto* const kind, kind_named(view->workspace->kinds(), get.kind));
  const auto keys = selected(*view, kind->kind, options, get.name);
  if (keys.empty()) {
    return fail(Fault::not_found, "there is no {} \"{}\" in {}", kind->kind, get.name, origin_of(options));
  }
  for (const auto& key : keys) {
    auto& out = console.out;
    out << "Name:       " << key.name << "\nNamespace:  " << key.ns << "\nKind:       " << key.kind << '\n';
    const Resource* resource = resource_of(key, *view);
    if (resource != nullptr) {
      out << "Declared:   " << to_string(resource->at) << '\n';
      out << "Spec:\n";
      std::string spec = manifest::write_yaml(resource->spec);
      for (std::size_t from = 0; from < spec.size();) {
        const auto end = std::min(spec.find('\n', from), spec.size());
        out << "  " << printable(spec.substr(from, end - from)) << '\n';
        from = end + 1;
      }
    } else {
      out << "Declared:   not any more, or not readably\n";
    }
    if (key.kind == "Credential") {
      const auto users = users_of(key, *view);
      out << "Used by:    " << (users.empty() ? "nothing in the manifests" : join(users, ", ")) << '\n';
    }
    for (const auto& diagnostic : view->manifests.diagnostics) {
      if (resource != nullptr && diagnostic.at == resource->at) out << "Problem:    " << diagnostic.message << '\n';
    }
    const auto status = view->statuses.find(key);
    if (status != view->statuses.end()) describe_conditions(status->second, *view, out);
    if (view->state == nullptr) continue;
    PLUMB_CHECK(describe_inventory(key, *view, out));
    PLUMB_CHECK(describe_history(key, *view, out));
  }
  return kOk;
}

}  // namespace plumb::app
