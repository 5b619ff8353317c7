#include <gmock/gmock.h>

#include "tests/reconcilers/world.h"

namespace plumb::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::string dn(const std::string& name) { return "CN=" + name + ",OU=People,DC=ad,DC=test"; }

class AdGroup : public World {
 protected:
  std::string refused(const std::string& fields) {
    declare_group("sales", fields);
    return refusal(group("sales"));
  }
  std::string group_type(const std::string& fields) {
    declare_group("sales", fields);
    return wanted(group("sales")).attributes.at("groupType").values.at(0);
  }
};

// What a manifest asks for.

TEST_F(AdGroup, ScopeAndTypeMakeOneSignedNumber) {
  EXPECT_EQ(group_type(""), "-2147483646");
  EXPECT_EQ(group_type(R"("scope": "DomainLocal")"), "-2147483644");
  EXPECT_EQ(group_type(R"("scope": "Universal")"), "-2147483640");
  EXPECT_EQ(group_type(R"("scope": "Global", "type": "Distribution")"), "2");
  EXPECT_EQ(group_type(R"("scope": "Universal", "type": "Distribution")"), "8");
}

TEST_F(AdGroup, MembersAreItsOwnAndThoseOfUsersThatNameIt) {
  declare_user("ann");
  declare_user("bob", R"("memberOf": [{"name": "sales"}])");
  declare_user("cyd", R"("memberOf": [{"name": "other"}])");
  declare_group("other");
  declare_group("sales", R"("members": [{"name": "ann"}, {"kind": "ADGroup", "name": "other"},
                {"distinguishedName": "cn=x, ou=Elsewhere,DC=ad,DC=test"}])");

  const Wanted sales = wanted(group("sales"));

  EXPECT_THAT(sales.links.at("member").links,
              UnorderedElementsAre(Link{user("ann"), ""}, Link{user("bob"), ""}, Link{group("other"), ""},
                                   Link{{}, "cn=x,ou=Elsewhere,DC=ad,DC=test"}));
  EXPECT_FALSE(sales.links.at("member").authoritative);
}

TEST_F(AdGroup, AUserThatJoinsChangesTheDigestOfItsGroup) {
  declare_group("sales");
  declare_user("bob");
  const std::string before = wanted(group("sales")).digest;

  declare_user("bob", R"("memberOf": [{"name": "sales"}])");

  EXPECT_NE(wanted(group("sales")).digest, before);
}

TEST_F(AdGroup, IsNotAuthoritativeWhileManifestsCannotBeRead) {
  declare_group("sales", R"("membership": "Authoritative")");
  EXPECT_TRUE(wanted(group("sales")).links.at("member").authoritative);

  snapshot.broken_files.insert("users/broken.yaml");
  EXPECT_FALSE(wanted(group("sales")).links.at("member").authoritative);
}

TEST_F(AdGroup, MembersThatCannotBeAreRefused) {
  declare_unit("unit");
  EXPECT_THAT(refused(R"("members": [{"kind": "OrganizationalUnit", "name": "unit"}])"), HasSubstr("/spec/members/0"));
  EXPECT_THAT(refused(R"("members": [{"name": "nobody"}])"), HasSubstr("there is no ADUser \"nobody\""));
  EXPECT_THAT(refused(R"("members": [{"distinguishedName": "nobody"}])"), HasSubstr("not a distinguished name"));
  EXPECT_THAT(refused(R"("deletionPolicy": "Disable")"), HasSubstr("cannot be disabled"));
  EXPECT_THAT(refused(R"("attributes": {"member": "CN=x"})"), HasSubstr("use spec.members"));
}

TEST_F(AdGroup, StaysWhenItsManifestGoesUnlessItSaysDelete) {
  declare_group("sales");
  EXPECT_EQ(wanted(group("sales")).deletion.mode, Deletion::Mode::orphan);
  declare_group("sales", R"("deletionPolicy": "Delete")");
  EXPECT_EQ(wanted(group("sales")).deletion.mode, Deletion::Mode::remove);
}

// Rounds against a domain.

TEST_F(AdGroup, IsCreatedOnceWithEverythingItDeclares) {
  declare_user("ann");
  declare_group("inner");
  declare_group("sales", R"("name": "Sales Team", "scope": "Universal", "type": "Distribution", "mail": "s@ad.test",
      "displayName": "Sales", "description": "sellers", "managedByRef": {"kind": "ADUser", "name": "ann"},
      "attributes": {"info": "x"}, "members": [{"name": "ann"}, {"kind": "ADGroup", "name": "inner"}])");

  converge();

  EXPECT_EQ(directory.id_of("sales"), directory.id_of(dn("Sales Team")));
  EXPECT_EQ(value("sales", "groupType"), "8");
  EXPECT_EQ(value("sales", "mail"), "s@ad.test");
  EXPECT_EQ(value("sales", "info"), "x");
  EXPECT_EQ(value("sales", "managedBy"), dn("ann"));
  EXPECT_THAT(directory.values("sales", "member"), UnorderedElementsAre(dn("ann"), dn("inner")));
}

