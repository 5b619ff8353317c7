#include "controller/openapi/model.h"

#include <chrono>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "controller/manifest/yaml.h"
#include "tests/unit/openapi/documents.h"

namespace plumb::openapi {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::SizeIs;

TEST(Model, IsNamedByTitleAndVersion) {
  const Model model = model_of(document(R"("/a": {"get": {"operationId": "a"}})"));
  EXPECT_EQ(model.version_id(), "T:1");
  EXPECT_EQ(model.openapi, "3.0.3");
  EXPECT_THAT(model.operations, ElementsAre(Key("a")));
  EXPECT_THAT(model.servers, SizeIs(1));
  EXPECT_EQ(model.servers[0].url, "/");
}

TEST(Model, HasTheVerbsOfItsOperations) {
  const Model model = model_of(document(
      R"("/a": {"get": {"operationId": "a"}, "post": {"operationId": "b"}}, "/c": {"get": {"operationId": "c"}})"));
  EXPECT_THAT(model.verbs(), ElementsAre("get", "post"));
}

// FEATURES A15: the products drop what has no name, or a name that another has.
TEST(Model, MissingAndDoubleOperationIdsAreErrorsAtBothPlaces) {
  const std::string problems =
      problems_of(document(R"("/a": {"get": {}, "put": {"operationId": "x"}}, "/b": {"get": {"operationId": "x"}})"));
  EXPECT_THAT(problems, HasSubstr("/paths/~1a/get: needs an operationId"));
  EXPECT_THAT(problems, HasSubstr("/paths/~1b/get/operationId: \"x\" is the operationId of /paths/~1a/put too"));
}

TEST(Model, PathsAndTheirParametersHaveToAgree) {
  const std::string problems = problems_of(document(
      R"("/a/{id}": {"get": {"operationId": "a", "parameters": [{"name": "other", "in": "path", "required": true}]}})"));
  EXPECT_THAT(problems, HasSubstr("{id} of the path is no parameter of it"));
  EXPECT_THAT(problems, HasSubstr("the path has no {other}"));
}

TEST(Model, AnOperationsParameterGoesBeforeThatOfItsPath) {
  const Model model = model_of(document(R"("/a": {
      "parameters": [{"name": "n", "in": "query", "schema": {"type": "string"}}, {"name": "n", "in": "header"}],
      "get": {"operationId": "a", "parameters": [{"name": "n", "in": "query", "schema": {"type": "integer"}}]}})"));
  const Operation& operation = model.operations.at("a");
  ASSERT_THAT(operation.parameters, SizeIs(2));
  EXPECT_EQ(operation.parameters[0].in, In::header);
  EXPECT_EQ(text_at(operation.parameters[1].schema, "/type"), "integer");
}

TEST(Model, FollowsReferencesToParametersBodiesAndSchemes) {
  const Model model = model_of(document(
      R"("/a": {"post": {"operationId": "a", "parameters": [{"$ref": "#/components/parameters/P"}],
                         "requestBody": {"$ref": "#/components/requestBodies/B"}}})",
      R"("parameters": {"P": {"$ref": "#/components/parameters/Q"}, "Q": {"name": "q", "in": "query"}},
         "requestBodies": {"B": {"required": true, "content": {"text/plain": {}}}},
         "securitySchemes": {"S": {"$ref": "#/components/securitySchemes/R"}, "R": {"type": "http", "scheme": "Basic"}})"));
  EXPECT_EQ(model.operations.at("a").parameters.at(0).name, "q");
  EXPECT_TRUE(model.operations.at("a").body->required);
  EXPECT_EQ(model.scheme("S")->type, SecurityScheme::Type::basic);
}

