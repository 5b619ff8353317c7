// net::HttpClient against a real nginx: TLS of both versions, client certificates, keep-alive, compression.

#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/net/http_client.h"
#include "tests/support/http_exchange.h"
#include "tests/support/http_process.h"
#include "tests/support/tls_certificates.h"

namespace plumb::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kSettings = R"(
daemon off; master_process off; pid {0}/pid; error_log {0}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {0}/access.log;
  client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
  uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
  keepalive_requests 3; client_max_body_size 1m; default_type text/plain;
  gzip on; gzip_min_length 1; gzip_types text/plain;
  ssl_certificate {0}/chain.pem; ssl_certificate_key {0}/key.pem; ssl_client_certificate {0}/authority.pem;
  server {{ listen 127.0.0.1:{1} ssl; server_name one.example; ssl_protocols TLSv1.3; ssl_verify_client optional;
    location /who {{ return 200 "$ssl_client_verify $ssl_client_s_dn $ssl_protocol $ssl_server_name"; }}
    location /connection {{ return 200 "$connection"; }}
    location / {{ root {0}/files; }} }}
  server {{ listen 127.0.0.1:{2} ssl; ssl_protocols TLSv1.2; ssl_verify_client on;
    location / {{ return 200 "$ssl_client_s_dn $ssl_protocol"; }} }}
}})";

class Nginx : public ::testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEEDS("nginx");
    port_ = HttpProcess::free_port();
    strict_port_ = HttpProcess::free_port();
    nginx_.write("chain.pem", leaf_.pem + below_.pem);
    nginx_.write("key.pem", leaf_.key);
    nginx_.write("authority.pem", authority_.pem);
    std::filesystem::create_directory(nginx_.folder() + "/files");
    nginx_.write("files/large.txt", large_);
    const std::string settings =
        nginx_.write("nginx.conf", fmt::format(kSettings, nginx_.folder(), port_, strict_port_));
    nginx_.run({HttpProcess::path_of("nginx"), "-c", settings, "-p", nginx_.folder()}, strict_port_);
  }
  ~Nginx() override { loop_.stop(); }

  std::shared_ptr<const HttpRoute> route(bool with_certificate = false) const {
    HttpRoute made{.tls = {.ca = std::make_shared<const std::string>(authority_.pem)}};
    if (with_certificate) {
      made.tls.certificate = std::make_shared<const std::string>(client_of_.pem);
      made.tls.key = std::make_shared<const Secret>(std::string(client_of_.key));
    }
    return std::make_shared<const HttpRoute>(std::move(made));
  }
  HttpSender::Answer get(std::uint16_t port, const std::string& path, std::shared_ptr<const HttpRoute> route,
                         const std::string& method = "GET", std::string body = "") {
    return exchange(
        loop_, client_,
        {.method = method, .url = url_of(fmt::format("https://one.example:{}{}", port, path)), .body = std::move(body)},
        std::move(route));
  }

  const Certificate authority_ = make_certificate({.common_name = "Authority", .authority = true});
  const Certificate below_ = make_certificate({.common_name = "Below", .authority = true}, &authority_);
  const Certificate leaf_ = make_certificate({.names = {"DNS:one.example"}}, &below_);
  const Certificate client_of_ = make_certificate({.common_name = "plumbline"}, &authority_);
  const std::string large_ = std::string(300'000, 'l') + "end";
  HttpProcess nginx_;
  std::uint16_t port_ = 0, strict_port_ = 0;
  net::Loop loop_;
  net::HttpClient client_{loop_, {.egress = *net::Egress::parse({"127.0.0.0/8"}), .look_up = [](const std::string&) {
                                    return Result<std::vector<std::string>>({"127.0.0.1"});
                                  }}};
};

TEST_F(Nginx, ShowsTheClientsCertificateWhereThereIsOne) {
  EXPECT_EQ(told(get(port_, "/who", route())), "200 NONE  TLSv1.3 one.example");
  EXPECT_EQ(told(get(port_, "/who", route(true))), "200 SUCCESS CN=plumbline TLSv1.3 one.example");
  EXPECT_EQ(told(get(strict_port_, "/", route(true))), "200 CN=plumbline TLSv1.2");
  EXPECT_THAT(told(get(strict_port_, "/", route())), HasSubstr("No required SSL certificate"));
  EXPECT_THAT(told(get(port_, "/who", std::make_shared<const HttpRoute>())), HasSubstr("is not trusted"));
}

TEST_F(Nginx, ConnectionsAreKeptAsLongAsNginxWants) {
  const auto kept = route();
  std::multiset<std::string> connections;
  for (int i = 0; i < 12; ++i) {
    const auto answer = get(port_, "/connection", kept);
    ASSERT_TRUE(answer) << told(answer);
    connections.insert(answer->body);
  }
  // Three requests each, as keepalive_requests says.
  for (const auto& connection : connections) EXPECT_EQ(connections.count(connection), 3u);
}

TEST_F(Nginx, WhatItCompressesIsReadAndWhatItRefusesIsTold) {
  const auto kept = route();
  const auto answer = get(port_, "/large.txt", kept);
  ASSERT_TRUE(answer) << told(answer);
  EXPECT_EQ(answer->body, large_);
  bool chunked = false;  // as nginx sends what it compresses; a file as it is has a Content-Length
  for (const auto& [name, value] : answer->headers) {
    EXPECT_NE(name, "Content-Encoding");
    chunked = chunked || name == "Transfer-Encoding";
  }
  EXPECT_TRUE(chunked);
  EXPECT_EQ(told(get(port_, "/large.txt", kept, "HEAD")), "200 ");
  EXPECT_EQ(get(port_, "/nothing", kept)->status, 404);
  EXPECT_EQ(get(port_, "/who", kept, "POST", std::string(8 << 20, 'x'))->status, 413);
  EXPECT_EQ(get(port_, "/connection", kept)->status, 200);
}

TEST_F(Nginx, ManyAtOnceAreAnswered) {
  const auto kept = route();
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 40; ++i)
    answers.push_back(std::async(std::launch::async, [&] { return told(get(port_, "/who", kept)); }));
  for (auto& answer : answers) EXPECT_EQ(answer.get(), "200 NONE  TLSv1.3 one.example");
}

}  // namespace
}  // namespace plumb::test
