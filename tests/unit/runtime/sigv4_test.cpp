#include "controller/runtime/sigv4.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/model/value.h"

namespace plumb::runtime {
namespace {

namespace fs = std::filesystem;

fs::path corpus() {
  const char* named = std::getenv("PLUMBLINE_CORPORA");
  return fs::path(named != nullptr ? named : PLUMB_SOURCE_DIR "/../shared/corpora") / "aws-sigv4" / "v4";
}

// Beside the checkout, as in CI; a worktree is one level deeper.
fs::path vectors() {
  const fs::path beside = corpus();
  return fs::exists(beside) ? beside : fs::path(PLUMB_SOURCE_DIR "/../../shared/corpora/aws-sigv4/v4");
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// A request as the suite writes it: its path and query are not percent-encoded, which is what is signed.
HttpRequest request_of(const std::string& text) {
  std::stringstream lines(text);
  std::string line;
  std::getline(lines, line);
  HttpRequest request{.method = line.substr(0, line.find(' ')), .url = {.scheme = "https", .port = 443}};
  const std::string target = line.substr(line.find(' ') + 1, line.rfind(' ') - line.find(' ') - 1);
  request.url.path = target.substr(0, target.find('?'));
  if (target.find('?') != std::string::npos) request.url.query = target.substr(target.find('?') + 1);
  while (std::getline(lines, line) && !line.empty()) {
    if (line.front() == ' ') {
      request.headers.back().second += line;
      continue;
    }
    const std::string name = line.substr(0, line.find(':')), value = line.substr(line.find(':') + 1);
    if (name == "Host")
      request.url.host = value;
    else
      request.headers.emplace_back(name, value);
  }
  std::getline(lines, request.body, '\0');
  return request;
}

std::string header(const HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return {};
}

// C13 to C16
TEST(SigV4, SignsAsThePublishedVectorsDo) {
  if (!fs::exists(vectors())) {
    if (std::getenv("PLUMBLINE_REQUIRE_SAMBA") != nullptr) FAIL() << corpus() << " is not there";
    GTEST_SKIP() << "38 vectors: " << corpus() << " is not there";
  }
  int seen = 0;
  for (const auto& entry : fs::directory_iterator(vectors())) {
    SCOPED_TRACE(entry.path().filename().string());
    const Value context = boost::json::parse(text_of(entry.path() / "context.json"));
    HttpRequest request = request_of(text_of(entry.path() / "request.txt"));
    const std::string id = *text_at(context, "/credentials/access_key_id");
    const std::string secret = *text_at(context, "/credentials/secret_access_key");
    // Where it is put on the request only after signing, what is signed is without it.
    const bool with_token = !bool_at(context, "/omit_session_token").value_or(false);
    const std::string token = with_token ? text_at(context, "/credentials/token").value_or("") : "";
    const AwsRules rules = {.normalize_path = *bool_at(context, "/normalize"),
                            .content_header = *bool_at(context, "/sign_body")};
    aws_sign(request, {id, secret, token}, {*text_at(context, "/region"), *text_at(context, "/service")}, rules,
             *parse_time(*text_at(context, "/timestamp")));
    EXPECT_EQ(aws_canonical_request(request, rules), text_of(entry.path() / "header-canonical-request.txt"));
    EXPECT_TRUE(
        header(request, "Authorization").ends_with("Signature=" + text_of(entry.path() / "header-signature.txt")))
        << header(request, "Authorization");
    ++seen;
  }
  EXPECT_EQ(seen, 38);
}

TEST(SigV4, WhatIsSentEncodedIsEncodedOnceMoreButForS3) {
  HttpRequest request{.method = "GET", .url = parse_url("https://h.example/").value()};
  request.url.path = "/a%20b//c/../d";
  const auto path = [&](std::string_view service) {
    const std::string canonical = aws_canonical_request(request, aws_rules(service));
    return canonical.substr(4, canonical.find('\n', 4) - 4);
  };
  EXPECT_EQ(path("execute-api"), "/a%2520b/d");
  EXPECT_EQ(path("s3"), "/a%20b//c/../d");
}

TEST(SigV4, HeadersThatAProxyChangesAreNotSigned) {
  HttpRequest request{.method = "GET", .url = parse_url("https://h.example:8443/").value()};
  request.headers = {{"User-Agent", "x"}, {"Connection", "close"}, {"Authorization", "old"}, {"Accept", "a   b "}};
  EXPECT_EQ(aws_canonical_request(request, {}),
            "GET\n/\n\naccept:a b\nhost:h.example:8443\n\naccept;host\n"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(SigV4, TheQueryIsTakenApartAndPutTogether) {
  const auto query = [](std::string_view text) {
    HttpRequest request{.method = "GET", .url = {.scheme = "https", .host = "h", .port = 443}};
    request.url.query = text;
    const std::string canonical = aws_canonical_request(request, {});
    return canonical.substr(6, canonical.find('\n', 6) - 6);
  };
  EXPECT_EQ(query(""), "");
  EXPECT_EQ(query("b=2&a=1&a=0&c"), "a=0&a=1&b=2&c=");
  EXPECT_EQ(query("a=x%2fy&A=%7E"), "A=~&a=x%2Fy");
  EXPECT_EQ(query("a=100%&&b=c=d"), "a=100%25&b=c%3Dd");
}

// C16
TEST(SigV4, TheHostSaysRegionAndService) {
  const auto scope = [](std::string_view host) {
    const auto found = aws_scope_of(host);
    return found ? found->region + "/" + found->service : "";
  };
  EXPECT_EQ(scope("execute-api.us-east-2.amazonaws.com"), "us-east-2/execute-api");
  EXPECT_EQ(scope("a1b2c3.execute-api.eu-central-1.amazonaws.com"), "eu-central-1/execute-api");
  EXPECT_EQ(scope("ec2.us-gov-west-1.amazonaws.com"), "us-gov-west-1/ec2");
  EXPECT_EQ(scope("dynamodb.cn-north-1.amazonaws.com.cn"), "cn-north-1/dynamodb");
  EXPECT_EQ(scope("s3.amazonaws.com"), "us-east-1/s3");
  EXPECT_EQ(scope("bucket.s3.amazonaws.com"), "us-east-1/s3");
  EXPECT_EQ(scope("bucket.s3.eu-west-1.amazonaws.com"), "eu-west-1/s3");
  EXPECT_EQ(scope("bucket.s3.dualstack.eu-west-1.amazonaws.com"), "eu-west-1/s3");
  EXPECT_EQ(scope("my.bucket.s3-eu-west-1.amazonaws.com"), "eu-west-1/s3");
  EXPECT_EQ(scope("search-x-y.us-east-1.es.amazonaws.com"), "us-east-1/es");
  EXPECT_EQ(scope("email.us-east-1.amazonaws.com"), "us-east-1/ses");
  EXPECT_EQ(scope("ec2-fips.us-east-1.amazonaws.com"), "us-east-1/ec2");
  EXPECT_EQ(scope("iam.amazonaws.com"), "us-east-1/iam");
  EXPECT_EQ(scope("x.lambda-url.us-east-1.on.aws"), "us-east-1/lambda");
  for (const std::string none :
       {"api.example", "amazonaws.com", ".amazonaws.com", "us-east-1.amazonaws.com", "ec2.amazonaws.com",
        "ec2.us-east-1.amazonaws.com.evil.example", "x.on.aws", "ec2.useast1.amazonaws.com"})
    EXPECT_EQ(scope(none), "") << none;
}

}  // namespace
}  // namespace plumb::runtime
