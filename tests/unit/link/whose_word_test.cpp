// What an agent told is worth as much as the agent: once one is not good any more, nothing goes on from its word.
#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/adapters/connector/remote_directory.h"
#include "tests/contract/directory_samba_world.h"
#include "tests/support/borrowed_directory.h"
#include "tests/support/fake_directory.h"
#include "tests/support/linked_agent.h"

namespace plumb::test {
namespace {

using testing::HasSubstr;

class WhoseWord : public testing::Test {
 protected:
  WhoseWord() {
    world_.declare({"a", "b"});
    for (LinkWorld::Site* site : {&a_, &b_})
      site->skills.directory = [this](const link::DirectoryOpening&, connector::Skills::Gone) {
        ++opened_;
        return std::make_unique<BorrowedDirectory>(domain_);
      };
    remote::Options options;
    options.group = "default/site";
    options.opening.servers = {"ldaps://dc.example"};
    options.opening.base_dn = "DC=ad,DC=test";
    directory_ = remote::make_directory(options, asker_, secrets_, world_.clock);
  }
  ~WhoseWord() override {
    directory_.reset();
    world_.stop();
  }
  Deadline soon() { return Deadline::in(world_.clock, std::chrono::seconds(20)); }
  std::string cursor() {
    const auto cursor = directory_->cursor(soon());
    EXPECT_TRUE(cursor) << cursor.error().message;
    return cursor.value_or("");
  }
  // The cursor to go on from, or why it cannot be gone on.
  std::string go_on(const std::string& from) {
    const auto changes = directory_->changes_since(from, {{"DC=ad,DC=test"}, {}, {}}, soon());
    if (changes) return changes->cursor;
    EXPECT_EQ(changes.error().fault, Fault::conflict);
    return changes.error().message;
  }
  // `a` goes, and `b` takes over.
  void take_over() {
    world_.on_loop([&] {
      world_.hang_up(a_);
      return true;
    });
    ASSERT_TRUE(world_.dial(b_));
  }
  void revoke(const std::string& name) {
    ASSERT_TRUE(world_.on_loop([&] { return world_.identities.revoke(LinkWorld::key(name)); }));
  }

  FakeDirectory domain_;
  std::atomic<int> opened_ = 0;
  LinkWorld world_;
  TableOfSecrets secrets_;
  link::LoopAsker asker_{world_.loop, *world_.hub};
  LinkWorld::Site& a_ = world_.site("a");
  LinkWorld::Site& b_ = world_.site("b");
  std::unique_ptr<Directory> directory_;
};

TEST_F(WhoseWord, IsGoodForAnotherOneToGoOnFrom) {
  ASSERT_TRUE(world_.dial(a_));
  const std::string from = cursor();
  EXPECT_EQ(go_on(from), from) << "nothing changed";
  take_over();
  const std::string now = go_on(from);
  EXPECT_THAT(now, HasSubstr(a_.keys.id)) << "what it told is still a part of it";
  EXPECT_THAT(now, HasSubstr(b_.keys.id));
  EXPECT_EQ(go_on(now), now);
  EXPECT_EQ(directory_->continues(now, soon()).value_or(false), true);
}

TEST_F(WhoseWord, IsWorthNothingOnceItWasRevoked) {
  ASSERT_TRUE(world_.dial(a_));
  const std::string from = cursor();
  take_over();
  const std::string now = go_on(from);
  revoke("a");
  EXPECT_THAT(go_on(from), HasSubstr("is not good any more"));
  EXPECT_THAT(go_on(now), HasSubstr("is not good any more"));
  const std::string anew = cursor();
  EXPECT_THAT(anew, testing::Not(HasSubstr(a_.keys.id)));
  EXPECT_EQ(go_on(anew), anew);
  EXPECT_EQ(opened_, 2) << "once at each: what is not asked breaks nothing";
}

TEST_F(WhoseWord, IsWorthNothingWhereThereAreTwoOfIt) {
  ASSERT_TRUE(world_.dial(a_));
  const std::string from = cursor();
  take_over();
  world_.on_loop([&] {
    auto identity = world_.identities.find(a_.keys.id);
    (*identity)->held = "in use twice";
    return world_.identities.save(**identity).has_value();
  });
  EXPECT_THAT(go_on(from), HasSubstr("Connector/default/a has told of it, which is not good any more"));
}

TEST_F(WhoseWord, IsWorthNothingOnceItWasEnrolledAnew) {
  ASSERT_TRUE(world_.dial(a_));
  const std::string from = cursor();
  auto& again = world_.site("a");
  again.skills = a_.skills;
  ASSERT_TRUE(world_.dial(again));
  EXPECT_THAT(go_on(from), HasSubstr("is not good any more"));
}

// As an older version kept them.
TEST_F(WhoseWord, HasToBeNamed) {
  ASSERT_TRUE(world_.dial(a_));
  const std::string whole = cursor();
  const std::string bare = whole.substr(whole.find('|') + 1);
  EXPECT_THAT(go_on(bare), HasSubstr("no cursor of a directory behind connectors"));
  EXPECT_EQ(directory_->continues(bare, soon()).value_or(true), false);
}

}  // namespace
}  // namespace plumb::test
