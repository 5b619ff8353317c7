#include "controller/api/settings_schema.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/model/value.h"

namespace plumb::api {
namespace {

using openapi::SecurityScheme;
using Type = SecurityScheme::Type;

struct Case {
  std::string name;
  SecurityScheme scheme;
};

SecurityScheme scheme(Type type, std::vector<std::string> flows = {}) {
  SecurityScheme made;
  made.name = "main";
  made.type = type;
  for (const auto& flow : flows) made.flows[flow] = {};
  return made;
}

std::vector<Case> cases() {
  Case dynamic{"api_key_dynamic", scheme(Type::api_key)};
  dynamic.scheme.retrieval = SecurityScheme::Retrieval{"POST", "https://keys.example", "/key"};
  return {{"api_key", scheme(Type::api_key)},
          dynamic,
          {"basic", scheme(Type::basic)},
          {"bearer", scheme(Type::bearer)},
          {"aws_sigv4", scheme(Type::aws_sigv4)},
          {"oauth2_client_credentials", scheme(Type::oauth2, {"clientCredentials"})},
          {"oauth2_password", scheme(Type::oauth2, {"password"})},
          {"oauth2_authorization_code", scheme(Type::oauth2, {"authorizationCode"})},
          {"open_id_connect", scheme(Type::open_id_connect)},
          {"mutual_tls", scheme(Type::mutual_tls)}};
}

openapi::Model model_with(std::vector<SecurityScheme> schemes) {
  openapi::Model model{.title = "Pets", .version = "1.2", .openapi = "3.0.3"};
  model.schemes = std::move(schemes);
  return model;
}

class SettingsSchema : public ::testing::TestWithParam<Case> {};

// UPDATE_GOLDEN=1 writes the files anew; their difference is reviewed like code.
TEST_P(SettingsSchema, IsAsTheGoldenFile) {
  const std::string path = std::string(PLUMB_SOURCE_DIR "/tests/unit/api/golden/") + GetParam().name + ".json";
  const std::string actual = pretty(settings_schema(model_with({GetParam().scheme}))) + "\n";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << actual;
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in) << path << " is missing; run with UPDATE_GOLDEN=1";
  const std::string expected{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(actual, expected) << "if the new text is right, run with UPDATE_GOLDEN=1";
}

INSTANTIATE_TEST_SUITE_P(Kinds, SettingsSchema, ::testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

// A model whose first scheme cannot be used had a form without any field to sign in with.
TEST(SettingsSchemaOfAModel, HasEverySchemeThatCanBeUsedInTheOrderOfTheDocument) {
  auto odd = scheme(Type::unsupported), basic = scheme(Type::basic), key = scheme(Type::api_key);
  odd.name = "odd", basic.name = "second", key.name = "first";
  const Value schema = settings_schema(model_with({odd, basic, key}));

  const auto& schemes = at(schema, "/properties/authentication/properties")->as_object();
  ASSERT_EQ(schemes.size(), 2U);
  EXPECT_EQ(schemes.begin()->key(), "second");
  EXPECT_EQ(int_at(schema, "/properties/authentication/maxProperties"), 1);
}

TEST(SettingsSchemaOfAModel, WithoutSchemesAsksForNone) {
  const Value schema = settings_schema(model_with({}));

  EXPECT_TRUE(at(schema, "/properties/authentication/properties")->as_object().empty());
  EXPECT_EQ(text_at(schema, "/title"), "Pets:1.2");
}

}  // namespace
}  // namespace plumb::api
