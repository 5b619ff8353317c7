// What a site's policy lets through to its domain, whatever a controller says.
#include "connector/guarded_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector/attributes.h"
#include "tests/support/borrowed_directory.h"
#include "tests/support/fake_directory.h"
#include "tests/unit/connector/temporary.h"

namespace plumb::connector {
namespace {

using std::string_literals::operator""s;
using test::FakeDirectory;
using testing::HasSubstr;

using testing::SizeIs;
using Kind = DirectoryWrite::Kind;
using Op = Modification::Op;

class Guarded : public testing::Test {
 protected:
  Guarded() {
    people_ = domain_.add_ou("People");
    other_ = domain_.add_ou("Other");
    jane_ = domain_.add_user("jane", people_);
    boss_ = domain_.add_user("boss", other_);
  }
  std::unique_ptr<Directory> with(const std::string& operations,
                                  const std::string& write_dns = R"("OU=People,DC=ad,DC=test")") {
    policy_ = parse_policy("[[directory]]\nservers = [\"ldaps://dc\"]\nbase_dns = [\"DC=ad,DC=test\"]\nwrite_dns = [" +
                               write_dns + "]\noperations = [" + operations + "]\n",
                           "/policy.toml")
                  .value();
    return guard(std::make_unique<test::BorrowedDirectory>(domain_), policy_, policy_.directories.front());
  }
  std::string id(const std::string& who) const { return domain_.id_of(who); }
  DirectoryWrite change(const std::string& who, const std::string& attribute, std::vector<std::string> values,
                        Op op = Op::replace) const {
    return {Kind::modify, id(who), "CN=harmless", {{op, attribute, std::move(values), nullptr}}, "", ""};
  }
  DirectoryWrite rename(const std::string& who, const std::string& rdn, const std::string& parent = "") const {
    return {Kind::move, id(who), "", {}, rdn, parent};
  }
  static std::string told(Directory& directory, const DirectoryWrite& write) {
    const auto answers = directory.write(std::span(&write, 1), Deadline::never());
    return answers.front() ? "done" : answers.front().error().message;
  }

