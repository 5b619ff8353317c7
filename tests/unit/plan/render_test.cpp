#include "controller/plan/render.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "controller/base/text.h"
#include "tests/unit/model/random_plan.h"
#include "tests/unit/plan/sample_plan.h"

namespace plumb::plan {
namespace {

using testing::sample_plan;

std::string golden_path(const std::string& name) {
  return std::string(PLUMB_SOURCE_DIR) + "/tests/unit/plan/golden/" + name;
}

// UPDATE_GOLDEN=1 writes the files anew; their difference is reviewed like code.
void expect_golden(const std::string& name, const std::string& actual) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(golden_path(name), std::ios::binary) << actual;
  std::ifstream in(golden_path(name), std::ios::binary);
  ASSERT_TRUE(in) << name << " is missing; run with UPDATE_GOLDEN=1";
  std::ostringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(actual, expected.str()) << "if the new text is right, run with UPDATE_GOLDEN=1";
}

TEST(Render, TextIsAsReviewed) { expect_golden("plan.txt", render({sample_plan()}, Format::text)); }
TEST(Render, ColouredTextIsAsReviewed) {
  expect_golden("plan-colour.txt", render({sample_plan()}, Format::text, {.colour = true}));
}
TEST(Render, MarkdownIsAsReviewed) { expect_golden("plan.md", render({sample_plan()}, Format::markdown)); }
TEST(Render, HtmlIsAsReviewed) { expect_golden("plan.html", render({sample_plan()}, Format::html)); }
TEST(Render, JsonIsAsReviewed) { expect_golden("plan.json", render({sample_plan()}, Format::json)); }

TEST(Render, NoChangesAreSaidInOneLine) {
  Plan plan;
  plan.target = "Directory/default/corp";
  plan.unchanged = 1204;
  EXPECT_EQ(render({plan}, Format::text), "No changes. 1,204 objects are as declared.\n");
  EXPECT_EQ(summary({}), "No changes. 0 objects are as declared.");
  plan.unchanged = 1;
  EXPECT_EQ(summary({plan}), "No changes. 1 object is as declared.");
}

TEST(Render, TheSummaryCountsEveryActionAndWhatIsWithheld) {
  EXPECT_EQ(summary({sample_plan()}),
            "Plan: 2 to create, 2 to update, 1 to disable, 1 to remove, 1 to move, 1 to adopt; 2 held; 1 denied; "
            "1 blocked; 4 attributes drifted (1 put back, 1 held, 2 stay); 1,204 unchanged.");
}

TEST(Render, DriftIsToldApartFromChangesWithWhatBecomesOfIt) {
  const Plan plan = sample_plan();
  const std::string text = render({plan}, Format::text, {.now = parse_time("2026-11-20T18:39:30Z")});
  EXPECT_NE(text.find("ADUser/default/asmith  update  [drift]"), std::string::npos);
  EXPECT_NE(text.find("changed 2026-11-20T18:03:12Z on DC1\n        would be put back by this plan, but that is denied "
                      "by protected-attributes\n"),
            std::string::npos);
  EXPECT_NE(text.find("held until 2026-11-20T20:00:00Z (for another 1h20m): number is being ported | ask Mo"),
            std::string::npos);
  EXPECT_NE(
      text.find("member: not declared: CN=Guest,OU=People,DC=ad,DC=test\n        stays: it is only told of (Alert)"),
      std::string::npos);
}

TEST(Render, DriftIsToldWhereNothingIsToBeChanged) {
  Plan plan = sample_plan();
  plan.levels.clear();
  plan.verdicts.clear();
  plan.blocked.clear();
  plan.diagnostics.clear();
  std::erase_if(plan.drift, [](const Drift& drift) { return drift.put_back; });
  EXPECT_EQ(summary({plan}), "No changes. 1,204 objects are as declared; 3 attributes drifted (1 held, 2 stay).");
  for (const Format format : {Format::text, Format::json, Format::markdown, Format::html})
    EXPECT_NE(render({plan}, format).find("telephoneNumber"), std::string::npos);
}

TEST(Render, AnApprovedVerdictHoldsNothingAndAsksForNothing) {
  Plan plan = sample_plan();
  plan.verdicts[0].approved = true;
  const std::string text = render({plan}, Format::text);
  EXPECT_EQ(text.find("plumbline approve"), std::string::npos);
  EXPECT_NE(text.find("approved limit-removals"), std::string::npos);
  EXPECT_EQ(text.find("held by"), std::string::npos);
}

TEST(Render, EveryChangeIsNamedInTextHtmlAndJson) {
  const Plan plan = sample_plan();
  for (const Format format : {Format::text, Format::html, Format::json, Format::markdown}) {
    const std::string report = render({plan}, format);
    for (const auto& level : plan.levels)
      for (const Change& change : level)
        EXPECT_NE(report.find(to_string(change.key)), std::string::npos) << to_string(change.key);
  }
}

constexpr std::array kFormats = {Format::text, Format::json, Format::markdown, Format::html};

TEST(Render, SensitiveValuesAreInNoFormat) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    testing::RandomPlan random(seed);
    Plan plan = random.plan();
    Change change = random.change();
    const FieldChange canary{.name = "unicodePwd",
                             .removed = {"canary-1f0c9a-old"},
                             .added = {"canary-1f0c9a-new", "canary-1f0c9a-more"},
                             .multi_valued = random.coin(),
                             .sensitive = true,
                             .link = random.coin(),
                             .blind = random.coin()};
    change.fields.push_back(canary);
    change.fields.push_back({.name = "userAccountControl", .added = {"canary-1f0c9a-flags"}, .sensitive = true});
    change.fields.push_back({.name = "accountExpires", .added = {"canary-1f0c9a-date"}, .sensitive = true});
    change.after.once["unicodePwd"] = "canary-1f0c9a-token";
    plan.levels.push_back({change});
    for (const Format format : kFormats) {
      const std::string report = render({plan}, format, {.markdown_limit = 1 << 20});
      EXPECT_EQ(report.find("canary"), std::string::npos) << seed;
      EXPECT_NE(report.find("unicodePwd"), std::string::npos) << seed;
    }
  }
}

