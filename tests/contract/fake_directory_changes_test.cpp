// The fake directory's own: what tests can do to a domain controller that is followed.
#include <gmock/gmock.h>

#include "tests/support/fake_directory_switch.h"

namespace plumb::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Restored = FakeDirectory::Restored;

class FollowingTheFake : public testing::Test {
 protected:
  std::string cursor() { return directory_.cursor(Deadline::never()).value(); }
  Result<DirectoryChanges> since(const std::string& cursor) {
    return directory_.changes_since(cursor, {{}, {"user", "group"}, {"title", "member"}}, Deadline::never());
  }
  std::vector<std::string> changed(const std::string& cursor) {
    const auto answer = since(cursor);
    std::vector<std::string> names;
    if (!answer) return {answer.error().message};
    for (const Entry& entry : answer->changed) names.push_back(entry.dn.substr(3, entry.dn.find(',') - 3));
    return names;
  }
  std::string fault(const std::string& cursor) {
    const auto answer = since(cursor);
    return answer ? "" : answer.error().message;
  }

  FakeDirectory dc1_{3};
  std::string ou_ = dc1_.add_ou("People");
  std::string ann_ = dc1_.add_user("ann", ou_, {{"title", {"a"}}});
  std::string bob_ = dc1_.add_user("bob", ou_);
  FakeDirectorySwitch directory_{dc1_};
};

TEST_F(FollowingTheFake, ANumberThatRisesForNothingCostsNothingButANewCursor) {
  const std::string before = cursor();
  dc1_.bump_usn(5);
  const auto answer = since(before);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->changed, IsEmpty());
  EXPECT_NE(answer->cursor, before);
  dc1_.bump("ann");
  EXPECT_THAT(changed(answer->cursor), ElementsAre("ann"));
}

TEST_F(FollowingTheFake, DeletionsCanBeHiddenAndThatIsAConflictForCursorsThatKnewThem) {
  const std::string seeing = cursor();
  dc1_.hide_deletions = true;
  EXPECT_FALSE(directory_.about(Deadline::never())->sees_deletions);
  EXPECT_NE(fault(seeing), "");
  const std::string blind = cursor();
  dc1_.remove("ann");
  EXPECT_THAT(since(blind)->removed, IsEmpty());
}

TEST_F(FollowingTheFake, CursorsCanBeForgotten) {
  const std::string before = cursor();
  dc1_.forget_cursors();
  EXPECT_NE(fault(before), "");
  EXPECT_EQ(fault(cursor()), "");
}

TEST_F(FollowingTheFake, ACopyThatIsRestoredIsNoticedAlsoWhenItHasGoneOnSince) {
  const FakeDirectory backup = dc1_;
  dc1_.set("ann", "title", {"b"});
  const std::string lost = dc1_.add_user("eve", ou_), before = cursor();
  dc1_.restore(backup, Restored::as_a_copy);
  EXPECT_NE(dc1_.add_user("eve", ou_), lost) << "an id is never used twice";
  dc1_.restore(backup, Restored::as_a_copy);
  EXPECT_EQ(dc1_.value("ann", "title"), "a");
  EXPECT_THAT(fault(before), testing::HasSubstr("old copy"));
  for (int i = 0; i < 5; ++i) dc1_.set("bob", "title", {std::to_string(i)});
  EXPECT_THAT(fault(before), testing::HasSubstr("old copy"));
  EXPECT_EQ(fault(cursor()), "");
}

TEST_F(FollowingTheFake, OneThatIsRestoredProperlyIsAnotherServer) {
  const FakeDirectory backup = dc1_;
  const std::string id = dc1_.invocation_id(), before = cursor();
  dc1_.restore(backup, Restored::properly);
  EXPECT_NE(dc1_.invocation_id(), id);
  EXPECT_NE(fault(before), "");
}

