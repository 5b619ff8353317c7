#include "controller/manifest/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <plumb_embedded.h>

#include "controller/base/digest.h"
#include "controller/manifest/yaml.h"

namespace plumb::manifest {
namespace {

using ::testing::HasSubstr;

schema::Registry shipped() {
  std::vector<Value> crds;
  for (const auto& file : embedded::files())
    if (file.path.starts_with("crds/"))
      for (auto& document : parse_yaml(file.content, std::string(file.path)).documents)
        crds.push_back(std::move(document.value));
  auto registry = schema::Registry::from_crds(crds);
  EXPECT_TRUE(registry) << registry.error().message;
  return std::move(*registry);
}

std::string user(const std::string& name, const std::string& more = "") {
  return fmt::format(
      "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {{name: {}}}\nspec:\n  parentDN: DC=ad,DC=test\n{}",
      name, more);
}
ResourceKey key(const std::string& name, const std::string& kind = "ADUser") { return {kind, "default", name}; }

class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest()
      : registry_(shipped()),
        loader_(registry_, {{{"ADUser", "/spec/managerRef/name", "ADUser"},
                             {"ADUser", "/spec/memberOf/*/name", "ADGroup"},
                             {"ADGroup", "/spec/members/*/name", ""}},
                            2}) {}

  std::shared_ptr<const Snapshot> apply(const std::map<std::string, std::string>& changed,
                                        const std::vector<std::string>& removed = {},
                                        const std::vector<std::pair<std::string, std::string>>& unreadable = {}) {
    TreeDelta delta{std::to_string(++revision_), false, {}, removed, unreadable};
    for (const auto& [path, text] : changed)
      delta.changed.push_back({path, sha256(text), std::make_shared<const std::string>(text)});
    return loader_.apply(delta);
  }
  static std::string messages(const Snapshot& snapshot) {
    std::string all;
    for (const Diagnostic& diagnostic : snapshot.diagnostics) all += to_string(diagnostic) + '\n';
    return all;
  }

