#include "controller/openapi/request.h"

#include <random>
#include <thread>

#include "controller/base/digest.h"
#include "tests/unit/openapi/documents.h"

namespace plumb::openapi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

using Answer = tl::expected<Prepared, std::vector<schema::Problem>>;

Answer call(const Value& document, const Value& parameters, const Value* body = nullptr, std::string media_type = "") {
  const auto model = model_of(document);
  if (!model) return tl::unexpected(std::vector<schema::Problem>{{"", "no model"}});
  Arguments arguments{parameters.as_object(), body == nullptr ? Value() : *body, body != nullptr,
                      std::move(media_type)};
  return Operations(model).prepare(model->operations.at("op"), arguments);
}

std::string problems(const Answer& answer) { return answer ? "(none)" : told(answer.error()); }

// What one parameter of the style becomes: the path below "/", the query, or the problem.
std::string written(std::string_view in, std::string_view style, bool explode, std::string_view value) {
  const bool in_path = in == "path";
  const Answer answer =
      call(one_operation(in_path ? "/{color}" : "/x",
                         fmt::format(R"("parameters": [{{"name": "color", "in": "{}", "required": true,
                                             "style": "{}", "explode": {}, "schema": {{}}}}])",
                                     in, style, explode)),
           json(fmt::format(R"({{"color": {}}})", value)));
  if (!answer) return problems(answer);
  if (in_path) return answer->path.substr(1);
  if (in == "query") return answer->query;
  if (in == "header") return answer->headers.at(0).second;
  std::string cookies;
  for (const auto& [name, text] : answer->cookies)
    cookies += fmt::format("{}{}={}", cookies.empty() ? "" : "; ", name, text);
  return cookies;
}

