// What the adapter over libldap does that no fake can show: TLS, binds, Kerberos, and servers that fail. Against a
// real Samba domain controller.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/contract/directory_samba_world.h"
#include "tests/support/tcp_proxy.h"

namespace plumb::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LdapOverSamba : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEED_SAMBA();
    secrets_ = samba_secrets();
    options_ = samba_options();
    options_.connect_timeout = seconds(3);
  }
  std::unique_ptr<Directory> connect() { return ldap::make_directory(options_, secrets_, clock_); }
  Deadline within(Duration span = seconds(20)) { return Deadline::in(clock_, span); }
  Result<Directory::About> about() { return connect()->about(within()); }
  // The fault and message of a connection that must not come about.
  Error refused() {
    auto answer = about();
    return answer ? Error{Fault::internal, "it was accepted", {}} : answer.error();
  }
  // By a name of the certificate, through a proxy at another port.
  void go_through(const TcpProxy& proxy) {
    options_.servers = {"ldaps://127.0.0.1:" + std::to_string(proxy.port())};
    options_.server_name = samba().server_name;
  }
  // An account whose state is set by the administrator.
  std::string add_user(const std::string& name, const std::vector<std::pair<std::string, std::string>>& values) {
    auto admin = ldap::make_directory(samba_options(), secrets_, clock_);
    DirectoryWrite add{DirectoryWrite::Kind::add, "", "CN=" + name + ",CN=Users," + samba().base, {}, "", ""};
    const auto put = [&](const std::string& attribute, const std::string& value) {
      add.changes.push_back({Modification::Op::add, attribute, {value}, nullptr});
    };
    put("objectClass", "user");
    put("sAMAccountName", name);
    put("userPrincipalName", name + "@ad.test");
    for (const auto& [attribute, value] : values) put(attribute, value);
    add.changes.push_back(
        {Modification::Op::add, "unicodePwd", {}, std::make_shared<const Secret>(std::string("Passw0rd.x"))});
    const auto answer = admin->write(std::span(&add, 1), within());
    EXPECT_TRUE(answer[0]) << answer[0].error().message;
    options_.username = name + "@ad.test";
    options_.password_from = "theirs";
    secrets_.table["theirs"] = "Passw0rd.x";
    return answer[0].value_or("");
  }
  std::vector<DirectoryWrite> ten_adds(const std::string& prefix, int count = 10) {
    std::vector<DirectoryWrite> writes;
    for (int i = 0; i < count; ++i) {
      const std::string name = prefix + std::to_string(i);
      writes.push_back({DirectoryWrite::Kind::add,
                        "",
                        "CN=" + name + ",CN=Users," + samba().base,
                        {{Modification::Op::add, "objectClass", {"group"}, nullptr},
                         {Modification::Op::add, "sAMAccountName", {name}, nullptr}},
                        "",
                        ""});
    }
    return writes;
  }

  RealClock clock_;
  TableOfSecrets secrets_;
  ldap::Options options_;
};

TEST_F(LdapOverSamba, EveryFormOfTheUserNameBinds) {
  for (const std::string name :
       {"Administrator@AD.TEST", "AD\\Administrator", "CN=Administrator,CN=Users,DC=ad,DC=test"}) {
    options_.username = name;
    const auto answer = about();
    ASSERT_TRUE(answer) << name << ": " << answer.error().message;
    EXPECT_EQ(answer->bound_as_dn, "CN=Administrator,CN=Users,DC=ad,DC=test") << name;
  }
}

TEST_F(LdapOverSamba, WhatWaitsIsNotSentOnceWhoAskedIsGone) {
  const auto gone = std::make_shared<std::atomic<bool>>(false);
  options_.sends_no_more = gone;
  options_.writes_in_flight = 4;
  const auto directory = connect();
  const auto finish = directory->begin_write(ten_adds("gone", 40), within());
  *gone = true;
  int done = 0, not_sent = 0;
  std::vector<std::string> names;
  for (const auto& answer : finish()) {
    if (answer) ++done;
    if (!answer && answer.error().fault == Fault::unavailable) ++not_sent;
  }
  EXPECT_EQ(done, 4);
  EXPECT_EQ(not_sent, 36);
  for (int i = 0; i < 40; ++i) names.push_back("gone" + std::to_string(i));
  const auto there = directory->find("sAMAccountName", names, {}, within());
  ASSERT_TRUE(there) << there.error().message;
  EXPECT_EQ(there->size(), 4U) << "what was told is what is there";
}

