// Files of the source that are no manifests, and that manifests may name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <plumb_embedded.h>

#include "controller/base/digest.h"
#include "controller/manifest/loader.h"
#include "controller/manifest/yaml.h"

namespace plumb::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

const std::string kApi = "openapi: 3.0.3\ninfo: {title: x, version: '1'}\npaths: {}\n";
const std::string kUser =
    "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: jdoe}\nspec: {parentDN: 'DC=ad,DC=test'}\n";

class LoadedDocuments : public ::testing::Test {
 protected:
  LoadedDocuments() {
    std::vector<Value> crds;
    for (const auto& file : embedded::files())
      if (file.path.starts_with("crds/"))
        for (auto& document : parse_yaml(file.content, std::string(file.path)).documents)
          crds.push_back(std::move(document.value));
    registry_.emplace(*schema::Registry::from_crds(crds));
    loader_ = std::make_unique<Loader>(*registry_, LoaderOptions{});
  }
  std::shared_ptr<const Snapshot> apply(const std::map<std::string, std::string>& changed,
                                        const std::vector<std::string>& removed = {}) {
    TreeDelta delta{std::to_string(++revision_), false, {}, removed, {}};
    for (const auto& [path, text] : changed)
      delta.changed.push_back({path, sha256(text), std::make_shared<const std::string>(text)});
    return loader_->apply(delta);
  }

  std::optional<schema::Registry> registry_;
  std::unique_ptr<Loader> loader_;
  int revision_ = 0;
};

TEST_F(LoadedDocuments, AreSkippedWithoutAWord) {
  const auto snapshot = apply({{"api.yaml", kApi},
                               {"old.json", R"({"swagger": "2.0", "info": {}})"},
                               {"s.yaml", "password: ENC[x]\nsops: {version: 3}\n"},
                               {"jdoe.yaml", kUser}});
  EXPECT_THAT(snapshot->diagnostics, IsEmpty());
  EXPECT_TRUE(snapshot->complete());
  EXPECT_THAT(snapshot->resources, SizeIs(1));
  EXPECT_THAT(loader_->documents(), ElementsAre(Pair("api.yaml", sha256(kApi)), Pair("old.json", ::testing::_),
                                                Pair("s.yaml", ::testing::_)));
}

TEST_F(LoadedDocuments, WithAKindAreManifests) {
  const auto snapshot = apply({{"api.yaml", "kind: Something\n" + kApi}});
  EXPECT_FALSE(snapshot->diagnostics.empty());
  EXPECT_THAT(loader_->documents(), IsEmpty());
}

TEST_F(LoadedDocuments, FollowTheChanges) {
  apply({{"api.yaml", kApi}, {"jdoe.yaml", kUser}});
  apply({{"api.yaml", kApi + "x-more: 1\n"}});
  EXPECT_THAT(loader_->documents(), ElementsAre(Pair("api.yaml", sha256(kApi + "x-more: 1\n"))));
  apply({{"api.yaml", kUser}}, {"jdoe.yaml"});
  EXPECT_THAT(loader_->documents(), IsEmpty());
  apply({{"jdoe.yaml", kApi}});
  apply({}, {"jdoe.yaml"});
  EXPECT_THAT(loader_->documents(), IsEmpty());
}

TEST_F(LoadedDocuments, MayStandBesideManifestsInAFile) {
  const auto snapshot = apply({{"all.yaml", kUser + "---\n" + kApi}});
  EXPECT_THAT(snapshot->diagnostics, IsEmpty());
  EXPECT_THAT(snapshot->resources, SizeIs(1));
  EXPECT_THAT(loader_->documents(), SizeIs(1));
}

}  // namespace
}  // namespace plumb::manifest
