#include "reconcilers/active_directory.h"

#include <gmock/gmock.h>

#include "reconcilers/directory_writes.h"
#include "tests/reconcilers/world.h"

namespace plumb::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kPeople = "OU=People,DC=ad,DC=test";

class ActiveDirectory : public World {
 protected:
  // What an observation says of an object that is asked for by name, wherever it is.
  LiveObject seen(const std::string& who) {
    const std::string id = directory.id_of(who);
    const auto& live =
        observe({.attributes = {"title", "mail", "lockoutTime"}, .identities = {}, .ids = {id}, .handles = {}});
    const LiveObject* const object = live->by_id(id);
    return object == nullptr ? LiveObject{} : *object;
  }
  std::string unseen() {
    const auto live = target().observe({}, Deadline::never());
    return live ? "observed" : std::string(to_string(live.error().fault)) + ": " + live.error().message;
  }
  std::string protection(const std::string& who) { return seen(who).protection; }

  Change update(const ResourceKey& key, const std::string& who) {
    Change change;
    change.key = key;
    change.actions = {Action::update};
    change.id = directory.id_of(who);
    change.handle = change.handle_after = directory.entry(who)->dn;
    change.fields = {{.name = "title", .removed = {}, .added = {"x"}}};
    return change;
  }
  Change creation(const ResourceKey& key, const std::string& handle) {
    Change change;
    change.key = key;
    change.actions = {Action::create};
    change.handle = change.handle_after = handle;
    change.fields = {{.name = "sAMAccountName", .removed = {}, .added = {key.name}},
                     {.name = "userAccountControl", .removed = {}, .added = {"514"}}};
    return change;
  }
  Change move(const std::string& who, const std::string& to) {
    Change change = update(user(who), who);
    change.actions = {Action::move};
    change.handle_after = to;
    change.fields.clear();
    return change;
  }
  Change removal(const std::string& who) {
    Change change = move(who, "");
    change.actions = {Action::remove};
    return change;
  }
  Result<std::string> apply(const Change& change, const std::string& operation = "op") {
    const std::vector<Change> changes = {change};
    const std::vector<std::string> operations = {operation};
    return target().apply(changes, operations, Deadline::never()).at(0).id;
  }
  std::string denied(const Change& change) {
    const auto done = apply(change);
    return done ? "done" : std::string(to_string(done.error().fault)) + ": " + done.error().message;
  }
};

// What is seen.

TEST_F(ActiveDirectory, EverythingInScopeIsSeenWithItsKindAndNames) {
  directory.add_user("ann", kPeople, {{"title", {"Clerk"}}});
  directory.add_group("sales", kPeople);

  const LiveObject ann = seen("ann");

  EXPECT_EQ(ann.kind, "ADUser");
  EXPECT_EQ(ann.handle, "CN=ann,OU=People,DC=ad,DC=test");
  EXPECT_TRUE(ann.in_scope);
  EXPECT_EQ(ann.protection, "");
  EXPECT_THAT(ann.identities, ::testing::Contains(Identity{"sAMAccountName", "ann"}));
  EXPECT_THAT(ann.attributes.at("title").values, ElementsAre("Clerk"));
  EXPECT_EQ(seen("sales").kind, "ADGroup");
  EXPECT_EQ(seen(kPeople).kind, "OrganizationalUnit");
}

TEST_F(ActiveDirectory, AnAttributeThatDidNotComeIsEmpty) {
  directory.add_user("ann", kPeople);
  EXPECT_EQ(seen("ann").attributes.at("mail").reading, Reading::empty);
  EXPECT_THAT(seen("ann").attributes.at("lockoutTime").values, ElementsAre("0"));
}

TEST_F(ActiveDirectory, WhereSomethingIsHiddenNothingCountsAsEmpty) {
  directory.add_user("ann", kPeople, {{"title", {"Clerk"}}});
  directory.hide_attribute("ann", "userAccountControl");

  const LiveObject ann = seen("ann");

  EXPECT_EQ(ann.attributes.at("userAccountControl").reading, Reading::unreadable);
  EXPECT_EQ(ann.attributes.at("mail").reading, Reading::unreadable);
  EXPECT_EQ(ann.attributes.at("title").reading, Reading::present);
}

