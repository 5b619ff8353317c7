#include "controller/base/pem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/digest.h"
#include "tests/support/tls_certificates.h"

namespace plumb {
namespace {

using test::make_certificate;
using ::testing::HasSubstr;
using ::testing::Not;

Secret secret(std::string text) { return Secret(std::move(text)); }
std::string data_url(const std::string& bytes, const std::string& type = "application/x-pem-file") {
  return "data:" + type + ";base64," + base64(bytes);
}

TEST(Pem, CertificatesHaveNamesAndDates) {
  const auto authority = make_certificate({.common_name = "The Authority", .authority = true});
  const auto leaf = make_certificate({.common_name = "api, \"x\"", .days_from = 0, .days_to = 1}, &authority);
  const auto facts = read_certificates("Some text before\n" + leaf.pem + "and between\n\n" + authority.pem);
  ASSERT_TRUE(facts) << facts.error().message;
  ASSERT_EQ(facts->size(), 2u);
  EXPECT_EQ((*facts)[0].subject, "CN=api\\, \\\"x\\\"");
  EXPECT_EQ((*facts)[0].issuer, "CN=The Authority");
  EXPECT_EQ((*facts)[0].not_after - (*facts)[0].not_before, std::chrono::hours(24));
  EXPECT_EQ((*facts)[1].subject, (*facts)[1].issuer);
}

TEST(Pem, AKeyIsOfItsCertificateInAllItsForms) {
  for (const int bits : {0, 2048}) {
    const auto mine = make_certificate({.common_name = "mine", .rsa_bits = bits});
    const auto other = make_certificate({.common_name = "other", .rsa_bits = bits});
    EXPECT_TRUE(check_key(mine.pem, secret(mine.key)));
    EXPECT_TRUE(check_key(mine.pem, secret(mine.traditional_key))) << mine.traditional_key;
    EXPECT_TRUE(check_key(mine.pem + other.pem, secret(mine.key)));
    const auto mismatch = check_key(mine.pem, secret(other.key));
    ASSERT_FALSE(mismatch);
    EXPECT_EQ(mismatch.error().fault, Fault::invalid);
    EXPECT_THAT(mismatch.error().message, HasSubstr("the key is not the one of the certificate of CN=mine"));
    EXPECT_FALSE(check_key(other.pem + mine.pem, secret(mine.key)));
    for (const auto& encrypted : {mine.encrypted_key, mine.encrypted_traditional_key}) {
      const auto refused = check_key(mine.pem, secret(encrypted));
      ASSERT_FALSE(refused) << encrypted;
      EXPECT_THAT(refused.error().message, HasSubstr("the key is encrypted"));
    }
  }
}

TEST(Pem, ADataUrlHoldsTheBytesAsTheyAre) {
  const auto made = make_certificate({});
  for (const std::string& pem : {made.pem, "\r\n  " + made.pem + "\r\n\r\n", made.key}) {
    for (const char* type :
         {"application/x-pem-file", "application/octet-stream", "text/plain", "application/x-x509-ca-cert"}) {
      EXPECT_EQ(pem_text(data_url(pem, type)).value(), pem);
    }
    EXPECT_EQ(pem_text(data_url(pem) + "\n").value(), pem);
    EXPECT_EQ(pem_text(data_url(pem) + "\r\n").value(), pem);
    EXPECT_EQ(pem_text(pem).value(), pem);
    const auto as_secret = pem_text(secret(data_url(pem)));
    ASSERT_TRUE(as_secret);
    EXPECT_EQ(as_secret->reveal(), pem);
  }
  EXPECT_EQ(pem_text("DATA:text/plain;BASE64," + base64(made.pem)).value(), made.pem);
}

TEST(Pem, WhatIsNoPemIsRefusedWithoutBeingShown) {
  const auto made = make_certificate({});
  const std::string good = base64(made.pem);
  const std::string kBad[] = {
      "",
      "hunter2",
      "data",
      "data:",
      "data:,",
      "data:;base64," + good,
      "data:base64," + good,
      "data:text/plain," + good,
      "data:text/plain;base64",
      "data:text/plain;base64,",
      "data:text;base64," + good,
      "data:text/;base64," + good,
      "data:/plain;base64," + good,
      "data:text/plain;base32," + good,
      "data:te xt/plain;base64," + good,
      "data:text/plain;base64," + good.substr(1),
      "data:text/plain;base64," + good + "=",
      "data:text/plain;base64," + good.substr(0, 40) + "\n" + good.substr(40),
      "data:text/plain;base64, " + good,
      "data:text/plain;base64," + good + "\n\n",
      "data:text/plain;base64,%2B" + good,
      "data:text/plain;base64," + base64("hunter2"),
      " data:text/plain;base64," + good,
      good,
      "application/x-pem-file;base64," + good,
      std::string(5 << 20, 'a'),
  };
  for (const auto& text : kBad) {
    const auto refused = pem_text(text);
    ASSERT_FALSE(refused) << text.substr(0, 100);
    EXPECT_EQ(refused.error().fault, Fault::invalid);
    EXPECT_THAT(refused.error().message, Not(HasSubstr("hunter2")));
    EXPECT_LT(refused.error().message.size(), 200u);
  }
}

TEST(Pem, BrokenAndMisplacedBlocksAreRefused) {
  const auto made = make_certificate({});
  const std::string begin = "-----BEGIN CERTIFICATE-----\n", end = "-----END CERTIFICATE-----\n";
  const std::string kBad[] = {
      "",
      "text",
      begin,
      begin + end,
      begin + "AAAA\n" + end,
      begin + "!!!!\n" + end,
      begin + made.pem,
      made.pem.substr(0, made.pem.size() / 2),
      made.pem + begin + "AAAA\n" + end,
      made.key,
      made.pem + made.key,
      "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END PRIVATE KEY-----\n",
  };
  for (const auto& text : kBad) {
    const auto refused = read_certificates(text);
    EXPECT_FALSE(refused) << text;
    EXPECT_FALSE(check_key(text, secret(made.key))) << text;
  }
  const std::string kBadKeys[] = {"",
                                  "text",
                                  made.pem,
                                  made.key + made.key,
                                  made.pem + made.key,
                                  made.key.substr(0, 100),
                                  "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                                  "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"};
  const std::string inside = made.key.substr(40, 20);
  for (const auto& key : kBadKeys) {
    const auto refused = check_key(made.pem, secret(std::string(key)));
    ASSERT_FALSE(refused) << key;
    EXPECT_THAT(refused.error().message, Not(HasSubstr(inside)));
  }
  // A byte changed anywhere never crashes, and never makes it another's key.
  for (std::size_t at = 0; at < made.pem.size(); at += 7) {
    std::string wrong = made.pem;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    std::ignore = read_certificates(wrong);
    std::ignore = check_key(wrong, secret(made.key));
  }
}

}  // namespace
}  // namespace plumb
