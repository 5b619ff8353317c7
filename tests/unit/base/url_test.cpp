#include "controller/base/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Spelling {
  const char* text;
  const char* is;  // as to_string has it
};

TEST(Url, HasOneFormForAllSpellingsOfTheSame) {
  const Spelling kGood[] = {
      {"http://a", "http://a/"},
      {"http://a/", "http://a/"},
      {"HTTP://A.EXAMPLE/Path", "http://a.example/Path"},
      {"hTTps://Api.Example:443", "https://api.example/"},
      {"http://a:80/", "http://a/"},
      {"https://a:80/", "https://a:80/"},
      {"http://a:443", "http://a:443/"},
      {"http://a:65535/x", "http://a:65535/x"},
      {"http://a:1", "http://a:1/"},
      {"http://a:/x", "http://a/x"},
      {"http://a.example./x", "http://a.example/x"},
      {"http://localhost.", "http://localhost/"},
      {"http://a?b=c", "http://a/?b=c"},
      {"http://a?", "http://a/"},
      {"http://a/?", "http://a/"},
      {"http://a#part", "http://a/"},
      {"http://a/b#part?no=query", "http://a/b"},
      {"http://a/b?c=d#@evil", "http://a/b?c=d"},
      {"http://a?x=/../y", "http://a/?x=/../y"},
      {"http://a?to=http://b@c:1/", "http://a/?to=http://b@c:1/"},
      {"http://a/b@c:d", "http://a/b@c:d"},
      {"http://a/.", "http://a/"},
      {"http://a/..", "http://a/"},
      {"http://a/./b", "http://a/b"},
      {"http://a/b/..", "http://a/"},
      {"http://a/b/../c", "http://a/c"},
      {"http://a/b/../../../c", "http://a/c"},
      {"http://a/b/.", "http://a/b/"},
      {"http://a/b/./", "http://a/b/"},
      {"http://a/b//c", "http://a/b//c"},
      {"http://a/b//../c", "http://a/b/c"},
      {"http://a/%2e%2E/b", "http://a/b"},
      {"http://a/b/%2e", "http://a/b/"},
      {"http://a/.../b", "http://a/.../b"},
      {"http://a/%7euser/%41", "http://a/~user/A"},
      {"http://a/%2f%3f%23%25", "http://a/%2F%3F%23%25"},
      {"http://a/%c3%bc", "http://a/%C3%BC"},
      {"http://a/\xc3\xbc", "http://a/%C3%BC"},
      {"http://a/{id}?x=<\"|^`>", "http://a/%7Bid%7D?x=%3C%22%7C%5E%60%3E"},
      {"http://a/?a=1+2%20&b[]=;", "http://a/?a=1+2%20&b[]=;"},
      {"http://a/%00", "http://a/%00"},
      {"http://a_b.example/", "http://a_b.example/"},
      {"http://xn--bcher-kva.example", "http://xn--bcher-kva.example/"},
      {"http://1password.example/", "http://1password.example/"},
      {"http://0x7f.example", "http://0x7f.example/"},
      {"http://a.0x7g", "http://a.0x7g/"},
      {"http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"},
      {"http://127.0.0.1./x", "http://127.0.0.1/x"},
      {"http://0.0.0.0/", "http://0.0.0.0/"},
      {"http://255.255.255.255/", "http://255.255.255.255/"},
      {"http://10.0.10.100/", "http://10.0.10.100/"},
      {"http://[::1]/", "http://[::1]/"},
      {"http://[::1]:8080/", "http://[::1]:8080/"},
      {"http://[0:0:0:0:0:0:0:1]:80/", "http://[::1]/"},
      {"http://[2001:DB8::00A]/", "http://[2001:db8::a]/"},
      {"http://[::FFFF:127.0.0.1]/", "http://[::ffff:127.0.0.1]/"},
      {"http://[::ffff:7f00:1]/", "http://[::ffff:127.0.0.1]/"},
      {"http://[0:0:0:0:0:ffff:7f00:0001]:81/", "http://[::ffff:127.0.0.1]:81/"},
      {"http://[::]/", "http://[::]/"},
      {"http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b::a9fe:a9fe]/"},
  };
  for (const auto& [text, is] : kGood) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text << ": " << url.error().message;
    EXPECT_EQ(to_string(*url), is) << text;
    const auto again = parse_url(to_string(*url));
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(*again, *url) << text;
  }
}

struct Refused {
  std::string text;
  const char* says;
};

