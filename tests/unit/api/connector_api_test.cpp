#include <set>

#include "controller/api/openapi_document.h"
#include "controller/openapi/model.h"
#include "tests/unit/api/api_world.h"

namespace plumb::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConnectorApi : public ApiWorld {
 protected:
  Value get(const std::string& path, const std::string& query = "") {
    return boost::json::parse(ask({.path = path, .query = query, .token = root_}).body);
  }
  std::vector<std::string> names(const std::string& query) {
    std::vector<std::string> all;
    const Value page = get("/api/v1/connectors", query);
    for (const Value& row : page.at("items").as_array()) all.push_back(*text_at(row, "/name"));
    return all;
  }
  net::Response post(const std::string& path, std::string body = "") {
    return ask({.method = "POST",
                .path = path,
                .token = root_,
                .body = std::move(body),
                .headers = {{"Content-Type", "application/json"}}});
  }
  std::vector<std::string> told() {
    std::vector<std::string> all;
    for (const Event& event : std::exchange(events_, {}))
      all.push_back(event.actor + " " + event.action + " " + event.subject);
    return all;
  }
  const std::string root_ = token("root", true);
  static inline const std::string kOne = "/api/v1/namespaces/default/connectors/crm";
};

TEST_F(ConnectorApi, ListsAreSearchedFilteredAndPagedWithoutGapsWhileRowsCome) {
  rows_.clear();
  for (int i = 0; i < 200; ++i)
    rows_.push_back(connector(fmt::format("edge-{:03}", i), i % 2 == 0 ? "Online" : "Archived"));
  EXPECT_EQ(names("").size(), 100U);  // the archived ones have to be asked for
  EXPECT_THAT(names("search=EDGE-01&archived=true&limit=3"), ElementsAre("edge-010", "edge-011", "edge-012"));
  EXPECT_THAT(names("status=archived&search=edge-1&limit=1"), ElementsAre("edge-101"));

  std::set<std::string> seen;
  std::string next = "limit=7&archived=true";
  int pages = 0;
  while (true) {
    const Value page = get("/api/v1/connectors", next);
    for (const Value& row : page.at("items").as_array()) EXPECT_TRUE(seen.insert(*text_at(row, "/name")).second);
    const auto more = text_at(page, "/continue");
    if (!more) break;
    next = "limit=7&archived=true&continue=" + *more;
    rows_.insert(rows_.begin(), connector(fmt::format("a-new-{}", ++pages), "Online"));  // before what was seen
  }
  EXPECT_EQ(seen.size(), 200U);

  for (const char* wrong : {"limit=0", "limit=501", "limit=x", "continue=x", "status=onlin", "archived=maybe"})
    EXPECT_EQ(ask({.path = "/api/v1/connectors", .query = wrong, .token = root_}).status, 400) << wrong;
}

TEST_F(ConnectorApi, ATokenIsShownOnceAndItsMakingIsRecordedWithoutIt) {
  const auto made = post(kOne + "/token", R"({"expiresInSeconds": 60})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(header(made, "Cache-Control"), "no-store");
  EXPECT_THAT(made.body, HasSubstr("plc_aa01_secret"));
  EXPECT_THAT(acted_, ElementsAre("token for crm of 60000ms by ServiceAccount/root"));
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].action, "connector.token-created");
  EXPECT_EQ(events_[0].subject, "Connector/default/crm");
  EXPECT_THAT(events_[0].message, ::testing::Not(HasSubstr("secret")));
  EXPECT_EQ(post(kOne + "/token").status, 201);  // for as long as is usual
  for (const char* wrong : {R"({"expiresInSeconds": 0})", R"({"expiresInSeconds": 90000})", R"({"expires": 5})", "[]"})
    EXPECT_EQ(post(kOne + "/token", wrong).status, 400) << wrong;
  EXPECT_EQ(post("/api/v1/namespaces/default/connectors/other/token").status, 404);
}

TEST_F(ConnectorApi, ManyAreArchivedAtOnceAndEachFailsByItself) {
  rows_ = {connector("a", "Offline"), connector("b", "Online")};
  const auto answer = post("/api/v1/connectors/archive", R"({"connectors": ["default/a", "default/x", "default/b"]})");
  EXPECT_EQ(answer.status, 200);
  const Value body = boost::json::parse(answer.body);
  EXPECT_EQ(int_at(body, "/failed"), 1);
  EXPECT_EQ(bool_at(body, "/items/0/done"), true);
  EXPECT_EQ(bool_at(body, "/items/1/done"), false);
  EXPECT_THAT(acted_, ElementsAre("archived a by ServiceAccount/root", "archived b by ServiceAccount/root"));
  EXPECT_THAT(told(), ElementsAre("ServiceAccount/root connector.archived Connector/default/a",
                                  "ServiceAccount/root connector.archived Connector/default/b"));
  for (const char* wrong : {"{}", R"({"connectors": []})", R"({"connectors": ["a"]})", R"({"connectors": ["/a"]})",
                            R"({"connectors": "default/a"})", R"({"connectors": ["default/a"], "force": true})"})
    EXPECT_EQ(post("/api/v1/connectors/archive", wrong).status, 400) << wrong;
  EXPECT_EQ(ask({.method = "POST", .path = "/api/v1/connectors/archive", .token = root_, .body = "{}"}).status, 415);
}

