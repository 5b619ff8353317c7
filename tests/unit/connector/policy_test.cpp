#include "connector/policy.h"

#include <algorithm>
#include <cstdio>
#include <random>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/connector/temporary.h"

namespace plumb::connector {
namespace {

using testing::HasSubstr;

constexpr std::string_view kPolicy = R"(
[[directory]]
servers = ["ldaps://dc1.corp.example:636", "ldaps://DC2.corp.example"]
base_dns = ["DC=corp,DC=example"]
write_dns = ["OU=People,DC=corp,DC=example"]
operations = ["read", "write", "password"]
ca_file = "/etc/corp-ca.pem"

[[directory]]
servers = ["ldaps://dc.lab.example"]
base_dns = ["OU=Lab,DC=lab,DC=example"]

[[http]]
url = "https://erp.corp.example/api/"
methods = ["GET", "POST"]

[[http]]
url = "http://10.1.2.3:8080/v1/users"
methods = ["GET"]
)";

Policy policy() {
  auto parsed = parse_policy(kPolicy, "/etc/policy.toml");
  EXPECT_TRUE(parsed) << error_of(parsed);
  return parsed.value_or(Policy{});
}

Dn dn(std::string_view text) { return Dn::parse(text).value(); }

TEST(PolicyDirectory, IsFoundByServersThatAreAllInOneRule) {
  const Policy site = policy();
  EXPECT_EQ(site.directory({"ldaps://dc1.corp.example"}).value(), &site.directories[0]);
  EXPECT_EQ(site.directory({"LDAPS://DC1.Corp.Example:636", "ldaps://dc2.corp.example:636"}).value(),
            &site.directories[0]);
  EXPECT_EQ(site.directory({"ldaps://dc.lab.example"}).value()->operations, std::set{Operation::read});
}

class ForeignServers : public testing::TestWithParam<std::vector<std::string>> {};
TEST_P(ForeignServers, AreRefused) {
  const Policy site = policy();
  const auto rule = site.directory(GetParam());
  ASSERT_FALSE(rule);
  EXPECT_NE(rule.error().fault, Fault::internal);
}
INSTANTIATE_TEST_SUITE_P(Table, ForeignServers,
                         testing::Values(std::vector<std::string>{}, std::vector<std::string>{"ldaps://evil.example"},
                                         // One of another rule, one of none, another port, another scheme.
                                         std::vector<std::string>{"ldaps://dc1.corp.example", "ldaps://dc.lab.example"},
                                         std::vector<std::string>{"ldaps://dc1.corp.example", "ldaps://evil.example"},
                                         std::vector<std::string>{"ldaps://dc1.corp.example:3269"},
                                         std::vector<std::string>{"ldap://dc1.corp.example"},
                                         std::vector<std::string>{"ldap://dc1.corp.example:636"},
                                         std::vector<std::string>{"ldaps://dc1.corp.example.evil.example"},
                                         std::vector<std::string>{"ldaps://evil.example/?dc1.corp.example"},
                                         std::vector<std::string>{"ldaps://dc1.corp.example@evil.example"},
                                         std::vector<std::string>{"ldaps://dc1.corp.example evil.example"},
                                         std::vector<std::string>{"ldapi:///"}));

TEST(PolicyDirectory, RefusalSaysWhatToAddWhere) {
  const Policy site = policy();
  EXPECT_EQ(error_of(site.directory({"ldaps://new.corp.example"})),
            "this site does not allow work at ldaps://new.corp.example:636; to allow it, list it in servers of one "
            "[[directory]] in /etc/policy.toml");
  const auto& rule = site.directories[0];
  EXPECT_THAT(error_of(site.may_write(rule, dn("OU=IT,DC=corp,DC=example"))),
              HasSubstr("add a name above it to write_dns of that [[directory]] in /etc/policy.toml"));
  EXPECT_THAT(error_of(site.may_authenticate(rule)), HasSubstr("add \"authenticate\" to operations"));
}

struct NameCase {
  const char* name;
  bool read, write;
};
class Names : public testing::TestWithParam<NameCase> {};
TEST_P(Names, AreComparedAsNamesNotAsTexts) {
  const Policy site = policy();
  const auto& rule = site.directories[0];
  EXPECT_EQ(site.may_read(rule, dn(GetParam().name)).has_value(), GetParam().read);
  EXPECT_EQ(site.may_write(rule, dn(GetParam().name)).has_value(), GetParam().write);
  EXPECT_EQ(site.may_set_password(rule, dn(GetParam().name)).has_value(), GetParam().write);
}
INSTANTIATE_TEST_SUITE_P(Table, Names,
                         testing::Values(NameCase{"DC=corp,DC=example", true, false},
                                         NameCase{"dc=CORP, dc=Example", true, false},
                                         NameCase{"CN=j,OU=People,DC=corp,DC=example", true, true},
                                         NameCase{"CN=j,ou=people,dc=corp,dc=example", true, true},
                                         NameCase{"OU=People,DC=corp,DC=example", true, true},
                                         NameCase{"", false, false}, NameCase{"DC=example", false, false},
                                         NameCase{"DC=evil,DC=example", false, false},
                                         NameCase{"CN=x,DC=corp,DC=example,DC=evil", false, false},
                                         // Escapes do not make a part of a value into a part of the name.
                                         NameCase{R"(CN=x\,DC\=corp,DC=evil)", false, false},
                                         NameCase{R"(CN=x\,OU\=People,DC=corp,DC=example)", true, false},
                                         NameCase{R"(CN=j,OU=Peopl\65,DC=corp,DC=example)", true, true},
                                         NameCase{"CN=j,OU=PeopleX,DC=corp,DC=example", true, false},
                                         NameCase{"CN=j,CN=People,DC=corp,DC=example", true, false}));

TEST(PolicyDirectory, ARuleWithoutOperationsIsForReading) {
  const Policy site = policy();
  const auto& rule = site.directories[1];
  EXPECT_TRUE(site.may_read(rule, dn("CN=a,OU=Lab,DC=lab,DC=example")));
  EXPECT_FALSE(site.may_write(rule, dn("CN=a,OU=Lab,DC=lab,DC=example")));
}

struct UrlCase {
  const char *method, *url;
  bool allowed;
};
class Urls : public testing::TestWithParam<UrlCase> {};
TEST_P(Urls, AreComparedByOriginAndWholeSegments) {
  const Policy site = policy();
  const auto url = parse_url(GetParam().url);
  ASSERT_TRUE(url) << error_of(url);
  EXPECT_EQ(site.may_send(GetParam().method, *url).has_value(), GetParam().allowed)
      << error_of(site.may_send(GetParam().method, *url));
}
INSTANTIATE_TEST_SUITE_P(
    Table, Urls,
    testing::Values(
        UrlCase{"GET", "https://erp.corp.example/api/", true},
        UrlCase{"POST", "https://erp.corp.example/api/a/b?c=d", true},
        UrlCase{"GET", "https://ERP.Corp.Example:443/api/a", true},
        UrlCase{"GET", "https://erp.corp.example./api/a", true},
        UrlCase{"GET", "https://erp.corp.example/api/%C3%A4", true},
        UrlCase{"GET", "https://erp.corp.example/api/a%20b", true},
        UrlCase{"GET", "https://erp.corp.example/api/x/../y", true},  // parse_url takes the dots out: /api/y is sent
        UrlCase{"DELETE", "https://erp.corp.example/api/a", false},
        UrlCase{"get", "https://erp.corp.example/api/a", false},
        UrlCase{"GET POST", "https://erp.corp.example/api/a", false},
        UrlCase{"", "https://erp.corp.example/api/a", false}, UrlCase{"GET", "https://erp.corp.example/api", false},
        UrlCase{"GET", "https://erp.corp.example/apiary/", false},
        UrlCase{"GET", "https://erp.corp.example/API/a", false}, UrlCase{"GET", "https://erp.corp.example/", false},
        UrlCase{"GET", "https://erp.corp.example//api/a", false},
        UrlCase{"GET", "http://erp.corp.example/api/a", false},
        UrlCase{"GET", "http://erp.corp.example:443/api/a", false},
        UrlCase{"GET", "https://erp.corp.example:8443/api/a", false},
        UrlCase{"GET", "https://erp.corp.example.evil.example/api/a", false},
        UrlCase{"GET", "https://evil.example/erp.corp.example/api/", false},
        UrlCase{"GET", "https://erp.corp.example/api/../admin", false},
        UrlCase{"GET", "https://erp.corp.example/api/%2e%2e/admin", false},
        UrlCase{"GET", "https://erp.corp.example/api/.%2E/admin", false},
        UrlCase{"GET", "https://erp.corp.example/api/..%2fadmin", false},
        UrlCase{"GET", "https://erp.corp.example/api/..%5cadmin", false},
        UrlCase{"GET", "https://erp.corp.example/api/%252e%252e/admin", false},
        UrlCase{"GET", "https://erp.corp.example/api/..;/admin", false},
        UrlCase{"GET", "https://erp.corp.example/api/..%3b/admin", false},
        UrlCase{"GET", "https://erp.corp.example/api/.;x=1/admin", false},
        UrlCase{"GET", "https://erp.corp.example/api/%c0%ae%c0%ae/admin", false},
        UrlCase{"GET", "https://erp.corp.example/api/%e0%80%ae%e0%80%ae/admin", false},
        UrlCase{"GET", "https://erp.corp.example/api/a%00.html", false},
        UrlCase{"GET", "https://erp.corp.example/api/a%0d%0aHost:%20x", false},
        UrlCase{"GET", "http://10.1.2.3:8080/v1/users", true}, UrlCase{"GET", "http://10.1.2.3:8080/v1/users/7", true},
        UrlCase{"GET", "http://10.1.2.3:8080/v1/users?x=1", true},
        UrlCase{"GET", "http://10.1.2.3:8080/v1/users2", false}, UrlCase{"GET", "http://10.1.2.3/v1/users", false}));

TEST(PolicyHttp, AUrlThatWasNotParsedIsRefusedWhereItIsNotPlain) {
  const Policy site = policy();
  const auto sent = [&](std::string path, std::string query = "") {
    return site.may_send("GET", Url{"https", "erp.corp.example", 443, std::move(path), std::move(query)}).has_value();
  };
  EXPECT_TRUE(sent("/api/a"));
  EXPECT_FALSE(sent("/api/../admin"));
  EXPECT_FALSE(sent("/api/.."));
  EXPECT_FALSE(sent("/api/./a"));
  EXPECT_FALSE(sent("/api/a\r\nHost: evil"));
  EXPECT_FALSE(sent("/api/a HTTP/1.1"));
  EXPECT_FALSE(sent("/api/..\\admin"));
  EXPECT_FALSE(sent("/api/a?b"));
  EXPECT_FALSE(sent("/api/%2"));
  EXPECT_FALSE(sent("/api/a", "b\r\nX: y"));
  EXPECT_FALSE(sent("api/a"));
  EXPECT_FALSE(sent(""));
}

// How a careless server finds what is asked for: decodes twice, takes "\\" for "/", drops parameters of segments, cuts
// at NUL, and goes up at "..".
std::string careless_path(std::string path) {
  for (int i = 0; i < 2; ++i) {
    std::string decoded;
    for (std::size_t at = 0; at < path.size(); ++at) {
      unsigned byte = 0;
      if (path[at] == '%' && at + 2 < path.size() && std::sscanf(path.c_str() + at + 1, "%2x", &byte) == 1) {
        decoded += static_cast<char>(byte);
        at += 2;
      } else {
        decoded += path[at];
      }
    }
    path = decoded;
  }
  std::replace(path.begin(), path.end(), '\\', '/');
  path = path.substr(0, path.find('\0'));
  std::vector<std::string> kept;
  std::istringstream segments(path);
  for (std::string segment; std::getline(segments, segment, '/');) {
    segment = segment.substr(0, segment.find(';'));
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
  }
  std::string out;
  for (const auto& segment : kept) out += "/" + segment;
  return out;
}

TEST(PolicyHttp, WhateverIsLetThroughIsBelowItsUrlForACarelessServerToo) {
  const Policy site = policy();
  const std::vector<std::string> pieces = {"/",   "a",   ".",  "..",  ";",     ";x=1", "%2e", "%2E",
                                           "%2f", "%5c", "\\", "%25", "%252e", "%3b",  "%00", "%c0%ae",
                                           "%41", "api", "%",  "2e",  "?",     " "};
  std::mt19937 random(7);
  const auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random); };
  int allowed = 0, refused = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string path = below(4) == 0 ? "" : "/api/";
    for (std::size_t left = below(7); left > 0; --left) path += pieces[below(pieces.size())];
    // As it is, and as the agent makes it of what the controller sends.
    Url url{"https", "erp.corp.example", 443, path, ""};
    if (below(2) == 0) {
      const auto parsed = parse_url("https://erp.corp.example" + path);
      if (!parsed) continue;
      url = *parsed;
    }
    if (!site.may_send("GET", url)) {
      ++refused;
      continue;
    }
    ++allowed;
    const std::string reached = careless_path(url.path);
    ASSERT_TRUE(reached == "/api" || reached.starts_with("/api/")) << path << " reaches " << reached;
  }
  EXPECT_GT(allowed, 1000);
  EXPECT_GT(refused, 1000);
}