TEST_F(ActiveDirectory, NamesTakenOutsideOfTheScopeAreFoundAndSaidToBeOutside) {
  directory.add_user("ann", "OU=Elsewhere,DC=ad,DC=test");

  const auto& live = observe({.attributes = {},
                              .identities = {{"sAMAccountName", "ANN"}},
                              .ids = {},
                              .handles = {"OU=Elsewhere,DC=ad,DC=test", "CN=nobody,DC=ad,DC=test"}});

  ASSERT_NE(live->by_identity({"sAMAccountName", "ann"}), nullptr);
  EXPECT_FALSE(live->by_identity({"sAMAccountName", "ann"})->in_scope);
  EXPECT_NE(live->by_handle("ou=elsewhere,dc=ad,dc=test"), nullptr);
  EXPECT_EQ(live->by_handle("CN=nobody,DC=ad,DC=test"), nullptr);
}

TEST_F(ActiveDirectory, AReadThatFailsIsNoObservation) {
  for (int nth = 1; nth <= 3; ++nth) {
    directory.fail_read(nth);
    EXPECT_FALSE(target().observe({}, Deadline::never()));
  }
}

// What is protected.

TEST_F(ActiveDirectory, TheDomainsOwnObjectsAreProtected) {
  EXPECT_THAT(protection("Administrator"), HasSubstr("built in"));
  EXPECT_THAT(protection("krbtgt"), HasSubstr("krbtgt"));
  EXPECT_NE(protection("Domain Admins"), "");
  EXPECT_THAT(protection("DC1$"), HasSubstr("domain controller"));
  EXPECT_EQ(seen("DC1$").kind, "");
  EXPECT_THAT(protection("svc-plumbline"), HasSubstr("signs in as"));
}

TEST_F(ActiveDirectory, PrivilegedAccountsAreProtectedWhereverTheyAre) {
  directory.add_user("marked", kPeople, {{"adminCount", {"1"}}});
  directory.add_user("member", kPeople);
  directory.add_user("nested", kPeople);
  directory.add_group("helpers", kPeople, {"nested"});
  directory.set("Domain Admins", "member", {directory.id_of("member"), directory.id_of("helpers")});
  directory.add_user("primary", kPeople);
  directory.set("primary", "primaryGroupID", {"512"});
  directory.add_user("critical", kPeople);
  directory.set("critical", "isCriticalSystemObject", {"TRUE"});

  EXPECT_THAT(protection("marked"), HasSubstr("adminCount"));
  EXPECT_THAT(protection("member"), HasSubstr("privileged group"));
  EXPECT_THAT(protection("helpers"), HasSubstr("privileged group"));
  EXPECT_THAT(protection("nested"), HasSubstr("privileged group"));
  EXPECT_THAT(protection("primary"), HasSubstr("primary group"));
  EXPECT_THAT(protection("critical"), HasSubstr("critical system object"));
}

TEST_F(ActiveDirectory, ABaseBelowTheDomainIsRefusedAsItHidesWhoIsPrivileged) {
  declare({"Directory", "default", "corp"}, R"({"servers": ["ldaps://dc1.ad.test"],
      "baseDNs": ["OU=People,DC=ad,DC=test"], "upnSuffix": "ad.test", "credentialRef": {"name": "bind"},
      "managedScope": ["OU=People,DC=ad,DC=test"]})");
  EXPECT_THAT(unseen(), HasSubstr("invalid: "));
  EXPECT_THAT(unseen(), HasSubstr("write baseDNs: [\"DC=ad,DC=test\"]"));
}

TEST_F(ActiveDirectory, TheDomainIsTheSameInAnySpelling) {
  declare({"Directory", "default", "corp"}, R"({"servers": ["ldaps://dc1.ad.test"],
      "baseDNs": ["dc=AD, dc=Test"], "credentialRef": {"name": "bind"},
      "managedScope": ["OU=People,DC=ad,DC=test"]})");
  EXPECT_EQ(unseen(), "observed");
}

TEST_F(ActiveDirectory, WhereItCannotBeToldWhoIsPrivilegedNothingIsObserved) {
  for (const char* group : {"Administrators", "Domain Admins"}) {
    directory.hide(group);
    restart_target();
    EXPECT_THAT(unseen(), ::testing::AllOf(HasSubstr("denied: "), HasSubstr(group), HasSubstr("cannot be read")));
    directory.reveal(group);
    EXPECT_EQ(unseen(), "observed");
  }
  restart_target();
  directory.without_sid = true;
  EXPECT_THAT(unseen(), ::testing::AllOf(HasSubstr("denied: "), HasSubstr("objectSid")));
}

