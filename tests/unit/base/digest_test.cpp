#include "controller/base/digest.h"

#include <gtest/gtest.h>

#include <random>

namespace plumb {
namespace {

TEST(Digest, Sha256GivesTheVectorsOfFips180) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, HmacGivesTheVectorsOfRfc4231) {
  EXPECT_EQ(hmac_sha256(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Digest, HmacSha512GivesTheVectorsOfRfc4231) {
  EXPECT_EQ(hmac_sha512(std::string(20, '\x0b'), "Hi There"),
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
            "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854");
}

TEST(Digest, ComparesByContent) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

TEST(Digest, RandomTextsDiffer) {
  EXPECT_EQ(random_hex(32).size(), 64U);
  EXPECT_NE(random_hex(32), random_hex(32));
  EXPECT_EQ(random_hex(0), "");
}

TEST(Base64, GivesTheVectorsOfRfc4648AndReadsThemBack) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
}

TEST(Digest, IsTheBytesOfItsText) {
  const std::string text = sha256("abc");
  EXPECT_EQ(to_digest(text).bytes[0], 0xBA);
  EXPECT_EQ(to_string(to_digest(text)), text);
}

TEST(Digest, OfWhatIsNoDigestIsOneOfItsOwn) {
  EXPECT_EQ(to_string(to_digest("v1")), sha256("v1"));
  EXPECT_NE(to_digest(std::string(64, 'g')), to_digest(std::string(64, 'h')));
}

TEST(Base64, AnyBytesAreReadBack) {
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    ASSERT_EQ(from_base64(base64(bytes)), bytes);
  }
}

TEST(Base64, WhatIsSpeltOtherwiseIsRefused) {
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "====", "=", "Zg==Zg==", "Zm 9v", "Zm9v\n", "\nZm9", "Zm9%"})
    EXPECT_FALSE(from_base64(bad)) << bad;
}

TEST(Digest, RawDigestsAreTheBytesThatTheTextsStandFor) {
  EXPECT_EQ(sha256_raw("abc").size(), 32U);
  EXPECT_EQ(to_string(to_digest(sha256("abc"))), sha256("abc"));
  EXPECT_EQ(base64(sha256_raw("abc")), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
  EXPECT_EQ(base64(hmac_sha256_raw("Jefe", "what do ya want for nothing?")),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
  EXPECT_EQ(random_raw(32).size(), 32U);
}

TEST(Digest, Base64ForUrlsHasNeitherPaddingNorCharactersThatUrlsEscape) {
  EXPECT_EQ(base64url(""), "");
  EXPECT_EQ(base64url("f"), "Zg");
  EXPECT_EQ(base64url("\xfb\xff\xfe"), "-__-");
  // RFC 7636, appendix B: the challenge of that verifier.
  EXPECT_EQ(base64url(sha256_raw("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).size(), 43U);
  EXPECT_EQ(base64url(sha256_raw("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

}  // namespace
}  // namespace plumb
