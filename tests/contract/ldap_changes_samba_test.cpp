// Following a real Samba domain controller: what it costs, with which rights, across restores, and notification.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/contract/directory_samba_world.h"
#include "tests/support/tcp_proxy.h"

namespace plumb::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Follow = ldap::Options::Follow;

class FollowingSamba : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEED_SAMBA();
    secrets_ = samba_secrets();
    options_ = samba_options();
    options_.requests = &requests_;
    admin_ = ldap::make_directory(samba_options(), secrets_, clock_);
    static std::atomic<int> count{0};
    name_ = "follow" + std::to_string(++count);
  }
  std::unique_ptr<Directory> connect() { return ldap::make_directory(options_, secrets_, clock_); }
  Deadline within(Duration span = seconds(20)) { return Deadline::in(clock_, span); }

  static std::string dn(const std::string& name) { return "CN=" + name + ",CN=Users," + samba().base; }
  static DirectoryWrite adding(const std::string& name, const std::string& kind = "group") {
    DirectoryWrite add{DirectoryWrite::Kind::add, "", dn(name), {}, "", ""};
    add.changes.push_back({Modification::Op::add, "objectClass", {kind}, nullptr});
    add.changes.push_back({Modification::Op::add, "sAMAccountName", {name}, nullptr});
    return add;
  }
  std::string write(const DirectoryWrite& one) {
    const auto answer = admin_->write(std::span(&one, 1), within());
    EXPECT_TRUE(answer[0]) << answer[0].error().message;
    return answer[0].value_or("");
  }
  std::string add_group(const std::string& name) { return write(adding(name)); }
  void change(const std::string& id, const std::string& text) {
    write(
        {DirectoryWrite::Kind::modify, id, "", {{Modification::Op::replace, "description", {text}, nullptr}}, "", ""});
  }
  void remove(const std::string& id) { write({DirectoryWrite::Kind::remove, id, "", {}, "", ""}); }

  // From now on `connect` is as an account without special rights.
  std::string become_ordinary() {
    DirectoryWrite add = adding(name_ + "u", "user");
    add.changes.push_back({Modification::Op::add, "userAccountControl", {"512"}, nullptr});
    add.changes.push_back({Modification::Op::add, "userPrincipalName", {name_ + "u@ad.test"}, nullptr});
    add.changes.push_back(
        {Modification::Op::add, "unicodePwd", {}, std::make_shared<const Secret>(std::string("Passw0rd.x"))});
    options_.username = name_ + "u@ad.test";
    options_.password_from = "theirs";
    secrets_.table["theirs"] = "Passw0rd.x";
    return write(add);
  }
  std::string cursor_of(Directory& directory) {
    const auto cursor = directory.cursor(within());
    EXPECT_TRUE(cursor) << cursor.error().message;
    return cursor.value_or("");
  }
  Result<DirectoryChanges> changes(Directory& directory, const std::string& cursor) {
    return directory.changes_since(cursor, scope_, within());
  }
  // How many searches one call costs that finds nothing.
  std::uint64_t idle_cost(Directory& directory) {
    std::string cursor = cursor_of(directory);
    cursor = changes(directory, cursor).value().cursor;
    const auto before = requests_.load();
    const auto nothing = changes(directory, cursor);
    EXPECT_TRUE(nothing) << nothing.error().message;
    EXPECT_EQ(nothing.value().cursor, cursor);
    return requests_ - before;
  }

  RealClock clock_;
  TableOfSecrets secrets_;
  ldap::Options options_;
  std::atomic<std::uint64_t> requests_{0};
  std::unique_ptr<Directory> admin_;
  std::string name_;
  ReadScope scope_{{}, {"user", "group"}, {"description"}};
};

TEST_F(FollowingSamba, ACycleWithoutAChangeIsOneSearchWithEitherMethod) {
  EXPECT_EQ(idle_cost(*connect()), 1U);
  options_.follow = Follow::dirsync;
  EXPECT_EQ(idle_cost(*connect()), 1U);
}

TEST_F(FollowingSamba, OneChangeIsTwoSearches) {
  const std::string id = add_group(name_);
  auto directory = connect();
  const std::string cursor = cursor_of(*directory);
  change(id, "x");
  const auto before = requests_.load();
  const auto answer = changes(*directory, cursor);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->changed.size(), 1U);
  EXPECT_EQ(requests_ - before, 2U);
}

