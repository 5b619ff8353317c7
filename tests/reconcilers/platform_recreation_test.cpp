// What stays on a Platform where making a model anew fails halfway.
#include <gmock/gmock.h>

#include "tests/reconcilers/platform_world.h"

namespace plumb::test {
namespace {

using ::testing::HasSubstr;

const std::string kPetstore = "Swagger Petstore:1.0.0", kNext = "Swagger Petstore:2.0.0";

class PlatformRecreation : public PlatformWorld {
 protected:
  PlatformRecreation() {
    declare_model("petstore", petstore());
    declare_integration("one", R"("authentication": {"credentialRef": {"name": "key"}})");
    declare_integration("two", R"("advanced": {"x": {"y": 1}})");
    run_well();
  }
  void declare_changed() {
    Value document = petstore();
    document.as_object()["paths"].as_object()["/stores"] = {{"get", {{"operationId", "listStores"}}}};
    declare_model("petstore", document, true);
  }
  void declare_next() { declare_model("petstore", petstore("Swagger Petstore", "2.0.0"), true); }
  // Requests that begin so are answered with the status; `text` has to be in the body.
  void break_with(int status, const std::string& method, const std::string& path, const std::string& text = "") {
    platform.before = [=](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
      if (request.method != method || request.url.path != path || request.body.find(text) == std::string::npos)
        return {};
      HttpResponse broken;
      broken.status = status;
      return broken;
    };
  }
  void expect_all_there() {
    ASSERT_NE(platform.model(kPetstore), nullptr);
    EXPECT_EQ(at(*platform.model(kPetstore), "/paths/~1stores"), nullptr);
    EXPECT_EQ(platform.integrations(), 2U);
    EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
    EXPECT_EQ(int_at(settings_of("two"), "/x/y"), 1);
  }
  std::size_t deletions() {
    return static_cast<std::size_t>(
        std::ranges::count_if(platform.log, [](const HttpRequest& each) { return each.method == "DELETE"; }));
  }
};

TEST_F(PlatformRecreation, NothingIsDeletedWhereTheDocumentCouldNotBeValidated) {
  declare_changed();
  for (const int status : {503, 500, 404, 403, 401}) {
    break_with(status, "PUT", "/integration-models/validation");
    EXPECT_THAT(failure(run(), model("petstore")), HasSubstr("nothing was deleted")) << status;
  }
  EXPECT_EQ(deletions(), 0U);
  expect_all_there();
}

TEST_F(PlatformRecreation, AnIntegrationThatCannotBeRemovedBringsBackThoseThatWere) {
  declare_changed();
  break_with(503, "DELETE", "/integrations/two");

  EXPECT_THAT(failure(run(), model("petstore")), HasSubstr("brought back"));

  EXPECT_EQ(deletions(), 1U);
  expect_all_there();
}

TEST_F(PlatformRecreation, AModelThatCannotBeRemovedBringsBackItsIntegrations) {
  declare_changed();
  break_with(500, "DELETE", "/integration-models/Swagger%20Petstore%3A1.0.0");

  EXPECT_THAT(failure(run(), model("petstore")), HasSubstr("brought back"));

  EXPECT_EQ(deletions(), 2U);
  expect_all_there();
}

TEST_F(PlatformRecreation, BringingBackHasTimeOfItsOwn) {
  declare_changed();
  platform.before = [this](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.method != "DELETE" || !request.url.path.ends_with("/two")) return {};
    clock.advance(std::chrono::hours(48));
    return tl::unexpected(
        HttpFailure{HttpFailure::Stage::receive, true, Error{Fault::timeout, "the deadline passed", {}}});
  };

  run();

  expect_all_there();
}

TEST_F(PlatformRecreation, AnIntegrationThatIsNotTakenBringsTheOldOnesBack) {
  declare_next();
  platform.before = [](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.method != "POST" || request.url.path != "/integrations" ||
        request.body.find(kNext) == std::string::npos || request.body.find("\"two\"") == std::string::npos)
      return {};
    HttpResponse broken;
    broken.status = 500;
    return broken;
  };

  EXPECT_THAT(failure(run(), model("petstore")), HasSubstr("brought back"));

  expect_all_there();
  EXPECT_EQ(platform.model(kNext), nullptr);
}

TEST_F(PlatformRecreation, AModelThatSomebodyElseImportedMeanwhileIsNotRemoved) {
  declare_next();
  bool imported = false;
  platform.before = [&](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (imported || request.method != "POST" || request.url.path != "/integration-models") return {};
    imported = true;
    platform.add_model(petstore("Swagger Petstore", "2.0.0"));
    return {};
  };

  EXPECT_THAT(failure(run(), model("petstore")), HasSubstr("brought back"));

  EXPECT_TRUE(imported);
  EXPECT_NE(platform.model(kNext), nullptr);
  expect_all_there();
}

TEST_F(PlatformRecreation, NothingIsDeletedWhereTheNewModelIsThereAlready) {
  platform.add_model(petstore("Swagger Petstore", "2.0.0"));
  declare_next();

  EXPECT_NE(failure(run(), model("petstore")), "");

  EXPECT_EQ(deletions(), 0U);
  expect_all_there();
}

TEST_F(PlatformRecreation, AnImportWhoseAnswerWasLostIsGoneOnFrom) {
  declare_next();
  platform.before = [&](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.method != "POST" || request.url.path != "/integration-models") return {};
    platform.before = nullptr;
    EXPECT_TRUE(platform.answer(request));
    return tl::unexpected(HttpFailure{HttpFailure::Stage::receive, true, Error{Fault::unavailable, "reset", {}}});
  };

  run_well();

  EXPECT_NE(platform.model(kNext), nullptr);
  EXPECT_EQ(platform.model(kPetstore), nullptr);
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
}

}  // namespace
}  // namespace plumb::test
