#include "controller/app/revisions.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/app/manifest_difference.h"
#include "controller/app/origins.h"
#include "controller/app/pin.h"
#include "controller/app/plan_difference.h"
#include "tests/support/fake_state_store.h"
#include "tests/support/git_world.h"

namespace plumb::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kHead = "apiVersion: plumbline.dev/v1alpha1\n";

std::string user_text(const std::string& name, const std::string& title) {
  return kHead + "kind: ADUser\nmetadata: {name: " + name +
         "}\nspec:\n  parentDN: OU=P,DC=a,DC=test\n  title: " + title + "\n  mail: " + name +
         "@a.test\n  userPrincipalName: " + name + "@a.test\n";
}

std::string directory_text(const std::string& server) {
  return kHead + "kind: Directory\nmetadata: {name: a}\nspec:\n  servers: ['ldaps://" + server +
         "']\n  baseDNs: ['DC=a,DC=test']\n  managedScope: ['OU=P,DC=a,DC=test']\n  credentialRef: {name: bind}\n" +
         "---\n" + kHead +
         "kind: Credential\nmetadata: {name: bind}\nspec:\n  type: ldapBind\n  ldapBind: {username: svc@A.TEST, "
         "passwordFrom: {env: X}}\n";
}

// A checkout whose manifests have a past of two commits.
class Past : public testing::Test {
 protected:
  Past() {
    first_ = git_.commit({{"directory.yaml", directory_text("dc1.a.test")}, {"jdoe.yaml", user_text("jdoe", "Clerk")}},
                         "Add jdoe");
    second_ = git_.commit({{"jdoe.yaml", user_text("jdoe", "Head")}, {"new.yaml", user_text("new", "Clerk")}},
                          "Promote jdoe");
    options_.manifests = git_.work();
    auto workspace = Workspace::open(options_);
    workspace_ = std::move(*workspace);
    now_ = *workspace_->load(Deadline::never());
  }
  std::unique_ptr<Revisions> open() {
    auto revisions = Revisions::open(*workspace_);
    EXPECT_TRUE(revisions);
    return std::move(*revisions);
  }
  Origin origin(const Origins& origins, const std::string& pointer) {
    for (const Origin& each : origins.values)
      if (each.pointer == pointer) return each;
    ADD_FAILURE() << "no " << pointer;
    return {};
  }
  Result<Origins> blame_jdoe(const Revisions& revisions) {
    now_ = *workspace_->load(Deadline::never());
    return origins_of(*now_.snapshot->find({"ADUser", "default", "jdoe"}), *now_.snapshot, &revisions,
                      options_.manifests);
  }

  test::GitWorld git_;
  std::string first_, second_;
  GlobalOptions options_;
  std::unique_ptr<Workspace> workspace_;
  Manifests now_;
};

TEST_F(Past, IsReadAtAnyCommit) {
  const auto revisions = open();
  EXPECT_EQ(revisions->head(), second_);
  EXPECT_EQ(*revisions->resolve("HEAD~1"), first_);
  const auto then = revisions->at(first_, Deadline::never());
  ASSERT_TRUE(then);
  EXPECT_EQ(then->snapshot->find({"ADUser", "default", "new"}), nullptr);
  EXPECT_EQ(text_at(then->snapshot->find({"ADUser", "default", "jdoe"})->spec, "/title"), "Clerk");
  // And forward again, from what is loaded.
  const auto again = revisions->at(second_, Deadline::never());
  EXPECT_NE(again->snapshot->find({"ADUser", "default", "new"}), nullptr);
}

TEST_F(Past, DiffersInFieldsAndObjects) {
  const auto revisions = open();
  const auto from = revisions->at(first_, Deadline::never());
  const auto to = revisions->at(second_, Deadline::never());
  const auto objects = manifest_difference(*from->snapshot, *to->snapshot);
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[0].key.name, "jdoe");
  ASSERT_EQ(objects[0].fields.size(), 1U);
  EXPECT_EQ(objects[0].fields[0].pointer, "/spec/title");
  EXPECT_THAT(objects[0].fields[0].before, ElementsAre("\"Clerk\""));
  EXPECT_THAT(objects[0].fields[0].after, ElementsAre("\"Head\""));
  EXPECT_EQ(objects[1].kind, ObjectDifference::Kind::added);
}

TEST_F(Past, TellsOfEachValueItsLineItsCommitAndItsAttributes) {
  const auto revisions = open();
  const auto origins = blame_jdoe(*revisions);
  ASSERT_TRUE(origins) << origins.error().message;
  const Origin title = origin(*origins, "/spec/title");
  ASSERT_TRUE(title.commit);
  EXPECT_EQ(title.commit->id, second_);
  EXPECT_EQ(title.at->line, 6);
  EXPECT_THAT(title.attributes, ElementsAre("title"));
  const Origin mail = origin(*origins, "/spec/mail");
  EXPECT_EQ(mail.commit->id, first_);
  EXPECT_THAT(origin(*origins, "/spec/parentDN").attributes, ElementsAre("distinguishedName"));
}

TEST_F(Past, KnowsALineThatIsNotCommittedFromTheOnesAroundIt) {
  const auto revisions = open();
  std::string text = user_text("jdoe", "Director");
  git_.write("jdoe.yaml", "# a new first line\n" + text);
  const auto origins = blame_jdoe(*revisions);
  ASSERT_TRUE(origins);
  EXPECT_TRUE(origin(*origins, "/spec/title").uncommitted);
  ASSERT_TRUE(origin(*origins, "/spec/mail").commit);
  EXPECT_EQ(origin(*origins, "/spec/mail").commit->id, first_);
}