TEST_F(ActiveDirectory, WhoDoesNotKnowHisOwnAccountObservesNothing) {
  directory.hide("svc-plumbline");
  EXPECT_THAT(unseen(), HasSubstr("denied: "));
  EXPECT_THAT(unseen(), HasSubstr("cannot tell which account we are bound as"));
}

TEST_F(ActiveDirectory, TheListsOfTheDirectoryProtect) {
  directory.add_user("SVC-backup", kPeople);
  directory.add_ou("Tier0", kPeople);
  directory.add_user("tiered", "OU=Tier0,OU=People,DC=ad,DC=test");

  EXPECT_THAT(protection("svc-backup"), HasSubstr("protected.accounts"));
  EXPECT_THAT(protection("tiered"), HasSubstr("protected.distinguishedNames"));
  EXPECT_THAT(protection("OU=Tier0,OU=People,DC=ad,DC=test"), HasSubstr("protected.distinguishedNames"));
}

TEST_F(ActiveDirectory, TrustsAndReadOnlyKeysAreProtected) {
  directory.add_user("krbtgt_1234", kPeople);
  directory.add_user("krbtgt_fan", kPeople);
  directory.add_user("TRUSTED$", kPeople);
  directory.set("TRUSTED$", "userAccountControl", {"2080"});

  EXPECT_THAT(protection("krbtgt_1234"), HasSubstr("krbtgt"));
  EXPECT_EQ(protection("krbtgt_fan"), "");
  EXPECT_THAT(protection("TRUSTED$"), HasSubstr("trust"));
}

TEST_F(ActiveDirectory, WhatAnotherInstallationMadeIsProtected) {
  directory.add_user("theirs", kPeople);
  directory.set("theirs", "adminDescription", {marker_text({"there", "key"}, "op7")});
  directory.add_user("ours", kPeople);
  directory.set("ours", "adminDescription", {marker_text(kHere, "op7")});
  directory.add_user("noted", kPeople);
  directory.set("noted", "adminDescription", {"a note of somebody's"});

  EXPECT_THAT(protection("theirs"), HasSubstr("another Plumbline installation (there)"));
  EXPECT_EQ(target().created_by(seen("theirs")), "");
  EXPECT_EQ(protection("ours"), "");
  EXPECT_EQ(target().created_by(seen("ours")), "op7");
  EXPECT_EQ(protection("noted"), "");
}

// Whoever can write adminDescription must not be able to make an object look as if it were made here.
TEST_F(ActiveDirectory, AMarkerThatIsNotSignedHereMakesNothingOurs) {
  const std::string good = marker_text(kHere, "op7"), cut = good.substr(0, good.size() - 1);
  const std::string other_key = marker_text({"here", "another key"}, "op7");
  const std::string other_operation = std::string("plumbline:here:op8") + good.substr(good.rfind(':'));
  for (const std::string& marker :
       {std::string("plumbline:here:op7"), std::string("plumbline:here:op7:"), cut, other_key, other_operation}) {
    directory.add_user("forged", kPeople);
    directory.set("forged", "adminDescription", {marker});
    EXPECT_EQ(target().created_by(seen("forged")), "") << marker;
    restart_target();
  }
}

// The gate in front of every write.

TEST_F(ActiveDirectory, OnlyWhatWasSeenInScopeAndUnprotectedIsWritten) {
  directory.add_user("ann", kPeople);
  directory.add_user("outside", "OU=Elsewhere,DC=ad,DC=test");
  directory.add_user("marked", kPeople, {{"adminCount", {"1"}}});
  EXPECT_THAT(denied(update(user("ann"), "ann")), HasSubstr("denied: ADUser/default/ann: its object was not seen"));

  observe({.attributes = {}, .identities = {{"sAMAccountName", "outside"}}, .ids = {}, .handles = {}});

  EXPECT_THAT(denied(update(user("outside"), "outside")), HasSubstr("outside of the managedScope"));
  EXPECT_THAT(denied(update(user("marked"), "marked")), HasSubstr("is protected"));
  EXPECT_THAT(denied(update(group("ann"), "ann")), HasSubstr("of kind ADUser"));
  EXPECT_THAT(directory.log(), IsEmpty());
  EXPECT_EQ(denied(update(user("ann"), "ann")), "done");
  EXPECT_EQ(value("ann", "title"), "x");
}

