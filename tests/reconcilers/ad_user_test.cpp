#include <gmock/gmock.h>

#include "tests/reconcilers/world.h"

namespace plumb::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* kPassword = R"("initialPassword": {"valueFrom": {"env": "PW"}})";

class AdUser : public World {
 protected:
  std::vector<std::string> projected(const std::string& fields, const std::string& attribute) {
    declare_user("jdoe", fields);
    const Wanted user = wanted(test::user("jdoe"));
    const auto found = user.attributes.find(attribute);
    return found == user.attributes.end() ? std::vector<std::string>{"(not wanted)"} : found->second.values;
  }
  std::string refused(const std::string& fields) {
    declare_user("jdoe", fields);
    return refusal(user("jdoe"));
  }
  OnceWrite once(const std::string& fields) {
    declare_user("jdoe", fields);
    const Wanted user = wanted(test::user("jdoe"));
    return user.once.empty() ? OnceWrite{} : user.once.front();
  }
};

// What a manifest asks for.

TEST_F(AdUser, IsNamedAfterItsManifestUnlessItSaysMore) {
  declare_user("jdoe");

  const Wanted user = wanted(test::user("jdoe"));

  EXPECT_EQ(user.identity, (Identity{"sAMAccountName", "jdoe"}));
  EXPECT_THAT(user.attributes.at("userPrincipalName").values, ElementsAre("jdoe@ad.test"));
  EXPECT_EQ(user.place->rdn_attribute, "CN");
  EXPECT_EQ(user.place->name, "jdoe");
  EXPECT_EQ(user.place->parent.handle, "OU=People,DC=ad,DC=test");
  EXPECT_EQ(user.also_unique.at(0), (Identity{"userPrincipalName", "jdoe@ad.test"}));
}

TEST_F(AdUser, TakesItsNameInTheTreeFromTheDisplayName) {
  declare_user("jdoe", R"("displayName": "Jane Doe")");
  EXPECT_EQ(wanted(user("jdoe")).place->name, "Jane Doe");
}

TEST_F(AdUser, OwnsOnlyWhatItsManifestDeclares) {
  declare_user("jdoe", R"("title": "Clerk")");

  const Wanted user = wanted(test::user("jdoe"));

  EXPECT_THAT(user.attributes, ::testing::SizeIs(3));  // with sAMAccountName and userPrincipalName
  EXPECT_THAT(user.links, IsEmpty());
}

TEST_F(AdUser, NamesThatTheDirectoryCannotHoldAreRefused) {
  declare_user("a-name-of-more-than-20-characters");
  EXPECT_THAT(refusal(user("a-name-of-more-than-20-characters")), HasSubstr("more than 20 characters"));
  EXPECT_THAT(refused(R"("sAMAccountName": "j*doe")"), HasSubstr("must not contain"));
  EXPECT_THAT(refused(R"("sAMAccountName": "jdoe.")"), HasSubstr("ends in a dot"));
  EXPECT_THAT(refused(R"("name": " jdoe")"), HasSubstr("begin or end with a space"));
  EXPECT_THAT(refused(R"("displayName": ")" + std::string(65, 'x') + "\""), HasSubstr("64 characters"));
  EXPECT_EQ(refused(R"("displayName": ")" + std::string(64, 'x') + "\""), "");
}

TEST_F(AdUser, IsRefusedOutsideOfTheManagedScope) {
  declare(user("jdoe"), R"({"parentDN": "OU=Elsewhere,DC=ad,DC=test"})");
  EXPECT_THAT(refusal(user("jdoe")), HasSubstr("outside of the managedScope"));
}

