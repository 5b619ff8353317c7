// The table of OpenAPI 3.0.3, "Style Examples": string "blue", array ["blue","black","brown"], object {R,G,B}.
#include "controller/openapi/style.h"

#include <gmock/gmock.h>

#include "controller/base/url.h"
#include "tests/unit/openapi/documents.h"

namespace plumb::openapi {
namespace {

struct Row {
  In in;
  Style style;
  bool explode;
  std::string_view value, written;  // empty: cannot be written
};

const Row kRows[] = {
    {In::path, Style::matrix, false, R"("")", ";color"},
    {In::path, Style::matrix, false, R"("blue")", ";color=blue"},
    {In::path, Style::matrix, false, R"(["blue","black","brown"])", ";color=blue,black,brown"},
    {In::path, Style::matrix, false, R"({"R":100,"G":200,"B":150})", ";color=R,100,G,200,B,150"},
    {In::path, Style::matrix, true, R"(["blue","black","brown"])", ";color=blue;color=black;color=brown"},
    {In::path, Style::matrix, true, R"({"R":100,"G":200,"B":150})", ";R=100;G=200;B=150"},
    {In::path, Style::label, false, R"("blue")", ".blue"},
    {In::path, Style::label, true, R"(["blue","black","brown"])", ".blue.black.brown"},
    {In::path, Style::label, false, R"(["blue","black","brown"])", ".blue,black,brown"},
    {In::path, Style::label, true, R"({"R":100,"G":200,"B":150})", ".R=100.G=200.B=150"},
    {In::path, Style::simple, false, R"("blue")", "blue"},
    {In::path, Style::simple, false, R"(["blue","black","brown"])", "blue,black,brown"},
    {In::path, Style::simple, false, R"({"R":100,"G":200,"B":150})", "R,100,G,200,B,150"},
    {In::path, Style::simple, true, R"({"R":100,"G":200,"B":150})", "R=100,G=200,B=150"},
    {In::path, Style::simple, false, R"("")", ""},
    {In::path, Style::simple, false, R"([["nested"]])", ""},
    {In::path, Style::simple, false, R"("a/b?c#d")", "a%2Fb%3Fc%23d"},
    {In::path, Style::simple, false, R"(["a,b","c"])", "a%2Cb,c"},
    {In::query, Style::form, true, R"("blue")", "color=blue"},
    {In::query, Style::form, true, R"("")", "color="},
    {In::query, Style::form, true, R"(["blue","black","brown"])", "color=blue&color=black&color=brown"},
    {In::query, Style::form, false, R"(["blue","black","brown"])", "color=blue,black,brown"},
    {In::query, Style::form, false, R"({"R":100,"G":200,"B":150})", "color=R,100,G,200,B,150"},
    {In::query, Style::form, true, R"({"R":100,"G":200,"B":150})", "R=100&G=200&B=150"},
    {In::query, Style::space_delimited, false, R"(["blue","black","brown"])", "color=blue%20black%20brown"},
    {In::query, Style::pipe_delimited, false, R"(["blue","black","brown"])", "color=blue%7Cblack%7Cbrown"},
    {In::query, Style::space_delimited, true, R"(["blue","black"])", "color=blue&color=black"},
    {In::query, Style::deep_object, true, R"({"R":100,"G":200})", "color%5BR%5D=100&color%5BG%5D=200"},
    {In::query, Style::deep_object, true, R"({"a":{"b":[1,2]}})", "color%5Ba%5D%5Bb%5D=1&color%5Ba%5D%5Bb%5D=2"},
    {In::query, Style::form, true, R"({"R":{"nested":1}})", ""},
    {In::query, Style::form, true, R"("a&b=c d")", "color=a%26b%3Dc%20d"},
    {In::query, Style::form, true, "true", "color=true"},
    {In::query, Style::form, true, "9007199254740993", "color=9007199254740993"},
    {In::query, Style::form, true, "18446744073709551615", "color=18446744073709551615"},
    {In::query, Style::form, true, "1.5", "color=1.5"},
    {In::query, Style::form, true, "3.0", "color=3"},
    {In::header, Style::simple, false, R"(["blue","black"])", "blue,black"},
    {In::header, Style::simple, true, R"({"R":100,"G":200})", "R=100,G=200"},
    {In::header, Style::simple, false, R"("a\r\nX: y")", ""},
};

TEST(Styles, WriteValuesAsTheSpecificationShowsThem) {
  for (const Row& row : kRows) {
    Parameter parameter;
    parameter.name = "color";
    parameter.in = row.in;
    parameter.style = row.style;
    parameter.explode = row.explode;
    const Value value = json(row.value);
    const auto written = row.in == In::path     ? in_path(parameter, value)
                         : row.in == In::header ? in_header(parameter, value)
                                                : in_query(parameter, value);
    EXPECT_EQ(written.value_or(""), row.written) << row.value << " " << (written ? "" : written.error().message);
    EXPECT_EQ(written.has_value(), !row.written.empty()) << row.value;
  }
}

TEST(Styles, ReservedCharactersStayWhereTheModelSaysSo) {
  Parameter parameter;
  parameter.name = "path";
  parameter.allow_reserved = true;
  EXPECT_EQ(in_query(parameter, "/a/b?c=d").value_or(""), "path=/a/b?c=d");
  EXPECT_EQ(in_query(parameter, "a&b#c+d").value_or(""), "path=a%26b%23c%2Bd") << "these would end the value";
}

TEST(Styles, AMediaTypeInPlaceOfAStyleIsWrittenAsJson) {
  Parameter parameter;
  parameter.name = "filter";
  parameter.media_type = "application/json";
  EXPECT_EQ(in_query(parameter, json(R"({"a":[1]})")).value_or(""), "filter=%7B%22a%22%3A%5B1%5D%7D");
}

TEST(Styles, CookiesAreEncodedAndExplodedObjectsAreSeveral) {
  Parameter parameter;
  parameter.name = "c";
  parameter.in = In::cookie;
  EXPECT_THAT(in_cookie(parameter, "a;b").value_or(Cookies()), testing::ElementsAre(testing::Pair("c", "a%3Bb")));
  EXPECT_THAT(in_cookie(parameter, json(R"({"x":1,"y":2})")).value_or(Cookies()),
              testing::ElementsAre(testing::Pair("x", "1"), testing::Pair("y", "2")));
}

// Whatever text is given: decoding gives it back, and it is one segment of a path.
TEST(Styles, ATextComesThroughAPathAsItWas) {
  Parameter parameter;
  parameter.name = "p";
  parameter.in = In::path;
  parameter.style = Style::simple;
  std::uint32_t seed = 7;
  for (int round = 0; round < 2'000; ++round) {
    std::string text;
    for (std::uint32_t i = 0; i <= seed % 9; ++i) {
      seed = seed * 1664525u + 1013904223u;
      text.push_back(static_cast<char>(1 + (seed >> 24) % 126));
    }
    const auto written = in_path(parameter, Value(text));
    ASSERT_TRUE(written);
    EXPECT_EQ(written->find_first_of("/?#;"), std::string::npos) << *written;
    EXPECT_EQ(percent_decode(*written).value_or(""), text);
  }
}

}  // namespace
}  // namespace plumb::openapi
