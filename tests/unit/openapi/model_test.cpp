#include "tests/unit/openapi/documents.h"

namespace plumb::openapi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kPets = R"(
  "servers": [{"url": "https://{region}.api.example/v1", "variables": {"region": {"default": "eu", "enum": ["eu", "us"]}}}],
  "security": [{"key": []}],
  "paths": {
    "/pets": {
      "parameters": [{"name": "trace", "in": "header", "schema": {"type": "string"}}],
      "get": {"operationId": "listPets", "summary": "List", "tags": ["pets"],
              "parameters": [{"$ref": "#/components/parameters/limit"}], "security": []},
      "post": {"operationId": "createPet", "requestBody": {"$ref": "#/components/requestBodies/Pet"}}
    },
    "/pets/{petId}": {
      "get": {"operationId": "getPet", "deprecated": true,
              "parameters": [{"name": "petId", "in": "path", "required": true, "schema": {"type": "integer"}}],
              "servers": [{"url": "/v2"}], "security": [{}, {"key": [], "basic": []}]}
    }
  },
  "components": {
    "parameters": {"limit": {"name": "limit", "in": "query", "schema": {"type": "integer"}}},
    "requestBodies": {"Pet": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}},
    "schemas": {"Pet": {"type": "object", "properties": {"name": {"type": "string"}, "parent": {"$ref": "#/components/schemas/Pet"}}}},
    "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}, "basic": {"type": "http", "scheme": "Basic"}}
  })";

TEST(Model, SaysWhatADocumentOf30NeedsToBeCalled) {
  const auto model = model_of(document("3.0.3", kPets));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->version_id(), "Pets:1");
  EXPECT_EQ(model->digest.size(), 64u);
  ASSERT_EQ(model->servers.size(), 1u);
  EXPECT_EQ(model->servers[0].url, "https://{region}.api.example/v1");
  EXPECT_EQ(model->servers[0].variables.at("region").value, "eu");
  EXPECT_THAT(model->servers[0].variables.at("region").allowed, ElementsAre("eu", "us"));
  EXPECT_THAT(model->verbs(), ElementsAre("get", "post"));
  ASSERT_EQ(model->operations.size(), 3u);

  const Operation& list = model->operations.at("listPets");
  EXPECT_EQ(list.method, "GET");
  EXPECT_EQ(list.path, "/pets");
  EXPECT_EQ(list.pointer, "/paths/~1pets/get");
  EXPECT_THAT(list.tags, ElementsAre("pets"));
  ASSERT_EQ(list.parameters.size(), 2u);
  EXPECT_EQ(list.parameters[0].name, "trace");
  EXPECT_EQ(list.parameters[1].pointer, "/components/parameters/limit");
  EXPECT_THAT(list.security, IsEmpty());

  const Operation& create = model->operations.at("createPet");
  ASSERT_TRUE(create.body);
  EXPECT_TRUE(create.body->required);
  EXPECT_EQ(create.body->content.at(0).type, "application/json");
  EXPECT_THAT(create.security, ElementsAre(ElementsAre("key")));

  const Operation& get = model->operations.at("getPet");
  EXPECT_TRUE(get.deprecated);
  EXPECT_EQ(get.parameters.at(0).style, Style::simple);
  EXPECT_EQ(get.servers.at(0).url, "/v2");
  EXPECT_THAT(get.security, ElementsAre(IsEmpty(), ElementsAre("key", "basic")));
}

TEST(Model, IsMadeOfEveryVersionThatIsSupported) {
  for (const std::string_view version : {"3.0.0", "3.0.3", "3.0.4", "3.1.0", "3.1.1"}) {
    const Parsed parsed = parse_model(document(version, kPets));
    ASSERT_TRUE(parsed.model) << version << told(parsed.diagnostics);
    EXPECT_THAT(parsed.diagnostics, IsEmpty()) << told(parsed.diagnostics);
    EXPECT_EQ(parsed.model->openapi, version);
  }
  const Parsed next = parse_model(document("3.2.0", kPets));
  ASSERT_TRUE(next.model);
  EXPECT_THAT(told(next.diagnostics), HasSubstr("warning /openapi: OpenAPI 3.2 is read as 3.1"));
}