TEST_F(AdUser, FurtherAttributesAreTextsOrLists) {
  EXPECT_THAT(projected(R"("attributes": {"extensionAttribute1": "x"})", "extensionAttribute1"), ElementsAre("x"));
  EXPECT_THAT(projected(R"("attributes": {"otherTelephone": ["1", "2"]})", "othertelephone"), ElementsAre("1", "2"));
  EXPECT_THAT(projected(R"("attributes": {"otherTelephone": []})", "otherTelephone"), IsEmpty());
  EXPECT_THAT(refused(R"("attributes": {"uidNumber": 12})"), HasSubstr("quote numbers"));
  EXPECT_THAT(refused(R"("attributes": {"uidNumber": "12a"})"), HasSubstr("not an integer"));
  EXPECT_THAT(refused(R"("attributes": {"msNPAllowDialin": "yes"})"), HasSubstr("neither \"TRUE\" nor \"FALSE\""));
  EXPECT_THAT(refused(R"("attributes": {"info": ""})"), HasSubstr("write []"));
  EXPECT_THAT(refused(R"("attributes": {"info": "a", "INFO": "b"})"), HasSubstr("given twice"));
  EXPECT_THAT(refused(R"("attributes": {"a;binary": "a"})"), HasSubstr("not the name of an attribute"));
}

TEST_F(AdUser, AttributesWithAFieldOfTheirOwnSayWhichOne) {
  EXPECT_THAT(refused(R"("attributes": {"mail": "a@x"})"), HasSubstr("use spec.mail"));
  EXPECT_THAT(refused(R"("attributes": {"MANAGER": "CN=x"})"), HasSubstr("use spec.managerRef"));
  EXPECT_THAT(refused(R"("attributes": {"cn": "x"})"), HasSubstr("use spec.name"));
  EXPECT_THAT(refused(R"("attributes": {"unicodePwd": "x"})"), HasSubstr("use spec.initialPassword"));
  EXPECT_THAT(refused(R"("attributes": {"userAccountControl": "512"})"), HasSubstr("use spec.enabled"));
  EXPECT_THAT(refused(R"("attributes": {"memberOf": "CN=x"})"), HasSubstr("use spec.memberOf"));
}

class DangerousAttribute : public AdUser, public ::testing::WithParamInterface<const char*> {};

TEST_P(DangerousAttribute, IsNeverWritten) {
  EXPECT_THAT(refused(fmt::format(R"("attributes": {{"{}": "1"}})", GetParam())), HasSubstr("is never written"));
}

INSTANTIATE_TEST_SUITE_P(Each, DangerousAttribute,
                         ::testing::Values("objectSid", "objectGUID", "member", "adminCount", "adminDescription",
                                           "nTSecurityDescriptor", "primaryGroupID", "sIDHistory",
                                           "msDS-KeyCredentialLink", "msDS-AllowedToDelegateTo",
                                           "msDS-AllowedToActOnBehalfOfOtherIdentity", "unixUserPassword", "dBCSPwd",
                                           "ms-Mcs-AdmPwd", "isCriticalSystemObject", "groupType", "objectClass"),
                         [](const auto& each) { return "Number" + std::to_string(each.index); });

TEST_F(AdUser, FlagsAreSetAndClearedByName) {
  EXPECT_THAT(projected(R"("enabled": false, "userAccountControl": {"set": ["DONT_EXPIRE_PASSWORD"],
                        "clear": ["SMARTCARD_REQUIRED"]})",
                        "userAccountControl"),
              ElementsAre("+65536", "-262144", "+2"));
  EXPECT_THAT(projected("", "userAccountControl"), ElementsAre("(not wanted)"));
  EXPECT_THAT(refused(R"("userAccountControl": {"set": ["DONT_EXPIRE_PASWORD"]})"), HasSubstr("did you mean"));
  EXPECT_THAT(refused(R"("userAccountControl": {"set": ["SERVER_TRUST_ACCOUNT"]})"), HasSubstr("not a flag"));
  EXPECT_THAT(refused(R"("userAccountControl": {"set": ["SCRIPT"], "clear": ["SCRIPT"]})"),
              HasSubstr("more than once"));
}

TEST_F(AdUser, ExpiresAtTheEndOfTheDayThatIsNamed) {
  // 2027-02-01T00:00:00Z
  EXPECT_THAT(projected(R"("accountExpires": "2027-01-31")", "accountExpires"), ElementsAre("134459136000000000"));
  EXPECT_THAT(projected(R"("accountExpires": "2027-02-01T01:00:00+01:00")", "accountExpires"),
              ElementsAre("134459136000000000"));
  EXPECT_THAT(projected(R"("accountExpires": "never")", "accountExpires"), ElementsAre("9223372036854775807"));
  EXPECT_THAT(refused(R"("accountExpires": "soon")"), HasSubstr("neither a date"));
}

