#include "controller/schema/registry.h"

#include <algorithm>
#include <map>

#include "controller/base/text.h"
#include "controller/schema/compiled.h"
#include "controller/schema/envelope.h"
#include "controller/schema/explain.h"
#include "controller/schema/structural.h"

namespace plumb::schema {
namespace {

// One kind at one version.
struct Entry {
  KindInfo info;
  std::string api_version;
  bool storage = false;
  Value schema;    // as the CRD has it
  Value manifest;  // what a manifest may hold of it
  Compiled compiled;
  std::unique_ptr<Extras> extras;
};

std::string text_or_empty(const Value& value, std::string_view pointer) { return text_at(value, pointer).value_or(""); }

std::vector<PrinterColumn> columns_of(const Value& version) {
  std::vector<PrinterColumn> columns;
  const Value* listed = at(version, "/additionalPrinterColumns");
  if (listed == nullptr || !listed->is_array()) return columns;
  for (const Value& column : listed->get_array())
    columns.push_back({text_or_empty(column, "/name"), text_or_empty(column, "/type"),
                       text_or_empty(column, "/jsonPath"), text_or_empty(column, "/description"),
                       static_cast<int>(int_at(column, "/priority").value_or(0))});
  return columns;
}

// Manifests say nothing of `status`; their metadata has rules of its own (envelope.h).
Value manifest_schema(const Value& schema) {
  Value result = schema;
  Object& properties = result.as_object()["properties"].is_object() ? result.as_object()["properties"].get_object()
                                                                    : result.as_object()["properties"].emplace_object();
  properties.erase("status");
  properties["apiVersion"] = {{"type", "string"}};
  properties["kind"] = {{"type", "string"}};
  properties["metadata"] = {{"x-kubernetes-preserve-unknown-fields", true}};
  return result;
}

Result<Entry> make_entry(const Value& crd, const Value& version) {
  KindInfo info;
  info.kind = text_or_empty(crd, "/spec/names/kind");
  info.plural = text_or_empty(crd, "/spec/names/plural");
  info.singular = text_at(crd, "/spec/names/singular").value_or(lower(info.kind));
  info.group = text_or_empty(crd, "/spec/group");
  info.version = text_or_empty(version, "/name");
  info.short_names = texts_at(crd, "/spec/names/shortNames");
  info.categories = texts_at(crd, "/spec/names/categories");
  info.columns = columns_of(version);
  const Value* schema = at(version, "/schema/openAPIV3Schema");
  if (info.version.empty() || schema == nullptr) return fail(Fault::invalid, "a version needs a name and a schema");
  info.description = text_or_empty(*schema, "/description");
  std::vector<std::string> wrong;
  for (const Problem& problem : check_structural(*schema))
    wrong.push_back(fmt::format("{}: {}", problem.pointer.empty() ? "/" : problem.pointer, problem.message));
  if (!wrong.empty())
    return fail(Fault::invalid, "version {}: the schema is not structural: {}", info.version, join(wrong, "; "));
  if (text_at(*schema, "/type") != "object")
    return fail(Fault::invalid, "version {}: the schema must be of an object", info.version);
  Value manifest = manifest_schema(*schema);
  auto compiled = Compiled::make(to_draft7(manifest));
  if (!compiled) return in_context(fmt::format("version {}", info.version), compiled.error());
  const Value* storage = at(version, "/storage");
  const std::string api_version = fmt::format("{}/{}", info.group, info.version);
  auto extras = extras_of(manifest);
  return Entry{std::move(info),  api_version,         storage != nullptr && storage->is_bool() && storage->get_bool(),
               *schema,          std::move(manifest), std::move(*compiled),
               std::move(extras)};
}

Result<std::vector<Entry>> entries_of(const Value& crd) {
  if (text_at(crd, "/apiVersion") != "apiextensions.k8s.io/v1" || text_at(crd, "/kind") != "CustomResourceDefinition")
    return fail(Fault::invalid, "not a CustomResourceDefinition of apiextensions.k8s.io/v1");
  if (text_or_empty(crd, "/spec/names/kind").empty() || text_or_empty(crd, "/spec/names/plural").empty() ||
      text_or_empty(crd, "/spec/group").empty())
    return fail(Fault::invalid, "spec.group, spec.names.kind and spec.names.plural are required");
  if (text_at(crd, "/spec/scope") != "Namespaced") return fail(Fault::invalid, "spec.scope must be Namespaced");
  const Value* versions = at(crd, "/spec/versions");
  if (versions == nullptr || !versions->is_array() || versions->get_array().empty())
    return fail(Fault::invalid, "spec.versions is empty");
  std::vector<Entry> entries;
  for (const Value& version : versions->get_array()) {
    PLUMB_TRY(auto entry, make_entry(crd, version));
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<Problem> problem(std::string pointer, std::string message) {
  return {{std::move(pointer), std::move(message)}};
}

}  // namespace

struct Registry::State {
  std::vector<Entry> entries;  // sorted by kind; the storage version first
  std::vector<KindInfo> kinds;

  // Null and a problem if there is none.
  const Entry* entry_of(const Object& document, std::vector<Problem>& problems) const;
  const Entry* by_name(std::string_view name) const;
  std::vector<std::string> kind_names() const;
};

std::vector<std::string> Registry::State::kind_names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries)
    if (names.empty() || names.back() != entry.info.kind) names.push_back(entry.info.kind);
  return names;
}

const Entry* Registry::State::by_name(std::string_view name) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    const KindInfo& info = entry.info;
    return equals_ignoring_case(name, info.kind) || equals_ignoring_case(name, info.plural) ||
           equals_ignoring_case(name, info.singular) ||
           std::any_of(info.short_names.begin(), info.short_names.end(),
                       [&](const std::string& other) { return equals_ignoring_case(name, other); });
  });
  return found == entries.end() ? nullptr : &*found;
}