TEST_F(FollowingTheFake, ASecondDomainControllerHasNumbersOfItsOwnAndHearsLater) {
  FakeDirectory dc2 = dc1_.replica("dc2.ad.test");
  EXPECT_EQ(dc2.dump(), dc1_.dump());
  const std::string of_dc1 = cursor();
  directory_.connect_to(dc2);
  EXPECT_NE(fault(of_dc1), "");
  const std::string before = cursor();
  dc1_.set("ann", "title", {"b"});
  dc1_.add_user("eve", ou_);
  dc1_.move("bob", "CN=Robert");
  EXPECT_THAT(changed(before), IsEmpty());
  dc2.receive(dc1_);
  EXPECT_THAT(changed(before), UnorderedElementsAre("ann", "eve", "Robert"));
  EXPECT_EQ(dc2.dump(), dc1_.dump());
  const std::string after = cursor();
  dc2.receive(dc1_);
  EXPECT_EQ(since(after)->cursor, after) << "nothing new was received";
  dc1_.remove("ann");
  dc2.receive(dc1_);
  EXPECT_THAT(since(after)->removed, ElementsAre(ann_));
}

TEST_F(FollowingTheFake, ReplicationGoesBothWaysAndTheLaterChangeOfAnAttributeWins) {
  FakeDirectory dc2 = dc1_.replica("dc2.ad.test");
  dc1_.add_group("team", ou_, {"ann"});
  dc2.receive(dc1_);
  dc1_.set("ann", "title", {"first"});
  dc1_.set("team", "member", {"ann", "bob"});
  dc2.now = SystemTime(std::chrono::seconds(1));
  dc2.set("ann", "title", {"second"});
  dc2.set("ann", "department", {"d"});
  dc2.set("team", "member", std::vector<std::string>{});
  dc1_.receive(dc2);
  dc2.receive(dc1_);
  EXPECT_EQ(dc1_.value("ann", "title"), "second");
  EXPECT_EQ(dc1_.value("ann", "department"), "d");
  EXPECT_THAT(dc1_.values("team", "member"), ElementsAre("CN=bob,OU=People,DC=ad,DC=test"))
      << "values of links are merged one by one";
  EXPECT_EQ(dc1_.dump(), dc2.dump());
}

TEST_F(FollowingTheFake, TwoOfOneNameMadeOnTwoServersAreBothKept) {
  FakeDirectory dc2 = dc1_.replica("dc2.ad.test");
  const std::string here = dc1_.add_ou("New", ou_), there = dc2.add_ou("New", ou_);
  ASSERT_NE(here, there);
  dc1_.receive(dc2);
  EXPECT_EQ(dc1_.entry(here)->dn, "OU=New,OU=People,DC=ad,DC=test");
  EXPECT_NE(dc1_.entry(there)->dn.find("CNF:" + there), std::string::npos);
}

TEST_F(FollowingTheFake, TheHistoryNamesTheServerThatAChangeWasMadeOn) {
  FakeDirectory dc2 = dc1_.replica("dc2.ad.test");
  dc2.now = SystemTime(std::chrono::seconds(77));
  dc2.set("ann", "title", {"b"});
  const std::string team = dc2.add_group("team", ou_, {"ann"});
  dc2.set("team", "member", std::vector<std::string>{});
  dc1_.receive(dc2);
  const auto row_of = [&](const std::string& id, const std::string& name) {
    const auto all = directory_.history(id, Deadline::never());
    for (const AttributeHistory& row : *all)
      if (row.attribute == name) return row;
    return AttributeHistory{};
  };
  const AttributeHistory title = row_of(ann_, "title"), member = row_of(team, "member");
  EXPECT_EQ(title.server, "dc2.ad.test");
  EXPECT_EQ(title.changed, dc2.now);
  EXPECT_EQ(member.value, "CN=ann,OU=People,DC=ad,DC=test");
  EXPECT_TRUE(member.removed);
  EXPECT_EQ(row_of(bob_, "sAMAccountName").server, "dc1.ad.test");
}

TEST_F(FollowingTheFake, TheWatchWakesForWhatChangedSinceItWasAsked) {
  FakeDirectoryWatch watch(dc1_);
  const std::stop_source stop;
  const auto wait = [&] { return watch.wait(Deadline::never(), stop.get_token()); };
  EXPECT_TRUE(wait().value());
  EXPECT_FALSE(wait().value());
  dc1_.set("ann", "title", {"b"});
  EXPECT_TRUE(wait().value());
  dc1_.down = true;
  EXPECT_FALSE(wait());
}

}  // namespace
}  // namespace plumb::test
