#include "controller/runtime/platform_objects.h"

#include <gmock/gmock.h>
#include <boost/json/parse.hpp>

namespace plumb::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

PlatformReader reader(const std::string& platform = "edge") {
  return {platform, [](std::string_view) { return std::string("op"); }, "key", tag_key_of("key", platform)};
}

Value service(const std::string& name, std::string_view settings) {
  return {{"name", name}, {"properties", {{"type", "T:1"}, {"properties", boost::json::parse(settings)}}}};
}

void note(Value& of, const std::string& path, const std::string& tag) {
  settings_in(of).as_object()[kPlatformMark] = {{"secrets", {{path, {{"ref", "env:A"}, {"hmac", ""}, {"tag", tag}}}}}};
}

TEST(PlatformObjects, EveryMemberThatAPlatformMayHideCounts) {
  const Value hidden = service("a", R"({"authentication": {"tls": {"ca": "", "certificate": "", "key": ""},
      "aws": {"accessKeyId": "", "secretAccessKey": "", "region": ""}, "text": ""}, "server": {"base_path": ""}})");
  EXPECT_THAT(reader().hidden_paths(hidden),
              UnorderedElementsAre("authentication.tls.ca", "authentication.tls.certificate", "authentication.tls.key",
                                   "authentication.aws.accessKeyId", "authentication.aws.secretAccessKey",
                                   "authentication.text"));
}

TEST(PlatformObjects, ANotedTextIsHiddenWhereverItIs) {
  Value noted = service("a", R"({"vendor": {"pass": ""}})");
  EXPECT_THAT(reader().hidden_paths(noted), ElementsAre());
  note(noted, "vendor.pass", reader().tag("a", "vendor.pass", "env:A"));
  EXPECT_THAT(reader().hidden_paths(noted), ElementsAre("vendor.pass"));
}

TEST(PlatformObjects, ATagHoldsForOneIntegrationPathReferenceAndPlatform) {
  const std::string path = "authentication.k.value", settings = R"({"authentication": {"k": {"value": ""}}})";
  const auto trusted = [&](const std::string& name, const std::string& tag) {
    Value of = service(name, settings);
    note(of, path, tag);
    return reader().trusted_note(of, path) != nullptr;
  };
  const std::string good = reader().tag("a", path, "env:A");
  EXPECT_TRUE(trusted("a", good));
  EXPECT_FALSE(trusted("b", good));
  EXPECT_FALSE(trusted("a", ""));
  EXPECT_FALSE(trusted("a", reader().tag("a", path, "env:B")));
  EXPECT_FALSE(trusted("a", reader().tag("a", "authentication.k.password", "env:A")));
  EXPECT_FALSE(trusted("a", reader("lab").tag("a", path, "env:A")));
}

TEST(PlatformObjects, AReferenceToThePlatformsVaultAndAKeyIdAreCompared) {
  const auto made = reader().attributes(service("a", R"({"authentication": {"k": {"value": "$SECRET_a $KEY_b",
      "password": "Canary"}, "aws": {"accessKeyId": "AKIA"}}})"));
  EXPECT_EQ(made.at("authentication.k.value"), "$SECRET_a $KEY_b");
  EXPECT_EQ(made.at("authentication.aws.accessKeyId"), "AKIA");
  EXPECT_FALSE(made.contains("authentication.k.password"));
}

}  // namespace
}  // namespace plumb::runtime