TEST_F(AdUser, AnInitialPasswordIsAReferenceAndNeverAValue) {
  const OnceWrite given = once(kPassword);
  EXPECT_EQ(given.token, "1");
  EXPECT_TRUE(given.sensitive);
  EXPECT_TRUE(given.at_creation);
  EXPECT_FALSE(given.on_adoption);
  EXPECT_THAT(given.writes.at("unicodePwd").values, ElementsAre("env:PW"));
  EXPECT_THAT(given.writes.at("pwdLastSet").values, ElementsAre("0"));

  const OnceWrite made = once(R"("initialPassword": {"generation": 3, "mustChangeAtNextLogon": false,
                                "generate": {"length": 24, "deliverTo": "/run/pw/"}})");
  EXPECT_EQ(made.token, "3");
  EXPECT_THAT(made.writes.at("unicodePwd").values, ElementsAre("generate:24:/run/pw/default.jdoe.3.password"));
  EXPECT_FALSE(made.writes.contains("pwdLastSet"));
}

TEST_F(AdUser, ANewAccountWithoutAPasswordCannotBeEnabled) {
  declare_user("jdoe", R"("enabled": true)");
  EXPECT_THAT(wanted(user("jdoe")).creation_problem, HasSubstr("needs an initialPassword"));

  declare_user("jdoe", std::string(R"("enabled": true, )") + kPassword);
  EXPECT_EQ(wanted(user("jdoe")).creation_problem, "");
}

TEST_F(AdUser, AnUnlockIsARequestOfItsOwn) {
  const OnceWrite unlock = once(R"("unlock": {"request": "INC-1"})");
  EXPECT_EQ(unlock.token, "INC-1");
  EXPECT_FALSE(unlock.at_creation);
  EXPECT_TRUE(unlock.only_if_different);
  EXPECT_THAT(unlock.writes.at("lockoutTime").values, ElementsAre("0"));
}

TEST_F(AdUser, ReferencesStayInTheSameDirectory) {
  declare({"Directory", "default", "other"}, R"({"servers": ["ldaps://x"], "baseDNs": ["DC=other"],
      "credentialRef": {"name": "bind"}, "managedScope": ["DC=other"], "upnSuffix": "other"})");
  declare(user("boss"), R"({"directoryRef": {"name": "other"}, "parentDN": "DC=other"})");
  declare_user("jdoe", R"("directoryRef": {"name": "corp"}, "managerRef": {"name": "boss"})");
  EXPECT_THAT(refusal(user("jdoe")), HasSubstr("belongs to Directory \"other\", not to \"corp\""));

  declare_user("jdoe");
  EXPECT_THAT(refusal(user("jdoe")), HasSubstr("several Directories"));
}

TEST_F(AdUser, AnnotationsPinTheObjectAndPauseIt) {
  declare(user("jdoe"), R"({"parentDN": "OU=People,DC=ad,DC=test"})",
          {{"plumbline.dev/object-guid", "5F0C1A2B-0000-4000-8000-000000000001"}, {"plumbline.dev/paused", "true"}});

  const Wanted user = wanted(test::user("jdoe"));

  EXPECT_EQ(user.pinned_id, "5f0c1a2b-0000-4000-8000-000000000001");
  EXPECT_THAT(user.problem, HasSubstr("paused"));

  declare(test::user("jdoe"), R"({"parentDN": "OU=People,DC=ad,DC=test"})", {{"plumbline.dev/object-guid", "x"}});
  EXPECT_THAT(refusal(test::user("jdoe")), HasSubstr("not an objectGUID"));
}

