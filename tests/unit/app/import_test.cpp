#include "controller/app/import.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/app/workspace.h"

namespace plumb::app {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kOu = "OU=Sales,DC=ad,DC=test";

LiveObject object(const std::string& kind, const std::string& id, const std::string& dn, Attributes attributes) {
  LiveObject made;
  made.kind = kind;
  made.id = id + "-0000-0000-0000-000000000000";
  made.handle = dn;
  made.attributes = std::move(attributes);
  return made;
}

LiveObject user(const std::string& id, const std::string& sam, Attributes attributes = {}) {
  attributes.try_emplace("sAMAccountName", {{sam}});
  attributes.try_emplace("userAccountControl", {{"512"}});
  return object("ADUser", id, "CN=" + sam + "," + kOu, std::move(attributes));
}

class Import : public testing::Test {
 protected:
  Imported import() { return import_objects(live_, request_, *kinds_); }

  // The spec of a file; fails the test if it is not there.
  static Value spec(const Imported& imported, const std::string& path) {
    const auto found = std::ranges::find(imported.files, path, &ImportedFile::path);
    if (found == imported.files.end()) {
      ADD_FAILURE() << path << " was not written";
      return Object{};
    }
    return found->document.at("spec");
  }

  LiveSet live_;
  ImportRequest request_{.directory = {"Directory", "default", "corp"},
                         .from = {*Dn::parse(kOu)},
                         .attributes = {},
                         .taken = {},
                         .managed = {}};
  Result<schema::Registry> kinds_ = builtin_kinds();
};

TEST_F(Import, AdoptsByIdAndKeepsTheAccountAsItIs) {
  live_.add(user("11111111", "jdoe", {{"givenName", {{"Jane"}}}, {"userPrincipalName", {{"jane@ad.test"}}}}));
  const auto imported = import();
  ASSERT_EQ(imported.files.size(), 1u);
  EXPECT_THAT(imported.notes, IsEmpty());
  const Value& document = imported.files[0].document;
  EXPECT_EQ(text_at(document, "/metadata/annotations/plumbline.dev~1object-guid"),
            "11111111-0000-0000-0000-000000000000");
  EXPECT_EQ(text_at(document, "/spec/adoption"), "Adopt");
  EXPECT_EQ(text_at(document, "/spec/givenName"), "Jane");
  EXPECT_EQ(text_at(document, "/spec/parentDN"), kOu);
  EXPECT_EQ(bool_at(document, "/spec/enabled"), true);
}

TEST_F(Import, AccountWithoutPrincipalNameStaysWithoutOne) {
  live_.add(user("11111111", "jdoe"));
  EXPECT_EQ(text_at(spec(import(), "adusers/jdoe.yaml"), "/userPrincipalName"), "");
}

TEST_F(Import, NamesAreUniqueAndDoNotDependOnTheOrderOfReading) {
  live_.add(user("22222222", "J.Doe"));
  live_.add(user("11111111", "j doe"));
  live_.add(user("33333333", "j-doe"));
  std::vector<std::string> paths;
  for (const auto& file : import().files) paths.push_back(file.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"adusers/j-doe-11111111.yaml", "adusers/j-doe-33333333.yaml",
                                             "adusers/j.doe.yaml"}));
}

TEST_F(Import, OusOfTheSameNameTakeTheirParentsInFront) {
  live_.add(object("OrganizationalUnit", "11111111", kOu, {}));
  live_.add(object("OrganizationalUnit", "22222222", std::string("OU=Users,OU=A,") + kOu, {}));
  live_.add(object("OrganizationalUnit", "33333333", std::string("OU=Users,OU=B,") + kOu, {}));
  const auto imported = import();
  spec(imported, "organizationalunits/a-users.yaml");
  spec(imported, "organizationalunits/b-users.yaml");
}

TEST_F(Import, LinksToWhatIsImportedAreReferencesAndOthersAreNot) {
  const std::string jane = std::string("CN=jdoe,") + kOu;
  live_.add(user("11111111", "jdoe"));
  live_.add(user("22222222", "tweber", {{"manager", {{jane}}}}));
  live_.add(object("ADGroup", "33333333", std::string("CN=team,") + kOu,
                   {{"sAMAccountName", {{"team"}}},
                    {"groupType", {{"-2147483640"}}},
                    {"member", {{jane, "CN=Guest,CN=Users,DC=ad,DC=test"}}}}));
  const auto imported = import();
  EXPECT_EQ(text_at(spec(imported, "adusers/tweber.yaml"), "/managerRef/name"), "jdoe");
  const Value team = spec(imported, "adgroups/team.yaml");
  EXPECT_EQ(text_at(team, "/scope"), "Universal");
  EXPECT_EQ(text_at(team, "/members/0/name"), "jdoe");
  EXPECT_EQ(text_at(team, "/members/1/distinguishedName"), "CN=Guest,CN=Users,DC=ad,DC=test");
}