TEST_F(FollowingSamba, AnOrdinaryAccountFollowsChangesAndSaysThatItDoesNotSeeDeletions) {
  become_ordinary();
  for (const Follow follow : {Follow::automatic, Follow::usn, Follow::dirsync}) {
    options_.follow = follow;
    auto directory = connect();
    const auto about = directory->about(within());
    ASSERT_TRUE(about) << about.error().message;
    EXPECT_FALSE(about->sees_deletions);
    EXPECT_EQ(about->server_id, admin_->about(within()).value().server_id);
    const std::string suffix = std::to_string(static_cast<int>(follow));
    const std::string kept = add_group(name_ + "k" + suffix), gone = add_group(name_ + "g" + suffix);
    const std::string cursor = cursor_of(*directory);
    change(kept, "x");
    remove(gone);
    const auto answer = changes(*directory, cursor);
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->changed.size(), 1U);
    EXPECT_EQ(answer->changed.front().id, kept);
    EXPECT_TRUE(answer->removed.empty());
  }
}

TEST_F(FollowingSamba, ARightToReplicateThatShowsNoDeletionsIsNotTakenForOneThatDoes) {
  const std::string id = become_ordinary();
  const std::vector<std::string> ids = {id}, fetch = {"objectSid"};
  const auto account = admin_->find("objectGUID", ids, fetch, within());
  const std::string sid = account.value().front().attributes.at("objectSid").values.front();
  const std::string dc = samba().folder() + "/dc";
  // DS-Replication-Get-Changes on the domain's root.
  const Ran granted =
      run_program({"/usr/bin/python3", "/usr/bin/samba-tool", "dsacl", "set", "--objectdn=" + samba().base,
                   "--sddl=(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;" + sid + ")", "-H", dc + "/private/sam.ldb",
                   "-s", dc + "/smb.conf"});
  ASSERT_EQ(granted.status, 0) << granted.output;
  const std::string kept = add_group(name_);
  for (const Follow follow : {Follow::automatic, Follow::dirsync}) {
    options_.follow = follow;
    auto directory = connect();
    EXPECT_FALSE(directory->about(within()).value().sees_deletions);
    const std::string cursor = cursor_of(*directory);
    EXPECT_EQ(cursor.find("cookie") != std::string::npos, follow == Follow::dirsync);
    change(kept, cursor.substr(0, 100));
    const auto answer = changes(*directory, cursor);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->changed.size(), 1U);
  }
}

TEST_F(FollowingSamba, OtherRightsThanBeforeOrAnotherMethodAreAConflict) {
  const std::string of_admin = cursor_of(*connect());
  options_.follow = Follow::dirsync;
  const auto other_method = changes(*connect(), of_admin);
  ASSERT_FALSE(other_method);
  EXPECT_EQ(other_method.error().fault, Fault::conflict);
  options_.follow = Follow::usn;
  become_ordinary();
  const auto fewer_rights = changes(*connect(), of_admin);
  ASSERT_FALSE(fewer_rights);
  EXPECT_EQ(fewer_rights.error().fault, Fault::conflict);
  EXPECT_NE(fewer_rights.error().message.find("deleted objects"), std::string::npos) << fewer_rights.error().message;
}

TEST_F(FollowingSamba, ACookieThatTheServerDoesNotTakeIsAConflict) {
  options_.follow = Follow::dirsync;
  auto directory = connect();
  std::string cursor = cursor_of(*directory);
  const auto cookie = cursor.find("\"cookie\":\"") + 10;
  ASSERT_LT(cookie, cursor.size());
  cursor.replace(cookie, cursor.find('"', cookie) - cookie, "AAAA");
  add_group(name_);
  const auto answer = changes(*directory, cursor);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::conflict) << answer.error().message;
}

// Its own copy of the domain controller's databases, as somebody restores them who does not know better.
class SambaSetBack : public FollowingSamba {
 protected:
  static void keep_a_copy() { samba().keep_a_copy(); }
  static void set_back() { samba().set_back(); }
};

TEST_F(SambaSetBack, AServerThatIsSetBackToAnOldCopyIsNoticedByItsLowerNumber) {
  const std::string id = add_group(name_);
  keep_a_copy();
  change(id, "after the copy was made");
  for (const Follow follow : {Follow::usn, Follow::dirsync}) {
    options_.follow = follow;
    change(id, std::to_string(static_cast<int>(follow)));
    auto directory = connect();
    const std::string cursor = cursor_of(*directory);
    set_back();
    const auto answer = changes(*directory, cursor);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().fault, Fault::conflict);
    EXPECT_NE(answer.error().message.find("old copy"), std::string::npos) << answer.error().message;
  }
}

