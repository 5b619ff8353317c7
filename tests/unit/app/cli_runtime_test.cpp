// The commands of the integration runtime as they are typed: what they print, their exit codes, and errors that name
// what to do.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/base/text.h"
#include "controller/model/value.h"
#include "tests/support/http_peer.h"
#include "tests/support/large_document.h"
#include "tests/unit/app/said.h"

namespace plumb::app {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPets = R"(openapi: 3.0.3
info: {title: Pets, version: '1'}
servers: [{url: 'https://pets.example/v1'}]
components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}
security: [{key: []}]
paths:
  /pets:
    get:
      operationId: listPets
      summary: All of them
      parameters: [{name: limit, in: query, schema: {type: integer, maximum: 10}}]
      responses: {'200': {description: ok}}
    post:
      operationId: addPet
      requestBody: {content: {application/json: {schema: {type: object, required: [name]}}}}
      responses: {'201': {description: made}}
  /broken: {get: {operationId: getBroken, responses: {'200': {description: ok}}}}
)";

// The program in a folder of its own, with an integration "pets" of a server of the test.
class RuntimeCommands : public testing::Test {
 protected:
  RuntimeCommands() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "tree/apis");
    for (const char* name : {"PLUMBLINE_MANIFESTS", "PLUMBLINE_SOURCE", "PLUMBLINE_STATE"}) ::unsetenv(name);
    ::setenv("PETS_KEY", "canary-key", 1);
    write("apis/pets.yaml", kPets);
    write("model.yaml", manifest("IntegrationModel", "pets", "{document: {file: apis/pets.yaml}}"));
    write("key.yaml", manifest("Credential", "pets", "{type: apiKey, apiKey: {valueFrom: {env: PETS_KEY}}}"));
    write("pets.yaml",
          manifest("Integration", "pets",
                   fmt::format("{{modelRef: {{name: pets}}, server: {{protocol: http, host: 127.0.0.1, port: "
                               "{}, basePath: /v1}}, authentication: {{schemeName: key, credentialRef: "
                               "{{name: pets}}}}, limits: {{maxAttempts: 1}}}}",
                               server_.port())));
  }
  ~RuntimeCommands() override {
    std::filesystem::remove_all(folder_);
    ::unsetenv("PETS_KEY");
  }

  static std::string manifest(const std::string& kind, const std::string& name, const std::string& spec) {
    return "---\napiVersion: plumbline.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name +
           "}\nspec: " + spec + "\n";
  }
  void write(const std::string& file, const std::string& text) const { std::ofstream(folder_ / "tree" / file) << text; }
  Said say(std::vector<std::string> arguments) const {
    for (const std::string& each :
         {std::string("-f"), (folder_ / "tree").string(), std::string("--state"), (folder_ / "state").string(),
          std::string("--allow-egress"), std::string("127.0.0.0/8"), std::string("--no-default-policies")})
      arguments.push_back(each);
    return app::say(std::move(arguments));
  }
  void apply() const {
    const Said said = say({"apply", "--yes"});
    ASSERT_EQ(said.status, 0) << said.out << said.err;
  }
  static Value json(const std::string& text) {
    boost::system::error_code error;
    Value value = boost::json::parse(text, error);
    EXPECT_FALSE(error) << text;
    return value;
  }

  test::HttpPeer server_{[](test::HttpPeer::Connection& client) {
    for (std::string request = client.request(); !request.empty(); request = client.request()) {
      const bool known = request.find("canary-key") != std::string::npos;
      if (!known) {
        client.answer(R"({"error": "who?"})", "Content-Type: application/json\r\n", "401 Unauthorized");
      } else if (request.starts_with("GET /v1/pets")) {
        client.answer(R"({"pets": ["rex"]})", "Content-Type: application/json\r\n");
      } else if (request.starts_with("POST /v1/pets")) {
        client.answer(request.substr(request.find("\r\n\r\n") + 4), "Content-Type: application/json\r\n",
                      "201 Created");
      } else if (request.starts_with("HEAD ")) {
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      } else {
        client.answer("broken", "", "500 Internal Server Error");
      }
    }
  }};
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("plumbline-runtime-cli-" + std::to_string(::getpid()));
};

