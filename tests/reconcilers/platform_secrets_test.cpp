// What becomes of secrets that a Platform hides, where somebody else wrote there or their source is gone.
#include <gmock/gmock.h>

#include "tests/reconcilers/platform_world.h"

namespace plumb::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kWithKey = R"("authentication": {"credentialRef": {"name": "key"}})";
const std::string kOther = "file:/etc/plumbline/another-secret";

class PlatformSecrets : public PlatformWorld {
 protected:
  PlatformSecrets() {
    secrets.values["env:PW"] = "Password-Canary-5";
    secrets.values[kOther] = "Stolen-Canary-6";
    declare_model("petstore", petstore());
    declare_integration("one", kWithKey);
  }
  void credential(const std::string& user, const std::string& from = "PW") {
    declare({"Credential", "default", "key"},
            fmt::format(R"({{"type": "basic", "basic": {{"username": "{}", "passwordFrom": {{"env": "{}"}}}}}})", user,
                        from));
  }
  Object& notes() { return live_settings("one").at("x-plumbline").at("secrets").as_object(); }
  void hide(const std::string& member, const std::string& value) {
    runtime::set_path(live_settings("one"), "authentication.api_key." + member, Value(value));
  }
  std::string refused() { return failure(run(), integration("one")); }
};

TEST_F(PlatformSecrets, ANoteThatSomebodyWroteByHandFetchesNothing) {
  credential("alice");
  run_well();
  hide("client_secret", "");
  notes()["authentication.api_key.client_secret"] = {{"ref", kOther}, {"hmac", ""}};
  credential("bob");

  EXPECT_THAT(refused(), AllOf(HasSubstr("authentication.api_key.client_secret"), HasSubstr("Credential")));

  EXPECT_EQ(secrets.fetched[kOther], 0);
  EXPECT_EQ(live("one", "/authentication/api_key/username"), "alice");
  EXPECT_EQ(live("one", "/authentication/api_key/password"), "Password-Canary-5");
}

TEST_F(PlatformSecrets, ANoteThatWasCopiedToAnotherPlaceIsNone) {
  credential("alice");
  run_well();
  hide("client_secret", "");
  notes()["authentication.api_key.client_secret"] = Value(notes()["authentication.api_key.password"]);
  credential("bob");

  EXPECT_THAT(refused(), HasSubstr("authentication.api_key.client_secret"));

  EXPECT_EQ(live("one", "/authentication/api_key/client_secret"), "");
}

TEST_F(PlatformSecrets, ANoteWhoseSourceWasChangedIsWrittenAgainFromWhatIsDeclared) {
  run_well();
  notes()["authentication.api_key.value"].as_object()["ref"] = kOther;

  run_well();

  EXPECT_EQ(secrets.fetched[kOther], 0);
  EXPECT_EQ(text_at(notes()["authentication.api_key.value"], "/ref"), "env:KEY");
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
  expect_idle();
}

TEST_F(PlatformSecrets, AForgedNoteDoesNotKeepACredentialFromBeingTakenAway) {
  run_well();
  notes()["authentication.api_key.value"].as_object()["ref"] = kOther;
  declare_integration("one", std::string(kWithKey) + R"(, "enabled": false)");

  run_well();

  EXPECT_EQ(live("one", "/authentication/api_key/value"), "(none)");
  EXPECT_EQ(secrets.fetched[kOther], 0);
}

TEST_F(PlatformSecrets, AModelIsNotMadeAnewByAForgedNote) {
  run_well();
  hide("client_secret", "");
  notes()["authentication.api_key.client_secret"] = {{"ref", kOther}, {"hmac", ""}};
  Value document = petstore();
  document.as_object()["paths"].as_object()["/stores"] = {{"get", {{"operationId", "listStores"}}}};
  declare_model("petstore", document, true);

  EXPECT_THAT(failure(run(), model("petstore")), HasSubstr("authentication.api_key.client_secret"));

  EXPECT_EQ(secrets.fetched[kOther], 0);
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
}

