#include "controller/manifest/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb::manifest {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

Value read(const std::string& text) {
  const YamlFile file = parse_yaml(text, "f.yaml");
  EXPECT_TRUE(file.diagnostics.empty()) << to_string(file.diagnostics.front());
  EXPECT_EQ(file.documents.size(), 1U);
  return file.documents.empty() ? Value() : file.documents.front().value;
}

// The messages with their places, one a line; "" if the text is accepted.
std::string refusal(const std::string& text, const std::string& name = "f.yaml", const YamlLimits& limits = {}) {
  std::string all;
  for (const Diagnostic& diagnostic : parse_yaml(text, name, limits).diagnostics) all += to_string(diagnostic) + '\n';
  return all;
}

TEST(Yaml, ReadsTheCoreSchema) {
  const Value value =
      read("{a: 1, b: -2, c: 0x1F, d: 1.5, e: 1.0e+3, f: true, g: ~, h: , i: text, j: '5', k: \"\\u00e4\"}");
  EXPECT_EQ(canonical(value),
            R"({"a":1,"b":-2,"c":31,"d":1.5E0,"e":1E3,"f":true,"g":null,"h":null,"i":"text","j":"5","k":"ä"})");
}

TEST(Yaml, ReadsTextsThatOnlyLookLikeOtherThings) {
  const Value value =
      read("[10.0.0.1, 2027-01-31, 2027-01-31T10:00:00Z, oN, nULL, 08:30, 1.2.3, -, inf, 0x, v1, 1 2, '']");
  for (const Value& item : value.as_array()) EXPECT_TRUE(item.is_string()) << canonical(item);
  EXPECT_EQ(value.as_array().size(), 13U);
}

class Ambiguous : public ::testing::TestWithParam<const char*> {};
TEST_P(Ambiguous, PlainScalarIsRefusedWithAHintAndTakenInQuotes) {
  const std::string text = GetParam();
  EXPECT_THAT(refusal("a: " + text + "\n"), AllOf(HasSubstr("f.yaml:1:4: /a: "), HasSubstr("in quotes")));
  EXPECT_EQ(canonical(read("a: \"" + text + "\"\n")), "{\"a\":\"" + text + "\"}");
  EXPECT_EQ(canonical(read("a: !!str " + text + "\n")), "{\"a\":\"" + text + "\"}");
}
INSTANTIATE_TEST_SUITE_P(, Ambiguous,
                         ::testing::Values("y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON",
                                           "off", "Off", "OFF", "017", "00", "-017", "08", "0o17", "0b11", "0b1_1",
                                           "1_000", "1_0.5", "12:30:45", "1:30", "190:20:30.15", "1e3", "1.0e3",
                                           "-0x1F", "0x1_F", ".inf", "-.inf", ".NaN", "9223372036854775808",
                                           "99999999999999999999"));

TEST(Yaml, RefusesAmbiguousKeysAndKeysThatAreNoTexts) {
  EXPECT_THAT(refusal("on: 1\n"), HasSubstr("f.yaml:1:1: on is a boolean in YAML 1.1"));
  EXPECT_THAT(refusal("a:\n  1: x\n"),
              HasSubstr("f.yaml:2:3: /a: the key is a number; keys are texts: put it in quotes"));
  EXPECT_THAT(refusal("[a]: 1\n"), HasSubstr("a key must be a text"));
  EXPECT_THAT(refusal("? {a: 1}\n: 2\n"), HasSubstr("a key must be a text"));
  EXPECT_THAT(refusal("~: 1\n"), HasSubstr("the key is null"));
}

TEST(Yaml, RefusesDuplicateKeysAtTheSecondOne) {
  EXPECT_EQ(refusal("a:\n  b: 1\n  \"b\": 2\n"), "f.yaml:3:3: /a/b: the key \"b\" stands twice in this mapping\n");
}

TEST(Yaml, ReportsEverythingThatIsWrongInADocument) {
  const std::string all = refusal("a: no\nb: 017\na: 2\nc: !x 1\n");
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 4) << all;
}

TEST(Yaml, ReportsEveryBrokenDocumentAndReadsTheOthers) {
  const YamlFile file = parse_yaml("a: [\n---\nb: 1\n---\nc: 'x\n---\nd: \"x\" y\n", "f.yaml");
  ASSERT_EQ(file.documents.size(), 1U);
  EXPECT_EQ(canonical(file.documents[0].value), R"({"b":1})");
  EXPECT_EQ(to_string(file.documents[0].at), "f.yaml:3:1");
  ASSERT_EQ(file.diagnostics.size(), 3U);
  EXPECT_EQ(to_string(file.diagnostics[1].at), "f.yaml:5:4");
  EXPECT_EQ(to_string(file.diagnostics[2].at), "f.yaml:7:8");
}