TEST_F(RuntimeCommands, ValidateRefusesASecretInAdvancedWithoutShowingIt) {
  write("two.yaml", manifest("Integration", "two",
                             "{modelRef: {name: pets}, advanced: {proxyOverride: {authentication: {password: "
                             "canary-word}}}}"));
  const Said said = say({"validate"});
  EXPECT_NE(said.status, 0);
  EXPECT_THAT(said.out + said.err, HasSubstr("/spec/advanced/proxyOverride/authentication/password"));
  EXPECT_THAT(said.out + said.err, Not(HasSubstr("canary-word")));
}

TEST_F(RuntimeCommands, NothingIsCalledBeforeItIsApplied) {
  for (const std::vector<std::string>& command : {std::vector<std::string>{"invoke", "pets", "listPets"},
                                                  {"test-connection", "pets"},
                                                  {"roles"},
                                                  {"token", "list"},
                                                  {"integration", "operations", "pets"}}) {
    const Said said = say(command);
    EXPECT_EQ(said.status, 1) << command.front();
    EXPECT_EQ(said.out, "") << command.front();
    EXPECT_THAT(said.err, AllOf(HasSubstr("there is no state in"), HasSubstr("--state")));
  }
}

TEST_F(RuntimeCommands, OperationsShowsWhatCanBeCalled) {
  apply();
  const Said text = say({"integration", "operations", "pets"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, ContainsRegex("OPERATION +METHOD +PATH +SUMMARY"));
  EXPECT_THAT(text.out, ContainsRegex("listPets +GET +/pets +All of them"));
  const Value all = json(say({"integration", "operations", "pets", "-o", "json"}).out);
  ASSERT_EQ(all.as_array().size(), 3U);
  EXPECT_EQ(text_at(all, "/0/operationId"), "addPet");
  EXPECT_EQ(int_at(all, "/2/arguments/properties/parameters/properties/limit/maximum"), 10) << serialize(all);

  const Said unknown = say({"integration", "operations", "pet"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.err,
              HasSubstr("no Integration \"pet\" was applied in namespace \"default\" (did you mean \"pets\"?)"));
}

TEST_F(RuntimeCommands, InvokePrintsTheAnswerAndItsExitCodeSaysWhetherItWasGood) {
  apply();
  const Said good = say({"invoke", "pets", "listPets", "-p", "limit=3", "-o", "json"});
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_EQ(text_at(json(good.out), "/body/pets/0"), "rex");
  EXPECT_THAT(text_at(json(good.out), "/url").value_or(""), HasSubstr("/v1/pets?limit=3"));
  EXPECT_THAT(say({"invoke", "pets", "listPets"}).out, HasSubstr("\"ok\": true"));

  const Said failing = say({"invoke", "pets", "getBroken"});
  EXPECT_EQ(failing.status, 1);
  EXPECT_THAT(failing.out, HasSubstr("\"status\": 500"));

  std::ofstream(folder_ / "pet.json") << R"({"name": "max"})";
  for (const std::string& body : {std::string(R"({"name": "max"})"), "@" + (folder_ / "pet.json").string()}) {
    const Said made = say({"invoke", "pets", "addPet", "--body", body, "-o", "json"});
    EXPECT_EQ(made.status, 0) << made.out << made.err;
    EXPECT_EQ(text_at(json(made.out), "/body/name"), "max");
  }
  EXPECT_THAT(say({"audit", "list"}).out, HasSubstr("invoked addPet (POST): 201"));
}

TEST_F(RuntimeCommands, InvokeSaysWhatIsWrongWithWhatWasTyped) {
  apply();
  const auto error = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"invoke", "pets"});
    const Said said = say(arguments);
    EXPECT_EQ(said.status, 1) << arguments.back();
    EXPECT_EQ(said.out, "") << arguments.back();
    return said.err;
  };
  EXPECT_THAT(error({"listPet"}), HasSubstr("Pets:1 has no operation \"listPet\" (did you mean \"listPets\"?)"));
  EXPECT_THAT(error({"listPets", "-p", "limit"}), HasSubstr("--param limit: expected NAME=VALUE"));
  EXPECT_THAT(error({"listPets", "-p", "limit=1", "-p", "limit=2"}), HasSubstr("is there twice; a list is JSON"));
  EXPECT_THAT(error({"listPets", "-p", "limit=11", "-p", "limt=1"}),
              AllOf(HasSubstr("/parameters/limit: 11 must be at most 10"), HasSubstr("did you mean \"limit\"")));
  EXPECT_THAT(error({"addPet", "--body", "max"}), HasSubstr("--body: is not JSON"));
  EXPECT_THAT(error({"addPet", "--body", "@/nowhere"}), HasSubstr("--body @/nowhere: the file cannot be read"));
  EXPECT_THAT(error({"addPet", "--body", "{}"}), HasSubstr("name"));
  EXPECT_THAT(error({"listPets", "-o", "yaml"}), HasSubstr("-o yaml: this command knows text, json"));
  EXPECT_TRUE(server_.seen().empty());
  ::unsetenv("PETS_KEY");
  EXPECT_THAT(error({"listPets"}), HasSubstr("PETS_KEY"));
}

