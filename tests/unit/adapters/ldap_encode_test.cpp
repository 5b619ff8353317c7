#include "controller/adapters/ldap/encode.h"

#include <gtest/gtest.h>

namespace plumb::ldap {
namespace {

TEST(LdapEncode, AGuidIsMixedEndianAndComesBack) {
  const std::string bytes("\x2a\x1b\x0c\x5f\x23\x01\x67\x45\x89\xab\x01\x23\x45\x67\x89\xab", 16);
  EXPECT_EQ(guid_text(bytes), "5f0c1b2a-0123-4567-89ab-0123456789ab");
  EXPECT_EQ(guid_bytes("5f0c1b2a-0123-4567-89ab-0123456789ab"), bytes);
  EXPECT_EQ(guid_bytes("5F0C1B2A-0123-4567-89AB-0123456789AB"), bytes);
}

TEST(LdapEncode, WhatIsNoGuidIsNotTakenForOne) {
  EXPECT_EQ(guid_text("short"), "");
  for (const char* text :
       {"", "5f0c1b2a", "5f0c1b2a-0123-4567-89ab-0123456789a", "5f0c1b2a-0123-4567-89ab_0123456789ab",
        "5f0c1b2x-0123-4567-89ab-0123456789ab", "5f0c1b2a-0123-4567-89ab-0123456789ab0"})
    EXPECT_FALSE(guid_bytes(text)) << text;
}

TEST(LdapEncode, ASidIsRevisionAuthorityAndSubAuthorities) {
  EXPECT_EQ(sid_text(std::string("\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0", 16)), "S-1-5-32-544");
  EXPECT_EQ(sid_text(std::string("\x01\x02\0\0\0\0\0\x05\x20\0\0\0", 12)), "") << "cut short";
  EXPECT_EQ(sid_text(""), "");
}

TEST(LdapEncode, BytesInAFilterAreAllEscaped) {
  EXPECT_EQ(filter_bytes(std::string("a*\0\xff", 4)), "\\61\\2a\\00\\ff");
}

TEST(LdapEncode, APasswordIsQuotedUtf16) {
  const auto encoded = unicode_password(Secret(std::string("a\xC3\xBC\xF0\x9F\x94\x91")));
  ASSERT_TRUE(encoded);
  EXPECT_EQ(encoded->reveal(), std::string_view("\"\0a\0\xFC\0\x3D\xD8\x11\xDD\"\0", 12));
}

TEST(LdapEncode, APasswordThatIsNotUtf8IsRefusedWithoutBeingShown) {
  const auto encoded = unicode_password(Secret(std::string("geheim\xFF")));
  ASSERT_FALSE(encoded);
  EXPECT_EQ(encoded.error().fault, Fault::invalid);
  EXPECT_EQ(encoded.error().message.find("geheim"), std::string::npos);
}

TEST(LdapEncode, ARangeIsTakenOutOfTheAttributesName) {
  const auto middle = parse_attribute_name("member;range=1500-2999");
  EXPECT_EQ(middle.name, "member");
  EXPECT_TRUE(middle.ranged);
  EXPECT_EQ(middle.first, 1500U);
  EXPECT_EQ(middle.last, 2999U);
  const auto end = parse_attribute_name("member;Range=3000-*");
  EXPECT_TRUE(end.ranged);
  EXPECT_FALSE(end.last);
  EXPECT_FALSE(parse_attribute_name("userCertificate;binary").ranged);
  EXPECT_FALSE(parse_attribute_name("member;range=x-y").ranged);
  EXPECT_EQ(parse_attribute_name("").name, "");
}

TEST(LdapEncode, BinaryAttributesAreGivenAsText) {
  EXPECT_EQ(value_text("OBJECTSID", std::string("\x01\x01\0\0\0\0\0\x05\x12\0\0\0", 12)), "S-1-5-18");
  EXPECT_EQ(value_text("title", "x"), "x");
}

}  // namespace
}  // namespace plumb::ldap
