#include "controller/model/flat.h"

#include <gmock/gmock.h>
#include <boost/json/parse.hpp>

namespace plumb {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kOpaque[] = {"advanced"};

std::string value(const Attributes& attributes, std::string_view name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? "(none)" : found->second.values.front();
}

TEST(Flat, MembersAreAttributesByTheirPath) {
  const Value spec = boost::json::parse(
      R"({"server": {"host": "api.example", "port": 8080}, "enabled": true, "roles": ["get", "admin"],
          "advanced": {"x": {"y": 1}}})");
  const Attributes attributes = flattened(spec, kOpaque);
  EXPECT_EQ(value(attributes, "server.host"), "api.example");
  EXPECT_EQ(value(attributes, "server.port"), "8080");
  EXPECT_EQ(value(attributes, "enabled"), "true");
  EXPECT_EQ(value(attributes, "roles"), R"(["get","admin"])");
  EXPECT_EQ(value(attributes, "advanced"), R"({"x":{"y":1}})");
  EXPECT_EQ(attributes.size(), 5U);
}

class FlatRoundTrip : public ::testing::TestWithParam<const char*> {};

TEST_P(FlatRoundTrip, IsTheSameDocument) {
  const Value document = boost::json::parse(GetParam());
  EXPECT_EQ(canonical(unflattened(flattened(document, kOpaque))), canonical(document));
}

INSTANTIATE_TEST_SUITE_P(
    Documents, FlatRoundTrip,
    ::testing::Values("{}", R"({"a": ""})",
                      R"({"a": "30000", "b": 30000, "c": "true", "d": true, "e": null, "f": "null"})",
                      R"({"a": "{}", "b": {}, "c": "[", "d": "[]", "e": []})", R"({"a": {"b": {"c": {"d": 1.5}}}})",
                      R"({"a": {"x.y": 1, "z": 2}})", R"({"a": {"Name": 1, "name": 2}})", R"({"a": {"": 1}})",
                      R"({"a": "\"quoted\"", "b": " 1", "c": "-", "d": "-1", "e": "text with \n line"})",
                      R"({"advanced": {}, "a": [{"b": {"c.d": [1, "1"]}}]})", R"({"a": 18446744073709551615})"));

TEST(Flat, WhatHasNoValueIsNotThere) {
  EXPECT_EQ(canonical(unflattened({{"a.b", {.values = {"1"}}}, {"c", {.reading = Reading::empty}}})),
            R"({"a":{"b":1}})");
}

}  // namespace
}  // namespace plumb
