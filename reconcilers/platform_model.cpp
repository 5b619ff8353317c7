#include "controller/base/digest.h"
#include "controller/model/dn.h"
#include "reconcilers/platform_kinds.h"

namespace plumb::platform {
namespace {

// A document is compared by its digest: plans stay small.
constexpr AttributeRule kRules[] = {{.name = "document", .compare = Compare::exact}};

class PlatformModel final : public Reconciler {
 public:
  PlatformModel(ResourceKey platform, const Documents& documents)
      : platform_(std::move(platform)), documents_(documents) {}
  std::string_view kind() const override { return "IntegrationModel"; }
  std::span<const AttributeRule> rules() const override { return kRules; }
  bool goes_at_once() const override { return true; }
  std::string_view lost_with_it() const override {
    return "its roles are made anew with it, and groups have to be given them again";
  }
  Result<Wanted> project(const Resource& resource, const Snapshot& snapshot) const override {
    PLUMB_TRY(Wanted wanted, begin(resource, snapshot, platform_));
    PLUMB_TRY(const Known known, documents_.of(resource));
    wanted.identity = {std::string(kPlatformModel), known.version_id};
    wanted.place = Place{std::string(kPlatformModel), known.version_id,
                         Link{{}, Dn().child(std::string(kPlatformRoot), platform_.name).text()}};
    wanted.attributes["document"] = {{known.digest}};
    wanted.digest = sha256(wanted.digest + '\n' + known.digest);
    return wanted;
  }

 private:
  ResourceKey platform_;
  const Documents& documents_;
};

}  // namespace

std::unique_ptr<Reconciler> make_model(ResourceKey platform, const Documents& documents) {
  return std::make_unique<PlatformModel>(std::move(platform), documents);
}

}  // namespace plumb::platform
