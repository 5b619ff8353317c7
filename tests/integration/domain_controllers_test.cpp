// `plumbline run` while its domain controller is set back to an old copy of its disk, and while another one takes over
// that has not heard of the newest changes.

#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/quickstart.h"
#include "tests/support/tcp_proxy.h"

namespace plumb::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kScript = std::string(PLUMB_SOURCE_DIR) + "/scripts/samba-dc";
constexpr std::chrono::seconds kLong{60};
// Enough for the handshake, for the refusal of the cursor, and for a part of what is read then.
constexpr std::int64_t kHalfOfARead = 9000;

void run_well(const std::string& shell) {
  const Ran ran = run_program({"/bin/sh", "-ec", shell});
  ASSERT_EQ(ran.status, 0) << shell << ": " << ran.output;
}

// A second domain controller of the domain, at an address of its own. It hears of what the first one knows only when it
// is told to.
class Second {
 public:
  explicit Second(const Samba& first)
      : first_(first),
        folder_(first.folder() + "/second"),
        address_("127.0.1" + first.address.substr(first.address.rfind('.'))) {
    run_well(kScript + " start " + folder_ + " --address " + address_ + " --join " + of_first() + " >/dev/null");
    run_well("cat " + first.ca_file + " " + folder_ + "/ca.pem > " + ca_files());
  }
  ~Second() { run_program({kScript, "wipe", folder_}); }
  Second(const Second&) = delete;
  Second& operator=(const Second&) = delete;

  const std::string& address() const { return address_; }
  std::string ca_files() const { return folder_ + "/both.pem"; }  // of both
  void hear() const { run_well(kScript + " replicate " + folder_ + " " + of_first()); }
  void tell() const { run_well(kScript + " replicate " + of_first() + " " + folder_); }
  // What this one holds, as LDIF.
  std::string search(const std::string& filter) const {
    return run_program({"env", "LDAPTLS_CACERT=" + ca_files(), "ldapsearch", "-LLL", "-x", "-H", "ldaps://" + address_,
                        "-D", first_.admin, "-w", first_.password, "-b", "OU=Corp,DC=ad,DC=test", filter, "title",
                        "userAccountControl"})
        .output;
  }
  std::string holds(const std::string& account) const { return search("(sAMAccountName=" + account + ")"); }

 private:
  std::string of_first() const { return first_.folder() + "/dc"; }

  const Samba& first_;
  std::string folder_, address_;
};

class DomainControllerRun : public OnQuickstart {
 protected:
  static std::string quoted(const std::string& text) { return '"' + text + '"'; }
  static std::string through(const TcpProxy& proxy) { return "ldaps://127.0.0.1:" + std::to_string(proxy.port()); }
  // Timeouts are short: nobody waits for a server that is gone. The name is one that the certificates of both have.
  void directory(const std::string& servers, const std::string& ca_file) const {
    std::string text =
        "apiVersion: plumbline.dev/v1alpha1\nkind: Directory\nmetadata: {name: corp}\nspec:\n  servers: [" + servers +
        "]\n  baseDNs: [\"DC=ad,DC=test\"]\n  managedScope: [\"OU=Corp,DC=ad,DC=test\"]\n  credentialRef: {name: "
        "corp-bind}\n  tls: {caFile: " +
        ca_file +
        ", serverName: ad.test}\n  timeouts: {connect: 2s, operation: 2s, read: 10s}\n---\napiVersion: "
        "plumbline.dev/v1alpha1\nkind: "
        "Credential\nmetadata: {name: corp-bind}\nspec:\n  type: ldapBind\n  ldapBind: {username: "
        "svc-plumbline@AD.TEST, passwordFrom: {env: PLUMBLINE_BIND_PASSWORD}}\n";
    bench_->write("directory.yaml", text);
  }
  std::unique_ptr<Background> start() {
    return std::make_unique<Background>(
        bench_->command({"run", "--interval", "1h", "--poll", "1h", "--confirm-removal", "1s"}), bench_->environment());
  }
  void user(const std::string& name, const std::string& title) const {
    bench_->write("users/" + name + ".yaml",
                  "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: " + name +
                      "}\nspec:\n  organizationalUnitRef: {name: people}\n  title: " + title + "\n");
  }
  std::string status(const std::string& what) const { return bench_->plumbline({"get", what, "-o", "yaml"}).output; }
};