TEST_F(PlatformSecrets, WhatOnlyThePlatformKnowsIsNotWipedByAWriteBesideIt) {
  credential("alice");
  run_well();
  hide("refresh_token", "Token-Canary-7");  // by the sign-in of a person
  runtime::set_path(live_settings("one"), "authentication.other.password", "Foreign-Canary-8");
  credential("bob");

  EXPECT_THAT(refused(),
              AllOf(HasSubstr("authentication.api_key.refresh_token"), HasSubstr("authentication.other.password")));

  EXPECT_EQ(live("one", "/authentication/api_key/refresh_token"), "Token-Canary-7");
  EXPECT_EQ(live("one", "/authentication/other/password"), "Foreign-Canary-8");
  EXPECT_EQ(live("one", "/authentication/api_key/username"), "alice");
}

TEST_F(PlatformSecrets, WhatOnlyThePlatformKnowsDoesNotHoldAChangeElsewhere) {
  run_well();
  hide("refresh_token", "Token-Canary-7");
  declare_integration("one", std::string(kWithKey) + R"(, "server": {"host": "new.example"})");

  run_well();

  EXPECT_EQ(live("one", "/server/host"), "new.example");
  EXPECT_EQ(live("one", "/authentication/api_key/refresh_token"), "Token-Canary-7");
}

TEST_F(PlatformSecrets, OnAPlatformThatForgetsNothingIsSentThatWouldWipeWhatOnlyItKnows) {
  platform.put_replaces = true;
  run_well();
  declare_integration("one", std::string(kWithKey) + R"(, "server": {"host": "first.example"})");
  run_well();  // by which it is known to forget
  hide("refresh_token", "Token-Canary-7");
  declare_integration("one", std::string(kWithKey) + R"(, "server": {"host": "second.example"})");

  EXPECT_THAT(refused(), HasSubstr("authentication.api_key.refresh_token"));

  EXPECT_EQ(live("one", "/server/host"), "first.example");
  EXPECT_EQ(live("one", "/authentication/api_key/refresh_token"), "Token-Canary-7");
}

TEST_F(PlatformSecrets, OneIsDisabledAlthoughItsSecretCannotBeHadAnyMore) {
  run_well();
  secrets.values.erase("env:KEY");
  declare_integration("one", std::string(kWithKey) + R"(, "enabled": false)");

  run_well();

  EXPECT_EQ(live("one", "/authentication/api_key/value"), "(none)");
  expect_idle();
}

TEST_F(PlatformSecrets, DisablingTakesTheTokensOfASignInAlong) {
  run_well();
  hide("access_token", "Token-Canary-7");
  declare_integration("one", std::string(kWithKey) + R"(, "enabled": false)");

  run_well();

  EXPECT_EQ(at(settings_of("one"), "/authentication/api_key/access_token"), nullptr);
  expect_idle();
}

TEST_F(PlatformSecrets, ASecretMovesToAnotherSourceAfterTheOldOneIsGone) {
  credential("alice");
  run_well();
  secrets.values.erase("env:PW");
  secrets.values["env:NEW"] = "Password-Canary-5";
  credential("bob", "NEW");

  run_well();

  EXPECT_EQ(live("one", "/authentication/api_key/username"), "bob");
  EXPECT_EQ(live("one", "/authentication/api_key/password"), "Password-Canary-5");
  expect_idle();
}

TEST_F(PlatformSecrets, ASchemeThatWasOneTextBecomesAnObject) {
  declare({"Credential", "default", "key"}, R"({"type": "bearer", "bearer": {"tokenFrom": {"env": "KEY"}}})");
  run_well();
  secrets.values.erase("env:KEY");
  credential("alice");

  run_well();

  EXPECT_EQ(live("one", "/authentication/api_key/username"), "alice");
  EXPECT_EQ(live("one", "/authentication/api_key/password"), "Password-Canary-5");
  expect_idle();
}

}  // namespace
}  // namespace plumb::test
