// The source of --source with a real repository, and what a controller and the commands beside it tell each other.

#include "controller/app/git_manifests.h"

#include <fstream>
#include <future>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/app/commands.h"
#include "controller/app/session.h"
#include "controller/app/source_status.h"
#include "controller/app/workspace.h"
#include "controller/engine/status_book.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"
#include "tests/support/git_world.h"

namespace plumb::app {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

class GitManifestsTest : public testing::Test {
 protected:
  GitManifestsTest() {
    options_.source = git_.base() / "source.yaml";
    options_.state = git_.base() / "state";
    source("  ref: {branch: main}\n");
    first_ = git_.commit({{"ou.yaml", unit("people")}});
  }

  static std::string unit(const std::string& name) {
    return "apiVersion: plumbline.dev/v1alpha1\nkind: OrganizationalUnit\nmetadata: {name: " + name +
           "}\nspec: {parentDN: 'OU=Corp,DC=ad,DC=test'}\n";
  }
  void source(const std::string& more, const std::string& kind = "GitRepository") const {
    std::ofstream(options_.source) << "apiVersion: plumbline.dev/v1alpha1\nkind: " << kind
                                   << "\nmetadata: {name: company}\nspec:\n  url: " << git_.url() << "\n"
                                   << more;
  }
  std::unique_ptr<Workspace> open(SourceUse use) const {
    auto workspace = Workspace::open(options_, use);
    EXPECT_TRUE(workspace) << workspace.error().message;
    return workspace ? std::move(*workspace) : nullptr;
  }
  std::string refusal() const {
    const auto workspace = Workspace::open(options_);
    return workspace ? "" : workspace.error().message;
  }
  static std::string revision(Workspace& workspace) {
    const auto manifests = workspace.load(Deadline::never());
    return manifests ? manifests->snapshot->revision : manifests.error().message;
  }
  static std::vector<std::string> problems(Workspace& workspace) {
    std::vector<std::string> texts;
    const auto manifests = workspace.load(Deadline::never());
    EXPECT_TRUE(manifests) << manifests.error().message;
    for (const Diagnostic& each : manifests->diagnostics) texts.push_back(to_string(each));
    return texts;
  }
  void rewrite(const std::string& message = "rewritten") {
    git_.git({"commit", "-q", "--amend", "--allow-empty", "-m", message});
    git_.push({"--force"});
    rewritten_ = git_.git({"rev-parse", "HEAD"});
  }

  test::GitWorld git_;
  GlobalOptions options_;
  std::string first_, rewritten_;
  test::FakeStateStore store_;
  test::FakeClock clock_;
};

TEST_F(GitManifestsTest, LookingLeavesNoTraceAndFollowingDoes) {
  EXPECT_EQ(revision(*open(SourceUse::look)), first_);
  EXPECT_EQ(open(SourceUse::look)->git()->repository().accepted(), "");
  EXPECT_EQ(revision(*open(SourceUse::follow)), first_);
  EXPECT_EQ(open(SourceUse::look)->git()->repository().accepted(), first_);
}

TEST_F(GitManifestsTest, TheStoreOfAControllerIsLeftAloneByASecondOne) {
  const auto running = State::open(options_.state, State::Access::write, "plumbline run", clock_);
  ASSERT_TRUE(running) << running.error().message;
  std::ostringstream out, err;
  Console console{.out = out, .err = err, .colour = false, .interactive = false, .read_line = {}};

  const auto applied = open_session(options_, State::Access::write, "plumbline apply", console);
  // In a thread of its own, which is left with blocked signals.
  const auto second =
      std::async(std::launch::async, [&] { return run_command(options_, RunOptions{.once = true}, console); }).get();

  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().fault, Fault::conflict) << applied.error().message;
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().fault, Fault::conflict) << second.error().message;
  EXPECT_FALSE(std::filesystem::exists(options_.state / "git"));
}

TEST_F(GitManifestsTest, AReferenceThatAnotherFileLeavesDanglingIsToldAtItsLine) {
  const std::string user =
      "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: ann}\nspec:\n  displayName: Ann\n"
      "  organizationalUnitRef:\n    name: people\n";
  git_.commit({{"ou.yaml", unit("people")}, {"ann.yaml", user}});
  const auto workspace = open(SourceUse::follow);
  EXPECT_THAT(problems(*workspace), Not(Contains(StartsWith("ann.yaml:7:"))));

  git_.commit({{"ou.yaml", unit("staff")}});

  EXPECT_THAT(problems(*workspace), Contains(AllOf(StartsWith("ann.yaml:7:5: "), HasSubstr("people"))));
}

