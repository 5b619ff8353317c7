#include "controller/openapi/response.h"

#include <random>

#include "controller/base/text.h"
#include "tests/unit/openapi/documents.h"

namespace plumb::openapi {
namespace {

Received answer(std::string type, std::string body, int status = 200) {
  return {"GET", "https://api.example/pets", status, "", {{"Content-Type", std::move(type)}}, std::move(body)};
}

Value part(const Value& value, std::string_view pointer) {
  const Value* found = at(value, pointer);
  return found == nullptr ? Value("(absent)") : *found;
}

std::vector<std::string> keys(const Value& value) {
  std::vector<std::string> names;
  for (const auto& member : value.as_object()) names.emplace_back(member.key());
  return names;
}

// The success example of the seed.
TEST(Normalised, IsTheSeedsExampleOfASuccess) {
  const Received received{
      "get",
      "http://localhost:8088/pet/7119",
      200,
      "OK",
      {{"X-Powered-By", "Express"},
       {"Content-Type", "application/json"},
       {"Date", "Fri, 05 May 2023 17:48:43 GMT"},
       {"Connection", "close"},
       {"Transfer-Encoding", "chunked"}},
      R"({"id":7119,"tags":[],"status":"available","name":"Lotus","photoUrls":["https://patchpuppy.com/wp-content/uploads/2022/06/WhatIsanAmericanBlackLab.jpg.webp"]})"};
  EXPECT_EQ(pretty(normalised(received)), R"({
  "ok": true,
  "method": "GET",
  "url": "http://localhost:8088/pet/7119",
  "status": 200,
  "statusText": "OK",
  "headers": {
    "connection": "close",
    "content-type": "application/json",
    "date": [
      "Fri",
      "05 May 2023 17:48:43 GMT"
    ],
    "transfer-encoding": "chunked",
    "x-powered-by": "Express"
  },
  "body": {
    "id": 7119,
    "tags": [],
    "status": "available",
    "name": "Lotus",
    "photoUrls": [
      "https://patchpuppy.com/wp-content/uploads/2022/06/WhatIsanAmericanBlackLab.jpg.webp"
    ]
  }
}
)");
}

constexpr std::string_view kHtml =
    "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\"/>\n<title>Error 404 Not "
    "Found</title>\n</head>\n<body><h2>HTTP ERROR 404</h2>\n<p>Problem accessing /api/v3/store/invenxxxtory. "
    "Reason:\n<pre> Not Found</pre></p><hr><i><small>Powered by Jetty://</small></i><hr/>\n\n</body>\n</html>\n";

Received seed_error(std::string type) {
  return {"GET",
          "https://petstore.swagger.io/api/v3/store/invenxxxtory",
          404,
          "Not Found",
          {{"Date", "Wed, 26 Feb 2025 14:02:35 GMT"},
           {"Access-Control-Allow-Origin", "*"},
           {"Access-Control-Allow-Methods", "GET, POST"},
           {"access-control-allow-methods", "DELETE, PUT"},
           {"Access-Control-Allow-Headers", "Content-Type, api_key, Authorization"},
           {"Cache-Control", "must-revalidate,no-cache,no-store"},
           {"Connection", "keep-alive"},
           {"Content-Length", "309"},
           {"Content-Type", std::move(type)},
           {"Server", "Jetty(9.2.9.v20150224)"}},
          std::string(kHtml)};
}

// The error example of the seed: HTML is text, and no attempt to parse it is made (VENDORS 4.2).
TEST(Normalised, IsTheSeedsExampleOfAnErrorWithoutAParser) {
  const Value value = normalised(seed_error("text/html; charset=ISO-8859-1"));
  EXPECT_THAT(keys(value), testing::ElementsAre("ok", "method", "url", "status", "statusText", "headers", "text"));
  EXPECT_EQ(part(value, "/ok"), Value(false));
  EXPECT_EQ(part(value, "/statusText"), Value("Not Found"));
  EXPECT_EQ(part(value, "/text"), Value(kHtml));
  EXPECT_EQ(pretty(part(value, "/headers")), pretty(json(R"json({
    "access-control-allow-headers": ["Content-Type", "api_key", "Authorization"],
    "access-control-allow-methods": ["GET", "POST", "DELETE", "PUT"],
    "access-control-allow-origin": "*",
    "cache-control": "must-revalidate,no-cache,no-store",
    "connection": "keep-alive",
    "content-length": "309",
    "content-type": "text/html; charset=ISO-8859-1",
    "date": ["Wed", "26 Feb 2025 14:02:35 GMT"],
    "server": "Jetty(9.2.9.v20150224)"})json")));
}

// J15: said to be JSON, it fails at its first character.
TEST(Normalised, TellsWhereHtmlIsNoJson) {
  const Value value = normalised(seed_error("application/json"));
  EXPECT_THAT(keys(value),
              testing::ElementsAre("ok", "method", "url", "status", "statusText", "headers", "text", "parseError"));
  EXPECT_THAT(keys(part(value, "/parseError")), testing::ElementsAre("name", "reason", "mark", "message"));
  EXPECT_THAT(keys(part(value, "/parseError/mark")),
              testing::ElementsAre("name", "buffer", "position", "line", "column"));
  EXPECT_EQ(part(value, "/parseError/mark/position"), Value(0));
  EXPECT_THAT(std::string(part(value, "/parseError/message").as_string()), testing::EndsWith(" (1:1)"));
}

TEST(Normalised, PointsAtWhatIsNoJson) {
  const Value value = normalised(answer("application/json", "{\"a\":1,\n x}"));
  EXPECT_EQ(part(value, "/text"), Value("{\"a\":1,\n x}"));
  EXPECT_EQ(part(value, "/parseError/mark/name"), Value(nullptr));
  EXPECT_EQ(part(value, "/parseError/mark/buffer"), Value("{\"a\":1,\n x}"));
  EXPECT_EQ(part(value, "/parseError/mark/position"), Value(9));
  EXPECT_EQ(part(value, "/parseError/mark/line"), Value(1));
  EXPECT_EQ(part(value, "/parseError/mark/column"), Value(1));
  EXPECT_THAT(std::string(part(value, "/parseError/message").as_string()), testing::EndsWith(" (2:2)"));
}

TEST(Normalised, CountsCharactersAndShortensTheBuffer) {
  const std::string head = "[\"" + std::string(100, 'a') + "\xc3\xa4\", ";
  const Value value = normalised(answer("application/json", head + "?" + std::string(100, 'b')));
  EXPECT_EQ(part(value, "/parseError/mark/position"), Value(head.size() - 1));
  const std::string buffer(part(value, "/parseError/mark/buffer").as_string());
  EXPECT_TRUE(buffer.starts_with("...a") && buffer.ends_with("b...")) << buffer;
  EXPECT_LT(buffer.size(), 100u);
}

TEST(Normalised, TellsOfJsonThatEndsTooEarlyOrTooLate) {
  EXPECT_EQ(part(normalised(answer("application/json", "[1,")), "/parseError/mark/position"), Value(3));
  EXPECT_EQ(part(normalised(answer("application/json", "1 2")), "/parseError/mark/position"), Value(2));
  EXPECT_EQ(part(normalised(answer("application/json", " ")), "/text"), Value(" "));
  EXPECT_EQ(part(normalised(answer("application/json", std::string(300, '[') + std::string(300, ']'))), "/body"),
            Value("(absent)"));
}

TEST(Normalised, IsOkFrom200To299) {
  for (const auto& [status, ok] : {std::pair(199, false), {200, true}, {299, true}, {300, false}, {404, false}})
    EXPECT_EQ(part(normalised(answer("", "", status)), "/ok"), Value(ok)) << status;
}

TEST(Normalised, TakesIanasPhraseWhereNoneWasSent) {
  EXPECT_EQ(part(normalised(answer("", "", 404)), "/statusText"), Value("Not Found"));
  EXPECT_EQ(part(normalised(answer("", "", 511)), "/statusText"), Value("Network Authentication Required"));
  EXPECT_EQ(part(normalised(answer("", "", 799)), "/statusText"), Value(""));
  Received received = answer("", "", 404);
  received.reason = "Nope";
  EXPECT_EQ(part(normalised(received), "/statusText"), Value("Nope"));
}

TEST(Normalised, ParsesEveryTypeOfJsonAndNothingElse) {
  for (const std::string_view body : {"[]", "3", "null", "{\"a\":true}", "\"x\"", "-1.5", "18446744073709551615"})
    for (const std::string_view type :
         {"application/json", "Application/JSON; charset=utf-8", "application/problem+json"})
      EXPECT_EQ(part(normalised(answer(std::string(type), std::string(body))), "/body"), json(body)) << body << type;
  EXPECT_EQ(part(normalised(answer("text/plain", "[]")), "/text"), Value("[]"));
  EXPECT_EQ(part(normalised(answer("text/plain", "[]")), "/parseError"), Value("(absent)"));
  EXPECT_EQ(part(normalised(answer("application/jsonx", "[]")), "/text"), Value("[]"));
}

TEST(Normalised, HasNeitherBodyNorTextOfNothing) {
  for (const std::string_view type : {"application/json", "text/plain", ""})
    EXPECT_THAT(keys(normalised(answer(std::string(type), "", 204))),
                testing::ElementsAre("ok", "method", "url", "status", "statusText", "headers"));
}

TEST(Normalised, SplitsHeadersOnCommaAndSpaceOnly) {
  Received received = answer("text/plain", "");
  received.headers = {{"A", "x,y"}, {"B", "x, y"}, {"C", "x,  y"}, {"D", ""}, {"E", "1"}, {"e", "2"}, {"F", "x, "}};
  EXPECT_EQ(part(normalised(received), "/headers"),
            json(R"({"a": "x,y", "b": ["x", "y"], "c": ["x", " y"], "d": "", "e": ["1", "2"], "f": ["x", ""]})"));
}

TEST(Normalised, DecodesCharsetsToUtf8) {
  const auto text = [](std::string_view charset, std::string body) {
    return std::string(
        part(normalised(answer(fmt::format("text/plain; charset={}", charset), std::move(body))), "/text").as_string());
  };
  EXPECT_EQ(text("ISO-8859-1", "\xe4\x80"), "\xc3\xa4\xc2\x80");
  EXPECT_EQ(text("latin1", "\xff"), "\xc3\xbf");
  EXPECT_EQ(text("\"windows-1252\"", "\x80\xe4"), "\xe2\x82\xac\xc3\xa4");
  EXPECT_EQ(text("us-ascii", "a\xe4"), "a\xef\xbf\xbd");
  EXPECT_EQ(text("utf-8", "\xef\xbb\xbf\xc3\xa4\xff"), "\xc3\xa4\xef\xbf\xbd");
  EXPECT_EQ(text("utf-16", std::string("\xff\xfe\xe4\x00\x3d\xd8\x00\xde", 8)), "\xc3\xa4\xf0\x9f\x98\x80");
  EXPECT_EQ(text("utf-16", std::string("\xfe\xff\x00\xe4\xd8\x00", 6)), "\xc3\xa4\xef\xbf\xbd");
  EXPECT_EQ(text("klingon", "\xc3\xa4\xc3"), "\xc3\xa4\xef\xbf\xbd");
  EXPECT_EQ(part(normalised(answer("application/json; charset=iso-8859-1", "\"\xe4\"")), "/body"), Value("\xc3\xa4"));
}

// J11: body or text, never both, and UTF-8 whatever came.
TEST(Normalised, HasBodyOrTextForAnyBytes) {
  std::mt19937 random(7);
  const std::string_view types[] = {"application/json",           "text/plain",
                                    "text/plain; charset=utf-16", "application/json; charset=windows-1252",
                                    "a/b+json; charset=us-ascii", ";;=,"};
  const std::string_view pieces[] = {"{",    "}",    "[",    "]",    "\"", ":",     ",", "1",
                                     "null", "\xc3", "\xa4", "\xff", "\n", "\\u00", " "};
  int bodies = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string body;
    for (auto i = random() % 6 + 1; i > 0; --i) body += pieces[random() % std::size(pieces)];
    const Value value = normalised(answer(std::string(types[random() % std::size(types)]), body));
    const bool has_body = at(value, "/body") != nullptr, has_text = at(value, "/text") != nullptr;
    ASSERT_NE(has_body, has_text) << body;
    ASSERT_TRUE(at(value, "/parseError") == nullptr || has_text);
    ASSERT_TRUE(is_utf8(canonical(value)));
    bodies += has_body ? 1 : 0;
  }
  EXPECT_GT(bodies, 100);
}

}  // namespace
}  // namespace plumb::openapi