TEST_F(Import, ProtectedManagedAndForeignObjectsAreLeftOutAndSaidSo) {
  auto admin = user("11111111", "admin");
  admin.protection = "adminCount is 1";
  live_.add(admin);
  live_.add(user("22222222", "known"));
  request_.managed.insert("22222222-0000-0000-0000-000000000000");
  live_.add(object("ADUser", "33333333", "CN=far,OU=Elsewhere,DC=ad,DC=test", {{"sAMAccountName", {{"far"}}}}));
  const auto imported = import();
  EXPECT_THAT(imported.files, IsEmpty());
  EXPECT_THAT(imported.notes, Contains(HasSubstr("adminCount is 1")));
  EXPECT_THAT(imported.notes, Contains(HasSubstr("declare it already")));
}

TEST_F(Import, ValuesThatNoManifestCanSayAreLeftOutOneByOne) {
  live_.add(user("11111111", "jdoe",
                 {{"mail", {{"not an address"}}},
                  {"title", {{"one", "two"}}},
                  {"department", {{"half"}, Reading::truncated}},
                  {"company", {{"ACME"}}},
                  {"description", {{"\xff\xfe"}}}}));
  const auto imported = import();
  const Value jane = spec(imported, "adusers/jdoe.yaml");
  EXPECT_EQ(text_at(jane, "/company"), "ACME");
  for (const char* left_out : {"/mail", "/title", "/department", "/description"})
    EXPECT_EQ(at(jane, left_out), nullptr);
  EXPECT_EQ(imported.notes.size(), 4u);
}

TEST_F(Import, FurtherAttributesOnlyWhenAskedForAndAllowed) {
  live_.add(user("11111111", "jdoe",
                 {{"extensionAttribute1", {{"x"}}}, {"otherTelephone", {{"1"}}}, {"adminCount", {{"1"}}}}));
  EXPECT_EQ(at(spec(import(), "adusers/jdoe.yaml"), "/attributes"), nullptr);
  request_.attributes = {"extensionAttribute1", "otherTelephone", "adminCount"};
  const auto imported = import();
  const Value jane = spec(imported, "adusers/jdoe.yaml");
  EXPECT_EQ(text_at(jane, "/attributes/extensionAttribute1"), "x");
  EXPECT_EQ(texts_at(jane, "/attributes/otherTelephone"), std::vector<std::string>{"1"});
  EXPECT_EQ(at(jane, "/attributes/adminCount"), nullptr);
}

TEST_F(Import, ExpiryAndFlagsAreKeptToTheBit) {
  live_.add(user("11111111", "never", {{"accountExpires", {{"9223372036854775807"}}}}));
  live_.add(user("22222222", "soon", {{"accountExpires", {{"134509248000000000"}}}}));
  auto flagged = user("33333333", "flagged");
  flagged.attributes["userAccountControl"] = {{"66050"}};
  live_.add(flagged);
  const auto imported = import();
  EXPECT_EQ(at(spec(imported, "adusers/never.yaml"), "/accountExpires"), nullptr);
  EXPECT_EQ(text_at(spec(imported, "adusers/soon.yaml"), "/accountExpires"), "2027-03-31T00:00:00.000Z");
  EXPECT_EQ(bool_at(spec(imported, "adusers/flagged.yaml"), "/enabled"), false);
  EXPECT_EQ(texts_at(spec(imported, "adusers/flagged.yaml"), "/userAccountControl/set"),
            std::vector<std::string>{"DONT_EXPIRE_PASSWORD"});
}

TEST(ResourceName, IsWhatKubernetesTakes) {
  EXPECT_EQ(resource_name("Müller, Jane"), "m-ller-jane");
  EXPECT_EQ(resource_name("Thomas.Weber"), "thomas.weber");
  EXPECT_EQ(resource_name("--$$--"), "object");
  EXPECT_EQ(resource_name(std::string(500, 'x')).size(), 200u);
}

}  // namespace
}  // namespace plumb::app
