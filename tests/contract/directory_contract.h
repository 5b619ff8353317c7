#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/model/dn.h"
#include "controller/ports/directory.h"

// What every Directory must do. A World gives one to try it on:
//   struct World { void SetUp(); Directory& directory(); std::string domain(); bool accepts(upn, password); };
namespace plumb::test {

inline std::string text_of(Fault fault) { return std::string(to_string(fault)); }

template <class World>
class DirectoryContract : public testing::Test {
 protected:
  using Kind = DirectoryWrite::Kind;
  using Op = Modification::Op;

  void SetUp() override {
    world_.SetUp();
    if (testing::Test::IsSkipped() || testing::Test::HasFatalFailure()) return;
    static std::atomic<int> count{0};
    number_ = std::to_string(++count) + World::kName;
    ou_ = "OU=contract" + number_ + "," + world_.domain();
    ou_id_ = add(ou_, {{"objectClass", {"organizationalUnit"}}});
    ASSERT_FALSE(ou_id_.empty());
  }

  using Values = std::vector<std::pair<std::string, std::vector<std::string>>>;
  Directory& directory() { return world_.directory(); }
  Deadline deadline() { return Deadline::in(clock_, std::chrono::seconds(60)); }
  std::string sam(const std::string& name) { return name + number_; }
  std::string dn(const std::string& name) { return rdn_text("CN", name) + "," + ou_; }

  static DirectoryWrite adding(const std::string& dn, const Values& values) {
    DirectoryWrite write{Kind::add, "", dn, {}, "", ""};
    for (const auto& [name, texts] : values) write.changes.push_back({Op::add, name, texts, nullptr});
    return write;
  }
  static DirectoryWrite changing(const std::string& id, std::vector<Modification> changes) {
    return {Kind::modify, id, "", std::move(changes), "", ""};
  }
  static DirectoryWrite moving(const std::string& id, const std::string& dn, const std::string& rdn,
                               const std::string& parent = "") {
    return {Kind::move, id, dn, {}, rdn, parent};
  }
  static DirectoryWrite removing(const std::string& id) { return {Kind::remove, id, "", {}, "", ""}; }

  Result<std::string> write(const DirectoryWrite& one) {
    auto answers = directory().write(std::span(&one, 1), deadline());
    EXPECT_EQ(answers.size(), 1U);
    return std::move(answers.front());
  }
  // "" if it was done, else the fault.
  std::string tried(const DirectoryWrite& one) {
    const auto answer = write(one);
    return answer ? "" : text_of(answer.error().fault);
  }
  std::string add(const std::string& where, const Values& values) {
    const auto answer = write(adding(where, values));
    EXPECT_TRUE(answer) << where << ": " << answer.error().message;
    return answer.value_or("");
  }
  std::string add_user(const std::string& name, Values more = {}) {
    more.push_back({"objectClass", {"user"}});
    more.push_back({"sAMAccountName", {sam(name)}});
    return add(dn(name), more);
  }
  // Users "<beginning>0" and so on.
  void add_users(const std::string& beginning, int count) {
    std::vector<DirectoryWrite> writes;
    for (int i = 0; i < count; ++i) {
      const std::string name = beginning + std::to_string(i);
      writes.push_back(adding(dn(name), {{"objectClass", {"user"}}, {"sAMAccountName", {sam(name)}}}));
    }
    for (const auto& answer : directory().write(writes, deadline())) EXPECT_TRUE(answer);
  }
  std::string add_group(const std::string& name, Values more = {}) {
    more.push_back({"objectClass", {"group"}});
    more.push_back({"sAMAccountName", {sam(name)}});
    return add(dn(name), more);
  }
  std::vector<Entry> find(const std::string& attribute, std::vector<std::string> values,
                          std::vector<std::string> fetch = {}) {
    const auto found = directory().find(attribute, values, fetch, deadline());
    EXPECT_TRUE(found) << found.error().message;
    return found.value_or(std::vector<Entry>{});
  }
  std::vector<std::string> values(const std::string& id, const std::string& attribute) {
    const auto found = find("objectGUID", {id}, {attribute});
    if (found.size() != 1) return {"(no such object)"};
    const auto at = found.front().attributes.find(attribute);
    if (at == found.front().attributes.end()) return {};
    auto texts = at->second.values;
    std::sort(texts.begin(), texts.end());
    return texts;
  }
  std::string dn_of(const std::string& id) {
    const auto found = find("objectGUID", {id});
    return found.size() == 1 ? found.front().dn : "";
  }

