#include "controller/policy/policy.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "controller/schema/registry.h"
#include "tests/unit/policy/policy_builders.h"

namespace plumb::policy {
namespace {

using namespace plumb::testing;

std::vector<Verdict> look(const std::vector<Policy>& list, const std::vector<Change>& changes) {
  return review(list, plan_of(changes), {});
}
bool touches(const std::string& match, const Change& change) {
  return !look(policies({"{match: " + match + ", limit: {count: 0}}"}), {change}).empty();
}

TEST(Match, EveryPartMustFitAndOneItemOfAListIsEnough) {
  const Change jane = change("jane", {Action::move, Action::update}, {{.name = "Mail", .added = {"x"}}});
  EXPECT_TRUE(touches("{}", jane));
  EXPECT_TRUE(touches("{kinds: [ADGroup, ADUser]}", jane));
  EXPECT_FALSE(touches("{kinds: [ADGroup]}", jane));
  EXPECT_TRUE(touches("{actions: [update]}", jane));
  EXPECT_FALSE(touches("{actions: [remove, disable]}", jane));
  EXPECT_TRUE(touches("{targets: ['Directory/*/corp']}", jane));
  EXPECT_FALSE(touches("{targets: [Directory/default/other]}", jane));
  EXPECT_TRUE(touches("{namespaces: [x, default]}", jane));
  EXPECT_FALSE(touches("{namespaces: [x]}", jane));
  EXPECT_TRUE(touches("{names: ['j?n*']}", jane));
  EXPECT_FALSE(touches("{names: ['j?n']}", jane));
  EXPECT_TRUE(touches("{fields: [mail]}", jane));
  EXPECT_FALSE(touches("{fields: [title]}", jane));
  EXPECT_FALSE(touches("{fields: [mail], kinds: [ADGroup]}", jane));
}

TEST(Match, ASubtreeFitsWhereTheObjectIsOrWillBe) {
  Change moved = change("jane", {Action::move});
  moved.handle_after = "CN=jane,OU=Tier0,DC=ad,DC=test";
  EXPECT_TRUE(touches("{within: ['ou=people, dc=AD,dc=test']}", moved));
  EXPECT_TRUE(touches("{within: ['OU=Tier0,DC=ad,DC=test']}", moved));
  EXPECT_FALSE(touches("{within: ['OU=Other,DC=ad,DC=test']}", moved));
  moved.handle_after = "not a name";
  EXPECT_TRUE(touches("{within: ['OU=Other,DC=ad,DC=test']}", moved)) << "what cannot be read is looked at";
}

TEST(Match, ACreationIsLookedAtAsACreationAlone) {
  EXPECT_FALSE(touches("{actions: [update]}", change("x", {Action::create, Action::update})));
  EXPECT_TRUE(touches("{actions: [create]}", change("x", {Action::create, Action::update})));
}

TEST(Policy, AMistakeInAGuardIsRefusedAndNamed) {
  const std::pair<const char*, const char*> bad[] = {
      {"{}", "guard nothing"},
      {"[]", "/spec must be a mapping"},
      {"{limit: {}}", "/spec/limit needs"},
      {"{limit: {floor: 3}}", "/spec/limit needs"},
      {"{limit: {count: -1}}", "/spec/limit/count"},
      {"{limit: {count: many}}", "/spec/limit/count"},
      {"{limit: {percent: 101}}", "/spec/limit/percent"},
      {"{limit: {percent: x}}", "/spec/limit/percent"},
      {"{limit: {count: 1, window: soon}}", "/spec/limit/window"},
      {"{limit: {count: 1, per: day}}", "/spec/limit/per"},
      {"{limit: {count: 1, counts: removedvalues}}", "did you mean \"removedValues\""},
      {"{limit: {count: 1, cuont: 1}}", "did you mean \"count\""},
      {"{limit: {count: 1}, efect: Deny}", "did you mean \"effect\""},
      {"{limit: {count: 1}, effect: deny}", "did you mean \"Deny\""},
      {"{limit: {count: 1}, match: {action: [remove]}}", "did you mean \"actions\""},
      {"{limit: {count: 1}, match: {actions: [explode]}}", "\"explode\" is not an action"},
      {"{limit: {count: 1}, match: {actions: remove}}", "must be a list"},
      {"{limit: {count: 1}, match: {within: [People]}}", "not a distinguished name"},
      {"{limit: 5}", "/spec/limit must be a mapping"},
      {"{protectedAttributes: mail}", "must be a list"},
      {"{rule: {}}", "needs schema"},
      {"{rule: {schema: 5}}", "/spec/rule/schema"},
  };
  for (const auto& [spec, message] : bad) {
    const auto policy = policy_from(spec, "guard");
    ASSERT_FALSE(policy) << spec;
    EXPECT_EQ(policy.error().fault, Fault::invalid);
    EXPECT_NE(policy.error().message.find(message), std::string::npos) << policy.error().message;
    EXPECT_NE(policy.error().message.find("policy guard (policy.yaml)"), std::string::npos) << policy.error().message;
  }
}

TEST(ProtectedAttributes, AreFoundWhateverTheirCaseAlsoInCreations) {
  const auto list = policies({"{protectedAttributes: [adminCount], effect: Deny}"});
  const auto found = look(list, {change("a", {Action::create}, {{.name = "ADMINCOUNT", .added = {"1"}}}),
                                 change("b", {Action::update}, {{.name = "mail", .added = {"1"}}})});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].effect, Effect::deny);
  ASSERT_EQ(found[0].keys.size(), 1U);
  EXPECT_EQ(found[0].keys[0].name, "a");
  EXPECT_EQ(found[0].message, "protected attribute ADMINCOUNT.");
}

