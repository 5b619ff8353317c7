// Signatures of random requests against those of botocore, which AWS itself uses.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/model/value.h"
#include "controller/runtime/sigv4.h"

namespace plumb::runtime {
namespace {

constexpr int kRequests = 400;

struct Signed {
  HttpRequest request;
  std::string id, secret, token;
  AwsScope scope;
  SystemTime time;
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_); }
  template <class T, std::size_t N>
  T any(const std::array<T, N>& of) {
    return of[below(N)];
  }
  std::string text(std::size_t most) {
    static const std::array<std::string, 12> kPieces = {"a", "Z", "9", "-", "~", " ", "/", "=", "&", "+", "ü", "%"};
    std::string made;
    for (std::size_t left = below(most + 1); left > 0; --left) made += any(kPieces);
    return made;
  }

 private:
  std::mt19937 engine_;
};

// botocore signs the query as it is written, so that it has to be written as it is signed: sorted, all encoded.
std::string query(Random& random) {
  std::string made;
  for (std::size_t i = 0, parts = random.below(4); i < parts; ++i)
    made += fmt::format("{}p{}{}={}", made.empty() ? "" : "&", i, percent_encode(random.text(3)),
                        percent_encode(random.text(6)));
  return made;
}

std::string path(Random& random, bool s3) {
  static const std::array<std::string, 5> kOdd = {"/.", "/..", "/", "//x", "/a"};
  std::string made;
  for (std::size_t i = 0, parts = random.below(4); i < parts; ++i) {
    made += '/' + percent_encode(random.text(5));
    if (!s3 && random.below(3) == 0) made += random.any(kOdd);
  }
  return made.starts_with("//") || made.empty() ? "/p" + made : made;
}

Signed make(Random& random) {
  static const std::array<std::string, 4> kServices = {"execute-api", "s3", "dynamodb", "ec2"};
  static const std::array<std::string, 3> kRegions = {"us-east-1", "eu-central-1", "cn-north-1"};
  static const std::array<std::string, 5> kMethods = {"GET", "PUT", "POST", "DELETE", "HEAD"};
  Signed one{.scope = {random.any(kRegions), random.any(kServices)}};
  one.id = "AKIDEXAMPLE";
  one.secret = "secret/" + random.text(20) + "+x";
  if (random.below(2) == 0) one.token = "session" + percent_encode(random.text(30));
  one.time = SystemTime(std::chrono::seconds(1'440'938'160 + static_cast<std::int64_t>(random.below(300'000'000))));
  one.request.method = random.any(kMethods);
  one.request.url = {
      .scheme = "https", .host = one.scope.service + "." + one.scope.region + ".amazonaws.com", .port = 443};
  if (random.below(4) == 0) one.request.url.port = 8443;
  one.request.url.path = path(random, one.scope.service == "s3");
  one.request.url.query = query(random);
  if (random.below(2) == 0) one.request.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  if (random.below(2) == 0)
    one.request.headers.emplace_back("X-Custom", "  two   spaces" + std::to_string(random.below(9)));
  if (random.below(2) == 0) one.request.headers.emplace_back("User-Agent", "plumbline");
  if (one.request.method != "GET" && one.request.method != "HEAD") one.request.body = random.text(200);
  return one;
}

std::string basic(SystemTime time) {
  std::string text = format_time(time).substr(0, 19) + "Z";
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

Value question(const Signed& one) {
  Array headers;
  for (const auto& [name, value] : one.request.headers) headers.push_back(Array{Value(name), Value(value)});
  Object asked;
  asked["time"] = basic(one.time);
  asked["method"] = one.request.method;
  asked["url"] = to_string(one.request.url);
  asked["body"] = one.request.body;
  asked["headers"] = std::move(headers);
  asked["id"] = one.id;
  asked["secret"] = one.secret;
  asked["token"] = one.token;
  asked["service"] = one.scope.service;
  asked["region"] = one.scope.region;
  return asked;
}

Array botocore_signs(const Array& questions) {
  std::string name = (std::filesystem::temp_directory_path() / "sigv4-XXXXXX").string();
  const int file = mkstemp(name.data());
  EXPECT_GE(file, 0);
  close(file);
  std::ofstream(name) << boost::json::serialize(questions);
  FILE* python = popen(("python3 " PLUMB_SOURCE_DIR "/tests/peers/auth_botocore.py < " + name).c_str(), "r");
  std::string answer;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), python)) > 0;)
    answer.append(buffer.data(), got);
  EXPECT_EQ(pclose(python), 0);
  std::filesystem::remove(name);
  boost::system::error_code error;
  const Value answers = boost::json::parse(answer, error);
  return answers.is_array() ? answers.get_array() : Array();
}

// C13 to C16
TEST(AuthSigV4, SignsAsBotocoreDoes) {
  if (std::system("python3 -c 'import botocore.auth' 2>/dev/null") != 0) {
    if (std::getenv("PLUMBLINE_REQUIRE_SAMBA") != nullptr) FAIL() << "python3-botocore is not there";
    GTEST_SKIP() << "python3-botocore is not there";
  }
  Random random(20261127);
  std::vector<Signed> all;
  Array questions;
  for (int i = 0; i < kRequests; ++i) {
    all.push_back(make(random));
    questions.push_back(question(all.back()));
  }
  const Array answers = botocore_signs(questions);
  ASSERT_EQ(answers.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    Signed& one = all[i];
    aws_sign(one.request, {one.id, one.secret, one.token}, one.scope, aws_rules(one.scope.service), one.time);
    std::string authorization;
    for (const auto& [name, value] : one.request.headers)
      if (name == "Authorization") authorization = value;
    EXPECT_EQ(authorization, std::string(answers[i].as_string())) << questions[i];
  }
}

}  // namespace
}  // namespace plumb::runtime