TEST(Url, RefusesWhatProgramsReadInDifferentWays) {
  const Refused kBad[] = {
      {"", "not an absolute URL"},
      {"a.example", "not an absolute URL"},
      {"/path", "not an absolute URL"},
      {"//a.example/", "not an absolute URL"},
      {"://a", "not an absolute URL"},
      {"ftp://a/", "not an absolute URL"},
      {"file:///etc/passwd", "not an absolute URL"},
      {"gopher://a/", "not an absolute URL"},
      {"unix:///run/x.sock", "not an absolute URL"},
      {"javascript:alert(1)", "not an absolute URL"},
      {"httpx://a", "not an absolute URL"},
      {"http", "not an absolute URL"},
      {"http:", "without //"},
      {"http:/a", "without //"},
      {"http:a", "without //"},
      {"http:\\\\a\\b", "backslash"},
      {"http://a\\@b/", "backslash"},
      {"http://a/b\\..\\c", "backslash"},
      {"http://\\a", "backslash"},
      {"http://", "no host"},
      {"http:///a", "no host"},
      {"http://?x", "no host"},
      {"http://#x", "no host"},
      {"http://:80/", "no host"},
      {"http://./", "no host"},
      {"http:////a", "no host"},
      {" http://a", "space"},
      {"http://a ", "space"},
      {"http://a b/", "space"},
      {"http://a/b c", "space"},
      {"ht\ttp://a", "control"},
      {"http://a\t.example/", "control"},
      {"http://a/\r\nHost: b", "control"},
      {"http://a/?x=\n", "control"},
      {std::string("http://a\0.example", 17), "control"},
      {"http://a/\x7f", "control"},
      {"\xef\xbb\xbfhttp://a", "not an absolute URL"},
      {"http://user@a/", "Credential"},
      {"http://user:pw@a/", "Credential"},
      {"http://@a/", "Credential"},
      {"http://:@a/", "Credential"},
      {"http://good.example@evil.example/", "Credential"},
      {"http://good.example%40evil.example/", "host name"},
      {"http://a@b@c/", "Credential"},
      {"http://user@[::1]/", "Credential"},
      {"http://a:0/", "not a port"},
      {"http://a:65536/", "not a port"},
      {"http://a:99999999999999999999/", "not a port"},
      {"http://a:080/", "not a port"},
      {"http://a:-1/", "not a port"},
      {"http://a:+1/", "not a port"},
      {"http://a:8o/", "not a port"},
      {"http://a:0x50/", "not a port"},
      {"http://a:80:81/", "colon"},
      {"http://::1/", "colon"},
      {"http://::ffff:127.0.0.1/", "colon"},
      {"http://0x7f000001/", "IPv4"},
      {"http://0X7F000001/", "IPv4"},
      {"http://0x/", "IPv4"},
      {"http://2130706433/", "IPv4"},
      {"http://017700000001/", "IPv4"},
      {"http://0177.0.0.1/", "IPv4"},
      {"http://127.0.0.01/", "IPv4"},
      {"http://127.00.0.1/", "IPv4"},
      {"http://00.0.0.0/", "IPv4"},
      {"http://0x7f.0.0.1/", "IPv4"},
      {"http://127.0.0.0x1/", "IPv4"},
      {"http://127.1/", "IPv4"},
      {"http://127.0.1/", "IPv4"},
      {"http://127/", "IPv4"},
      {"http://0/", "IPv4"},
      {"http://1.2.3.4.5/", "IPv4"},
      {"http://256.0.0.1/", "IPv4"},
      {"http://1.2.3.400/", "IPv4"},
      {"http://4294967296/", "IPv4"},
      {"http://example.1/", "IPv4"},
      {"http://example.0x1/", "IPv4"},
      {"http://169.254.43518/", "IPv4"},
      {"http://127.0.0.1../", "host name"},
      {"http://1.2..4/", "host name"},
      {"http://.1.2.3/", "host name"},
      {"http://-1.2.3.4/", "host name"},
      {"http://%31%32%37.0.0.1/", "host name"},
      {"http://localhost%00.example/", "host name"},
      {"http://a..b/", "host name"},
      {"http://.a/", "host name"},
      {"http://a../", "host name"},
      {"http://-a/", "host name"},
      {"http://a-/", "host name"},
      {"http://a.-b/", "host name"},
      {"http://a*b/", "host name"},
      {"http://*.a/", "host name"},
      {"http://a,b/", "host name"},
      {"http://a;b/", "host name"},
      {"http://a=b/", "host name"},
      {"http://a'b/", "host name"},
      {"http://a&b/", "host name"},
      {"http://(a)/", "host name"},
      {"http://a<b/", "host name"},
      {"http://{host}/", "host name"},
      {"http://$HOST/", "host name"},
      {"http://a]/", "host name"},
      {"http://b\xc3\xbc"
       "cher.example/",
       "punycode"},
      {"http://a\xe3\x80\x82"
       "example/",
       "punycode"},  // ideographic full stop, which IDNA maps to "."
      {"http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1/", "punycode"},  // circled digits
      {"http://\xef\xbc\x91.0.0.1/", "punycode"},                          // full-width digit
      {"http://loc\xc2\xad"
       "alhost/",
       "punycode"},  // soft hyphen
      {"http://[::1/", "without its ]"},
      {"http://[]/", "IPv6"},
      {"http://[1.2.3.4]/", "IPv6"},
      {"http://[a]/", "IPv6"},
      {"http://[:::1]/", "IPv6"},
      {"http://[1:2:3:4:5:6:7:8:9]/", "IPv6"},
      {"http://[::1%25eth0]/", "zone"},
      {"http://[fe80::1%eth0]/", "zone"},
      {"http://[::ffff:0177.0.0.1]/", "IPv6"},
      {"http://[::1]x/", "only a port"},
      {"http://[::1]80/", "only a port"},
      {"http://[::1]:0/", "not a port"},
      {"http://[::1].example/", "only a port"},
      {"http://x[::1]/", "colon"},
      {"http://a/%", "%25"},
      {"http://a/%4", "%25"},
      {"http://a/%zz", "%25"},
      {"http://a/?x=%", "%25"},
      {"http://a/%u0041", "%25"},
      {"http://" + std::string(64, 'a') + "/", "host name"},
      {"http://" + std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') + "." +
           std::string(63, 'a') + "/",
       "longer"},
      {"http://a/" + std::string(70000, 'a'), "longer"},
  };
  for (const auto& [text, says] : kBad) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text << " is " << to_string(*url);
    EXPECT_EQ(url.error().fault, Fault::invalid) << text;
    EXPECT_THAT(url.error().message, HasSubstr(says)) << text;
    EXPECT_LT(url.error().message.size(), 1000u);
  }
}

