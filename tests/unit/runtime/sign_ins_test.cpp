#include "controller/runtime/sign_ins.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_sign_in.h"
#include "tests/support/runtime_fakes.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Kind = SignInOutcome::Kind;

class SignInsTest : public testing::Test {
 protected:
  SignInsTest() {
    people_->people = {
        {.account = "jane", .password = "right", .other_logins = {"jane@ad.test", "j@mail"}, .groups = {"Ops", "a/b"}},
        {.account = "off", .password = "right", .refusal = SignInRefusal::disabled},
        {.account = "locked", .password = "right", .refusal = SignInRefusal::locked}};
    publish({directory("corp", people_)});
  }
  static SignInDirectory directory(std::string name, std::shared_ptr<SignIn> by, std::string prefix = "") {
    return {.key = {"Directory", "default", std::move(name)},
            .sign_in = std::move(by),
            .login_attributes = {"sAMAccountName"},
            .base_dns = {"DC=ad,DC=test"},
            .prefix = std::move(prefix)};
  }
  void publish(SignIns::Directories all) { sign_ins_.publish(std::move(all)); }
  SignInOutcome attempt(const std::string& login, const std::string& password = "right", std::string network = "n",
                        std::string named = "") {
    return sign_ins_.try_now({.login = login,
                              .password = std::make_shared<const Secret>(std::string(password)),
                              .directory = std::move(named),
                              .network = std::move(network)});
  }
  Kind kind(const std::string& login, const std::string& password = "right", std::string network = "n") {
    return attempt(login, password, std::move(network)).kind;
  }

  test::FakeClock clock_;
  test::ManualLoop loop_{clock_};
  std::shared_ptr<test::FakeSignIn> people_ = std::make_shared<test::FakeSignIn>();
  SignIns sign_ins_{loop_, clock_};
};

TEST_F(SignInsTest, WhoKnowsThePasswordIsKnownByAccountAndGroups) {
  const auto in = attempt("j@mail");

  EXPECT_EQ(in.kind, Kind::signed_in);
  EXPECT_EQ(in.user, "jane");
  EXPECT_THAT(in.groups, ElementsAre("Ops")) << "a group that another directory's prefix could make up is left out";
  EXPECT_EQ(in.lifetime, 8h);
  EXPECT_THAT(in.record, HasSubstr("jane"));
}

TEST_F(SignInsTest, OnlyWhatARightPasswordBringsIsTold) {
  const auto unknown = attempt("nobody"), wrong = attempt("jane", "x"), locked = attempt("locked"),
             off = attempt("off"), off_wrong = attempt("off", "x");

  for (const auto* each : {&unknown, &wrong, &locked, &off_wrong}) {
    EXPECT_EQ(each->kind, Kind::wrong);
    EXPECT_EQ(each->message, "the name or the password is wrong, or the account is locked");
  }
  EXPECT_EQ(off.kind, Kind::refused);
  EXPECT_EQ(off.message, "the account is disabled");
  EXPECT_THAT(unknown.record, HasSubstr("unknown_user"));
  EXPECT_THAT(unknown.record, Not(HasSubstr("nobody"))) << "it may be a password in the wrong place";
  EXPECT_THAT(wrong.record, HasSubstr("wrong_password"));
  EXPECT_THAT(locked.record, HasSubstr("locked"));
  EXPECT_THAT(off.record, HasSubstr("disabled"));
}

TEST_F(SignInsTest, AnUnknownNameAndAWrongPasswordTakeTheSameWorkAndAreLimitedTheSame) {
  for (const std::string login : {"nobody", "jane"}) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(kind(login, "x"), Kind::wrong) << login;
    const auto more = attempt(login, "x");
    EXPECT_EQ(more.kind, Kind::too_many) << login;
    EXPECT_EQ(more.retry_after, 1h) << login;
    EXPECT_EQ(people_->tried()[login == "jane" ? "jane" : ""], 3) << login;
  }
}

TEST_F(SignInsTest, NoMoreWrongPasswordsReachAnAccountWhateverItIsCalled) {
  for (const std::string login : {"jane", "jane@ad.test", "j@mail", "jane", "jane@ad.test", "j@mail", "JANE"})
    attempt(login, "x", "network of " + login);

  EXPECT_EQ(people_->tried()["jane"], 3);
  const auto held = attempt("j@mail", "right", "elsewhere");
  EXPECT_EQ(held.kind, Kind::wrong);
  EXPECT_THAT(held.record, HasSubstr("too many wrong passwords"));
  EXPECT_EQ(people_->tried()["jane"], 3);
  clock_.advance(1h);
  EXPECT_EQ(kind("jane"), Kind::signed_in);
}

TEST_F(SignInsTest, ARightPasswordLetsTheCountBeginAnew) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(kind("jane", "x"), Kind::wrong);
    EXPECT_EQ(kind("jane", "x"), Kind::wrong);
    EXPECT_EQ(kind("jane"), Kind::signed_in);
  }
}

TEST_F(SignInsTest, AnAddressMayGoWrongOnlySoOftenWhoeverItTries) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(kind("person" + std::to_string(i)), Kind::wrong);
    EXPECT_EQ(kind("jane"), i < 20 - 1 ? Kind::signed_in : Kind::too_many) << "which does not make it forgotten";
  }
  EXPECT_EQ(kind("jane", "right", "another"), Kind::signed_in);
  clock_.advance(10min);
  EXPECT_EQ(kind("jane"), Kind::signed_in);
}