  FakeDirectory domain_;
  Policy policy_;
  std::string people_, other_, jane_, boss_;
};

TEST_F(Guarded, WhereAnObjectIsTheDomainSays) {
  const auto site = with(R"("read", "write")");
  EXPECT_EQ(told(*site, change(jane_, "title", {"x"})), "done");
  EXPECT_THAT(told(*site, change(boss_, "title", {"x"})), HasSubstr("add a name above it to write_dns"));
  EXPECT_EQ(domain_.value(boss_, "title"), "");
}

// The shortest way would be to ask for nothing where all of the domain may be written; ids are of all partitions.
TEST_F(Guarded, AnIdThatIsNotInTheDomainIsNotWrittenWhereAllOfItMayBe) {
  const auto site = with(R"("read", "write")", R"("DC=ad,DC=test")");
  EXPECT_EQ(told(*site, change(boss_, "title", {"x"})), "done");
  auto elsewhere = change(jane_, "title", {"x"});
  elsewhere.id = "00000000-1111-2222-3333-444444444444";
  EXPECT_THAT(told(*site, elsewhere), HasSubstr("is not there"));
}

TEST_F(Guarded, BothNamesOfAMoveHaveToBeAllowed) {
  const auto site = with(R"("read", "write")");
  EXPECT_EQ(told(*site, rename(jane_, "CN=jane2")), "done");
  EXPECT_THAT(told(*site, rename(jane_, "CN=jane2", "OU=Other,DC=ad,DC=test")), HasSubstr("write_dns"));
  EXPECT_THAT(told(*site, rename(boss_, "CN=boss", "OU=People,DC=ad,DC=test")), HasSubstr("write_dns"));
  // It is below itself, and would take all that is below it out.
  EXPECT_THAT(told(*site, rename(people_, "OU=Elsewhere")), HasSubstr("write_dns"));
  EXPECT_THAT(told(*site, rename(jane_, "CN=x,OU=Other")), HasSubstr("not one part of a name"));
  EXPECT_THAT(told(*site, rename(jane_, "")), HasSubstr("not one part of a name"));
  EXPECT_TRUE(domain_.exists("OU=People,DC=ad,DC=test"));
}

// The first one makes it the top of what may be written, which the second one would rename out of it.
TEST_F(Guarded, OneObjectIsNotMovedTwiceAtATime) {
  const auto site = with(R"("read", "write")", R"("OU=People,DC=ad,DC=test", "OU=Later,DC=ad,DC=test")");
  const std::string team = domain_.add_ou("Team", people_);
  const std::vector<DirectoryWrite> writes{rename(team, "OU=Later", "DC=ad,DC=test"), rename(team, "OU=Free")};
  const auto answers = site->write(writes, Deadline::never());
  EXPECT_TRUE(answers.at(0));
  ASSERT_FALSE(answers.at(1));
  EXPECT_THAT(answers.at(1).error().message, HasSubstr("is moved twice at a time"));
  EXPECT_TRUE(domain_.exists("OU=Later,DC=ad,DC=test"));
}

class Passwords : public Guarded, public testing::WithParamInterface<std::string> {};
TEST_P(Passwords, AreNotSetWithoutTheOperation) {
  const auto site = with(R"("read", "write")");
  EXPECT_NE(told(*site, change(jane_, GetParam(), {"secret"})), "done");
  EXPECT_EQ(domain_.values(jane_, "unicodePwd"), std::vector<std::string>{});
}
INSTANTIATE_TEST_SUITE_P(Table, Passwords,
                         testing::Values("unicodePwd", "UNICODEPWD", "unicodePwd;binary", "unicodePwd\0"s,
                                         "unicodePwd\0x"s, "unicodePwd ", " unicodePwd", "1.2.840.113556.1.4.90",
                                         "OID.1.2.840.113556.1.4.90", "msDS-KeyCredentialLink\0"s, "userPassword",
                                         "msLAPS-Password", ""));

class Powers : public Guarded, public testing::WithParamInterface<std::pair<std::string, std::string>> {};
TEST_P(Powers, AreNotGivenWithoutTheOperation) {
  const auto& [attribute, value] = GetParam();
  EXPECT_THAT(told(*with(R"("read", "write")"), change(jane_, attribute, {value})),
              HasSubstr("add \"rights\" to operations"));
  EXPECT_THAT(told(*with(R"("read", "write", "rights")"), change(boss_, attribute, {value})), HasSubstr("write_dns"));
}
INSTANTIATE_TEST_SUITE_P(Table, Powers,
                         testing::Values(std::pair{"nTSecurityDescriptor"s, "x"s},
                                         std::pair{"msds-allowedtodelegateto"s, "cifs/dc"s},
                                         std::pair{"msDS-AllowedToActOnBehalfOfOtherIdentity"s, "x"s},
                                         std::pair{"sIDHistory"s, "S-1-5-21-1-2-3-512"s},
                                         std::pair{"userAccountControl"s, "524800"s},   // trusted for delegation
                                         std::pair{"userAccountControl"s, "4194816"s},  // no pre-authentication
                                         std::pair{"userAccountControl"s, "many"s}));

TEST_F(Guarded, WhatIsThereOfPowersDoesNotStopOtherChanges) {
  DirectoryWrite off{
      Kind::modify,
      id(jane_),
      "",
      {{Op::remove, "userAccountControl", {"524800"}, nullptr}, {Op::add, "userAccountControl", {"524802"}, nullptr}},
      "",
      ""};
  EXPECT_FALSE(sets_rights(off)) << "delegation was there before; it is disabled";
  off.changes.front().values = {"512"};
  EXPECT_TRUE(sets_rights(off));
  EXPECT_EQ(told(*with(R"("read", "write")"), change(jane_, "userAccountControl", {"514"})), "done");
}

TEST_F(Guarded, SecretsAreNotRead) {
  const auto site = with(R"("read", "write", "password", "rights")");
  for (const std::string& attribute : {"ms-Mcs-AdmPwd"s, "MSLAPS-PASSWORD"s, "msLAPS-Password;binary"s,
                                       "msFVE-RecoveryPassword"s, "*"s, "+"s, "cn)(objectClass=*"s}) {
    const std::vector<std::string> names{attribute}, values{"x"};
    EXPECT_EQ(site->find("cn", values, names, Deadline::never()).error().fault, Fault::denied) << attribute;
    EXPECT_EQ(site->find(attribute, values, {}, Deadline::never()).error().fault, Fault::denied) << attribute;
    const ReadScope scope{{"DC=ad,DC=test"}, {}, names};
    EXPECT_EQ(site->read_all(scope, Deadline::never()).error().fault, Fault::denied) << attribute;
    EXPECT_EQ(site->read_pages(scope, 10)->next(Deadline::never()).error().fault, Fault::denied) << attribute;
    EXPECT_EQ(site->changes_since("usn:1", scope, Deadline::never()).error().fault, Fault::denied) << attribute;
  }
  EXPECT_TRUE(site->read_all({{"DC=ad,DC=test"}, {}, {"cn", "member;range=0-99", "msDS-KeyCredentialLink"}},
                             Deadline::never()));
}

TEST_F(Guarded, WhatIsOutsideIsNotFound) {
  policy_ = parse_policy("[[directory]]\nservers = [\"ldaps://dc\"]\nbase_dns = [\"OU=People,DC=ad,DC=test\"]\n",
                         "/policy.toml")
                .value();
  const auto site = guard(std::make_unique<test::BorrowedDirectory>(domain_), policy_, policy_.directories.front());
  const std::vector<std::string> names{"jane", "boss"};
  const auto found = site->find("sAMAccountName", names, {}, Deadline::never());
  ASSERT_TRUE(found);
  EXPECT_THAT(*found, SizeIs(1));
  EXPECT_EQ(site->history(id(boss_), Deadline::never()).error().fault, Fault::not_found);
  EXPECT_FALSE(site->read_all({{"DC=ad,DC=test"}, {}, {}}, Deadline::never()));
}

}  // namespace
}  // namespace plumb::connector