  schema::Registry registry_;
  Loader loader_;
  int revision_ = 0;
};

TEST_F(LoaderTest, ManifestsBecomeResourcesWithDefaultsAndNamespace) {
  const auto snapshot = apply({{"a.yaml", user("a") + "---\n" + user("b")}, {"empty.yaml", "# nothing\n"}});
  EXPECT_EQ(messages(*snapshot), "");
  EXPECT_TRUE(snapshot->complete());
  EXPECT_EQ(snapshot->revision, "1");
  ASSERT_NE(snapshot->find(key("b")), nullptr);
  EXPECT_EQ(to_string(snapshot->find(key("b"))->at), "a.yaml:7:1");
  EXPECT_EQ(snapshot->find(key("a"))->digest.size(), 64U);
}

TEST_F(LoaderTest, UnchangedResourcesAreShared) {
  const auto first = apply({{"a.yaml", user("a")}, {"b.yaml", user("b")}});
  const auto second = apply({{"b.yaml", user("b", "  title: x\n")}});
  EXPECT_EQ(first->resources.at(key("a")), second->resources.at(key("a")));
  EXPECT_NE(first->resources.at(key("b"))->digest, second->resources.at(key("b"))->digest);
}

TEST_F(LoaderTest, InvalidDocumentIsHeldAloneAndKeepsItsLastGoodVersion) {
  apply({{"a.yaml", user("a") + "---\n" + user("b") + "---\n" + user("c")}});
  const auto snapshot = apply({{"a.yaml", user("a") + "---\n" + user("b", "  titel: x\n") + "---\n" + user("c")}});
  EXPECT_EQ(snapshot->held, std::set{key("b")});
  EXPECT_TRUE(snapshot->broken_files.empty());
  EXPECT_NE(snapshot->find(key("b")), nullptr);
  EXPECT_EQ(messages(*snapshot), "a.yaml:12:3: /spec/titel: unknown field \"titel\" (did you mean \"title\"?)\n");
}

TEST_F(LoaderTest, BrokenFileHoldsWhatItDeclaredThroughAnyNumberOfBrokenVersions) {
  apply({{"a.yaml", user("a") + "---\n" + user("b")}});
  apply({{"a.yaml", user("a") + "---\n" + "x: [\n"}});
  const auto snapshot = apply({{"a.yaml", "y: [\n"}});
  EXPECT_EQ(snapshot->held, (std::set{key("a"), key("b")}));
  EXPECT_EQ(snapshot->broken_files, std::set<std::string>{"a.yaml"});
  EXPECT_EQ(snapshot->resources.size(), 2U);
  EXPECT_FALSE(snapshot->complete());
  const auto repaired = apply({{"a.yaml", user("b")}});
  EXPECT_TRUE(repaired->complete());
  EXPECT_EQ(repaired->find(key("a")), nullptr);
}

TEST_F(LoaderTest, AnEmptyFileIsBrokenAndHoldsWhatItDeclaredButOneOfCommentsDeclaresNothing) {
  for (const char* blank : {"", " \n\t\r\n", "\xEF\xBB\xBF\n"}) {
    apply({{"a.yaml", user("a")}});
    const auto emptied = apply({{"a.yaml", blank}});
    EXPECT_EQ(emptied->held, std::set{key("a")});
    EXPECT_EQ(emptied->broken_files, std::set<std::string>{"a.yaml"});
    EXPECT_THAT(messages(*emptied), HasSubstr("is empty; delete the file if what it declared is to go"));
    EXPECT_FALSE(emptied->complete());
  }
  const auto commented = apply({{"a.yaml", "# gone on purpose\n"}});
  EXPECT_TRUE(commented->complete());
  EXPECT_EQ(commented->find(key("a")), nullptr);
}

TEST_F(LoaderTest, UnreadableFilesAndDirectoriesHoldWhatTheyDeclared) {
  apply({{"a.yaml", user("a")}, {"d/b.yaml", user("b")}});
  const auto hidden = apply({}, {}, {{"d", "no permission"}});
  EXPECT_EQ(hidden->held, std::set{key("b")});
  EXPECT_THAT(messages(*hidden), HasSubstr("d: cannot be read: no permission"));
  EXPECT_TRUE(apply({})->complete());
}

TEST_F(LoaderTest, UnknownKindBreaksTheFileWithAHint) {
  const auto snapshot =
      apply({{"a.yaml", "apiVersion: plumbline.dev/v1alpha1\nkind: ADUsr\nmetadata: {name: x}\nspec: {}\n"}});
  EXPECT_THAT(messages(*snapshot), HasSubstr("a.yaml:2:1: /kind: unknown kind \"ADUsr\" (did you mean \"ADUser\"?)"));
  EXPECT_EQ(snapshot->broken_files.size(), 1U);
}

TEST_F(LoaderTest, DuplicateIdentitiesAreHeldAndBothPlacesNamed) {
  const auto snapshot = apply({{"a.yaml", user("a")}, {"b.yaml", "\n" + user("a")}});
  EXPECT_EQ(snapshot->held, std::set{key("a")});
  EXPECT_THAT(messages(*snapshot),
              HasSubstr("b.yaml:2:1: /metadata/name: ADUser/default/a is declared twice, here and at a.yaml:1:1"));
}

TEST_F(LoaderTest, DanglingReferenceIsReportedAtItsPlaceAndHoldsTheReferrerAndThoseBehindIt) {
  const auto snapshot = apply({{"boss.yaml", user("boss", "  memberOf: [{name: sale}]\n")},
                               {"a.yaml", user("a", "  managerRef: {name: boss}\n")},
                               {"g.yaml",
                                "apiVersion: plumbline.dev/v1alpha1\nkind: ADGroup\nmetadata: {name: sales}\nspec:\n"
                                "  parentDN: DC=ad,DC=test\n"}});
  EXPECT_THAT(messages(*snapshot),
              HasSubstr("boss.yaml:6:15: /spec/memberOf/0/name: there is no ADGroup \"sale\" in the "
                        "namespace default (did you mean \"sales\"?)"));
  EXPECT_THAT(messages(*snapshot),
              HasSubstr("warning: ADUser/default/a is held, because it refers to ADUser/default/boss"));
  EXPECT_EQ(snapshot->held, (std::set{key("boss"), key("a")}));
  EXPECT_EQ(snapshot->referrers.at(key("boss")), (CowSet<ResourceKey>{key("a")}));
}

TEST_F(LoaderTest, KindBesideTheNameSelectsTheTarget) {
  const auto snapshot = apply(
      {{"a.yaml", user("a")},
       {"g.yaml",
        "apiVersion: plumbline.dev/v1alpha1\nkind: ADGroup\nmetadata: {name: g}\nspec:\n  parentDN: DC=ad,DC=test\n"
        "  members: [{name: a}, {kind: ADGroup, name: nested}]\n"}});
  EXPECT_THAT(messages(*snapshot), HasSubstr("g.yaml:6:40: /spec/members/1/name: there is no ADGroup \"nested\""));
  EXPECT_TRUE(snapshot->referrers.contains(key("a")));
}

TEST_F(LoaderTest, TheLeavesOfAResourceAreFoundInItsFileAndDefaultsAreNot) {
  const std::string text = user("a") +
                           "---\napiVersion: plumbline.dev/v1alpha1\nkind: ADGroup\nmetadata: {name: b}\nspec:\n"
                           "  parentDN: DC=ad,DC=test\n  description: x\n  members:\n    - {name: a}\n";
  const auto snapshot = apply({{"f.yaml", text}});
  const Resource* b = snapshot->find(key("b", "ADGroup"));
  ASSERT_NE(b, nullptr);
  const auto places = positions(*b, text);
  EXPECT_EQ(places.at("/metadata/name"), (Location{"f.yaml", 9, 12}));
  EXPECT_EQ(places.at("/spec/description"), (Location{"f.yaml", 12, 3}));
  EXPECT_EQ(places.at("/spec/members/0/name"), (Location{"f.yaml", 14, 8}));
  EXPECT_FALSE(places.contains("/spec/members"));
  EXPECT_NE(at(b->spec, "/membership"), nullptr);
  EXPECT_FALSE(places.contains("/spec/membership"));
  EXPECT_TRUE(positions(*b, user("a")).empty());
}

TEST_F(LoaderTest, RemovedFilesAreGoneAndWholeTreesReplaceWhatWas) {
  apply({{"a.yaml", user("a")}, {"b.yaml", user("b")}});
  EXPECT_EQ(apply({}, {"a.yaml"})->find(key("a")), nullptr);
  const std::string text = user("c");
  const auto snapshot =
      loader_.apply({"w", true, {{"c.yaml", sha256(text), std::make_shared<const std::string>(text)}}, {}, {}});
  EXPECT_EQ(snapshot->resources.size(), 1U);
  EXPECT_TRUE(snapshot->complete());
}

TEST_F(LoaderTest, ManyFilesAreReadInParallelToTheSameResult) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 500; ++i) files[fmt::format("u{}.yaml", i)] = user(fmt::format("u{}", i));
  const auto snapshot = apply(files);
  EXPECT_EQ(snapshot->resources.size(), 500U);
  EXPECT_TRUE(snapshot->complete());
}

}  // namespace
}  // namespace plumb::manifest