TEST_F(RuntimeCommands, TestConnectionTellsAnAnswerFromARefusal) {
  apply();
  const Said good = say({"test-connection", "pets"});
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_THAT(good.out,
              AllOf(HasSubstr("Integration/default/pets: Answered"), HasSubstr("-> 200"), HasSubstr("total ")));
  ::setenv("PETS_KEY", "another", 1);
  const Said refused = say({"test-connection", "pets", "-o", "json"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(text_at(json(refused.out), "/reason"), "Unauthorized");
  EXPECT_EQ(bool_at(json(refused.out), "/ok"), false);
  EXPECT_EQ(say({"test-connection", "nothing"}).status, 1);
}

TEST_F(RuntimeCommands, CreatePrintsManifestsThatAreValid) {
  const Said made = say({"integration", "create", "--from-model", "pets", "berlin"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, AllOf(HasSubstr("host: pets.example"), HasSubstr("schemeName: key"), HasSubstr("basePath: /v1"),
                              HasSubstr("env: PLUMBLINE_API_KEY")));
  EXPECT_EQ(say({"integration", "create", "--from-model", "Pets:1", "berlin"}).out, made.out);
  write("berlin.yaml", made.out);
  const Said valid = say({"validate"});
  EXPECT_EQ(valid.status, 0) << valid.err;
  EXPECT_THAT(valid.out, HasSubstr("5 objects are valid"));

  const Said unknown = say({"integration", "create", "--from-model", "pet", "berlin"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.err,
              AllOf(HasSubstr("there is no usable IntegrationModel \"pet\""), HasSubstr("did you mean \"pets\"?")));
}

TEST_F(RuntimeCommands, ClonePrintsTheManifestOfACopy) {
  const Said made = say({"integration", "clone", "pets", "cats"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, AllOf(HasSubstr("name: cats"), HasSubstr("host: 127.0.0.1"), Not(HasSubstr("canary"))));
  write("cats.yaml", made.out);
  EXPECT_EQ(say({"validate"}).status, 0);
  EXPECT_THAT(say({"integration", "clone", "pets", "cats"}).err, HasSubstr("there is an Integration \"cats\" already"));
  EXPECT_THAT(say({"integration", "clone", "dogs", "wolves"}).err, HasSubstr("there is no Integration \"dogs\""));
}

TEST_F(RuntimeCommands, RolesAreThoseOfTheModels) {
  apply();
  const Said text = say({"roles"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, ContainsRegex("default +Pets:1 +admin +3"));
  EXPECT_THAT(text.out, ContainsRegex("default +Pets:1 +get +2"));
  EXPECT_THAT(text.out, ContainsRegex("default +Pets:1 +post +1"));
  EXPECT_THAT(say({"roles", "--source", "Dogs:1"}).out, Not(HasSubstr("Pets")));
  const Value all = json(say({"roles", "-o", "json", "--source", "Pets:1"}).out);
  ASSERT_EQ(all.as_array().size(), 3U);
  EXPECT_EQ(text_at(all, "/0/allowedMethods/0/provenance"), "Pets:1");
}

TEST_F(RuntimeCommands, ATokenIsShownOnceListedAndRevoked) {
  apply();
  const Said made = say({"token", "create", "dashboard", "--expires", "30d", "--description", "wall display"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, testing::StartsWith("plb_"));
  EXPECT_THAT(made.err, HasSubstr("it is shown this once"));
  const std::string token = made.out.substr(0, made.out.size() - 1);

  const Said listed = say({"token", "list"});
  EXPECT_THAT(listed.out, ContainsRegex("dashboard +no .*wall display"));
  EXPECT_THAT(listed.out, Not(HasSubstr(token)));
  const Value all = json(say({"token", "list", "-o", "json"}).out);
  ASSERT_EQ(all.as_array().size(), 1U);
  const std::string id = text_at(all, "/0/id").value_or("");

  const Said revoked = say({"token", "revoke", id});
  EXPECT_EQ(revoked.out, "revoked " + id + "\n");
  EXPECT_EQ(json(say({"token", "list", "-o", "json"}).out).as_array().size(), 0U);
  EXPECT_EQ(say({"token", "revoke", id}).status, 1);
  EXPECT_EQ(say({"token", "create", "dashboard", "--expires", "366d"}).status, 1);
  EXPECT_THAT(say({"audit", "list"}).out, AllOf(HasSubstr("token.created"), HasSubstr("token.revoked")));
}

// ---- As a Platform has it

TEST_F(RuntimeCommands, ExportIsTheJsonOfAPlatformWithoutSecrets) {
  const Said made = say({"integration", "export", "pets"});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_EQ(json(made.out), json(fmt::format(
                                R"({{"name": "pets", "model": "@itential/adapter_Pets:1", "type": "Adapter",
      "properties": {{"id": "pets", "type": "Pets:1", "brokers": [], "groups": [], "properties": {{
        "authentication": {{"key": {{"value": ""}}}},
        "server": {{"protocol": "http", "host": "127.0.0.1", "base_path": "/v1", "port": {}}},
        "tls": {{"enabled": false, "rejectUnauthorized": true}}, "version": "1"}}}}, "virtual": true}})",
                                server_.port())));
  EXPECT_THAT(made.err, HasSubstr("authentication.key.value is empty"));
  EXPECT_THAT(made.out + made.err, Not(HasSubstr("canary")));
  EXPECT_EQ(json(say({"integration", "export", "pets", "-o", "json"}).out), json(made.out));
}

TEST_F(RuntimeCommands, ExportToAnOlderPlatformLeavesOutWhatItDoesNotKnow) {
  write("pets.yaml", manifest("Integration", "pets",
                              "{modelRef: {name: pets}, timeoutMs: 5000, enabled: false, "
                              "clusterOverride: {enabled: true, clusterId: edge}}"));
  const Said now = say({"integration", "export", "pets"});
  EXPECT_THAT(now.out, AllOf(HasSubstr("clusterOverride"), HasSubstr("5000")));
  EXPECT_THAT(now.err, HasSubstr("/spec/enabled has no counterpart"));
  const Said old = say({"integration", "export", "pets", "--platform", "6.3"});
  EXPECT_EQ(old.status, 0) << old.err;
  EXPECT_THAT(old.out, AllOf(Not(HasSubstr("clusterOverride")), Not(HasSubstr("5000"))));
  EXPECT_THAT(old.err, HasSubstr("are left out: a Platform knows them from 6.4 on, and this is 6.3"));
  EXPECT_THAT(say({"integration", "export", "pets", "--platform", "new"}).err, HasSubstr("write for example 6.5"));
}

TEST_F(RuntimeCommands, AnExportComesBackAsManifestsThatAreTheSame) {
  const Said there = say({"integration", "export", "pets"});
  std::ofstream(folder_ / "pets.json") << there.out;
  const Said back = say({"integration", "export", "--from", (folder_ / "pets.json").string(), "again"});
  EXPECT_EQ(back.status, 0) << back.err;
  EXPECT_THAT(back.out, AllOf(HasSubstr("modelRef:\n    name: pets"), HasSubstr("env: PLUMBLINE_PETS_VALUE")));
  EXPECT_THAT(back.err, HasSubstr("PLUMBLINE_PETS_VALUE"));
  write("again.yaml", back.out);
  const Said valid = say({"validate"});
  EXPECT_EQ(valid.status, 0) << valid.err;
  std::string again = say({"integration", "export", "again"}).out;
  for (std::size_t at = again.find("\"again\""); at != std::string::npos; at = again.find("\"again\""))
    again.replace(at, 7, "\"pets\"");
  EXPECT_EQ(json(again), json(there.out));
}

TEST_F(RuntimeCommands, ExportSaysWhatItCannotRead) {
  EXPECT_THAT(say({"integration", "export"}).err, HasSubstr("integration export NAME"));
  EXPECT_THAT(say({"integration", "export", "pet"}).err, HasSubstr("(did you mean \"pets\"?)"));
  EXPECT_THAT(say({"integration", "export", "--from", "/nowhere"}).err,
              HasSubstr("--from /nowhere: the file cannot be read"));
  std::ofstream(folder_ / "a.json") << "{";
  EXPECT_THAT(say({"integration", "export", "--from", (folder_ / "a.json").string()}).err, HasSubstr("is not JSON"));
  std::ofstream(folder_ / "a.json") << R"({"name": "a"})";
  EXPECT_THAT(say({"integration", "export", "--from", (folder_ / "a.json").string()}).err,
              HasSubstr("not an integration"));
  std::ofstream(folder_ / "a.json") << R"({"data": {"name": "Dog House", "properties": {"type": "Dogs:2", "properties":
      {"server": {"host": "dogs.example"}}}}})";
  const Said unknown = say({"integration", "export", "--from", (folder_ / "a.json").string()});
  EXPECT_EQ(unknown.status, 0);
  EXPECT_THAT(unknown.out, AllOf(HasSubstr("name: dog-house"), HasSubstr("host: dogs.example")));
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("no IntegrationModel of \"Dogs:2\""), HasSubstr("becomes \"dog-house\"")));
}