TEST_F(AdGroup, AnAdditiveGroupLosesOnlyWhomPlumblineHadAdded) {
  directory.add_user("theirs", "OU=People,DC=ad,DC=test");
  declare_user("ann");
  declare_user("bob", R"("memberOf": [{"name": "sales"}])");
  declare_group("sales", R"("members": [{"name": "ann"}])");
  converge();
  directory.set("sales", "member", {dn("ann"), dn("bob"), dn("theirs")});

  declare_user("bob");
  declare_group("sales");
  converge();

  EXPECT_THAT(directory.values("sales", "member"), ElementsAre(dn("theirs")));
}

TEST_F(AdGroup, AnAuthoritativeGroupHasExactlyItsMembers) {
  directory.add_user("theirs", "OU=People,DC=ad,DC=test");
  declare_user("ann");
  declare_group("sales", R"("membership": "Authoritative", "members": [{"name": "ann"}])");
  converge();
  directory.set("sales", "member", {dn("theirs")});

  converge();

  EXPECT_THAT(directory.values("sales", "member"), ElementsAre(dn("ann")));
}

TEST_F(AdGroup, NobodyIsTakenOutWhileAManifestCannotBeRead) {
  declare_user("ann");
  declare_group("sales", R"("membership": "Authoritative", "members": [{"name": "ann"}])");
  converge();

  snapshot.broken_files.insert("users/broken.yaml");
  declare_group("sales", R"("membership": "Authoritative", "members": [])");

  EXPECT_TRUE(plan().empty());
}

TEST_F(AdGroup, MayBeAMemberOfItself) {
  declare_group("one", R"("members": [{"kind": "ADGroup", "name": "one"}])");
  converge();
  EXPECT_THAT(directory.values("one", "member"), ElementsAre(dn("one")));
}

TEST_F(AdGroup, MayBeInARingOfGroupsThatExist) {
  declare_group("one");
  declare_group("two", R"("members": [{"kind": "ADGroup", "name": "one"}])");
  converge();
  declare_group("one", R"("members": [{"kind": "ADGroup", "name": "two"}])");
  converge();
  EXPECT_THAT(directory.values("one", "member"), ElementsAre(dn("two")));
  EXPECT_THAT(directory.values("two", "member"), ElementsAre(dn("one")));
}

TEST_F(AdGroup, ChangesItsScopeAndLosesWhatIsDropped) {
  declare_user("ann");
  declare_group("sales", R"("description": "x", "managedByRef": {"name": "ann"}, "attributes": {"info": "x"})");
  converge();

  declare_group("sales", R"("scope": "Universal")");
  converge();

  EXPECT_EQ(value("sales", "groupType"), "-2147483640");
  EXPECT_EQ(value("sales", "description"), "");
  EXPECT_EQ(value("sales", "managedBy"), "");
  EXPECT_EQ(value("sales", "info"), "");
}

TEST_F(AdGroup, IsRenamedAndStaysTheSameObject) {
  declare_group("sales");
  converge();
  const std::string id = directory.id_of("sales");

  declare_group("sales", R"("sAMAccountName": "sellers")");
  converge();

  EXPECT_EQ(directory.id_of(dn("sellers")), id);
}

TEST_F(AdGroup, TenThousandMembersAreWrittenInPartsAndOneMoreAsOne) {
  std::string members;
  for (int i = 0; i < 10'001; ++i) {
    const std::string name = "u" + std::to_string(i);
    directory.add_user(name, "OU=People,DC=ad,DC=test");
    if (i < 10'000) members += (i == 0 ? "" : ", ") + (R"({"distinguishedName": ")" + dn(name) + "\"}");
  }
  declare_group("big", R"("members": [)" + members + "]");
  converge();
  EXPECT_EQ(directory.values("big", "member").size(), 10'000U);

  directory.clear_log();
  declare_group("big", R"("members": [)" + members + R"(, {"distinguishedName": ")" + dn("u10000") + "\"}]");
  converge();

  EXPECT_EQ(directory.values("big", "member").size(), 10'001U);
  EXPECT_EQ(directory.log().size(), 1U);
  EXPECT_EQ(directory.log().at(0).write.changes.at(0).values.size(), 1U);
}

}  // namespace
}  // namespace plumb::test
