// What is taken from a repository and what is refused; remotes are file://.
#include <sys/stat.h>
#include <unistd.h>

#include "controller/base/digest.h"
#include "tests/unit/adapters/git_source_fixture.h"

namespace plumb::git {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class GitSourceTest : public GitSourceFixture {};

int open_packs() {
  int count = 0;
  std::error_code error;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd"))
    count += std::filesystem::read_symlink(each, error).extension() == ".pack";
  return count;
}

TEST_F(GitSourceTest, GivesTheManifestsOfTheCommitAndThenWhatChanged) {
  const std::string first = world_.commit(
      {{"a.yaml", "a: 1\n"}, {"d/b.yml", "b: 1\n"}, {"d/e/c.json", "{}"}, {"README.md", "x"}, {".hidden/h.yaml", "x"}});
  const auto whole = read();
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_TRUE(whole->whole);
  EXPECT_EQ(whole->revision, first);
  EXPECT_EQ(*source_->head(Deadline::never()), first);
  EXPECT_THAT(paths(*whole), ElementsAre("a.yaml", "d/b.yml", "d/e/c.json"));
  EXPECT_EQ(*whole->changed[1].content, "b: 1\n");
  EXPECT_EQ(whole->changed[1].digest, sha256("b: 1\n"));

  std::filesystem::remove(world_.work() / "d/b.yml");
  const std::string second = world_.commit({{"a.yaml", "a: 2\n"}, {"README.md", "y"}});
  EXPECT_EQ(*source_->head(Deadline::never()), second);
  const auto delta = read(first);
  ASSERT_TRUE(delta) << delta.error().message;
  EXPECT_FALSE(delta->whole);
  EXPECT_EQ(delta->revision, second);
  EXPECT_THAT(paths(*delta), ElementsAre("a.yaml"));
  EXPECT_THAT(delta->removed, ElementsAre("d/b.yml"));
}

TEST_F(GitSourceTest, WhatWasTakenIsKnownAfterARestart) {
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}, {"b.yaml", "b: 1\n"}});
  ASSERT_TRUE(read());
  const std::string second = world_.commit({{"b.yaml", "b: 2\n"}});
  open();
  EXPECT_EQ(source_->accepted(), first);
  const auto delta = read(first);
  ASSERT_TRUE(delta) << delta.error().message;
  EXPECT_FALSE(delta->whole);
  EXPECT_THAT(paths(*delta), ElementsAre("b.yaml"));
  EXPECT_EQ(source_->accepted(), second);
  EXPECT_TRUE(read("digest of a directory")->whole);
}

TEST_F(GitSourceTest, AWorkTreeIsARemoteToo) {
  settings_.url = "file://" + world_.work().string();
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}});
  ASSERT_TRUE(read());
  world_.commit({{"a.yaml", "a: 2\n"}});
  EXPECT_THAT(paths(*read(first)), ElementsAre("a.yaml"));
}

TEST_F(GitSourceTest, TheSchemeOfAUrlMayBeInCapitals) {
  settings_.url = "FILE://" + world_.remote().string();
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}});
  ASSERT_TRUE(read()) << refused();
  world_.commit({{"a.yaml", "a: 2\n"}});
  EXPECT_THAT(paths(*read(first)), ElementsAre("a.yaml"));
}

TEST_F(GitSourceTest, WhoseARepositoryIsDoesNotMatterEvenBehindALink) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a work tree to somebody else";
  world_.commit({{"a.yaml", "a: 1\n"}});
  world_.run({"/bin/chown", "-R", "65534:65534", world_.work().string()});
  std::filesystem::create_directory_symlink(world_.work(), world_.base() / "link");
  for (const std::string path : {"work", "work/", "link"}) {
    settings_.url = "file://" + (world_.base() / path).string();
    std::filesystem::remove_all(world_.base() / "state");
    open();
    EXPECT_TRUE(read()) << path << ": " << refused();
  }
}