  RealClock clock_;
  World world_;
  std::string number_, ou_, ou_id_;
};

using Strings = std::vector<std::string>;

TYPED_TEST_SUITE_P(DirectoryContract);

TYPED_TEST_P(DirectoryContract, SaysWhichDomainItIsAndWhoWeAre) {
  const auto about = this->directory().about(this->deadline());
  ASSERT_TRUE(about) << about.error().message;
  EXPECT_EQ(about->domain_dn, this->world_.domain());
  EXPECT_TRUE(about->domain_sid.starts_with("S-1-5-21-")) << about->domain_sid;
  EXPECT_TRUE(about->encrypted);
  EXPECT_EQ(this->dn_of(about->bound_as_id), about->bound_as_dn);
  EXPECT_FALSE(about->bound_as_dn.empty());
}

TYPED_TEST_P(DirectoryContract, ANewEntryIsFoundByTheIdThatAddingItGave) {
  const std::string id = this->add_user("ann", {{"title", {"x"}}});
  const auto found = this->find("objectGUID", {id}, {"title", "objectSid", "userAccountControl", "department"});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, id);
  EXPECT_EQ(found[0].dn, this->dn("ann"));
  EXPECT_FALSE(found[0].version.empty());
  EXPECT_EQ(found[0].attributes.at("TITLE").values, Strings{"x"});
  EXPECT_TRUE(found[0].attributes.at("objectSid").values.front().starts_with("S-1-5-21-"));
  EXPECT_EQ(found[0].attributes.at("userAccountControl").values, Strings{"546"});
  EXPECT_FALSE(found[0].attributes.contains("department"));
  EXPECT_EQ(found[0].attributes.at("objectClass").values.size(), 4U);
}

TYPED_TEST_P(DirectoryContract, FindsByManyValuesAndLeavesOutWhatIsNotThere) {
  const std::string ann = this->add_user("ann");
  const std::string bob =
      this->add(this->dn("bob*(\\)"), {{"objectClass", {"user"}}, {"sAMAccountName", {this->sam("bob")}}});
  EXPECT_EQ(this->find("sAMAccountName", {this->sam("ANN"), this->sam("nobody")}).size(), 1U);
  EXPECT_EQ(this->find("cn", {"bob*(\\)"}).size(), 1U);
  EXPECT_EQ(this->find("distinguishedName", {this->dn("ann"), this->dn("nobody"), this->ou_}).size(), 2U);
  EXPECT_EQ(this->find("objectGUID", {ann, bob, "00000000-0000-0000-0000-000000000000"}).size(), 2U);
  EXPECT_EQ(this->find("objectGUID", {"not an id"}).size(), 0U);
  EXPECT_EQ(this->find("sAMAccountName", {}).size(), 0U);
}

TYPED_TEST_P(DirectoryContract, ReadsEverythingOfAScopeAndItsBase) {
  this->add_users("u", 40);
  this->add_group("g");
  const auto users = this->directory().read_all({{this->ou_}, {"user"}, {"cn"}}, this->deadline());
  ASSERT_TRUE(users) << users.error().message;
  EXPECT_EQ((*users)->size(), 41U);
  EXPECT_TRUE(std::any_of((*users)->begin(), (*users)->end(), [&](const Entry& e) { return e.id == this->ou_id_; }));
  const auto all = this->directory().read_all({{this->ou_, this->ou_}, {}, {}}, this->deadline());
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ((*all)->size(), 42U);
  EXPECT_FALSE(all->evidence().empty());
}

