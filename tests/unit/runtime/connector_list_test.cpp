#include "controller/runtime/connector_list.h"

#include <gmock/gmock.h>
#include <boost/json/parse.hpp>

namespace plumb::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<Value>& fixture() {
  static const std::vector<Value> all = [] {
    std::vector<Value> made;
    for (
        const char* text : {
            R"({"namespace": "default", "name": "berlin-1", "group": "berlin", "status": "Online", "os": "Linux 6.1.0-23-amd64",
                 "host": "EDGE-7", "identity": "aa01", "version": "1.0", "labels": {"site": "berlin", "tier": "1"}})",
            R"({"namespace": "default", "name": "berlin-2", "group": "berlin", "status": "Offline", "os": "Linux 6.1.0-23-amd64",
                 "host": "edge-8", "identity": "bb02", "version": "0.9", "labels": {"site": "berlin"}})",
            R"({"namespace": "default", "name": "old", "group": "old", "status": "Archived", "archived": true})",
            R"({"namespace": "other", "name": "berlin-1", "group": "berlin", "status": "Online", "os": "windows",
                 "host": "w", "identity": "cc03", "version": "1.0"})"})
      made.push_back(boost::json::parse(text));
    return made;
  }();
  return all;
}

std::vector<std::string> found(const std::map<std::string, std::string>& parameters) {
  const auto query = read_query(parameters);
  EXPECT_TRUE(query) << query.error().message;
  std::vector<std::string> names;
  for (const Value& each : fixture())
    if (query && matches(*query, each)) names.push_back(*text_at(each, "/namespace") + "/" + *text_at(each, "/name"));
  return names;
}

TEST(ConnectorList, ArchivedOnesAreHiddenUnlessAskedFor) {
  EXPECT_THAT(found({}), ElementsAre("default/berlin-1", "default/berlin-2", "other/berlin-1"));
  EXPECT_EQ(found({{"archived", "true"}}).size(), 4U);
  EXPECT_THAT(found({{"status", "archived"}}), ElementsAre("default/old"));
}

TEST(ConnectorList, ASearchIsInNameHostAndIdInAnyCase) {
  EXPECT_THAT(found({{"search", "BERLIN-2"}}), ElementsAre("default/berlin-2"));
  EXPECT_THAT(found({{"search", "edge-7"}}), ElementsAre("default/berlin-1"));
  EXPECT_THAT(found({{"search", "CC0"}}), ElementsAre("other/berlin-1"));
  EXPECT_THAT(found({{"search", "hamburg"}}), IsEmpty());
}

TEST(ConnectorList, FiltersAddUp) {
  EXPECT_THAT(found({{"status", "online"}}), ElementsAre("default/berlin-1", "other/berlin-1"));
  EXPECT_THAT(found({{"status", "online"}, {"os", "linux"}}), ElementsAre("default/berlin-1"));
  EXPECT_THAT(found({{"status", "online"}, {"version", "0.9"}}), IsEmpty());
  EXPECT_THAT(found({{"group", "berlin"}, {"namespace", "other"}}), ElementsAre("other/berlin-1"));
  EXPECT_THAT(found({{"label", "site=berlin"}}), ElementsAre("default/berlin-1", "default/berlin-2"));
  EXPECT_THAT(found({{"label", "site=berlin,tier"}}), ElementsAre("default/berlin-1"));
  EXPECT_THAT(found({{"label", "tier=2"}}), IsEmpty());
}

TEST(ConnectorList, AStatusThatThereIsNotIsAnError) {
  const auto query = read_query({{"status", "onlin"}});
  ASSERT_FALSE(query);
  EXPECT_THAT(query.error().message, HasSubstr("did you mean \"Online\""));
  EXPECT_FALSE(read_query({{"archived", "yes"}}));
}

}  // namespace
}  // namespace plumb::runtime