TEST_F(GitSourceTest, ThePacksOfManyFetchesAreMergedAtAStart) {
  std::string first, last;
  constexpr int kFetches = 90;
  for (int i = 0; i < kFetches; ++i) {
    const std::string made = world_.commit({{"a.yaml", "a: " + std::to_string(i) + "\n"}});
    if (i == 0) first = made;
    ASSERT_TRUE(read(last)) << i;
    last = made;
  }
  const auto packs = [&] {
    int count = 0;
    for (const auto& each : std::filesystem::recursive_directory_iterator(world_.base() / "state"))
      count += each.path().extension() == ".pack";
    return count;
  };
  EXPECT_EQ(packs(), kFetches);
  EXPECT_LE(open_packs(), 66);  // libgit2 makes room for the next one only as it opens it
  open();
  EXPECT_LT(packs(), 10);
  EXPECT_EQ(source_->accepted(), last);
  EXPECT_THAT(paths(*read(first)), ElementsAre("a.yaml"));
}

TEST_F(GitSourceTest, DirectoriesThatBecomeFilesAndTheReverseAreFollowed) {
  const std::string first = world_.commit({{"x.yaml/inner.yaml", "a: 1\n"}, {"y.yaml", "b: 1\n"}});
  ASSERT_TRUE(read());
  std::filesystem::remove_all(world_.work() / "x.yaml");
  std::filesystem::remove(world_.work() / "y.yaml");
  world_.commit({{"x.yaml", "a: 2\n"}, {"y.yaml/inner.yaml", "b: 2\n"}});
  const auto delta = read(first);
  ASSERT_TRUE(delta) << delta.error().message;
  EXPECT_THAT(paths(*delta), ElementsAre("x.yaml", "y.yaml/inner.yaml"));
  EXPECT_THAT(delta->removed, ElementsAre("x.yaml/inner.yaml", "y.yaml"));
}

TEST_F(GitSourceTest, OnlyTheSubPathIsRead) {
  settings_.path = "teams/prod";
  const std::string first = world_.commit({{"teams/prod/a.yaml", "a: 1\n"}, {"teams/test/b.yaml", "b: 1\n"}});
  EXPECT_THAT(paths(*read()), ElementsAre("a.yaml"));
  world_.commit({{"teams/test/b.yaml", "b: 2\n"}});
  EXPECT_THAT(paths(*read(first)), IsEmpty());
}

TEST_F(GitSourceTest, AnEmptyTreeOrAMissingDirectoryIsNoDesiredState) {
  const std::string first = world_.commit({{"m/a.yaml", "a: 1\n"}});
  settings_.path = "m";
  ASSERT_TRUE(read());
  world_.git({"mv", "m", "elsewhere"});
  world_.commit({});
  const auto gone = read(first);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().fault, Fault::unavailable);
  EXPECT_THAT(gone.error().message, HasSubstr("refusing to treat a missing directory as \"delete everything\""));
  EXPECT_EQ(source_->accepted(), first);
  std::filesystem::remove_all(world_.work() / "elsewhere");
  world_.commit({{"m/readme", "x"}});
  EXPECT_THAT(refused(first), HasSubstr("refusing to treat an empty tree as \"delete everything\""));
  world_.commit({{"m/a.yaml", "a: 3\n"}});
  EXPECT_THAT(paths(*read(first)), ElementsAre("a.yaml"));
}

TEST_F(GitSourceTest, ARewrittenBranchIsRefusedUntilAPersonAllowsThatMove) {
  world_.commit({{"a.yaml", "a: 1\n"}});
  const std::string old_tip = world_.commit({{"a.yaml", "a: 2\n"}});
  ASSERT_TRUE(read());
  world_.git({"commit", "-q", "--amend", "-m", "another"});
  world_.push({"--force"});
  const std::string new_tip = world_.git({"rev-parse", "HEAD"});

  const auto delta = read(old_tip);
  ASSERT_FALSE(delta);
  EXPECT_EQ(delta.error().fault, Fault::denied);
  EXPECT_THAT(delta.error().message, AllOf(HasSubstr("was rewritten"), HasSubstr(old_tip + ".." + new_tip)));
  open();
  EXPECT_THAT(refused(old_tip), HasSubstr("was rewritten"));

  ASSERT_TRUE(source_->allow_rewind(old_tip + ".." + new_tip));
  EXPECT_EQ(read(old_tip)->revision, new_tip);
  EXPECT_EQ(source_->accepted(), new_tip);
}