TEST_F(LdapOverSamba, ConnectionsAreClosedWhenTheyAreNotNeededAnyMore) {
  const auto open_files = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  ASSERT_TRUE(about());
  const auto before = open_files();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(about());
  options_.server_name = "other.example";
  for (int i = 0; i < 5; ++i) ASSERT_FALSE(about());
  EXPECT_EQ(open_files(), before);
}

TEST_F(LdapOverSamba, StartTlsIsEncryptedBeforeThePasswordIsSent) {
  options_.servers = {"ldap://" + samba().address};
  options_.tls = ldap::Options::Tls::start_tls;
  const auto answer = about();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_TRUE(answer->encrypted);
}

TEST_F(LdapOverSamba, AStartTlsThatDoesNotSucceedIsNotGoneOnWithout) {
  options_.servers = {"ldap://" + samba().address};
  options_.tls = ldap::Options::Tls::start_tls;
  options_.server_name = "other.example";
  EXPECT_EQ(refused().fault, Fault::unavailable);
}

TEST_F(LdapOverSamba, ASimpleBindWithoutTlsIsNeverTried) {
  options_.servers = {"ldap://" + samba().address};
  options_.tls = ldap::Options::Tls::none;
  const Error error = refused();
  EXPECT_EQ(error.fault, Fault::invalid);
  EXPECT_NE(error.message.find("without TLS"), std::string::npos) << error.message;
}

TEST_F(LdapOverSamba, ACertificateOfAnotherAuthorityIsRefused) {
  options_.ca_file = "";  // the system's
  const Error error = refused();
  EXPECT_EQ(error.fault, Fault::unavailable);
  EXPECT_NE(error.message.find("TLS fails"), std::string::npos) << error.message;
}

TEST_F(LdapOverSamba, ACertificateForAnotherNameIsRefused) {
  options_.server_name = "dc2.ad.test";
  EXPECT_NE(refused().message.find("dc2.ad.test"), std::string::npos);
  options_.server_name = samba().server_name;
  EXPECT_TRUE(about());
}

TEST_F(LdapOverSamba, TheEnvironmentCannotSwitchOffTheCertificateCheck) {
  ::setenv("LDAPTLS_REQCERT", "never", 1);
  ::setenv("LDAPTLS_CACERT", samba().ca_file.c_str(), 1);
  options_.ca_file = "/etc/ssl/certs/ca-certificates.crt";
  const Error error = refused();
  ::unsetenv("LDAPTLS_REQCERT");
  ::unsetenv("LDAPTLS_CACERT");
  EXPECT_NE(error.message.find("TLS fails"), std::string::npos) << error.message;
}

TEST_F(LdapOverSamba, AnAuthorityFileThatCannotBeReadIsSaidSo) {
  options_.ca_file = "/nonexistent/ca.pem";
  const Error error = refused();
  EXPECT_EQ(error.fault, Fault::invalid);
  EXPECT_NE(error.message.find("/nonexistent/ca.pem"), std::string::npos) << error.message;
}

TEST_F(LdapOverSamba, AWrongPasswordIsDeniedAndNotTriedOnTheNextServer) {
  TcpProxy second(samba().address, 636);
  secrets_.table["admin"] = "Wrong.password.1";
  options_.servers.push_back("ldaps://127.0.0.1:" + std::to_string(second.port()));
  const Error error = refused();
  EXPECT_EQ(error.fault, Fault::denied);
  EXPECT_NE(error.message.find("name or the password is wrong"), std::string::npos) << error.message;
  EXPECT_EQ(error.message.find("Wrong.password.1"), std::string::npos);
  EXPECT_EQ(second.connections(), 0);
}

TEST_F(LdapOverSamba, ADisabledAccountIsSaidSo) {
  add_user("disabled", {{"userAccountControl", "514"}});
  EXPECT_NE(refused().message.find("disabled (invalid"), std::string::npos) << refused().message;
}

TEST_F(LdapOverSamba, AnExpiredAccountIsSaidSo) {
  add_user("expired", {{"userAccountControl", "512"}, {"accountExpires", "130000000000000000"}});
  EXPECT_NE(refused().message.find("account has expired"), std::string::npos) << refused().message;
}

