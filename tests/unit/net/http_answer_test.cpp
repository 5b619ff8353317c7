#include "controller/net/http_answer.h"

#include <zlib.h>

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/net/inflate.h"

namespace plumb::net {
namespace {

using ::testing::HasSubstr;

std::string compressed(const std::string& plain, int window) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, plain.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}
std::string gzip(const std::string& plain) { return compressed(plain, 31); }

Result<HttpResponse> answer_to(const std::string& bytes, std::size_t body_limit = 1 << 20) {
  HttpAnswer answer;
  answer.begin({.header_limit = 10000, .body_limit = body_limit});
  PLUMB_TRY(const auto state, answer.put(bytes));
  if (state != HttpAnswer::State::done) return fail(Fault::unavailable, "more is awaited");
  return answer.take();
}
std::string with(const std::string& coding, const std::string& body) {
  return fmt::format("HTTP/1.1 200 OK\r\n{}Content-Length: {}\r\n\r\n{}", coding, body.size(), body);
}

TEST(HttpAnswer, DecompressesWhatTheHeaderSays) {
  const std::string plain(100000, 'p');
  const std::pair<std::string, std::string> kCoded[] = {
      {"Content-Encoding: gzip\r\n", gzip(plain)},
      {"content-encoding: GZIP\r\n", gzip(plain)},
      {"Content-Encoding: x-gzip\r\n", gzip(plain)},
      {"Content-Encoding: deflate\r\n", compressed(plain, 15)},
      {"Content-Encoding: deflate\r\n", compressed(plain, -15)},
      {"Content-Encoding: gzip\r\n", gzip(plain.substr(0, 40000)) + gzip(plain.substr(40000))},
  };
  for (const auto& [coding, body] : kCoded) {
    const auto answer = answer_to(with(coding, body));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, plain);
    for (const auto& [name, value] : answer->headers) EXPECT_EQ(name, "Content-Length");
  }
}

TEST(HttpAnswer, LeavesWhatItDoesNotKnowAsItCame) {
  for (const char* coding :
       {"Content-Encoding: br\r\n", "Content-Encoding: gzip, gzip\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n", "Content-Encoding: identity\r\n", ""}) {
    const auto answer = answer_to(with(coding, "as it came"));
    ASSERT_TRUE(answer) << coding;
    EXPECT_EQ(answer->body, "as it came") << coding;
  }
  const auto empty = answer_to(with("Content-Encoding: gzip\r\n", ""));
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->headers.at(0).first, "Content-Encoding");
}

TEST(HttpAnswer, ABombIsCaughtByTheLimit) {
  const std::string bomb = gzip(std::string(64 << 20, '\0'));
  ASSERT_LT(bomb.size(), 100000u);
  const auto answer = answer_to(with("Content-Encoding: gzip\r\n", bomb));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("more than 1048576 bytes"));
  std::string many;  // many members
  for (int i = 0; i < 3000; ++i) many += gzip(std::string(1000, 'x'));
  EXPECT_FALSE(answer_to(with("Content-Encoding: gzip\r\n", many)));
}

TEST(HttpAnswer, BrokenCompressionIsNoAnswer) {
  const std::string whole = gzip("hello hello hello hello");
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_FALSE(answer_to(with("Content-Encoding: gzip\r\n", whole.substr(0, size)))) << size;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string wrong = whole;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x55);
    const auto answer = answer_to(with("Content-Encoding: gzip\r\n", wrong));
    // Its name and time are not checked.
    EXPECT_TRUE(!answer || answer->body == "hello hello hello hello") << at;
  }
  EXPECT_FALSE(answer_to(with("Content-Encoding: gzip\r\n", whole + "more")));
  EXPECT_FALSE(answer_to(with("Content-Encoding: gzip\r\n", "plain text")));
  EXPECT_FALSE(answer_to(with("Content-Encoding: deflate\r\n", "\xff\xff\xff")));
}

TEST(HttpAnswer, IsTheSameHoweverItIsCut) {
  const std::string bytes =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n4;x\r\ndefg\r\n0\r\nT: u\r\n\r\n";
  for (std::size_t first = 1; first < bytes.size(); ++first) {
    HttpAnswer answer;
    answer.begin({.header_limit = 10000, .body_limit = 1000});
    ASSERT_EQ(answer.put(bytes.substr(0, first)).value(), HttpAnswer::State::more) << first;
    ASSERT_EQ(answer.put(bytes.substr(first)).value(), HttpAnswer::State::done) << first;
    EXPECT_TRUE(answer.keeps_connection());
    const auto taken = answer.take();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->body, "abcdefg");
    EXPECT_EQ(taken->headers.at(0), (std::pair<std::string, std::string>{"A", "b"}));
  }
}

// Beast's assertion about its length ended a process that was built with assertions.
TEST(HttpAnswer, AnEmptyChunkedBodyMayComeByteByByte) {
  for (const std::string end : {"0\r\n\r\n", "0\r\nT: u\r\n\r\n", "00\r\n\r\n", "0a\r\n0123456789\r\n0\r\n\r\n"}) {
    const std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + end;
    HttpAnswer answer;
    answer.begin({.header_limit = 10000, .body_limit = 1000});
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i)
      ASSERT_EQ(answer.put(bytes.substr(i, 1)).value(), HttpAnswer::State::more) << i;
    ASSERT_EQ(answer.put(bytes.substr(bytes.size() - 1)).value(), HttpAnswer::State::done) << end;
    EXPECT_TRUE(answer.keeps_connection());
  }
}

TEST(HttpAnswer, SaysWhetherTheConnectionCanBeKept) {
  const auto kept = [](const std::string& bytes) {
    HttpAnswer answer;
    answer.begin({.header_limit = 1000, .body_limit = 1000});
    auto state = answer.put(bytes);
    if (state && *state == HttpAnswer::State::more) state = answer.put_end();
    EXPECT_TRUE(state) << bytes;
    return answer.keeps_connection();
  };
  EXPECT_TRUE(kept("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"));
  EXPECT_TRUE(kept("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_TRUE(kept("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(kept("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1 200 OK\r\n\r\nx"));
  EXPECT_FALSE(kept("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy"));
}

}  // namespace
}  // namespace plumb::net
