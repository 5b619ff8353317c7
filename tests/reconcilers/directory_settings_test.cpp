#include "reconcilers/directory_settings.h"

#include <gmock/gmock.h>

#include "tests/reconcilers/world.h"

namespace plumb::test {
namespace {

using ::testing::HasSubstr;

class DirectorySettings : public World {
 protected:
  Result<plumb::DirectorySettings> parse(const std::string& fields, const std::string& server = "ldaps://dc1") {
    declare({"Directory", "default", "corp"},
            R"({"servers": [")" + server + R"("], "baseDNs": ["DC=ad,DC=test"], "credentialRef": {"name": "bind"},
            "managedScope": ["OU=People,DC=ad,DC=test"])" +
                (fields.empty() ? "" : ", " + fields) + "}");
    return directory_settings(*snapshot.resources.at({"Directory", "default", "corp"}), snapshot);
  }
  std::string refused(const std::string& fields, const std::string& server = "ldaps://dc1") {
    const auto settings = parse(fields, server);
    return settings ? "" : settings.error().message;
  }
  void use_keytab() {
    declare({"Credential", "default", "bind"}, R"({"type": "kerberosKeytab",
            "kerberosKeytab": {"principal": "svc@AD.TEST", "keytabFile": "/k"}})");
  }
};

TEST_F(DirectorySettings, HaveDefaultsThatAreSafe) {
  const auto settings = parse("");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->password_from, "env:BIND");
  EXPECT_EQ(settings->tls, plumb::DirectorySettings::Tls::ldaps);
  EXPECT_EQ(settings->connect_timeout, std::chrono::seconds(5));
  EXPECT_EQ(settings->operation_timeout, std::chrono::seconds(30));
  EXPECT_EQ(settings->read_timeout, std::chrono::seconds(120));
  EXPECT_EQ(settings->page_size, 1000);
  EXPECT_EQ(settings->writes_in_flight, 32U);
  EXPECT_EQ(settings->adoption, Adoption::never);
  EXPECT_EQ(settings->deletion_policy, "Disable");
  EXPECT_EQ(settings->deletion.remove_after, std::chrono::days(30));
  EXPECT_EQ(settings->upn_suffix, "ad.test");
}

TEST_F(DirectorySettings, APasswordIsNeverSentInTheClear) {
  EXPECT_THAT(refused(R"("tls": {"mode": "None"})", "ldap://dc1"), HasSubstr("in the clear"));
  use_keytab();
  EXPECT_EQ(refused(R"("tls": {"mode": "None"})", "ldap://dc1"), "");
}

TEST_F(DirectorySettings, ServersGoWithTheModeOfTls) {
  EXPECT_THAT(refused("", "ldap://dc1"), HasSubstr("/spec/servers"));
  EXPECT_THAT(refused(R"("tls": {"mode": "StartTLS"})", "ldaps://dc1"), HasSubstr("/spec/servers"));
  EXPECT_EQ(refused(R"("tls": {"mode": "StartTLS"})", "ldap://dc1"), "");
}

TEST_F(DirectorySettings, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_THAT(refused(R"("timeouts": {"read": "soon"})"), HasSubstr("/spec/timeouts/read"));
  EXPECT_THAT(refused(R"("timeouts": {"read": "0s"})"), HasSubstr("/spec/timeouts/read"));
  EXPECT_THAT(refused(R"("protected": {"distinguishedNames": ["x"]})"),
              HasSubstr("/spec/protected/distinguishedNames"));
  EXPECT_THAT(refused(R"("deletion": {"quarantineOU": "OU=Elsewhere,DC=ad,DC=test"})"), HasSubstr("quarantineOU"));
  EXPECT_THAT(refused(R"("managedScope": ["DC=other"])"), HasSubstr("not below any of the baseDNs"));
}