TEST_F(AdUser, TheDirectorySaysWhatBecomesOfItUnlessTheUserDoes) {
  declare_user("jdoe");
  EXPECT_EQ(wanted(user("jdoe")).deletion.mode, Deletion::Mode::disable);
  EXPECT_EQ(wanted(user("jdoe")).adoption, Adoption::never);

  declare_user("jdoe", R"("adoption": "Adopt", "deletionPolicy": "Delete", "deletion": {"stripGroupsAfter": "1d",
               "deleteAfter": "7d", "quarantineOU": "OU=Leavers,OU=People,DC=ad,DC=test"})");
  const Deletion deletion = wanted(user("jdoe")).deletion;
  EXPECT_EQ(deletion.mode, Deletion::Mode::remove);
  EXPECT_EQ(deletion.strip_after, std::chrono::days(1));
  EXPECT_EQ(deletion.remove_after, std::chrono::days(7));
  EXPECT_EQ(deletion.quarantine, "OU=Leavers,OU=People,DC=ad,DC=test");
  EXPECT_EQ(wanted(user("jdoe")).adoption, Adoption::adopt);

  EXPECT_THAT(refused(R"("deletion": {"quarantineOU": "OU=Elsewhere,DC=ad,DC=test"})"), HasSubstr("managedScope"));
  EXPECT_THAT(refused(R"("deletion": {"stripGroupsAfter": "8d", "deleteAfter": "7d"})"), HasSubstr("not be later"));
}

// Rounds against a domain.

TEST_F(AdUser, IsCreatedOnceWithEverythingItDeclares) {
  declare_user("boss", R"("displayName": "The Boss")");
  declare_user("jdoe", std::string(R"("displayName": "Jane Doe", "givenName": "Jane", "sn": "Doe", "initials": "X",
      "mail": "jane@ad.test", "proxyAddresses": ["SMTP:jane@ad.test", "smtp:jd@ad.test"], "title": "Clerk",
      "department": "Sales", "company": "Corp", "employeeID": "0012", "telephoneNumber": "+49 1", "mobile": "+49 2",
      "description": "a clerk", "office": "4.12", "managerRef": {"name": "boss"}, "accountExpires": "2027-01-31",
      "attributes": {"extensionAttribute1": "x", "otherTelephone": ["1", "2"]},
      "userAccountControl": {"set": ["DONT_EXPIRE_PASSWORD"]}, )") +
                           kPassword);

  converge();

  EXPECT_TRUE(directory.exists("CN=Jane Doe,OU=People,DC=ad,DC=test"));
  EXPECT_EQ(value("jdoe", "userPrincipalName"), "jdoe@ad.test");
  EXPECT_EQ(value("jdoe", "userAccountControl"), "66048");
  EXPECT_EQ(value("jdoe", "manager"), "CN=The Boss,OU=People,DC=ad,DC=test");
  EXPECT_EQ(value("jdoe", "physicalDeliveryOfficeName"), "4.12");
  EXPECT_THAT(directory.values("jdoe", "otherTelephone"), UnorderedElementsAre("1", "2"));
  EXPECT_THAT(directory.values("jdoe", "proxyAddresses"), UnorderedElementsAre("SMTP:jane@ad.test", "smtp:jd@ad.test"));
  EXPECT_EQ(directory.password("jdoe"), "Correct-Horse-9");
  EXPECT_EQ(value("jdoe", "pwdLastSet"), "0");
  EXPECT_EQ(value("boss", "userAccountControl"), "514");
}

struct FieldCase {
  const char* name;
  const char* first;
  const char* second;
  const char* attribute;
  const char* after_first;
  const char* after_second;
  const char* after_drop;
};
void PrintTo(const FieldCase& each, std::ostream* out) { *out << each.name; }

class UserField : public AdUser, public ::testing::WithParamInterface<FieldCase> {};

TEST_P(UserField, IsCreatedChangedAndClearedAndEachTimeASecondPlanIsEmpty) {
  declare_user("boss");
  declare_user("chief");
  declare_user("jdoe", GetParam().first);
  converge();
  EXPECT_EQ(value("jdoe", GetParam().attribute), GetParam().after_first);

  declare_user("jdoe", GetParam().second);
  converge();
  EXPECT_EQ(value("jdoe", GetParam().attribute), GetParam().after_second);

  declare_user("jdoe");
  converge();
  EXPECT_EQ(value("jdoe", GetParam().attribute), GetParam().after_drop);
}