const Entry* Registry::State::entry_of(const Object& document, std::vector<Problem>& problems) const {
  const Value* kind = document.if_contains("kind");
  const Value* api_version = document.if_contains("apiVersion");
  if (kind == nullptr)
    problems.push_back({"", fmt::format("the field \"kind\" is missing; kinds are {}", join(kind_names(), ", "))});
  if (api_version == nullptr) problems.push_back({"", "the field \"apiVersion\" is missing"});
  if (kind != nullptr && !kind->is_string()) problems.push_back({"/kind", "must be a text"});
  if (api_version != nullptr && !api_version->is_string()) problems.push_back({"/apiVersion", "must be a text"});
  if (!problems.empty()) return nullptr;
  std::vector<std::string> versions;
  for (const Entry& entry : entries) {
    if (entry.info.kind != kind->get_string()) continue;
    if (entry.api_version == api_version->get_string()) return &entry;
    versions.push_back(entry.api_version);
  }
  if (!versions.empty()) {
    problems.push_back(
        {"/apiVersion", fmt::format("{} is not known for {}{}; it must be {}", shown(*api_version),
                                    std::string_view(kind->get_string()),
                                    did_you_mean(api_version->get_string(), versions), join(versions, " or "))});
  } else if (kind->get_string().ends_with("List")) {
    problems.push_back(
        {"/kind", "lists are not supported; write their items as documents of their own, separated by \"---\""});
  } else {
    problems.push_back(
        {"/kind", fmt::format("unknown kind {}{}; kinds are {}", shown(*kind),
                              did_you_mean(kind->get_string(), kind_names()), join(kind_names(), ", "))});
  }
  return nullptr;
}

Registry::Registry(std::unique_ptr<State> state) : state_(std::move(state)) {}
Registry::~Registry() = default;
Registry::Registry(Registry&&) noexcept = default;
Registry& Registry::operator=(Registry&&) noexcept = default;