TYPED_TEST_P(DirectoryContract, ReadsTheSamePageByPageWhileOtherThingsAreDone) {
  this->add_users("p", 60);
  const std::string group = this->add_group("g");
  const ReadScope scope{{this->ou_}, {}, {"cn"}};
  const auto cursor = this->directory().cursor(this->deadline());
  ASSERT_TRUE(cursor) << cursor.error().message;
  const auto pages = this->directory().read_pages(scope, 3);
  std::set<std::string> ids;
  std::size_t count = 0, number = 0;
  for (bool more = true; more; ++number) {
    auto page = pages->next(this->deadline());
    ASSERT_TRUE(page) << page.error().message;
    more = page->has_value();
    const std::vector<Entry> entries = page->value_or(std::vector<Entry>{});
    EXPECT_LE(entries.size(), 3U);
    for (const Entry& entry : entries) ++count, ids.insert(entry.id);
    // More searches of several pages than a server keeps the places of, and writes.
    EXPECT_TRUE(this->directory().read_all(scope, this->deadline()));
    EXPECT_TRUE(this->directory().changes_since(*cursor, scope, this->deadline()));
    EXPECT_EQ(this->tried(this->changing(
                  group, {{Modification::Op::replace, "description", {"t" + std::to_string(number)}, {}}})),
              "");
  }
  EXPECT_EQ(count, 62U);
  EXPECT_EQ(ids.size(), 62U);
  EXPECT_GE(number, 20U);
  const auto again = pages->next(this->deadline());
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->has_value());
}

TYPED_TEST_P(DirectoryContract, NoPageIsGivenIfABaseIsMissing) {
  const auto pages = this->directory().read_pages({{"OU=missing," + this->ou_}, {}, {}}, 10);
  const auto page = pages->next(this->deadline());
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().fault, Fault::not_found) << page.error().message;
}

TYPED_TEST_P(DirectoryContract, ReadsNothingAtAllIfOneBaseIsMissing) {
  const auto read = this->directory().read_all({{this->ou_, "OU=missing," + this->ou_}, {}, {}}, this->deadline());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().fault, Fault::not_found) << read.error().message;
}

TYPED_TEST_P(DirectoryContract, AModifyIsDoneOnlyIfTheOldValueIsStillThere) {
  const std::string id = this->add_user("ann", {{"title", {"a"}}});
  EXPECT_EQ(this->tried(this->changing(
                id, {{Modification::Op::add, "title", {"b"}, {}}, {Modification::Op::remove, "title", {"a"}, {}}})),
            "");
  EXPECT_EQ(this->tried(this->changing(
                id, {{Modification::Op::remove, "title", {"a"}, {}}, {Modification::Op::add, "title", {"c"}, {}}})),
            "conflict");
  EXPECT_EQ(this->tried(this->changing(id, {{Modification::Op::add, "title", {"c"}, {}}})), "conflict");
  EXPECT_EQ(this->tried(this->changing(id, {{Modification::Op::remove, "department", {}, {}}})), "conflict");
  EXPECT_EQ(this->values(id, "title"), Strings{"b"});
}

TYPED_TEST_P(DirectoryContract, AModifyIsDoneAsAWholeOrNotAtAll) {
  const std::string id = this->add_user("ann", {{"title", {"a"}}, {"department", {"d"}}});
  EXPECT_EQ(this->tried(this->changing(id, {{Modification::Op::remove, "title", {"a"}, {}},
                                            {Modification::Op::add, "title", {"b"}, {}},
                                            {Modification::Op::remove, "department", {"stale"}, {}},
                                            {Modification::Op::add, "department", {"e"}, {}}})),
            "conflict");
  EXPECT_EQ(this->values(id, "title"), Strings{"a"});
  EXPECT_EQ(this->values(id, "department"), Strings{"d"});
}

