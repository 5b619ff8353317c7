#include "controller/runtime/access_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;

class AccessTokensTest : public ::testing::Test {
 protected:
  std::string create(AccessTokens::Wish wish = {.account = "ci"}) {
    auto created = tokens_.create(wish);
    EXPECT_TRUE(created) << created.error().message;
    if (!created) return "";
    last_ = created->token;
    return std::string(created->text.reveal());
  }
  std::string stored() const {
    std::string all;
    for (const auto& [key, item] : const_cast<test::FakeStateStore&>(store_).items()) all += key + item.value + "\n";
    return all;
  }

  test::FakeClock clock_;
  test::FakeStateStore store_;
  AccessTokens tokens_{store_, clock_};
  AccessTokens elsewhere_{store_, clock_};  // another process
  AccessToken last_;
};

TEST_F(AccessTokensTest, WhoHasTheTextIsTheAccount) {
  const std::string text =
      create({.account = "ci", .admin = true, .description = "the \"build\"", .created_by = "root@host"});

  const auto known = tokens_.verify(text);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->account, "ci");
  EXPECT_TRUE(known->admin);
  EXPECT_EQ(known->id, last_.id);
  EXPECT_EQ(known->description, "the \"build\"");
  EXPECT_EQ(known->created_by, "root@host");
  EXPECT_EQ(known->created, clock_.now());
  EXPECT_EQ(known->expires, clock_.now() + kTokenLifetime);
}

TEST_F(AccessTokensTest, ATokenIsNoAdminsUnlessItWasAskedFor) {
  const auto known = tokens_.verify(create());

  ASSERT_TRUE(known);
  EXPECT_FALSE(known->admin);
}

TEST_F(AccessTokensTest, TheTextHasItsPrefixItsIdAnd256Bits) {
  const std::string text = create(), other = create();

  EXPECT_THAT(text, ::testing::MatchesRegex("plb_[0-9a-f]+_[0-9a-f]+"));
  EXPECT_EQ(text.size(), 4U + 16U + 1U + 64U);
  EXPECT_NE(text.substr(21), other.substr(21));
}

TEST_F(AccessTokensTest, NothingOfTheSecretIsInTheStore) {
  const std::string text = create();
  const std::string secret = text.substr(text.size() - 64);

  ASSERT_NE(stored().find(last_.id), std::string::npos);
  for (std::size_t at = 0; at + 12 <= secret.size(); ++at)
    EXPECT_EQ(stored().find(secret.substr(at, 12)), std::string::npos);
}

TEST_F(AccessTokensTest, ATokenEndsAtItsExpiry) {
  const std::string text = create({.account = "ci", .lifetime = 1h});

  clock_.advance(1h - 1ms);
  EXPECT_TRUE(tokens_.verify(text));
  clock_.advance(1ms);
  EXPECT_FALSE(tokens_.verify(text));
  const auto all = tokens_.list();
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 1U);  // it is shown, as expired
}

TEST_F(AccessTokensTest, ARevokedTokenIsGoneAtOnceHereAndWithinASecondElsewhere) {
  const std::string text = create(), kept = create();
  ASSERT_TRUE(elsewhere_.verify(text));
  const std::string id = text.substr(4, 16);

  ASSERT_TRUE(tokens_.revoke(id));

  EXPECT_FALSE(tokens_.verify(text));
  clock_.advance(1s);
  EXPECT_FALSE(elsewhere_.verify(text));
  EXPECT_TRUE(elsewhere_.verify(kept));
  EXPECT_EQ(stored().find(id), std::string::npos);
}

TEST_F(AccessTokensTest, WhatAnotherProcessCreatesIsKnownWithinASecond) {
  EXPECT_FALSE(elsewhere_.verify("plb_" + std::string(16, '0') + "_" + std::string(64, '0')));
  const std::string text = create();

  clock_.advance(1s);

  EXPECT_TRUE(elsewhere_.verify(text));
}

TEST_F(AccessTokensTest, TheStoreIsReadOnceASecondWhateverIsAsked) {
  const std::string text = create();
  ASSERT_TRUE(tokens_.verify(text));
  store_.unreadable = true;

  clock_.advance(999ms);
  EXPECT_TRUE(tokens_.verify(text));
}

TEST_F(AccessTokensTest, AStoreThatCannotBeReadLetsNobodyIn) {
  const std::string text = create();
  ASSERT_TRUE(tokens_.verify(text));
  store_.unreadable = true;
  clock_.advance(1s);

  EXPECT_FALSE(tokens_.verify(text));
  EXPECT_FALSE(tokens_.list());

  store_.unreadable = false;
  clock_.advance(1s);
  EXPECT_TRUE(tokens_.verify(text));
}

