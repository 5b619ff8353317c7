// Large documents, and those that were made to cost much.
#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>

#include "controller/openapi/request.h"
#include "tests/unit/openapi/documents.h"

namespace plumb::openapi {
namespace {

using testing::HasSubstr;

// `value` `levels` times inside of {"key": ...}, without a recursion.
Value nested(std::string_view key, int levels, Value value = Object{{"type", "string"}}) {
  for (int i = 0; i < levels; ++i) {
    Object outer;
    outer.emplace(key, std::move(value));
    value = std::move(outer);
  }
  return value;
}

Value with_schemas(Object schemas, std::string_view first) {
  Value document = one_operation("/a", R"("requestBody": {"content": {"application/json": {"schema": {"$ref": ")" +
                                           std::string(first) + R"("}}}})");
  document.as_object().emplace("components", Object{{"schemas", std::move(schemas)}});
  return document;
}

Value reference(int number) { return Object{{"$ref", fmt::format("#/components/schemas/S{}", number)}}; }

tl::expected<Prepared, std::vector<schema::Problem>> call(const Model& model, Value body) {
  auto shared = std::make_shared<const Model>(model);
  return Operations(shared).prepare(shared->operations.at("op"), {{}, std::move(body), true, ""});
}

std::size_t resident_bytes() {
  std::ifstream status("/proc/self/statm");
  std::size_t whole = 0, resident = 0;
  status >> whole >> resident;
  return resident * 4096;
}