TEST_F(GitSourceTest, ARolledBackBranchIsRefusedAndThePermissionHoldsForOneMoveOnly) {
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}});
  const std::string second = world_.commit({{"a.yaml", "a: 2\n"}});
  ASSERT_TRUE(read());
  world_.git({"reset", "-q", "--hard", first});
  world_.push({"--force"});
  EXPECT_THAT(refused(second), HasSubstr("was rolled back"));
  settings_.accept = Rewind{second, first};
  open();
  ASSERT_TRUE(read(second));

  const std::string third = world_.commit({{"a.yaml", "a: 3\n"}});
  ASSERT_TRUE(read(first));
  world_.git({"reset", "-q", "--hard", first});
  world_.push({"--force"});
  EXPECT_THAT(refused(third), HasSubstr("was rolled back"));
}

TEST_F(GitSourceTest, AnotherHistoryIsRefused) {
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}});
  ASSERT_TRUE(read());
  world_.git({"checkout", "-q", "--orphan", "fresh"});
  world_.git({"commit", "-q", "-m", "fresh"});
  world_.git({"push", "-q", "--force", "origin", "HEAD:main"});
  EXPECT_THAT(refused(first), HasSubstr("no commit in common"));
}

TEST_F(GitSourceTest, ADeletedBranchAndAnUnreachableRemoteChangeNothing) {
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}});
  settings_.ref = {Reference::Kind::branch, "main"};
  ASSERT_TRUE(read());
  world_.git({"checkout", "-q", "-b", "other"});
  world_.push();
  world_.git({"push", "-q", "origin", "other:refs/heads/keep"});
  world_.run({"git", "-C", world_.remote().string(), "symbolic-ref", "HEAD", "refs/heads/keep"});
  world_.git({"push", "-q", "origin", ":main"});
  const auto gone = read(first);
  EXPECT_EQ(gone.error().fault, Fault::unavailable);
  EXPECT_THAT(gone.error().message, HasSubstr("there is no branch \"main\""));

  std::filesystem::rename(world_.remote(), world_.base() / "away.git");
  EXPECT_EQ(source_->head(Deadline::never()).error().fault, Fault::unavailable);
  EXPECT_THAT(refused(first), HasSubstr(settings_.url));
  EXPECT_EQ(source_->accepted(), first);
  EXPECT_EQ(source_->history().tree(first, "", Deadline::never())->changed.size(), 1U);
}

TEST_F(GitSourceTest, AStoreThatWasLostStillRefusesToGoBackBehindWhatTheCallerApplied) {
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}});
  const std::string second = world_.commit({{"a.yaml", "a: 2\n"}});
  ASSERT_TRUE(read());
  source_.reset();
  std::filesystem::remove_all(world_.base() / "state");
  world_.git({"reset", "-q", "--hard", first});
  world_.push({"--force"});
  EXPECT_THAT(refused(second), HasSubstr("does not descend from"));
}

TEST_F(GitSourceTest, ASourceThatOnlyLooksMovesNothing) {
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}});
  ASSERT_TRUE(read());
  world_.commit({{"a.yaml", "a: 2\n"}});
  const auto looking = GitSource::open(settings_, {world_.base() / "state", false}, *secrets_);
  EXPECT_EQ((*looking)->read(first, Deadline::never())->changed.size(), 1U);
  EXPECT_EQ(source_->accepted(), first);
}

TEST_F(GitSourceTest, TagsVersionsAndCommitsCanBeMeant) {
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}});
  world_.git({"tag", "v1.2.0"});
  const std::string second = world_.commit({{"a.yaml", "a: 2\n"}});
  world_.git({"tag", "-a", "-m", "t", "v1.10.0"});
  const std::string third = world_.commit({{"a.yaml", "a: 3\n"}});
  world_.git({"tag", "v2.0.0"});
  world_.git({"tag", "v1.11.0-rc.1"});
  world_.git({"push", "-q", "--tags", "origin"});
  const auto head_of = [&](Reference reference) {
    settings_.ref = std::move(reference);
    settings_.key.name += "x";
    open();
    const auto delta = read();
    EXPECT_TRUE(delta) << delta.error().message;
    EXPECT_EQ(*source_->head(Deadline::never()), delta->revision);
    return delta->revision;
  };
  EXPECT_EQ(head_of({Reference::Kind::tag, "v1.2.0"}), first);
  EXPECT_EQ(head_of({Reference::Kind::tag, "v1.10.0"}), second);
  EXPECT_EQ(head_of({Reference::Kind::semver, "^1.2"}), second);
  EXPECT_EQ(head_of({Reference::Kind::semver, ">=1"}), third);
  EXPECT_EQ(head_of({Reference::Kind::semver, ">=1.11.0-rc.0 <2"}), third);
  EXPECT_EQ(head_of({Reference::Kind::commit, first}), first);
  settings_.ref = {Reference::Kind::semver, "^7"};
  open();
  EXPECT_THAT(refused(), HasSubstr("no tag on the remote is a version within \"^7\""));
  settings_.ref = {Reference::Kind::commit, std::string(40, 'a')};
  open();
  EXPECT_THAT(refused(), HasSubstr("is on no branch and no tag"));
}

