// People who sign in with their password, against a real Samba domain controller.
#include "controller/adapters/ldap/sign_in.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/directory_samba_world.h"

namespace plumb::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char *kPassword = "Canary.Passw0rd-7", *kWrong = "Canary.Wr0ng-8";
using Values = std::vector<std::pair<std::string, std::string>>;

class SignInOverSamba : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEED_SAMBA();
    secrets_ = samba_secrets();
    options_ = samba_options();
    admin_ = ldap::make_directory(options_, secrets_, clock_);
    sign_in_ = ldap::make_sign_in(options_, secrets_, clock_);
  }
  Deadline soon() const { return Deadline::in(clock_, std::chrono::seconds(20)); }
  // A name that no other test uses: the domain is one for all.
  static std::string name(const std::string& what) {
    return what + std::to_string(testing::UnitTest::GetInstance()->current_test_info()->line());
  }
  static std::string dn_of(const std::string& account) { return "CN=" + account + ",CN=Users," + samba().base; }
  void add(const std::string& dn, const Values& values, bool password = false) {
    DirectoryWrite add{DirectoryWrite::Kind::add, "", dn, {}, "", ""};
    for (const auto& [attribute, value] : values)
      add.changes.push_back({Modification::Op::add, attribute, {value}, nullptr});
    if (password)
      add.changes.push_back(
          {Modification::Op::add, "unicodePwd", {}, std::make_shared<const Secret>(std::string(kPassword))});
    const auto answer = admin_->write(std::span(&add, 1), soon());
    ASSERT_TRUE(answer[0]) << dn << ": " << answer[0].error().message;
    ids_[dn] = *answer[0];
  }
  void user(const std::string& account, const Values& more = {}) {
    Values values = {{"objectClass", "user"},
                     {"sAMAccountName", account},
                     {"userPrincipalName", account + "@ad.test"},
                     {"userAccountControl", "512"}};
    for (const auto& each : more) {
      std::erase_if(values, [&](const auto& value) { return value.first == each.first; });
      values.push_back(each);
    }
    add(dn_of(account), values, true);
  }
  void group(const std::string& account, const std::string& member) {
    add(dn_of(account), {{"objectClass", "group"}, {"sAMAccountName", account}, {"member", dn_of(member)}});
  }
  void set(const std::string& dn, const std::string& attribute, const std::string& value) {
    DirectoryWrite change{
        DirectoryWrite::Kind::modify, ids_[dn], dn, {{Modification::Op::replace, attribute, {value}, nullptr}}, "", ""};
    const auto answer = admin_->write(std::span(&change, 1), soon());
    ASSERT_TRUE(answer[0]) << answer[0].error().message;
  }
  // Rules of passwords for that account alone.
  void rules(const std::string& account, const std::string& lockout_threshold, const std::string& longest_age) {
    add("CN=" + account + "-rules,CN=Password Settings Container,CN=System," + samba().base,
        {{"objectClass", "msDS-PasswordSettings"},
         {"msDS-PasswordSettingsPrecedence", "1"},
         {"msDS-PasswordReversibleEncryptionEnabled", "FALSE"},
         {"msDS-PasswordHistoryLength", "0"},
         {"msDS-PasswordComplexityEnabled", "FALSE"},
         {"msDS-MinimumPasswordLength", "0"},
         {"msDS-MinimumPasswordAge", "0"},
         {"msDS-MaximumPasswordAge", longest_age},
         {"msDS-LockoutThreshold", lockout_threshold},
         {"msDS-LockoutObservationWindow", "-18000000000"},
         {"msDS-LockoutDuration", "-18000000000"},
         {"msDS-PSOAppliesTo", dn_of(account)}});
  }
  // The password becomes as old as that; nobody may write it but on the server itself.
  static void set_back(const std::string& account) {
    const std::string database = samba().folder() + "/dc/private/sam.ldb";
    const Ran ran = run_program({"/usr/bin/python3", "-c",
                                 "import ldb, sys\n"
                                 "from samba import dsdb\n"
                                 "from samba.samdb import SamDB\n"
                                 "from samba.auth import system_session\n"
                                 "from samba.param import LoadParm\n"
                                 "lp = LoadParm(); lp.load(sys.argv[3])\n"
                                 "db = SamDB(url=sys.argv[1], session_info=system_session(), lp=lp)\n"
                                 "m = ldb.Message(ldb.Dn(db, sys.argv[2]))\n"
                                 "m['p'] = ldb.MessageElement('132000000000000000', ldb.FLAG_MOD_REPLACE, "
                                 "'pwdLastSet')\n"
                                 "db.modify(m, controls=['local_oid:'+"
                                 "dsdb.DSDB_CONTROL_BYPASS_PASSWORD_HASH_OID+':0'])\n",
                                 database, dn_of(account), samba().folder() + "/dc/smb.conf"});
    ASSERT_EQ(ran.status, 0) << ran.output;
  }
  static SignInRequest request(const std::string& login, const std::string& password) {
    return {.login_attributes = {"sAMAccountName", "userPrincipalName", "mail"},
            .base_dns = {samba().base},
            .login = login,
            .password = std::make_shared<const Secret>(std::string(password)),
            .with_groups = true};
  }
  SignInAnswer attempt(const std::string& login, const std::string& password = kPassword) {
    auto answer = sign_in_->sign_in(request(login, password), soon());
    if (!answer) said_ += answer.error().error.message + "\n";
    return answer;
  }
  // "refusal: message", or "signed in as" whom.
  std::string told(const std::string& login, const std::string& password = kPassword) {
    const auto answer = attempt(login, password);
    if (answer) return "signed in as " + answer->account;
    const auto& refusal = answer.error().refusal;
    return (refusal ? std::string(to_string(*refusal)) : "not asked") + ": " + answer.error().error.message;
  }
  void TearDown() override {
    EXPECT_THAT(said_, Not(HasSubstr(kPassword)));
    EXPECT_THAT(said_, Not(HasSubstr(kWrong)));
  }

  RealClock clock_;
  TableOfSecrets secrets_;
  ldap::Options options_;
  std::unique_ptr<Directory> admin_;
  std::unique_ptr<SignIn> sign_in_;
  std::map<std::string, std::string> ids_;
  std::string said_;
};

