#include "controller/runtime/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

namespace plumb::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

openapi::Model pets() {
  openapi::Model model{.title = "Pets", .version = "2.0.0", .openapi = "3.0.3"};
  for (const auto& [id, method] : std::map<std::string, std::string>{{"list", "GET"}, {"read", "GET"}, {"add", "POST"}})
    model.operations[id] = {.id = id, .method = method, .path = "/pets"};
  return model;
}

class AccessTest : public ::testing::Test {
 protected:
  AccessTest() {
    add("Integration", "default", "crm", R"({"modelRef": {"name": "pets"}})");
    add("Integration", "other", "crm", R"({"modelRef": {"name": "pets"}})");
  }
  void add(std::string kind, std::string ns, std::string name, std::string_view spec) {
    const ResourceKey key{std::move(kind), std::move(ns), std::move(name)};
    view_->objects[key] = std::make_shared<const Registered>(Registered{key, boost::json::parse(spec), "", "", {}});
  }
  void bind(std::string name, std::string_view roles, std::string_view subjects, std::string_view model = "pets",
            std::string ns = "default") {
    add("RoleBinding", std::move(ns), std::move(name),
        fmt::format(R"({{"modelRef": {{"name": "{}"}}, "roles": {}, "subjects": {}}})", model, roles, subjects));
  }
  Access access() const { return Access(view_); }
  bool may(const Caller& caller, const std::string& operation, const std::string& ns = "default") const {
    return access().may_invoke(caller, {"Integration", ns, "crm"}, model_.operations.at(operation));
  }
  bool sees(const Caller& caller, const std::string& ns = "default", const std::string& name = "crm") const {
    return access().may_see(caller, {"Integration", ns, name});
  }

  const openapi::Model model_ = pets();
  const Caller ci_{.name = "ci"};
  const ResourceKey model_key_{"IntegrationModel", "default", "pets"};
  std::shared_ptr<RegistryView> view_ = std::make_shared<RegistryView>();
};

constexpr std::string_view kCi = R"([{"kind": "ServiceAccount", "name": "ci"}])";

TEST_F(AccessTest, AModelHasTheRoleAdminAndOneForEachVerbThatItHas) {
  const auto roles = roles_of(model_);

  ASSERT_EQ(roles.size(), 3U);
  EXPECT_EQ(roles[0].name, "admin");
  EXPECT_THAT(roles[0].operations, ElementsAre("add", "list", "read"));
  EXPECT_EQ(roles[1].name, "get");
  EXPECT_THAT(roles[1].operations, ElementsAre("list", "read"));
  EXPECT_EQ(roles[2].name, "post");
  EXPECT_THAT(roles[2].operations, ElementsAre("add"));
  for (const Role& role : roles) EXPECT_EQ(role.source, "Pets:2.0.0");
}

TEST_F(AccessTest, AModelWithoutOperationsHasTheRoleAdminAlone) {
  const auto roles = roles_of({.title = "Empty", .version = "1", .openapi = "3.0.3"});

  ASSERT_EQ(roles.size(), 1U);
  EXPECT_THAT(roles.front().operations, IsEmpty());
}

TEST_F(AccessTest, WhatNobodyWasGivenNobodyHas) {
  EXPECT_FALSE(may(ci_, "list"));
  EXPECT_FALSE(sees(ci_));
  EXPECT_THAT(access().roles(ci_, model_key_), IsEmpty());
}

TEST_F(AccessTest, ARoleOfAVerbGivesTheOperationsOfThatVerbAlone) {
  bind("readers", R"(["get"])", kCi);

  EXPECT_TRUE(may(ci_, "list"));
  EXPECT_TRUE(may(ci_, "read"));
  EXPECT_FALSE(may(ci_, "add"));
  EXPECT_TRUE(sees(ci_));
  EXPECT_FALSE(may({.name = "other"}, "list"));
}

TEST_F(AccessTest, TheRoleAdminGivesEveryOperationOfItsModelAndOfNoOther) {
  add("Integration", "default", "billing", R"({"modelRef": {"name": "invoices"}})");
  bind("admins", R"(["admin"])", kCi);

  EXPECT_TRUE(may(ci_, "add"));
  EXPECT_FALSE(sees(ci_, "default", "billing"));
}

TEST_F(AccessTest, AnAdminOfTheInstallationNeedsNoBinding) {
  const Caller root{.name = "root", .admin = true};

  EXPECT_TRUE(may(root, "add"));
  EXPECT_TRUE(sees(root));
}

TEST_F(AccessTest, BindingsAddUpAndTheRemovalOfOneLeavesTheOthers) {
  bind("readers", R"(["get"])", kCi);
  bind("writers", R"(["post"])", kCi);
  EXPECT_THAT(access().roles(ci_, model_key_), UnorderedElementsAre("get", "post"));

  view_->objects.erase({"RoleBinding", "default", "readers"});

  EXPECT_THAT(access().roles(ci_, model_key_), UnorderedElementsAre("post"));
  EXPECT_FALSE(may(ci_, "list"));
  EXPECT_TRUE(may(ci_, "add"));
}