TEST(PolicyHttp, HeadersThatSteerAServerElsewhereAreRefused) {
  const Policy site = policy();
  const Url url = parse_url("https://erp.corp.example/api/a").value();
  EXPECT_TRUE(site.may_send("POST", url, {{"Accept", "*/*"}, {"X-Api-Key", "k"}}));
  EXPECT_FALSE(site.may_send("POST", url, {{"x-HTTP-method-override", "DELETE"}}));
  EXPECT_FALSE(site.may_send("POST", url, {{"Host", "admin.corp.example"}}));
  EXPECT_FALSE(site.may_send("POST", url, {{"X-Original-URL", "/admin"}}));
  EXPECT_FALSE(site.may_send("POST", url, {{"Transfer-Encoding", "chunked"}}));
  EXPECT_FALSE(site.may_send("POST", url, {{"X-A", "b\r\nX-Original-URL: /admin"}}));
}

TEST(PolicyHttp, RefusalSaysWhatToAddAndShowsNoQuery) {
  const Policy site = policy();
  const std::string method = error_of(site.may_send("DELETE", *parse_url("https://erp.corp.example/api/a?key=s3cret")));
  EXPECT_THAT(method,
              HasSubstr("add \"DELETE\" to methods of the [[http]] with url = \"https://erp.corp.example/api/\""));
  EXPECT_THAT(method, testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(error_of(site.may_send("GET", *parse_url("https://crm.corp.example/"))),
              HasSubstr("add an [[http]] with a url it begins with to /etc/policy.toml"));
}

class PolicyFile : public testing::Test {
 protected:
  Temporary folder_;
};

TEST_F(PolicyFile, ThatIsNotThereServesNothing) {
  const auto site = load_policy(folder_.path() / "policy.toml");
  ASSERT_TRUE(site) << error_of(site);
  EXPECT_TRUE(site->serves_nothing());
  EXPECT_FALSE(site->directory({"ldaps://dc1.corp.example"}));
}

TEST_F(PolicyFile, ThatOthersMayWriteToIsRefused) {
  const auto file = folder_.write("policy.toml", kPolicy);
  EXPECT_TRUE(load_policy(file));
  for (const unsigned mode : {0620u, 0602u}) {
    std::filesystem::permissions(file, std::filesystem::perms(mode));
    const auto site = load_policy(file);
    ASSERT_FALSE(site) << mode;
    EXPECT_EQ(site.error().fault, Fault::denied);
  }
}

TEST_F(PolicyFile, InAFolderThatOthersMayWriteToIsRefused) {
  const auto file = folder_.write("open/policy.toml", kPolicy);
  std::filesystem::permissions(file.parent_path(), std::filesystem::perms(0777));
  EXPECT_THAT(error_of(load_policy(file)), HasSubstr("could exchange it"));
}

TEST_F(PolicyFile, BehindALinkIntoAFolderThatOthersMayWriteToIsRefused) {
  const auto file = folder_.write("open/policy.toml", kPolicy);
  std::filesystem::permissions(file.parent_path(), std::filesystem::perms(0777));
  std::filesystem::create_symlink(file, folder_.path() / "link.toml");
  EXPECT_THAT(error_of(load_policy(folder_.path() / "link.toml")), HasSubstr("could exchange it"));
}

struct MistakeCase {
  const char *text, *error;
};
class Mistakes : public testing::TestWithParam<MistakeCase> {};
TEST_P(Mistakes, AreToldWithTheirPlace) {
  EXPECT_THAT(error_of(parse_policy(GetParam().text, "p.toml")), HasSubstr(GetParam().error));
}
INSTANTIATE_TEST_SUITE_P(
    Table, Mistakes,
    testing::Values(
        MistakeCase{"[directory]\n", "p.toml:1:2: directory must be a list of tables"},
        MistakeCase{"[[directories]]\n", "there is no key \"directories\" (did you mean \"directory\"?)"},
        MistakeCase{"[[directory]]\nbase_dns = [\"DC=a\"]\n", "p.toml:1:1: [[directory]] servers is needed"},
        MistakeCase{"[[directory]]\nservers = [\"dc1\"]\nbase_dns = [\"DC=a\"]\n",
                    "p.toml:2:1: [[directory]] servers server"},
        MistakeCase{"[[directory]]\nservers = [\"ldaps://a\"]\n", "base_dns is needed"},
        MistakeCase{"[[directory]]\nservers = [\"ldaps://a\"]\nbase_dns = [\"\"]\n", "the whole of every directory"},
        MistakeCase{"[[directory]]\nservers = [\"ldaps://a\"]\nbase_dns = [\"corp\"]\n", "not a distinguished name"},
        MistakeCase{"[[directory]]\nservers = [\"ldaps://a\"]\nbase_dns = [\"DC=a\"]\noperations = [\"wrte\"]\n",
                    "(did you mean \"write\"?)"},
        MistakeCase{"[[directory]]\nservers = [\"ldaps://a\"]\nbase_dns = [\"DC=a\"]\noperations = [\"write\"]\n",
                    "write_dns is needed"},
        MistakeCase{"[[directory]]\nservers = [\"ldaps://a\"]\nbase_dns = [\"DC=a\"]\nwrite_dns = [\"DC=a\"]\n",
                    "write_dns allows nothing"},
        MistakeCase{"[[directory]]\nservers = [\"ldaps://a\"]\nbase_dns = [\"DC=a\"]\nwrite_dns = [\"DC=b\"]\n"
                    "operations = [\"write\"]\n",
                    "not below any of base_dns"},
        MistakeCase{"[[directory]]\nservers = [\"ldaps://a\"]\nbase_dns = [\"DC=a\"]\n[[directory]]\nservers = "
                    "[\"ldaps://A:636\"]\nbase_dns = [\"DC=b\"]\n",
                    "lists ldaps://a:636 twice"},
        MistakeCase{"[[http]]\nurl = \"erp/api\"\nmethods = [\"GET\"]\n", "http:// or https://"},
        MistakeCase{"[[http]]\nurl = \"https://a/%2e%2e/\"\nmethods = [\"GET\"]\n", "without escapes"},
        MistakeCase{"[[http]]\nurl = \"https://a/b/../c\"\nmethods = [\"GET\"]\n", "without segments of dots"},
        MistakeCase{"[[http]]\nurl = \"https://a/?b\"\nmethods = [\"GET\"]\n", "must end with its path"},
        MistakeCase{"[[http]]\nurl = \"https://a/\"\n", "methods is needed"},
        MistakeCase{"[[http]]\nurl = \"https://a/\"\nmethods = [\"get\"]\n", "none of GET"},
        MistakeCase{"[[http]]\nurl = \"https://a/\"\nmethods = [\"GET\"]\nca_file = \"ca.pem\"\n", "absolute path"}));

}  // namespace
}  // namespace plumb::connector