// 3,000 operations that share large schemas and parameters.
Value large_document() {
  Object schemas, paths;
  for (int i = 0; i < 300; ++i) {
    Object properties{{"next", reference((i + 1) % 300)}, {"name", Object{{"type", "string"}, {"maxLength", 10}}}};
    for (int p = 0; p < 100; ++p)
      properties.emplace(fmt::format("property_{}", p),
                         Object{{"type", "integer"}, {"description", std::string(200, 'd')}, {"minimum", 0}});
    schemas.emplace(fmt::format("S{}", i), Object{{"type", "object"}, {"properties", std::move(properties)}});
  }
  for (int i = 0; i < 3000; ++i) {
    Object operation{
        {"operationId", fmt::format("op{}", i)},
        {"description", std::string(500, 'x')},
        {"parameters",
         Array{Object{{"$ref", "#/components/parameters/wide"}},
               Object{{"name", "id"}, {"in", "path"}, {"required", true}, {"schema", Object{{"type", "integer"}}}}}},
        {"requestBody", Object{{"content", Object{{"application/json", Object{{"schema", reference(i % 300)}}}}}}}};
    paths.emplace(fmt::format("/things{}/{{id}}", i), Object{{"put", std::move(operation)}});
  }
  Array choices;
  for (int i = 0; i < 20'000; ++i) choices.emplace_back(fmt::format("choice-{}", i));
  Object wide{{"name", "wide"}, {"in", "query"}, {"schema", Object{{"type", "string"}, {"enum", std::move(choices)}}}};
  return Object{
      {"openapi", "3.0.3"},
      {"info", Object{{"title", "Large"}, {"version", "1"}}},
      {"paths", std::move(paths)},
      {"components", Object{{"schemas", std::move(schemas)}, {"parameters", Object{{"wide", std::move(wide)}}}}}};
}

TEST(Bounds, AreWideEnoughForThreeThousandOperationsThatShareLargeSchemas) {
  const Value document = large_document();
  const std::size_t before = resident_bytes();
  const std::clock_t start = std::clock();  // of this process: a busy machine does not count
  const auto model = model_of(document);
  const auto took = std::chrono::milliseconds((std::clock() - start) * 1000 / CLOCKS_PER_SEC);
  ASSERT_TRUE(model);
  EXPECT_EQ(model->operations.size(), 3000u);
  EXPECT_LT(took, std::chrono::seconds(30));  // half a second without a sanitizer
  const std::size_t grown = resident_bytes() - before;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(grown, 200u << 20u);
#endif
  std::ignore = grown;
  std::cout << canonical(document).size() / 1024 << " KiB parsed in " << took.count() << " ms, " << grown / 1024 / 1024
            << " MiB more\n";

  const Operations operations(model);
  for (const auto& [id, operation] : model->operations) {
    const auto good =
        operations.prepare(operation, {Object{{"id", 1}, {"wide", "choice-19999"}},
                                       json(R"({"name": "x", "next": {"next": {"property_7": 3}}})"), true, ""});
    ASSERT_TRUE(good) << told(good.error());
  }
  const auto bad = operations.prepare(
      model->operations.at("op7"),
      {Object{{"id", 1}, {"wide", "choice-x"}}, json(R"({"next": {"next": {"property_7": -1}}})"), true, ""});
  ASSERT_FALSE(bad);
  EXPECT_THAT(told(bad.error()), HasSubstr("/body/next/next/property_7: -1 must be at least 0"));
  EXPECT_THAT(told(bad.error()), HasSubstr("/parameters/wide: \"choice-x\" is not one of choice-0"));
}

TEST(Bounds, RefuseADocumentThatIsNestedTooDeep) {
  Value document = one_operation("/a", R"("summary": "")");
  document.as_object().emplace("x-deep", nested("a", 20'000));
  EXPECT_THAT(refusal(document), HasSubstr("nested deeper than 200 levels"));
  // Values of boost are freed recursively: what is here stays below what a stack has.
}

TEST(Bounds, RefuseTenThousandReferencesOneAfterTheOther) {
  Object schemas;
  for (int i = 0; i < 10'000; ++i) schemas.emplace(fmt::format("S{}", i), reference(i + 1));
  schemas.emplace("S10000", Object{{"type", "string"}});
  EXPECT_THAT(refusal(with_schemas(schemas, "#/components/schemas/S0")), HasSubstr("error /components/schemas/S"));
  schemas["S10000"] = reference(0);
  EXPECT_THAT(refusal(with_schemas(schemas, "#/components/schemas/S0")),
              HasSubstr("refers to itself without a step into the value"));
}

TEST(Bounds, HoldACircleOfTenThousandSchemasAgainstAValue) {
  Object schemas;
  for (int i = 0; i < 10'000; ++i)
    schemas.emplace(fmt::format("S{}", i),
                    Object{{"type", "object"}, {"properties", Object{{"next", reference((i + 1) % 10'000)}}}});
  const auto model = model_of(with_schemas(std::move(schemas), "#/components/schemas/S0"));
  ASSERT_TRUE(model);
  EXPECT_TRUE(call(*model, nested("next", 50, Object{})));
  const auto bad = call(*model, nested("next", 50, Value(1)));
  ASSERT_FALSE(bad);
  EXPECT_THAT(told(bad.error()), HasSubstr("/next: 1 is an integer, but must be a mapping"));
  EXPECT_THAT(told(call(*model, nested("next", 5000, Object{})).error()),
              HasSubstr("/body: is nested deeper than 100 levels"));
  EXPECT_TRUE(at(arguments_schema(model->operations.at("op")), "/definitions/S5") != nullptr);
}

TEST(Bounds, RefuseSchemasThatStandForTooManyAlternatives) {
  Object schemas;
  for (int i = 0; i < 40; ++i)
    schemas.emplace(fmt::format("S{}", i), Object{{"allOf", Array{reference(i + 1), reference(i + 1)}}});
  schemas.emplace("S40", Object{{"type", "string"}});
  EXPECT_THAT(refusal(with_schemas(std::move(schemas), "#/components/schemas/S0")),
              HasSubstr("stands for more than 20000 alternatives"));
}

// Each level of the value doubles what there is to try.
TEST(Bounds, EndTheTryingOfAlternativesThatDoubleWithEachLevelOfAValue) {
  const Value inner = Object{{"properties", Object{{"x", reference(0)}}}};
  const auto model =
      model_of(with_schemas(Object{{"S0", Object{{"anyOf", Array{inner, inner}}}}}, "#/components/schemas/S0"));
  ASSERT_TRUE(model);
  EXPECT_TRUE(call(*model, nested("x", 5, Value(1))));
  EXPECT_THAT(told(call(*model, nested("x", 90, Value(1))).error()),
              HasSubstr("/body: is too large to be held against its schema"));
}

TEST(Bounds, RefuseParametersThatReferToThemselves) {
  EXPECT_THAT(refusal(one_operation("/a", R"("parameters": [{"$ref": "#/paths/~1a/get/parameters/0"}])")),
              HasSubstr("in a circle"));
  EXPECT_THAT(refusal(document("3.0.3", R"("paths": {"/a": {"$ref": "#/paths/~1a"}})")), HasSubstr("in a circle"));
}

TEST(Bounds, SayOnlyTheFirstOfManyErrors) {
  Object paths;
  for (int i = 0; i < 2000; ++i) paths.emplace(fmt::format("p{}", i), Object{});
  Value document = one_operation("/a", R"("summary": "")");
  document.as_object()["paths"] = std::move(paths);
  const Parsed parsed = parse_model(document);
  EXPECT_EQ(parsed.diagnostics.size(), 501u);
  EXPECT_EQ(parsed.diagnostics.back().message, "there is more; only the first are shown");
}

TEST(Bounds, RefuseModelsThatMultiplyWhatTheirOperationsShare) {
  Object paths, parameters;
  Array references;
  for (int i = 0; i < 400; ++i) {
    parameters.emplace(
        fmt::format("P{}", i),
        Object{{"name", fmt::format("p{}", i)}, {"in", "query"}, {"description", std::string(5000, 'd')}});
    references.push_back(Object{{"$ref", fmt::format("#/components/parameters/P{}", i)}});
  }
  for (int i = 0; i < 1000; ++i) paths.emplace(fmt::format("/p{}", i), Object{{"$ref", "#/x-item"}});
  Value document = one_operation("/a", R"("summary": "")");
  document.as_object()["paths"] = std::move(paths);
  document.as_object()["components"] = Object{{"parameters", std::move(parameters)}};
  document.as_object()["x-item"] = Object{{"get", Object{{"operationId", "x"}, {"parameters", std::move(references)}}}};
  EXPECT_THAT(refusal(document), HasSubstr("share so much that the model would need more than"));
}

TEST(Bounds, TellOfManyUnknownMembersAtOnce) {
  Object properties, given;
  for (int i = 0; i < 20'000; ++i) {
    properties.emplace(fmt::format("property_{}", i), Object{{"type", "integer"}});
    given.emplace(fmt::format("propertx_{}", i), i);
  }
  const auto model = model_of(
      with_schemas(Object{{"S0", Object{{"properties", std::move(properties)}, {"additionalProperties", false}}}},
                   "#/components/schemas/S0"));
  ASSERT_TRUE(model);
  EXPECT_EQ(told(call(*model, std::move(given)).error()), "/body: has 20000 members, but at most 0 are allowed\n");
  EXPECT_THAT(told(call(*model, json(R"({"property_7": 1, "propertx_7": 1})")).error()),
              HasSubstr("/body/propertx_7: unknown field"));
}

TEST(Bounds, RefuseNamesThatAreTooLong) {
  const auto model = model_of(one_operation("/a", R"("parameters": [{"name": "limit", "in": "query"}])"));
  const auto answer = Operations(model).prepare(model->operations.at("op"), {Object{{std::string(1 << 20, 'l'), 1}}});
  ASSERT_FALSE(answer);
  EXPECT_THAT(told(answer.error()), HasSubstr("a name of more than 1024 bytes"));
}

}  // namespace
}  // namespace plumb::openapi