TEST_F(SignInsTest, ADirectoryThatCannotBeAskedCountsAgainstNobody) {
  people_->down = NotSignedIn{std::nullopt, Error{Fault::unavailable, "dc1 does not answer", {}}};
  EXPECT_THAT(attempt("jane").record, HasSubstr("dc1 does not answer"));
  for (int i = 0; i < 30; ++i) EXPECT_EQ(kind("jane"), Kind::not_available);
  EXPECT_EQ(attempt("jane").record, "") << "a flood of them must not fill the audit log";
  clock_.advance(1min);
  EXPECT_THAT(attempt("jane").record, HasSubstr("dc1 does not answer"));
  people_->down.reset();
  EXPECT_EQ(kind("jane"), Kind::signed_in);
}

TEST_F(SignInsTest, APasswordWhoseAnswerWasLostMayHaveBeenCounted) {
  people_->bind_lost = NotSignedIn{std::nullopt, Error{Fault::timeout, "no answer", {}}};
  for (int i = 0; i < 5; ++i) EXPECT_NE(kind("jane", "x"), Kind::signed_in);
  EXPECT_EQ(people_->tried()["jane"], 3);
}

TEST_F(SignInsTest, WithoutADirectoryNobodySignsInAndWithSeveralOneIsNamed) {
  publish({});
  EXPECT_EQ(kind("jane"), Kind::not_served);

  auto other = std::make_shared<test::FakeSignIn>();
  other->people = {{.account = "jane", .password = "other", .groups = {"Ops"}}};
  publish({directory("corp", people_), directory("lab", other, "lab/")});
  EXPECT_EQ(kind("jane"), Kind::which);
  EXPECT_EQ(attempt("jane", "right", "n", "default/corp").user, "jane");
  const auto lab = attempt("jane", "other", "n", "default/lab");
  EXPECT_EQ(lab.user, "lab/jane");
  EXPECT_THAT(lab.groups, ElementsAre("lab/Ops"));
  EXPECT_EQ(attempt("jane", "right", "n", "default/xyz").kind, Kind::not_served);
}

TEST_F(SignInsTest, TwoDirectoriesWhosePeopleCouldNotBeToldApartLetNobodyIn) {
  publish({directory("corp", people_), directory("lab", people_)});

  const auto answer = attempt("jane", "right", "n", "default/corp");
  EXPECT_EQ(answer.kind, Kind::not_available);
  EXPECT_THAT(answer.record, HasSubstr("same spec.signIn.prefix"));
}

TEST_F(SignInsTest, AnAccountWhoseNameLooksLikeAnotherDirectorysIsNotLetIn) {
  people_->people.push_back({.account = "lab/jane", .password = "right"});

  EXPECT_EQ(kind("lab/jane"), Kind::not_available);
}

// Answers when the test says so.
class HeldSignIn final : public SignIn {
 public:
  SignInAnswer sign_in(const SignInRequest&, Deadline) override {
    released.wait();
    return tl::unexpected(NotSignedIn{SignInRefusal::unknown_user, {}});
  }
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
};

// A loop for posts of another thread, that the test waits for.
class WaitingLoop final : public EventLoop {
 public:
  void post(std::function<void()> what) override {
    {
      const std::scoped_lock lock(mutex_);
      posted_.push_back(std::move(what));
    }
    wake_.notify_all();
  }
  void later(Duration, std::function<void()> what) override { post(std::move(what)); }
  void run_one() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(wake_.wait_for(lock, std::chrono::seconds(30), [&] { return !posted_.empty(); }));
    const auto what = std::move(posted_.front());
    posted_.pop_front();
    lock.unlock();
    what();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> posted_;
};

TEST(SignInsQueue, WhatIsBeyondItsBoundIsRefusedAtOnceAndTheRestIsAnsweredOnTheLoop) {
  test::FakeClock clock;
  WaitingLoop loop;
  const auto held = std::make_shared<HeldSignIn>();
  SignIns sign_ins(loop, clock, {.at_once = 1, .waiting = 3});
  sign_ins.publish({{.key = {"Directory", "default", "corp"}, .sign_in = held}});
  std::vector<Kind> ended;
  const auto thread = std::this_thread::get_id();
  constexpr int kAll = 10;
  for (int i = 0; i < kAll; ++i)
    sign_ins.begin({.login = "p" + std::to_string(i), .password = std::make_shared<const Secret>(std::string("x"))},
                   [&](const SignInOutcome& outcome) {
                     EXPECT_EQ(std::this_thread::get_id(), thread);
                     ended.push_back(outcome.kind);
                   });

  // One may be under way, three wait.
  EXPECT_THAT(ended, testing::Each(Kind::busy));
  EXPECT_THAT(ended.size(), testing::AllOf(testing::Ge(6U), testing::Le(7U)));
  held->release.set_value();
  for (std::size_t left = kAll - ended.size(); left > 0; --left) loop.run_one();
  EXPECT_EQ(std::ranges::count(ended, Kind::wrong),
            static_cast<std::ptrdiff_t>(kAll) - std::ranges::count(ended, Kind::busy));
  EXPECT_EQ(ended.size(), std::size_t{kAll});
}

}  // namespace
}  // namespace plumb::runtime