TEST_F(LdapOverSamba, APasswordThatMustBeChangedIsSaidSo) {
  add_user("mustchange", {{"userAccountControl", "512"}, {"pwdLastSet", "0"}});
  EXPECT_NE(refused().message.find("must be changed"), std::string::npos) << refused().message;
}

TEST_F(LdapOverSamba, AnEmptyPasswordIsNotAnAnonymousBind) {
  secrets_.table["admin"] = "";
  EXPECT_EQ(refused().fault, Fault::denied);
}

TEST_F(LdapOverSamba, WhatTheAccountMayNotDoIsDenied) {
  const std::string id = add_user("ordinary", {{"userAccountControl", "512"}});
  const DirectoryWrite write{DirectoryWrite::Kind::modify,
                             id,
                             "CN=ordinary",
                             {{Modification::Op::replace, "title", {"Boss"}, nullptr}},
                             "",
                             ""};
  const auto answer = connect()->write(std::span(&write, 1), within());
  ASSERT_FALSE(answer[0]);
  EXPECT_EQ(answer[0].error().fault, Fault::denied) << answer[0].error().message;
}

TEST_F(LdapOverSamba, KerberosWithAKeytabWorksWithAndWithoutTls) {
  options_.bind = ldap::Options::Bind::gssapi;
  options_.principal = "Administrator@AD.TEST";
  options_.keytab_file = samba().keytab(options_.principal);
  options_.krb5_config_file = samba().krb5_conf;
  options_.server_name = samba().server_name;
  const auto over_tls = about();
  ASSERT_TRUE(over_tls) << over_tls.error().message;
  EXPECT_EQ(over_tls->bound_as_dn, "CN=Administrator,CN=Users,DC=ad,DC=test");

  options_.servers = {"ldap://" + samba().address};
  options_.tls = ldap::Options::Tls::none;
  const auto sealed = about();
  ASSERT_TRUE(sealed) << sealed.error().message;
  EXPECT_TRUE(sealed->encrypted);
  EXPECT_EQ(std::getenv("KRB5_CLIENT_KTNAME"), nullptr);

  options_.principal = "svc-other@AD.TEST";
  EXPECT_EQ(refused().fault, Fault::denied);
  options_.keytab_file = "/nonexistent/keytab";
  EXPECT_EQ(refused().fault, Fault::invalid);
}

TEST_F(LdapOverSamba, APasswordIsSetOverASealedKerberosConnection) {
  const std::string id = add_user("sealed", {{"userAccountControl", "512"}});
  options_.bind = ldap::Options::Bind::gssapi;
  options_.principal = "Administrator@AD.TEST";
  options_.keytab_file = samba().keytab(options_.principal);
  options_.krb5_config_file = samba().krb5_conf;
  options_.server_name = samba().server_name;
  options_.servers = {"ldap://" + samba().address};
  options_.tls = ldap::Options::Tls::none;
  const DirectoryWrite write{
      DirectoryWrite::Kind::modify,
      id,
      "CN=sealed",
      {{Modification::Op::replace, "unicodePwd", {}, std::make_shared<const Secret>(std::string("Neu.und.Gut.2"))}},
      "",
      ""};
  const auto answer = connect()->write(std::span(&write, 1), within());
  EXPECT_TRUE(answer[0]) << answer[0].error().message;
}

TEST_F(LdapOverSamba, TheNextServerIsTakenWhenOneDoesNotAnswer) {
  TcpProxy proxy(samba().address, 636);
  go_through(proxy);
  options_.servers.insert(options_.servers.begin(), "ldaps://127.0.0.1:1");
  const auto answer = about();
  EXPECT_TRUE(answer) << answer.error().message;
  options_.servers = {"ldaps://127.0.0.1:1"};
  EXPECT_EQ(refused().fault, Fault::unavailable);
}