INSTANTIATE_TEST_SUITE_P(
    Each, UserField,
    ::testing::Values(
        FieldCase{"givenName", R"("givenName": "A")", R"("givenName": "a")", "givenName", "A", "a", ""},
        FieldCase{"sn", R"("sn": "A")", R"("sn": "B")", "sn", "A", "B", ""},
        FieldCase{"initials", R"("initials": "A")", R"("initials": "B")", "initials", "A", "B", ""},
        FieldCase{"displayName", R"("name": "jd", "displayName": "A")", R"("name": "jd", "displayName": "B")",
                  "displayName", "A", "B", ""},
        FieldCase{"mail", R"("mail": "a@x")", R"("mail": "A@x")", "mail", "a@x", "A@x", ""},
        FieldCase{"proxyAddresses", R"("proxyAddresses": ["smtp:a@x"])", R"("proxyAddresses": ["SMTP:a@x"])",
                  "proxyAddresses", "smtp:a@x", "SMTP:a@x", ""},
        FieldCase{"title", R"("title": "A")", R"("title": "B")", "title", "A", "B", ""},
        FieldCase{"department", R"("department": "A")", R"("department": "B")", "department", "A", "B", ""},
        FieldCase{"company", R"("company": "A")", R"("company": "B")", "company", "A", "B", ""},
        FieldCase{"employeeID", R"("employeeID": "1")", R"("employeeID": "2")", "employeeID", "1", "2", ""},
        FieldCase{"telephoneNumber", R"("telephoneNumber": "1")", R"("telephoneNumber": "2")", "telephoneNumber", "1",
                  "2", ""},
        FieldCase{"mobile", R"("mobile": "1")", R"("mobile": "2")", "mobile", "1", "2", ""},
        FieldCase{"description", R"("description": "A")", R"("description": "B")", "description", "A", "B", ""},
        FieldCase{"office", R"("office": "A")", R"("office": "B")", "physicalDeliveryOfficeName", "A", "B", ""},
        FieldCase{"manager", R"("managerRef": {"name": "boss"})", R"("managerRef": {"name": "chief"})", "manager",
                  "CN=boss,OU=People,DC=ad,DC=test", "CN=chief,OU=People,DC=ad,DC=test", ""},
        FieldCase{"attributes", R"("attributes": {"info": "A"})", R"("attributes": {"info": "B"})", "info", "A", "B",
                  ""},
        FieldCase{"accountExpires", R"("accountExpires": "2027-01-31")", R"("accountExpires": "never")",
                  "accountExpires", "134459136000000000", "9223372036854775807", "9223372036854775807"},
        FieldCase{"userPrincipalName", R"("userPrincipalName": "a@x")", R"("userPrincipalName": "b@x")",
                  "userPrincipalName", "a@x", "b@x", "jdoe@ad.test"},
        FieldCase{"flags", R"("userAccountControl": {"set": ["NOT_DELEGATED"]})",
                  R"("userAccountControl": {"clear": ["NOT_DELEGATED"]})", "userAccountControl", "1049090", "514",
                  "514"}),
    [](const auto& each) { return each.param.name; });

TEST_F(AdUser, IsDisabledAndEnabledByItsManifest) {
  declare_user("jdoe", std::string(R"("enabled": true, )") + kPassword);
  converge();
  EXPECT_EQ(value("jdoe", "userAccountControl"), "512");

  declare_user("jdoe", std::string(R"("enabled": false, )") + kPassword);
  converge();
  EXPECT_EQ(value("jdoe", "userAccountControl"), "514");
}

TEST_F(AdUser, WithoutAWordOnItStaysAsSomebodyElseLeftIt) {
  declare_user("jdoe", kPassword);
  converge();
  directory.set("jdoe", "userAccountControl", {"514"});

  EXPECT_TRUE(plan().empty());
}