TEST_F(Past, AMembershipIsAValueOfTheGroup) {
  git_.write("jdoe.yaml", user_text("jdoe", "Head") + "  memberOf:\n    - name: staff\n");
  git_.write("staff.yaml", kHead + "kind: ADGroup\nmetadata: {name: staff}\nspec: {parentDN: 'OU=P,DC=a,DC=test'}\n");
  const auto revisions = open();
  const auto origins = blame_jdoe(*revisions);
  ASSERT_TRUE(origins) << origins.error().message;
  EXPECT_THAT(origin(*origins, "/spec/memberOf/0").attributes, ElementsAre());
  EXPECT_THAT(origin(*origins, "/spec/memberOf/0").elsewhere,
              ElementsAre(OtherAttribute{{"ADGroup", "default", "staff"}, "member"}));
  EXPECT_THAT(origin(*origins, "/spec/title").elsewhere, ElementsAre());
}

TEST_F(Past, NeverBringsBackSettings) {
  git_.commit({{"directory.yaml", directory_text("dc9.a.test")}}, "Another server");
  now_ = *workspace_->load(Deadline::never());
  const auto revisions = open();
  const auto then = revisions->at(first_, Deadline::never());
  const auto mixed = with_settings_of(*now_.snapshot, *then->snapshot);
  EXPECT_THAT(texts_at(mixed->find({"Directory", "default", "a"})->spec, "/servers"),
              ElementsAre("ldaps://dc9.a.test"));
  EXPECT_EQ(mixed->find({"ADUser", "default", "new"}), nullptr);
  EXPECT_THAT(settings_that_differ(*now_.snapshot, *then->snapshot),
              ElementsAre(ResourceKey{"Directory", "default", "a"}));
}

TEST_F(Past, StandsInForTheSourceUntilItIsReleased) {
  test::FakeStateStore store;
  workspace_->pins_in(store);
  const std::vector<StateStore::Put> pin = {put_of(Pin{.commit = first_, .reason = "r", .actor = "me", .at = {}})};
  ASSERT_TRUE(store.commit(pin, {}));
  EXPECT_TRUE(*workspace_->moved(Deadline::never()));
  now_ = *workspace_->load(Deadline::never());
  EXPECT_EQ(now_.snapshot->find({"ADUser", "default", "new"}), nullptr);
  EXPECT_FALSE(*workspace_->moved(Deadline::never()));

  const std::vector<StateStore::Put> release = {removal_of_pin()};
  ASSERT_TRUE(store.commit(release, {}));
  EXPECT_TRUE(*workspace_->moved(Deadline::never()));
  now_ = *workspace_->load(Deadline::never());
  EXPECT_NE(now_.snapshot->find({"ADUser", "default", "new"}), nullptr);
}

TEST_F(Past, ThatCannotBeReadStopsEverything) {
  test::FakeStateStore store;
  workspace_->pins_in(store);
  const std::vector<StateStore::Put> pin = {
      put_of(Pin{.commit = std::string(40, 'a'), .reason = "r", .actor = "me", .at = {}})};
  ASSERT_TRUE(store.commit(pin, {}));
  const auto loaded = workspace_->load(Deadline::never());
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("rolled back"));
}

TEST_F(Past, TakesARangeOfTwoRevisions) {
  const auto revisions = open();
  const auto range = parse_range(*revisions, "HEAD~1..");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->from, first_);
  EXPECT_EQ(range->to, second_);
  EXPECT_FALSE(parse_range(*revisions, "HEAD"));
  EXPECT_FALSE(parse_range(*revisions, "nowhere..HEAD"));
}

TEST(LinesKept, FollowLinesThroughInsertionsAndChanges) {
  EXPECT_THAT(lines_kept("a\nb\nc\nd\n", "a\nx\nb\nc2\nd\n"), ElementsAre(1, 0, 2, 0, 4));
  EXPECT_THAT(lines_kept("", "a\n"), ElementsAre(0));
}

Change change_of(const std::string& name, const std::string& title) {
  Change change;
  change.key = {"ADUser", "default", name};
  change.actions = {Action::update};
  change.id = name;
  FieldChange& field = change.fields.emplace_back();
  field.name = "title";
  field.added = {title};
  return change;
}

TEST(PlanDifference, IsWhatTheLaterPlanDoesBeyondTheEarlier) {
  Plan from, to;
  from.levels = {{change_of("same", "x"), change_of("other", "x"), change_of("withdrawn", "x")}};
  to.levels = {{change_of("same", "x"), change_of("other", "y"), change_of("new", "x")}};
  const auto difference = plan_difference(from, to);
  ASSERT_EQ(difference.plan.size(), 2U);
  EXPECT_EQ(difference.plan.levels[0][0].key.name, "other");
  EXPECT_EQ(difference.plan.levels[0][1].key.name, "new");
  EXPECT_EQ(difference.pending, 1U);
  EXPECT_THAT(difference.withdrawn, ElementsAre(ResourceKey{"ADUser", "default", "withdrawn"}));
}

TEST(PlanDifference, OfEqualPlansIsEmpty) {
  Plan plan;
  plan.levels = {{change_of("same", "x")}};
  EXPECT_TRUE(plan_difference(plan, plan).plan.empty());
}

}  // namespace
}  // namespace plumb::app
