// `plumbline run --source`: a real Git remote, a real domain, and what goes wrong between them.

#include <csignal>
#include <fstream>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/quickstart.h"
#include "tests/support/git_servers.h"
#include "tests/support/git_world.h"

namespace plumb::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

const std::vector<std::string> kPeople = {"apopov", "fdiallo", "jdoe", "lchen", "mkeller"};

class GitRun : public OnQuickstart {
 protected:
  void prepare() override {
    git_.emplace();
    first_ = git_->commit(tree(), "First", signature_);
    source(git_->url());
    bench_->environment().erase("PLUMBLINE_MANIFESTS");
    bench_->environment()["PLUMBLINE_SOURCE"] = (bench_->folder() / "source.yaml").string();
  }

  std::map<std::string, std::string> tree() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(bench_->manifests()))
      if (entry.is_regular_file())
        files[std::filesystem::relative(entry.path(), bench_->manifests()).string()] = GitWorld::text_of(entry.path());
    return files;
  }
  // The manifest of a user, with another title.
  std::string user(const std::string& name, const std::string& title) const {
    const std::string text = GitWorld::text_of(git_->work() / ("users/" + name + ".yaml"));
    const std::string changed = std::regex_replace(text, std::regex("title: .*"), "title: " + title);
    EXPECT_NE(text, changed);
    return changed;
  }
  // The remote is asked every half second, unless `more` says otherwise.
  void source(const std::string& url, const std::string& more = "  interval: 500ms\n") const {
    std::ofstream(bench_->folder() / "source.yaml")
        << "apiVersion: plumbline.dev/v1alpha1\nkind: GitRepository\nmetadata: {name: company}\nspec:\n  url: " << url
        << "\n"
        << more;
  }
  // The domain is looked at when it says so, never by itself.
  std::unique_ptr<Background> start() {
    return std::make_unique<Background>(bench_->command({"run", "--interval", "1h", "--poll", "1h"}),
                                        bench_->environment());
  }
  void by_hand(const std::string& account, const std::string& title) const {
    const std::string found = bench_->search("(sAMAccountName=" + account + ")", {"dn"});
    const auto from = found.find("dn: "), end = found.find('\n', from);
    ASSERT_NE(from, std::string::npos) << found;
    bench_->ldif(found.substr(from, end - from) + "\nchangetype: modify\nreplace: title\ntitle: " + title + "\n");
  }
  std::string looked_at(const std::string& kind) const { return bench_->plumbline({"get", kind, "-o", "yaml"}).output; }
  void force(const std::string& message, const std::string& title) {
    git_->git({"reset", "-q", "--hard", first_});
    git_->write("users/jdoe.yaml", user("jdoe", title));
    git_->git({"commit", "-q", "-a", "-m", message});
    git_->push({"--force"});
  }

  std::optional<GitWorld> git_;
  std::vector<std::string> signature_;  // options of git
  std::string first_;
};

TEST_F(GitRun, WritesACommitAndSaysWhichOne) {
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();

  const std::string commit = git_->commit({{"users/jdoe.yaml", user("jdoe", "Director")}}, "Promote");

  ASSERT_TRUE(run->prints("source.moved GitRepository/default/company: commit " + commit)) << run->output();
  ASSERT_TRUE(run->prints("manifests.loaded revision " + commit.substr(0, 12))) << run->output();
  ASSERT_TRUE(run->prints("plan.made")) << run->output();
  ASSERT_TRUE(run->prints("change.done")) << run->output();
  ASSERT_TRUE(run->prints("revision " + commit.substr(0, 12))) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Director");
  EXPECT_THAT(looked_at("gitrepositories"), HasSubstr("revision: " + commit));
}

TEST_F(GitRun, PutsBackWhatFiveHandsChangedAndTheAuditSaysWhenAndWhere) {
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  std::map<std::string, std::string> titles;
  for (const std::string& name : kPeople) titles[name] = bench_->value(name, "title");

  for (const std::string& name : kPeople) by_hand(name, "King");

  for (std::size_t i = 0; i < kPeople.size(); ++i)
    ASSERT_TRUE(run->prints("change.done update ADUser", seconds(5))) << run->output();
  for (const std::string& name : kPeople) EXPECT_EQ(bench_->value(name, "title"), titles[name]) << name;
  const std::string audit = bench_->plumbline({"audit", "list"}).output;
  std::size_t told = 0;
  for (auto at = audit.find("put back what others changed: title, changed 20"); at != std::string::npos;
       at = audit.find("put back what others changed: title, changed 20", at + 1))
    ++told;
  EXPECT_EQ(told, kPeople.size()) << audit;
  EXPECT_THAT(audit, HasSubstr("Z on DC1"));
}

