// The kinds of the integration runtime, as what they ask for.
#include <gmock/gmock.h>
#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/model/flat.h"
#include "reconcilers/directory_settings.h"
#include "reconcilers/kinds.h"
#include "reconcilers/reconcilers.h"

namespace plumb::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

Resource resource(const std::string& kind, const std::string& name, const std::string& spec) {
  Resource made;
  made.key = {kind, "default", name};
  made.spec = boost::json::parse(spec);
  made.digest = sha256(spec);
  made.at = {name + ".yaml", 1, 1};
  return made;
}

std::string value(const Wanted& wanted, std::string_view name) {
  const auto found = wanted.attributes.find(name);
  return found == wanted.attributes.end() ? "(none)" : found->second.values.front();
}

TEST(IntegrationKinds, AnIntegrationIsItsManifestMemberByMember) {
  const auto wanted = integration().project(
      resource("Integration", "pets",
               R"({"modelRef": {"name": "petstore"}, "authentication": {"credentialRef": {"name": "key"}},
                   "timeoutMs": 5, "logging": {"level": "DEBUG"}, "advanced": {"a": {"b": 1}},
                   "deletionPolicy": "Delete"})"),
      {});
  ASSERT_TRUE(wanted) << wanted.error().message;
  EXPECT_EQ(value(*wanted, "timeoutMs"), "5");
  EXPECT_EQ(value(*wanted, "logging.level"), "debug");
  EXPECT_EQ(value(*wanted, "advanced"), R"({"a":{"b":1}})");
  EXPECT_EQ(value(*wanted, "deletionPolicy"), "(none)");
  EXPECT_EQ(wanted->identity.value, "Integration/default/pets");
  EXPECT_THAT(wanted->needs, ElementsAre(ResourceKey{"IntegrationModel", "default", "petstore"},
                                         ResourceKey{"Credential", "default", "key"}));
  EXPECT_EQ(wanted->deletion.mode, Deletion::Mode::remove);
}

TEST(IntegrationKinds, OrphanLeavesItInUse) {
  const auto wanted = role_binding().project(
      resource("RoleBinding", "b", R"({"modelRef": {"name": "m"}, "deletionPolicy": "Orphan"})"), {});
  ASSERT_TRUE(wanted);
  EXPECT_EQ(wanted->deletion.mode, Deletion::Mode::orphan);
}

TEST(IntegrationKinds, WhatLivesOnAPlatformCannotBeUsedHere) {
  Snapshot snapshot;
  const auto model = std::make_shared<Resource>(
      resource("IntegrationModel", "m", R"({"platformRef": {"name": "edge"}, "document": {"file": "a.yaml"}})"));
  snapshot.resources[model->key] = model;
  const auto here = integration().project(resource("Integration", "i", R"({"modelRef": {"name": "m"}})"), snapshot);
  ASSERT_FALSE(here);
  EXPECT_THAT(here.error().message, HasSubstr("/spec/modelRef/name: IntegrationModel/default/m lives on "
                                              "IntegrationPlatform \"edge\""));
  const auto binding = role_binding().project(
      resource("RoleBinding", "b", R"({"modelRef": {"name": "m"}, "roles": ["get"]})"), snapshot);
  ASSERT_FALSE(binding);
  EXPECT_THAT(binding.error().message, HasSubstr("has roles of its own"));
}

TEST(IntegrationKinds, WhatIsOfPlatformsAloneIsNoSettingHere) {
  const auto wanted = integration_model().project(
      resource("IntegrationModel", "m", R"({"document": {"inline": {}}, "adoption": "Adopt", "allowRecreate": true})"),
      {});
  ASSERT_TRUE(wanted) << wanted.error().message;
  EXPECT_EQ(value(*wanted, "adoption"), "(none)");
  EXPECT_EQ(value(*wanted, "allowRecreate"), "(none)");
}

