#include "reconcilers/platform_kinds.h"

#include "controller/base/digest.h"
#include "controller/base/synchronized.h"
#include "reconcilers/spec.h"

namespace plumb {
namespace platform {

struct Documents::State {
  struct Entry {
    std::string digest;  // of the resource
    Known known;
    bool recreate = false;
  };
  explicit State(PlatformForms given) : forms(std::move(given)) {}
  PlatformForms forms;
  Synchronized<std::map<ResourceKey, Entry>> entries;
};

Documents::Documents(PlatformForms forms) : state_(std::make_unique<State>(std::move(forms))) {}
Documents::~Documents() = default;

const PlatformForms& Documents::forms() const { return state_->forms; }

Result<Known> Documents::of(const Resource& model) const {
  const auto kept = state_->entries.with([&](const auto& entries) -> std::optional<Known> {
    const auto found = entries.find(model.key);
    return found == entries.end() || found->second.digest != model.digest ? std::nullopt
                                                                          : std::optional(found->second.known);
  });
  if (kept) return *kept;
  Known known;
  PLUMB_TRY(known.document, state_->forms.document(model));
  PLUMB_TRY(known.version_id, state_->forms.version_id(*known.document));
  known.digest = state_->forms.keep(*known.document);
  const bool recreate = bool_at(model.spec, "/allowRecreate").value_or(false);
  state_->entries.with([&](auto& entries) { entries[model.key] = {model.digest, known, recreate}; });
  return known;
}

bool Documents::may_recreate(const ResourceKey& model) const {
  return state_->entries.with([&](const auto& entries) {
    const auto found = entries.find(model);
    return found != entries.end() && found->second.recreate;
  });
}

Result<Wanted> begin(const Resource& resource, const Snapshot& snapshot, const ResourceKey& platform) {
  const Resource* const there = snapshot.find(platform);
  if (there == nullptr || !on_platform(resource, platform))
    return fail(Fault::invalid, "/spec/platformRef/name: {} is not declared, or not the one meant", platform);
  Wanted wanted;
  wanted.key = resource.key;
  wanted.at = resource.at;
  const auto said = [&](const char* pointer, std::string otherwise) {
    return text_at(resource.spec, pointer).value_or(text_at(there->spec, pointer).value_or(std::move(otherwise)));
  };
  wanted.adoption = said("/adoption", "Never") == "Adopt" ? Adoption::adopt : Adoption::never;
  PLUMB_TRY(wanted.drift, spec::drift_rules(there->spec, resource));
  wanted.deletion.mode =
      said("/deletionPolicy", "Orphan") == "Delete" ? Deletion::Mode::remove : Deletion::Mode::orphan;
  if (const auto span = text_at(there->spec, "/deletion/deleteAfter")) {
    auto parsed = parse_duration(*span);
    if (!parsed) return in_context("IntegrationPlatform: /spec/deletion/deleteAfter", std::move(parsed).error());
    wanted.deletion.remove_after = *parsed;
  }
  if (wanted.drift.mode == DriftMode::observe) wanted.deletion.mode = Deletion::Mode::orphan;
  if (const auto paused = resource.annotations.find("plumbline.dev/paused");
      paused != resource.annotations.end() && paused->second != "false")
    wanted.problem = "paused by the annotation plumbline.dev/paused; remove it to go on";
  wanted.digest = resource.digest + '\n' + there->digest;
  return wanted;
}

}  // namespace platform

struct PlatformKinds::State {
  State(const ResourceKey& platform, PlatformForms forms)
      : documents(std::move(forms)),
        model(platform::make_model(platform, documents)),
        integration(platform::make_integration(platform, documents)) {}
  platform::Documents documents;
  std::unique_ptr<Reconciler> model, integration;
};

PlatformKinds::PlatformKinds(ResourceKey platform, PlatformForms forms)
    : state_(std::make_unique<State>(platform, std::move(forms))) {}
PlatformKinds::~PlatformKinds() = default;

std::vector<const Reconciler*> PlatformKinds::kinds() const { return {state_->integration.get(), state_->model.get()}; }

bool PlatformKinds::may_recreate(const ResourceKey& model) const { return state_->documents.may_recreate(model); }

bool on_platform(const Resource& resource, const ResourceKey& platform) {
  return resource.key.ns == platform.ns && text_at(resource.spec, "/platformRef/name") == platform.name;
}

}  // namespace plumb