TYPED_TEST_P(DirectoryContract, ReplacingWithTheSameValueDoesNotChangeTheVersion) {
  const std::string id = this->add_user("ann", {{"title", {"a"}}});
  const auto before = this->find("objectGUID", {id}).at(0).version;
  EXPECT_EQ(this->tried(this->changing(id, {{Modification::Op::replace, "title", {"a"}, {}}})), "");
  EXPECT_EQ(this->find("objectGUID", {id}).at(0).version, before);
  EXPECT_EQ(this->tried(this->changing(id, {{Modification::Op::replace, "title", {"A"}, {}}})), "");
  EXPECT_EQ(this->values(id, "title"), Strings{"A"});
  EXPECT_EQ(this->tried(this->changing(id, {{Modification::Op::replace, "title", {}, {}}})), "");
  EXPECT_EQ(this->values(id, "title"), Strings{});
}

TYPED_TEST_P(DirectoryContract, NamesThatAreTakenAreConflicts) {
  const std::string ann = this->add_user("ann"), bob = this->add_user("bob");
  const auto user = [&](const std::string& cn, const std::string& sam) {
    return this->adding(this->dn(cn), {{"objectClass", {"user"}}, {"sAMAccountName", {sam}}});
  };
  EXPECT_EQ(this->tried(user("ANN", this->sam("other"))), "conflict");
  EXPECT_EQ(this->tried(user("other", this->sam("Ann"))), "conflict");
  EXPECT_EQ(this->tried(this->moving(bob, this->dn("bob"), "CN=ann")), "conflict");
  EXPECT_EQ(this->tried(this->changing(bob, {{Modification::Op::replace, "sAMAccountName", {this->sam("ann")}, {}}})),
            "conflict");
  EXPECT_TRUE(this->find("sAMAccountName", {this->sam("other")}).empty());
}

TYPED_TEST_P(DirectoryContract, APrincipalNameThatIsTakenIsInvalid) {
  this->add_user("ann", {{"userPrincipalName", {this->sam("ann") + "@ad.test"}}});
  const std::string bob = this->add_user("bob");
  EXPECT_EQ(this->tried(this->changing(
                bob, {{Modification::Op::add, "userPrincipalName", {this->sam("Ann") + "@ad.test"}, {}}})),
            "invalid");
}

TYPED_TEST_P(DirectoryContract, WhatTheSchemaDoesNotAllowIsInvalid) {
  const std::string id = this->add_user("ann");
  const auto replacing = [&](const std::string& name, Strings texts) {
    return this->tried(this->changing(id, {{Modification::Op::replace, name, std::move(texts), {}}}));
  };
  EXPECT_EQ(replacing("noSuchThing", {"x"}), "invalid");
  EXPECT_EQ(replacing("employeeID", {"12345678901234567"}), "invalid");
  EXPECT_EQ(replacing("accountExpires", {"soon"}), "invalid");
  EXPECT_EQ(replacing("title", {""}), "invalid");
  EXPECT_EQ(replacing("manager", {"nobody"}), "invalid");
  EXPECT_EQ(replacing("memberOf", {this->ou_}), "invalid");
  EXPECT_EQ(replacing("objectGUID", {"x"}), "invalid");
  EXPECT_EQ(replacing("pwdLastSet", {"5"}), "invalid");
  EXPECT_EQ(replacing("cn", {"other"}), "invalid");
  EXPECT_EQ(this->tried(this->adding(this->dn("x"), {{"objectClass", {"noSuchClass"}}})), "invalid");
  EXPECT_EQ(this->tried(this->adding("CN=below," + this->dn("ann"),
                                     {{"objectClass", {"user"}}, {"sAMAccountName", {this->sam("below")}}})),
            "invalid");
}