TEST(ProtectedAttributes, HoldWhereNoEffectIsGiven) {
  EXPECT_EQ(
      look(policies({"{protectedAttributes: [mail]}"}), {change("a", {Action::update}, {{.name = "mail"}})})[0].effect,
      Effect::hold);
}

TEST(Rule, ComparesTheChangeAsJson) {
  const auto list =
      policies({"{rule: {schema: {properties: {name: {pattern: '^svc-'}}}}, effect: Warn, message: Ask us.}"});
  const auto found = look(list, {change("svc-1", {Action::create}), change("jane", {Action::create})});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].effect, Effect::warn);
  ASSERT_EQ(found[0].keys.size(), 1U);
  EXPECT_EQ(found[0].keys[0].name, "jane");
  EXPECT_NE(found[0].message.find("ADUser/default/jane /name"), std::string::npos) << found[0].message;
  EXPECT_NE(found[0].message.find("Ask us."), std::string::npos);
}

TEST(Rule, NeverSeesASensitiveValue) {
  const auto list =
      policies({"{rule: {schema: {properties: {fields: {items: {properties: {added: {items: {const: x}}}}}}}}}"});
  const FieldChange password{.name = "unicodePwd", .added = {"env:CANARY"}, .sensitive = true};
  const auto found = look(list, {change("a", {Action::update}, {password})});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].message.find("CANARY"), std::string::npos) << found[0].message;
}

TEST(Review, APolicyWithSeveralPartsGivesOneVerdictWithEveryChange) {
  const auto list = policies({"{limit: {count: 0}, match: {actions: [update]}, protectedAttributes: [mail]}"});
  const auto found = look(list, {change("b", {Action::update}, {{.name = "mail"}}), change("a", {Action::update})});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].keys.size(), 2U);
  EXPECT_TRUE(std::is_sorted(found[0].keys.begin(), found[0].keys.end()));
}

FieldChange flags(const std::string& before, const std::string& after) {
  FieldChange field{.name = "userAccountControl", .added = {after}};
  if (!before.empty()) field.removed = {before};
  return field;
}
bool denied(const Change& change) {
  const auto verdicts = look(shipped_policies(), {change});
  return std::any_of(verdicts.begin(), verdicts.end(), [](const Verdict& v) { return v.effect == Effect::deny; });
}

class DangerousFlag : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(DangerousFlag, IsDeniedWhenItBecomesSetAndNotWhenItStaysOrGoes) {
  const std::string with = std::to_string(512 | GetParam());
  EXPECT_TRUE(denied(change("x", {Action::update}, {flags("512", with)})));
  EXPECT_TRUE(denied(change("x", {Action::create}, {flags("", with)})));
  EXPECT_FALSE(denied(change("x", {Action::update}, {flags(with, "512")})));
  EXPECT_FALSE(denied(change("x", {Action::disable}, {flags(with, std::to_string(514 | GetParam()))})));
}
INSTANTIATE_TEST_SUITE_P(Bits, DangerousFlag,
                         ::testing::Values(0x20, 0x80, 0x800, 0x1000, 0x2000, 0x80000, 0x200000, 0x400000, 0x1000000,
                                           0x2000000, 0x4000000));