TEST(Yaml, RefusesWhatYamlCppTakes) {
  EXPECT_THAT(refusal("a: \"b\nc: d\n"), HasSubstr("f.yaml:1:4: /a: the quote that begins here is never closed"));
  EXPECT_THAT(refusal("a: 'b\n"), HasSubstr("never closed"));
  EXPECT_THAT(refusal("a: &x !!str \"b\n"), HasSubstr("never closed"));
  EXPECT_THAT(refusal("a: 1\n...\nb: 2\n"), HasSubstr("f.yaml:3:1: text after the end marker"));
  EXPECT_THAT(refusal("[a]\nb: c\n"), HasSubstr("f.yaml:2:1: text after the end of the document"));
  EXPECT_THAT(refusal("a: {{ .Values.x }}\n"), HasSubstr("looks like a template"));
  EXPECT_THAT(refusal("{{ .Values.x }}\n"), HasSubstr("looks like a template"));
  EXPECT_THAT(refusal("# ok\na: \"\xff\"\n"), HasSubstr("f.yaml:2:5: byte 0xff is not UTF-8"));
  EXPECT_THAT(refusal(std::string("a: b\0c\n", 7)), HasSubstr("f.yaml:1:5: NUL byte"));
  EXPECT_THAT(refusal("a: \"\\0\"\n"), HasSubstr("cannot hold NUL"));
  EXPECT_THAT(refusal("a: \x1b[31m\n"), HasSubstr("control character 0x1b"));
  EXPECT_THAT(refusal("a:\n\tb: 1\n"), HasSubstr("f.yaml:2:3: a tab in the indentation"));
  EXPECT_THAT(refusal(std::string("\xff\xfe"
                                  "a\0:\0",
                                  6)),
              HasSubstr("UTF-16"));
}

TEST(Yaml, RefusesLinesWithoutAColon) {
  EXPECT_EQ(refusal("a: 1\nb\n"), "f.yaml:2:1: /b: the key has no value; is a \":\" missing?\n");
  EXPECT_EQ(refusal("a:\nb: \n? c\n: 1\n"), "");
}