TYPED_TEST_P(DirectoryContract, WhatIsNotThereIsNotFound) {
  const std::string nobody = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
  EXPECT_EQ(this->tried(this->changing(nobody, {{Modification::Op::replace, "title", {"x"}, {}}})), "not_found");
  EXPECT_EQ(this->tried(this->moving(nobody, this->dn("x"), "CN=x", this->ou_)), "not_found");
  EXPECT_EQ(this->tried(this->moving(nobody, this->dn("x"), "CN=y")), "not_found");
  EXPECT_EQ(this->tried(this->removing(nobody)), "not_found");
  EXPECT_EQ(this->tried(this->adding("CN=x,OU=missing," + this->ou_,
                                     {{"objectClass", {"user"}}, {"sAMAccountName", {this->sam("x")}}})),
            "not_found");
  const std::string ann = this->add_user("ann");
  EXPECT_EQ(this->tried(this->moving(ann, this->dn("ann"), "CN=ann", "OU=missing," + this->ou_)), "not_found");
}

TYPED_TEST_P(DirectoryContract, MembersAreAddedAndRemovedByIdAndReadAsNames) {
  const std::string ann = this->add_user("ann"), bob = this->add_user("bob");
  const std::string group = this->add_group("g", {{"member", {"<GUID=" + ann + ">"}}});
  const auto member = [&](Modification::Op op, const std::string& value) {
    return this->tried(this->changing(group, {{op, "member", {value}, {}}}));
  };
  EXPECT_EQ(this->values(group, "member"), Strings{this->dn("ann")});
  EXPECT_EQ(member(Modification::Op::add, "<GUID=" + bob + ">"), "");
  EXPECT_EQ(this->values(group, "member"), (Strings{this->dn("ann"), this->dn("bob")}));
  EXPECT_EQ(this->values(bob, "memberOf"), Strings{this->dn("g")});
  EXPECT_EQ(member(Modification::Op::add, "<GUID=" + bob + ">"), "conflict");
  EXPECT_EQ(member(Modification::Op::remove, this->dn("bob")), "");
  EXPECT_EQ(member(Modification::Op::remove, "<GUID=" + bob + ">"), "conflict");
  EXPECT_EQ(member(Modification::Op::add, this->dn("nobody")), "conflict");
  EXPECT_EQ(this->values(group, "member"), Strings{this->dn("ann")});
}

TYPED_TEST_P(DirectoryContract, LinksFollowTheObjectThatTheyName) {
  const std::string ann = this->add_user("ann"), bob = this->add_user("bob", {{"manager", {this->dn("ann")}}});
  const std::string group = this->add_group("g", {{"member", {this->dn("ann")}}});
  EXPECT_EQ(this->tried(this->moving(ann, this->dn("ann"), "CN=Ann\\, the boss")), "");
  EXPECT_EQ(this->values(group, "member").at(0), this->dn_of(ann));
  EXPECT_EQ(this->values(bob, "manager").at(0), this->dn_of(ann));
  EXPECT_EQ(this->dn_of(ann), "CN=Ann\\, the boss," + this->ou_);
  EXPECT_EQ(this->tried(this->removing(ann)), "");
  EXPECT_EQ(this->values(group, "member"), Strings{});
  EXPECT_EQ(this->values(bob, "manager"), Strings{});
}

TYPED_TEST_P(DirectoryContract, AMovedObjectKeepsItsIdAndIsWrittenThroughIt) {
  const std::string ann = this->add_user("ann");
  const std::string below = "OU=below," + this->ou_;
  this->add(below, {{"objectClass", {"organizationalUnit"}}});
  EXPECT_EQ(this->tried(this->moving(ann, this->dn("ann"), "CN=ann", below)), "");
  EXPECT_EQ(this->dn_of(ann), "CN=ann," + below);
  EXPECT_EQ(this->tried(this->changing(ann, {{Modification::Op::add, "title", {"x"}, {}}})), "");
  EXPECT_EQ(this->tried(this->moving(ann, "CN=ann," + below, "CN=Ann")), "");
  EXPECT_EQ(this->dn_of(ann), "CN=Ann," + below);
  EXPECT_EQ(this->tried(this->moving(this->ou_id_, this->ou_, "OU=contract" + this->number_ + "x")), "");
  EXPECT_EQ(this->dn_of(ann), "CN=Ann,OU=below,OU=contract" + this->number_ + "x," + this->world_.domain());
}