TEST_F(GitRun, StopsAtARewrittenBranchUntilAPersonAcceptsIt) {
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  const std::string good = git_->commit({{"users/jdoe.yaml", user("jdoe", "Director")}}, "Promote");
  ASSERT_TRUE(run->prints("1 applied")) << run->output();

  force("Rewritten", "Intruder");

  ASSERT_TRUE(run->prints("source.unavailable")) << run->output();
  ASSERT_TRUE(run->prints("going on with revision " + good.substr(0, 12))) << run->output();
  EXPECT_THAT(run->output(), HasSubstr("was rewritten"));
  EXPECT_THAT(bench_->plumbline({"get", "gitrepo"}).output, HasSubstr("Refused"));
  by_hand("jdoe", "King");  // the lane goes on with what was good
  ASSERT_TRUE(run->prints("1 applied")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Director");

  const std::string rewritten = git_->git({"rev-parse", "HEAD"});
  const Ran accepted = bench_->plumbline({"source", "accept", rewritten.substr(0, 12), "--reason", "CHG-7"});
  EXPECT_EQ(accepted.status, 0) << accepted.output;

  ASSERT_TRUE(run->prints("1 applied")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Intruder");
  EXPECT_THAT(bench_->plumbline({"get", "gitrepo"}).output, HasSubstr("Taken"));
  EXPECT_THAT(bench_->plumbline({"audit", "list"}).output,
              HasSubstr("may go from commit " + good + " to " + rewritten + ": CHG-7"));
}

TEST_F(GitRun, HoldsWhatABrokenFileDeclaresAndAppliesTheRestOfItsCommit) {
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  git_->commit({{"users/lchen.yaml", user("lchen", "Auditor")}}, "Good");
  ASSERT_TRUE(run->prints("1 applied")) << run->output();

  git_->commit({{"users/jdoe.yaml", "kind: [ADUser\n"}, {"users/mkeller.yaml", user("mkeller", "Chair")}}, "Broken");

  ASSERT_TRUE(run->prints("manifest.invalid users/jdoe.yaml")) << run->output();
  ASSERT_TRUE(run->prints("1 applied")) << run->output();
  EXPECT_EQ(bench_->value("mkeller", "title"), "Chair");
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");
  EXPECT_EQ(bench_->value("jdoe", "userAccountControl"), "512");
}

TEST_F(GitRun, RemovesNothingWhenTheBranchIsDeletedAndGoesOnWhenItIsBack) {
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();

  git_->run({"git", "-C", git_->remote().string(), "update-ref", "-d", "refs/heads/main"});

  ASSERT_TRUE(run->prints("source.unavailable")) << run->output();
  EXPECT_THAT(bench_->plumbline({"get", "gitrepo"}).output, HasSubstr("Unavailable"));
  by_hand("jdoe", "King");
  ASSERT_TRUE(run->prints("1 applied")) << run->output();
  EXPECT_EQ(bench_->value("lchen", "userAccountControl"), "512");

  git_->commit({{"users/jdoe.yaml", user("jdoe", "Director")}}, "Back");
  ASSERT_TRUE(run->prints("source.recovered")) << run->output();
  EXPECT_EQ(bench_->plumbline({"audit", "verify"}).status, 0);
}

TEST_F(GitRun, BeginsWithTheLastCommitWhenTheRemoteIsDown) {
  {
    const Server daemon = git_daemon(*git_);
    source("git://127.0.0.1:" + std::to_string(daemon.port()) + "/remote.git");
    const auto run = start();
    ASSERT_TRUE(run->prints("13 applied")) << run->output();
    run->signal(SIGTERM);
    ASSERT_EQ(run->ends(), 0) << run->output();
  }
  by_hand("jdoe", "King");

  const auto run = start();

  ASSERT_TRUE(run->prints("going on with revision " + first_.substr(0, 12))) << run->output();
  ASSERT_TRUE(run->prints("1 applied")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");
  EXPECT_THAT(bench_->plumbline({"plan"}).output, HasSubstr("the last one taken"));
}

TEST_F(GitRun, LooksWhenAWebhookWithAGoodSignatureComes) {
  const std::string port = std::to_string(free_port());
  source(git_->url(), "  interval: 10h\n  webhook:\n    listen: 127.0.0.1:" + port +
                          "\n    provider: GitLab\n    secretFrom: {env: HOOK_SECRET}\n");
  bench_->environment()["HOOK_SECRET"] = "hush";
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  git_->commit({{"users/jdoe.yaml", user("jdoe", "Director")}}, "Promote");
  const auto call = [&](const std::string& token) {
    return run_program({"/usr/bin/python3", "-c",
                        "import sys, urllib.request, urllib.error\n"
                        "r = urllib.request.Request(sys.argv[1], b'{}', {'X-Gitlab-Token': sys.argv[2]})\n"
                        "try: print(urllib.request.urlopen(r).status)\n"
                        "except urllib.error.HTTPError as e: print(e.code)\n",
                        "http://127.0.0.1:" + port + "/hooks/company", token})
        .output;
  };

  EXPECT_EQ(call("wrong"), "401\n");
  ASSERT_TRUE(run->prints("webhook.refused")) << run->output();
  EXPECT_THAT(run->output(), Not(HasSubstr("commit " + git_->git({"rev-parse", "HEAD"}))));
  EXPECT_EQ(call("hush"), "202\n");

  ASSERT_TRUE(run->prints("1 applied")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Director");
}

TEST_F(GitRun, KeepsAManualChangeUntilItsTimeAndNotLonger) {
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  EXPECT_EQ(bench_->plumbline({"hold", "aduser/nobody", "--until", "1h", "--reason", "x"}).status, 1);
  const Ran held =
      bench_->plumbline({"hold", "aduser/jdoe", "--attribute", "title", "--until", "1h", "--reason", "INC-7"});
  ASSERT_EQ(held.status, 0) << held.output;
  by_hand("jdoe", "King");
  by_hand("lchen", "Queen");
  ASSERT_TRUE(run->prints("change.done update ADUser/default/lchen")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "King");
  EXPECT_THAT(bench_->plumbline({"hold", "--list"}).output, HasSubstr("INC-7"));

  EXPECT_EQ(bench_->plumbline({"hold", "--release", "aduser/jdoe"}).status, 0);
  EXPECT_EQ(bench_->plumbline({"reconcile"}).status, 0);

  ASSERT_TRUE(run->prints("change.done update ADUser/default/jdoe")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");
}

TEST_F(GitRun, AppliesNoCommitWhileItIsPinnedAndTheNewestOnRelease) {
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  git_->commit({{"users/jdoe.yaml", user("jdoe", "Director")}}, "Promote");
  ASSERT_TRUE(run->prints("1 applied")) << run->output();

  const Ran pinned = bench_->plumbline({"rollback", first_.substr(0, 12), "--pin", "--reason", "too early"});
  EXPECT_EQ(pinned.status, 0) << pinned.output;
  ASSERT_TRUE(run->prints("1 applied")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");
  const std::string newest = git_->commit({{"users/jdoe.yaml", user("jdoe", "Chair")}}, "Promote again");
  ASSERT_TRUE(run->prints("source.moved GitRepository/default/company: commit " + newest)) << run->output();
  by_hand("lchen", "Queen");  // a round that works with what is pinned
  ASSERT_TRUE(run->prints("change.done update ADUser/default/lchen")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");

  EXPECT_EQ(bench_->plumbline({"rollback", "--release"}).status, 0);

  ASSERT_TRUE(run->prints("change.done update ADUser/default/jdoe")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Chair");
}

TEST_F(GitRun, RefusesACommitThatNobodyWhoMaySigned) {
  const std::string key = git_->make_ssh_key("jane");
  signature_ = git_->signed_by_ssh(key);
  first_ = git_->commit({}, "Signed", signature_);
  source(git_->url(),
         "  interval: 500ms\n  verify:\n    mode: EveryCommit\n    keys:\n      - name: jane\n"
         "        publicKeyFile: " +
             key + ".pub\n");
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();

  git_->commit({{"users/jdoe.yaml", user("jdoe", "Intruder")}}, "Not signed");

  ASSERT_TRUE(run->prints("source.unavailable")) << run->output();
  EXPECT_THAT(run->output(), HasSubstr("is not signed"));
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");
  EXPECT_EQ(bench_->plumbline({"reconcile", "nowhere"}).status, 1);
  run->signal(SIGTERM);
  ASSERT_EQ(run->ends(), 0);
  EXPECT_THAT(bench_->plumbline({"reconcile"}).output, HasSubstr("no controller runs"));
}

}  // namespace
}  // namespace plumb::test
