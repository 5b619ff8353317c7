#include "controller/openapi/request.h"

#include <gmock/gmock.h>

#include "tests/unit/openapi/documents.h"

namespace plumb::openapi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr std::string_view kPets = R"(
  "/pets/{petId}": {
    "get": {"operationId": "get", "parameters": [
      {"name": "petId", "in": "path", "required": true, "schema": {"type": "integer", "minimum": 1}},
      {"name": "limit", "in": "query", "schema": {"type": "integer", "exclusiveMaximum": true, "maximum": 100}},
      {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
      {"name": "X-Trace", "in": "header", "schema": {"type": "string", "nullable": true}},
      {"name": "Authorization", "in": "header", "required": true, "schema": {"type": "string"}},
      {"name": "sid", "in": "cookie", "schema": {"type": "string"}}]},
    "put": {"operationId": "put", "parameters": [
      {"name": "petId", "in": "path", "required": true, "schema": {"type": "string"}},
      {"name": "petId", "in": "query", "schema": {"type": "string"}}],
      "requestBody": {"required": true, "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}},
        "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
        "multipart/form-data": {"schema": {"type": "object", "properties": {"photo": {"type": "string", "format": "binary"}}}},
        "text/plain": {}, "application/octet-stream": {}}}}})";
constexpr std::string_view kSchemas = R"("schemas": {"Pet": {"type": "object", "required": ["id", "name"],
  "additionalProperties": false, "properties": {"id": {"type": "integer", "readOnly": true}, "name": {"type": "string"},
  "parent": {"$ref": "#/components/schemas/Pet"}, "look": {"type": "string", "pattern": "^(?=a)b"}}}})";

class Requests : public testing::Test {
 protected:
  tl::expected<Prepared, std::vector<schema::Problem>> prepare(const std::string& id, std::string_view parameters,
                                                               std::string_view body = "",
                                                               const std::string& type = "") {
    Arguments arguments{.parameters = json(parameters).as_object()};
    arguments.has_body = !body.empty();
    if (arguments.has_body) arguments.body = json(body);
    arguments.media_type = type;
    return operations_.prepare(operations_.model().operations.at(id), arguments);
  }
  std::string problems(const std::string& id, std::string_view parameters, std::string_view body = "",
                       const std::string& type = "") {
    std::string all;
    const auto prepared = prepare(id, parameters, body, type);
    if (!prepared)
      for (const auto& each : prepared.error()) all += each.pointer + ": " + each.message + "\n";
    return all;
  }

  Operations operations_{std::make_shared<const Model>(model_of(document(kPets, kSchemas)))};
};

TEST_F(Requests, PutsParametersWhereTheModelSays) {
  const auto prepared = prepare("get", R"({"petId": 7, "limit": 3, "tags": ["a b", "c"], "X-Trace": "t", "sid": "s"})");
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->method, "GET");
  EXPECT_EQ(prepared->path, "/pets/7");
  EXPECT_EQ(prepared->query, "limit=3&tags=a%20b&tags=c");
  EXPECT_THAT(prepared->headers, ElementsAre(Pair("X-Trace", "t")));
  EXPECT_THAT(prepared->cookies, ElementsAre(Pair("sid", "s")));
}

TEST_F(Requests, TellsEverythingThatIsWrongAtOnce) {
  const std::string all = problems("get", R"({"petId": 0, "limit": 100, "tgas": [], "tags": [1]})");
  EXPECT_THAT(all, HasSubstr("/parameters/petId: "));
  EXPECT_THAT(all, HasSubstr("/parameters/limit: "));
  EXPECT_THAT(all, HasSubstr("/parameters/tgas: the operation has no such parameter (did you mean \"tags\"?)"));
  EXPECT_THAT(all, HasSubstr("/parameters/tags/0: "));
  EXPECT_THAT(problems("get", "{}"), HasSubstr("/parameters/petId: is missing"));
}

TEST_F(Requests, HeadersThatOthersDecideOverAreNotForCallers) {
  EXPECT_EQ(problems("get", R"({"petId": 1})"), "") << "required, but it is the authentication's";
  EXPECT_THAT(problems("get", R"({"petId": 1, "Authorization": "x"})"), HasSubstr("not for callers"));
}

TEST_F(Requests, ANameInTwoPlacesIsToldApart) {
  EXPECT_THAT(problems("put", R"({"petId": "x"})", R"({"name": "n"})"),
              HasSubstr("could be path.petId or query.petId"));
  const auto prepared = prepare("put", R"({"path.petId": "x", "query.petId": "y"})", R"({"name": "n"})");
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->path + "?" + prepared->query, "/pets/x?petId=y");
}

TEST_F(Requests, DotsAreNoSegmentsOfAPath) {
  for (const char* value : {"..", "."})
    EXPECT_THAT(problems("put", fmt::format(R"({{"path.petId": "{}"}})", value), R"({"name": "n"})"),
                HasSubstr("names another"));
  EXPECT_EQ(prepare("put", R"({"path.petId": "../a"})", R"({"name": "n"})")->path, "/pets/..%2Fa");
}