TEST(IntegrationKinds, ADocumentIsItsDigest) {
  const std::string document = R"({"openapi": "3.0.3", "info": {"title": "T", "version": "1"}})";
  const auto wanted = integration_model().project(
      resource("IntegrationModel", "m", R"({"document": {"inline": )" + document + "}}"), {});
  ASSERT_TRUE(wanted) << wanted.error().message;
  EXPECT_EQ(wanted->attributes.size(), 1U);
  EXPECT_EQ(value(*wanted, "document.sha256"), sha256(canonical(boost::json::parse(document))));
  const auto missing =
      integration_model().project(resource("IntegrationModel", "m", R"({"document": {"file": "a.yaml"}})"), {});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("a.yaml is not in the source"));
}

TEST(IntegrationKinds, OneGatewayConfigurationForANamespace) {
  EXPECT_TRUE(gateway_configuration().project(resource("GatewayConfiguration", "default", "{}"), {}));
  const auto other = gateway_configuration().project(resource("GatewayConfiguration", "other", "{}"), {});
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("it has the name \"default\""));
}

TEST(IntegrationKinds, AConnectorBringsItsLabels) {
  Resource edge = resource("Connector", "edge", R"({"group": "dc1", "enabled": true})");
  EXPECT_EQ(value(*connector().project(edge, {}), "labels"), "(none)");
  edge.labels = {{"example.com/site", "berlin"}, {"tier", "1"}};
  const auto wanted = connector().project(edge, {});
  ASSERT_TRUE(wanted);
  const Value spec = unflattened(wanted->attributes);
  EXPECT_EQ(text_at(spec, "/labels/example.com~1site"), "berlin");
  EXPECT_EQ(text_at(spec, "/labels/tier"), "1");
  EXPECT_EQ(text_at(spec, "/group"), "dc1");
}

TEST(IntegrationKinds, AConnectorsKeyIsGoodForAnHourAtLeast) {
  const auto with = [](const std::string& interval) {
    return connector().project(resource("Connector", "edge", R"({"keyRotation": {"interval": ")" + interval + "\"}}"),
                               {});
  };
  EXPECT_TRUE(with("1h"));
  const auto often = with("59m");
  ASSERT_FALSE(often);
  EXPECT_THAT(often.error().message, HasSubstr("/spec/keyRotation/interval: 59m is too short"));
}

TEST(IntegrationKinds, APausedObjectIsLeftAsItIs) {
  Resource paused = resource("Integration", "pets", R"({"modelRef": {"name": "petstore"}})");
  paused.annotations["plumbline.dev/paused"] = "true";
  EXPECT_THAT(integration().project(paused, {})->problem, HasSubstr("paused"));
}

TEST(IntegrationKinds, WhatAnIntegrationUsesIsKnownFromWhatIsInUse) {
  LiveObject live;
  live.handle = "Integration/prod/pets";
  live.attributes = flattened(boost::json::parse(
      R"({"modelRef": {"name": "petstore"}, "authentication": {"credentialRef": {"name": "key"}}})"));
  EXPECT_THAT(integration().uses(live), UnorderedElementsAre("IntegrationModel/prod/petstore", "Credential/prod/key"));
}

TEST(IntegrationKinds, CredentialsOfDirectoriesAndIntegrationsOfPlatformsBelongElsewhere) {
  EXPECT_TRUE(belongs_to_runtime(resource("Credential", "c", R"({"type": "bearer"})")));
  EXPECT_FALSE(belongs_to_runtime(resource("Credential", "c", R"({"type": "ldapBind"})")));
  EXPECT_FALSE(belongs_to_runtime(resource("Credential", "c", R"({"type": "kerberosKeytab"})")));
  EXPECT_TRUE(belongs_to_runtime(resource("Integration", "i", R"({"modelRef": {"name": "m"}})")));
  EXPECT_FALSE(belongs_to_runtime(resource("Integration", "i", R"({"platformRef": {"name": "p"}})")));
  EXPECT_FALSE(belongs_to_runtime(resource("IntegrationModel", "m", R"({"platformRef": {"name": "p"}})")));
  EXPECT_FALSE(belongs_to_runtime(resource("ADUser", "jdoe", "{}")));
}

}  // namespace
}  // namespace plumb::test