TEST_F(SignInOverSamba, TheRightPasswordTellsWhoItIsAndTheGroupsAllTheWayUp) {
  const std::string jane = name("jane"), inner = name("inner"), outer = name("outer");
  user(jane, {{"displayName", "Jane Doe"}, {"mail", jane + "@mail.example"}});
  group(inner, jane);
  group(outer, inner);

  const auto who = attempt(jane);

  ASSERT_TRUE(who) << who.error().error.message;
  EXPECT_EQ(who->id, ids_[dn_of(jane)]);
  EXPECT_EQ(who->dn, dn_of(jane));
  EXPECT_EQ(who->account, jane);
  EXPECT_EQ(who->upn, jane + "@ad.test");
  EXPECT_EQ(who->display_name, "Jane Doe");
  EXPECT_EQ(who->mail, jane + "@mail.example");
  std::vector<std::string> groups;
  for (const auto& each : who->groups) groups.push_back(each.account);
  EXPECT_THAT(groups, testing::IsSupersetOf({inner, outer, std::string("Domain Users")}));
  EXPECT_THAT(groups, Not(testing::Contains("Domain Admins")));
}

TEST_F(SignInOverSamba, AnAccountIsKnownByItsNameItsPrincipalNameAndItsMail) {
  const std::string jane = name("jane");
  user(jane, {{"mail", jane + "@mail.example"}});

  for (const std::string& login : {jane, "J" + jane.substr(1), jane + "@ad.test", jane + "@mail.example"})
    EXPECT_EQ(told(login), "signed in as " + jane) << login;
}

