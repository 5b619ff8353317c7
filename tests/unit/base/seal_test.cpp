#include "controller/base/seal.h"

#include <gtest/gtest.h>

#include "controller/base/digest.h"

namespace plumb {
namespace {

const std::string kKey(64, 'a');

Secret secret(std::string text) { return Secret(std::move(text)); }

std::string bytes(std::string_view hexadecimal) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hexadecimal.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hexadecimal.substr(i, 2)), nullptr, 16));
  return out;
}

std::string hex(std::string_view raw) {
  std::string out;
  for (const char c : raw) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

TEST(Seal, OpensWithTheSameKeyAndContext) {
  const auto opened = open_seal(kKey, seal(kKey, secret("hunter2"), "token/crm"), "token/crm");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->reveal(), "hunter2");
}

TEST(Seal, HoldsNothingAndMuchAlike) {
  for (const std::size_t size : {std::size_t(0), std::size_t(1), std::size_t(100'000)}) {
    const auto opened = open_seal(kKey, seal(kKey, secret(std::string(size, 'x')), "c"), "c");
    ASSERT_TRUE(opened) << size;
    EXPECT_EQ(opened->size(), size);
  }
}

TEST(Seal, IsNeverTheSameTwiceAndShowsNothing) {
  const std::string one = seal(kKey, secret("a secret of some length"), "c");
  EXPECT_NE(one, seal(kKey, secret("a secret of some length"), "c"));
  EXPECT_EQ(one.find("secret of"), std::string::npos);
  EXPECT_EQ(one.find(kKey.substr(0, 16)), std::string::npos);
}

TEST(Seal, DoesNotOpenForAnotherContext) {
  const auto opened = open_seal(kKey, seal(kKey, secret("x"), "token/crm"), "token/erp");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::denied);
}

TEST(Seal, SaysThatTheKeyIsAnother) {
  const auto opened = open_seal(std::string(64, 'b'), seal(kKey, secret("x"), "c"), "c");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::denied);
  EXPECT_NE(opened.error().message.find("another installation"), std::string::npos);
}

TEST(Seal, DoesNotOpenOnceAnyCharacterOfItIsChanged) {
  const std::string sealed = seal(kKey, secret("hunter2"), "c");
  std::size_t tried = 0;
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto opened = open_seal(kKey, changed, "c");
    ASSERT_FALSE(opened) << i;
    EXPECT_EQ(opened.error().message.find("hunter2"), std::string::npos);
    ++tried;
  }
  EXPECT_GT(tried, 60U);
}

TEST(Seal, DoesNotOpenWhenItIsCutOff) {
  const std::string sealed = seal(kKey, secret("hunter2"), "c");
  for (std::size_t size = 0; size < sealed.size(); ++size) EXPECT_FALSE(open_seal(kKey, sealed.substr(0, size), "c"));
}

TEST(Seal, WhatIsNoSealIsInvalid) {
  const auto opened = open_seal(kKey, "plumbline-seal/v9:xyz", "c");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::invalid);
}

// RFC 5869, A.1 and A.3: the first 32 of 42 bytes.
TEST(Hkdf, GivesTheBytesOfRfc5869) {
  EXPECT_EQ(hex(hkdf_sha256(std::string(22, '\x0b'), bytes("000102030405060708090a0b0c"), bytes("f0f1f2f3f4f5f6f7f8f9"))
                    .reveal()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  EXPECT_EQ(hex(hkdf_sha256(std::string(22, '\x0b'), "", "").reveal()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

// RFC 8439, 2.8.2.
TEST(Aead, GivesTheBytesOfRfc8439) {
  const std::string key = bytes("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const std::string nonce = bytes("070000004041424344454647"), additional = bytes("50515253c0c1c2c3c4c5c6c7");
  const std::string text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be "
      "it.";
  const std::string sealed = aead_seal(Aead::chacha20_poly1305, {key, nonce, additional}, text);
  EXPECT_EQ(hex(sealed.substr(sealed.size() - 16)), "1ae10b594f09e26a7e902ecbd0600691");
  const std::string_view all = sealed;
  const auto opened = aead_open(Aead::chacha20_poly1305, {key, nonce, additional}, all.substr(0, all.size() - 16),
                                all.substr(all.size() - 16));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->reveal(), text);
  EXPECT_FALSE(aead_open(Aead::chacha20_poly1305, {key, nonce, "other"}, all.substr(0, all.size() - 16),
                         all.substr(all.size() - 16)));
}

}  // namespace
}  // namespace plumb
