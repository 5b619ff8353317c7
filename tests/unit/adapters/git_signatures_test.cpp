// Which commits are taken where signatures are asked for; signed by the real git, gpg and ssh-keygen.
#include "tests/unit/adapters/git_source_fixture.h"

namespace plumb::git {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class GitSignatureTest : public GitSourceFixture {
 protected:
  GitSignatureTest() : jane_(world_.make_ssh_key("jane")) {
    settings_.verify = true;
    allow("jane", jane_);
  }
  void allow(const std::string& name, const std::string& key_file, std::vector<std::string> paths = {}) {
    settings_.keys.push_back({name, "", key_file + ".pub", std::move(paths)});
  }
  std::string signed_commit(const std::map<std::string, std::string>& files, const std::string& key) {
    return world_.commit(files, "change", world_.signed_by_ssh(key));
  }

  std::string jane_;
};

TEST_F(GitSignatureTest, CommitsByAnAllowedSshKeyAreTakenAndNamed) {
  const std::string first = signed_commit({{"a.yaml", "a: 1\n"}}, jane_);
  ASSERT_TRUE(read());
  const std::string second = signed_commit({{"a.yaml", "a: 2\n"}}, jane_);
  const auto delta = read(first);
  ASSERT_TRUE(delta) << delta.error().message;
  EXPECT_EQ(source_->history().commit(second)->signer, "jane");
}

TEST_F(GitSignatureTest, OneUnsignedCommitOfManyIsEnoughToRefuse) {
  const std::string first = signed_commit({{"a.yaml", "a: 1\n"}}, jane_);
  ASSERT_TRUE(read());
  const std::string bad = world_.commit({{"a.yaml", "a: 2\n"}}, "Sneak in");
  signed_commit({{"a.yaml", "a: 3\n"}}, jane_);
  const auto delta = read(first);
  ASSERT_FALSE(delta);
  EXPECT_EQ(delta.error().fault, Fault::denied);
  EXPECT_THAT(delta.error().message, AllOf(HasSubstr(bad.substr(0, 12)), HasSubstr("Jane Doe <jane@corp.test>"),
                                           HasSubstr("Sneak in"), HasSubstr("it is not signed")));
  EXPECT_EQ(source_->accepted(), first);
}

TEST_F(GitSignatureTest, AKeyThatIsNotAllowedIsRefused) {
  signed_commit({{"a.yaml", "a: 1\n"}}, world_.make_ssh_key("mallory"));
  EXPECT_THAT(refused(), HasSubstr("SSH key that is not allowed"));
}

TEST_F(GitSignatureTest, ASignatureOverSomethingElseIsRefused) {
  signed_commit({{"a.yaml", "a: 1\n"}}, jane_);
  world_.run({"sh", "-c",
              "cd " + world_.work().string() +
                  " && c=$(git cat-file commit HEAD | sed 's/^change$/changed/' | git hash-object -t commit -w "
                  "--stdin) && git push -q --force origin $c:main"});
  EXPECT_THAT(refused(), HasSubstr("SSH signature does not match"));
}

TEST_F(GitSignatureTest, OpenPgpKeysAreVerifiedByGpg) {
  const std::string key = world_.make_pgp_key("jane@corp.test"), other = world_.make_pgp_key("mallory@corp.test");
  settings_.keys = {{"jane-pgp", world_.pgp_public_key(key), "", {}}};
  const std::string first = world_.commit({{"a.yaml", "a: 1\n"}}, "one", world_.signed_by_pgp(key));
  const auto delta = read();
  ASSERT_TRUE(delta) << delta.error().message;
  EXPECT_EQ(source_->history().commit(first)->signer, "jane-pgp");
  world_.run({"sh", "-c",
              "cd " + world_.work().string() +
                  " && c=$(git cat-file commit HEAD | sed 's/^one$/two/' | git hash-object -t commit -w "
                  "--stdin) && git push -q origin $c:refs/heads/forged"});
  settings_.ref = {Reference::Kind::branch, "forged"};
  settings_.key.name = "forged";
  open();
  EXPECT_THAT(refused(), HasSubstr("OpenPGP signature does not match"));
  settings_.ref = {};
  settings_.key.name = "company";
  open();
  world_.commit({{"a.yaml", "a: 2\n"}}, "two", world_.signed_by_pgp(other));
  EXPECT_THAT(refused(first), AllOf(HasSubstr("OpenPGP key"), HasSubstr("not allowed")));
}

TEST_F(GitSignatureTest, AKeyMayChangeOnlyItsPaths) {
  const std::string bob = world_.make_ssh_key("bob");
  allow("bob", bob, {"users/**"});
  const std::string first = signed_commit({{"groups/admins.yaml", "a: 1\n"}}, jane_);
  ASSERT_TRUE(read());
  const std::string second = signed_commit({{"users/x.yaml", "a: 1\n"}}, bob);
  ASSERT_TRUE(read(first));
  signed_commit({{"users/x.yaml", "a: 2\n"}, {"groups/admins.yaml", "a: 2\n"}}, bob);
  EXPECT_THAT(refused(second), HasSubstr("it changes groups/admins.yaml, which key \"bob\" may not"));
}

TEST_F(GitSignatureTest, AMergeBringsInWhatOthersSignedButCannotUndoIt) {
  const std::string bob = world_.make_ssh_key("bob");
  allow("bob", bob, {"users/**"});
  const std::string first = signed_commit({{"groups/a.yaml", "a: 1\n"}, {"users/x.yaml", "x: 1\n"}}, jane_);
  ASSERT_TRUE(read());
  world_.git({"checkout", "-q", "-b", "bobs"});
  signed_commit({{"users/x.yaml", "x: 2\n"}}, bob);
  world_.git({"checkout", "-q", "main"});
  signed_commit({{"groups/a.yaml", "a: 2\n"}}, jane_);
  const auto merge = [&](std::vector<std::string> options) {
    std::vector<std::string> command = world_.signed_by_ssh(bob);
    command.insert(command.end(), {"merge", "-q", "--no-ff", "-m", "merge"});
    command.insert(command.end(), options.begin(), options.end());
    world_.git(command);
    world_.push();
  };
  merge({"bobs"});
  const auto clean = read(first);
  ASSERT_TRUE(clean) << clean.error().message;
  // "ours" of the old branch: what Jane changed meanwhile is put back without a commit that says so.
  world_.git({"checkout", "-q", "bobs"});
  signed_commit({{"users/x.yaml", "x: 3\n"}}, bob);
  merge({"-s", "ours", "main"});
  world_.git({"push", "-q", "origin", "bobs:main"});
  EXPECT_THAT(refused(clean->revision), HasSubstr("it changes groups/a.yaml, which key \"bob\" may not"));
}

TEST_F(GitSignatureTest, FromATrustedCommitOnEverythingIsVerified) {
  const std::string unsigned_start = world_.commit({{"a.yaml", "a: 1\n"}});
  const std::string bad = world_.commit({{"a.yaml", "a: 2\n"}});
  signed_commit({{"a.yaml", "a: 3\n"}}, jane_);
  settings_.trusted_commit = unsigned_start;
  EXPECT_THAT(refused(), HasSubstr(bad.substr(0, 12)));
  settings_.trusted_commit = bad;
  open();
  EXPECT_TRUE(read());
}

TEST_F(GitSignatureTest, AKeyThatIsNoneIsSaidWhenOpening) {
  settings_.keys = {{"broken", "ssh-ed25519 not*base64", "", {}}};
  const auto opened = GitSource::open(settings_, {world_.base() / "state"}, *secrets_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, AllOf(HasSubstr("\"broken\""), HasSubstr("OpenPGP")));
}

}  // namespace
}  // namespace plumb::git