TEST_F(SambaSetBack, AlsoWhenItHasGoneOnBeyondTheOldNumberSince) {
  const std::string id = add_group(name_);
  keep_a_copy();
  change(id, "after the copy was made");
  auto directory = connect();
  const std::string cursor = cursor_of(*directory);
  set_back();
  for (int i = 0; i < 20; ++i) add_group(name_ + "n" + std::to_string(i));
  const auto answer = changes(*directory, cursor);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::conflict);
  EXPECT_NE(answer.error().message.find("old copy"), std::string::npos) << answer.error().message;
  EXPECT_FALSE(directory->continues(cursor, within()).value());
  const auto again = changes(*directory, cursor_of(*directory));
  EXPECT_TRUE(again) << "a new cursor goes on: " << again.error().message;
}

class WatchingSamba : public FollowingSamba {
 protected:
  std::unique_ptr<DirectoryWatch> watch() { return ldap::make_watch(options_, secrets_, clock_); }
  // The first answer is true: it has just begun to listen.
  std::unique_ptr<DirectoryWatch> armed() {
    auto made = watch();
    const auto first = made->wait(within(), stop_.get_token());
    EXPECT_TRUE(first && *first);
    return made;
  }
  bool woken(DirectoryWatch& by, Duration span = seconds(20)) {
    const auto answer = by.wait(within(span), stop_.get_token());
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or(false);
  }
  std::stop_source stop_;
};

TEST_F(WatchingSamba, AChangeADeletionAndAMoveWakeAndNothingElseDoes) {
  auto watch = armed();
  EXPECT_FALSE(woken(*watch, milliseconds(50)));
  const std::string id = add_group(name_);
  EXPECT_TRUE(woken(*watch));
  change(id, "x");
  EXPECT_TRUE(woken(*watch));
  write({DirectoryWrite::Kind::move, id, dn(name_), {}, "CN=" + name_ + "x", ""});
  EXPECT_TRUE(woken(*watch));
  remove(id);
  EXPECT_TRUE(woken(*watch));
  EXPECT_FALSE(woken(*watch, milliseconds(50)));
}

TEST_F(WatchingSamba, ManyChangesTogetherWakeOnlyAFewTimes) {
  auto watch = armed();
  std::vector<DirectoryWrite> writes;
  for (int i = 0; i < 30; ++i) writes.push_back(adding(name_ + std::to_string(i)));
  const auto answers = admin_->write(writes, within());
  EXPECT_TRUE(answers.back());
  EXPECT_TRUE(woken(*watch));
  int more = 0;  // where the server tells of them in several lots
  while (woken(*watch, milliseconds(500))) ++more;
  EXPECT_LT(more, 10);
}

TEST_F(WatchingSamba, AStopEndsTheWaitAtOnceAlsoBeforeAndBetweenConnections) {
  auto watch = armed();
  std::jthread stopper([this] { stop_.request_stop(); });
  EXPECT_FALSE(woken(*watch));
  const auto began = clock_.steady();
  EXPECT_FALSE(woken(*watch));
  EXPECT_LT(clock_.steady() - began, seconds(10));
}

TEST_F(WatchingSamba, AServerThatWasRestartedIsWatchedAgainAndThatWakes) {
  auto watch = armed();
  samba().kill();
  samba().start();
  EXPECT_TRUE(woken(*watch));
  add_group(name_);
  EXPECT_TRUE(woken(*watch));
}

TEST_F(WatchingSamba, WithoutAServerItSaysSoAtTheDeadlineAndStopsWhenTold) {
  options_.servers = {"ldaps://127.0.0.1:1"};
  auto watch = this->watch();
  const auto answer = watch->wait(within(milliseconds(300)), stop_.get_token());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::unavailable);
  EXPECT_NE(answer.error().message.find("127.0.0.1"), std::string::npos) << answer.error().message;
  std::jthread stopper([this] { stop_.request_stop(); });
  const auto stopped = watch->wait(within(), stop_.get_token());
  EXPECT_TRUE(stopped && !*stopped);
}

}  // namespace
}  // namespace plumb::test