TEST_F(AccessTest, ABindingCountsInItsOwnNamespaceOnly) {
  bind("readers", R"(["get"])", kCi, "pets", "other");

  EXPECT_FALSE(may(ci_, "list", "default"));
  EXPECT_FALSE(sees(ci_, "default"));
  EXPECT_TRUE(may(ci_, "list", "other"));
}

TEST_F(AccessTest, AGroupGivesItsRolesToItsMembersFromTheNextCallOn) {
  Caller member{.kind = "User", .name = "jdoe"};
  bind("team", R"(["get"])", R"([{"kind": "Group", "name": "staff"}])");
  EXPECT_FALSE(may(member, "list"));

  member.groups = {"guests", "staff"};

  EXPECT_TRUE(may(member, "list"));
  EXPECT_FALSE(may(member, "add"));
}

TEST_F(AccessTest, NamesOfOneKindAreNotThoseOfAnother) {
  bind("mixed", R"(["get"])", R"([{"kind": "User", "name": "ci"}, {"kind": "Group", "name": "ci"}])");

  EXPECT_FALSE(may(ci_, "list"));
  EXPECT_TRUE(may({.kind = "User", .name = "ci"}, "list"));
  EXPECT_TRUE(may({.name = "x", .groups = {"ci"}}, "list"));
}

TEST_F(AccessTest, ACallerThatSaysToBeAGroupHasNoRoleOfIt) {
  bind("team", R"(["get"])", R"([{"kind": "Group", "name": "staff"}])");

  EXPECT_FALSE(sees({.kind = "Group", .name = "staff"}));
}

TEST_F(AccessTest, SubjectsOfUnknownKindsAndWithoutNamesAreNobody) {
  bind("odd", R"(["admin"])",
       R"([{"kind": "Robot", "name": "ci"}, {"kind": "", "name": "ci"}, {"name": "ci"}, {"kind": "ServiceAccount"},
           {"kind": "ServiceAccount", "name": ""}, {"kind": "Group", "name": ""}, {"kind": "ServiceAccount/a", "name":
           "b"}, "ci", null, 7])");

  EXPECT_FALSE(sees(ci_));
  EXPECT_FALSE(sees({.kind = "Robot", .name = "ci"}));
  EXPECT_FALSE(sees({.kind = "", .name = "ci"}));
  EXPECT_FALSE(sees({.name = ""}));
  EXPECT_FALSE(sees({.name = "x", .groups = {""}}));
  EXPECT_FALSE(sees({.kind = "ServiceAccount", .name = "a/b"}));
}

TEST_F(AccessTest, DamagedBindingsGiveNothing) {
  bind("no-roles", "[]", kCi);
  bind("roles-no-list", R"("admin")", kCi);
  bind("subjects-no-list", R"(["admin"])", R"({"kind": "ServiceAccount", "name": "ci"})");
  add("RoleBinding", "default", "empty", "{}");
  add("RoleBinding", "default", "null", "null");

  EXPECT_FALSE(sees(ci_));
}

// An Integration that names no model was one of the model "" that a binding without a model named.
TEST_F(AccessTest, ABindingWithoutAModelGivesNothingOfAnIntegrationWithoutOne) {
  add("Integration", "default", "crm", "{}");
  bind("nameless", R"(["admin"])", kCi, "");

  EXPECT_FALSE(sees(ci_));
  EXPECT_FALSE(may(ci_, "list"));
}

TEST_F(AccessTest, AnIntegrationThatIsNotThereIsSeenByNobodyButAdmins) {
  bind("admins", R"(["admin"])", kCi);

  EXPECT_FALSE(sees(ci_, "default", "gone"));
  EXPECT_EQ(model_of(*view_, {"Integration", "default", "gone"}), ResourceKey{});
  EXPECT_EQ(operations_of(*view_, {"Integration", "default", "gone"}), nullptr);
}

TEST_F(AccessTest, RolesAreComparedByCaseAsTheSchemaHasThem) {
  bind("shouting", R"(["GET", "Admin"])", kCi);

  EXPECT_FALSE(may(ci_, "list"));
}

TEST_F(AccessTest, OperationsOfAModelAreFoundThroughTheIntegration) {
  view_->models[model_key_] =
      std::make_shared<const openapi::Operations>(std::make_shared<const openapi::Model>(model_));

  EXPECT_NE(operations_of(*view_, {"Integration", "default", "crm"}), nullptr);
  EXPECT_EQ(operations_of(*view_, {"Integration", "other", "crm"}), nullptr);  // the model is in another namespace
}

}  // namespace
}  // namespace plumb::runtime
