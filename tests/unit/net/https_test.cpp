// TLS, against OpenSSL's own client side.

#include <cstdlib>
#include <filesystem>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "controller/net/http_server.h"
#include "tests/unit/net/raw_client.h"

namespace plumb::net {
namespace {

using namespace std::chrono_literals;
using test::RawClient;
using ::testing::HasSubstr;
using ::testing::StartsWith;

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* what) const { Free(what); }
};
using Ssl = std::unique_ptr<SSL, Freed<SSL, SSL_free>>;
using SslContext = std::unique_ptr<SSL_CTX, Freed<SSL_CTX, SSL_CTX_free>>;

// A key and a certificate that it signed itself, in two files.
TlsFiles make_files(const std::string& folder) {
  const std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Freed<X509, X509_free>> certificate(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  const TlsFiles files{folder + "/certificate.pem", folder + "/key.pem"};
  std::unique_ptr<FILE, int (*)(FILE*)> out(std::fopen(files.certificates.c_str(), "w"), std::fclose);
  PEM_write_X509(out.get(), certificate.get());
  out.reset(std::fopen(files.key.c_str(), "w"));
  PEM_write_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return files;
}

class Https : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/plumbline-https.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    start(20s);
  }
  void start(Duration read_timeout) {
    server_.reset();
    HttpServerOptions options;
    options.tls = make_files(folder_);
    options.read_timeout = read_timeout;
    auto started = HttpServer::start(options, clock_, [](const Request& request) {
      return Response{.body = request.tls ? "over TLS " + request.body : "in the clear"};
    });
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Ssl connect(RawClient& peer, int highest_version) {
    SSL_CTX_set_max_proto_version(context_.get(), highest_version);
    SSL_CTX_set_security_level(context_.get(), 0);
    Ssl ssl(SSL_new(context_.get()));
    SSL_set_fd(ssl.get(), peer.fd());
    return SSL_connect(ssl.get()) == 1 ? std::move(ssl) : Ssl();
  }
  static std::string read_all(SSL* ssl) {
    std::string all;
    char bytes[4096];
    for (int size = 0; (size = SSL_read(ssl, bytes, sizeof bytes)) > 0;)
      all.append(bytes, static_cast<std::size_t>(size));
    return all;
  }

  std::string folder_;
  RealClock clock_;
  SslContext context_{SSL_CTX_new(TLS_client_method())};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(Https, AnswersAndEndsTheSessionInOrder) {
  EXPECT_THAT(server_->url(), StartsWith("https://127.0.0.1:"));
  RawClient peer(server_->port());
  const Ssl ssl = connect(peer, TLS1_3_VERSION);
  ASSERT_TRUE(ssl);
  const std::string request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
  SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
  EXPECT_THAT(read_all(ssl.get()), HasSubstr("over TLS hi"));
  EXPECT_TRUE((SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0);
}

TEST_F(Https, SpeaksNothingOlderThanTls12) {
  RawClient modern(server_->port());
  EXPECT_TRUE(connect(modern, TLS1_2_VERSION));
  RawClient old(server_->port());
  EXPECT_FALSE(connect(old, TLS1_1_VERSION));
  ERR_clear_error();
}

TEST_F(Https, DoesNotAnswerInTheClear) {
  RawClient peer(server_->port());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(peer.read_all(), ::testing::Not(HasSubstr("HTTP/1.1 200")));
}

TEST_F(Https, AHandshakeThatStopsIsSentAway) {
  start(500ms);
  RawClient silent(server_->port());
  EXPECT_EQ(silent.read_all(), "");
  RawClient slow(server_->port());
  slow.send("\x16\x03\x01");
  EXPECT_EQ(slow.read_all(), "");
}

}  // namespace
}  // namespace plumb::net
