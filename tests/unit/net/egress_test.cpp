#include "controller/net/egress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb::net {
namespace {

using ::testing::HasSubstr;

bool allowed(const std::vector<std::string>& rules, const char* host, const char* address, std::uint16_t port = 443) {
  const auto egress = Egress::parse(rules);
  EXPECT_TRUE(egress) << egress.error().message;
  return egress->allowed(host, address, port).has_value();
}

TEST(Egress, PublicAddressesAreOpen) {
  for (const char* address : {"1.1.1.1",
                              "8.8.8.8",
                              "9.255.255.255",
                              "11.0.0.0",
                              "100.63.255.255",
                              "100.128.0.0",
                              "126.255.255.255",
                              "128.0.0.0",
                              "169.253.255.255",
                              "169.255.0.0",
                              "172.15.255.255",
                              "172.32.0.0",
                              "192.0.1.0",
                              "192.167.255.255",
                              "192.169.0.0",
                              "198.17.255.255",
                              "198.20.0.0",
                              "223.255.255.255",
                              "2606:4700:4700::1111",
                              "2a00::1",
                              "2001:4860:4860::8888",
                              "::ffff:1.1.1.1",
                              "64:ff9b::1.1.1.1",
                              "2002:101:101::1"})
    EXPECT_TRUE(allowed({}, address, address)) << address;
}

TEST(Egress, AllOthersAreClosed) {
  for (const char* address :
       {"0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1",
        "127.255.255.255", "169.254.0.1", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.8", "192.0.2.1",
        "192.88.99.1", "192.168.0.0", "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1",
        "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        // and of IPv6
        "::", "::1", "::2", "100::1", "fc00::1", "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "2001:db8::1",
        "2001::1", "2001:10::1", "3fff::1", "4000::1", "5f00::1", "64:ff9b:1::1", "64:ff9b:2::1",
        // and what carries them
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "::127.0.0.1",
        "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "",
        "localhost", "127.1", "0x7f.0.0.1", "::1%lo"})
    EXPECT_FALSE(allowed({}, address, address)) << address;
}

TEST(Egress, RulesOpenWhatTheyName) {
  const struct {
    const char* rule;
    const char* host;
    const char* address;
    std::uint16_t port;
    bool is;
  } kCases[] = {
      {"10.0.0.0/8", "10.1.2.3", "10.1.2.3", 443, true},
      {"10.0.0.0/8", "any.example", "10.1.2.3", 443, true},
      {"10.0.0.0/8", "11.0.0.1", "192.168.0.1", 443, false},
      {"10.0.0.0/8", "x", "::ffff:10.1.2.3", 443, true},
      {"10.0.0.0/8", "x", "64:ff9b::10.1.2.3", 443, true},
      {"10.0.0.0/8", "x", "::ffff:127.0.0.1", 443, false},
      {"10.0.0.0/8:8443", "x", "10.1.2.3", 8443, true},
      {"10.0.0.0/8:8443", "x", "10.1.2.3", 443, false},
      {"10.1.2.3", "x", "10.1.2.3", 1, true},
      {"10.1.2.3", "x", "10.1.2.4", 1, false},
      {"10.1.2.3:80", "x", "10.1.2.3", 80, true},
      {"10.1.2.3:80", "x", "10.1.2.3", 81, false},
      {"10.128.0.0/9", "x", "10.127.255.255", 1, false},
      {"10.128.0.0/9", "x", "10.128.0.0", 1, true},
      {"127.0.0.1/32", "x", "127.0.0.1", 1, true},
      {"127.0.0.1/32", "x", "127.0.0.2", 1, false},
      {"0.0.0.0/0", "x", "169.254.169.254", 1, true},
      {"0.0.0.0/0", "x", "::1", 1, false},
      {"::/0", "x", "::1", 1, true},
      {"::1", "x", "::1", 1, true},
      {"[::1]", "x", "::1", 1, true},
      {"[::1]:80", "x", "::1", 80, true},
      {"[::1]:80", "x", "::1", 81, false},
      {"fd00::/8", "x", "fd12::1", 1, true},
      {"[fd00::/8]:443", "x", "fd12::1", 443, true},
      {"[fd00::/8]:443", "x", "fd12::1", 80, false},
      {"api.corp.example", "api.corp.example", "10.1.2.3", 443, true},
      {"API.Corp.Example", "api.corp.example", "10.1.2.3", 443, true},
      {"api.corp.example", "api.corp.example", "fd00::1", 443, true},
      {"api.corp.example", "api.corp.example", "100.64.0.1", 443, true},
      {"api.corp.example", "x.api.corp.example", "10.1.2.3", 443, false},
      {"api.corp.example:443", "api.corp.example", "10.1.2.3", 80, false},
      {"*.corp.example", "api.corp.example", "10.1.2.3", 443, true},
      {"*.corp.example", "a.b.corp.example", "10.1.2.3", 443, true},
      {"*.corp.example", "corp.example", "10.1.2.3", 443, false},
      {"*.corp.example", "evilcorp.example", "10.1.2.3", 443, false},
      {"*.corp.example:8443", "api.corp.example", "10.1.2.3", 8443, true},
      // Whoever writes the name's DNS entries is not the operator.
      {"api.corp.example", "api.corp.example", "127.0.0.1", 443, false},
      {"api.corp.example", "api.corp.example", "169.254.169.254", 443, false},
      {"api.corp.example", "api.corp.example", "::1", 443, false},
      {"api.corp.example", "api.corp.example", "0.0.0.0", 443, false},
      {"api.corp.example", "api.corp.example", "::ffff:127.0.0.1", 443, false},
      {"localhost", "localhost", "127.0.0.1", 443, true},
      {"localhost", "localhost", "::1", 443, true},
      {"localhost", "127.0.0.1", "127.0.0.1", 443, false},
  };
  for (const auto& each : kCases)
    EXPECT_EQ(allowed({each.rule}, each.host, each.address, each.port), each.is)
        << each.rule << ' ' << each.host << ' ' << each.address << ' ' << each.port;
}

TEST(Egress, SaysWhichAddressAndWhichRuleWouldOpenIt) {
  const auto message = [](const char* host, const char* address) {
    return Egress().allowed(host, address, 443).error().message;
  };
  EXPECT_EQ(message("api.corp.example", "10.1.2.3"),
            "api.corp.example is 10.1.2.3, which is a private address: integrations may not connect to it; the "
            "operator can allow it "
            "with --allow-egress api.corp.example");
  EXPECT_THAT(message("evil.example", "169.254.169.254"), HasSubstr("metadata service"));
  EXPECT_THAT(message("evil.example", "169.254.169.254"), HasSubstr("--allow-egress 169.254.169.254"));
  EXPECT_EQ(
      message("::1", "::1"),
      "::1 is the loopback: integrations may not connect to it; the operator can allow it with --allow-egress ::1");
  // What is told to be enough is enough.
  for (const char* address :
       {"10.0.0.1", "127.0.0.1", "::1", "fd00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "255.255.255.255"}) {
    const std::string text = message("a.example", address);
    EXPECT_TRUE(allowed({text.substr(text.rfind(' ') + 1)}, "a.example", address)) << text;
  }
}

TEST(Egress, RulesThatCannotBeUsedAreRefused) {
  for (const char* rule : {"",
                           ":",
                           "*",
                           "*.",
                           "*.com",
                           "10.0.0.0/33",
                           "10.0.0.0/-1",
                           "10.0.0.0/",
                           "10.0.0.0/8/8",
                           "10.0.0.1/8",
                           "10.0.0/8",
                           "10.0.0.0/x",
                           "0x7f.0.0.1",
                           "127.1",
                           "::1/129",
                           "fd00::1/8",
                           "[::1",
                           "[10.0.0.1]",
                           "[::1]:0",
                           "a.example:0",
                           "a.example:70000",
                           "a.example:x",
                           "http://a.example",
                           "a.example/path",
                           "a*.example",
                           "*.*.example",
                           "a b",
                           "a@b",
                           "b\xc3\xbc"
                           "cher.example"}) {
    const auto egress = Egress::parse({rule});
    ASSERT_FALSE(egress) << rule;
    EXPECT_EQ(egress.error().fault, Fault::invalid);
    EXPECT_THAT(egress.error().message, HasSubstr("the egress rule \"")) << rule;
  }
  EXPECT_THAT(Egress::parse({"10.0.0.1/8"}).error().message, HasSubstr("write 10.0.0.0/8"));
}

}  // namespace
}  // namespace plumb::net