TEST_F(AccessTokensTest, RevokingWhatIsNotThereSaysSo) {
  for (const std::string id : {"", "0000000000000000", "../x", "\x1b[2J"}) {
    const auto revoked = tokens_.revoke(id);
    ASSERT_FALSE(revoked);
    EXPECT_EQ(revoked.error().fault, Fault::not_found);
    EXPECT_EQ(revoked.error().message.find('\x1b'), std::string::npos);
  }
}

// It stayed valid here for up to a second after it was gone from the state.
TEST_F(AccessTokensTest, ARevocationWhoseAnswerIsLostTakesEffectHereAtOnce) {
  const std::string text = create();
  ASSERT_TRUE(tokens_.verify(text));
  store_.fault = [](std::size_t, auto) { return test::FakeStateStore::Fate::lost_answer; };

  EXPECT_FALSE(tokens_.revoke(last_.id));

  EXPECT_FALSE(tokens_.verify(text));
}

TEST_F(AccessTokensTest, ATokenThatCouldNotBeKeptIsNotGiven) {
  store_.fault = [](std::size_t, auto) { return test::FakeStateStore::Fate::refused; };

  const auto created = tokens_.create({.account = "ci"});

  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().fault, Fault::unavailable);
}

TEST_F(AccessTokensTest, AccountsAndLifetimesThatCannotBeAreRefused) {
  const auto refused = [&](const AccessTokens::Wish& wish) {
    const auto created = tokens_.create(wish);
    return !created && created.error().fault == Fault::invalid;
  };
  for (const std::string account : {"", "CI", "a b", "a/b", "a\nb", "\xff"})
    EXPECT_TRUE(refused({.account = account})) << account;
  EXPECT_TRUE(refused({.account = std::string(254, 'a')}));
  EXPECT_TRUE(refused({.account = "ci", .lifetime = 0ms}));
  EXPECT_TRUE(refused({.account = "ci", .lifetime = -1ms}));
  EXPECT_TRUE(refused({.account = "ci", .lifetime = kLongestTokenLifetime + 1ms}));
  EXPECT_TRUE(store_.items().empty());

  EXPECT_TRUE(tokens_.create({.account = std::string(253, 'a'), .lifetime = kLongestTokenLifetime}));
}

// The record could not be parsed again: the token was shown, let nobody in, and was missing in the list.
TEST_F(AccessTokensTest, ADescriptionThatIsNotUtf8IsRefused) {
  EXPECT_FALSE(tokens_.create({.account = "ci", .description = "\xff"}));
  EXPECT_FALSE(tokens_.create({.account = "ci", .created_by = "\xc3"}));
  EXPECT_FALSE(tokens_.create({.account = "ci", .description = std::string(1025, 'x')}));
  EXPECT_TRUE(tokens_.verify(create({.account = "ci",
                                     .description = "B\xc3\xbc"
                                                    "ro\n\"x\""})));
}

constexpr std::string (*kNearMisses[])(std::string) = {
    [](std::string) { return std::string(); },
    [](std::string) { return std::string("plb_"); },
    [](std::string t) { return t + "0"; },
    [](std::string t) { return t.substr(0, t.size() - 1); },
    [](std::string t) { return " " + t; },
    [](std::string t) { return t + "\n"; },
    [](std::string t) { return t.replace(0, 4, "PLB_"); },
    [](std::string t) { return t.replace(20, 1, "-"); },
    [](std::string t) { return t.replace(4, 16, std::string(16, '0')); },
    [](std::string t) { return t.replace(21, 64, std::string(64, '0')); },
    [](std::string t) {
      t.back() = t.back() == '0' ? '1' : '0';
      return t;
    },
    [](std::string t) { return t.replace(21, 64, std::string(64, '\0')); },
    [](std::string) { return std::string(85, '\xff'); },
    [](std::string) { return std::string(1'000'000, 'p'); }};

class NearMiss : public AccessTokensTest, public ::testing::WithParamInterface<std::string (*)(std::string)> {};

TEST_P(NearMiss, IsNobody) {
  const std::string text = create();
  const std::string near = GetParam()(text);

  ASSERT_NE(near, text);
  EXPECT_FALSE(tokens_.verify(near));
  EXPECT_TRUE(tokens_.verify(text));
}

INSTANTIATE_TEST_SUITE_P(AccessTokens, NearMiss, ::testing::ValuesIn(kNearMisses));