TEST(Model, RefusesWhatIsNoDocument) {
  EXPECT_THAT(refusal(json("[]")), HasSubstr("no OpenAPI document"));
  EXPECT_THAT(refusal(json(R"({"openapi": 3.0})")), HasSubstr("error /openapi: must be a text"));
  EXPECT_THAT(refusal(document("4.0.0", R"("paths": {})")), HasSubstr("OpenAPI 4.0.0 is not supported"));
  EXPECT_THAT(refusal(json(R"({"swagger": "1.2"})")), HasSubstr("error /swagger"));
  EXPECT_THAT(refusal(json(R"({"openapi": "3.0.0", "info": {"title": "x", "version": 1.0}, "paths": {}})")),
              HasSubstr("error /info/version: must be a text that is not empty; put it in quotes"));
  EXPECT_THAT(refusal(json(R"({"openapi": "3.0.0", "info": {"title": "x", "version": "1"}})")),
              HasSubstr("\"paths\" is missing"));
}

TEST(Model, NeedsAnOperationIdOfItsOwnForEachOperation) {
  const std::string told_of = refusal(document("3.0.3", R"("paths": {
      "/a": {"get": {"operationId": "x"}, "put": {}},
      "/b": {"get": {"operationId": "x"}}})"));
  EXPECT_THAT(told_of, HasSubstr("error /paths/~1a/put: \"operationId\" is missing"));
  EXPECT_THAT(told_of, HasSubstr("error /paths/~1b/get/operationId: \"x\" is also the operationId of /paths/~1a/get"));
}

TEST(Model, HoldsPathTemplatesAndParametersAgainstEachOther) {
  const std::string told_of = refusal(one_operation("/pets/{petId}", R"("parameters": [
      {"name": "petID", "in": "path", "required": true, "schema": {"type": "string"}}])"));
  EXPECT_THAT(told_of, HasSubstr("error /paths/~1pets~1{petId}/get/parameters/0: the path /pets/{petId} has no "
                                 "\"{petID}\" (did you mean \"petId\"?)"));
  EXPECT_THAT(told_of, HasSubstr("error /paths/~1pets~1{petId}/get: no parameter in \"path\" is declared for"));
}

TEST(Model, RefusesPathsThatAreNone) {
  for (const std::string_view path : {"pets", "/a?b=1", "/a#b", "/a/../b", "/.", "/{a", "/a}", "/{}", "/{a/b}"})
    EXPECT_THAT(refusal(one_operation(path, R"("summary": "")")), HasSubstr("error /paths/")) << path;
}

TEST(Model, RefusesParametersThatCannotBeWritten) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"in": "query"})", "a parameter needs a \"name\""},
      {R"({"name": "a"})", "\"in\" is missing"},
      {R"({"name": "a", "in": "querystring"})", "parameters in \"querystring\" are not supported"},
      {R"({"name": "a", "in": "query", "style": "bold"})", "there is no style \"bold\""},
      {R"({"name": "a", "in": "query", "style": "matrix"})",
       "the style matrix is not there for parameters in \"query\""},
      {R"({"name": "a", "in": "header", "style": "form"})", "the style form is not there"},
      {R"({"name": "a", "in": "cookie", "style": "deepObject"})", "the style deepObject is not there"},
      {R"({"name": "a b", "in": "header"})", "no name of a header"},
      {R"({"name": "a", "in": "query", "schema": {}, "content": {"text/plain": {}}})",
       "both \"schema\" and \"content\""},
      {R"({"name": "a", "in": "query", "content": {"a/b": {}, "c/d": {}}})", "exactly one media type"},
      {R"({"name": "a", "in": "query", "content": {"a\r\nX: y": {}}})", "no media type"},
      {R"({"name": "a", "in": "query", "schema": 3})", "a schema must be a mapping"},
  };
  for (const auto& [parameter, message] : cases)
    EXPECT_THAT(refusal(one_operation("/a", fmt::format(R"("parameters": [{}])", parameter))), HasSubstr(message));
  EXPECT_THAT(refusal(one_operation("/a/{p}", R"("parameters": [{"name": "p", "in": "path", "style": "deepObject"}])")),
              HasSubstr("the style deepObject is not there for parameters in \"path\""));
  EXPECT_THAT(
      refusal(one_operation("/a", R"("parameters": [{"name": "p", "in": "query"}, {"name": "p", "in": "query"}])")),
      HasSubstr("the parameter \"p\" is there twice"));
}

