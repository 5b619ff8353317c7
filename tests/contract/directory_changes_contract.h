#pragma once

#include <boost/json/parse.hpp>

#include "controller/model/value.h"
#include "tests/contract/directory_contract.h"

// What every Directory must do about changes. The same World as directory_contract.h.
namespace plumb::test {

template <class World>
class DirectoryChangesContract : public DirectoryContract<World> {
 protected:
  void SetUp() override {
    DirectoryContract<World>::SetUp();
    if (testing::Test::IsSkipped() || testing::Test::HasFatalFailure()) return;
    scope_ = {{this->ou_}, {"user", "group", "organizationalUnit"}, {"title", "member", "userAccountControl"}};
    elsewhere_ = this->add("OU=elsewhere" + this->number_ + "," + this->world_.domain(),
                           {{"objectClass", {"organizationalUnit"}}});
    follow_from_now();
  }

  void follow_from_now() {
    auto cursor = this->directory().cursor(this->deadline());
    ASSERT_TRUE(cursor) << cursor.error().message;
    cursor_ = *cursor;
  }
  // What changed since the last call.
  DirectoryChanges changes() {
    auto answer = this->directory().changes_since(cursor_, scope_, this->deadline());
    EXPECT_TRUE(answer) << answer.error().message;
    if (!answer) return {};
    cursor_ = answer->cursor;
    return std::move(*answer);
  }
  // Of those that concern this test; others use the same domain.
  std::set<std::string> changed_ids(const DirectoryChanges& changes) {
    std::set<std::string> ids;
    for (const Entry& entry : changes.changed) {
      if (entry.id == this->bound_as()) continue;
      EXPECT_TRUE(ids.insert(entry.id).second) << entry.dn << " came twice";
    }
    return ids;
  }
  // A logon of ours is a change too.
  const std::string& bound_as() {
    if (bound_as_.empty()) bound_as_ = this->directory().about(this->deadline()).value().bound_as_id;
    return bound_as_;
  }
  std::string fault_of(const std::string& cursor) {
    const auto answer = this->directory().changes_since(cursor, scope_, this->deadline());
    if (answer) return "";
    EXPECT_GT(answer.error().message.size(), 10U) << "it says why";
    return text_of(answer.error().fault);
  }
  // The cursor with another text at one place. What is in front of the object is who told it.
  std::string altered(const std::string& member, const Value& value) {
    const auto object = cursor_.find('{');
    Value json = boost::json::parse(cursor_.substr(object));
    EXPECT_TRUE(json.as_object().contains(member)) << cursor_;
    json.as_object()[member] = value;
    return cursor_.substr(0, object) + canonical(json);
  }

