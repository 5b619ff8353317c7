#include "controller/runtime/masking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

Url url(std::string query) {
  return {.scheme = "https", .host = "api.example", .port = 443, .path = "/pets", .query = std::move(query)};
}

TEST(Masking, AKeyInTheQueryShowsAsStarsAndTheRestAsItIs) {
  const SecretPlaces places{.query = "key"};
  EXPECT_EQ(masked_url(url("limit=3&key=s%33cret&a=%20"), places), "https://api.example/pets?limit=3&key=***&a=%20");
  EXPECT_EQ(masked_url(url("key"), places), "https://api.example/pets?key=***");
  EXPECT_EQ(masked_url(url(""), places), "https://api.example/pets");
}

TEST(Masking, AKeyIsKnownHoweverItsNameIsSpelt) {
  const SecretPlaces places{.query = "api key"};
  EXPECT_EQ(masked_url(url("API+key=1"), places), "https://api.example/pets?API+key=***");
  EXPECT_EQ(masked_url(url("%61pi%20k%65y=1"), places), "https://api.example/pets?%61pi%20k%65y=***");
}

TEST(Masking, ParametersThatAreSecretEverywhereAreMaskedWithoutAScheme) {
  EXPECT_EQ(masked_url(url("access_token=1&X-Amz-Signature=2&page=3"), {}),
            "https://api.example/pets?access_token=***&X-Amz-Signature=***&page=3");
}

TEST(Masking, ALocationIsMaskedWhateverItsForm) {
  const SecretPlaces places{.query = "key"};
  EXPECT_EQ(masked_reference("//other/x?key=1&b=2#frag", places), "//other/x?key=***&b=2#frag");
  EXPECT_EQ(masked_reference("?key=1", places), "?key=***");
  EXPECT_EQ(masked_reference("/x#?key", places), "/x#?key=***") << "shown as masked rather than not";
  EXPECT_EQ(masked_reference("", places), "");
}

TEST(Masking, HeadersOfSecretsAreMaskedWhateverTheirCase) {
  const HttpHeaders headers = {{"AUTHORIZATION", "Basic x"}, {"cookie", "a=b"}, {"X-Key", "1"}, {"Accept", "*/*"}};
  EXPECT_THAT(
      masked_headers(headers, {.header = "x-key"}),
      ElementsAre(Pair("AUTHORIZATION", "***"), Pair("cookie", "***"), Pair("X-Key", "***"), Pair("Accept", "*/*")));
}

TEST(Masking, TheQueryWithoutSecretsKeepsTheOthersAsTheyWereWritten) {
  EXPECT_EQ(without_secrets("a=%20&key=1&b&key=2", {.query = "key"}), "a=%20&b");
  EXPECT_EQ(without_secrets("key=1", {.query = "key"}), "");
}

TEST(Reflection, WhatATargetGivesBackOfTheSecretsIsMasked) {
  const HttpRequest request{.method = "GET",
                            .url = url("page=12345678&key=s%20cretsecret"),
                            .headers = {{"Authorization", "Bearer tokentoken"},
                                        {"Cookie", "theme=dark; sid=sessionsession"},
                                        {"X-Key", "headerheader"},
                                        {"Accept", "application/json"}}};
  const Reflected reflected(request, {.header = "x-key", .query = "key"});
  HttpResponse response{
      .status = 200,
      .reason = "OK tokentoken",
      .headers = {{"Link", "<https://api.example/pets?key=s%20cretsecret&page=12345678>; rel=next"}},
      .body = "tokentoken s cretsecret sessionsession headerheader headerheader application/json dark"};

  reflected.mask(response);

  EXPECT_EQ(response.reason, "OK ***");
  EXPECT_EQ(response.headers[0].second, "<https://api.example/pets?key=***&page=12345678>; rel=next");
  EXPECT_EQ(response.body, "*** *** *** *** *** application/json dark");
}

TEST(Reflection, ASecretIsFoundInEverySpelling) {
  const HttpRequest request{.method = "GET", .headers = {{"X-Api-Key", "se\"cret/va lue+"}}};
  HttpResponse response{.body = R"({"json": "se\"cret/va lue+", "php": "se\"cret\/va lue+"} )"
                                "se%22cret%2Fva%20lue%2B se%22cret%2Fva+lue%2B se\"cret/va lue+ secret"};
  Reflected(request, {.header = "x-api-key"}).mask(response);
  EXPECT_EQ(response.body, R"({"json": "***", "php": "***"} *** *** *** secret)");
}

TEST(Reflection, APasswordIsFoundThoughTheServerHasDecodedIt) {
  const HttpRequest request{.method = "GET", .headers = {{"Authorization", "Basic dTpwYXNzd29yZC03Nw=="}}};
  HttpResponse response{.body = "u / password-77 / dTpwYXNzd29yZC03Nw=="};
  Reflected(request, {}).mask(response);
  EXPECT_EQ(response.body, "u / *** / ***");
}

TEST(Reflection, ShortSecretsAndSignaturesAreLeft) {
  const HttpRequest request{.method = "GET",
                            .headers = {{"Authorization", "AWS4-HMAC-SHA256 Credential=x"}, {"X-Api-Key", "1234567"}}};
  HttpResponse response{.body = "1234567 Credential=x"};
  Reflected(request, {}).mask(response);
  EXPECT_EQ(response.body, "1234567 Credential=x");
}

TEST(Masking, SecretsStandWhereTheSchemeSays) {
  openapi::SecurityScheme scheme{.type = openapi::SecurityScheme::Type::api_key, .parameter = "k"};
  scheme.in = openapi::In::query;
  EXPECT_EQ(secret_places(scheme).query, "k");
  scheme.in = openapi::In::header;
  EXPECT_EQ(secret_places(scheme).header, "k");
  scheme.type = openapi::SecurityScheme::Type::bearer;
  EXPECT_EQ(secret_places(scheme).header, "");
}

}  // namespace
}  // namespace plumb::runtime