TEST(Model, LeavesOutHeadersThatTheProgramSets) {
  for (const std::string_view name :
       {"Host", "content-length", "Transfer-Encoding", "Authorization", "Proxy-Anything"}) {
    const Parsed parsed = parse_model(one_operation(
        "/a", fmt::format(R"("parameters": [{{"name": "{}", "in": "header", "required": true}}])", name)));
    ASSERT_TRUE(parsed.model);
    EXPECT_THAT(parsed.model->operations.at("op").parameters, IsEmpty());
    EXPECT_THAT(told(parsed.diagnostics), HasSubstr("warning /paths/~1a/get/parameters/0: the header"));
  }
}

TEST(Model, FollowsReferencesThroughEscapesAndReplacesThePathItemsParameters) {
  const auto model = model_of(document("3.0.3", R"("paths": {
      "/a": {"$ref": "#/x-items/a~1b%20c"}},
      "x-items": {"a/b c": {
        "parameters": [{"name": "p", "in": "query", "schema": {"type": "string"}}, {"name": "q", "in": "query"}],
        "get": {"operationId": "op", "parameters": [{"name": "p", "in": "query", "schema": {"type": "integer"}}]}}})"));
  ASSERT_TRUE(model);
  const auto& parameters = model->operations.at("op").parameters;
  ASSERT_EQ(parameters.size(), 2u);
  EXPECT_EQ(parameters[0].name, "q");
  EXPECT_EQ(parameters[1].schema, json(R"({"type": "integer"})"));
  EXPECT_EQ(model->operations.at("op").pointer, "/x-items/a~1b c/get");
}

