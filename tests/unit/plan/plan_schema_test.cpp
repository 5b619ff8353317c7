#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include <boost/json/parse.hpp>

#include "controller/plan/render.h"
#include "controller/schema/registry.h"
#include "tests/unit/model/random_plan.h"
#include "tests/unit/plan/sample_plan.h"

namespace plumb::plan {
namespace {

schema::DocumentSchema documented() {
  std::ifstream in(std::string(PLUMB_SOURCE_DIR) + "/docs/plan-schema.json");
  std::ostringstream text;
  text << in.rdbuf();
  auto schema = schema::DocumentSchema::compile(boost::json::parse(text.str()));
  if (!schema) throw std::runtime_error(schema.error().message);
  return std::move(*schema);
}

TEST(PlanSchema, EveryReportIsAsDocumented) {
  const auto schema = documented();
  for (unsigned seed = 0; seed < 300; ++seed) {
    testing::RandomPlan random(seed);
    const auto problems = schema.check(report_json({random.plan(), random.plan(), testing::sample_plan()}));
    ASSERT_TRUE(problems.empty()) << seed << " " << problems.front().pointer << ": " << problems.front().message;
  }
  EXPECT_TRUE(schema.check(report_json({})).empty());
}

TEST(PlanSchema, NoticesWhatIsNotDocumented) {
  const auto schema = documented();
  Value report = report_json({testing::sample_plan()});
  report.as_object()["plans"].as_array()[0].as_object()["extra"] = 1;
  EXPECT_FALSE(schema.check(report).empty());
  report = report_json({testing::sample_plan()});
  report.as_object()["plans"].as_array()[0].as_object()["levels"].as_array()[0].as_array()[0].as_object().erase("key");
  EXPECT_FALSE(schema.check(report).empty());
}

}  // namespace
}  // namespace plumb::plan
