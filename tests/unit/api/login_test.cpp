#include "controller/api/login.h"

#include "tests/unit/api/api_world.h"

namespace plumb::api {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kCanary = "Canary.Passw0rd-7";

class Login : public ApiWorld {
 protected:
  Login() {
    people_->people = {{.account = "jane", .password = kCanary, .groups = {"Ops"}},
                       {.account = "off", .password = kCanary, .refusal = SignInRefusal::disabled}};
    serve();
    add("RoleBinding", "ops", R"({"modelRef": {"name": "pets"}, "roles": ["post"],
                                  "subjects": [{"kind": "Group", "name": "Ops"}]})");
    publish();
  }
  void serve() {
    sign_ins_.publish({{.key = {"Directory", "default", "corp"},
                        .sign_in = people_,
                        .login_attributes = {"sAMAccountName"},
                        .base_dns = {"DC=ad,DC=test"},
                        .token_lifetime = 2h}});
  }
  net::Response post(std::string body, std::string type = "application/json", std::string peer = "127.0.0.1:1") {
    return ask({.method = "POST",
                .path = "/api/v1/login",
                .body = std::move(body),
                .headers = {{"Content-Type", std::move(type)}},
                .peer = std::move(peer)});
  }
  net::Response sign_in(const std::string& name, const std::string& password = kCanary) {
    return post(fmt::format(R"({{"username": "{}", "password": "{}"}})", name, password));
  }
  static std::string token_of(const net::Response& answer) {
    return text_at(boost::json::parse(answer.body), "/token").value_or("(none)");
  }
  void TearDown() override {
    std::string all = seen_;
    for (const Event& event : events_) all += event.actor + event.action + event.subject + event.message + "\n";
    for (const auto& [key, item] : store_.items()) all += key + item.value + "\n";
    EXPECT_THAT(all, Not(HasSubstr(kCanary)));
  }
  std::shared_ptr<test::FakeSignIn> people_ = std::make_shared<test::FakeSignIn>();
};

TEST_F(Login, WhoSignsInCallsWhatTheirGroupMay) {
  const auto answer = sign_in("jane");

  ASSERT_EQ(answer.status, 200);
  const Value told = boost::json::parse(answer.body);
  EXPECT_EQ(text_at(told, "/user"), "jane");
  EXPECT_EQ(text_at(told, "/displayName"), "The jane");
  EXPECT_EQ(text_at(told, "/expires"), format_time(clock_.now() + 2h));
  EXPECT_EQ(header(answer, "Cache-Control"), "no-store");
  EXPECT_EQ(status({.method = "POST", .path = kAdd, .token = token_of(answer)}), 200);
  ASSERT_EQ(invoked_.size(), 1U);
  EXPECT_EQ(invoked_[0].actor, "User/jane");
  EXPECT_EQ(status({.method = "POST", .path = kCrm + "/operations/list", .token = token_of(answer)}), 403);
  EXPECT_EQ(status({.path = "/api/v1/tokens", .token = token_of(answer)}), 403);
  clock_.advance(2h);
  EXPECT_EQ(status({.method = "POST", .path = kAdd, .token = token_of(answer)}), 401);
}

TEST_F(Login, AUserIsNoServiceAccountOfThatName) {
  people_->people.push_back({.account = "boss", .password = kCanary});

  const auto answer = sign_in("boss");

  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(status({.method = "POST", .path = kAdd, .token = token_of(answer)}), 404);
}

TEST_F(Login, ABindingOfAUserIsOfThatUserAlone) {
  add("RoleBinding", "one", R"({"modelRef": {"name": "pets"}, "roles": ["get"],
                                "subjects": [{"kind": "User", "name": "jane"}]})");
  publish();
  people_->people.push_back({.account = "joe", .password = kCanary, .groups = {"jane"}});

  EXPECT_EQ(status({.path = kCrm, .token = token_of(sign_in("jane"))}), 200);
  EXPECT_EQ(status({.path = kCrm, .token = token_of(sign_in("joe"))}), 404);
}

TEST_F(Login, WhoIsNotKnownAndAWrongPasswordCannotBeToldApart) {
  const auto unknown = sign_in("nobody"), wrong = sign_in("jane", "x"), off = sign_in("off", "x");

  EXPECT_EQ(unknown.status, 401);
  EXPECT_EQ(unknown.body, wrong.body);
  EXPECT_EQ(unknown.body, off.body);
  EXPECT_EQ(wrong.status, 401);
  const auto disabled = sign_in("off");
  EXPECT_EQ(disabled.status, 403);
  EXPECT_EQ(message(disabled), "the account is disabled");
}

TEST_F(Login, EachSignInAndEachRefusalIsRecorded) {
  sign_in("jane");
  sign_in("jane", "x");
  sign_in(kCanary, "x");  // typed into the wrong place

  ASSERT_EQ(events_.size(), 3U);
  EXPECT_EQ(events_[0].actor, "User/jane");
  EXPECT_EQ(events_[0].action, "login.granted");
  EXPECT_EQ(events_[0].subject, "Directory/default/corp");
  EXPECT_THAT(events_[0].message, HasSubstr("from 127.0.0.1"));
  EXPECT_EQ(events_[1].actor, "User/jane");
  EXPECT_EQ(events_[1].action, "login.refused");
  EXPECT_FALSE(events_[0].security);
  EXPECT_TRUE(events_[1].security);
  EXPECT_THAT(events_[1].message, HasSubstr("wrong_password"));
  EXPECT_EQ(events_[2].actor, "anonymous");
  EXPECT_THAT(events_[2].message, HasSubstr("unknown_user"));
}

