#include <gtest/gtest.h>

#include "controller/adapters/secrets/age.h"

namespace plumb::secrets::age {
namespace {

// Keys and a file from the public test data of getsops/sops (age/keysource_test.go): known to everyone.
constexpr std::string_view kIdentity = "AGE-SECRET-KEY-1G0Q5K9TV4REQ3ZSQRMTMG8NSWQGYT0T7TZ33RAZEE0GZYVZN0APSU24RK7";
constexpr std::string_view kOther = "AGE-SECRET-KEY-1432K5YRNSC44GC4986NXMX6GVZ52WTMT9C79CLUVWYY4DKDHD5JSNDP4MC";
constexpr std::string_view kFile = R"(-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBvY2t2NkdLUGRvY3l2OGNy
MVJWcUhCOEZrUG8yeCtnRnhxL0I5NFk4YjJFCmE4SVQ3MEdyZkFqRWpSa2F0NVhF
VDUybzBxdS9nSGpHSVRVMUI0UEVqZkkKLS0tIGJjeGhNQ0Y5L2VZRVVYSm90djFF
bzdnQ3UwTGljMmtrbWNMV1MxYkFzUFUK4xjOZOTGdcbzuwUY/zeBXhcF+Md3e5PQ
EylloI7MNGbadPGb
-----END AGE ENCRYPTED FILE-----)";

std::vector<Identity> identities(std::string_view text) {
  auto parsed = parse_identities(text);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? std::move(*parsed) : std::vector<Identity>();
}

Fault fault_of_opening(std::string_view file) {
  const auto opened = decrypt(file, identities(kIdentity));
  EXPECT_FALSE(opened);
  return opened ? Fault::internal : opened.error().fault;
}

TEST(Age, AnIdentityHasTheRecipientOfTheSpecification) {
  const auto parsed =
      identities("# comment\n\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\r\n");
  ASSERT_EQ(parsed.size(), 1U);
  EXPECT_EQ(parsed[0].recipient, "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
  EXPECT_EQ(identities(kIdentity)[0].recipient, "age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun");
}

TEST(Age, AFileOpensForOneOfSeveralIdentities) {
  const auto opened = decrypt(kFile, identities(std::string(kOther) + "\n" + std::string(kIdentity)));
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->reveal(), "data");
}

TEST(Age, LinesMayEndAsOnWindows) {
  std::string file = "\r\n";
  for (const char c : kFile) file += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_TRUE(decrypt(file + "\r\n", identities(kIdentity)));
}

TEST(Age, SomebodyElsesFileIsDenied) {
  const auto opened = decrypt(kFile, identities(kOther));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().fault, Fault::denied);
}

TEST(Age, AFileThatWasChangedAnywhereDoesNotOpen) {
  std::size_t tried = 0;
  for (std::size_t i = 0; i < kFile.size(); ++i) {
    std::string changed(kFile);
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(decrypt(changed, identities(kIdentity))) << i;
    ++tried;
  }
  EXPECT_GT(tried, 300U);
}

TEST(Age, AFileThatIsCutOffIsInvalid) {
  for (std::size_t size = 0; size < kFile.size(); ++size)
    EXPECT_EQ(fault_of_opening(kFile.substr(0, size)), Fault::invalid) << size;
}

TEST(Age, WhatFollowsOrPrecedesTheArmourIsRefused) {
  EXPECT_EQ(fault_of_opening(std::string(kFile) + "\nmore"), Fault::invalid);
  EXPECT_EQ(fault_of_opening("more\n" + std::string(kFile)), Fault::invalid);
}

TEST(Age, AnIdentityThatIsMistypedIsNamedByItsLineOnly) {
  std::string text = std::string(kOther) + "\n" + std::string(kIdentity);
  text.back() = text.back() == 'Q' ? 'P' : 'Q';
  const auto parsed = parse_identities(text);
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("line 2"), std::string::npos);
  EXPECT_EQ(parsed.error().message.find("1G0Q5"), std::string::npos);
}

TEST(Age, WhatIsNoIdentityIsRefused) {
  EXPECT_FALSE(parse_identities(""));
  EXPECT_FALSE(parse_identities("# only a comment\n"));
  EXPECT_FALSE(parse_identities("age1lzd99uklcjnc0e7d860axevet2cz99ce9pq6tzuzd05l5nr28ams36nvun"));
  EXPECT_FALSE(parse_identities("AGE-SECRET-KEY-1"));
  EXPECT_FALSE(parse_identities("AGE-PLUGIN-YUBIKEY-1QQPQYZ"));
}

}  // namespace
}  // namespace plumb::secrets::age