TEST(Model, ReferencesThatLeadOutOrNowhereOrInACircleAreTold) {
  const std::string problems = problems_of(document(
      R"("/a": {"get": {"operationId": "a", "parameters": [
            {"$ref": "#/components/parameters/A"}, {"$ref": "#/components/parameters/None"},
            {"$ref": "other.yaml#/x"}, {"$ref": "http://169.254.169.254/x"}, {"$ref": "file:///etc/passwd"}]}})",
      R"("parameters": {"A": {"$ref": "#/components/parameters/B"}, "B": {"$ref": "#/components/parameters/A"}},
         "schemas": {"Far": {"properties": {"x": {"$ref": "#/components/schemas/Missing"}}}})"));
  EXPECT_THAT(problems, HasSubstr("lead in a circle"));
  EXPECT_THAT(problems, HasSubstr("\"#/components/parameters/None\" leads to nothing"));
  EXPECT_THAT(problems, HasSubstr("\"other.yaml#/x\" leads out of the document"));
  EXPECT_THAT(problems, HasSubstr("\"http://169.254.169.254/x\" leads out of the document"));
  EXPECT_THAT(problems, HasSubstr("\"file:///etc/passwd\" leads out of the document"));
  EXPECT_THAT(problems, HasSubstr("/components/schemas/Far/properties/x: $ref \"#/components/schemas/Missing\""));
}

TEST(Model, ReferencesInExamplesAreData) {
  EXPECT_EQ(problems_of(document(R"("/a": {"get": {"operationId": "a"}})",
                                 R"("schemas": {"S": {"example": {"$ref": "nowhere"}}})")),
            "");
}

TEST(Model, ReadsEverySchemeInTheOrderOfTheDocument) {
  const Model model = model_of(document(R"("/a": {"get": {"operationId": "a"}})", R"("securitySchemes": {
      "z": {"type": "apiKey", "in": "query", "name": "key"},
      "c": {"type": "apiKey", "in": "cookie", "name": "sid"},
      "aws": {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"},
      "dyn": {"type": "apiKey", "in": "header", "name": "K", "x-itential-dynamic-retrieval":
              {"method": "POST", "url": "https://x.example/k", "responsePointer": "/a/b"},
              "x-itential-parameters": [{"name": "grant", "in": "body", "x-itential-use-in": ["key"]}]},
      "bearer": {"type": "http", "scheme": "bearer"},
      "oauth": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://x.example/t", "scopes": {"a": "A"}},
                                            "authorizationCode": {"authorizationUrl": "https://x.example/a",
                                                                  "tokenUrl": "https://x.example/t"}}},
      "oidc": {"type": "openIdConnect", "openIdConnectUrl": "https://x.example/.well-known/openid-configuration"},
      "mtls": {"type": "mutualTLS"}})",
                                        "3.1.0"));
  std::vector<std::string> names;
  for (const auto& scheme : model.schemes) names.push_back(scheme.name);
  EXPECT_THAT(names, ElementsAre("z", "c", "aws", "dyn", "bearer", "oauth", "oidc", "mtls"));
  EXPECT_EQ(model.scheme("z")->in, In::query);
  EXPECT_EQ(model.scheme("c")->in, In::cookie);
  EXPECT_EQ(model.scheme("aws")->type, SecurityScheme::Type::aws_sigv4);
  EXPECT_EQ(model.scheme("dyn")->retrieval->response_pointer, "/a/b");
  EXPECT_TRUE(model.scheme("dyn")->parameters.at(0).in_body);
  EXPECT_THAT(model.scheme("dyn")->parameters.at(0).use_in, ElementsAre("key"));
  EXPECT_EQ(model.scheme("oauth")->flows.at("clientCredentials").scopes.count("a"), 1u);
  EXPECT_EQ(model.scheme("oidc")->type, SecurityScheme::Type::open_id_connect);
}

TEST(Model, ASchemeThatCannotBeUsedIsAWarning) {
  const auto parsed = parse_model(document(R"("/a": {"get": {"operationId": "a"}})",
                                           R"("securitySchemes": {"d": {"type": "http", "scheme": "digest"}})"));
  ASSERT_THAT(parsed.diagnostics, SizeIs(1));
  EXPECT_EQ(parsed.diagnostics[0].severity, Severity::warning);
  ASSERT_TRUE(parsed.model);
  EXPECT_EQ(parsed.model->schemes[0].type, SecurityScheme::Type::unsupported);
}