TEST_F(ActiveDirectory, NothingIsCreatedOrMovedOutOfTheScopeOrIntoAProtectedSubtree) {
  directory.add_user("ann", kPeople);
  directory.add_ou("Tier0", kPeople);
  observe();

  EXPECT_THAT(denied(creation(user("new"), "CN=new,OU=Elsewhere,DC=ad,DC=test")), HasSubstr("managedScope"));
  EXPECT_THAT(denied(creation(user("new"), "CN=new,OU=Tier0,OU=People,DC=ad,DC=test")), HasSubstr("protects"));
  EXPECT_THAT(denied(move("ann", "CN=ann,OU=Elsewhere,DC=ad,DC=test")), HasSubstr("managedScope"));
  EXPECT_THAT(denied(move("ann", "CN=ann,OU=Tier0,OU=People,DC=ad,DC=test")), HasSubstr("protects"));
  EXPECT_THAT(directory.log(), IsEmpty());
}

TEST_F(ActiveDirectory, TheMarkerIsNotAnAttributeLikeOthers) {
  directory.add_user("ann", kPeople);
  observe();
  Change forged = update(user("ann"), "ann");
  forged.fields = {{.name = "admindescription", .removed = {}, .added = {marker_text(kHere, "op1")}}};
  EXPECT_THAT(denied(forged), HasSubstr("is never written"));
}

TEST_F(ActiveDirectory, ACreatedObjectCarriesItsOperationFromTheFirstMoment) {
  observe();

  EXPECT_TRUE(apply(creation(user("new"), "CN=new,OU=People,DC=ad,DC=test"), "op42"));

  EXPECT_EQ(value("new", "adminDescription"), marker_text(kHere, "op42"));
  EXPECT_EQ(directory.log().size(), 1U);
  EXPECT_EQ(target().created_by(seen("new")), "op42");
}

TEST_F(ActiveDirectory, AMoveOfWhatWasMovedMeanwhileIsAConflict) {
  directory.add_ou("Sales", kPeople);
  directory.add_user("ann", kPeople);
  observe();
  const Change reviewed = move("ann", "CN=ann2,OU=People,DC=ad,DC=test");
  directory.move("ann", "CN=ann", "OU=Sales,OU=People,DC=ad,DC=test");

  EXPECT_THAT(denied(reviewed), HasSubstr("conflict: ADUser/default/ann: CN=ann,OU=People,DC=ad,DC=test was moved"));
}

TEST_F(ActiveDirectory, OnlyWhatWeCreatedIsRemoved) {
  directory.add_user("theirs", kPeople);
  observe();
  EXPECT_THAT(denied(removal("theirs")), HasSubstr("does not carry the mark"));
  EXPECT_TRUE(directory.exists("theirs"));

  EXPECT_TRUE(apply(creation(user("ours"), "CN=ours,OU=People,DC=ad,DC=test")));
  EXPECT_EQ(denied(removal("ours")), "done");
  EXPECT_FALSE(directory.exists("ours"));
}

TEST_F(ActiveDirectory, AnAccountThatWasEnabledSinceIsNotRemoved) {
  observe();
  EXPECT_TRUE(apply(creation(user("ours"), "CN=ours,OU=People,DC=ad,DC=test")));
  directory.set("ours", "userAccountControl", {"512"});
  EXPECT_THAT(denied(removal("ours")), HasSubstr("was enabled meanwhile"));
  EXPECT_TRUE(directory.exists("ours"));
}

TEST_F(ActiveDirectory, AnObjectThatBecamePrivilegedSinceIsNotRemoved) {
  observe();
  EXPECT_TRUE(apply(creation(user("ours"), "CN=ours,OU=People,DC=ad,DC=test")));
  directory.set("ours", "adminCount", {"1"});
  EXPECT_THAT(denied(removal("ours")), HasSubstr("is protected"));
}

TEST_F(ActiveDirectory, OneThatFailsDoesNotKeepOthersBack) {
  directory.add_user("ann", kPeople, {{"title", {"taken"}}});
  directory.add_user("bob", kPeople);
  directory.add_user("cyd", "OU=Elsewhere,DC=ad,DC=test");
  observe({.attributes = {"title"}, .identities = {}, .ids = {directory.id_of("cyd")}, .handles = {}});

  const std::vector<Change> changes = {update(user("ann"), "ann"), update(user("cyd"), "cyd"),
                                       update(user("bob"), "bob")};
  const std::vector<std::string> operations = {"1", "2", "3"};
  const auto outcomes = target().apply(changes, operations, Deadline::never());

  EXPECT_EQ(outcomes.at(0).id.error().fault, Fault::conflict);
  EXPECT_EQ(outcomes.at(1).id.error().fault, Fault::denied);
  EXPECT_EQ(*outcomes.at(2).id, directory.id_of("bob"));
  EXPECT_EQ(value("bob", "title"), "x");
}

