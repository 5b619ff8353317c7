#include "controller/adapters/git/work_tree.h"

#include <gmock/gmock.h>

#include "tests/support/git_world.h"

namespace plumb::git {
namespace {

using ::testing::ElementsAre;

TEST(GitWorkTree, ACheckoutSaysItsCommitAndWhetherItIsDirty) {
  test::GitWorld world;
  EXPECT_FALSE(work_tree(world.base())->has_value());
  EXPECT_FALSE(work_tree(world.work())->has_value());
  const std::string id = world.commit({{"m/a.yaml", "a: 1\n"}, {"other/b.yaml", "b: 1\n"}}, "Start");
  world.write("other/b.yaml", "b: 2\n");
  const auto clean = work_tree(world.work() / "m");
  ASSERT_TRUE(clean) << clean.error().message;
  EXPECT_EQ((*clean)->head.id, id);
  EXPECT_EQ((*clean)->head.author, "Jane Doe");
  EXPECT_EQ((*clean)->branch, "main");
  EXPECT_EQ((*clean)->path, "m");
  EXPECT_FALSE((*clean)->dirty);
  EXPECT_EQ((*clean)->history->blame("a.yaml", id).value()->of_line(1)->subject, "Start");

  world.write("m/a.yaml", "a: 2\n");
  world.write("m/new/c.yaml", "c: 1\n");
  const auto dirty = work_tree(world.work() / "m");
  EXPECT_TRUE((*dirty)->dirty);
  EXPECT_THAT((*dirty)->dirty_files, ElementsAre("a.yaml", "new/c.yaml"));
}

}  // namespace
}  // namespace plumb::git
