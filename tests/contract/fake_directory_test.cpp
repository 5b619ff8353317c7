// The fake directory's own: where it is stricter than Samba, and the faults it can be told to show.
#include "tests/support/fake_directory.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace plumb::test {
namespace {

using Kind = DirectoryWrite::Kind;
using Op = Modification::Op;

DirectoryWrite change(const std::string& id, const std::string& attribute, const std::string& value) {
  return {Kind::modify, id, "", {{Op::replace, attribute, {value}, nullptr}}, "", ""};
}

class FakeDirectoryTest : public testing::Test {
 protected:
  std::vector<std::string> faults(const std::vector<DirectoryWrite>& writes) {
    std::vector<std::string> texts;
    for (const auto& answer : directory_.write(writes, Deadline::never()))
      texts.emplace_back(answer ? "" : to_string(answer.error().fault));
    return texts;
  }
  std::string fault(const DirectoryWrite& write) { return faults({write}).front(); }

  FakeDirectory directory_{7};
  std::string ou_ = directory_.add_ou("People");
  std::string ann_ = directory_.add_user("ann", ou_, {{"title", {"a"}}});
  std::string bob_ = directory_.add_user("bob", ou_);
};

using Strings = std::vector<std::string>;

TEST_F(FakeDirectoryTest, HasTheWellKnownObjectsAndGivesTheSameIdsForTheSameSeed) {
  const FakeDirectory other(7), different(8);
  EXPECT_TRUE(directory_.value("Administrator", "objectSid").ends_with("-500"));
  EXPECT_TRUE(directory_.value("krbtgt", "objectSid").ends_with("-502"));
  EXPECT_TRUE(directory_.value("Domain Admins", "objectSid").ends_with("-512"));
  EXPECT_EQ(directory_.value("DC1$", "userAccountControl"), "532480");
  EXPECT_EQ(directory_.value("Domain Admins", "adminCount"), "1");
  EXPECT_EQ(other.id_of("krbtgt"), directory_.id_of("krbtgt"));
  EXPECT_NE(different.id_of("krbtgt"), directory_.id_of("krbtgt"));
}

TEST_F(FakeDirectoryTest, RefusesWhatWindowsRefusesAndSambaTakes) {
  DirectoryWrite add{Kind::add, "", "CN=new,OU=People,DC=ad,DC=test", {}, "", ""};
  add.changes = {{Op::add, "objectClass", {"user"}, nullptr},
                 {Op::add, "sAMAccountName", {"new"}, nullptr},
                 {Op::add, "userAccountControl", {"512"}, nullptr}};
  EXPECT_EQ(fault(add), "invalid") << "enabled without a password";
  add.changes[2].values = {"544"};
  EXPECT_EQ(fault(add), "") << "unless none is required";
  EXPECT_EQ(fault(change(ann_, "sAMAccountName", "x23456789012345678901")), "invalid");
  EXPECT_EQ(fault(change(ann_, "userAccountControl", "abc")), "invalid");
  EXPECT_EQ(fault(change(ann_, "lockoutTime", "5")), "invalid");
  EXPECT_EQ(fault({Kind::move, ann_, "", {}, "CN=" + std::string(65, 'x'), ""}), "invalid");
}

TEST_F(FakeDirectoryTest, MembersOfTheirPrimaryGroupAreNotAddedToIt) {
  DirectoryWrite add{Kind::modify, directory_.id_of("Domain Users"), "", {}, "", ""};
  add.changes = {{Op::add, "member", {"<GUID=" + ann_ + ">"}, nullptr}};
  EXPECT_EQ(fault(add), "conflict");
}

TEST_F(FakeDirectoryTest, AWriteThatTimesOutWasDoneAndOneThatFailsWasNot) {
  directory_.timeout_after_write(1);
  EXPECT_EQ(fault(change(ann_, "title", "b")), "timeout");
  EXPECT_EQ(directory_.value("ann", "title"), "b");
  directory_.fail_write(2, Fault::denied);
  EXPECT_EQ(faults({change(ann_, "title", "c"), change(bob_, "title", "c")}), (Strings{"", "denied"}));
  EXPECT_EQ(directory_.value("bob", "title"), "");
  directory_.drop_connection_at_write(2);
  EXPECT_EQ(faults({change(ann_, "title", "d"), change(bob_, "title", "d"), change(bob_, "sn", "d")}),
            (Strings{"", "unavailable", "unavailable"}));
  ASSERT_EQ(directory_.log().size(), 3U);
  EXPECT_EQ(directory_.log().back().id, ann_);
}

TEST_F(FakeDirectoryTest, HidesTruncatesAndFailsReadsUntilItIsRevealed) {
  const std::string group = directory_.add_group("g", ou_, {"ann", "bob"});
  const ReadScope scope{{"OU=People,DC=ad,DC=test"}, {}, {"member"}};
  const auto count = [&] {
    const auto read = directory_.read_all(scope, Deadline::never());
    return read ? static_cast<int>((*read)->size()) : -1;
  };
  EXPECT_EQ(count(), 4);
  directory_.hide("ann");
  EXPECT_EQ(count(), 3);
  EXPECT_EQ(fault(change(ann_, "title", "x")), "not_found");
  directory_.truncate("g", "member");
  const auto read = directory_.read_all(scope, Deadline::never());
  const Attribute& member = (*read)->back().attributes.at("member");
  EXPECT_EQ(member.reading, Reading::truncated);
  EXPECT_EQ(member.values.size(), 1U);
  directory_.fail_read(2, Fault::timeout);
  EXPECT_EQ(count(), 3);
  EXPECT_EQ(count(), -1);
  directory_.reveal("ann");
  EXPECT_EQ(count(), 4);
  directory_.hide(ou_);
  EXPECT_EQ(count(), -1);
}

TEST_F(FakeDirectoryTest, TheRefereeSeesWhatIsAboutToBeWrittenAndTheCrashHookMayThrow) {
  std::vector<std::string> seen;
  directory_.referee = [&](const DirectoryWrite&, const std::optional<Entry>& entry) {
    seen.push_back(entry ? entry->dn : "new");
  };
  EXPECT_EQ(fault(change(ann_, "title", "b")), "");
  EXPECT_EQ(seen, Strings{"CN=ann,OU=People,DC=ad,DC=test"});
  int left = 2;
  directory_.crash_point = [&](FakeDirectory::Moment, const DirectoryWrite&) {
    if (--left == 0) throw std::runtime_error("crash");
  };
  EXPECT_THROW(fault(change(ann_, "title", "c")), std::runtime_error);
  EXPECT_EQ(directory_.value("ann", "title"), "c") << "it crashed after the write";
}

TEST_F(FakeDirectoryTest, EditsBySomeoneElseAreNotLoggedAndRaiseTheVersion) {
  const auto before = directory_.entry("ann")->version;
  directory_.set("ann", "manager", {"bob"});
  EXPECT_NE(directory_.entry("ann")->version, before);
  directory_.move("bob", "CN=Robert", "CN=Users,DC=ad,DC=test");
  EXPECT_EQ(directory_.value("ann", "manager"), "CN=Robert,CN=Users,DC=ad,DC=test");
  directory_.remove("bob");
  EXPECT_EQ(directory_.value("ann", "manager"), "");
  EXPECT_TRUE(directory_.log().empty());
  EXPECT_THROW(directory_.set("nobody", "title", {"x"}), std::logic_error);
}

TEST_F(FakeDirectoryTest, EqualContentHasAnEqualDump) {
  FakeDirectory other(99);
  other.add_ou("People");
  other.add_user("bob", "OU=People,DC=ad,DC=test");
  other.add_user("ann", "OU=People,DC=ad,DC=test", {{"title", {"a"}}});
  EXPECT_EQ(other.dump(), directory_.dump());
  other.set("ann", "title", {"b"});
  EXPECT_NE(other.dump(), directory_.dump());
}

}  // namespace
}  // namespace plumb::test