// FEATURES C5.
TEST(Model, DynamicRetrievalTakesFiveMethods) {
  for (const std::string method : {"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE"}) {
    const std::string problems =
        problems_of(document(R"("/a": {"get": {"operationId": "a"}})",
                             fmt::format(R"("securitySchemes": {{"d": {{"type": "apiKey", "in": "header", "name": "K",
                       "x-itential-dynamic-retrieval": {{"method": "{}", "url": "https://x.example"}}}}}})",
                                         method)));
    EXPECT_EQ(problems.empty(), method != "DELETE") << problems;
  }
}

TEST(Model, AnOperationsSecurityGoesBeforeTheDocuments) {
  Value doc = document(R"("/a": {"get": {"operationId": "a"}, "put": {"operationId": "b", "security": []},
                                 "post": {"operationId": "c", "security": [{"k": [], "l": []}]}})",
                       R"("securitySchemes": {"k": {"type": "http", "scheme": "basic"}, "l": {"type": "mutualTLS"}})");
  doc.as_object()["security"] = json(R"([{"k": []}])");
  const Model model = model_of(doc);
  EXPECT_THAT(model.operations.at("a").security, ElementsAre(ElementsAre("k")));
  EXPECT_THAT(model.operations.at("b").security, SizeIs(0));
  EXPECT_THAT(model.operations.at("c").security, ElementsAre(ElementsAre("k", "l")));
}

TEST(Model, ServersKeepTheirVariables) {
  Value doc = document(R"("/a": {"get": {"operationId": "a"}})");
  doc.as_object()["servers"] = json(R"([{"url": "https://{region}.x.example/v1",
                                         "variables": {"region": {"default": "eu", "enum": ["eu", "us"]}}}])");
  const Model model = model_of(doc);
  EXPECT_EQ(model.servers[0].variables.at("region").value, "eu");
  EXPECT_THAT(model.servers[0].variables.at("region").allowed, ElementsAre("eu", "us"));

  doc.as_object()["servers"] = json(R"([{"url": "https://{none}.x.example"}])");
  EXPECT_THAT(problems_of(doc), HasSubstr("/servers/0/url: its variable \"none\" is not described"));
}

TEST(Model, ReadsSwagger2) {
  const Model model = model_of(json(R"({"swagger": "2.0", "info": {"title": "S", "version": "2"}, "host": "x.example",
      "basePath": "/v2", "schemes": ["http", "https"], "consumes": ["application/json"],
      "securityDefinitions": {"b": {"type": "basic"}, "o": {"type": "oauth2", "flow": "application", "tokenUrl": "https://x.example/t"}},
      "paths": {"/pets/{id}": {
        "get": {"operationId": "g", "parameters": [{"name": "id", "in": "path", "required": true, "type": "integer"},
                 {"name": "t", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "multi"}]},
        "post": {"operationId": "p", "parameters": [{"name": "id", "in": "path", "required": true, "type": "integer"},
                 {"name": "body", "in": "body", "required": true, "schema": {"$ref": "#/definitions/P"}}]},
        "put": {"operationId": "f", "consumes": ["multipart/form-data"],
                "parameters": [{"name": "id", "in": "path", "required": true, "type": "integer"},
                 {"name": "file", "in": "formData", "type": "file", "required": true},
                 {"name": "note", "in": "formData", "type": "string"}]}}},
      "definitions": {"P": {"type": "object"}}})"));
  EXPECT_EQ(model.servers[0].url, "https://x.example/v2");
  EXPECT_EQ(model.scheme("b")->type, SecurityScheme::Type::basic);
  EXPECT_EQ(model.scheme("o")->flows.at("clientCredentials").token_url, "https://x.example/t");
  EXPECT_EQ(text_at(model.operations.at("g").parameters[0].schema, "/type"), "integer");
  EXPECT_TRUE(model.operations.at("g").parameters[1].explode);
  EXPECT_EQ(model.operations.at("p").body->content.at(0).type, "application/json");
  const Body& form = *model.operations.at("f").body;
  EXPECT_EQ(form.content.at(0).type, "multipart/form-data");
  EXPECT_EQ(text_at(form.content.at(0).schema, "/properties/file/format"), "binary");
}

