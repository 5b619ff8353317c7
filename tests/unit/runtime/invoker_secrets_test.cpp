// No byte of a secret is in a result or a record, wherever the key stands and whatever happens (INVARIANTS I5).

#include "tests/unit/runtime/invoker_world.h"

namespace plumb::runtime {
namespace {

using test::http_answer;
using test::http_failure;
using ::testing::HasSubstr;
using ::testing::Not;
using Stage = HttpFailure::Stage;

class InvokerSecrets : public InvokerWorld, public ::testing::WithParamInterface<Script::Place> {
 protected:
  void SetUp() override {
    script_.place = GetParam();
    if (GetParam() == Script::Place::query) {
      model_->schemes[0].in = openapi::In::query;
      model_->schemes[0].parameter = "key";
    }
    InvokerWorld::SetUp();
    declare(R"({"logging": {"level": "spam"}, "circuitBreaker": {"failures": 4}})");
  }
};

TEST_P(InvokerSecrets, AreInNoResultAndNoRecord) {
  std::vector<HttpSender::Answer> all;
  for (const int status : {200, 204, 301, 302, 400, 401, 403, 404, 407, 429, 500, 502, 503})
    all.emplace_back(http_answer(status));
  for (const Stage stage : {Stage::egress, Stage::resolve, Stage::connect, Stage::proxy, Stage::tls, Stage::send,
                            Stage::receive, Stage::limit})
    for (const Fault fault : {Fault::denied, Fault::unavailable, Fault::timeout, Fault::invalid})
      all.push_back(http_failure(stage, fault, true));
  for (const auto& answer : all)
    for (const char* operation : {"list", "create", "open", "foreign", "lst"}) {
      answers({answer});
      invoke(operation);
    }
  script_.failure = AuthFailure{.error = {Fault::unavailable, "no token", {}}};
  invoke("list");

  int sent_with_key = 0;
  for (const auto& each : http_.sent) sent_with_key += mentions(each.request, kCanary) ? 1 : 0;
  EXPECT_GT(sent_with_key, 20) << "or there is nothing to be seen";
  EXPECT_THAT(seen(), HasSubstr("GET https://api.example/v1/pets"));
  EXPECT_THAT(seen(), HasSubstr("***"));
  EXPECT_THAT(seen(), Not(HasSubstr(std::string(kCanary))));
}

TEST_P(InvokerSecrets, AreNotShownByATargetThatGivesThemBack) {
  http_.handler = [](const HttpRequest& request) {
    std::string all = to_string(request.url);
    for (const auto& [name, value] : request.headers) all += " " + name + ": " + value;
    HttpResponse answer = http_answer(200, canonical(Value(std::string_view(all))));
    answer.reason = all;
    answer.headers.emplace_back("Link", all);
    return answer;
  };
  EXPECT_TRUE(invoke("list").ok);
  EXPECT_THAT(seen(), HasSubstr("***"));
  EXPECT_THAT(seen(), Not(HasSubstr(std::string(kCanary))));
}

// As a page to sign in at does: "/login?next=%2Fpets%3Fapi_key%3D...".
TEST_P(InvokerSecrets, GoNowhereInTheRedirectOfATargetThatPutsThemIntoAnotherPlace) {
  for (const std::string_view encoded :
       {"https://evil.example/login?next=%2Fpets%3Fkey%3D{}", "/login?next=%252Fpets%253Fkey%253D{}",
        "https://evil.example/{}/login", "https://evil.example/?x=%63{}", "/sign+in?{}"}) {
    http_.sent.clear();
    http_.handler = [&](const HttpRequest& request) {
      if (!mentions(request, kCanary)) return http_answer(200, "[]");
      std::string key(kCanary);
      if (encoded.find("%63") != std::string_view::npos) key.erase(0, 1);  // "%63" is its first letter
      std::string location(encoded);
      location.replace(location.find("{}"), 2, key + fmt::format("-{}", script_.keys));
      HttpResponse answer = http_answer(302);
      answer.headers.emplace_back("Location", location);
      return answer;
    };
    const Invoked invoked = invoke("list");
    EXPECT_EQ(int_at(invoked.result, "/status"), 302) << encoded;
    EXPECT_EQ(http_.sent.size(), 1U) << encoded;
  }
}

INSTANTIATE_TEST_SUITE_P(Everywhere, InvokerSecrets,
                         ::testing::Values(Script::Place::header, Script::Place::query, Script::Place::cookie,
                                           Script::Place::bearer));

}  // namespace
}  // namespace plumb::runtime