Result<Registry> Registry::from_crds(const std::vector<Value>& crds) {
  auto state = std::make_unique<State>();
  for (const Value& crd : crds) {
    auto entries = entries_of(crd);
    if (!entries)
      return in_context(fmt::format("CRD {}", text_at(crd, "/metadata/name").value_or("without a name")),
                        entries.error());
    std::move(entries->begin(), entries->end(), std::back_inserter(state->entries));
  }
  std::sort(state->entries.begin(), state->entries.end(), [](const Entry& a, const Entry& b) {
    return std::tuple(std::string_view(a.info.kind), !a.storage, std::string_view(a.info.version)) <
           std::tuple(std::string_view(b.info.kind), !b.storage, std::string_view(b.info.version));
  });
  for (std::size_t i = 0; i < state->entries.size(); ++i) {
    const Entry& entry = state->entries[i];
    if (i > 0 && state->entries[i - 1].info.kind == entry.info.kind &&
        (state->entries[i - 1].api_version == entry.api_version ||
         state->entries[i - 1].info.group != entry.info.group))
      return fail(Fault::invalid, "the kind {} is defined twice", entry.info.kind);
    state->kinds.push_back(entry.info);
  }
  return Registry(std::move(state));
}

const std::vector<KindInfo>& Registry::kinds() const { return state_->kinds; }

const KindInfo* Registry::find(std::string_view name) const {
  const Entry* entry = state_->by_name(name);
  return entry == nullptr ? nullptr : &entry->info;
}

std::vector<Problem> Registry::validate_and_default(Value& document) const {
  if (!document.is_object()) return problem("", "a manifest is a mapping with apiVersion, kind, metadata and spec");
  std::vector<Problem> problems;
  const Entry* entry = state_->entry_of(document.get_object(), problems);
  check_metadata(document, problems);
  if (entry == nullptr) return problems;
  if (!entry->compiled.accepts(document)) {
    auto found = explain(entry->manifest, document, true);
    if (found.empty()) found = entry->compiled.complaints(document);
    if (found.empty()) found = problem("", fmt::format("does not fit the schema of {}", entry->info.kind));
    for (Problem& each : found) {
      if (each.pointer == "/status") each.message = "the status is not declared, it is what plumbline finds; remove it";
      const bool said = each.pointer.empty() && each.message.find("\"metadata\"") != std::string::npos;
      if (!said) problems.push_back(std::move(each));
    }
  }
  if (entry->extras) check_lists(*entry->extras, document, "", problems);
  if (problems.empty() && entry->extras) apply_defaults(*entry->extras, document);
  return problems;
}

Result<Value> Registry::schema_at(std::string_view path) const {
  const std::size_t dot = path.find('.');
  const Entry* entry = state_->by_name(path.substr(0, dot));
  if (entry == nullptr)
    return fail(Fault::not_found, "unknown kind \"{}\"{}", path.substr(0, dot),
                did_you_mean(path.substr(0, dot), state_->kind_names()));
  const Value* schema = &entry->schema;
  for (std::size_t before = dot; before != path.npos;) {
    const std::size_t after = path.find('.', before + 1);
    const std::string name(path.substr(before + 1, after == path.npos ? after : after - before - 1));
    while (at(*schema, "/items") != nullptr) schema = at(*schema, "/items");
    const Value* next = at(*schema, fmt::format("/properties/{}", pointer_token(name)));
    if (next == nullptr && at(*schema, "/additionalProperties") != nullptr) next = at(*schema, "/additionalProperties");
    if (next == nullptr) {
      std::vector<std::string> known;
      if (const Value* properties = at(*schema, "/properties"); properties != nullptr && properties->is_object())
        for (const auto& property : properties->get_object()) known.emplace_back(property.key());
      return fail(Fault::not_found, "{} has no field \"{}\"{}", path.substr(0, before), name,
                  did_you_mean(name, known));
    }
    schema = next;
    before = after;
  }
  return *schema;
}

}  // namespace plumb::schema