TYPED_TEST_P(DirectoryContract, NothingIsMovedBelowItself) {
  const std::string below = "OU=below," + this->ou_;
  this->add(below, {{"objectClass", {"organizationalUnit"}}});
  EXPECT_EQ(this->tried(this->moving(this->ou_id_, this->ou_, "OU=inside", below)), "invalid");
  EXPECT_EQ(this->tried(this->moving(this->ou_id_, this->ou_, "OU=inside", this->ou_)), "invalid");
  EXPECT_EQ(this->dn_of(this->ou_id_), this->ou_);
}

TYPED_TEST_P(DirectoryContract, OnlyALeafIsRemoved) {
  const std::string ann = this->add_user("ann");
  EXPECT_EQ(this->tried(this->removing(this->ou_id_)), "conflict");
  EXPECT_EQ(this->tried(this->removing(ann)), "");
  EXPECT_EQ(this->tried(this->removing(this->ou_id_)), "");
  EXPECT_TRUE(this->find("objectGUID", {ann, this->ou_id_}).empty());
}

TYPED_TEST_P(DirectoryContract, APasswordOpensTheAccountAndIsNeverRead) {
  const auto secret = [](const char* text) { return std::make_shared<const Secret>(std::string(text)); };
  DirectoryWrite add = this->adding(this->dn("ann"), {{"objectClass", {"user"}},
                                                      {"sAMAccountName", {this->sam("ann")}},
                                                      {"userPrincipalName", {this->sam("ann") + "@ad.test"}},
                                                      {"userAccountControl", {"512"}}});
  add.changes.push_back({Modification::Op::add, "unicodePwd", {}, secret("Grün.und.Blau.1")});
  const auto id = this->write(add);
  ASSERT_TRUE(id) << id.error().message;
  EXPECT_TRUE(this->world_.accepts(this->sam("ann") + "@ad.test", "Grün.und.Blau.1"));
  EXPECT_EQ(this->values(*id, "unicodePwd"), Strings{});
  EXPECT_NE(this->values(*id, "pwdLastSet"), Strings{"0"});

  EXPECT_EQ(this->tried(this->changing(*id, {{Modification::Op::replace, "unicodePwd", {}, secret("Neu.und.Gut.2")}})),
            "");
  EXPECT_TRUE(this->world_.accepts(this->sam("ann") + "@ad.test", "Neu.und.Gut.2"));
  EXPECT_FALSE(this->world_.accepts(this->sam("ann") + "@ad.test", "Grün.und.Blau.1"));

  const auto weak =
      this->write(this->changing(*id, {{Modification::Op::replace, "unicodePwd", {}, secret("tooweakby")}}));
  ASSERT_FALSE(weak);
  EXPECT_EQ(weak.error().fault, Fault::invalid);
  EXPECT_EQ(weak.error().message.find("tooweakby"), std::string::npos);
}

TYPED_TEST_P(DirectoryContract, ARefusedAddLeavesNothingBehind) {
  DirectoryWrite add =
      this->adding(this->dn("ann"), {{"objectClass", {"user"}}, {"sAMAccountName", {this->sam("ann")}}});
  add.changes.push_back({Modification::Op::add, "unicodePwd", {}, std::make_shared<const Secret>(std::string("weak"))});
  EXPECT_EQ(this->tried(add), "invalid");
  EXPECT_TRUE(this->find("distinguishedName", {this->dn("ann")}).empty());
}