  ReadScope scope_;
  std::string cursor_, elsewhere_, bound_as_;
};

TYPED_TEST_SUITE_P(DirectoryChangesContract);

TYPED_TEST_P(DirectoryChangesContract, SaysWhichServerAnswersAndThatDeletionsAreSeen) {
  const auto about = this->directory().about(this->deadline());
  ASSERT_TRUE(about) << about.error().message;
  EXPECT_EQ(about->server_id.size(), 36U) << about->server_id;
  EXPECT_TRUE(about->sees_deletions);
}

TYPED_TEST_P(DirectoryChangesContract, WhereNothingChangedThereAreNoEntriesAndTheCursorIsTheSame) {
  this->changes();
  const std::string before = this->cursor_;
  const DirectoryChanges nothing = this->changes();
  EXPECT_TRUE(nothing.changed.empty());
  EXPECT_TRUE(nothing.removed.empty());
  EXPECT_EQ(nothing.cursor, before);
}

TYPED_TEST_P(DirectoryChangesContract, WhatIsCreatedAndModifiedComesWholeAndOnce) {
  const std::string ann = this->add_user("ann", {{"title", {"a"}}}), bob = this->add_user("bob");
  ASSERT_EQ(this->tried(this->changing(bob, {{Modification::Op::replace, "title", {"b"}, {}}})), "");
  const DirectoryChanges changes = this->changes();
  EXPECT_EQ(this->changed_ids(changes), (std::set<std::string>{ann, bob}));
  for (const Entry& entry : changes.changed) {
    if (entry.id != bob) continue;
    EXPECT_EQ(entry.dn, this->dn("bob"));
    EXPECT_EQ(entry.attributes.at("title").values, Strings{"b"});
    EXPECT_TRUE(entry.attributes.contains("userAccountControl"));
    EXPECT_TRUE(entry.attributes.contains("objectClass"));
    EXPECT_FALSE(entry.attributes.contains("isDeleted"));
    EXPECT_EQ(entry.version, this->find("objectGUID", {bob}).front().version);
  }
  ASSERT_EQ(this->tried(this->changing(ann, {{Modification::Op::remove, "title", {}, {}}})), "");
  const DirectoryChanges second = this->changes();
  EXPECT_EQ(this->changed_ids(second), std::set<std::string>{ann}) << "bob is not told again";
  EXPECT_FALSE(second.changed.front().attributes.contains("title"));
}

TYPED_TEST_P(DirectoryChangesContract, ClassesThatAreNotAskedForDoNotCome) {
  this->scope_.classes = {"group"};
  this->add_user("ann");
  const std::string group = this->add_group("team");
  EXPECT_EQ(this->changed_ids(this->changes()), std::set<std::string>{group});
}

TYPED_TEST_P(DirectoryChangesContract, WhatIsRenamedOrMovedComesFromWhereItIsNowAlsoOutOfAndIntoTheBases) {
  const std::string ann = this->add_user("ann"), bob = this->add_user("bob"), eve = this->add_user("eve");
  const std::string outside = this->dn_of(this->elsewhere_);
  ASSERT_EQ(this->tried(this->moving(eve, this->dn("eve"), "CN=eve" + this->number_, outside)), "");
  this->changes();
  ASSERT_EQ(this->tried(this->moving(ann, this->dn("ann"), "CN=Ann Smith", "")), "");
  ASSERT_EQ(this->tried(this->moving(bob, this->dn("bob"), "CN=bob" + this->number_, outside)), "");
  ASSERT_EQ(this->tried(this->moving(eve, "", "CN=eve", this->ou_)), "");
  std::map<std::string, std::string> places;
  for (const Entry& entry : this->changes().changed) places[entry.id] = entry.dn;
  EXPECT_EQ(places[ann], "CN=Ann Smith," + this->ou_);
  EXPECT_EQ(places[bob], "CN=bob" + this->number_ + "," + outside);
  EXPECT_EQ(places[eve], "CN=eve," + this->ou_);
}

TYPED_TEST_P(DirectoryChangesContract, WhatIsDeletedComesByItsIdOnce) {
  const std::string ann = this->add_user("ann"), bob = this->add_user("bob");
  this->changes();
  ASSERT_EQ(this->tried(this->changing(ann, {{Modification::Op::replace, "title", {"x"}, {}}})), "");
  ASSERT_EQ(this->tried(this->removing(ann)), "");
  const DirectoryChanges changes = this->changes();
  EXPECT_EQ(changes.removed, Strings{ann});
  EXPECT_EQ(this->changed_ids(changes), std::set<std::string>{});
  ASSERT_EQ(this->tried(this->changing(bob, {{Modification::Op::replace, "title", {"x"}, {}}})), "");
  EXPECT_TRUE(this->changes().removed.empty()) << "told once";
}

TYPED_TEST_P(DirectoryChangesContract, TheChildrenOfAMovedUnitAreNotToldButItIs) {
  const std::string unit = this->add("OU=inner," + this->ou_, {{"objectClass", {"organizationalUnit"}}});
  const std::string kid =
      this->add("CN=kid,OU=inner," + this->ou_, {{"objectClass", {"user"}}, {"sAMAccountName", {this->sam("kid")}}});
  this->changes();
  const std::string outside = this->dn_of(this->elsewhere_);
  ASSERT_EQ(this->tried(this->moving(unit, "OU=inner," + this->ou_, "OU=outer", outside)), "");
  const DirectoryChanges changes = this->changes();
  EXPECT_EQ(this->changed_ids(changes), std::set<std::string>{unit});
  EXPECT_EQ(changes.changed.front().dn, "OU=outer," + outside);
  EXPECT_EQ(this->dn_of(kid), "CN=kid,OU=outer," + outside);
}

TYPED_TEST_P(DirectoryChangesContract, OneMemberMoreBringsALargeGroupWithAllOfItsMembers) {
  constexpr std::size_t kMembers = 720;  // more than a range of the world over Samba
  std::vector<DirectoryWrite> writes;
  for (std::size_t i = 0; i < kMembers; ++i) {
    const std::string name = "m" + std::to_string(i);
    writes.push_back(this->adding(this->dn(name), {{"objectClass", {"group"}}, {"sAMAccountName", {this->sam(name)}}}));
  }
  Strings members;
  for (const auto& id : this->directory().write(writes, this->deadline()))
    members.push_back("<GUID=" + id.value_or("") + ">");
  const std::string group = this->add_group("big"), ann = this->add_user("ann");
  ASSERT_EQ(this->tried(this->changing(group, {{Modification::Op::add, "member", members, {}}})), "");
  EXPECT_EQ(this->changes().changed.size(), kMembers + 2);
  ASSERT_EQ(this->tried(this->changing(group, {{Modification::Op::add, "member", {"<GUID=" + ann + ">"}, {}}})), "");
  const DirectoryChanges changes = this->changes();
  ASSERT_EQ(this->changed_ids(changes), std::set<std::string>{group}) << "a member's memberOf is no change of it";
  const Attribute& all = changes.changed.front().attributes.at("member");
  EXPECT_EQ(all.reading, Reading::present);
  EXPECT_EQ(std::set<std::string>(all.values.begin(), all.values.end()).size(), kMembers + 1);
}

TYPED_TEST_P(DirectoryChangesContract, AMemberThatIsDeletedOrRenamedDoesNotBringItsGroup) {
  const std::string ann = this->add_user("ann"), bob = this->add_user("bob"), group = this->add_group("team");
  const Strings both = {"<GUID=" + ann + ">", "<GUID=" + bob + ">"};
  ASSERT_EQ(this->tried(this->changing(group, {{Modification::Op::add, "member", both, {}}})), "");
  this->changes();
  ASSERT_EQ(this->tried(this->removing(ann)), "");
  ASSERT_EQ(this->tried(this->moving(bob, this->dn("bob"), "CN=Robert", "")), "");
  const DirectoryChanges changes = this->changes();
  EXPECT_EQ(this->changed_ids(changes), std::set<std::string>{bob});
  EXPECT_EQ(changes.removed, Strings{ann});
  EXPECT_EQ(this->values(group, "member"), Strings{"CN=Robert," + this->ou_});
}

TYPED_TEST_P(DirectoryChangesContract, WhatChangesWhileEverythingIsReadIsToldAfterwards) {
  const std::string ann = this->add_user("ann");
  this->follow_from_now();
  const auto read = this->directory().read_all(this->scope_, this->deadline());
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(this->tried(this->changing(ann, {{Modification::Op::replace, "title", {"late"}, {}}})), "");
  const std::string bob = this->add_user("bob");
  EXPECT_EQ(this->changed_ids(this->changes()), (std::set<std::string>{ann, bob}));
}

TYPED_TEST_P(DirectoryChangesContract, WhatIsNoCursorOfThisServerIsAConflict) {
  this->add_user("ann");
  this->changes();
  EXPECT_EQ(this->fault_of(""), "conflict");
  EXPECT_EQ(this->fault_of("17"), "conflict");
  EXPECT_EQ(this->fault_of("{}"), "conflict");
  EXPECT_EQ(this->fault_of(this->cursor_.substr(1)), "conflict");
  EXPECT_EQ(this->fault_of(this->altered("domain", "3f2504e0-4f89-41d3-9a0c-0305e82c3301")), "conflict");
  EXPECT_EQ(this->fault_of(this->altered("usn", 4'000'000'000)), "conflict") << "a server that was set back";
  EXPECT_EQ(this->fault_of(this->altered("deletions", false)), "conflict");
  EXPECT_EQ(this->fault_of(this->cursor_), "");
}

TYPED_TEST_P(DirectoryChangesContract, SaysWhetherWhoAnswersIsWhoTheCursorIsOf) {
  const auto continues = [&](const std::string& cursor) {
    const auto answer = this->directory().continues(cursor, this->deadline());
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(false);
  };
  const std::string ann = this->add_user("ann");
  this->changes();
  EXPECT_TRUE(continues(this->cursor_));
  ASSERT_EQ(this->tried(this->changing(ann, {{Modification::Op::replace, "title", {"b"}, {}}})), "");
  EXPECT_TRUE(continues(this->cursor_)) << "it went on from there";
  EXPECT_FALSE(continues(""));
  EXPECT_FALSE(continues(this->altered("server", "3f2504e0-4f89-41d3-9a0c-0305e82c3301")));
  EXPECT_FALSE(continues(this->altered("usn", 4'000'000'000))) << "a server that was set back";
}

TYPED_TEST_P(DirectoryChangesContract, TheHistorySaysWhatWasChangedWhenAndWhere) {
  const std::string ann = this->add_user("ann", {{"title", {"a"}}});
  const auto find = [&](const std::string& name) {
    const auto history = this->directory().history(ann, this->deadline());
    EXPECT_TRUE(history) << history.error().message;
    for (const AttributeHistory& row : history.value_or(std::vector<AttributeHistory>{}))
      if (row.attribute == name) return row;
    return AttributeHistory{};
  };
  const AttributeHistory first = find("title"), account = find("sAMAccountName");
  ASSERT_EQ(first.attribute, "title");
  EXPECT_EQ(account.attribute, "sAMAccountName");
  ASSERT_EQ(this->tried(this->changing(ann, {{Modification::Op::replace, "title", {"b"}, {}}})), "");
  const AttributeHistory second = find("title");
  EXPECT_EQ(second.version, first.version + 1);
  EXPECT_GE(second.changed, first.changed);
  const auto about = this->directory().about(this->deadline());
  EXPECT_TRUE(equals_ignoring_case(second.server, about->server.substr(0, second.server.size()))) << second.server;
  EXPECT_EQ(find("sAMAccountName").version, account.version) << "nobody touched it";
  EXPECT_FALSE(this->directory().history("3f2504e0-4f89-41d3-9a0c-0305e82c3301", this->deadline()).has_value());
}

REGISTER_TYPED_TEST_SUITE_P(DirectoryChangesContract, SaysWhichServerAnswersAndThatDeletionsAreSeen,
                            WhereNothingChangedThereAreNoEntriesAndTheCursorIsTheSame,
                            WhatIsCreatedAndModifiedComesWholeAndOnce, ClassesThatAreNotAskedForDoNotCome,
                            WhatIsRenamedOrMovedComesFromWhereItIsNowAlsoOutOfAndIntoTheBases,
                            WhatIsDeletedComesByItsIdOnce, TheChildrenOfAMovedUnitAreNotToldButItIs,
                            OneMemberMoreBringsALargeGroupWithAllOfItsMembers,
                            AMemberThatIsDeletedOrRenamedDoesNotBringItsGroup,
                            WhatChangesWhileEverythingIsReadIsToldAfterwards, WhatIsNoCursorOfThisServerIsAConflict,
                            SaysWhetherWhoAnswersIsWhoTheCursorIsOf, TheHistorySaysWhatWasChangedWhenAndWhere);

}  // namespace plumb::test