TEST_F(Login, TooManyWrongOnesAreToldToWait) {
  for (int i = 0; i < 3; ++i) ASSERT_EQ(sign_in("jane", "x").status, 401);

  const auto answer = sign_in("jane");

  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(header(answer, "Retry-After"), "3600");
  EXPECT_EQ(people_->tried()["jane"], 3);
  EXPECT_EQ(events_.size(), 3U) << "a flood of them must not fill the audit log";
}

TEST_F(Login, BodiesThatCannotBeUsedAreRefusedAndNothingIsTried) {
  const std::string good = fmt::format(R"({{"username": "jane", "password": "{}"}})", kCanary);
  EXPECT_EQ(post(good, "text/plain").status, 415);
  EXPECT_EQ(post(good, "application/x-www-form-urlencoded").status, 415);
  for (const std::string& body :
       std::vector<std::string>{"", "[]", "{", "null", R"({"username": "jane"})", R"({"password": "x"})",
                                R"({"username": "jane", "password": ""})", R"({"username": "", "password": "x"})",
                                R"({"username": "jane", "password": 7})", R"({"username": ["jane"], "password": "x"})",
                                R"({"username": "jane", "password": "x", "Canary.Passw0rd-7": 1})",
                                R"({"username": "jane", "password": "x"} x)",
                                R"({"username": "jane", "password": ")" + std::string(2000, 'x') + "\"}",
                                R"({"username": ")" + std::string(20'000, 'x') + R"(", "password": "x"})"}) {
    const auto answer = post(body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 80);
  }
  EXPECT_TRUE(people_->tried().empty());
}

TEST_F(Login, TheBodyIsGoneWhenItWasRead) {
  net::Request request{.method = "POST",
                       .path = "/api/v1/login",
                       .query = "",
                       .headers = {{"Content-Type", "application/json"}},
                       .body = fmt::format(R"({{"username": "jane", "password": "{}\u00e4"}})", kCanary)};

  const auto attempt = login_body(request);

  ASSERT_TRUE(attempt) << attempt.error().message;
  EXPECT_EQ(attempt->password->reveal(), std::string(kCanary) + "\u00e4");
  EXPECT_TRUE(request.body.empty());
}

TEST_F(Login, WithoutADirectoryThereIsNothingToSignInTo) {
  sign_ins_.publish({});

  const auto answer = sign_in("jane");

  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(message(answer), HasSubstr("spec.signIn.enabled"));
}

TEST_F(Login, WithSeveralTheOneIsNamed) {
  sign_ins_.publish({{.key = {"Directory", "default", "corp"}, .sign_in = people_},
                     {.key = {"Directory", "default", "lab"}, .sign_in = people_, .prefix = "lab/"}});

  EXPECT_EQ(sign_in("jane").status, 400);
  const auto answer =
      post(fmt::format(R"({{"username": "jane", "password": "{}", "directory": "default/lab"}})", kCanary));
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(text_at(boost::json::parse(answer.body), "/user"), "lab/jane");
  EXPECT_EQ(status({.method = "POST", .path = kAdd, .token = token_of(answer)}), 404) << "its Ops are not corp's";
}

TEST_F(Login, ADirectoryThatDoesNotAnswerIsNoWrongPassword) {
  people_->down = NotSignedIn{std::nullopt, Error{Fault::unavailable, "dc1.internal: connection refused", {}}};

  const auto answer = sign_in("jane");

  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, Not(HasSubstr("dc1"))) << "whoever asks is nobody yet";
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_THAT(events_[0].message, HasSubstr("dc1.internal"));
}

TEST_F(Login, WhoSignsOutHasNoTokenAnyMoreAndAnotherOneOfTheirsStays) {
  const std::string one = token_of(sign_in("jane")), other = token_of(sign_in("jane"));

  EXPECT_EQ(status({.method = "DELETE", .path = "/api/v1/login", .token = one}), 200);

  EXPECT_EQ(status({.path = kCrm, .token = one}), 401);
  EXPECT_EQ(status({.path = kCrm, .token = other}), 200);
  EXPECT_EQ(events_.back().action, "login.ended");
}

TEST_F(Login, AnAdminSeesAndRevokesTokensOfPeople) {
  const std::string jane = token_of(sign_in("jane")), root = token("root", true);

  EXPECT_THAT(ask({.path = "/api/v1/tokens", .token = root}).body, HasSubstr(R"("kind":"User","account":"jane")"));
  EXPECT_EQ(status({.method = "DELETE", .path = "/api/v1/tokens/" + jane.substr(4, 16), .token = root}), 200);
  EXPECT_EQ(status({.path = kCrm, .token = jane}), 401);
}

TEST_F(Login, WithoutTlsOnlyThisMachineMaySignIn) {
  const std::string good = fmt::format(R"({{"username": "jane", "password": "{}"}})", kCanary);

  EXPECT_EQ(post(good, "application/json", "192.0.2.1:1").status, 403);
  EXPECT_TRUE(people_->tried().empty());
}

}  // namespace
}  // namespace plumb::api