TYPED_TEST_P(DirectoryContract, TheAnswersAreInTheOrderOfTheWrites) {
  const std::string ann = this->add_user("ann");
  std::vector<DirectoryWrite> writes;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "n" + std::to_string(i);
    if (i % 3 == 0)
      writes.push_back(
          this->changing("3f2504e0-4f89-41d3-9a0c-0305e82c3301", {{Modification::Op::replace, "title", {name}, {}}}));
    else
      writes.push_back(this->adding(this->dn(name), {{"objectClass", {"user"}},
                                                     {"sAMAccountName", {this->sam(name)}},
                                                     {"adminDescription", {"plumbline:test:" + name}}}));
  }
  const auto answers = this->directory().write(writes, this->deadline());
  ASSERT_EQ(answers.size(), writes.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (i % 3 == 0) {
      ASSERT_FALSE(answers[i]);
      EXPECT_EQ(answers[i].error().fault, Fault::not_found);
    } else {
      ASSERT_TRUE(answers[i]) << answers[i].error().message;
      EXPECT_EQ(this->dn_of(*answers[i]), writes[i].dn);
    }
  }
}

TYPED_TEST_P(DirectoryContract, AGroupOfThreeThousandIsReadToItsEnd) {
  constexpr std::size_t kMembers = 3000;
  std::vector<DirectoryWrite> writes;
  // Contacts would do; groups are the cheapest that every implementation knows.
  for (std::size_t i = 0; i < kMembers; ++i) {
    const std::string name = "m" + std::to_string(i);
    writes.push_back(this->adding(this->dn(name), {{"objectClass", {"group"}}, {"sAMAccountName", {this->sam(name)}}}));
  }
  const auto ids = this->directory().write(writes, this->deadline());
  Strings members;
  for (const auto& id : ids) members.push_back("<GUID=" + id.value_or("") + ">");
  const std::string group = this->add_group("big");
  ASSERT_EQ(this->tried(this->changing(group, {{Modification::Op::add, "member", members, {}}})), "");
  EXPECT_EQ(this->values(group, "member").size(), kMembers);
  const auto all = this->directory().read_all({{this->ou_}, {"group"}, {"member"}}, this->deadline());
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ((*all)->size(), kMembers + 2);
  const auto big = std::find_if((*all)->begin(), (*all)->end(), [&](const Entry& e) { return e.id == group; });
  ASSERT_NE(big, (*all)->end());
  const Attribute& member = big->attributes.at("member");
  EXPECT_EQ(member.reading, Reading::present);
  EXPECT_EQ(std::set<std::string>(member.values.begin(), member.values.end()).size(), kMembers);
}

REGISTER_TYPED_TEST_SUITE_P(DirectoryContract, SaysWhichDomainItIsAndWhoWeAre, ANewEntryIsFoundByTheIdThatAddingItGave,
                            FindsByManyValuesAndLeavesOutWhatIsNotThere, ReadsEverythingOfAScopeAndItsBase,
                            ReadsTheSamePageByPageWhileOtherThingsAreDone, NoPageIsGivenIfABaseIsMissing,
                            ReadsNothingAtAllIfOneBaseIsMissing, AModifyIsDoneOnlyIfTheOldValueIsStillThere,
                            AModifyIsDoneAsAWholeOrNotAtAll, ReplacingWithTheSameValueDoesNotChangeTheVersion,
                            NamesThatAreTakenAreConflicts, APrincipalNameThatIsTakenIsInvalid,
                            WhatTheSchemaDoesNotAllowIsInvalid, WhatIsNotThereIsNotFound,
                            MembersAreAddedAndRemovedByIdAndReadAsNames, LinksFollowTheObjectThatTheyName,
                            AMovedObjectKeepsItsIdAndIsWrittenThroughIt, NothingIsMovedBelowItself, OnlyALeafIsRemoved,
                            APasswordOpensTheAccountAndIsNeverRead, ARefusedAddLeavesNothingBehind,
                            TheAnswersAreInTheOrderOfTheWrites, AGroupOfThreeThousandIsReadToItsEnd);

}  // namespace plumb::test