TEST(Yaml, TakesQuotedTextsOfAllKinds) {
  EXPECT_EQ(canonical(read("a: 'it''s'\nb: \"say \\\"x\\\" \\\\\"\nc: |\n  \"x\nd: &q \"y\"\ne: !!str 'z'\n")),
            R"({"a":"it's","b":"say \"x\" \\","c":"\"x\n","d":"y","e":"z"})");
}

TEST(Yaml, CountsColumnsInCharacters) { EXPECT_THAT(refusal("\"ä\": \"ö\" x\n"), HasSubstr("f.yaml:1:10: ")); }

TEST(Yaml, TakesByteOrderMarkCarriageReturnsCommentsAndEmptyFiles) {
  EXPECT_EQ(canonical(read("\xEF\xBB\xBF# c\r\na: 1\r\nb:\r\n  - x\r\n")), R"({"a":1,"b":["x"]})");
  EXPECT_TRUE(parse_yaml("", "f.yaml").documents.empty());
  EXPECT_TRUE(parse_yaml("# nothing\n\n", "f.yaml").documents.empty());
  EXPECT_EQ(refusal("# nothing\n---\n---\n# more\n...\n"), "");
}

TEST(Yaml, ExpandsAliasesAndMergeKeys) {
  EXPECT_EQ(canonical(read("a: &a {x: 1, z: 1}\nb: *a\nc: {<<: *a, x: 2}\nd: {<<: [{x: 3}, *a]}\n")),
            R"({"a":{"x":1,"z":1},"b":{"x":1,"z":1},"c":{"x":2,"z":1},"d":{"x":3,"z":1}})");
  EXPECT_EQ(canonical(read("{\"<<\": 1}")), R"({"<<":1})");
}

TEST(Yaml, RefusesBadAliasesAndMerges) {
  EXPECT_THAT(refusal("a: &a [*a]\n"), HasSubstr("f.yaml:1:8: /a/0: this alias stands inside of what it refers to"));
  EXPECT_THAT(refusal("a: &a {<<: *a}\n"), HasSubstr("stands inside of what it refers to"));
  EXPECT_THAT(refusal("a: *b\n"), HasSubstr("not defined"));
  EXPECT_THAT(refusal("a: &a 1\n---\nb: *a\n"), HasSubstr("f.yaml:3:"));
  EXPECT_THAT(refusal("a: {<<: 1}\n"), HasSubstr("a merge key (<<) takes a mapping"));
  EXPECT_THAT(refusal("a: {<<: {b: 1}, <<: {c: 1}}\n"), HasSubstr("stands twice"));
}

TEST(Yaml, RefusesAliasBombs) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{0}: &a{0} [", i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j > 0 ? ", " : "", i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(refusal(bomb), HasSubstr("more than 200000 values in one file"));
}

TEST(Yaml, CountsNodesOverAllDocumentsOfAFile) {
  EXPECT_THAT(refusal("[1, 2, 3]\n---\n[1, 2, 3]\n", "f.yaml", {.nodes = 7}), HasSubstr("more than 7 values"));
  EXPECT_EQ(refusal("[1, 2, 3]\n---\n[1, 2, 3]\n", "f.yaml", {.nodes = 8}), "");
}

TEST(Yaml, RefusesWhatIsTooDeepOrTooLarge) {
  EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr("deep"));
  EXPECT_THAT(refusal(std::string(100'000, '['), "f.json"), HasSubstr("nested more than 64 deep"));
  EXPECT_EQ(refusal(std::string(64, '[') + std::string(64, ']')), "");
  EXPECT_THAT(refusal(std::string(65, '[') + std::string(65, ']')), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(refusal("a: 1\n", "f.yaml", {.bytes = 4}), HasSubstr("larger than 4 bytes"));
  EXPECT_THAT(refusal("a: 1\n---\nb: 1\n", "f.yaml", {.documents = 1}), HasSubstr("more than 1 documents"));
}

TEST(Yaml, RefusesCustomTagsAndTagsThatDoNotFit) {
  EXPECT_THAT(refusal("a: !secret x\n"), HasSubstr("f.yaml:1:4: /a: the tag !secret is not supported"));
  EXPECT_THAT(refusal("a: !!binary eA==\n"), HasSubstr("the tag !!binary is not supported"));
  EXPECT_THAT(refusal("a: !!python/object:x {}\n"), HasSubstr("not supported"));
  EXPECT_THAT(refusal("a: !!int x\n"), HasSubstr("\"x\" does not fit the tag !!int"));
  EXPECT_EQ(canonical(read("{a: !!int 5, b: !!bool true, c: !!map {}, d: !!seq [], e: !!null ~}")),
            R"({"a":5,"b":true,"c":{},"d":[],"e":null})");
}

TEST(Yaml, ReadsJsonFilesStrictly) {
  const YamlFile file = parse_yaml("{\"a\": [1, 1e3, \"\\ud83d\\ude00\", null, -0.5]}\n", "f.json");
  ASSERT_EQ(file.documents.size(), 1U) << to_string(file.diagnostics.front());
  EXPECT_EQ(canonical(file.documents[0].value), "{\"a\":[1,1E3,\"😀\",null,-5E-1]}");
  EXPECT_THAT(refusal("{\"a\": 1,\n \"a\": 2}", "f.json"), HasSubstr("f.json:2:2: /a: the key \"a\" stands twice"));
  EXPECT_THAT(refusal("{a: 1}", "f.json"), HasSubstr("f.json:1:2: \"a\" where a key in double quotes should be"));
  EXPECT_THAT(refusal("{\"a\": 1,}", "f.json"), HasSubstr("where a key in double quotes should be"));
  EXPECT_THAT(refusal("[1] x", "f.json"), HasSubstr("f.json:1:5: text after the end"));
}

TEST(Yaml, MarksSayWhereValuesStand) {
  const Marks marks = marks_of("x: 1\n---\na:\n  - b: 2\n  - c\n\"d/e\": {f: 1}\n", "f.yaml").at(1);
  EXPECT_EQ(to_string(marks.at("")), "f.yaml:3:1");
  EXPECT_EQ(to_string(marks.at("/a")), "f.yaml:3:1");
  EXPECT_EQ(to_string(marks.at("/a/0/b")), "f.yaml:4:5");
  EXPECT_EQ(to_string(marks.at("/a/1")), "f.yaml:5:5");
  EXPECT_EQ(to_string(marks.at("/d~1e/f")), "f.yaml:6:9");
}

}  // namespace
}  // namespace plumb::manifest
