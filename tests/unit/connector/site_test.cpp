// What a site opens for a controller, and what it keeps of that.
#include "connector/site.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/connector/temporary.h"

namespace plumb::connector {
namespace {

using link::DirectoryOpening;
using testing::HasSubstr;
using testing::Not;

class NoHttp final : public HttpSender {
  void send(HttpRequest, std::shared_ptr<const HttpRoute>, const HttpLimits&, Done) override {}
};

class Site : public testing::Test {
 protected:
  Site() {
    config_.secrets_directory = folder_.path() / "secrets";
    config_.storage = folder_.path();
    audit_ = LocalAudit::open({folder_.path() / "audit.jsonl"}, clock_).value();
  }
  Skills skills(const std::string& more = "") {
    policy_ = parse_policy(
                  "[[directory]]\nservers = [\"ldaps://dc1.corp.example\", \"ldaps://10.0.0.5\"]\nbase_dns = "
                  "[\"DC=corp,DC=example\"]\n" +
                      more,
                  "/policy.toml")
                  .value();
    return skills_of({config_, policy_, *audit_, clock_, http_, tally_});
  }
  static DirectoryOpening opening() {
    DirectoryOpening opening;
    opening.servers = {"ldaps://dc1.corp.example"};
    opening.base_dn = "DC=corp,DC=example";
    opening.username = "svc@corp.example";
    opening.password_from = "connector:ad-password";
    return opening;
  }
  static std::string told(const Skills& skills, const DirectoryOpening& opening) {
    const auto opened = skills.directory(opening, nullptr);
    return opened ? "opened" : opened.error().message;
  }

  Temporary folder_;
  RealClock clock_;
  Config config_;
  Policy policy_;
  NoHttp http_;
  WorkTally tally_;
  std::unique_ptr<LocalAudit> audit_;
};

// Else a secret of the site goes to whoever answers there and has any certificate that the site trusts.
TEST_F(Site, TheNameOfACertificateIsTheSitesToSay) {
  const Skills plain = skills();
  EXPECT_EQ(told(plain, opening()), "opened");
  auto other = opening();
  other.server_name = "ws17.corp.example";
  EXPECT_THAT(told(plain, other), HasSubstr("add it to server_names"));
  EXPECT_THAT(plain.watch(other).error().message, HasSubstr("add it to server_names"));
  other.server_name = "DC1.corp.example";
  EXPECT_EQ(told(plain, other), "opened");
  other.server_name = "ws17.corp.example";
  EXPECT_EQ(told(skills("server_names = [\"WS17.corp.example\"]\n"), other), "opened");
}

TEST_F(Site, SecretsAndAccountsMayBeNamedForTheirServers) {
  const Skills named = skills("secrets = [\"ad-password\"]\naccounts = [\"SVC@corp.example\"]\n");
  EXPECT_EQ(told(named, opening()), "opened");
  auto other = opening();
  other.password_from = "connector:erp-key";
  EXPECT_THAT(told(named, other), HasSubstr("add it to secrets"));
  other = opening();
  other.username = "Administrator@corp.example";
  EXPECT_THAT(told(named, other), HasSubstr("add it to accounts"));
  other = opening();
  other.bind = DirectoryOpening::Bind::gssapi;
  other.principal = "svc@corp.example";
  other.keytab_file = (config_.secrets_directory / "other.keytab").string();
  EXPECT_THAT(told(named, other), HasSubstr("add it to secrets"));
}

TEST_F(Site, WhatCameToNothingIsCountedAndKept) {
  const Skills site = skills();
  site.record({.request = 1, .actor = "a", .operation = "modify", .object = "x", .result = "done"});
  site.record({.request = 2, .actor = "a", .operation = "modify", .object = "x", .result = "unavailable"});
  site.record({.request = 3, .actor = "a", .operation = "modify", .object = "x", .result = "denied", .message = "no"});
  site.record({.request = 4, .actor = "a", .operation = "sign_in", .object = "", .result = "refused"});
  EXPECT_EQ(tally_.failed, 1U);
  EXPECT_EQ(tally_.refused, 1U);
  const std::string kept = folder_.read("audit.jsonl");
  EXPECT_THAT(kept, HasSubstr("\"result\":\"refused\",\"reason\":\"no\""));
  EXPECT_THAT(kept, Not(HasSubstr("denied")));
}

}  // namespace
}  // namespace plumb::connector
