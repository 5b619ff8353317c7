// The controller and its agents as programs: what a user does, with the links that they have.
#include <csignal>

#include <gmock/gmock.h>

#include "tests/integration/connector_world.h"
#include "tests/support/tcp_proxy.h"

namespace plumb::test {
namespace {

using testing::HasSubstr;
using testing::Not;

using Connectors = ConnectorWorld;

TEST_F(Connectors, ADomainThatTheControllerCannotReachIsKeptThroughAConnector) {
  if (const std::string why = OtherNetwork::why_not(); !why.empty()) PLUMB_CANNOT_RUN(why);
  const OtherNetwork network;
  serve_at(network.address());
  const auto direct = run_to_end(
      network.inside({"timeout", "2", "bash", "-c", fmt::format("exec 3<>/dev/tcp/{}/636", samba_->address)}), {});
  ASSERT_NE(direct.status, 0) << "the domain controller can be reached from there: this shows nothing";
  start_controller(&network);
  const auto berlin = site("berlin");
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  EXPECT_TRUE(comes([&] { return bench_->exists("jdoe"); })) << controller_->output();
  EXPECT_TRUE(comes([&] { return bench_->value("jdoe", "title") != ""; }));

  // What somebody else changes is noticed through the link, and put back.
  bench_->ldif(
      "dn: CN=Jane Doe,OU=People,OU=Corp,DC=ad,DC=test\nchangetype: modify\nreplace: title\ntitle: Intruder\n");
  EXPECT_TRUE(comes([&] { return bench_->value("jdoe", "title") != "Intruder"; })) << controller_->output();

  // The site knows what was done there, and by whose order.
  EXPECT_THAT(berlin->audit(), HasSubstr("\"operation\":\"add\""));
  EXPECT_THAT(berlin->audit(), HasSubstr("Directory/default/corp"));
  // The password of the domain, and the token, are nowhere but where they were put.
  controller_->signal(SIGTERM);
  EXPECT_EQ(controller_->ends(), 0) << controller_->output();
  const std::string password = bench_->environment().at("PLUMBLINE_BIND_PASSWORD");
  for (const std::string& secret : {password, tokens_.at(0)}) {
    EXPECT_THAT(controller_->output(), Not(HasSubstr(secret)));
    EXPECT_THAT(berlin->agent().output(), Not(HasSubstr(secret)));
    for (const fs::path& folder : {bench_->state(), berlin->storage()})
      for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file()) {
          EXPECT_THAT(content(entry.path()), Not(HasSubstr(secret))) << entry.path();
        }
  }
  EXPECT_FALSE(fs::exists(berlin->folder() / "token")) << "it was used";
}

TEST_F(Connectors, TheSiteDecidesWhatIsDoneThere) {
  start_controller();
  const auto berlin = site("berlin");
  berlin->allow(*samba_, "OU=Elsewhere,DC=ad,DC=test");
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  EXPECT_TRUE(controller_->prints("does not allow", seconds(60))) << controller_->output();
  EXPECT_FALSE(bench_->exists("jdoe"));
  EXPECT_TRUE(comes([&] { return berlin->audit().find("\"refused\"") != std::string::npos; }));
  berlin->stop();
  berlin->allow("");
  berlin->start();
  ASSERT_TRUE(berlin->is_online());
  EXPECT_TRUE(controller_->prints("policy.toml", seconds(60))) << controller_->output();
}

TEST_F(Connectors, AThousandUsersAreThereOnceWhenTheControllerIsKilledInTheMiddle) {
  start_controller();
  const auto berlin = site("berlin");
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  ASSERT_TRUE(comes([&] { return bench_->exists("jdoe"); })) << controller_->output();
  add_users(1000);
  ASSERT_TRUE(comes([&] { return users_there() > 100; })) << controller_->output();
  controller_->signal(SIGKILL);
  controller_->ends();
  const int before = users_there();
  EXPECT_LT(before, 1000) << "it was too fast to show anything";
  start_controller();
  EXPECT_TRUE(comes([&] { return users_there() == 1000; }, seconds(180))) << users_there() << controller_->output();
  // Each was written once: what the agent was asked to add, and did, is as much as is there.
  EXPECT_EQ(added_by(*berlin), 1000);
}

TEST_F(Connectors, AnotherOfTheGroupGoesOnWhereOneIsKilled) {
  bench_->write("second.yaml",
                "apiVersion: plumbline.dev/v1alpha1\nkind: Connector\nmetadata: {name: munich}\nspec: {group: site}\n");
  start_controller();
  const auto berlin = site("berlin"), munich = site("munich");
  berlin->start();
  munich->start();
  ASSERT_TRUE(berlin->is_online() && munich->is_online()) << berlin->agent().output() << munich->agent().output();
  ASSERT_TRUE(comes([&] { return bench_->exists("jdoe"); })) << controller_->output();
  add_users(600);
  ASSERT_TRUE(comes([&] { return users_there() > 50; })) << controller_->output();
  const bool by_berlin = berlin->audit().find("CN=Many ") != std::string::npos;
  (by_berlin ? berlin : munich)->stop(SIGKILL);
  EXPECT_LT(users_there(), 600) << "it was too fast to show anything";
  EXPECT_TRUE(comes([&] { return users_there() == 600; }, seconds(180))) << users_there() << controller_->output();
  EXPECT_THAT((by_berlin ? munich : berlin)->audit(), HasSubstr("CN=Many "));
}

TEST_F(Connectors, AHalfOpenLinkIsNoticedByBothAndGoesOnAfterwards) {
  TcpProxy way("127.0.0.1", port_);
  start_controller();
  const auto berlin = site("berlin", way.port());
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  way.black_hole();
  EXPECT_TRUE(controller_->prints("connector.offline", seconds(45))) << controller_->output();
  EXPECT_TRUE(berlin->agent().prints("link.ended", seconds(45))) << berlin->agent().output();
  way.heal();
  EXPECT_TRUE(berlin->is_online(seconds(90))) << berlin->agent().output();
}

TEST_F(Connectors, AnAgentTellsOfItsLogAndOfWhatItReaches) {
  start_controller();
  const auto berlin = site("berlin");
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  const std::string zip = (bench_->folder() / "berlin.zip").string();
  const Ran logs = bench_->plumbline({"connector", "logs", "berlin", "--to", zip});
  ASSERT_EQ(logs.status, 0) << logs.output;
  EXPECT_THAT(logs.output, HasSubstr("connector.log"));
  EXPECT_THAT(logs.output, HasSubstr("doctor.json"));
  EXPECT_THAT(logs.output, HasSubstr("config.txt"));
  EXPECT_EQ(content(zip).substr(0, 2), "PK");
  EXPECT_THAT(content(zip), Not(HasSubstr(tokens_.at(0))));
  const Ran test = bench_->plumbline({"connector", "test", "berlin"});
  EXPECT_EQ(test.status, 0) << test.output;
  EXPECT_THAT(test.output, HasSubstr(samba_->url));

  // Its level is changed until the line that tells of it is seen: following begins when the question has come.
  Background follow(bench_->command({"connector", "logs", "-f", "berlin"}), bench_->environment());
  const std::string manifest =
      "apiVersion: plumbline.dev/v1alpha1\nkind: Connector\nmetadata: {name: berlin}\nspec: {group: site, ";
  bool seen = false;
  for (int i = 0; i < 20 && !seen; ++i) {
    bench_->write("connector.yaml", manifest + (i % 2 == 0 ? "logLevel: debug}\n" : "logLevel: info}\n"));
    seen = follow.prints("log.level", seconds(3));
  }
  EXPECT_TRUE(seen) << follow.output();
  bench_->write("connector.yaml", manifest + "archived: true}\n");
  EXPECT_TRUE(berlin->agent().prints("Archived", seconds(30))) << berlin->agent().output();
  const Ran list = bench_->plumbline({"connector", "list", "--archived"});
  EXPECT_THAT(list.output, HasSubstr("Archived"));
  const Ran away = bench_->plumbline({"connector", "test", "berlin"});
  EXPECT_EQ(away.status, 1) << away.output;
  for (const char* done :
       {"connector.token-created", "connector.enrolled", "connector.log-requested", "connector.tested"})
    EXPECT_THAT(bench_->plumbline({"audit", "list"}).output, HasSubstr(done));
}

TEST_F(Connectors, PeopleSignInWithThePasswordOfADomainBehindAConnector) {
  PLUMB_NEEDS("curl");
  std::string directory = content(kExample / "directory.yaml");
  directory.insert(directory.find("  baseDNs:"), "  signIn: {enabled: true}\n");
  bench_->write("directory.yaml", directory);
  start_controller();
  const auto berlin = site("berlin");
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  const std::string password = bench_->environment().at("PLUMBLINE_BIND_PASSWORD");
  const auto login = [&](const std::string& given) {
    const std::string body =
        file("login.json", fmt::format(R"({{"username":"svc-plumbline","password":"{}"}})", given));
    return run_to_end({"curl", "-s", "--cacert", file("ca.pem", authority_.pem), "-H", "Content-Type: application/json",
                       "--data", "@" + body, url() + "/api/v1/login"},
                      {})
        .output;
  };
  EXPECT_THAT(login("wrong-" + password), Not(HasSubstr("plb_")));
  EXPECT_THAT(login(password), HasSubstr("plb_")) << controller_->output();
  EXPECT_THAT(berlin->audit(), HasSubstr("\"operation\":\"sign_in\""));
  EXPECT_THAT(berlin->audit(), HasSubstr("wrong_password"));
  EXPECT_THAT(berlin->audit() + berlin->agent().output() + controller_->output(), Not(HasSubstr(password)));
}

TEST_F(Connectors, WhatIsRevokedIsCutOffWithinFiveSeconds) {
  start_controller();
  const auto berlin = site("berlin");
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  const auto revoked = bench_->plumbline({"connector", "revoke", "berlin"});
  ASSERT_EQ(revoked.status, 0) << revoked.output;
  EXPECT_TRUE(berlin->agent().prints("Revoked", seconds(5))) << berlin->agent().output();
  EXPECT_TRUE(controller_->prints("security.connector.refused", seconds(20))) << controller_->output();
  EXPECT_THAT(bench_->plumbline({"audit", "list", "-o", "json"}).output, HasSubstr("\"security\": true"));
  EXPECT_THAT(bench_->plumbline({"audit", "list"}).output, HasSubstr("Connector/default/berlin SECURITY"));
  // A new token, and nothing has to be installed again.
  berlin->token(token_for("berlin"));
  EXPECT_TRUE(berlin->is_online(seconds(20))) << berlin->agent().output();
}

TEST_F(Connectors, CommandsBesideTheControllerWorkThroughItsConnectors) {
  start_controller();
  const auto berlin = site("berlin");
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  ASSERT_TRUE(comes([&] { return bench_->value("jdoe", "title") != ""; })) << controller_->output();
  // The controller may still be at work.
  Ran plan;
  EXPECT_TRUE(comes([&] {
    plan = bench_->plumbline({"plan", "--detailed-exitcode"});
    return plan.status == 0;
  })) << plan.output;
  struct stat found {};
  ASSERT_EQ(::lstat((bench_->state() / "hub.sock").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);

  bench_->ldif(
      "dn: CN=Old Hand,OU=People,OU=Corp,DC=ad,DC=test\nchangetype: add\nobjectClass: user\nsAMAccountName: ohand\n"
      "displayName: Old Hand\n");
  const fs::path imported = bench_->folder() / "imported";
  const Ran import = bench_->plumbline(
      {"import", "--from", "OU=People,OU=Corp,DC=ad,DC=test", "--to", imported.string(), "--kind", "users"});
  EXPECT_EQ(import.status, 0) << import.output;
  EXPECT_THAT(content(imported / "adusers/ohand.yaml"), HasSubstr("displayName: Old Hand"));

  const Ran blame = bench_->plumbline({"blame", "aduser/jdoe"});
  EXPECT_EQ(blame.status, 0) << blame.output;
  EXPECT_THAT(blame.output, HasSubstr("last changed in AD"));

  // Without an agent, and without a controller, the reason is said.
  berlin->stop();
  Ran away;
  EXPECT_TRUE(comes([&] {  // the controller hears of it a moment later
    away = bench_->plumbline({"plan"});
    return away.output.find("no connector of group \"default/site\" is online (berlin is offline") != std::string::npos;
  })) << away.output;
  EXPECT_EQ(away.status, 1) << away.output;
  controller_->signal(SIGTERM);
  EXPECT_EQ(controller_->ends(), 0) << controller_->output();
  EXPECT_FALSE(fs::exists(bench_->state() / "hub.sock"));
  const Ran alone = bench_->plumbline({"plan"});
  EXPECT_EQ(alone.status, 1) << alone.output;
  EXPECT_THAT(alone.output, HasSubstr("connectors dial in to `plumbline run --api`, and none is running on the state"));
}

TEST_F(Connectors, ADirectoryIsTriedThroughOneOfThem) {
  start_controller();
  const auto berlin = site("berlin");
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  ASSERT_TRUE(comes([&] { return bench_->value("jdoe", "title") != ""; })) << controller_->output();
  const Ran tried =
      bench_->plumbline({"test-directory", "--through", "berlin", "--scratch-ou", "OU=People,OU=Corp,DC=ad,DC=test"});
  EXPECT_EQ(tried.status, 0) << tried.output;
  for (const char* step : {"bind", "create", "password", "enable", "disable", "remove", "compare"})
    EXPECT_THAT(tried.output, testing::ContainsRegex(fmt::format("pass +{} ", step)));
  EXPECT_THAT(berlin->audit(), HasSubstr("plumb-test-"));
  EXPECT_THAT(bench_->search("(sAMAccountName=plumb-test-*)", {"dn"}), Not(HasSubstr("plumb-test-")));
  const Ran other = bench_->plumbline({"test-directory", "--through", "oslo"});
  EXPECT_EQ(other.status, 1) << other.output;
}

// FEATURES T6: everything that the commands do can be done from elsewhere.
TEST_F(Connectors, TheApiDoesWhatTheCommandsDo) {
  PLUMB_NEEDS("curl");
  start_controller();
  const Ran made = bench_->plumbline({"token", "create", "desk", "--admin"});
  const std::string token = made.output.substr(made.output.find("plb_"));
  file("auth", "Authorization: Bearer " + token.substr(0, token.find('\n')) + "\n");
  file("ca.pem", authority_.pem);
  const auto curl = [&](const std::string& method, const std::string& path, const std::string& body = "") {
    std::vector<std::string> command = {"curl",     "-sN",
                                        "-X",       method,
                                        "--cacert", bench_->folder() / "ca.pem",
                                        "-H",       "@" + (bench_->folder() / "auth").string()};
    if (!body.empty()) command.insert(command.end(), {"-H", "Content-Type: application/json", "--data", body});
    command.push_back(url() + path);
    return command;
  };
  const auto call = [&](const std::string& method, const std::string& path, const std::string& body = "") {
    return run_to_end(curl(method, path, body), {}).output;
  };
  const std::string berlin_path = "/api/v1/namespaces/default/connectors/berlin";
  ASSERT_TRUE(comes([&] { return call("GET", "/api/v1/connectors").find("\"berlin\"") != std::string::npos; }));
  EXPECT_THAT(call("GET", "/api/v1/connectors?status=pending&search=BERL"), HasSubstr("\"total\":1"));

  ConnectorSite berlin(url(), authority_.pem);
  berlin.allow(*samba_);
  berlin.secret("ad-password", bench_->environment().at("PLUMBLINE_BIND_PASSWORD"));
  const std::string created = call("POST", berlin_path + "/token");
  const auto at = created.find("plc_");
  ASSERT_NE(at, std::string::npos) << created;
  berlin.token(created.substr(at, created.find('"', at) - at));
  berlin.start();
  ASSERT_TRUE(berlin.is_online()) << berlin.agent().output();
  EXPECT_THAT(call("GET", berlin_path), HasSubstr("\"status\":\"Online\""));
  EXPECT_THAT(call("GET", "/metrics"), HasSubstr("plumbline_connector_up{namespace=\"default\",name=\"berlin\"} 1"));
  EXPECT_THAT(call("POST", berlin_path + "/test"), HasSubstr(samba_->url));
  EXPECT_EQ(call("GET", berlin_path + "/logs").substr(0, 2), "PK");

  Background follow(curl("GET", berlin_path + "/logs?follow=true&level=info"), {});
  const std::string manifest =
      "apiVersion: plumbline.dev/v1alpha1\nkind: Connector\nmetadata: {name: berlin}\nspec: {group: site, ";
  bool seen = false;
  for (int i = 0; i < 20 && !seen; ++i) {
    bench_->write("connector.yaml", manifest + (i % 2 == 0 ? "logLevel: debug}\n" : "logLevel: info}\n"));
    seen = follow.prints("log.level", seconds(3));
  }
  EXPECT_TRUE(seen) << follow.output();

  EXPECT_THAT(call("POST", "/api/v1/connectors/archive", R"({"connectors": ["default/berlin", "default/nobody"]})"),
              HasSubstr("\"failed\":1"));
  EXPECT_TRUE(berlin.agent().prints("Archived", seconds(30))) << berlin.agent().output();
  EXPECT_THAT(call("GET", "/api/v1/connectors"), Not(HasSubstr("\"name\":\"berlin\"")));
  berlin.stop();
  EXPECT_THAT(call("POST", "/api/v1/connectors/restore", R"({"connectors": ["default/berlin"]})"),
              HasSubstr("\"failed\":0"));

  const std::string requested = call("POST", berlin_path + "/log-requests");
  ASSERT_THAT(requested, HasSubstr("Pending"));
  const std::string id = requested.substr(requested.find("\"id\":\"") + 6, 16);
  EXPECT_THAT(call("GET", berlin_path + "/log-requests/" + id), HasSubstr("was not online since"));
  berlin.start();
  EXPECT_TRUE(comes([&] { return call("GET", berlin_path + "/log-requests/" + id).starts_with("PK"); }, seconds(90)))
      << call("GET", berlin_path + "/log-requests");

  EXPECT_THAT(call("DELETE", berlin_path), HasSubstr("is connected"));
  EXPECT_THAT(call("DELETE", berlin_path + "?force=true"), HasSubstr("\"done\":true"));
  EXPECT_TRUE(berlin.agent().prints("Revoked", seconds(10))) << berlin.agent().output();
  const std::string audit = bench_->plumbline({"audit", "list"}).output;
  for (const char* done : {"connector.token-created", "connector.tested", "connector.log-followed",
                           "connector.archived", "connector.restored", "connector.log-fetched", "connector.deleted"})
    EXPECT_THAT(audit, HasSubstr(done));
  EXPECT_THAT(audit, HasSubstr("ServiceAccount/desk"));
}

}  // namespace
}  // namespace plumb::test