TEST_F(ConnectorApi, WhatIsConnectedIsDeletedByForceOnly) {
  rows_ = {connector("a", "Offline"), connector("b", "Online")};
  EXPECT_EQ(ask({.method = "DELETE", .path = "/api/v1/namespaces/default/connectors/b", .token = root_}).status, 409);
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(ask({.method = "DELETE",
                 .path = "/api/v1/namespaces/default/connectors/b",
                 .query = "force=true",
                 .token = root_})
                .status,
            200);
  EXPECT_THAT(told(), ElementsAre("ServiceAccount/root connector.deleted Connector/default/b"));
  const Value many = boost::json::parse(
      post("/api/v1/connectors/delete", R"({"connectors": ["default/a", "default/b"], "force": false})").body);
  EXPECT_EQ(int_at(many, "/failed"), 1);
}

TEST_F(ConnectorApi, LogsAreAnArchiveOrLinesThatCome) {
  const auto zip = ask({.path = kOne + "/logs", .token = root_});
  EXPECT_EQ(zip.body, "PK-logs");
  EXPECT_EQ(zip.content_type, "application/zip");
  EXPECT_EQ(header(zip, "Content-Disposition"), "attachment; filename=\"connector-default-crm.zip\"");
  const auto lines = ask({.path = kOne + "/logs", .query = "follow=true&level=warning", .token = root_});
  ASSERT_TRUE(lines.source);
  std::string first;
  lines.source([&](const Result<std::string>& piece) { first = *piece; });
  EXPECT_EQ(first, "line\n");
  EXPECT_THAT(acted_, ElementsAre("follow warning"));
  for (const char* wrong : {"follow=yes", "follow=true&level=loud", "level=error"})
    EXPECT_EQ(ask({.path = kOne + "/logs", .query = wrong, .token = root_}).status, 400) << wrong;
}

TEST_F(ConnectorApi, ALogThatHasNotComeYetIsAConflict) {
  EXPECT_EQ(post(kOne + "/log-requests").status, 202);
  EXPECT_EQ(ask({.path = kOne + "/log-requests/later", .token = root_}).status, 409);
  const auto zip = ask({.path = kOne + "/log-requests/bb02", .token = root_});
  EXPECT_EQ(zip.body, "PK-requested");
  EXPECT_EQ(header(zip, "Content-Disposition"), "attachment; filename=\"connector-default-crm-bb02.zip\"");
}

TEST_F(ConnectorApi, WithoutAHubThereAreNone) {
  Api bare{{.tokens = tokens_, .clock = clock_, .invoke = {}}};
  bare.publish(std::make_shared<runtime::RegistryView>());
  int status = 0;
  bare.handle({.method = "GET",
               .path = "/api/v1/connectors",
               .query = "",
               .headers = {{"Authorization", "Bearer " + root_}},
               .peer = "127.0.0.1:1"},
              [&](const net::Response& answer) { status = answer.status; });
  EXPECT_EQ(status, 404);
}

TEST_F(ConnectorApi, MetricsAreForServiceAccountsAndNotForPeople) {
  EXPECT_THAT(ask({.path = "/metrics", .token = token("prometheus")}).body, HasSubstr("plumbline_build_info"));
  const auto person = tokens_.create({.account = "jdoe", .kind = "User"});
  EXPECT_EQ(ask({.path = "/metrics", .token = std::string(person->text.reveal())}).status, 403);
}

// The API describes itself in the form that it reads of others.
TEST_F(ConnectorApi, ItsOwnDocumentIsReadAndHasEveryRoute) {
  const Value document = openapi_document();
  const auto parsed = openapi::parse_model(document);
  ASSERT_TRUE(parsed.model.has_value());
  EXPECT_EQ(parsed.model->operations.size(), Api::routes().size());
  EXPECT_EQ(parsed.model->operations.at("listConnectors").path, "/api/v1/connectors");
  EXPECT_EQ(document.at("paths").at("/healthz").at("get").at("security").as_array().size(), 0U);
}

}  // namespace
}  // namespace plumb::api
