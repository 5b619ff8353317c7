#include "controller/plan/diff.h"

#include <gtest/gtest.h>

#include <random>

#include "controller/model/dn.h"

namespace plumb::plan {
namespace {

constexpr AttributeRule kRules[] = {
    {.name = "displayName"},
    {.name = "employeeID", .compare = Compare::exact},
    {.name = "proxyAddresses", .multi_valued = true},
    {.name = "tokens", .compare = Compare::exact, .multi_valued = true},
    {.name = "countryCode", .compare = Compare::integer},
    {.name = "hidden", .compare = Compare::boolean},
    {.name = "userAccountControl", .compare = Compare::flags, .disable_mask = 2},
    {.name = "groupType", .compare = Compare::flags},
    {.name = "accountExpires", .compare = Compare::expiry},
    {.name = "member", .compare = Compare::link, .multi_valued = true},
    {.name = "manager", .compare = Compare::link},
    {.name = "sid", .compare = Compare::exact, .immutable = true},
    {.name = "unicodePwd", .compare = Compare::exact, .sensitive = true},
};

Desired want(const std::string& name, std::vector<std::string> values) {
  return {{name, {.attribute = {.values = std::move(values)}}}};
}
Desired want_some(const std::string& name, std::vector<std::string> values) {
  return {{name, {.attribute = {.values = std::move(values)}, .authoritative = false}}};
}
Attributes live(const std::string& name, std::vector<std::string> values) {
  return {{name, {.values = std::move(values)}}};
}
Difference differ(const Desired& desired, const Attributes& have, const Owned& owned = {}, bool may_clear = true) {
  return diff(desired, have, owned, kRules, may_clear);
}
Owned owning(const std::string& name) {
  Owned owned;
  owned.attributes = {name};
  return owned;
}
Owned linking(const std::string& name, std::set<std::string> ids) {
  Owned owned;
  owned.links[name] = std::move(ids);
  return owned;
}
using Texts = std::vector<std::string>;

#define EXPECT_SAME(difference) EXPECT_TRUE((difference).fields.empty())
#define EXPECT_WRITES(difference, out, in)     \
  do {                                         \
    const Difference found = (difference);     \
    ASSERT_EQ(found.fields.size(), 1U);        \
    EXPECT_EQ(found.fields[0].removed, (out)); \
    EXPECT_EQ(found.fields[0].added, (in));    \
  } while (false)

TEST(Diff, EqualValuesAreNoChange) {
  EXPECT_SAME(differ(want("displayName", {"Jane"}), live("displayName", {"Jane"})));
  EXPECT_SAME(differ(want("displayname", {"Jane"}), live("DISPLAYNAME", {"Jane"})));
}

TEST(Diff, RemovedValuesKeepTheSpellingOfTheTarget) {
  EXPECT_WRITES(differ(want("displayName", {"New"}), live("displayName", {"oLd"})), Texts{"oLd"}, Texts{"New"});
}

TEST(Diff, ADifferenceInCaseAloneIsWrittenForASingleValue) {
  EXPECT_WRITES(differ(want("displayName", {"JANE"}), live("displayName", {"Jane"})), Texts{"Jane"}, Texts{"JANE"});
}

TEST(Diff, OfASetOnlyTheDifferenceIsWritten) {
  EXPECT_WRITES(differ(want("proxyAddresses", {"a", "b", "c"}), live("proxyAddresses", {"c", "x", "a"})), Texts{"x"},
                Texts{"b"});
}

TEST(Diff, InASetAValueThatDiffersInCaseAloneIsReplaced) {
  EXPECT_WRITES(
      differ(want("proxyAddresses", {"SMTP:a@x", "smtp:b@x"}), live("proxyAddresses", {"smtp:b@x", "smtp:a@x"})),
      Texts{"smtp:a@x"}, Texts{"SMTP:a@x"});
}

TEST(Diff, AValueWantedTwiceIsWrittenOnce) {
  EXPECT_WRITES(differ(want("proxyAddresses", {"a", "A"}), {}), Texts{}, Texts{"a"});
  EXPECT_WRITES(differ(want("tokens", {"a", "A", "a"}), {}), Texts{}, (Texts{"a", "A"}));
}

TEST(Diff, ExactValuesDifferByTheirBytes) {
  EXPECT_WRITES(differ(want("tokens", {"a", "A"}), live("tokens", {"a"})), Texts{}, Texts{"A"});
  EXPECT_WRITES(differ(want("employeeID", {"e1"}), live("employeeID", {"E1"})), Texts{"E1"}, Texts{"e1"});
}

TEST(Diff, AnAttributeWithoutARuleThatHoldsSeveralValuesIsASet) {
  const auto found = differ(want("otherTelephone", {"1", "2"}), live("otherTelephone", {"2", "3"}));
  ASSERT_EQ(found.fields.size(), 1U);
  EXPECT_TRUE(found.fields[0].multi_valued);
  EXPECT_EQ(found.fields[0].removed, Texts{"3"});
  EXPECT_EQ(found.fields[0].added, Texts{"1"});
}

TEST(Diff, IntegersAndBooleansAreComparedByMeaning) {
  EXPECT_SAME(differ(want("countryCode", {"049"}), live("countryCode", {"49"})));
  EXPECT_SAME(differ(want("hidden", {"true"}), live("hidden", {"TRUE"})));
  EXPECT_WRITES(differ(want("countryCode", {"1"}), live("countryCode", {"49"})), Texts{"49"}, Texts{"1"});
}

TEST(Diff, FlagsKeepTheBitsThatAreNotTheirs) {
  EXPECT_WRITES(differ(want("userAccountControl", {"+2"}), live("userAccountControl", {"66048"})), Texts{"66048"},
                Texts{"66050"});
  EXPECT_WRITES(differ(want("userAccountControl", {"-2", "+65536"}), live("userAccountControl", {"514"})), Texts{"514"},
                Texts{"66048"});
  EXPECT_SAME(differ(want("userAccountControl", {"+2", "-65536"}), live("userAccountControl", {"514"})));
}

TEST(Diff, FlagsAreWrittenSignedAsTheDirectoryDoes) {
  EXPECT_WRITES(differ(want("groupType", {"+8", "-2"}), live("groupType", {"-2147483646"})), Texts{"-2147483646"},
                Texts{"-2147483640"});
  EXPECT_WRITES(differ(want("groupType", {"+2147483650"}), {}), Texts{}, Texts{"-2147483646"});
  EXPECT_SAME(differ(want("groupType", {"+0x80000002"}), live("groupType", {"-2147483646"})));
}

TEST(Diff, AnAccountWhoseFlagsAreHiddenIsNotWritten) {
  const auto found = differ(want("userAccountControl", {"+2"}), {});
  EXPECT_SAME(found);
  EXPECT_EQ(found.unreadable, Texts{"userAccountControl"});
}

TEST(Diff, BothSpellingsOfNeverExpiresAreOne) {
  EXPECT_SAME(differ(want("accountExpires", {"0"}), live("accountExpires", {"9223372036854775807"})));
  EXPECT_SAME(differ(want("accountExpires", {"9223372036854775807"}), live("accountExpires", {"0"})));
  EXPECT_SAME(differ(want("accountExpires", {"0"}), {}));
  EXPECT_WRITES(differ(want("accountExpires", {"9223372036854775807"}), live("accountExpires", {"133000000000000000"})),
                Texts{"133000000000000000"}, Texts{"9223372036854775807"});
}

TEST(Diff, ADroppedExpiryBecomesNeverInsteadOfBeingDeleted) {
  EXPECT_WRITES(differ({}, live("accountExpires", {"133000000000000000"}), owning("accountExpires")),
                Texts{"133000000000000000"}, Texts{"9223372036854775807"});
  EXPECT_SAME(differ({}, live("accountExpires", {"0"}), owning("accountExpires")));
}

TEST(Diff, LinksAreComparedByIdWhateverTheName) {
  EXPECT_SAME(differ(want("member", {"<GUID=a1>;CN=New,DC=x"}), live("member", {"<GUID=A1>;CN=Old,DC=x"})));
  EXPECT_SAME(differ(want("member", {"cn=jane, dc=x"}), live("member", {"<GUID=a1>;CN=Jane,DC=x"})));
  EXPECT_SAME(differ(want("member", {"<GUID=a1>;CN=Jane,DC=x"}), live("member", {"CN=jane,DC=X"})));
}

TEST(Diff, ALinkToTheReplacementOfTheSameNameIsADifference) {
  EXPECT_WRITES(differ(want("member", {"<GUID=b2>;CN=J,DC=x"}), live("member", {"<GUID=a1>;CN=J,DC=x"})),
                Texts{"<GUID=a1>;CN=J,DC=x"}, Texts{"<GUID=b2>;CN=J,DC=x"});
}

TEST(Diff, AuthoritativeLinksAreExactlyThese) {
  EXPECT_WRITES(
      differ(want("member", {"<GUID=a>;CN=a", "<GUID=b>;CN=b"}), live("member", {"<GUID=b>;CN=b", "<GUID=c>;CN=c"})),
      Texts{"<GUID=c>;CN=c"}, Texts{"<GUID=a>;CN=a"});
}

TEST(Diff, AdditiveLinksOfOthersStay) {
  EXPECT_WRITES(differ(want_some("member", {"<GUID=a>;CN=a"}), live("member", {"<GUID=c>;CN=c"})), Texts{},
                Texts{"<GUID=a>;CN=a"});
  EXPECT_SAME(differ(want_some("member", {}), live("member", {"<GUID=c>;CN=c"})));
}

TEST(Diff, AnAdditiveLinkThatWeAddedGoesWhenItIsNotWantedAnyMore) {
  const auto have = live("member", {"<GUID=a>;CN=a,DC=x", "<GUID=c>;CN=c,DC=x", "CN=d,DC=x"});
  EXPECT_WRITES(differ(want_some("member", {}), have, linking("member", {"A"})), Texts{"<GUID=a>;CN=a,DC=x"}, Texts{});
  EXPECT_WRITES(differ(want_some("member", {}), have, linking("member", {"cn=D,dc=x"})), Texts{"CN=d,DC=x"}, Texts{});
  EXPECT_SAME(differ(want_some("member", {}), have, linking("member", {"a"}), false));
  EXPECT_SAME(differ(want_some("member", {"<GUID=a>;CN=a,DC=x"}), have, linking("member", {"a"})));
}

TEST(Diff, DroppedLinksGoOnlyWhereWeAddedThem) {
  const auto have = live("member", {"<GUID=a>;CN=a", "<GUID=c>;CN=c"});
  EXPECT_WRITES(differ({}, have, linking("member", {"a"})), Texts{"<GUID=a>;CN=a"}, Texts{});
  EXPECT_SAME(differ({}, have, linking("member", {"a"}), false));
  EXPECT_SAME(differ({}, have, owning("member")));
  EXPECT_WRITES(differ({}, live("manager", {"<GUID=a>;CN=a"}), owning("manager")), Texts{"<GUID=a>;CN=a"}, Texts{});
}

TEST(Diff, DroppedAttributesAreClearedAndForeignOnesStay) {
  Attributes have = live("displayName", {"Jane"});
  have["mail"] = {.values = {"set@by.exchange"}};
  const auto found = differ({}, have, owning("displayName"));
  ASSERT_EQ(found.fields.size(), 1U);
  EXPECT_EQ(found.fields[0].name, "displayName");
  EXPECT_EQ(found.fields[0].removed, Texts{"Jane"});
  EXPECT_TRUE(found.fields[0].added.empty());
}

TEST(Diff, NothingDroppedIsClearedUnlessItMayBe) {
  EXPECT_SAME(differ({}, live("displayName", {"Jane"}), owning("displayName"), false));
}

TEST(Diff, DroppedFlagsAreLeftAsTheyAre) {
  EXPECT_SAME(differ({}, live("userAccountControl", {"514"}), owning("userAccountControl")));
}

TEST(Diff, AnAttributeDeclaredWithoutValuesIsClearedEvenIfNothingDroppedMayBe) {
  EXPECT_WRITES(differ(want("displayName", {}), live("displayName", {"Jane"}), {}, false), Texts{"Jane"}, Texts{});
  EXPECT_SAME(differ(want("displayName", {}), {}));
}

TEST(Diff, WhatIsCutOffOrHiddenIsReportedAndNotWritten) {
  for (const Reading reading : {Reading::truncated, Reading::unreadable}) {
    const Attributes have = {{"member", {.values = {"<GUID=a>;CN=a"}, .reading = reading}}};
    const auto wanted = differ(want("member", {"<GUID=b>;CN=b"}), have);
    EXPECT_SAME(wanted);
    EXPECT_EQ(wanted.unreadable, Texts{"member"});
    const auto dropped = differ({}, have, linking("member", {"a"}));
    EXPECT_SAME(dropped);
    EXPECT_EQ(dropped.unreadable, Texts{"member"});
  }
}

TEST(Diff, AnImmutableAttributeThatDiffersIsReportedAndNotWritten) {
  const auto found = differ(want("sid", {"S-1"}), live("sid", {"S-2"}));
  EXPECT_SAME(found);
  EXPECT_EQ(found.immutable, Texts{"sid"});
  EXPECT_TRUE(differ(want("sid", {"S-1"}), live("sid", {"S-1"})).immutable.empty());
  EXPECT_TRUE(differ({}, live("sid", {"S-1"}), owning("sid")).immutable.empty());
}

TEST(Diff, SensitiveAttributesAreNeverCompared) {
  EXPECT_SAME(differ(want("unicodePwd", {"env:X"}), live("unicodePwd", {"y"})));
  EXPECT_SAME(differ({}, live("unicodePwd", {"y"}), owning("unicodePwd")));
}

TEST(Diff, FieldsAreSortedByName) {
  Desired desired = want("displayName", {"x"});
  desired["Alias"] = {.attribute = {.values = {"y"}}};
  desired["zip"] = {.attribute = {.values = {"z"}}};
  const auto found = differ(desired, live("mail", {"m"}), owning("mail"));
  ASSERT_EQ(found.fields.size(), 4U);
  EXPECT_EQ(found.fields[0].name, "Alias");
  EXPECT_EQ(found.fields[2].name, "mail");
}

TEST(Diff, ACreationCarriesAllThatIsWanted) {
  Desired desired = want("displayName", {"Jane"});
  desired["userAccountControl"] = {.attribute = {.values = {"+512", "+2"}}};
  desired["unicodePwd"] = {.attribute = {.values = {"env:PASSWORD"}}};
  desired["member"] = {.attribute = {.values = {"<GUID=a>;CN=a", "<GUID=A>;CN=b"}}};
  desired["mail"] = {};
  const auto fields = creation_fields(desired, kRules);
  ASSERT_EQ(fields.size(), 4U);
  EXPECT_EQ(fields[1].name, "member");
  EXPECT_EQ(fields[1].added, Texts{"<GUID=a>;CN=a"});
  EXPECT_TRUE(fields[1].link);
  EXPECT_TRUE(fields[2].sensitive);
  EXPECT_EQ(fields[3].added, Texts{"514"});
}

// What the target holds once it has carried the field out.
Attributes after(Attributes have, const Difference& difference) {
  for (const FieldChange& field : difference.fields) {
    auto& values = have[field.name].values;
    for (const std::string& value : field.removed) {
      const auto found = std::find(values.begin(), values.end(), value);
      EXPECT_NE(found, values.end()) << "the guard names a value that is not there: " << value;
      if (found != values.end()) values.erase(found);
    }
    values.insert(values.end(), field.added.begin(), field.added.end());
  }
  return have;
}

TEST(Diff, OnceAppliedNothingIsLeftToDo) {
  std::mt19937 random(42);
  const Texts pool = {"a", "A", "b", "B", "c", "ü", "Ü", "<GUID=a>;CN=a", "<GUID=A>;CN=a", "CN=a", "<GUID=b>;CN=b"};
  const Texts numbers = {"0", "1", "512", "9223372036854775807", "133000000000000000"};
  const auto values_for = [&](const AttributeRule& rule, bool wanted) {
    const bool number = rule.compare == Compare::integer || rule.compare == Compare::expiry;
    Texts made;
    if (rule.compare == Compare::flags)
      return wanted ? Texts{"+" + std::to_string(random() % 1024), "-2"} : Texts{std::to_string(random() % 1024)};
    const std::size_t count = rule.multi_valued ? random() % 5 : random() % 2;
    const Texts& from = number ? numbers : pool;
    while (made.size() < count) {
      const std::string& value = from[random() % from.size()];
      const bool there =
          std::any_of(made.begin(), made.end(), [&](const std::string& each) { return same_value(rule, each, value); });
      if (wanted || !there) made.push_back(value);
    }
    return made;
  };
  std::size_t changes = 0;
  for (int round = 0; round < 5000; ++round) {
    Desired desired;
    Attributes have;
    Owned owned;
    for (const AttributeRule& rule : kRules) {
      if (rule.immutable || rule.sensitive) continue;
      const std::string name(rule.name);
      if (random() % 3 != 0)
        desired[name] = {.attribute = {.values = values_for(rule, true)}, .authoritative = random() % 2 == 0};
      have[name] = {.values = values_for(rule, false)};
      if (random() % 2 == 0) owned.attributes.insert(name);
      if (rule.compare == Compare::link && random() % 2 == 0) owned.links[name] = {"a", "b"};
    }
    const auto first = differ(desired, have, owned);
    changes += first.fields.size();
    const auto second = differ(desired, after(have, first), owned);
    ASSERT_TRUE(second.fields.empty()) << "round " << round << ": " << second.fields.front().name;
  }
  EXPECT_GT(changes, 1000U);
}

}  // namespace
}  // namespace plumb::plan