// The table "Style Examples" of OpenAPI 3.0.4, with "%2C" where a comma is none of the style's.
TEST(Styles, AreThoseOfTheSpecificationsTable) {
  constexpr std::string_view kText = R"("blue")", kList = R"(["blue","black","brown"])",
                             kMap = R"({"R":100,"G":200,"B":150})";
  struct Row {
    std::string_view in, style;
    bool explode;
    std::string_view text, list, map;
  };
  const Row rows[] = {
      {"path", "matrix", false, ";color=blue", ";color=blue,black,brown", ";color=R,100,G,200,B,150"},
      {"path", "matrix", true, ";color=blue", ";color=blue;color=black;color=brown", ";R=100;G=200;B=150"},
      {"path", "label", false, ".blue", ".blue,black,brown", ".R,100,G,200,B,150"},
      {"path", "label", true, ".blue", ".blue.black.brown", ".R=100.G=200.B=150"},
      {"path", "simple", false, "blue", "blue,black,brown", "R,100,G,200,B,150"},
      {"path", "simple", true, "blue", "blue,black,brown", "R=100,G=200,B=150"},
      {"header", "simple", false, "blue", "blue,black,brown", "R,100,G,200,B,150"},
      {"header", "simple", true, "blue", "blue,black,brown", "R=100,G=200,B=150"},
      {"query", "form", false, "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"},
      {"query", "form", true, "color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150"},
      {"query", "spaceDelimited", false, "color=blue", "color=blue%20black%20brown",
       "color=R%20100%20G%20200%20B%20150"},
      {"query", "pipeDelimited", false, "color=blue", "color=blue%7Cblack%7Cbrown",
       "color=R%7C100%7CG%7C200%7CB%7C150"},
      {"query", "spaceDelimited", true, "color=blue", "color=blue&color=black&color=brown", "R=100&G=200&B=150"},
      {"query", "deepObject", true, "/parameters/color: must be a mapping: its style is deepObject\n",
       "/parameters/color: must be a mapping: its style is deepObject\n",
       "color%5BR%5D=100&color%5BG%5D=200&color%5BB%5D=150"},
      {"cookie", "form", false, "color=blue", "color=blue,black,brown", "color=R,100,G,200,B,150"},
      {"cookie", "form", true, "color=blue", "color=blue; color=black; color=brown", "R=100; G=200; B=150"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(written(row.in, row.style, row.explode, kText), row.text) << row.in << row.style << row.explode;
    EXPECT_EQ(written(row.in, row.style, row.explode, kList), row.list) << row.in << row.style << row.explode;
    EXPECT_EQ(written(row.in, row.style, row.explode, kMap), row.map) << row.in << row.style << row.explode;
  }
}

TEST(Styles, WriteTheEmptyText) {
  EXPECT_EQ(written("path", "matrix", false, R"("")"), ";color");
  EXPECT_EQ(written("query", "form", true, R"("")"), "color=");
  EXPECT_EQ(written("query", "form", true, "[]"), "");
  EXPECT_THAT(written("path", "simple", false, R"("")"), HasSubstr("must not be empty"));
  EXPECT_THAT(written("path", "label", false, R"("")"), HasSubstr("must not be \".\" or \"..\""));
  EXPECT_THAT(written("path", "matrix", true, "[]"), HasSubstr("must not be empty"));
}

TEST(Styles, WriteNumbersExactlyAndAsPeopleDo) {
  EXPECT_EQ(written("query", "form", true, "9007199254740993"), "color=9007199254740993");
  EXPECT_EQ(written("query", "form", true, "18446744073709551615"), "color=18446744073709551615");
  EXPECT_EQ(written("query", "form", true, "[3.5, -1, true]"), "color=3.5&color=-1&color=true");
}

TEST(Styles, RefuseWhatCouldNotBeReadBack) {
  EXPECT_THAT(written("query", "form", true, "[[1]]"), HasSubstr("the parts of this value must be texts"));
  EXPECT_THAT(written("query", "form", true, R"({"a": {"b": 1}})"), HasSubstr("the parts of this value must be texts"));
  EXPECT_THAT(written("query", "spaceDelimited", false, R"(["a b"])"), HasSubstr("no part may have a \" \""));
  EXPECT_THAT(written("query", "pipeDelimited", false, R"(["a|b"])"), HasSubstr("no part may have a \"|\""));
  EXPECT_THAT(written("header", "simple", false, R"(["a,b"])"), HasSubstr("no part may have a \",\""));
  EXPECT_THAT(written("query", "deepObject", true, R"({"a": [1]})"), HasSubstr("deepObject has no form for lists"));
  EXPECT_EQ(written("query", "deepObject", true, R"({"a": {"b&": "c d"}})"), "color%5Ba%5D%5Bb%26%5D=c%20d");
  EXPECT_EQ(written("query", "form", false, R"(["a,b", "c"])"), "color=a%2Cb,c");
  EXPECT_EQ(written("header", "simple", false, R"("a, b")"), "a, b");
}

TEST(Styles, RefuseHeaderValuesThatWouldBeMoreThanOne) {
  for (const std::string_view value : {R"("a\r\nX: y")", R"("a\nb")", R"("a\u0000b")", R"("\u007f")"})
    EXPECT_THAT(written("header", "simple", false, value), HasSubstr("no control characters or line breaks")) << value;
}

TEST(Styles, KeepReservedCharactersWhereTheyAreAllowedAndCannotSplitTheQuery) {
  const Value document = one_operation("/x", R"("parameters": [{"name": "q", "in": "query", "allowReserved": true}])");
  EXPECT_EQ(call(document, json(R"({"q": "a/b?c:d@e,f;g=h&i#j+k%l[m] "})"))->query,
            "q=a/b?c:d@e,f;g=h%26i%23j%2Bk%25l%5Bm%5D%20");
  EXPECT_EQ(written("query", "form", true, R"("/?#&=")"), "color=%2F%3F%23%26%3D");
}

TEST(Path, NeverGainsOrLosesASegment) {
  for (const std::string_view value : {R"(".")", R"("..")", R"("")"})
    EXPECT_THAT(written("path", "simple", false, value), HasSubstr("/parameters/color: must not be")) << value;
  EXPECT_EQ(written("path", "simple", false, R"("a/../b")"), "a%2F..%2Fb");
  EXPECT_EQ(written("path", "simple", false, R"("..\\%2e?#;")"), "..%5C%252e%3F%23%3B");
  EXPECT_THAT(written("path", "label", false, R"(".")"), HasSubstr("would change the path"));
  const Value two = one_operation("/v/{a}{b}/end", R"("parameters": [{"name": "a", "in": "path", "required": true},
                                                                    {"name": "b", "in": "path", "required": true}])");
  EXPECT_THAT(problems(call(two, json(R"({"a": ".", "b": "."})"))), HasSubstr("would change the path"));
  EXPECT_EQ(call(two, json(R"({"a": ".", "b": "x"})"))->path, "/v/.x/end");
}

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    result += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return result;
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

// Whatever the values: two segments, and what was given can be read back.
TEST(Path, AndQueryAreReadBackAsGivenForRandomValues) {
  const auto model = model_of(one_operation("/a/{p}", R"("parameters": [{"name": "p", "in": "path", "required": true},
      {"name": "list", "in": "query", "explode": false}, {"name": "r", "in": "query", "allowReserved": true}])"));
  const Operations operations(model);
  std::mt19937 random(3);
  const std::string_view pieces[] = {"/", ".", "..", "%",        "%2F", "?", "#",  "&", "=", "+",
                                     ",", " ", "a",  "\xc3\xa4", "\\",  ";", "\n", "|", "[", "~"};
  int accepted = 0;
  for (int round = 0; round < 5000; ++round) {
    const auto text = [&] {
      std::string result;
      for (auto i = random() % 5; i > 0; --i) result += pieces[random() % std::size(pieces)];
      return result;
    };
    const std::string p = text(), r = text(), first = text(), second = text();
    const auto answer = operations.prepare(model->operations.at("op"),
                                           {{{"p", p}, {"r", r}, {"list", Array{Value(first), Value(second)}}}});
    const bool is_refused = p.empty() || p == "." || p == "..";
    ASSERT_EQ(answer.has_value(), !is_refused) << p;
    if (!answer) continue;
    ++accepted;
    ASSERT_EQ(std::count(answer->path.begin(), answer->path.end(), '/'), 2) << answer->path;
    ASSERT_EQ(answer->path.find_first_of("?#"), std::string::npos);
    ASSERT_EQ(decoded(answer->path.substr(3)), p);
    const auto pairs = split(answer->query, '&');
    ASSERT_EQ(pairs.size(), 2u) << answer->query;
    const auto list = split(pairs[0].substr(5), ',');
    ASSERT_EQ(list.size(), 2u);
    ASSERT_EQ(decoded(list[0]), first);
    ASSERT_EQ(decoded(list[1]), second);
    ASSERT_EQ(decoded(pairs[1].substr(2)), r);
  }
  EXPECT_GT(accepted, 1000);
}

constexpr std::string_view kOrder = R"("parameters": [
    {"name": "id", "in": "path", "required": true, "schema": {"type": "integer", "minimum": 1}},
    {"name": "id", "in": "query", "schema": {"type": "string"}},
    {"name": "limit", "in": "query", "required": true, "schema": {"$ref": "#/components/schemas/Limit"}},
    {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
    {"name": "sid", "in": "cookie", "schema": {"type": "string"}}],
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}})";
constexpr std::string_view kSchemas = R"("components": {"schemas": {
    "Limit": {"type": "integer", "maximum": 100, "exclusiveMaximum": true},
    "Pet": {"type": "object", "required": ["id", "name"], "properties": {
      "id": {"type": "integer", "readOnly": true}, "name": {"type": "string", "minLength": 1, "nullable": true},
      "born": {"type": "string", "format": "date"}, "odd": {"type": "string", "pattern": "(?=x)y", "format": "strange"},
      "children": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}}, "additionalProperties": false}}})";