TEST(Model, RefusesReferencesToOtherDocumentsWhereTheyStand) {
  for (const std::string_view reference :
       {"other.yaml", "http://evil.example/x", "file:///etc/passwd", "../a.json#/x", "//x"}) {
    const std::string parameter =
        refusal(one_operation("/a", fmt::format(R"("parameters": [{{"$ref": "{}"}}])", reference)));
    EXPECT_THAT(parameter, HasSubstr(fmt::format(
                               "error /paths/~1a/get/parameters/0: $ref \"{}\" leads to another document", reference)));
    const std::string schema = refusal(one_operation(
        "/a", fmt::format(R"("parameters": [{{"name": "p", "in": "query", "schema": {{"items": {{"$ref": "{}"}}}}}}])",
                          reference)));
    EXPECT_THAT(schema, HasSubstr("error /paths/~1a/get/parameters/0/schema/items: $ref"));
  }
  EXPECT_THAT(refusal(one_operation("/a", R"("parameters": [{"$ref": "#/nowhere"}])")),
              HasSubstr("there is no such place"));
  EXPECT_THAT(refusal(one_operation("/a", R"("parameters": [{"$ref": "#name"}])")), HasSubstr("is no JSON Pointer"));
  EXPECT_THAT(refusal(one_operation("/a", R"("parameters": [{"$ref": "#/a%zz"}])")), HasSubstr("encodes nothing"));
}

TEST(Model, RefusesReferencesInACircle) {
  EXPECT_THAT(refusal(one_operation("/a", R"("parameters": [{"$ref": "#/x-a"}])",
                                    R"("x-a": {"$ref": "#/x-b"}, "x-b": {"$ref": "#/x-a"})")),
              HasSubstr("in a circle"));
  EXPECT_THAT(
      refusal(one_operation("/a", R"("parameters": [{"name": "p", "in": "query", "schema": {"$ref": "#/x-a"}}])",
                            R"("x-a": {"allOf": [{"$ref": "#/x-b"}]}, "x-b": {"$ref": "#/x-a"})")),
      HasSubstr("this schema refers to itself without a step into the value"));
}

TEST(Model, WarnsOfKeywordsWithoutAMeaning) {
  const Parsed parsed = parse_model(one_operation("/a", R"("parameters": [{"name": "p", "in": "query", "schema":
      {"type": "strin", "minLength": "3", "multipleOf": 0, "required": true, "enum": []}}])"));
  ASSERT_TRUE(parsed.model);
  for (const std::string_view key : {"type", "minLength", "multipleOf", "required", "enum"})
    EXPECT_THAT(told(parsed.diagnostics), HasSubstr(fmt::format("/schema/{}: {} has no value", key, key)));
}

TEST(Model, RefusesWhatIsNewIn32WhereItIsUsed) {
  EXPECT_THAT(refusal(document("3.2.0", R"("paths": {"/a": {"query": {"operationId": "q"}}})")),
              HasSubstr("error /paths/~1a/query"));
}

TEST(Model, NeedsADefaultForEachVariableOfAServer) {
  const std::string told_of = refusal(document("3.0.3", R"("paths": {}, "servers": [
      {"url": "https://{a}.x/{b", "variables": {"a": {"enum": ["1"]}}}, {}])"));
  EXPECT_THAT(told_of, HasSubstr("error /servers/0/variables/a: a server variable needs a \"default\""));
  EXPECT_THAT(told_of, HasSubstr("error /servers/0/url"));
  EXPECT_THAT(told_of, HasSubstr("error /servers/1: a server needs a \"url\""));
}

TEST(Model, ReadsEveryKindOfSecurityScheme) {
  const Parsed parsed = parse_model(document("3.1.0", R"("components": {"securitySchemes": {
      "z": {"type": "apiKey", "in": "cookie", "name": "sid"},
      "aws": {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"},
      "bearer": {"type": "http", "scheme": "bearer"},
      "oauth": {"type": "oauth2", "flows": {
         "clientCredentials": {"tokenUrl": "https://t/token", "refreshUrl": "https://t/r", "scopes": {"a": "A"}},
         "authorizationCode": {"tokenUrl": "https://t/token", "authorizationUrl": "https://t/auth", "scopes": {}}},
         "x-itential-parameters": [{"name": "audience", "in": "query", "x-itential-use-in": ["token", "refresh"],
                                    "x-itential-variable": "aud", "schema": {"type": "string"}}]},
      "oidc": {"type": "openIdConnect", "openIdConnectUrl": "https://t/.well-known"},
      "tls": {"type": "mutualTLS"},
      "digest": {"type": "http", "scheme": "digest"},
      "dynamic": {"type": "apiKey", "in": "query", "name": "k", "x-itential-dynamic-retrieval":
                  {"method": "post", "url": "https://t/key", "responsePointer": "/credentials/key"}}}})"));
  ASSERT_TRUE(parsed.model) << told(parsed.diagnostics);
  const Model& model = *parsed.model;
  using Type = SecurityScheme::Type;
  EXPECT_EQ(model.schemes.front().name, "z");  // the document's order
  EXPECT_EQ(model.scheme("z")->in, In::cookie);
  EXPECT_EQ(model.scheme("z")->parameter, "sid");
  EXPECT_EQ(model.scheme("aws")->type, Type::aws_sigv4);
  EXPECT_EQ(model.scheme("bearer")->type, Type::bearer);
  EXPECT_EQ(model.scheme("oauth")->flows.at("clientCredentials").refresh_url, "https://t/r");
  EXPECT_EQ(model.scheme("oauth")->flows.at("clientCredentials").scopes.at("a"), "A");
  EXPECT_EQ(model.scheme("oauth")->flows.at("authorizationCode").authorization_url, "https://t/auth");
  EXPECT_THAT(model.scheme("oauth")->parameters.at(0).use_in, ElementsAre("token", "refresh"));
  EXPECT_EQ(model.scheme("oauth")->parameters.at(0).variable, "aud");
  EXPECT_EQ(model.scheme("oidc")->type, Type::open_id_connect);
  EXPECT_EQ(model.scheme("tls")->type, Type::mutual_tls);
  EXPECT_EQ(model.scheme("digest")->type, Type::unsupported);
  EXPECT_THAT(told(parsed.diagnostics), HasSubstr("warning /components/securitySchemes/digest"));
  EXPECT_EQ(model.scheme("dynamic")->retrieval->method, "POST");
  EXPECT_EQ(model.scheme("dynamic")->retrieval->response_pointer, "/credentials/key");
  EXPECT_EQ(model.scheme("nothing"), nullptr);
}

TEST(Model, RetrievesKeysByFiveMethodsFromAbsoluteUrls) {
  const auto refused = [](std::string_view method, std::string_view url, std::string_view pointer) {
    return parse_model(document("3.1.0", fmt::format(R"("components": {{"securitySchemes": {{"k": {{"type": "apiKey",
        "in": "query", "name": "k", "x-itential-dynamic-retrieval": {{"method": "{}", "url": "{}", "responsePointer": "{}"}}}}}}}})",
                                                     method, url, pointer)))
               .model == std::nullopt;
  };
  for (const std::string_view method : {"GET", "POST", "HEAD", "PUT", "PATCH"})
    EXPECT_FALSE(refused(method, "https://a", ""));
  EXPECT_TRUE(refused("DELETE", "https://a", ""));
  EXPECT_TRUE(refused("GET", "/key", ""));
  EXPECT_TRUE(refused("GET", "https://a", "key"));
  EXPECT_TRUE(refused("GET", "https://a", "/a~2"));
  EXPECT_FALSE(refused("GET", "https://a", "/a~1b~0c"));
}

TEST(Model, RefusesSecurityThatNamesNoScheme) {
  EXPECT_THAT(refusal(document("3.0.3", R"("paths": {}, "security": [{"keyy": []}],
      "components": {"securitySchemes": {"key": {"type": "http", "scheme": "basic"}}})")),
              HasSubstr("error /security/0/keyy: there is no security scheme \"keyy\" (did you mean \"key\"?)"));
}

TEST(Swagger2, IsConvertedToTheSameModel) {
  const auto model = model_of(document("2.0", R"(
      "host": "api.example:8080", "basePath": "/v1", "schemes": ["https", "http"], "consumes": ["application/json"],
      "parameters": {"page": {"name": "page", "in": "query", "type": "integer"}},
      "securityDefinitions": {
        "b": {"type": "basic"}, "k": {"type": "apiKey", "in": "query", "name": "key"},
        "app": {"type": "oauth2", "flow": "application", "tokenUrl": "https://t", "scopes": {"s": "S"}},
        "code": {"type": "oauth2", "flow": "accessCode", "tokenUrl": "https://t", "authorizationUrl": "https://a"}},
      "paths": {"/a/{ids}": {"parameters": [{"name": "ids", "in": "path", "required": true, "type": "array",
                                             "items": {"type": "integer"}}],
        "get": {"operationId": "get", "schemes": ["http"], "parameters": [{"$ref": "#/parameters/page"},
           {"name": "m", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "multi"},
           {"name": "p", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "pipes"},
           {"name": "c", "in": "query", "type": "array", "items": {"type": "string"}}]},
        "put": {"operationId": "put", "parameters": [{"name": "body", "in": "body", "required": true,
                                                      "schema": {"type": "object"}}]},
        "post": {"operationId": "post", "parameters": [{"name": "f", "in": "formData", "type": "file", "required": true},
                                                       {"name": "n", "in": "formData", "type": "string"}]}}})"));
  ASSERT_TRUE(model);
  ASSERT_EQ(model->servers.size(), 2u);
  EXPECT_EQ(model->servers[0].url, "https://api.example:8080/v1");
  EXPECT_EQ(model->scheme("b")->type, SecurityScheme::Type::basic);
  EXPECT_EQ(model->scheme("k")->parameter, "key");
  EXPECT_TRUE(model->scheme("app")->flows.contains("clientCredentials"));
  EXPECT_EQ(model->scheme("code")->flows.at("authorizationCode").authorization_url, "https://a");

  const Operation& get = model->operations.at("get");
  EXPECT_EQ(get.servers.at(0).url, "http://api.example:8080/v1");
  ASSERT_EQ(get.parameters.size(), 5u);
  EXPECT_EQ(get.parameters[0].style, Style::simple);
  EXPECT_EQ(get.parameters[1].name, "page");
  EXPECT_EQ(get.parameters[2].style, Style::form);
  EXPECT_TRUE(get.parameters[2].explode);
  EXPECT_EQ(get.parameters[3].style, Style::pipe_delimited);
  EXPECT_FALSE(get.parameters[4].explode);
  EXPECT_EQ(model->operations.at("put").body->content.at(0).type, "application/json");
  EXPECT_TRUE(model->operations.at("put").body->required);
  EXPECT_EQ(model->operations.at("put").parameters.size(), 1u);
  EXPECT_EQ(model->operations.at("post").body->content.at(0).type, "multipart/form-data");
}

TEST(Swagger2, RefusesWhatHasNoFormInIt) {
  const auto told_of = [](std::string_view parameters) {
    return refusal(document(
        "2.0", fmt::format(R"("paths": {{"/a": {{"get": {{"operationId": "x", "parameters": [{}]}}}}}})", parameters)));
  };
  EXPECT_THAT(told_of(R"({"name": "a", "in": "query", "type": "array", "collectionFormat": "tsv"})"),
              HasSubstr("the collectionFormat \"tsv\" is not supported here"));
  EXPECT_THAT(told_of(R"({"name": "a", "in": "body"}, {"name": "b", "in": "body"})"),
              HasSubstr("more than one parameter in \"body\""));
  EXPECT_THAT(told_of(R"({"name": "a", "in": "body"}, {"name": "b", "in": "formData", "type": "string"})"),
              HasSubstr("also some in"));
}

}  // namespace
}  // namespace plumb::openapi
