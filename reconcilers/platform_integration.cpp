#include <fmt/format.h>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "reconcilers/platform_kinds.h"

namespace plumb::platform {
namespace {

// Every attribute is one value at a dotted path, compared as it is: see runtime/platform_shape.h. Those named here are
// only the usual ones; any path may be declared by spec.advanced.
constexpr AttributeRule kRules[] = {
    {.name = "server.protocol", .compare = Compare::exact},
    {.name = "server.host", .compare = Compare::exact},
    {.name = "server.port", .compare = Compare::exact},
    {.name = "server.base_path", .compare = Compare::exact},
    {.name = "tls.enabled", .compare = Compare::exact},
    {.name = "tls.rejectUnauthorized", .compare = Compare::exact},
    {.name = "version", .compare = Compare::exact},
    {.name = "timeout", .compare = Compare::exact},
};

class PlatformIntegration final : public Reconciler {
 public:
  PlatformIntegration(ResourceKey platform, const Documents& documents)
      : platform_(std::move(platform)), documents_(documents) {}
  std::string_view kind() const override { return "Integration"; }
  std::span<const AttributeRule> rules() const override { return kRules; }
  bool goes_at_once() const override { return true; }
  std::string_view lost_with_it() const override {
    return "what only the Platform knew of it, such as the tokens of a person who signed in, is lost";
  }
  Result<Wanted> project(const Resource& resource, const Snapshot& snapshot) const override;

 private:
  Result<const Resource*> model_of(const Resource& resource, const Snapshot& snapshot) const;
  ResourceKey platform_;
  const Documents& documents_;
};

Result<const Resource*> PlatformIntegration::model_of(const Resource& resource, const Snapshot& snapshot) const {
  const std::string name = text_at(resource.spec, "/modelRef/name").value_or("");
  const Resource* const model = snapshot.find({"IntegrationModel", resource.key.ns, name});
  if (model == nullptr)
    return fail(Fault::invalid, "/spec/modelRef/name: there is no IntegrationModel \"{}\" in namespace \"{}\"", name,
                resource.key.ns);
  if (!on_platform(*model, platform_))
    return fail(Fault::invalid,
                "/spec/modelRef/name: IntegrationModel \"{}\" is not on {}; give it the same platformRef", name,
                platform_);
  return model;
}

Result<const Resource*> credential_of(const Resource& resource, const Snapshot& snapshot) {
  const auto name = text_at(resource.spec, "/authentication/credentialRef/name");
  if (!name) return nullptr;
  const Resource* const found = snapshot.find({"Credential", resource.key.ns, *name});
  if (found == nullptr)
    return fail(Fault::invalid,
                "/spec/authentication/credentialRef/name: there is no Credential \"{}\" in namespace \"{}\"", *name,
                resource.key.ns);
  return found;
}

Result<Wanted> PlatformIntegration::project(const Resource& resource, const Snapshot& snapshot) const {
  PLUMB_TRY(Wanted wanted, begin(resource, snapshot, platform_));
  PLUMB_TRY(const Resource* model, model_of(resource, snapshot));
  PLUMB_TRY(const Resource* credential, credential_of(resource, snapshot));
  PLUMB_TRY(const Known known, documents_.of(*model));
  PLUMB_TRY(const auto paths,
            documents_.forms().attributes(resource, credential, *known.document, *snapshot.find(platform_)));
  wanted.identity = {std::string(kPlatformIntegration), resource.key.name};
  wanted.place = Place{std::string(kPlatformIntegration), resource.key.name, Link{model->key, ""}};
  wanted.needs = {model->key};
  for (const auto& [path, text] : paths)
    if (!wanted.attributes.emplace(path, {{text}}).second)
      return fail(Fault::invalid, "/spec/advanced: \"{}\" is there in two spellings that differ in case only",
                  printable(path));
  wanted.digest =
      sha256(fmt::format("{}\n{}\n{}", wanted.digest, known.digest, credential == nullptr ? "" : credential->digest));
  return wanted;
}

}  // namespace

std::unique_ptr<Reconciler> make_integration(ResourceKey platform, const Documents& documents) {
  return std::make_unique<PlatformIntegration>(std::move(platform), documents);
}

}  // namespace plumb::platform
