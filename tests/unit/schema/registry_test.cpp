#include "controller/schema/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/manifest/yaml.h"

namespace plumb::schema {
namespace {

using ::testing::HasSubstr;

Value yaml(const std::string& text) {
  auto file = manifest::parse_yaml(text, "t.yaml");
  EXPECT_TRUE(file.diagnostics.empty()) << to_string(file.diagnostics.front());
  return file.documents.empty() ? Value() : std::move(file.documents.front().value);
}

// A kind whose spec has the properties given.
Value crd(const std::string& properties) {
  Value made = yaml(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.x.dev}
spec:
  group: x.dev
  names: {kind: Thing, plural: things, singular: thing, shortNames: [th]}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, description: A thing., required: [spec], properties: {spec: {type: object}, status: {type: object}}}}
)");
  auto& spec =
      made.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema").at("properties").at("spec").as_object();
  spec["properties"] = yaml(properties);
  return made;
}

// What is wrong with a Thing of this spec, one line each.
std::string problems(const std::string& properties, const std::string& spec) {
  const auto registry = Registry::from_crds({crd(properties)});
  if (!registry) return registry.error().message;
  Value document = yaml("apiVersion: x.dev/v1\nkind: Thing\nmetadata: {name: a}\n");
  document.as_object()["spec"] = yaml(spec);
  std::string all;
  for (const Problem& problem : registry->validate_and_default(document))
    all += problem.pointer + ": " + problem.message + '\n';
  return all;
}

TEST(Registry, ReportsEachCauseOnceAtItsPointerWithValueAndBound) {
  const std::string properties = R"(
    size: {type: integer, minimum: 1, maximum: 9}
    color: {type: string, enum: [Red, Green]}
    code: {type: string, pattern: "^[a-z]+$", description: Lower-case letters.}
    tags: {type: array, maxItems: 1, items: {type: string, maxLength: 2}}
  )";
  EXPECT_EQ(problems(properties, "{size: 12, color: red, code: A1, tags: [abc, 5], colour: x}"),
            "/spec/size: 12 must be at most 9\n"
            "/spec/color: \"red\" is not one of Red, Green (did you mean \"Red\"?)\n"
            "/spec/code: \"A1\" does not match ^[a-z]+$ (Lower-case letters)\n"
            "/spec/tags: has 2 items, but at most 1 are allowed\n"
            "/spec/tags/0: \"abc\" has 3 characters, but at most 2 are allowed\n"
            "/spec/tags/1: 5 is an integer, but must be a text; put it in quotes\n"
            "/spec/colour: unknown field \"colour\" (did you mean \"color\"?)\n");
  EXPECT_EQ(problems(properties, "{size: 1, color: Red, code: abc, tags: [a]}"), "");
}

TEST(Registry, NamesTheAlternativesOfExactlyOneOf) {
  const std::string properties = R"(
    ref: {type: object, oneOf: [{required: [a]}, {required: [b]}], properties: {a: {type: string}, b: {type: string}}}
  )";
  EXPECT_EQ(problems(properties, "{ref: {}}"), "/spec/ref: needs exactly one of \"a\", \"b\"; none is given\n");
  EXPECT_EQ(problems(properties, "{ref: {a: x, b: x}}"),
            "/spec/ref: needs exactly one of \"a\", \"b\"; given are \"a\" and \"b\"\n");
  EXPECT_EQ(problems(properties, "{ref: {a: x}}"), "");
}

