#include "controller/app/tree_policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_state_store.h"

namespace plumb::app {
namespace {

using testing::HasSubstr;

const ResourceKey kGuard{"Policy", "default", "guard"};

Snapshot tree(bool with_policy, bool complete) {
  Snapshot snapshot;
  if (with_policy) {
    auto policy = std::make_shared<Resource>();
    policy->key = kGuard;
    policy->at.file = "guards/all.yaml";
    snapshot.resources[kGuard] = policy;
  }
  if (!complete) snapshot.broken_files.insert("guards/all.yaml");
  return snapshot;
}

class TreePolicies : public testing::Test {
 protected:
  test::FakeStateStore store_;
};

TEST_F(TreePolicies, StillHoldInANewProcessThatCannotReadTheirFile) {
  ASSERT_TRUE(check_tree_policies(tree(true, true), store_, true));
  const auto refused = check_tree_policies(tree(false, false), store_, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("Policy/default/guard (guards/all.yaml)"));
  EXPECT_FALSE(check_tree_policies(tree(false, false), store_, true)) << "nor the second time";
  EXPECT_TRUE(check_tree_policies(tree(true, false), store_, true)) << "another file is broken";
}

TEST_F(TreePolicies, CanBeTakenAwayWhereEverythingIsReadable) {
  ASSERT_TRUE(check_tree_policies(tree(true, true), store_, true));
  ASSERT_TRUE(check_tree_policies(tree(false, true), store_, true));
  EXPECT_TRUE(check_tree_policies(tree(false, false), store_, true)) << "there is none to be missed any more";
}

TEST_F(TreePolicies, AreNotNotedByWhoOnlyReads) {
  ASSERT_TRUE(check_tree_policies(tree(true, true), store_, false));
  EXPECT_TRUE(check_tree_policies(tree(false, false), store_, false));
}

}  // namespace
}  // namespace plumb::app