TEST(Prepare, FormsTheWholeCall) {
  const Value body = json(R"({"name": "Rex", "children": [{"name": null, "odd": "z"}]})");
  const Answer answer =
      call(one_operation("/pets/{id}", kOrder, kSchemas),
           json(R"({"sid": "a b", "X-Trace": "t", "limit": 99, "query.id": "q", "path.id": 9007199254740993})"), &body);
  ASSERT_TRUE(answer) << problems(answer);
  EXPECT_EQ(answer->method, "GET");
  EXPECT_EQ(answer->path, "/pets/9007199254740993");
  EXPECT_EQ(answer->query, "id=q&limit=99");
  EXPECT_THAT(answer->headers, ElementsAre(Pair("X-Trace", "t")));
  EXPECT_THAT(answer->cookies, ElementsAre(Pair("sid", "a%20b")));
  EXPECT_EQ(answer->body, R"({"name":"Rex","children":[{"name":null,"odd":"z"}]})");
  EXPECT_EQ(answer->content_type, "application/json");
}

TEST(Prepare, TellsAllThatIsWrongAtOnce) {
  const Value body = json(R"({"nam": "", "born": "yesterday", "children": [{"name": 3}]})");
  const std::string told_of =
      problems(call(one_operation("/pets/{id}", kOrder, kSchemas),
                    json(R"({"path.id": 0, "id": 3, "limt": 1, "Authorization": "x"})"), &body));
  EXPECT_THAT(told_of, HasSubstr("/parameters/path.id: 0 must be at least 1"));
  EXPECT_THAT(told_of, HasSubstr("/parameters/id: is the name of several parameters: path.id, query.id"));
  EXPECT_THAT(told_of, HasSubstr("/parameters/limt: op has no parameter \"limt\" (did you mean \"limit\"?)"));
  EXPECT_THAT(told_of, HasSubstr("/parameters/limit: is missing: the query parameter is required"));
  EXPECT_THAT(told_of, HasSubstr("/parameters/Authorization: this header is set by the program"));
  EXPECT_THAT(told_of, HasSubstr("/body: the field \"name\" is missing"));
  EXPECT_THAT(told_of, HasSubstr("/body/nam: unknown field \"nam\" (did you mean \"name\"?)"));
  EXPECT_THAT(told_of, HasSubstr("/body/born: \"yesterday\" is not a valid date"));
  EXPECT_THAT(told_of, HasSubstr("/body/children/0/name: 3 is an integer, but must be a text"));
  EXPECT_THAT(told_of, testing::Not(HasSubstr("\"id\" is missing")));  // readOnly
}