TEST_F(Requests, ChecksTheBodyByItsSchemaCirclesAndAll) {
  EXPECT_EQ(problems("put", R"({"path.petId": "x"})", R"({"name": "n", "parent": {"name": "m"}})"), "");
  EXPECT_THAT(problems("put", R"({"path.petId": "x"})", R"({"name": "n", "parent": {"name": 1}})"),
              HasSubstr("/body/parent"));
  EXPECT_THAT(problems("put", R"({"path.petId": "x"})", R"({"nam": "n"})"), HasSubstr("/body"));
  EXPECT_THAT(problems("put", R"({"path.petId": "x"})"), HasSubstr("/body: is missing"));
  EXPECT_THAT(problems("get", R"({"petId": 1})", "{}"), HasSubstr("/body: the operation takes no body"));
}

TEST_F(Requests, WritesTheBodyInTheFormThatIsAskedFor) {
  const auto json_body = prepare("put", R"({"path.petId": "x"})", R"({"name": "n"})");
  EXPECT_EQ(json_body->content_type, "application/json");
  EXPECT_EQ(json_body->body, R"({"name":"n"})");
  const auto form = prepare("put", R"({"path.petId": "x"})", R"({"a": "b c", "d": [1, 2], "e": {"f": 1}})",
                            "application/x-www-form-urlencoded");
  EXPECT_EQ(form->body, "a=b%20c&d=1&d=2&e=%7B%22f%22%3A1%7D");
  EXPECT_EQ(prepare("put", R"({"path.petId": "x"})", R"("hello")", "text/plain")->body, "hello");
  EXPECT_EQ(prepare("put", R"({"path.petId": "x"})", R"("AP8=")", "application/octet-stream")->body,
            std::string("\0\xff", 2));
  EXPECT_THAT(problems("put", R"({"path.petId": "x"})", R"("%%")", "application/octet-stream"), HasSubstr("base64"));
  EXPECT_THAT(problems("put", R"({"path.petId": "x"})", "{}", "application/xml"),
              HasSubstr("/mediaType: the operation does not take application/xml"));
}

TEST_F(Requests, PartsOfAMultipartBodyCannotBeForged) {
  const auto body = prepare("put", R"({"path.petId": "x"})", R"({"photo": "aGVsbG8=", "no\"te\r\n": "--plumbline-x"})",
                            "multipart/form-data");
  ASSERT_TRUE(body);
  const std::string boundary = body->content_type.substr(body->content_type.find('=') + 1);
  EXPECT_THAT(
      body->body,
      HasSubstr("name=\"photo\"; filename=\"photo\"\r\nContent-Type: application/octet-stream\r\n\r\nhello\r\n"));
  EXPECT_THAT(body->body, HasSubstr("name=\"no%22te%0D%0A\"\r\n\r\n--plumbline-x\r\n"));
  EXPECT_TRUE(body->body.ends_with("--" + boundary + "--\r\n"));
  EXPECT_EQ(prepare("put", R"({"path.petId": "x"})", R"({"photo": "aGVsbG8=", "no\"te\r\n": "--plumbline-x"})",
                    "multipart/form-data")
                ->body,
            body->body);
}

TEST_F(Requests, ATextOfACommandLineIsWhatTheModelTakes) {
  const Operation& get = operations_.model().operations.at("get");
  const Operation& put = operations_.model().operations.at("put");
  EXPECT_EQ(operations_.from_text(get, "petId", "7"), Value(7));
  EXPECT_EQ(operations_.from_text(get, "tags", R"(["a"])"), json(R"(["a"])"));
  EXPECT_EQ(operations_.from_text(put, "path.petId", "7"), Value("7"));
  EXPECT_EQ(operations_.from_text(put, "path.petId", "x y"), Value("x y"));
}

TEST_F(Requests, TheSchemaOfTheArgumentsNamesThemAll) {
  const Value schema = arguments_schema(operations_.model(), operations_.model().operations.at("put"));
  EXPECT_NE(at(schema, "/properties/parameters/properties/petId"), nullptr);
  EXPECT_NE(at(schema, "/properties/body/definitions"), nullptr);
  EXPECT_TRUE(schema::DocumentSchema::compile(*at(schema, "/properties/parameters")));
}

// OpenAPI 3.1 is JSON Schema 2020-12.
TEST(Requests31, TypesThatAreListsAndBoundsThatAreNumbers) {
  const Operations operations(std::make_shared<const Model>(model_of(document(
      R"("/a": {"get": {"operationId": "a", "parameters": [
          {"name": "n", "in": "query", "schema": {"type": ["integer", "null"], "exclusiveMinimum": 3}},
          {"name": "c", "in": "query", "schema": {"const": "x"}},
          {"name": "t", "in": "query", "content": {"application/json": {"schema":
             {"type": "array", "prefixItems": [{"type": "string"}], "items": false}}}}]}})",
      "", "3.1.0"))));
  const auto ok = [&](std::string_view parameters) {
    return operations.prepare(operations.model().operations.at("a"), {.parameters = json(parameters).as_object()})
        .has_value();
  };
  EXPECT_TRUE(ok(R"({"n": 4})"));
  EXPECT_TRUE(ok(R"({"n": null})"));
  EXPECT_FALSE(ok(R"({"n": 3})"));
  EXPECT_TRUE(ok(R"({"c": "x"})"));
  EXPECT_FALSE(ok(R"({"c": "y"})"));
  EXPECT_TRUE(ok(R"({"t": ["a"]})"));
  EXPECT_FALSE(ok(R"({"t": ["a", "b"]})"));
}

}  // namespace
}  // namespace plumb::openapi