TEST(Render, NothingReadFromOutsideSteersATerminalOrIsMarkup) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    const Plan plan = testing::RandomPlan(seed).plan();
    for (const Format format : {Format::text, Format::markdown, Format::html}) {
      const std::string report = render({plan}, format);
      EXPECT_TRUE(is_utf8(report)) << seed;
      EXPECT_EQ(report.find('\x1b'), std::string::npos) << seed;
      EXPECT_EQ(report.find('\x01'), std::string::npos) << seed;
    }
    EXPECT_EQ(render({plan}, Format::html).find("<script>"), std::string::npos) << seed;
  }
}

TEST(Render, HtmlAllowsNoScriptAndLoadsNothing) {
  const std::string html = render({sample_plan()}, Format::html);
  EXPECT_NE(html.find("default-src 'none'; style-src 'sha256-"), std::string::npos);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find(" style=\""), std::string::npos);
  EXPECT_EQ(html.find("http://"), std::string::npos);
  EXPECT_EQ(html.find("https://"), std::string::npos);
  EXPECT_NE(html.find("&lt;b&gt;CEO&lt;/b&gt; &amp; &quot;friend&quot;"), std::string::npos);
}

TEST(Render, MarkdownOfALargePlanFitsAComment) {
  Plan plan = sample_plan();
  for (int i = 0; i < 5000; ++i) {
    Change change = testing::sample_change("ADUser", "u" + std::to_string(i), {Action::update}, "CN=x,DC=ad,DC=test");
    change.fields = {{.name = "description", .removed = {std::string(1000, 'x')}, .added = {std::string(1000, 'y')}}};
    plan.levels[0].push_back(change);
    plan.blocked.push_back({change.key, change.at, "Invalid", std::string(2000, 'z')});
  }
  const std::string report = render({plan}, Format::markdown);
  EXPECT_LT(report.size(), 65'536U);
  EXPECT_GT(report.size(), 30'000U);
  EXPECT_NE(report.find("**Cut short** to fit a comment: "), std::string::npos);
  EXPECT_EQ(render({sample_plan()}, Format::markdown).find("Cut short"), std::string::npos);
}

TEST(Render, MarkdownFencesAndDetailsAreBalanced) {
  for (const std::size_t limit : {2000U, 3000U, 5000U, 65'000U}) {
    const std::string report = render({sample_plan()}, Format::markdown, {.markdown_limit = limit});
    const auto occurrences = [&](std::string_view what) {
      std::size_t found = 0;
      for (std::size_t at = report.find(what); at != std::string::npos; at = report.find(what, at + 1)) ++found;
      return found;
    };
    EXPECT_EQ(occurrences("<details"), occurrences("</details>"));
    EXPECT_EQ(occurrences("\n```diff\n"), occurrences("\n```\n"));
    EXPECT_LE(report.size(), limit);
  }
}

TEST(Render, SetsAreCutAfterTheGivenNumberOfValues) {
  const std::string text = render({sample_plan()}, Format::text, {.max_values = 5});
  EXPECT_NE(text.find("and 26 more"), std::string::npos);
  EXPECT_NE(render({sample_plan()}, Format::text).find("and 11 more"), std::string::npos);
}

TEST(Render, FormatsAreKnownByName) {
  EXPECT_EQ(parse_format("text"), Format::text);
  EXPECT_EQ(parse_format("MD"), Format::markdown);
  EXPECT_EQ(parse_format("html"), Format::html);
  EXPECT_EQ(parse_format("json"), Format::json);
  EXPECT_FALSE(parse_format("pdf"));
}

}  // namespace
}  // namespace plumb::plan