// ---- Large documents

TEST_F(RuntimeCommands, ADocumentOf15MegabytesIsValidated) {
  write("apis/large.json", test::large_document(15'000'000).json);
  write("large.yaml", manifest("IntegrationModel", "large", "{document: {file: apis/large.json}}"));
  write("things.yaml",
        manifest("Integration", "things", "{modelRef: {name: large}, probe: {mode: Operation, operationId: getThin}}"));
  const Said said = say({"validate"});
  EXPECT_EQ(said.status, 1);
  EXPECT_THAT(said.err, HasSubstr("the model Large:1 has no operation \"getThin\""));  // all others were read
  EXPECT_EQ(std::ranges::count(said.err, '\n'), 1) << said.err;
}

TEST_F(RuntimeCommands, ADocumentOf5MegabytesIsAppliedAndShown) {
  const auto large = test::large_document(5'000'000);
  write("apis/large.json", large.json);
  write("large.yaml", manifest("IntegrationModel", "large", "{document: {file: apis/large.json}}"));
  write("things.yaml", manifest("Integration", "things", "{modelRef: {name: large}}"));
  apply();
  const Said operations = say({"integration", "operations", "things"});
  EXPECT_EQ(operations.status, 0) << operations.err;
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(operations.out, '\n')), large.operations + 1);
}

}  // namespace
}  // namespace plumb::app
