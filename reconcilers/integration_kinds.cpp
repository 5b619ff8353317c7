// The kinds of the integration runtime. What they ask for is their manifest, member by member: the runtime works with
// just that.
#include <algorithm>
#include <chrono>

#include "controller/base/clock.h"
#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/model/flat.h"
#include "reconcilers/kinds.h"
#include "reconcilers/reconcilers.h"

namespace plumb {
namespace {

constexpr std::string_view kPaused = "plumbline.dev/paused";
// Free JSON: one attribute each.
constexpr std::string_view kOpaque[] = {"advanced", "authentication.parameters", "server.variables", "labels"};
constexpr Duration kShortestRotation = std::chrono::hours(1);
constexpr std::string_view kLevels[] = {"/logging/level", "/logging/syslog/level"};

// Of a Platform alone; see platform_kinds.h.
constexpr std::string_view kOfPlatforms[] = {"adoption", "allowRecreate"};

// A member that names another resource of the same namespace, which has to be there first and must not go before.
struct Use {
  std::string_view pointer, attribute, kind;
};
constexpr Use kIntegrationUses[] = {
    {"/modelRef/name", "modelRef.name", "IntegrationModel"},
    {"/authentication/credentialRef/name", "authentication.credentialRef.name", "Credential"},
};
constexpr Use kBindingUses[] = {{"/modelRef/name", "modelRef.name", "IntegrationModel"}};

using Adjust = Result<void> (*)(const Resource& resource, Object& spec);

class RuntimeKind final : public Reconciler {
 public:
  RuntimeKind(std::string_view kind, std::span<const Use> uses, Adjust adjust)
      : kind_(kind), uses_(uses), adjust_(adjust) {}

  std::string_view kind() const override { return kind_; }
  std::span<const AttributeRule> rules() const override { return {}; }
  bool is_whole() const override { return true; }
  Result<Wanted> project(const Resource& resource, const Snapshot& snapshot) const override;
  std::vector<std::string> uses(const LiveObject& object) const override;