TEST_F(AccessTokensTest, TheHashInTheStoreIsNoSecret) {
  const std::string text = create();
  const std::string all = stored();
  const std::string hash = all.substr(all.find("\"sha256\":\"") + 10, 64);

  EXPECT_FALSE(tokens_.verify(text.substr(0, 21) + hash));
}

TEST_F(AccessTokensTest, DamagedRecordsLetNobodyInAndHideNoOthers) {
  const std::string broken = create();
  auto& record = store_.items().at("runtime/access-token/" + last_.id).value;
  const std::string whole = record;
  const std::string good = create({.account = "cd"});
  for (const std::string& damaged :
       {std::string("{"), std::string("[]"), std::string(""), std::string("null"),
        std::string(R"({"account": "ci", "created": "2026-01-01T00:00:00Z", "sha256": ""})"),
        std::string(R"({"account": "ci", "created": "x", "expires": "y", "sha256": ""})"),
        std::string(R"({"account": "", "created": "2026-01-01T00:00:00Z", "expires": "2030-01-01T00:00:00Z"})")}) {
    record = damaged;
    clock_.advance(1s);
    EXPECT_FALSE(tokens_.verify(broken)) << damaged;
    EXPECT_TRUE(tokens_.verify(good)) << damaged;
    EXPECT_EQ(tokens_.list()->size(), 1U) << damaged;
  }
  record = whole;
  clock_.advance(1s);
  EXPECT_TRUE(tokens_.verify(broken));
}

TEST_F(AccessTokensTest, TheListIsByExpiry) {
  create({.account = "late", .lifetime = 3h});
  create({.account = "early", .lifetime = 1h});
  create({.account = "middle", .lifetime = 2h});

  const auto all = tokens_.list();
  ASSERT_TRUE(all);
  std::vector<std::string> accounts;
  for (const auto& token : *all) accounts.push_back(token.account);
  EXPECT_THAT(accounts, ::testing::ElementsAre("early", "middle", "late"));
}

TEST_F(AccessTokensTest, APersonsTokenKnowsItsGroupsAndIsNoAdmins) {
  const std::string text =
      create({.account = "Jane.Doe", .lifetime = 8h, .kind = "User", .groups = {"Domain Users", "Netzwerk \u00e4"}});

  const auto known = elsewhere_.verify(text);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->kind, "User");
  EXPECT_EQ(known->account, "Jane.Doe");
  EXPECT_EQ(known->groups, (std::vector<std::string>{"Domain Users", "Netzwerk \u00e4"}));
  EXPECT_FALSE(known->admin);
  EXPECT_FALSE(tokens_.create({.account = "jane", .admin = true, .kind = "User"}));
  EXPECT_FALSE(tokens_.create({.account = "", .kind = "User"}));
  EXPECT_FALSE(tokens_.create({.account = "a\nb", .kind = "User"}));
  EXPECT_FALSE(tokens_.create({.account = "jane", .kind = "User", .groups = {"\xff"}}));
  EXPECT_FALSE(tokens_.create({.account = "jane", .kind = "Group"}));
}

// As they were stored before people signed in; and one of a person must be nobody's to a program of that time.
TEST_F(AccessTokensTest, TokensOfServiceAccountsAreStoredAsEver) {
  const std::string old = create();
  EXPECT_THAT(stored(), ::testing::HasSubstr(R"({"account":"ci","admin":false,)"));
  EXPECT_EQ(tokens_.verify(old)->kind, "ServiceAccount");

  create({.account = "jane", .kind = "User"});
  EXPECT_THAT(stored(), ::testing::Not(::testing::HasSubstr(R"("account":"jane")")));
}

TEST_F(AccessTokensTest, PeopleWhoSignInEveryDayLeaveNothingBehind) {
  const std::string service = create({.account = "ci", .lifetime = 1h});
  const std::string first = create({.account = "jane", .lifetime = 10h, .kind = "User"});
  create({.account = "joe", .lifetime = 1h, .kind = "User"});
  clock_.advance(2h);

  std::string last;
  for (int i = 0; i < 10; ++i) {
    clock_.advance(1s);
    last = create({.account = "jane", .lifetime = 10h, .kind = "User"});
  }

  EXPECT_EQ(tokens_.list()->size(), 11U) << "ten of jane; the expired one of ci is its operator's to take away";
  EXPECT_FALSE(tokens_.verify(first));
  EXPECT_TRUE(tokens_.verify(last));
}

}  // namespace
}  // namespace plumb::runtime