TEST_F(LdapOverSamba, ADropLeadsBackToTheSameServerAndItsFailureToTheOthersInOrderOfPreference) {
  auto first = std::make_unique<TcpProxy>(samba().address, 636);
  TcpProxy second(samba().address, 636), third(samba().address, 636);
  go_through(*first);
  for (const TcpProxy* each : {&second, &third})
    options_.servers.push_back("ldaps://127.0.0.1:" + std::to_string(each->port()));
  auto directory = connect();
  ASSERT_TRUE(directory->about(within()));
  // An idle drop of the preferred one: the same again.
  samba().kill();
  samba().start();
  ASSERT_TRUE(directory->about(within()));
  EXPECT_EQ(first->connections(), 2);
  EXPECT_EQ(second.connections(), 0);
  // It does not answer in time: the next in order.
  first->black_hole();
  EXPECT_FALSE(directory->about(within(milliseconds(300))));
  first->heal();
  ASSERT_TRUE(directory->about(within()));
  EXPECT_EQ(second.connections(), 1);
  // A drop of that one: again the same.
  samba().kill();
  samba().start();
  ASSERT_TRUE(directory->about(within()));
  EXPECT_EQ(second.connections(), 2);
  EXPECT_EQ(first->connections(), 2);
  EXPECT_EQ(third.connections(), 0);
}

TEST_F(LdapOverSamba, AServerLastUsedThatIsGoneIsFollowedByThePreferredOne) {
  const auto proxy = [&] { return std::make_unique<TcpProxy>(samba().address, 636); };
  auto first = proxy(), second = proxy(), third = proxy();
  go_through(*first);
  for (const auto* each : {&second, &third})
    options_.servers.push_back("ldaps://127.0.0.1:" + std::to_string((*each)->port()));
  options_.connect_timeout = seconds(3);
  auto directory = connect();
  first->black_hole();
  ASSERT_TRUE(directory->about(within()));
  EXPECT_EQ(second->connections(), 1);
  first->heal();
  second.reset();  // ends its connection, and refuses new ones
  ASSERT_TRUE(directory->about(within()));
  EXPECT_EQ(first->connections(), 2);
  EXPECT_EQ(third->connections(), 0);
}

TEST_F(LdapOverSamba, OurAccountIsFoundWhereItsNameIsUnusual) {
  const auto expect_known = [&](const std::string& name, const std::string& id) {
    options_.username = name;
    const auto answer = about();
    ASSERT_TRUE(answer) << name << ": " << answer.error().message;
    EXPECT_EQ(answer->bound_as_id, id) << name;
  };
  const std::string id = add_user("svc-doe", {{"userAccountControl", "512"}});
  std::vector<DirectoryWrite> writes(2);
  writes[0] = {DirectoryWrite::Kind::move, id, "CN=svc-doe,CN=Users," + samba().base, {}, "CN=Doe\\, Svc", ""};
  writes[1] = {DirectoryWrite::Kind::modify,
               id,
               "CN=svc-doe",
               {{Modification::Op::replace, "userPrincipalName", {"doe.service@corp.example"}, nullptr}},
               "",
               ""};
  auto admin = ldap::make_directory(samba_options(), secrets_, clock_);
  for (const DirectoryWrite& write : writes) {
    const auto answer = admin->write(std::span(&write, 1), within());
    ASSERT_TRUE(answer[0]) << answer[0].error().message;
  }
  expect_known("CN=Doe\\, Svc,CN=Users," + samba().base, id);
  expect_known("cn=doe\\2c svc,cn=users," + samba().base, id);
  expect_known("doe.service@corp.example", id);
  expect_known("svc-doe@AD.TEST", id);
  expect_known("AD\\svc-doe", id);

  options_.bind = ldap::Options::Bind::gssapi;
  options_.principal = "svc-doe@AD.TEST";
  options_.keytab_file = samba().keytab(options_.principal);
  options_.krb5_config_file = samba().krb5_conf;
  options_.server_name = samba().server_name;
  const auto answer = about();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->bound_as_id, id);
}

TEST_F(LdapOverSamba, AServerThatHangsInTheHandshakeIsLeftInTime) {
  TcpProxy proxy(samba().address, 636);
  go_through(proxy);
  proxy.black_hole();
  options_.connect_timeout = milliseconds(300);
  const auto began = clock_.steady();
  const Error error = refused();
  EXPECT_EQ(error.fault, Fault::unavailable);
  EXPECT_LT(clock_.steady() - began, seconds(3));
  EXPECT_NE(error.message.find("no answer to the TLS handshake within 300ms"), std::string::npos) << error.message;
  EXPECT_EQ(error.message.find("certificate"), std::string::npos) << error.message;
}