TEST_F(SignInOverSamba, EachReasonOfTheDomainIsToldApart) {
  const std::string plain = name("plain"), off = name("off"), over = name("over"), fresh = name("fresh"),
                    night = name("night"), stale = name("stale");
  user(plain);
  user(off, {{"userAccountControl", "514"}});
  user(over, {{"accountExpires", "132000000000000000"}});
  user(fresh, {{"pwdLastSet", "0"}});
  user(night, {{"logonHours", std::string(21, '\0')}});
  user(stale);
  rules(stale, "0", "-8640000000000");  // ten days
  set_back(stale);
  ASSERT_EQ(told(plain), "signed in as " + plain);

  EXPECT_THAT(told(plain, kWrong), HasSubstr("wrong_password: binding as CN="));
  EXPECT_THAT(told(plain, kWrong), HasSubstr("data 52e"));
  EXPECT_EQ(told(name("nobody")), "unknown_user: no account has this login");
  EXPECT_THAT(told(off), HasSubstr("disabled: "));
  EXPECT_THAT(told(over), HasSubstr("account_expired: "));
  EXPECT_THAT(told(fresh), HasSubstr("must_change_password: "));
  EXPECT_THAT(told(night), HasSubstr("not_now: "));
  EXPECT_THAT(told(stale), HasSubstr("password_expired: "));
  // Whoever does not know the password learns none of that.
  for (const std::string& account : {off, over, fresh, night, stale})
    EXPECT_THAT(told(account, kWrong), HasSubstr("wrong_password: ")) << account;
}

TEST_F(SignInOverSamba, ALockedAccountIsLockedForTheRightPasswordToo) {
  const std::string jane = name("jane");
  user(jane);
  rules(jane, "2", "-864000000000");
  ASSERT_EQ(told(jane), "signed in as " + jane);

  EXPECT_THAT(told(jane, kWrong), HasSubstr("wrong_password"));
  EXPECT_THAT(told(jane, kWrong), testing::AnyOf(HasSubstr("wrong_password"), HasSubstr("locked")));

  EXPECT_THAT(told(jane), HasSubstr("locked: "));
}

TEST_F(SignInOverSamba, AnEmptyPasswordIsRefusedBeforeAnythingIsSent) {
  options_.servers = {"ldaps://127.0.0.1:1"};  // nobody is there
  sign_in_ = ldap::make_sign_in(options_, secrets_, clock_);

  EXPECT_EQ(told("Administrator", ""), "empty_password: the password is empty");
  auto without = request("Administrator", "");
  without.password.reset();
  EXPECT_EQ(sign_in_->sign_in(without, soon()).error().refusal, SignInRefusal::empty_password);
}

TEST_F(SignInOverSamba, WhatIsTypedIsNeverAPartOfTheFilter) {
  const std::string jane = name("jane");
  user(jane);

  for (const std::string& login :
       std::vector<std::string>{"*", jane.substr(0, 3) + "*", ")(cn=*", "*)(sAMAccountName=" + jane, jane + ")(|(cn=*",
                                "\\2a", "\\", jane + std::string(1, '\0'), std::string(1, '\0'), std::string(),
                                "\xff\xfe", std::string(5000, 'a'), "(objectClass=*)", "CN=" + jane, dn_of(jane)})
    EXPECT_EQ(told(login), "unknown_user: no account has this login") << login.substr(0, 80);
  auto bad = request(jane, kPassword);
  bad.login_attributes = {"cn=*)(sAMAccountName"};
  const auto answer = sign_in_->sign_in(bad, soon());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.fault, Fault::invalid);
}

TEST_F(SignInOverSamba, ALoginOfSeveralAccountsIsNobodysAndTheFirstAttributeDecides) {
  const std::string one = name("one"), two = name("two"), three = name("three"),
                    shared = name("shared") + "@mail.example";
  user(one, {{"mail", shared}});
  user(two, {{"mail", shared}});
  user(three, {{"mail", one}});

  EXPECT_EQ(told(shared), "ambiguous: several accounts have this login");
  EXPECT_EQ(told(one), "signed in as " + one);  // although it is the mail of another one
}