TEST(Registry, HandlesWhereValijsonIsWeak) {
  EXPECT_EQ(problems("{a: {type: string, nullable: true}}", "{a: null}"), "");
  EXPECT_THAT(problems("{a: {type: string}}", "{a: null}"), HasSubstr("/spec/a: has no value"));
  EXPECT_EQ(problems("{a: {x-kubernetes-int-or-string: true}}", "{a: 5}"), "");
  EXPECT_THAT(problems("{a: {x-kubernetes-int-or-string: true}}", "{a: true}"), HasSubstr("/spec/a: true is"));
  EXPECT_THAT(problems("{a: {type: array, format: date, items: {type: string}}}", "{a: x}"),
              HasSubstr("must be a list"));
  EXPECT_EQ(
      problems("{a: {type: object, format: date-time, x-kubernetes-preserve-unknown-fields: true}}", "{a: {b: 1}}"),
      "");
  EXPECT_THAT(problems("{a: {type: string, format: date-time}}", "{a: 2023-02-29T00:00:00Z}"),
              HasSubstr("not a valid date-time"));
  EXPECT_THAT(problems("{a: {type: integer, minimum: 1, exclusiveMinimum: true}}", "{a: 1}"),
              HasSubstr("1 must be more than 1"));
  EXPECT_THAT(problems("{a: {type: string, pattern: '(?=x)'}}", "{a: x}"), HasSubstr("cannot be read by RE2"));
  EXPECT_EQ(problems("{a: {type: string, pattern: '^\\p{L}+$'}}", "{a: Jürgen}"), "");
  EXPECT_THAT(
      problems("{a: {type: string, pattern: '^(a|b)*$', maxLength: 9}}", "{a: " + std::string(200'000, 'a') + "}"),
      HasSubstr("at most 9"));
  EXPECT_EQ(problems("{a: {type: string, maxLength: 2}}", "{a: äö}"), "");
}

TEST(Registry, ListsThatAreSetsOrMapsHaveNoDoubles) {
  EXPECT_THAT(problems("{a: {type: array, x-kubernetes-list-type: set, items: {type: string}}}", "{a: [x, z, x]}"),
              HasSubstr("/spec/a/2: \"x\" stands twice in this list, first at /spec/a/0"));
  EXPECT_THAT(
      problems("{a: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: {type: object, "
               "properties: {k: {type: string}, v: {type: string}}}}}",
               "{a: [{k: x, v: a}, {k: x, v: b}]}"),
      HasSubstr("/spec/a/1: "));
}

TEST(Registry, SetsDefaultsOnlyInsideObjectsThatExist) {
  const auto registry = Registry::from_crds({crd(R"(
    mode: {type: string, default: Never}
    deep: {type: object, properties: {k: {type: integer, default: 5}}}
    list: {type: array, items: {type: object, properties: {k: {type: string, default: ADUser}}}}
    given: {type: object, default: {}, properties: {m: {type: integer, default: 7}}}
  )")});
  ASSERT_TRUE(registry) << registry.error().message;
  Value document = yaml("apiVersion: x.dev/v1\nkind: Thing\nmetadata: {name: a}\nspec: {list: [{}, {k: x}]}\n");
  EXPECT_TRUE(registry->validate_and_default(document).empty());
  EXPECT_EQ(canonical(document.at("spec")), R"({"given":{"m":7},"list":[{"k":"ADUser"},{"k":"x"}],"mode":"Never"})");
}

TEST(Registry, ChecksTheEnvelope) {
  const auto registry = Registry::from_crds({crd("{}")});
  ASSERT_TRUE(registry);
  const auto wrong = [&](const std::string& text) {
    Value document = yaml(text);
    std::string all;
    for (const Problem& problem : registry->validate_and_default(document))
      all += problem.pointer + ": " + problem.message + '\n';
    return all;
  };
  EXPECT_EQ(wrong("{apiVersion: x.dev/v1, kind: Thing, metadata: {name: a.b-c, labels: {x: 'y'}}, spec: {}}"), "");
  EXPECT_THAT(wrong("{apiVersion: x.dev/v2, kind: Thing, metadata: {name: a}, spec: {}}"),
              HasSubstr("/apiVersion: \"x.dev/v2\" is not known for Thing (did you mean \"x.dev/v1\"?)"));
  EXPECT_THAT(wrong("{apiVersion: v1, kind: List, items: []}"), HasSubstr("/kind: lists are not supported"));
  EXPECT_THAT(wrong("{apiVersion: x.dev/v1, kind: Thing, metadata: {name: A_b}, spec: {}}"),
              HasSubstr("/metadata/name: \"A_b\" must"));
  EXPECT_THAT(wrong("{apiVersion: x.dev/v1, kind: Thing, metadata: {name: 'a..b'}, spec: {}}"),
              HasSubstr("/metadata/name"));
  EXPECT_THAT(wrong("{apiVersion: x.dev/v1, kind: Thing, metadata: {name: a, namespace: a.b}, spec: {}}"),
              HasSubstr("/metadata/namespace"));
  EXPECT_THAT(wrong("{apiVersion: x.dev/v1, kind: Thing, metadata: {name: a, labels: {x: 1}}, spec: {}}"),
              HasSubstr("/metadata/labels/x: 1 must be a text"));
  EXPECT_THAT(wrong("{apiVersion: x.dev/v1, kind: Thing, metadata: {name: a, uid: x}, spec: {}}"),
              HasSubstr("remove it"));
  EXPECT_THAT(wrong("{apiVersion: x.dev/v1, kind: Thing, metadata: {name: a, lables: {}}, spec: {}}"),
              HasSubstr("did you mean \"labels\""));
  EXPECT_THAT(wrong("{apiVersion: x.dev/v1, kind: Thing, metadata: {name: a}}"),
              HasSubstr("the field \"spec\" is missing"));
  EXPECT_THAT(wrong("{apiVersion: x.dev/v1, kind: Thing, metadata: {name: a}, spec: {}, status: {}}"),
              HasSubstr("/status: the status is not declared"));
  EXPECT_THAT(wrong("[1]"), HasSubstr("a manifest is a mapping"));
}

TEST(Registry, RefusesSchemasThatAreNotStructural) {
  EXPECT_THAT(problems("{a: {description: x}}", "{}"), HasSubstr("/properties/spec/properties/a: the type is missing"));
  EXPECT_THAT(problems("{a: {type: string, default: 5}}", "{}"), HasSubstr("default"));
  EXPECT_THAT(problems("{a: {type: object, $ref: '#/x'}}", "{}"), HasSubstr("\"$ref\" is no keyword"));
  EXPECT_THAT(problems("{a: {type: object, required: [x], properties: {z: {type: string}}}}", "{}"),
              HasSubstr("\"x\" is required but"));
}

TEST(Registry, FindsKindsAndSchemasByAnyName) {
  const auto registry =
      Registry::from_crds({crd("{a: {type: array, items: {type: object, properties: {b: {type: string}}}}}")});
  ASSERT_TRUE(registry);
  EXPECT_EQ(registry->find("THINGS")->kind, "Thing");
  EXPECT_EQ(registry->find("th")->plural, "things");
  EXPECT_EQ(registry->find("x"), nullptr);
  EXPECT_EQ(registry->schema_at("thing.spec.a.b")->at("type").as_string(), "string");
  EXPECT_EQ(registry->schema_at("Thing.spac").error().message, "Thing has no field \"spac\" (did you mean \"spec\"?)");
  EXPECT_EQ(registry->schema_at("Thing.spec.a.x.y").error().message,
            "Thing.spec.a has no field \"x\" (did you mean \"b\"?)");
  EXPECT_EQ(registry->schema_at("Thing.spec.").error().message, "Thing.spec has no field \"\" (did you mean \"a\"?)");
}

TEST(Registry, SaysWhatIsMissingUnderACondition) {
  const std::string properties = R"(
    proxy:
      type: object
      properties: {"on": {type: boolean}, mode: {type: string}, host: {type: string}, key: {type: string}}
      allOf:
        - anyOf:
            - {properties: {"on": {enum: [false]}}}
            - {properties: {mode: {enum: [direct]}}}
            - {required: [host]}
        - anyOf:
            - {required: [mode], properties: {mode: {enum: [proxy]}}}
            - {not: {required: [key]}}
  )";
  EXPECT_EQ(problems(properties, "{proxy: {\"on\": false}}"), "");
  EXPECT_EQ(problems(properties, "{proxy: {\"on\": true, mode: direct}}"), "");
  EXPECT_EQ(problems(properties, "{proxy: {\"on\": true, mode: proxy}}"),
            "/spec/proxy: the field \"host\" is missing, because on is true and mode is \"proxy\"\n");
  EXPECT_EQ(problems(properties, "{proxy: {mode: direct, key: k}}"),
            "/spec/proxy: must not have \"key\", because mode is \"direct\"\n");
}

TEST(DocumentSchema, HoldsDocumentsAgainstDraft7) {
  const auto schema = DocumentSchema::compile(yaml(
      R"({type: object, required: [a], properties: {a: {const: x}, b: {pattern: "^z"}}, dependencies: {b: [c]}})"));
  ASSERT_TRUE(schema);
  EXPECT_TRUE(schema->check(yaml("{a: x, d: 1}")).empty());
  ASSERT_EQ(schema->check(yaml("{a: q, b: k}")).size(), 2U);
  EXPECT_FALSE(schema->check(yaml("{a: x, b: z}")).empty());
  EXPECT_FALSE(DocumentSchema::compile(yaml("{$ref: 'http://x/y'}")));
  EXPECT_FALSE(DocumentSchema::compile(yaml("{pattern: '('}")));
  EXPECT_FALSE(DocumentSchema::compile(yaml("[1]")));
}

}  // namespace
}  // namespace plumb::schema