TEST_F(ActiveDirectory, ATimeoutIsPassedOnAsItIs) {
  directory.add_user("ann", kPeople);
  observe();
  directory.timeout_after_write(1);
  const auto done = apply(update(user("ann"), "ann"));
  EXPECT_EQ(done.error().fault, Fault::timeout);
}

TEST_F(ActiveDirectory, AGeneratedPasswordIsTheSameForTheRetryAndRefusedToTheNextOfThatName) {
  observe();
  Change made = creation(user("ann"), "CN=ann,OU=People,DC=ad,DC=test");
  made.fields.push_back({.name = "unicodePwd",
                         .removed = {},
                         .added = {"generate:20:/out/default.ann.1.password"},
                         .sensitive = true,
                         .blind = true});
  directory.fail_write(1);
  EXPECT_FALSE(apply(made));
  EXPECT_THAT(secrets.in_use, IsEmpty()) << "nothing was written with it yet";
  EXPECT_TRUE(apply(made));
  EXPECT_THAT(secrets.in_use, ElementsAre("generate:20:/out/default.ann.1.password"));

  directory.remove("ann");
  observe();
  EXPECT_THAT(denied(made), HasSubstr("conflict: "));
  EXPECT_FALSE(directory.exists("ann"));
}

TEST_F(ActiveDirectory, ForgettingWritesNothing) {
  Change forget;
  forget.key = user("gone");
  forget.actions = {Action::forget};
  forget.id = "some-id";
  EXPECT_TRUE(apply(forget));
  EXPECT_EQ(directory.write_calls(), 0);
}

// Changes as writes.

TEST(DirectoryWrites, LinksAreWrittenByIdWhereItIsKnown) {
  FakeSecrets secrets;
  Change change;
  change.key = group("g");
  change.actions = {Action::update};
  change.fields = {{.name = "member",
                    .removed = {"<GUID=1>;CN=a,DC=x"},
                    .added = {"CN=b,DC=x"},
                    .multi_valued = true,
                    .link = true}};

  const auto writes = writes_for(change, "g-id", "CN=g,DC=x", {"m", true}, secrets);

  ASSERT_TRUE(writes);
  EXPECT_THAT(writes->at(0).changes.at(0).values, ElementsAre("<GUID=1>"));
  EXPECT_THAT(writes->at(0).changes.at(1).values, ElementsAre("CN=b,DC=x"));
}

TEST(DirectoryWrites, PasswordsNeedAnEncryptedConnection) {
  FakeSecrets secrets;
  secrets.values["env:PW"] = "x";
  Change change;
  change.key = user("u");
  change.actions = {Action::update};
  change.fields = {{.name = "unicodePwd", .removed = {}, .added = {"env:PW"}, .sensitive = true, .blind = true}};

  const auto writes = writes_for(change, "id", "CN=u,DC=x", {"m", false}, secrets);

  EXPECT_EQ(writes.error().fault, Fault::denied);
  EXPECT_THAT(secrets.fetched, IsEmpty());
}

TEST(DirectoryWrites, ARenameStaysBelowItsParentAndAMoveNamesTheNewOne) {
  FakeSecrets secrets;
  Change change;
  change.key = user("u");
  change.actions = {Action::move, Action::update};
  change.handle_after = "CN=b,OU=o,DC=x";
  change.fields = {{.name = "title", .removed = {"a"}, .added = {"b"}}};

  const auto renamed = writes_for(change, "id", "CN=a,ou=O,DC=x", {}, secrets);
  ASSERT_EQ(renamed->size(), 2U);
  EXPECT_EQ(renamed->at(0).kind, DirectoryWrite::Kind::modify);
  EXPECT_EQ(renamed->at(1).new_rdn, "CN=b");
  EXPECT_EQ(renamed->at(1).new_parent, "");

  const auto moved = writes_for(change, "id", "CN=a,DC=x", {}, secrets);
  EXPECT_EQ(moved->at(1).new_parent, "OU=o,DC=x");
}

}  // namespace
}  // namespace plumb::test