TEST_F(LdapOverSamba, AReadThatHangsHalfWayEndsAtItsDeadlineAndGivesNothing) {
  TcpProxy proxy(samba().address, 636);
  go_through(proxy);
  auto directory = connect();
  ASSERT_TRUE(directory->about(within()));
  for (const std::int64_t bytes : {1, 5, 100, 5000, 20000}) {
    proxy.fail_after(bytes, TcpProxy::Fault::black_hole);
    const auto began = clock_.steady();
    const auto read = directory->read_all({{samba().base}, {}, {"*"}}, within(milliseconds(400)));
    ASSERT_FALSE(read) << bytes;
    EXPECT_TRUE(read.error().fault == Fault::timeout || read.error().fault == Fault::unavailable);
    EXPECT_LT(clock_.steady() - began, seconds(3)) << bytes;
    proxy.heal();
    ASSERT_TRUE(directory->about(within())) << "it connects anew";
  }
}

TEST_F(LdapOverSamba, AReadThatIsCutAnywhereGivesNothingOrIsRepeatedAsAWhole) {
  TcpProxy proxy(samba().address, 636);
  go_through(proxy);
  auto directory = connect();
  const auto whole = directory->read_all({{samba().base}, {}, {"*"}}, within());
  ASSERT_TRUE(whole) << whole.error().message;
  for (const std::int64_t bytes : {1, 3000, 30000, 60000}) {
    for (const auto fault : {TcpProxy::Fault::cut, TcpProxy::Fault::reset}) {
      proxy.heal();
      ASSERT_TRUE(directory->about(within()));
      proxy.fail_after(bytes, fault);
      const auto read = directory->read_all({{samba().base}, {}, {"*"}}, within());
      ASSERT_FALSE(read) << bytes;
      EXPECT_EQ(read.error().fault, Fault::unavailable) << read.error().message;
    }
  }
  proxy.heal();
  const auto again = directory->read_all({{samba().base}, {}, {"*"}}, within());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ((*again)->size(), (*whole)->size());
}

TEST_F(LdapOverSamba, WritesWithoutAnAnswerAreUnknownAndThoseNeverSentAreNot) {
  TcpProxy proxy(samba().address, 636);
  go_through(proxy);
  options_.writes_in_flight = 4;
  auto directory = connect();
  ASSERT_TRUE(directory->about(within()));
  proxy.fail_after(1, TcpProxy::Fault::cut);
  const auto answers = directory->write(ten_adds("cut"), within());
  ASSERT_EQ(answers.size(), 10U);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    ASSERT_FALSE(answers[i]) << i;
    EXPECT_EQ(answers[i].error().fault, i < 4 ? Fault::timeout : Fault::unavailable) << answers[i].error().message;
  }
  proxy.heal();
  for (int i = 4; i < 10; ++i) {
    const std::vector<std::string> names = {"cut" + std::to_string(i)};
    const auto found = directory->find("sAMAccountName", names, {}, within());
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_TRUE(found->empty()) << names[0];
  }
}

TEST_F(LdapOverSamba, WritesToAServerThatHangsEndAtTheDeadline) {
  TcpProxy proxy(samba().address, 636);
  go_through(proxy);
  auto directory = connect();
  ASSERT_TRUE(directory->about(within()));
  proxy.black_hole();
  const auto began = clock_.steady();
  const auto answers = directory->write(ten_adds("hang"), within(milliseconds(400)));
  EXPECT_LT(clock_.steady() - began, seconds(3));
  for (const auto& answer : answers) EXPECT_EQ(answer.error().fault, Fault::timeout) << answer.error().message;
}

TEST_F(LdapOverSamba, AServerThatWasRestartedIsFoundAgainByTheNextCall) {
  auto directory = connect();
  ASSERT_TRUE(directory->about(within()));
  samba().kill();
  const auto down = directory->about(within());
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().fault, Fault::unavailable);
  samba().start();
  const auto up = directory->about(within());
  EXPECT_TRUE(up) << up.error().message;
  samba().kill();
  samba().start();
  const auto answers = directory->write(ten_adds("restart", 1), within());
  EXPECT_TRUE(answers[0]) << "a connection known to be closed is not written to: " << answers[0].error().message;
}

}  // namespace
}  // namespace plumb::test