TEST_F(GitSourceTest, AMovedTagIsRefused) {
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}});
  const std::string second = world_.commit({{"a.yaml", "a: 2\n"}});
  world_.git({"tag", "live"});
  world_.git({"push", "-q", "--tags", "origin"});
  settings_.ref = {Reference::Kind::tag, "live"};
  ASSERT_TRUE(read());
  world_.git({"tag", "-f", "live", first});
  world_.git({"push", "-q", "--force", "--tags", "origin"});
  EXPECT_THAT(refused(second), HasSubstr("tag \"live\""));
}

TEST_F(GitSourceTest, LinksPointersAndLargeFilesAreHeldAndNotRemoved) {
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}, {"b.yaml", "b: 1\n"}, {"c.yaml", "c: 1\n"}});
  ASSERT_TRUE(read());
  std::filesystem::remove(world_.work() / "a.yaml");
  std::filesystem::create_symlink("/etc/passwd", world_.work() / "a.yaml");
  std::filesystem::create_symlink("README", world_.work() / "LIESMICH");
  std::filesystem::create_symlink("..", world_.work() / "up");
  const std::string second =
      world_.commit({{"README", "x"},
                     {"b.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n"},
                     {"c.yaml", std::string((16 << 20) + 1, '#')}});
  const auto delta = read(first);
  ASSERT_TRUE(delta) << delta.error().message;
  EXPECT_THAT(delta->removed, IsEmpty());
  EXPECT_THAT(paths(*delta), IsEmpty());
  EXPECT_THAT(
      delta->unreadable,
      ElementsAre(Pair("a.yaml", HasSubstr("symbolic link")), Pair("b.yaml", HasSubstr("LFS pointer")),
                  Pair("c.yaml", HasSubstr("larger than 16777216 bytes")), Pair("up", HasSubstr("symbolic link"))));

  const std::string third = world_.commit({{"b.yaml", "b: 2\n"}, {"new.yaml", "n: 1\n"}});
  const auto next = read(second);
  EXPECT_THAT(paths(*next), ElementsAre("b.yaml", "new.yaml"));
  EXPECT_EQ(next->unreadable.size(), 3U);
  open();
  EXPECT_EQ(read(third)->unreadable.size(), 3U);
}

TEST_F(GitSourceTest, SubmodulesAndHostileNamesAreRefused) {
  world_.commit({{"a.yaml", "a: 1\n"}});
  const std::string blob = world_.git({"hash-object", "-w", "a.yaml"});
  const std::string head = world_.git({"rev-parse", "HEAD"});
  const auto entry = [](const std::string& mode, const std::string& type, const std::string& id,
                        const std::string& name) {
    return mode + " " + type + " " + id + "\t" + name + std::string(1, '\0');
  };
  world_.write("../listing", entry("100644", "blob", blob, "a.yaml") + entry("100644", "blob", blob, "..") +
                                 entry("160000", "commit", head, "sub") + entry("100644", "blob", blob, "bell\a.yaml") +
                                 entry("100644", "blob", blob, "bad\xff.yaml") + entry("100644", "blob", blob, ".GIT") +
                                 entry("100644", "blob", blob, "umlaut-\xc3\xa4.yaml"));
  world_.run({"sh", "-c",
              "cd " + world_.work().string() +
                  " && t=$(git mktree -z < ../listing) && c=$(git commit-tree -m "
                  "hostile -p HEAD $t) && git push -q origin $c:main"});
  const auto delta = read();
  ASSERT_TRUE(delta) << delta.error().message;
  EXPECT_THAT(paths(*delta), ElementsAre("a.yaml", "umlaut-\xc3\xa4.yaml"));
  EXPECT_THAT(delta->unreadable,
              ElementsAre(Pair("..", HasSubstr("leads elsewhere")), Pair(".GIT", HasSubstr("repository itself")),
                          Pair("bad\\xff.yaml", HasSubstr("not UTF-8")), Pair("bell\\x07.yaml", HasSubstr("control")),
                          Pair("sub", HasSubstr("submodule"))));
}

