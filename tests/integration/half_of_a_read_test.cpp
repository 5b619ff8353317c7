// The fourth of the ten ways to hurt a domain: a server that goes away in the middle of a read.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/tcp_proxy.h"
#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

struct Cut {
  TcpProxy::Fault fault;
  int percent;  // of what a whole run reads from the server, handshake and bind included
};

class HalfOfARead : public testing::TestWithParam<Cut> {
 protected:
  void SetUp() override { PLUMB_NEED_SAMBA(); }
};

TEST_P(HalfOfARead, IsAnErrorAndNeverAnAbsence) {
  std::string why;
  const Samba& samba = *Samba::get(why);
  Workbench bench(samba);
  TcpProxy proxy(samba.address, 636);
  bench.server("ldaps://127.0.0.1:" + std::to_string(proxy.port()));
  bench.copy(std::filesystem::path(PLUMB_SOURCE_DIR) / "examples/quickstart/manifests");
  std::string text =
      "apiVersion: plumbline.dev/v1alpha1\nkind: Directory\nmetadata: {name: corp}\nspec:\n  servers: "
      "[\"ldaps://dc1.ad.test\"]\n  baseDNs: [\"DC=ad,DC=test\"]\n  managedScope: "
      "[\"OU=Corp,DC=ad,DC=test\"]\n  credentialRef: {name: corp-bind}\n  tls: {caFile: "
      "/etc/plumbline/ad-ca.pem, serverName: dc1.ad.test}\n  timeouts: {connect: 2s, operation: 2s, read: "
      "4s}\n---\napiVersion: plumbline.dev/v1alpha1\nkind: Credential\nmetadata: {name: "
      "corp-bind}\nspec:\n  type: ldapBind\n  ldapBind: {username: svc-plumbline@AD.TEST, passwordFrom: "
      "{env: PLUMBLINE_BIND_PASSWORD}}\n";
  bench.write("directory.yaml", text);
  const Ran created = bench.plumbline({"apply", "--yes"});
  ASSERT_EQ(created.status, 0) << created.output;
  const std::string before = bench.search("(objectClass=*)", {"*"});
  bench.remove("users/tweber.yaml");
  const auto until_now = proxy.from_server();
  ASSERT_EQ(bench.plumbline({"plan"}).status, 0);
  const auto whole_read = proxy.from_server() - until_now;

  proxy.fail_after(whole_read * GetParam().percent / 100, GetParam().fault);
  const Ran ran = bench.plumbline({"apply", "--yes"});

  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_EQ(bench.search("(objectClass=*)", {"*"}), before);

  proxy.heal();
  const Ran healed = bench.plumbline({"apply", "--yes"});
  EXPECT_EQ(healed.status, 0) << healed.output;
  EXPECT_EQ(bench.value("tweber", "userAccountControl"), "514");
}

INSTANTIATE_TEST_SUITE_P(Faults, HalfOfARead,
                         testing::Values(Cut{TcpProxy::Fault::cut, 20}, Cut{TcpProxy::Fault::cut, 50},
                                         Cut{TcpProxy::Fault::cut, 80}, Cut{TcpProxy::Fault::cut, 98},
                                         Cut{TcpProxy::Fault::reset, 70}, Cut{TcpProxy::Fault::black_hole, 70}));

}  // namespace
}  // namespace plumb::test