TEST_F(AdUser, RenamedAndMovedIsStillTheSameObject) {
  declare_unit("sales", R"("name": "Sales")");
  declare_user("jdoe", R"("displayName": "Jane Doe")");
  converge();
  const std::string id = directory.id_of("jdoe");

  declare(user("jdoe"), R"({"organizationalUnitRef": {"name": "sales"}, "sAMAccountName": "jroe",
          "displayName": "Jane Roe"})");
  converge();

  EXPECT_EQ(directory.id_of("CN=Jane Roe,OU=Sales,OU=People,DC=ad,DC=test"), id);
  EXPECT_EQ(directory.id_of("jroe"), id);
}

TEST_F(AdUser, APasswordIsSetOnceForEachGeneration) {
  declare_user("jdoe", kPassword);
  converge();
  secrets.values["env:PW"] = "Another-Horse-8";
  converge();
  EXPECT_EQ(directory.password("jdoe"), "Correct-Horse-9");

  declare_user("jdoe", R"("initialPassword": {"generation": 2, "valueFrom": {"env": "PW"}})");
  converge();
  EXPECT_EQ(directory.password("jdoe"), "Another-Horse-8");
}

TEST_F(AdUser, APasswordThatCannotBeReadFailsThatAccountAlone) {
  declare_user("jdoe", R"("initialPassword": {"valueFrom": {"env": "MISSING"}})");
  declare_user("other", kPassword);

  EXPECT_THAT(round(), ElementsAre(HasSubstr("env:MISSING is not there")));

  EXPECT_FALSE(directory.exists("jdoe"));
  EXPECT_TRUE(directory.exists("other"));
}

TEST_F(AdUser, IsUnlockedOnceForEachRequest) {
  declare_user("jdoe", kPassword);
  converge();
  directory.set("jdoe", "lockoutTime", {"133000000000000000"});

  declare_user("jdoe", std::string(R"("unlock": {"request": "INC-1"}, )") + kPassword);
  converge();
  EXPECT_EQ(value("jdoe", "lockoutTime"), "0");

  directory.set("jdoe", "lockoutTime", {"133000000000000000"});
  EXPECT_TRUE(plan().empty());
}

TEST_F(AdUser, AnExistingAccountIsTakenOverOnlyWhereThatIsAskedFor) {
  directory.add_user("jdoe", "OU=People,DC=ad,DC=test", {{"title", {"Clerk"}}, {"info", {"kept"}}});
  declare_user("jdoe", R"("title": "Head")");
  EXPECT_THAT(round(), ElementsAre(HasSubstr("adoption: Adopt")));
  EXPECT_EQ(value("jdoe", "title"), "Clerk");

  declare_user("jdoe", std::string(R"("adoption": "Adopt", "title": "Head", )") + kPassword);
  converge();
  EXPECT_EQ(value("jdoe", "title"), "Head");
  EXPECT_EQ(value("jdoe", "info"), "kept");
  EXPECT_NE(directory.password("jdoe"), "Correct-Horse-9");
}

TEST_F(AdUser, IsDisabledWhenItsManifestGoesAndNothingElseIsTouched) {
  declare_user("jdoe", std::string(R"("title": "Clerk", )") + kPassword);
  converge();

  undeclare(user("jdoe"));
  EXPECT_THAT(round(), IsEmpty());

  EXPECT_EQ(value("jdoe", "userAccountControl"), "514");
  EXPECT_EQ(value("jdoe", "title"), "Clerk");
}

TEST_F(AdUser, AnEditBySomebodyElseInBetweenIsNotOverwritten) {
  declare_user("jdoe", R"("title": "A")");
  converge();
  declare_user("jdoe", R"("title": "B")");
  const Plan reviewed = plan();
  directory.set("jdoe", "title", {"theirs"});

  const std::vector<std::string> operations = {"op"};
  const auto outcomes = target().apply(reviewed.levels.at(0), operations, Deadline::never());

  EXPECT_EQ(outcomes.at(0).id.error().fault, Fault::conflict);
  EXPECT_EQ(value("jdoe", "title"), "theirs");
}

}  // namespace
}  // namespace plumb::test