TEST_F(GitSourceTest, ADamagedObjectIsAFaultAndNeverAMissingFile) {
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}, {"b.yaml", "b: 1\n"}});
  ASSERT_TRUE(read());
  world_.commit({{"b.yaml", "b: 2\n"}});
  const std::string blob = world_.git({"rev-parse", "HEAD:b.yaml"});
  std::filesystem::remove(world_.remote() / "objects" / blob.substr(0, 2) / blob.substr(2));
  EXPECT_FALSE(read(first));
  EXPECT_EQ(source_->accepted(), first);
}

TEST_F(GitSourceTest, NothingOfTheStoreIsForOthers) {
  world_.commit({{"a.yaml", "a: 1\n"}});
  ASSERT_TRUE(read());
  for (const auto& each : std::filesystem::directory_iterator(world_.base() / "state/git"))
    for (const auto& inner : std::filesystem::directory_iterator(each)) {
      struct stat status {};
      ASSERT_EQ(::stat(inner.path().c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 0777, 0700U) << inner.path();
    }
}

TEST_F(GitSourceTest, BlameAndHistorySayWhoAndWhen) {
  const std::string first = world_.commit({{"m/a.yaml", "a: 1\nb: 1\n"}}, "Add a");
  settings_.path = "m";
  const std::string second = world_.commit({{"m/a.yaml", "a: 1\nb: 2\n"}}, "Change b");
  const std::string third = world_.commit({{"m/other.yaml", "x: 1\n"}}, "Other");
  ASSERT_TRUE(read());
  const auto blame = source_->history().blame("a.yaml", third);
  ASSERT_TRUE(blame) << blame.error().message;
  ASSERT_NE((*blame)->of_line(2), nullptr);
  EXPECT_EQ((*blame)->of_line(1)->id, first);
  EXPECT_EQ((*blame)->of_line(2)->subject, "Change b");
  EXPECT_EQ((*blame)->of_line(2)->email, "jane@corp.test");
  EXPECT_EQ((*blame)->of_line(3), nullptr);
  EXPECT_EQ(*source_->history().blame("a.yaml", third), *blame);
  EXPECT_EQ(source_->history().blame("none.yaml", third).error().fault, Fault::not_found);

  EXPECT_EQ(**source_->history().file("a.yaml", first), "a: 1\nb: 1\n");
  EXPECT_EQ(**source_->history().file("a.yaml", third), "a: 1\nb: 2\n");
  EXPECT_EQ(source_->history().file("other.yaml", first).error().fault, Fault::not_found);

  EXPECT_EQ(*source_->history().resolve("HEAD"), third);
  EXPECT_EQ(*source_->history().resolve("main~1"), second);
  EXPECT_EQ(*source_->history().resolve(first.substr(0, 8)), first);
  EXPECT_EQ(source_->history().resolve("nothing").error().fault, Fault::not_found);
  const auto all = source_->history().commits({"", third, "", 10}, Deadline::never());
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ(all->front().subject, "Other");
  const auto of_file = source_->history().commits({first, third, "a.yaml", 10}, Deadline::never());
  ASSERT_EQ(of_file->size(), 1U);
  EXPECT_EQ(of_file->front().id, second);
  EXPECT_THAT(paths(*source_->history().tree(first, "", Deadline::never())), ElementsAre("a.yaml"));
  EXPECT_THAT(paths(*source_->history().tree(third, second, Deadline::never())), ElementsAre("other.yaml"));
}

}  // namespace
}  // namespace plumb::git
