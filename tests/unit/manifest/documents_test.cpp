// Files of the source that are no manifests, and that manifests may name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <plumb_embedded.h>

#include "controller/base/digest.h"
#include "controller/manifest/document.h"
#include "controller/manifest/loader.h"
#include "controller/manifest/yaml.h"
#include "tests/support/large_document.h"

namespace plumb::manifest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
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

TEST_F(LoadedDocuments, MayBeLargerThanManifests) {
  const auto large = test::large_document(15'000'000);
  EXPECT_GT(large.operations, 10'000U);
  const auto snapshot = apply({{"large.json", large.json}, {"jdoe.yaml", kUser}});
  EXPECT_THAT(snapshot->diagnostics, IsEmpty());
  EXPECT_THAT(loader_->documents(), ElementsAre(Pair("large.json", sha256(large.json))));

  const auto document = parse_document(large.json);
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->at("paths").as_object().size() * 2, large.operations);
}

TEST_F(LoadedDocuments, AreLimitedToo) {
  const auto snapshot = apply({{"huge.json", test::large_document(17'000'000).json}});
  EXPECT_THAT(snapshot->diagnostics,
              ElementsAre(testing::Field(&Diagnostic::message, HasSubstr("larger than 16777216"))));
}

TEST_F(LoadedDocuments, DoNotLetManifestsBeLarger) {
  // As a manifest would be that has the key of a document somewhere.
  const std::string padding(5'000'000, 'x');
  const std::string user =
      "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: jdoe}\nspec:\n  parentDN: 'DC=ad,DC=test'\n";
  for (const std::string& text :
       {user + "  description: " + padding + "\n", user + "  description: " + padding + "\n---\n" + kApi,
        "openapi: 3.0.3\nkind: ADUser\ninfo: " + padding + "\n",
        R"({"openapi": "3.0.3", "kind": "ADUser", "info": ")" + padding + "\"}"}) {
    const auto snapshot = apply({{"a.yaml", text}});
    EXPECT_THAT(snapshot->diagnostics,
                ElementsAre(testing::Field(&Diagnostic::message, HasSubstr("larger than 4194304 bytes"))));
    EXPECT_THAT(snapshot->resources, IsEmpty());
  }
  std::string many = "openapi: 3.0.3\nkind: ADUser\nlist: [";
  for (int i = 0; i < 200'000; ++i) many += "1,";
  const auto snapshot = apply({{"a.yaml", many + "1]\n"}});
  EXPECT_THAT(snapshot->diagnostics, ElementsAre(testing::Field(&Diagnostic::message, HasSubstr("200000 values"))));
}

TEST(MayBeDocument, LooksForAKeyAtTheTop) {
  for (const char* text :
       {"openapi: 3.0.3\n", "# mine\n\"openapi\": x\n", "'swagger' : '2.0'\n", "info: {}\nopenapi: 3\n",
        "sops:\n  a: 1\n", "{\"openapi\": \"3\"}", " \n{ \"info\": {\"a\": [1, \"}\"]}, \"swagger\" : \"2.0\"}",
        "\xEF\xBB\xBF{\"sops\":{}}", "a: 1\n---\nopenapi: 3\n"})
    EXPECT_TRUE(may_be_document(text)) << text;
  for (const char* text : {"", "a: 1\n", "spec:\n  openapi: 3\n", "openapis: 3\n", "{\"a\": {\"openapi\": 1}}",
                           "{\"a\": \"openapi\"}", "{\"openapi", "{\"a\": \"\\\"openapi\\\": 1\"}", "open"})
    EXPECT_FALSE(may_be_document(text)) << text;
}

TEST(ParseDocument, TakesJsonAndYamlWhateverTheyAreNamed) {
  EXPECT_EQ(parse_document("{\"a\": 1}")->at("a").as_int64(), 1);
  EXPECT_EQ(parse_document("{a: 1}")->at("a").as_int64(), 1);
  EXPECT_EQ(parse_document("a: 1\n")->at("a").as_int64(), 1);
  EXPECT_THAT(parse_document("a: 1\na: 2\n").error().message, HasSubstr("stands twice"));
  EXPECT_THAT(parse_document("a: 1\n---\na: 2\n").error().message, HasSubstr("not one document"));
  EXPECT_FALSE(parse_document(""));
}

}  // namespace
}  // namespace plumb::manifest