TEST(Prepare, NeedsTheBodyWhereItIsRequiredAndTakesNoneWhereThereIsNone) {
  EXPECT_THAT(problems(call(one_operation("/pets/{id}", kOrder, kSchemas), json(R"({"path.id": 1, "limit": 1})"))),
              HasSubstr("/body: is missing: op requires one"));
  const Value body(1);
  EXPECT_THAT(problems(call(one_operation("/a", R"("summary": "")"), json("{}"), &body)),
              HasSubstr("/body: op takes no body"));
  EXPECT_EQ(call(one_operation("/a", R"("summary": "")"), json("{}"))->content_type, "");
}

// The verdict on a value of one schema, in a dialect.
std::string verdict(std::string_view version, std::string_view schema, std::string_view value,
                    std::string_view more = "") {
  const Value doc = document(version, fmt::format(R"("paths": {{"/a": {{"post": {{"operationId": "op", "requestBody": {{
      "content": {{"application/json": {{"schema": {}}}}}}}}}}}}}{}{})",
                                                  schema, more.empty() ? "" : ", ", more));
  const Value body = json(value);
  return problems(call(doc, json("{}"), &body));
}

TEST(Schemas, AreReadInTheirDialect) {
  const std::tuple<std::string_view, std::string_view, std::string_view, bool> cases[] = {
      {"3.0.3", R"({"type": "string", "nullable": true})", "null", true},
      {"3.0.3", R"({"type": "string", "nullable": true, "enum": ["a"]})", "null", true},
      {"3.0.3", R"({"nullable": true, "allOf": [{"type": "object"}]})", "null", true},
      {"3.0.3", R"({"type": "string"})", "null", false},
      {"3.0.3", R"({"type": "number", "minimum": 1, "exclusiveMinimum": true})", "1", false},
      {"3.0.3", R"({"type": "number", "minimum": 1, "exclusiveMinimum": false})", "1", true},
      {"3.1.0", R"({"exclusiveMinimum": 1})", "1", false},
      {"3.1.0", R"({"type": ["string", "null"]})", "null", true},
      {"3.1.0", R"({"type": "string", "nullable": true})", "null", false},
      {"3.1.0", R"({"const": 3})", "3", true},
      {"3.1.0", R"({"const": 3})", "4", false},
      {"3.1.0", R"({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}})", R"(["a", 1])", true},
      {"3.1.0", R"({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}})", R"(["a", "b"])", false},
      {"3.1.0", R"({"dependentRequired": {"a": ["b"]}})", R"({"a": 1})", false},
      {"3.1.0", R"({"contains": {"type": "integer"}})", R"(["a", 1])", true},
      {"3.1.0", R"({"contains": {"type": "integer"}})", R"(["a"])", false},
      {"3.1.0", R"({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"minimum": 2}})", "1", false},
      {"3.1.0", R"({"$ref": "#/components/schemas/S", "maxLength": 1})", R"("ab")", false},
      {"3.0.3", R"({"$ref": "#/components/schemas/S", "maxLength": 1})", R"("ab")", true},
      {"3.0.3", R"({"type": "integer", "multipleOf": 0})", "3", true},
      {"3.0.3", R"({"type": "integer", "example": "no", "format": "int32", "x-any": 1})", "3", true},
      {"3.0.3", R"({"type": "string", "format": "duration"})", R"("P1D")", true},
      {"3.0.3", R"({"not": {"pattern": "(?=a)b"}})", R"("b")", true},
      {"3.0.3", R"({"oneOf": [{"type": "string", "pattern": "(?=a)b"}, {"type": "string"}]})", R"("b")", true},
      {"3.0.3", R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})", "1", false},
      {"3.1.0", R"({"patternProperties": {"^x": {"type": "string"}}, "additionalProperties": false})", R"({"x": "1"})",
       true},
      {"3.0.3", R"({"type": "array", "uniqueItems": true})", "[1, 1]", false},
      {"3.1.0", "true", "1", true},
      {"3.1.0", "false", "1", false},
  };
  for (const auto& [version, schema, value, holds] : cases)
    EXPECT_EQ(verdict(version, schema, value, R"("components": {"schemas": {"S": {"type": "string"}}})") == "(none)",
              holds)
        << version << ' ' << schema << ' ' << value;
}

// The same cases must come out the same where the schema refers to itself, so that it goes along the value.
TEST(Schemas, MeanTheSameWhereTheyReferToThemselves) {
  // {"x": 3} is neither a text nor has a text or mapping at x.
  const std::tuple<std::string_view, std::string_view, bool> cases[] = {
      {R"({"type": "string", "minLength": 2})", R"("a")", false},
      {R"({"enum": ["a", "b"]})", R"("c")", false},
      {R"({"enum": ["a", "b"]})", R"("b")", true},
      {R"({"items": {"type": "integer"}})", "[1, 2]", true},
      {R"({"items": {"type": "integer"}})", R"([1, "a"])", false},
      {R"({"contains": {"type": "integer"}})", R"(["a"])", false},
      {R"({"contains": {"type": "integer"}})", R"(["a", 2])", true},
      {R"({"contains": {"type": "integer"}})", "[]", false},
      {R"({"additionalProperties": {"type": "integer"}, "properties": {"a": {"type": "string"}}})",
       R"({"a": "x", "b": 1})", true},
      {R"({"additionalProperties": {"type": "integer"}, "properties": {"a": {"type": "string"}}})", R"({"b": "x"})",
       false},
      {R"({"additionalProperties": false, "properties": {"a": {}}})", R"({"b": 1})", false},
      {R"({"propertyNames": {"maxLength": 1}})", R"({"bb": 1})", false},
      {R"({"uniqueItems": true})", "[1, 1]", false},
      {R"({"prefixItems": [{"type": "string"}], "items": false})", R"(["a", 1])", false},
      {R"({"anyOf": [{"type": "string"}, {"properties": {"x": {"$ref": "#/components/schemas/T"}}, "type": "object"}]})",
       R"({"x": 3})", false},
      {R"({"not": {"type": "string"}})", R"("a")", false},
  };
  for (const auto& [schema, value, holds] : cases) {
    const std::string more = fmt::format(R"("components": {{"schemas": {{"T": {{"allOf": [{}],
        "x": 1}}, "R": {{"type": "object", "properties": {{"v": {{"$ref": "#/components/schemas/T"}},
        "next": {{"$ref": "#/components/schemas/R"}}}}}}}}}})",
                                         schema);
    EXPECT_EQ(verdict("3.1.0", R"({"$ref": "#/components/schemas/R"})",
                      fmt::format(R"({{"next": {{"v": {}}}}})", value), more) == "(none)",
              holds)
        << schema << ' ' << value;
  }
}