TEST(Url, ErrorsShowNeitherQueryNorUser) {
  for (const char* text : {"http://a b/?key=hunter2", "http://me:hunter2@a/", "http://a/%?hunter2", "x:/?hunter2",
                           "http://a/#hunter2 ", "http://a:0/?hunter2", "http://me:hunter2@a b/"}) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_THAT(url.error().message, Not(HasSubstr("hunter2"))) << text;
  }
}

TEST(Url, IsTakenApart) {
  const auto url = parse_url("https://[2001:db8::1]:8443/pets/7?limit=3&x");
  ASSERT_TRUE(url);
  EXPECT_EQ(*url, (Url{"https", "2001:db8::1", 8443, "/pets/7", "limit=3&x"}));
  EXPECT_EQ(url->target(), "/pets/7?limit=3&x");
  EXPECT_EQ(url->authority(), "[2001:db8::1]:8443");
  EXPECT_EQ(parse_url("http://api.example")->authority(), "api.example");
}

TEST(Url, AnOriginIsSchemeHostAndPort) {
  const auto origin = [](const char* text) { return *parse_url(text); };
  EXPECT_TRUE(same_origin(origin("http://a/x"), origin("HTTP://A:80/y?z")));
  EXPECT_FALSE(same_origin(origin("http://a/"), origin("https://a/")));
  EXPECT_FALSE(same_origin(origin("http://a/"), origin("http://a:81/")));
  EXPECT_FALSE(same_origin(origin("http://a/"), origin("http://b/")));
  EXPECT_FALSE(same_origin(origin("http://a:443/"), origin("https://a/")));
}

// RFC 3986, 5.4, as far as it is http.
TEST(Url, ReferencesAreResolvedAsTheStandardHasIt) {
  const Url base = *parse_url("http://a/b/c/d;p?q");
  const Spelling kReferences[] = {
      {"http://g", "http://g/"},
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"//g:8080/x?y", "http://g:8080/x?y"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {"g;x", "http://a/b/c/g;x"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"HTTPS://G/", "https://g/"},
      {"/%2e%2e/g", "http://a/g"},
      {"@evil.example/", "http://a/b/c/@evil.example/"},
  };
  for (const auto& [text, is] : kReferences) {
    const auto url = resolve_url(base, text);
    ASSERT_TRUE(url) << text << ": " << url.error().message;
    EXPECT_EQ(to_string(*url), is) << text;
  }
  for (const char* text : {"/\\evil.example", "\\\\evil.example", "http:g", "javascript:x", "//", "///evil.example",
                           "//u@h/", "/a b", "/a\r\nb", "//2130706433/", "g:h", "ftp://x/"})
    EXPECT_FALSE(resolve_url(base, text)) << text;
}

TEST(Url, OnlyAddressesOfThisMachineAreItsLoopback) {
  for (const char* here : {"localhost", "127.0.0.1", "127.1.2.3", "127.255.255.255", "::1", "[::1]"})
    EXPECT_TRUE(is_loopback_host(here)) << here;
  for (const char* other : {"", "127.evil.example", "127.0.0.1.evil.example", "127.1", "127.0.0.256", "128.0.0.1",
                            "10.0.0.1", "localhost.example", "::2", "[::1", "127.0.0.1\n"})
    EXPECT_FALSE(is_loopback_host(other)) << other;
}

TEST(Url, PercentEncodingAndItsInverse) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(*percent_decode(percent_encode(all)), all);
  EXPECT_EQ(percent_encode("a b/c?d=\xc3\xbc-._~+%"), "a%20b%2Fc%3Fd%3D%C3%BC-._~%2B%25");
  EXPECT_EQ(*percent_decode("a+b%2fC%2F"), "a+b/C/");
  for (const char* text : {"%", "%a", "a%2", "%gg", "%%41", "% 1"}) EXPECT_FALSE(percent_decode(text)) << text;
  EXPECT_EQ(*percent_decode("%41"), "A");
}

}  // namespace
}  // namespace plumb