TEST(Shipped, OrdinaryFlagsAreAllowed) {
  EXPECT_FALSE(denied(change("x", {Action::create}, {flags("", "512")})));
  EXPECT_FALSE(denied(change("x", {Action::update}, {flags("512", "66048")})));
  EXPECT_FALSE(denied(change("x", {Action::update}, {flags("512", "262656")})));
  EXPECT_FALSE(denied(change("x", {Action::update}, {flags("512", "1049088")})));
}

class Dangerous : public ::testing::TestWithParam<const char*> {};
TEST_P(Dangerous, AttributeIsDenied) {
  EXPECT_TRUE(denied(change("x", {Action::update}, {{.name = GetParam(), .added = {"1"}}})));
  EXPECT_TRUE(denied(change("x", {Action::create}, {{.name = GetParam(), .added = {"1"}}})));
}
INSTANTIATE_TEST_SUITE_P(Attributes, Dangerous,
                         ::testing::Values("adminCount", "sIDHistory", "objectSid", "primaryGroupID",
                                           "msDS-AllowedToDelegateTo", "msDS-AllowedToActOnBehalfOfOtherIdentity",
                                           "msDS-KeyCredentialLink", "altSecurityIdentities", "servicePrincipalName",
                                           "scriptPath", "nTSecurityDescriptor", "adminDescription", "dSHeuristics",
                                           "SERVICEPRINCIPALNAME", "mS-DS-ConsistencyGuid", "targetAddress",
                                           "altRecipient", "publicDelegates", "msTSProfilePath",
                                           "msDS-AssignedAuthNPolicy", "msDS-AssignedAuthNPolicySilo"));

TEST(Shipped, EveryPolicyIsValidByItsDefinitionAndSaysWhatToDo) {
  std::vector<Value> crds;
  for (const auto& file : embedded::files())
    if (file.path.starts_with("crds/"))
      for (const auto& document : manifest::parse_yaml(file.content, std::string(file.path)).documents)
        crds.push_back(document.value);
  const auto registry = schema::Registry::from_crds(crds);
  ASSERT_TRUE(registry) << registry.error().message;
  const auto documents = shipped_documents();
  EXPECT_GE(documents.size(), 14U);
  for (Value document : documents) {
    const auto problems = registry->validate_and_default(document);
    EXPECT_TRUE(problems.empty()) << problems.front().pointer << ": " << problems.front().message;
    EXPECT_TRUE(text_at(document, "/spec/description").has_value());
    EXPECT_TRUE(text_at(document, "/spec/message").has_value());
    Resource resource;
    resource.key = {"Policy", "default", *text_at(document, "/metadata/name")};
    resource.spec = *at(document, "/spec");
    EXPECT_TRUE(Policy::from_resource(resource, "built in"));
  }
}

TEST(PrivilegedAccess, HoldsTheChangesThatLetSomebodyIn) {
  const auto list = shipped_policies();
  Plan plan = plan_of({change("ops", {Action::update}), change("sales", {Action::update})});
  plan.access = {{"CN=Jane", "CN=Tier0", true, {"CN=ops"}, "it is listed", {"ADUser", "default", "ops"}},
                 {"CN=Jane", "CN=all", true, {"CN=sales"}, "", {"ADUser", "default", "sales"}}};
  const auto found = review(list, plan, {});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].policy, "privileged-access");
  EXPECT_EQ(found[0].effect, Effect::hold);
  EXPECT_EQ(found[0].keys, (std::vector<ResourceKey>{{"ADUser", "default", "ops"}}));
  EXPECT_NE(found[0].message.find("CN=Jane gets into CN=Tier0 through CN=ops"), std::string::npos);
  plan.access[0].gained = false;
  EXPECT_TRUE(review(list, plan, {}).empty());
}

TEST(PrivilegedAccess, HasNoWindow) {
  EXPECT_FALSE(policy_from("{match: {access: {privileged: true}}, limit: {count: 0}}"));
  EXPECT_FALSE(policy_from("{match: {access: {privileged: false}}, limit: {count: 0, per: plan}}"));
  EXPECT_TRUE(policy_from("{match: {access: {privileged: true}}, limit: {count: 0, per: plan}}"));
}

}  // namespace
}  // namespace plumb::policy