TEST_F(GitManifestsTest, WhatIsStoredIsEnoughForWhoOnlyWantsThat) {
  revision(*open(SourceUse::follow));
  const std::string second = git_.commit({{"more.yaml", unit("groups")}});

  EXPECT_EQ(revision(*open(SourceUse::stored)), first_);
  EXPECT_EQ(revision(*open(SourceUse::look)), second);
}

TEST_F(GitManifestsTest, WhatWasTakenLastStandsInForARemoteThatIsRefused) {
  revision(*open(SourceUse::follow));
  rewrite();

  const auto workspace = open(SourceUse::follow);

  EXPECT_EQ(revision(*workspace), first_);
  ASSERT_TRUE(workspace->git()->problem());
  EXPECT_THAT(workspace->git()->problem()->message, HasSubstr("plumbline source accept"));
  EXPECT_THAT(revision(*workspace), HasSubstr("does not descend"));  // from there on it is an error
}

TEST_F(GitManifestsTest, APersonsPermissionIsForThatOneMove) {
  const auto workspace = open(SourceUse::follow);
  workspace->git()->permissions_in(store_);
  revision(*workspace);
  rewrite();
  const std::vector<StateStore::Put> puts = {
      accept_move({"GitRepository", "default", "company"}, {first_, rewritten_}, "root@test")};
  ASSERT_TRUE(store_.commit(puts, {}));

  EXPECT_EQ(revision(*workspace), rewritten_);
  rewrite("once more");
  EXPECT_THAT(revision(*workspace), HasSubstr("does not descend"));
}

TEST_F(GitManifestsTest, MistakesInTheFileAreToldWithTheirPlace) {
  source("  ref: {brunch: main}\n");
  EXPECT_THAT(refusal(), HasSubstr("source.yaml:1:1: /spec/ref"));
  source("", "Directory");
  EXPECT_THAT(refusal(), HasSubstr("expected a GitRepository, this is a Directory"));
  source("  webhook: {secretFrom: {env: X}, signature: {header: X-Y}}\n");
  EXPECT_THAT(refusal(), HasSubstr("/spec/webhook/signature"));
  source("  webhook: {listen: 'localhost:1', secretFrom: {env: X}}\n");
  EXPECT_THAT(refusal(), HasSubstr("/spec/webhook/listen"));
  options_.source = git_.base() / "none.yaml";
  EXPECT_THAT(refusal(), HasSubstr("cannot be read"));
}

TEST_F(GitManifestsTest, AFolderTellsItsCheckout) {
  options_.source.clear();
  options_.manifests = git_.work();
  git_.write("ou.yaml", unit("persons"));

  const auto checkout = open(SourceUse::look)->checkout();

  ASSERT_TRUE(checkout);
  EXPECT_EQ(checkout->head.id, first_);
  EXPECT_TRUE(checkout->dirty);
}

TEST_F(GitManifestsTest, TheStatusIsWrittenOnlyWhereItChanges) {
  Resource about;
  about.key = {"GitRepository", "default", "company"};
  ASSERT_TRUE(note_source(store_, about, first_, {}, clock_.now()));
  clock_.advance(std::chrono::hours(1));
  ASSERT_TRUE(note_source(store_, about, first_, {}, clock_.now()));
  EXPECT_EQ(store_.writes(), 1U);

  const Error refused{Fault::denied, "was rewritten", {}};
  ASSERT_TRUE(note_source(store_, about, first_, refused, clock_.now()));
  const auto status = engine::read_status(store_, "GitRepository/");
  ASSERT_EQ(status->size(), 1U);
  const Condition* ready = find_condition(status->front(), "Ready");
  ASSERT_NE(ready, nullptr);
  EXPECT_EQ(ready->status, "False");
  EXPECT_EQ(ready->reason, "Refused");
  EXPECT_EQ(status->front().revision, first_);
}

TEST_F(GitManifestsTest, RequestsAreTakenOnce) {
  const std::vector<StateStore::Put> puts = {request_look("", clock_.now()), request_look("corp", clock_.now())};
  ASSERT_TRUE(store_.commit(puts, {}));

  EXPECT_THAT(*take_requests(store_), ElementsAre("", "corp"));
  EXPECT_THAT(*take_requests(store_), IsEmpty());
  EXPECT_EQ(store_.writes(), 4U);
}

}  // namespace
}  // namespace plumb::app