TEST_F(DomainControllerRun, OneThatIsSetBackToAnOldCopyIsReadAnewAndRemovesNobodyBeforeThat) {
  TcpProxy proxy(samba_->address, 636);
  directory(quoted(through(proxy)), samba_->ca_file);
  auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  run->signal(SIGTERM);
  ASSERT_EQ(run->ends(), 0) << run->output();
  samba_->keep_a_copy();
  run = start();
  ASSERT_TRUE(run->prints("manifests.loaded")) << run->output();
  user("newbie", "Trainee");
  user("lchen", "Auditor");
  ASSERT_TRUE(run->prints("change.done create ADUser/default/newbie")) << run->output();
  ASSERT_TRUE(run->prints("round.applied")) << run->output();
  // Whoever looks at what somebody did has seen what was written before.
  bench_->ldif("dn: CN=Jane Doe,OU=People,OU=Corp,DC=ad,DC=test\nchangetype: modify\nreplace: title\ntitle: King\n");
  ASSERT_TRUE(run->prints("change.done update ADUser/default/jdoe")) << run->output();

  proxy.fail_after(0, TcpProxy::Fault::cut);
  samba_->set_back();
  bench_->remove("users/tweber.yaml");
  ASSERT_TRUE(run->prints("lane.failed")) << run->output();
  proxy.fail_after(kHalfOfARead, TcpProxy::Fault::cut);
  ASSERT_TRUE(run->prints("mirror.refused")) << run->output();
  EXPECT_EQ(bench_->value("tweber", "userAccountControl"), "512") << "the read was cut off";
  EXPECT_THAT(run->output(), Not(HasSubstr("disable ADUser")));
  EXPECT_THAT(status("directory"), HasSubstr("Reachable"));
  proxy.heal();

  ASSERT_TRUE(run->prints("was restored from an old copy", kLong)) << run->output();
  ASSERT_TRUE(run->prints("change.done disable ADUser/default/tweber", kLong)) << run->output();
  EXPECT_EQ(bench_->value("tweber", "userAccountControl"), "514");
  EXPECT_EQ(bench_->value("lchen", "title"), "Auditor");
  EXPECT_EQ(bench_->value("lchen", "userAccountControl"), "512");
  EXPECT_FALSE(bench_->exists("newbie")) << "not created again before it is certain that it is gone";
  EXPECT_THAT(status("aduser/newbie"), HasSubstr("another server may not have heard of it yet"));
  EXPECT_THAT(status("directory"), HasSubstr("was restored from an old copy"));
  EXPECT_EQ(bench_->plumbline({"audit", "verify"}).status, 0);
}