TEST_F(DirectorySettings, AScheduleIsAnIntervalOrACronExpression) {
  EXPECT_FALSE(parse("")->schedule);
  const auto every = parse(R"("schedule": {"interval": "5m"})");
  ASSERT_TRUE(every) << every.error().message;
  EXPECT_EQ(every->schedule->text(), "every 5m");
  const auto nightly = parse(R"("schedule": {"cron": "0 2 * * *", "timeZone": "Europe/Berlin"})");
  ASSERT_TRUE(nightly) << nightly.error().message;
  EXPECT_EQ(nightly->schedule->text(), "by \"0 2 * * *\" in Europe/Berlin");
  EXPECT_EQ(parse(R"("schedule": {"cron": "@daily"})")->schedule->text(), "by \"@daily\" in UTC");

  EXPECT_THAT(refused(R"("schedule": {})"), HasSubstr("either interval or cron"));
  EXPECT_THAT(refused(R"("schedule": {"interval": "5m", "cron": "@daily"})"), HasSubstr("either interval or cron"));
  EXPECT_THAT(refused(R"("schedule": {"interval": "5ms"})"), HasSubstr("/spec/schedule/interval"));
  EXPECT_THAT(refused(R"("schedule": {"interval": "5m", "timeZone": "UTC"})"), HasSubstr("goes with cron"));
  EXPECT_THAT(refused(R"("schedule": {"cron": "0 0 31 2 *"})"), HasSubstr("/spec/schedule/cron"));
  EXPECT_THAT(refused(R"("schedule": {"cron": "@daily", "timeZone": "Europe/Munich"})"),
              HasSubstr("/spec/schedule/timeZone"));
}

TEST_F(DirectorySettings, ACredentialNeedsWhatItsTypeNames) {
  declare({"Credential", "default", "bind"}, R"({"type": "ldapBind", "kerberosKeytab": {"principal": "a@B"}})");
  EXPECT_THAT(refused(""), HasSubstr("/spec/ldapBind is needed"));
  undeclare({"Credential", "default", "bind"});
  EXPECT_THAT(refused(""), HasSubstr("there is no Credential"));
}

TEST_F(DirectorySettings, NobodySignsInUnlessItIsSaid) {
  EXPECT_FALSE(parse("")->sign_in);
  EXPECT_FALSE(parse(R"("signIn": {"tokenLifetime": "1h"})")->sign_in);

  const auto settings = parse(R"("signIn": {"enabled": true})");

  ASSERT_TRUE(settings) << settings.error().message;
  ASSERT_TRUE(settings->sign_in);
  EXPECT_EQ(settings->sign_in->login_attributes, (std::vector<std::string>{"sAMAccountName", "userPrincipalName"}));
  EXPECT_EQ(settings->sign_in->base_dns.front().text(), "DC=ad,DC=test");
  EXPECT_EQ(settings->sign_in->token_lifetime, std::chrono::hours(8));
  EXPECT_EQ(settings->sign_in->prefix, "");
  EXPECT_EQ(settings->sign_in->wrong_passwords, 3);
}

TEST_F(DirectorySettings, PeopleSignInOverTlsAndWithinTheDomainOnly) {
  EXPECT_THAT(refused(R"("signIn": {"enabled": true, "baseDNs": ["DC=other"]})"), HasSubstr("/spec/signIn/baseDNs"));
  EXPECT_THAT(refused(R"("signIn": {"enabled": true, "tokenLifetime": "8d"})"),
              HasSubstr("/spec/signIn/tokenLifetime"));
  EXPECT_THAT(refused(R"("signIn": {"enabled": true, "tokenLifetime": "1s"})"),
              HasSubstr("/spec/signIn/tokenLifetime"));
  use_keytab();
  EXPECT_THAT(refused(R"("tls": {"mode": "None"}, "signIn": {"enabled": true})", "ldap://dc1"),
              HasSubstr("over TLS only"));
}

}  // namespace
}  // namespace plumb::test