TEST(Model, OtherVersionsAndOtherThingsAreRefused) {
  EXPECT_THAT(problems_of(json("[]")), HasSubstr("must be a mapping"));
  EXPECT_THAT(problems_of(json(R"({"openapi": "4.0.0"})")), HasSubstr("known version (\"4.0.0\")"));
  EXPECT_THAT(problems_of(json(R"({"openapi": "3.0.0", "info": {"title": "T", "version": 1}})")),
              HasSubstr("/info: needs a version (a text)"));
  EXPECT_THAT(problems_of(json(R"({"swagger": "1.2"})")), HasSubstr("known version"));
}

TEST(Model, AHostileDocumentEndsSoonWithABoundedNumberOfProblems) {
  Value doc = document(R"("/a": {"get": {"operationId": "a"}})");
  Object parameters;
  for (int i = 0; i < 10'000; ++i)
    parameters.emplace(fmt::format("p{}", i),
                       Object{{"$ref", fmt::format("#/components/parameters/p{}", (i + 1) % 10'000)}});
  doc.as_object()["components"] = Object{{"parameters", std::move(parameters)}};
  Array used;
  for (int i = 0; i < 10'000; ++i) used.push_back(Object{{"$ref", fmt::format("#/components/parameters/p{}", i)}});
  doc.as_object()["paths"].as_object()["/a"].as_object()["get"].as_object()["parameters"] = std::move(used);

  const auto parsed = parse_model(doc);

  EXPECT_FALSE(parsed.model);
  EXPECT_LE(parsed.diagnostics.size(), 201u);
}

TEST(Model, ThreeThousandOperationsThatShareASchema) {
  Object paths;
  for (int i = 0; i < 3'000; ++i)
    paths.emplace(fmt::format("/things/{}", i),
                  Object{{"post", Object{{"operationId", fmt::format("op{}", i)},
                                         {"requestBody", json(R"({"content": {"application/json":
                                            {"schema": {"$ref": "#/components/schemas/Thing"}}}})")}}}});
  Value doc = document(
      "",
      R"("schemas": {"Thing": {"type": "object", "properties": {"self": {"$ref": "#/components/schemas/Thing"}}}})");
  doc.as_object()["paths"] = std::move(paths);
  EXPECT_THAT(model_of(doc).operations, SizeIs(3'000));
}

// The documents of the OpenAPI initiative, as they are published. What they have wrong by our rules is listed.
TEST(Model, PublicDocumentsAreRead) {
  const fs::path root = fs::path(PLUMB_SOURCE_DIR) / "../shared/corpora/openapi-examples";
  if (!fs::exists(root)) GTEST_SKIP() << "no corpora beside the checkout (../shared/corpora/openapi-examples)";
  std::size_t read = 0;
  std::vector<std::string> refused;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = fs::relative(entry.path(), root).string();
    if (!entry.is_regular_file() || (entry.path().extension() != ".json" && entry.path().extension() != ".yaml"))
      continue;
    std::ifstream in(entry.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto parsed = manifest::parse_yaml(text, name);
    if (parsed.documents.empty() || !parsed.documents[0].value.is_object()) continue;
    const auto& top = parsed.documents[0].value.get_object();
    if (!top.contains("openapi") && !top.contains("swagger")) continue;
    ++read;
    const auto model = parse_model(parsed.documents[0].value);
    if (model.model) continue;
    for (const auto& each : model.diagnostics)
      if (each.severity == Severity::error) {
        refused.push_back(name + " " + each.path + ": " + each.message);
        break;
      }
  }
  EXPECT_GT(read, 15u);
  for (const std::string& each : refused)
    EXPECT_THAT(each, testing::AnyOf(HasSubstr("needs an operationId"), HasSubstr("leads out of the document"),
                                     HasSubstr("there are no paths")))
        << each;
  EXPECT_LT(refused.size(), read);
}

}  // namespace
}  // namespace plumb::openapi
