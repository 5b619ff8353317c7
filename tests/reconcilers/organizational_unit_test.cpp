#include <gmock/gmock.h>

#include "tests/reconcilers/world.h"

namespace plumb::test {
namespace {

using ::testing::HasSubstr;

class OrganizationalUnit : public World {};

// What a manifest asks for.

TEST_F(OrganizationalUnit, IsKnownByTheNameThatItsParentsGive) {
  declare_unit("top", R"("name": "Top, Inc.")");
  declare(unit("sub"), R"({"parentRef": {"name": "top"}})");

  const Wanted sub = wanted(unit("sub"));

  EXPECT_EQ(sub.identity, (Identity{"distinguishedName", "OU=sub,OU=Top\\, Inc.,OU=People,DC=ad,DC=test"}));
  EXPECT_EQ(sub.place->rdn_attribute, "OU");
  EXPECT_EQ(sub.place->parent.key, unit("top"));
}

TEST_F(OrganizationalUnit, ParentsInACircleAreRefused) {
  declare(unit("a"), R"({"parentRef": {"name": "b"}})");
  declare(unit("b"), R"({"parentRef": {"name": "a"}})");
  EXPECT_THAT(refusal(unit("a")), HasSubstr("go round in a circle"));
}

TEST_F(OrganizationalUnit, MayBeTheRootOfTheScopeButNothingOutside) {
  declare(unit("people"), R"({"name": "People", "parentDN": "DC=ad,DC=test"})");
  EXPECT_EQ(refusal(unit("people")), "");
  declare(unit("other"), R"({"name": "Other", "parentDN": "DC=ad,DC=test"})");
  EXPECT_THAT(refusal(unit("other")), HasSubstr("outside of the managedScope"));
}

TEST_F(OrganizationalUnit, IsKeptUnlessItsProtectionIsTakenAway) {
  declare_unit("sales", R"("deletionPolicy": "Delete")");
  EXPECT_EQ(wanted(unit("sales")).deletion.mode, Deletion::Mode::orphan);
  declare_unit("sales", R"("deletionPolicy": "Delete", "protectFromDeletion": false)");
  EXPECT_EQ(wanted(unit("sales")).deletion.mode, Deletion::Mode::remove);
}

// Rounds against a domain.

TEST_F(OrganizationalUnit, TreesAreCreatedFromTheTopAndOnce) {
  declare_user("ann");
  declare(unit("deep"), R"({"name": "Deep", "parentRef": {"name": "sub"}, "description": "x",
          "managedByRef": {"name": "ann"}, "attributes": {"street": "Main St 1"}})");
  declare(unit("sub"), R"({"name": "Sub", "parentRef": {"name": "top"}})");
  declare_unit("top", R"("name": "Top")");

  converge();

  const std::string deep = "OU=Deep,OU=Sub,OU=Top,OU=People,DC=ad,DC=test";
  EXPECT_EQ(value(deep, "description"), "x");
  EXPECT_EQ(value(deep, "street"), "Main St 1");
  EXPECT_EQ(value(deep, "managedBy"), "CN=ann,OU=People,DC=ad,DC=test");
}

TEST_F(OrganizationalUnit, IsChangedAndLosesWhatIsDropped) {
  declare_unit("sales", R"("description": "x", "attributes": {"street": "a"})");
  converge();
  declare_unit("sales", R"("attributes": {"street": "b"})");
  converge();
  EXPECT_EQ(value("OU=sales,OU=People,DC=ad,DC=test", "description"), "");
  EXPECT_EQ(value("OU=sales,OU=People,DC=ad,DC=test", "street"), "b");
}

TEST_F(OrganizationalUnit, RenamedWithEverythingBelowItStaysTheSame) {
  declare_unit("top", R"("name": "Top")");
  declare(unit("sub"), R"({"name": "Sub", "parentRef": {"name": "top"}})");
  declare(user("ann"), R"({"organizationalUnitRef": {"name": "sub"}})");
  converge();
  const std::string id = directory.id_of("ann");

  declare_unit("top", R"("name": "Summit")");
  converge();

  EXPECT_EQ(directory.id_of("CN=ann,OU=Sub,OU=Summit,OU=People,DC=ad,DC=test"), id);
}

TEST_F(OrganizationalUnit, RenamedTogetherWithWhatIsInItGivesBothTheirNames) {
  declare_unit("top", R"("name": "Top")");
  declare(user("ann"), R"({"organizationalUnitRef": {"name": "top"}})");
  converge();

  declare_unit("top", R"("name": "Summit")");
  declare(user("ann"), R"({"organizationalUnitRef": {"name": "top"}, "name": "Ann"})");
  converge();

  EXPECT_TRUE(directory.exists("CN=Ann,OU=Summit,OU=People,DC=ad,DC=test"));
}

TEST_F(OrganizationalUnit, AnExistingOneIsAdoptedByItsPlace) {
  const std::string id = directory.add_ou("Sales", "OU=People,DC=ad,DC=test");
  declare_unit("sales", R"("name": "Sales", "adoption": "Adopt", "description": "x")");

  converge();

  EXPECT_EQ(value(id, "description"), "x");
}

}  // namespace
}  // namespace plumb::test