TEST_F(SignInOverSamba, ComputersAndGroupsAreNobody) {
  const std::string jane = name("jane"), team = name("team");
  user(jane);
  group(team, jane);

  EXPECT_EQ(told(team), "unknown_user: no account has this login");
  EXPECT_EQ(told(name("dc") + "$"), "unknown_user: no account has this login");
}

TEST_F(SignInOverSamba, OutsideOfItsBaseDnsNobodyIsKnown) {
  const std::string jane = name("jane");
  user(jane);
  auto elsewhere = request(jane, kPassword);
  elsewhere.base_dns = {"OU=Domain Controllers," + samba().base};

  const auto answer = sign_in_->sign_in(elsewhere, soon());

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().refusal, SignInRefusal::unknown_user);
}

TEST_F(SignInOverSamba, OverlappingBaseDnsMakeNobodyAmbiguous) {
  const std::string jane = name("jane");
  user(jane);
  auto twice = request(jane, kPassword);
  twice.base_dns = {samba().base, "CN=Users," + samba().base};

  EXPECT_TRUE(sign_in_->sign_in(twice, soon()));
}

TEST_F(SignInOverSamba, WhoItWouldBeIsToldWithoutAPasswordAndNothingIsTried) {
  const std::string jane = name("jane");
  user(jane);
  auto only = request(jane, "");
  only.password.reset();
  only.find_only = true;

  const auto who = sign_in_->sign_in(only, soon());

  ASSERT_TRUE(who) << who.error().error.message;
  EXPECT_EQ(who->id, ids_[dn_of(jane)]);
  EXPECT_TRUE(who->groups.empty());
}

TEST_F(SignInOverSamba, WithoutTlsNothingIsSent) {
  options_.servers = {"ldap://" + samba().address};
  options_.tls = ldap::Options::Tls::none;
  options_.bind = ldap::Options::Bind::gssapi;
  sign_in_ = ldap::make_sign_in(options_, secrets_, clock_);

  EXPECT_THAT(told("Administrator"), HasSubstr("not asked: people sign in over TLS only"));
}

TEST_F(SignInOverSamba, StartTlsWillDo) {
  const std::string jane = name("jane");
  user(jane);
  options_.servers = {"ldap://" + samba().address};
  options_.tls = ldap::Options::Tls::start_tls;
  sign_in_ = ldap::make_sign_in(options_, secrets_, clock_);

  EXPECT_EQ(told(jane), "signed in as " + jane);
}

TEST_F(SignInOverSamba, AServerThatIsNotThereIsNoWrongPassword) {
  options_.servers = {"ldaps://127.0.0.1:1"};
  sign_in_ = ldap::make_sign_in(options_, secrets_, clock_);

  const auto answer = attempt("Administrator");

  ASSERT_FALSE(answer);
  EXPECT_FALSE(answer.error().refusal);
  EXPECT_EQ(answer.error().error.fault, Fault::unavailable);
}

// Whoever may try to sign in could have the account that looks for people locked out.
TEST_F(SignInOverSamba, AnAccountThatTheDomainRefusesIsNotTriedAgainAtOnce) {
  const std::string looker = name("looker");
  user(looker);
  rules(looker, "3", "-864000000000");
  options_.username = looker + "@ad.test";
  options_.password_from = "theirs";
  secrets_.table["theirs"] = kWrong;
  sign_in_ = ldap::make_sign_in(options_, secrets_, clock_);

  for (int i = 0; i < 5; ++i) EXPECT_THAT(told("Administrator"), HasSubstr("not asked: binding as " + looker));

  secrets_.table["theirs"] = kPassword;
  EXPECT_EQ(ldap::make_sign_in(options_, secrets_, clock_)
                ->sign_in(request(looker, kPassword), soon())
                .value_or(SignedIn{})
                .account,
            looker);
}

}  // namespace
}  // namespace plumb::test