 private:
  std::string_view kind_;
  std::span<const Use> uses_;
  Adjust adjust_;
};

// What lives on a Platform cannot be used here.
Result<void> check_is_here(const Resource& resource, const Use& use, const std::string& name,
                           const Snapshot& snapshot) {
  const Resource* const used = snapshot.find({std::string(use.kind), resource.key.ns, name});
  const auto platform = used == nullptr ? std::nullopt : text_at(used->spec, "/platformRef/name");
  if (!platform || at(resource.spec, "/platformRef") != nullptr) return {};
  if (resource.key.kind == "Integration")
    return fail(Fault::invalid,
                "/spec{}: {} lives on IntegrationPlatform \"{}\", and this Integration does not; give it the same "
                "platformRef",
                use.pointer, used->key, *platform);
  return fail(Fault::invalid, "/spec{}: {} lives on IntegrationPlatform \"{}\", which has roles of its own",
              use.pointer, used->key, *platform);
}

Result<Wanted> RuntimeKind::project(const Resource& resource, const Snapshot& snapshot) const {
  Wanted wanted;
  wanted.key = resource.key;
  wanted.at = resource.at;
  wanted.digest = resource.digest;
  wanted.identity = {"name", to_string(resource.key)};
  wanted.adoption = Adoption::adopt;  // what the runtime holds, it has from manifests
  wanted.deletion.mode =
      text_at(resource.spec, "/deletionPolicy") == "Orphan" ? Deletion::Mode::orphan : Deletion::Mode::remove;
  if (const auto paused = resource.annotations.find(std::string(kPaused));
      paused != resource.annotations.end() && paused->second != "false")
    wanted.problem = fmt::format("paused by the annotation {}; remove it to go on", kPaused);
  for (const Use& use : uses_)
    if (auto name = text_at(resource.spec, use.pointer)) {
      PLUMB_CHECK(check_is_here(resource, use, *name, snapshot));
      wanted.needs.push_back({std::string(use.kind), resource.key.ns, std::move(*name)});
    }
  Value spec = resource.spec.is_object() ? resource.spec : Value(Object());
  spec.get_object().erase("deletionPolicy");
  for (const std::string_view member : kOfPlatforms) spec.get_object().erase(member);
  PLUMB_CHECK(adjust_(resource, spec.get_object()));
  wanted.attributes = flattened(spec, kOpaque);
  return wanted;
}

std::vector<std::string> RuntimeKind::uses(const LiveObject& object) const {
  std::vector<std::string> handles;
  const ResourceKey key = parse_key(object.handle);
  for (const Use& use : uses_) {
    const auto found = object.attributes.find(use.attribute);
    if (found != object.attributes.end() && !found->second.values.empty())
      handles.push_back(to_string(ResourceKey{std::string(use.kind), key.ns, found->second.values.front()}));
  }
  return handles;
}

Result<void> as_it_is(const Resource&, Object&) { return {}; }

// A document of megabytes is no attribute: its digest stands for it, and its content is in the DocumentStore.
Result<void> by_digest(const Resource&, Object& spec) {
  auto* document = spec.contains("document") ? spec["document"].if_object() : nullptr;
  if (document == nullptr) return fail(Fault::invalid, "/spec/document: is needed");
  if (const Value* text = document->if_contains("inline")) {
    if (!document->contains("sha256")) document->emplace("sha256", sha256(canonical(*text)));
    document->erase("inline");
  }
  if (!document->contains("sha256"))
    return fail(Fault::invalid, "/spec/document/file: {} is not in the source",
                text_at(spec["document"], "/file").value_or(""));
  return {};
}

Result<void> with_levels(const Resource&, Object& spec) {
  Value document = std::move(spec);
  for (const std::string_view pointer : kLevels) {
    const auto level = text_at(document, pointer);
    if (level) document.at_pointer(pointer) = lower(*level);
  }
  spec = std::move(document.get_object());
  return {};
}

Result<void> the_only_one(const Resource& resource, Object&) {
  if (resource.key.name == "default") return {};
  return fail(Fault::invalid,
              "/metadata/name: there is one GatewayConfiguration for a namespace, and it has the name \"default\"");
}

// Lists are by label, so the runtime has to know them; no schema lets a spec have a member of that name.
Result<void> as_a_connector(const Resource& resource, Object& spec) {
  if (const auto* rotation = spec.if_contains("keyRotation"))
    if (const auto interval = text_at(*rotation, "/interval")) {
      PLUMB_TRY(const Duration span, parse_duration(*interval));
      if (span < kShortestRotation)
        return fail(Fault::invalid, "/spec/keyRotation/interval: {} is too short; a key is good for {} at least",
                    *interval, format_duration(kShortestRotation));
    }
  if (resource.labels.empty()) return {};
  Object labels;
  for (const auto& [name, value] : resource.labels) labels[name] = value;
  spec["labels"] = std::move(labels);
  return {};
}

}  // namespace

std::span<const std::string_view> free_form_members() { return kOpaque; }

const Reconciler& integration_model() {
  static const RuntimeKind kind("IntegrationModel", {}, by_digest);
  return kind;
}
const Reconciler& integration() {
  static const RuntimeKind kind("Integration", kIntegrationUses, with_levels);
  return kind;
}
const Reconciler& runtime_credential() {
  static const RuntimeKind kind("Credential", {}, as_it_is);
  return kind;
}
const Reconciler& role_binding() {
  static const RuntimeKind kind("RoleBinding", kBindingUses, as_it_is);
  return kind;
}
const Reconciler& gateway_configuration() {
  static const RuntimeKind kind("GatewayConfiguration", {}, the_only_one);
  return kind;
}
const Reconciler& connector() {
  static const RuntimeKind kind("Connector", {}, as_a_connector);
  return kind;
}

}  // namespace plumb
