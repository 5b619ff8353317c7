#include "controller/app/json_path.h"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

namespace plumb::app {
namespace {

const Value kDocument = boost::json::parse(R"({
  "metadata": {"name": "jdoe", "labels": {"a.b": "dotted"}},
  "spec": {"bases": ["one", "two"], "count": 3, "inner": {"x": true}},
  "status": {"conditions": [{"type": "Synced", "status": "False"}, {"type": "Ready", "status": "True"}]}
})");

TEST(JsonPath, FindsMembersItemsAndQuotedNames) {
  EXPECT_EQ(json_path_text(kDocument, ".metadata.name"), "jdoe");
  EXPECT_EQ(json_path_text(kDocument, ".spec.bases[1]"), "two");
  EXPECT_EQ(json_path_text(kDocument, ".metadata.labels['a.b']"), "dotted");
}

TEST(JsonPath, FiltersByAnEqualMember) {
  EXPECT_EQ(json_path_text(kDocument, R"(.status.conditions[?(@.type=="Ready")].status)"), "True");
  EXPECT_EQ(json_path_text(kDocument, R"(.status.conditions[?(@.type=="Gone")].status)"), "");
}

TEST(JsonPath, JoinsSeveralValuesAndShowsOthersAsJson) {
  EXPECT_EQ(json_path_text(kDocument, ".spec.bases[*]"), "one,two");
  EXPECT_EQ(json_path_text(kDocument, ".spec.count"), "3");
  EXPECT_EQ(json_path_text(kDocument, ".spec.inner"), R"({"x":true})");
}

TEST(JsonPath, IsEmptyForWhatIsNotThereOrNotAPath) {
  EXPECT_EQ(json_path_text(kDocument, ".spec.nothing.deeper"), "");
  EXPECT_EQ(json_path_text(kDocument, ".spec.bases[7]"), "");
  EXPECT_EQ(json_path_text(kDocument, "spec"), "");
  EXPECT_EQ(json_path_text(kDocument, ".spec.bases[oops"), "");
  EXPECT_EQ(json_path_text(kDocument, ".spec.bases[?(@.x)]"), "");
}

}  // namespace
}  // namespace plumb::app