TEST_F(DomainControllerRun, OneThatHasNotHeardOfTheNewestChangesTakesOverAndNobodyIsCreatedTwice) {
  directory(quoted(samba_->url), samba_->ca_file);
  const Ran applied = bench_->plumbline({"apply", "--yes"});
  ASSERT_EQ(applied.status, 0) << applied.output;
  const Second second(*samba_);
  TcpProxy proxy(second.address(), 636);
  directory(quoted(samba_->url) + ", " + quoted(through(proxy)), second.ca_files());
  const auto run = start();
  ASSERT_TRUE(run->prints("manifests.loaded")) << run->output();
  user("newbie", "Trainee");
  user("lchen", "Auditor");
  ASSERT_TRUE(run->prints("change.done create ADUser/default/newbie")) << run->output();
  ASSERT_TRUE(run->prints("round.applied")) << run->output();

  proxy.fail_after(kHalfOfARead, TcpProxy::Fault::cut);
  samba_->kill();
  bench_->remove("users/tweber.yaml");
  ASSERT_TRUE(run->prints("mirror.refused")) << run->output();
  ASSERT_TRUE(run->prints("another domain controller than the last time")) << run->output();
  EXPECT_THAT(second.holds("tweber"), HasSubstr("userAccountControl: 512")) << "the read was cut off";
  EXPECT_THAT(run->output(), Not(HasSubstr("disable ADUser")));
  proxy.heal();

  ASSERT_TRUE(run->prints("change.done disable ADUser/default/tweber", kLong)) << run->output();
  ASSERT_TRUE(run->prints("round.applied")) << run->output();
  EXPECT_THAT(second.holds("tweber"), HasSubstr("userAccountControl: 514"));
  EXPECT_THAT(second.holds("lchen"), HasSubstr("title: Auditor"));
  EXPECT_THAT(second.holds("newbie"), Not(HasSubstr("dn:")));
  EXPECT_THAT(status("aduser/newbie"), HasSubstr("another server may not have heard of it yet"));
  EXPECT_THAT(status("directory"), HasSubstr("another domain controller than the last time"));

  samba_->start();
  second.hear();
  second.tell();
  run->signal(SIGTERM);
  ASSERT_EQ(run->ends(), 0) << run->output();
  EXPECT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  EXPECT_EQ(bench_->value("tweber", "userAccountControl"), "514");
  EXPECT_EQ(bench_->value("newbie", "title"), "Trainee");
  EXPECT_THAT(second.holds("newbie"), HasSubstr("title: Trainee"));
  EXPECT_THAT(second.search("(cn=*CNF:*)"), Not(HasSubstr("dn:")));
}

TEST_F(DomainControllerRun, WhatAKilledProcessHadCreatedOnTheOtherOneIsFoundOnceThatIsHeardOf) {
  TcpProxy slow(samba_->address, 636);
  directory(quoted(through(slow)), samba_->ca_file);
  const Ran applied = bench_->plumbline({"apply", "--yes"});
  ASSERT_EQ(applied.status, 0) << applied.output;
  const Second second(*samba_);
  directory(quoted(through(slow)) + ", " + quoted("ldaps://" + second.address()), second.ca_files());
  {
    const auto run = start();
    ASSERT_TRUE(run->prints("manifests.loaded")) << run->output();
    user("first", "Trainee");
    ASSERT_TRUE(run->prints("round.applied", kLong)) << run->output();
    slow.delay(std::chrono::milliseconds(400));  // it is there before the answer is
    user("newbie", "Trainee");
    while (!bench_->exists("newbie")) ASSERT_FALSE(run->prints("lane.failed", std::chrono::seconds(0)));
    run->signal(SIGKILL);
    run->ends();
  }
  samba_->kill();

  const auto run = start();

  ASSERT_TRUE(run->prints("mirror.refused", kLong)) << run->output();
  ASSERT_TRUE(run->prints("plan.made", kLong)) << run->output();
  EXPECT_THAT(second.holds("newbie"), Not(HasSubstr("dn:")));
  EXPECT_THAT(status("aduser/newbie"), HasSubstr("Missing"));
  samba_->start();
  second.hear();
  second.tell();
  EXPECT_EQ(bench_->plumbline({"reconcile"}).status, 0);
  user("last", "Trainee");
  ASSERT_TRUE(run->prints("change.done create ADUser/default/last", kLong)) << run->output();
  ASSERT_TRUE(run->prints("round.applied", kLong)) << run->output();
  EXPECT_THAT(status("aduser/newbie"), Not(HasSubstr("Missing")));
  EXPECT_THAT(run->output(), Not(HasSubstr("create ADUser/default/newbie")));
  EXPECT_THAT(second.search("(cn=*CNF:*)"), Not(HasSubstr("dn:")));
  EXPECT_EQ(bench_->plumbline({"audit", "verify"}).status, 0);
}

}  // namespace
}  // namespace plumb::test