TEST(Schemas, AreComparedUniquelyInLongListsToo) {
  std::string list = "[0", doubled;
  for (int i = 1; i < 20'000; ++i) list += fmt::format(",{}", i);
  doubled = list + ",7]";
  list += "]";
  EXPECT_EQ(verdict("3.0.3", R"({"type": "array", "uniqueItems": true})", list), "(none)");
  EXPECT_THAT(verdict("3.0.3", R"({"type": "array", "uniqueItems": true})", doubled),
              HasSubstr("at most 20000 are allowed"));
}

Answer send(std::string_view content, std::string_view body, std::string media_type = "") {
  const Value value = json(body);
  return call(one_operation("/a", fmt::format(R"("requestBody": {{"content": {}}})", content)), json("{}"), &value,
              std::move(media_type));
}

TEST(Body, IsWrittenByItsMediaType) {
  EXPECT_EQ(send(R"({"application/vnd.a+json": {}})", R"({"a": 3.5, "b": [18446744073709551615, null]})")->body,
            R"({"a":3.5,"b":[18446744073709551615,null]})");
  const Answer text = send(R"({"text/csv": {}})", R"("a;b")");
  EXPECT_EQ(text->body, "a;b");
  EXPECT_EQ(text->content_type, "text/csv; charset=utf-8");
  EXPECT_EQ(send(R"({"application/xml": {"schema": {"type": "object"}}})", R"("<a/>")")->body, "<a/>");
  EXPECT_THAT(problems(send(R"({"application/xml": {}})", R"({"a": 1})")), HasSubstr("/body: must be a text"));
  EXPECT_EQ(send(R"({"application/octet-stream": {}})", R"("AP8=")")->body, std::string("\0\xff", 2));
  EXPECT_THAT(problems(send(R"({"image/png": {}})", R"("not base64")")), HasSubstr("/body: must be a text in base64"));
}

TEST(Body, HasTheMediaTypeThatIsAskedFor) {
  constexpr std::string_view kContent = R"({"application/json": {}, "text/*": {}})";
  EXPECT_EQ(send(kContent, R"("x")")->content_type, "application/json");
  EXPECT_EQ(send(kContent, R"("x")", "text/html")->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(send(kContent, R"("x")", "Application/JSON; v=1")->content_type, "Application/JSON; v=1");
  EXPECT_THAT(problems(send(kContent, R"("x")", "image/png")),
              HasSubstr("/mediaType: the operation takes no image/png, but application/json, text/*"));
  EXPECT_THAT(problems(send(kContent, R"("x")", "text/a\r\nX: y")), HasSubstr("is no media type"));
  EXPECT_EQ(send(R"({"*/*": {}})", R"({"a": 1})")->content_type, "application/json");
  EXPECT_THAT(problems(send(R"({"image/*": {}})", R"("AA==")")), HasSubstr("/mediaType: is missing"));
}

TEST(Body, OfAFormFollowsItsEncoding) {
  const Answer answer = send(
      R"({"application/x-www-form-urlencoded": {"encoding": {
        "csv": {"style": "form", "explode": false}, "deep": {"style": "deepObject", "explode": true},
        "pipe": {"style": "pipeDelimited", "explode": false}}}})",
      R"({"text": "a b&c+d", "list": [1, 2], "map": {"x": 1}, "csv": ["a", "b"], "deep": {"k": "v"}, "pipe": ["p", "q"], "none": null})");
  ASSERT_TRUE(answer) << problems(answer);
  EXPECT_EQ(answer->body, "text=a+b%26c%2Bd&list=1&list=2&map=%7B%22x%22%3A1%7D&csv=a,b&deep%5Bk%5D=v&pipe=p%7Cq");
  EXPECT_EQ(answer->content_type, "application/x-www-form-urlencoded");
  EXPECT_THAT(problems(send(R"({"application/x-www-form-urlencoded": {}})", "[1]")),
              HasSubstr("/body: must be a mapping"));
}

TEST(Body, OfSeveralPartsHasABoundaryThatIsTheSameEachTimeAndNotInThem) {
  constexpr std::string_view kContent = R"({"multipart/form-data": {"schema": {"type": "object", "properties": {
        "file": {"type": "string", "format": "binary"}, "list": {"type": "array", "items": {"type": "string"}}}},
        "encoding": {"file": {"contentType": "image/png, image/jpeg"}}}})";
  const Answer answer = send(kContent, R"({"note\"\r\n": "hi", "file": "AP8=", "map": {"a": 1}, "list": ["x", "y"]})");
  ASSERT_TRUE(answer) << problems(answer);
  const std::string prefix = "multipart/form-data; boundary=";
  ASSERT_TRUE(answer->content_type.starts_with(prefix));
  const std::string b = answer->content_type.substr(prefix.size());
  EXPECT_EQ(
      answer->body,
      "--" + b +
          "\r\nContent-Disposition: form-data; name=\"note%22%0D%0A\"\r\nContent-Type: text/plain; "
          "charset=utf-8\r\n\r\nhi\r\n"
          "--" +
          b +
          "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\nContent-Type: image/png\r\n\r\n" +
          std::string("\0\xff", 2) +
          "\r\n"
          "--" +
          b +
          "\r\nContent-Disposition: form-data; name=\"map\"\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n"
          "--" +
          b +
          "\r\nContent-Disposition: form-data; name=\"list\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx\r\n"
          "--" +
          b +
          "\r\nContent-Disposition: form-data; name=\"list\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ny\r\n"
          "--" +
          b + "--\r\n");
  EXPECT_EQ(send(kContent, R"({"note\"\r\n": "hi", "file": "AP8=", "map": {"a": 1}, "list": ["x", "y"]})")->body,
            answer->body);
  EXPECT_NE(send(kContent, R"({"file": "AP8="})")->content_type, answer->content_type);
  EXPECT_THAT(problems(send(kContent, R"({"file": "?"})")), HasSubstr("/body/file: must be a text in base64"));
}

TEST(Body, OfSwagger2IsMadeOfFormData) {
  const Value doc = document("2.0", R"("paths": {"/a": {"post": {"operationId": "op", "parameters": [
      {"name": "f", "in": "formData", "type": "file", "required": true},
      {"name": "n", "in": "formData", "type": "integer", "maximum": 3}]}}})");
  const Value good = json(R"({"f": "AAE=", "n": 3})"), bad = json(R"({"n": 4})");
  EXPECT_THAT(call(doc, json("{}"), &good)->body, HasSubstr(std::string("filename=\"f\"")));
  EXPECT_THAT(problems(call(doc, json("{}"), &bad)), HasSubstr("/body: the field \"f\" is missing"));
  EXPECT_THAT(problems(call(doc, json("{}"), &bad)), HasSubstr("/body/n: 4 must be at most 3"));
}

TEST(Parameters, WithContentAreWrittenAsItSays) {
  const Value doc =
      one_operation("/a", R"("parameters": [{"name": "filter", "in": "query", "content": {"application/json":
      {"schema": {"type": "object", "required": ["a"]}}}}])");
  EXPECT_EQ(call(doc, json(R"({"filter": {"a": [1, "x"]}})"))->query, "filter=%7B%22a%22%3A%5B1%2C%22x%22%5D%7D");
  EXPECT_THAT(problems(call(doc, json(R"({"filter": {}})"))),
              HasSubstr("/parameters/filter: the field \"a\" is missing"));
}

TEST(Prepare, TakesNullForAnArgumentThatIsNotGiven) {
  const Value document = one_operation("/a", R"("parameters": [{"name": "p", "in": "query", "required": true},
                                                              {"name": "q", "in": "query"}])");
  EXPECT_EQ(call(document, json(R"({"p": 1, "q": null})"))->query, "p=1");
  EXPECT_THAT(problems(call(document, json(R"({"p": null})"))), HasSubstr("/parameters/p: is missing"));
  EXPECT_THAT(problems(call(document, json(R"({"p": 1, "query.p": 2})"))), HasSubstr("is given twice"));
}

TEST(Prepare, ATextOfACommandLineIsWhatTheModelTakes) {
  const Operations operations(model_of(one_operation("/pets/{id}", R"("parameters": [
      {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
      {"name": "limit", "in": "query", "schema": {"type": "integer"}},
      {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}])")));
  const Operation& operation = operations.model().operations.at("op");
  EXPECT_EQ(operations.from_text(operation, "id", "7"), Value("7"));
  EXPECT_EQ(operations.from_text(operation, "path.id", "x y"), Value("x y"));
  EXPECT_EQ(operations.from_text(operation, "limit", "7"), Value(7));
  EXPECT_EQ(operations.from_text(operation, "tags", R"(["a"])"), json(R"(["a"])"));
}

TEST(Prepare, IsThreadSafe) {
  const auto model = model_of(one_operation("/pets/{id}", kOrder, kSchemas));
  const Operations operations(model);
  std::atomic<int> good = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round)
        good += operations.prepare(model->operations.at("op"),
                                   {{{"path.id", 1}, {"limit", 2}}, Object{{"name", "x"}}, true})
                    ? 1
                    : 0;
    });
  threads.clear();
  EXPECT_EQ(good, 200);
}

TEST(ArgumentsSchema, HasAllThatItRefersTo) {
  const auto model = model_of(one_operation("/pets/{id}", kOrder, kSchemas));
  const Value schema = arguments_schema(model->operations.at("op"));
  EXPECT_EQ(*at(schema, "/properties/parameters/properties/limit"), json(R"({"$ref": "#/definitions/Limit"})"));
  EXPECT_EQ(*at(schema, "/properties/parameters/required"), json(R"(["path.id", "limit"])"));
  EXPECT_EQ(*at(schema, "/properties/body"), json(R"({"$ref": "#/definitions/Pet"})"));
  EXPECT_EQ(*at(schema, "/definitions/Pet/properties/children/items"), json(R"({"$ref": "#/definitions/Pet"})"));
  EXPECT_EQ(*at(schema, "/definitions/Limit"), json(R"({"type": "integer", "exclusiveMaximum": 100})"));
  EXPECT_EQ(*at(schema, "/required"), json(R"(["parameters", "body"])"));
}

}  // namespace
}  // namespace plumb::openapi
