// Every kind has a CustomResourceDefinition and the reverse; what references name exists.

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "controller/manifest/yaml.h"
#include "controller/model/value.h"
#include "controller/schema/registry.h"
#include "plumb_embedded.h"
#include "reconcilers/reconcilers.h"

namespace plumb {
namespace {

// Kinds that configure the program and are no objects of a directory.
const std::set<std::string> kConfiguration = {"Directory", "Policy", "GitRepository", "IntegrationPlatform"};

std::vector<Value> crds() {
  std::vector<Value> documents;
  for (const auto& file : embedded::files()) {
    if (!file.path.starts_with("crds/")) continue;
    auto parsed = manifest::parse_yaml(file.content, std::string(file.path));
    EXPECT_TRUE(parsed.diagnostics.empty()) << to_string(parsed.diagnostics.front());
    EXPECT_EQ(parsed.documents.size(), 1u) << file.path;
    for (auto& document : parsed.documents) documents.push_back(std::move(document.value));
  }
  return documents;
}

schema::Registry registry() {
  auto made = schema::Registry::from_crds(crds());
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

std::set<std::string> declared_kinds() {
  std::set<std::string> kinds;
  for (const auto& document : crds()) kinds.insert(text_at(document, "/spec/names/kind").value_or("?"));
  return kinds;
}

TEST(Kinds, EveryReconcilerHasACrdAndEveryCrdAReconcilerOrAUse) {
  std::set<std::string> known = kConfiguration;
  for (const auto& kinds : {directory_kinds(), runtime_kinds()}) {
    for (const auto* reconciler : kinds)
      EXPECT_TRUE(known.insert(std::string(reconciler->kind())).second) << reconciler->kind() << " is there twice";
  }
  EXPECT_EQ(declared_kinds(), known);
}

TEST(Kinds, EveryFileIsNamedAfterItsPlural) {
  for (const auto& file : embedded::files()) {
    if (!file.path.starts_with("crds/")) continue;
    const auto parsed = manifest::parse_yaml(file.content, std::string(file.path));
    ASSERT_EQ(parsed.documents.size(), 1u);
    const auto plural = text_at(parsed.documents[0].value, "/spec/names/plural");
    EXPECT_EQ(file.path, "crds/" + plural.value_or("?") + ".yaml");
  }
}

TEST(Kinds, EveryReferenceRuleNamesKindsThatExist) {
  const auto kinds = declared_kinds();
  const auto rules = reference_rules();
  ASSERT_FALSE(rules.empty());
  for (const auto& rule : rules) {
    EXPECT_TRUE(kinds.contains(std::string(rule.kind))) << rule.kind << rule.path;
    if (!rule.target_kind.empty()) {
      EXPECT_TRUE(kinds.contains(std::string(rule.target_kind))) << rule.kind << rule.path;
    }
  }
}

// Members of a schema that lack a description, as "spec.a.b".
void without_description(const Value& schema, const std::string& path, std::vector<std::string>& missing) {
  if (!path.empty() && !text_at(schema, "/description")) missing.push_back(path);
  if (const auto* properties = at(schema, "/properties")) {
    for (const auto& [name, member] : properties->as_object()) {
      without_description(member, path.empty() ? std::string(name) : path + "." + std::string(name), missing);
    }
  }
  if (const auto* items = at(schema, "/items"); items != nullptr && at(*items, "/properties") != nullptr) {
    for (const auto& [name, member] : at(*items, "/properties")->as_object()) {
      without_description(member, path + "[]." + std::string(name), missing);
    }
  }
}

TEST(Kinds, EveryFieldIsDescribed) {
  const auto documents = crds();
  ASSERT_GE(documents.size(), 6u);
  for (const auto& document : documents) {
    const auto* spec = at(document, "/spec/versions/0/schema/openAPIV3Schema/properties/spec");
    ASSERT_NE(spec, nullptr);
    std::vector<std::string> missing;
    without_description(*spec, "", missing);
    EXPECT_TRUE(missing.empty()) << text_at(document, "/spec/names/kind").value_or("?") << ": " << join(missing, ", ");
  }
}

TEST(Kinds, EveryKindHasPrinterColumns) {
  const auto made = registry();
  ASSERT_GE(made.kinds().size(), 6u);
  for (const auto& kind : made.kinds()) EXPECT_FALSE(kind.columns.empty()) << kind.kind;
}

TEST(Kinds, ShippedPoliciesAreValid) {
  const auto made = registry();
  std::size_t policies = 0;
  for (const auto& file : embedded::files()) {
    if (!file.path.starts_with("policies/")) continue;
    auto parsed = manifest::parse_yaml(file.content, std::string(file.path));
    EXPECT_TRUE(parsed.diagnostics.empty()) << file.path;
    for (auto& document : parsed.documents) {
      ++policies;
      for (const auto& problem : made.validate_and_default(document.value)) {
        ADD_FAILURE() << file.path << ": " << problem.pointer << ": " << problem.message;
      }
    }
  }
  EXPECT_GT(policies, 0u);
}

}  // namespace
}  // namespace plumb
