#include "controller/openapi/response.h"

#include <gmock/gmock.h>
#include <boost/json/serialize.hpp>

#include "controller/base/text.h"
#include "tests/unit/openapi/documents.h"

namespace plumb::openapi {
namespace {

using testing::ElementsAre;

Object answered(std::string body, std::string type = "application/json", int status = 200) {
  Received received{.method = "GET", .url = "http://x.example/", .status = status, .body = std::move(body)};
  if (!type.empty()) received.headers = {{"Content-Type", std::move(type)}};
  return normalised(received).as_object();
}

std::vector<std::string> keys_of(const Object& object) {
  std::vector<std::string> keys;
  for (const auto& member : object) keys.emplace_back(member.key());
  return keys;
}

// The success example of the source (FEATURES J14).
TEST(Normalised, IsTheSuccessExampleByteForByte) {
  const Received received{
      .method = "GET",
      .url = "http://localhost:8088/pet/7119",
      .status = 200,
      .reason = "OK",
      .headers = {{"Connection", "close"},
                  {"Content-Type", "application/json"},
                  {"Date", "Fri, 05 May 2023 17:48:43 GMT"},
                  {"Transfer-Encoding", "chunked"},
                  {"X-Powered-By", "Express"}},
      .body = R"({"id":7119,"tags":[],"status":"available","name":"Lotus","photoUrls":["https://p.example/x.webp"]})"};
  EXPECT_EQ(
      boost::json::serialize(normalised(received)),
      R"({"ok":true,"method":"GET","url":"http://localhost:8088/pet/7119","status":200,"statusText":"OK",)"
      R"("headers":{"connection":"close","content-type":"application/json",)"
      R"("date":["Fri","05 May 2023 17:48:43 GMT"],"transfer-encoding":"chunked","x-powered-by":"Express"},)"
      R"("body":{"id":7119,"tags":[],"status":"available","name":"Lotus","photoUrls":["https://p.example/x.webp"]}})");
}

// The error example (J15): headers byte for byte, and the text. By decision 4.2 of VENDORS a body that is not sent as
// JSON is a text that nobody tried to parse.
TEST(Normalised, HasTheHeadersOfTheErrorExampleByteForByte) {
  const Received received{.method = "GET",
                          .url = "https://petstore.swagger.io/api/v3/store/invenxxxtory",
                          .status = 404,
                          .reason = "Not Found",
                          .headers = {{"Access-Control-Allow-Headers", "Content-Type, api_key, Authorization"},
                                      {"Access-Control-Allow-Methods", "GET, POST, DELETE, PUT"},
                                      {"Access-Control-Allow-Origin", "*"},
                                      {"Cache-Control", "must-revalidate,no-cache,no-store"},
                                      {"Connection", "keep-alive"},
                                      {"Content-Length", "309"},
                                      {"Content-Type", "text/html; charset=ISO-8859-1"},
                                      {"Date", "Wed, 26 Feb 2025 14:02:35 GMT"},
                                      {"Server", "Jetty(9.2.9.v20150224)"}},
                          .body = "<html>\n<head>\n</html>\n"};
  const Object result = normalised(received).as_object();
  EXPECT_EQ(boost::json::serialize(result.at("headers")),
            R"({"access-control-allow-headers":["Content-Type","api_key","Authorization"],)"
            R"("access-control-allow-methods":["GET","POST","DELETE","PUT"],"access-control-allow-origin":"*",)"
            R"("cache-control":"must-revalidate,no-cache,no-store","connection":"keep-alive","content-length":"309",)"
            R"("content-type":"text/html; charset=ISO-8859-1","date":["Wed","26 Feb 2025 14:02:35 GMT"],)"
            R"x("server":"Jetty(9.2.9.v20150224)"})x");
  EXPECT_THAT(keys_of(result), ElementsAre("ok", "method", "url", "status", "statusText", "headers", "text"));
  EXPECT_EQ(result.at("text"), "<html>\n<head>\n</html>\n");
}

TEST(Normalised, IsOkFrom200To299) {  // J3
  for (const auto& [status, ok] : {std::pair(199, false), {200, true}, {299, true}, {300, false}, {404, false}})
    EXPECT_EQ(answered("", "", status).at("ok"), ok) << status;
}

TEST(Normalised, APhraseThatWasNotSentIsIanas) {  // J7
  EXPECT_EQ(answered("", "", 404).at("statusText"), "Not Found");
  EXPECT_EQ(answered("", "", 799).at("statusText"), "");
}

TEST(Normalised, RepeatedHeadersAreJoinedAndThenSplit) {  // J9
  const Received received{.status = 200, .headers = {{"Via", "a"}, {"via", "b"}, {"Set-Cookie", "x=1; Path=/"}}};
  const Value result = normalised(received);
  EXPECT_EQ(*at(result, "/headers/via"), json(R"(["a","b"])"));
  EXPECT_EQ(*at(result, "/headers/set-cookie"), "x=1; Path=/");
}

TEST(Normalised, ABodyIsWhateverJsonItIs) {  // J10
  for (const char* body : {"[]", "3", "null", "\"x\"", "{\"a\":1}", " true \n"}) {
    const Object result = answered(body, "application/problem+json; charset=utf-8");
    EXPECT_EQ(result.at("body"), json(body));
    EXPECT_FALSE(result.contains("text"));
  }
}

TEST(Normalised, WhatIsEmptyHasNeither) {  // J13
  EXPECT_THAT(keys_of(answered("", "application/json", 204)),
              ElementsAre("ok", "method", "url", "status", "statusText", "headers"));
}

TEST(Normalised, AParseErrorTellsWhere) {  // J12
  const Object result = answered("{\"a\":1,\n x}");
  EXPECT_EQ(result.at("text"), "{\"a\":1,\n x}");
  const Value& error = result.at("parseError");
  EXPECT_THAT(keys_of(error.as_object()), ElementsAre("name", "reason", "mark", "message"));
  EXPECT_THAT(keys_of(error.at("mark").as_object()), ElementsAre("name", "buffer", "position", "line", "column"));
  EXPECT_EQ(int_at(error, "/mark/position"), 9);
  EXPECT_EQ(int_at(error, "/mark/line"), 1);
  EXPECT_EQ(int_at(error, "/mark/column"), 1);
  EXPECT_THAT(*text_at(error, "/message"), testing::EndsWith("(2:2)"));

  EXPECT_THAT(*text_at(answered("<html>").at("parseError"), "/message"), testing::EndsWith("(1:1)"));
  EXPECT_THAT(*text_at(answered("{} {}").at("parseError"), "/message"), testing::EndsWith("(1:4)"));
  EXPECT_THAT(*text_at(answered("{\"a\":").at("parseError"), "/message"), testing::EndsWith("(1:6)"));
}

TEST(Normalised, TextsAreUtf8WhateverTheyWere) {  // J11
  EXPECT_EQ(answered("caf\xe9", "text/plain; charset=ISO-8859-1").at("text"), "café");
  EXPECT_EQ(answered("\x80", "text/plain; charset=windows-1252").at("text"), "€");
  EXPECT_EQ(answered("caf\xe9", "text/plain").at("text"), "caf\xef\xbf\xbd");
  EXPECT_EQ(answered(std::string("\xff\xfe\x41\x00\x3d\xd8\x00\xde", 8), "text/plain; charset=utf-16").at("text"),
            "A😀");
  EXPECT_EQ(answered("{\"n\":\"\xe9\"}", "application/json; charset=\"iso-8859-1\"").at("body"), json(R"({"n":"é"})"));
}

// body XOR text, and always UTF-8.
TEST(Normalised, AnyBytesGiveOneOfBoth) {
  std::uint32_t seed = 3;
  for (int round = 0; round < 3'000; ++round) {
    std::string bytes;
    for (std::uint32_t i = 0; i <= seed % 12; ++i) {
      seed = seed * 1664525u + 1013904223u;
      bytes.push_back("{}[]\",:1ae \xc3\xa9\xff\0\n"[(seed >> 24) % 17]);
    }
    const Object result = answered(bytes, round % 2 == 0 ? "application/json" : "text/plain");
    EXPECT_NE(result.contains("body"), result.contains("text"));
    EXPECT_EQ(result.contains("parseError"), result.contains("text") && round % 2 == 0);
    if (result.contains("text")) {
      EXPECT_TRUE(is_utf8(result.at("text").as_string()));
    }
  }
}

TEST(Normalised, DeepValuesAreRefusedAndNotFollowed) {
  EXPECT_TRUE(answered(std::string(100'000, '[')).contains("parseError"));
}

}  // namespace
}  // namespace plumb::openapi
