#include "controller/adapters/ldap/changes.h"

#include <gtest/gtest.h>

#include "controller/adapters/ldap/history.h"
#include "controller/base/digest.h"

namespace plumb::ldap {
namespace {

constexpr const char* kId = "5f0c1a2b-0123-4567-89ab-0123456789ab";

Cursor by_usn() {
  return {Method::usn, kId, true, *parse_time("2026-11-20T18:27:00Z"), kId, 4711, {kId, 4700}, "", {}};
}
Cursor by_dirsync() {
  Cursor cursor = by_usn();
  cursor.method = Method::dirsync;
  cursor.cookie = std::string("MSDS\0\xff", 6);
  cursor.servers = {{kId, 4711}};
  return cursor;
}

TEST(LdapCursor, IsReadAsItWasWritten) {
  for (const Cursor& cursor : {by_usn(), by_dirsync()}) {
    const auto read = Cursor::parse(cursor.text());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->text(), cursor.text());
    EXPECT_EQ(read->usn, 4711U);
    EXPECT_EQ(read->witness.usn, 4700U);
    EXPECT_EQ(read->cookie, cursor.cookie);
  }
}

TEST(LdapCursor, WhateverIsCutOffOrMissingIsRefused) {
  const std::string text = by_dirsync().text();
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(Cursor::parse(text.substr(0, length))) << length;
  for (const std::string member : {"method", "domain", "deletions", "made", "server", "usn", "cookie", "servers"}) {
    std::string without = text;
    without.replace(without.find("\"" + member + "\""), member.size() + 2, "\"x" + member + "\"");
    const auto read = Cursor::parse(without);
    ASSERT_FALSE(read) << member;
    EXPECT_EQ(read.error().fault, Fault::conflict);
  }
}

// As documented for Windows (MS-DRSR 4.1.13.1.11, 4.1.13.1.15): with a zero byte and line ends.
TEST(LdapHistory, ReadsWhatWindowsTellsOfAnAttribute) {
  const auto stamp = stamp_of_text(
      "<DS_REPL_ATTR_META_DATA>\n\t<pszAttributeName>title</pszAttributeName>\n\t<dwVersion>3</dwVersion>\n"
      "\t<ftimeLastOriginatingChange>2026-11-20T18:27:05Z</ftimeLastOriginatingChange>\n"
      "\t<uuidLastOriginatingDsaInvocationID>5F0C1A2B-0123-4567-89AB-0123456789AB"
      "</uuidLastOriginatingDsaInvocationID>\n\t<usnOriginatingChange>81940</usnOriginatingChange>\n"
      "\t<usnLocalChange>81940</usnLocalChange>\n"
      "\t<pszLastOriginatingDsaDN>CN=NTDS Settings,CN=DC7,CN=Servers,CN=R&amp;D,CN=Sites,CN=Configuration,DC=ad,DC=test"
      "</pszLastOriginatingDsaDN>\n</DS_REPL_ATTR_META_DATA>\n");
  ASSERT_TRUE(stamp);
  EXPECT_EQ(stamp->history.attribute, "title");
  EXPECT_EQ(stamp->history.version, 3U);
  EXPECT_EQ(format_time(stamp->history.changed), "2026-11-20T18:27:05.000Z");
  EXPECT_EQ(stamp->history.server, "DC7");
  EXPECT_EQ(stamp->invocation_id, kId);
  EXPECT_EQ(stamp->history.value, "");
  EXPECT_FALSE(stamp->history.removed);
}

TEST(LdapHistory, ReadsWhatWindowsTellsOfAValueOfALink) {
  const auto value = [](const std::string& deleted) {
    return stamp_of_text(
        "<DS_REPL_VALUE_META_DATA><pszAttributeName>member</pszAttributeName>"
        "<pszObjectDn>CN=R&amp;D \\&lt;x\\&gt;,DC=ad,DC=test</pszObjectDn><cbData>0</cbData>"
        "<pbData></pbData><ftimeDeleted>" +
        deleted +
        "</ftimeDeleted><ftimeCreated>2026-11-01T00:00:00Z</ftimeCreated><dwVersion>2</dwVersion>"
        "<ftimeLastOriginatingChange>2026-11-20T18:27:05Z</ftimeLastOriginatingChange>"
        "<pszLastOriginatingDsaDN></pszLastOriginatingDsaDN></DS_REPL_VALUE_META_DATA>");
  };
  const auto present = value("1601-01-01T00:00:00Z"), removed = value("2026-11-20T18:27:05Z");
  ASSERT_TRUE(present && removed);
  EXPECT_EQ(present->history.value, "CN=R&D \\<x\\>,DC=ad,DC=test");
  EXPECT_FALSE(present->history.removed);
  EXPECT_TRUE(removed->history.removed);
  EXPECT_EQ(removed->history.server, "");
  EXPECT_FALSE(stamp_of_text("<DS_REPL_VALUE_META_DATA></DS_REPL_VALUE_META_DATA>"));
  EXPECT_FALSE(stamp_of_text(""));
}

TEST(LdapHistory, ReadsTheBytesThatSambaKeepsAndNothingOfAPart) {
  // Two rows of an Administrator account as Samba 4.17 made them.
  std::string bytes = *from_base64(
      "AQAAAAAAAAAaAAAAAAAAAAAAAAABAAAA6y0RIQMAAACJ3fSMmoBbSYGTEnYFB+HFDQ8AAAAAAAANDwAAAAAAAAMA"
      "AAABAAAA6y0RIQMAAACJ3fSMmoBbSYGTEnYFB+HFDQ8AAAAAAAANDwAAAAAAAA==");
  EXPECT_TRUE(stamps_of_bytes(bytes).empty()) << "it says that there are 26";
  bytes[8] = 2;
  const auto stamps = stamps_of_bytes(bytes);
  ASSERT_EQ(stamps.size(), 2U);
  EXPECT_EQ(*stamps[0].number, 0U);
  EXPECT_EQ(*stamps[1].number, 3U);
  EXPECT_EQ(stamps[0].history.version, 1U);
  EXPECT_EQ(stamps[0].invocation_id, "8cf4dd89-809a-495b-8193-12760507e1c5");
  EXPECT_EQ(format_time(stamps[0].history.changed).substr(0, 4), "2026");
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_TRUE(stamps_of_bytes(bytes.substr(0, length)).empty()) << length;
}

TEST(LdapHistory, KnowsTheNamesOfNumbersAndServers) {
  EXPECT_EQ(oid_of(0x20001), "1.2.840.113556.1.2.1");   // instanceType
  EXPECT_EQ(oid_of(0x9005d), "1.2.840.113556.1.4.93");  // pwdLastSet
  EXPECT_EQ(oid_of(3), "2.5.4.3");                      // cn
  EXPECT_FALSE(oid_of(0x80001234));
  EXPECT_EQ(server_in("CN=NTDS Settings,CN=DC1,CN=Servers,CN=S,CN=Sites"), "DC1");
  EXPECT_EQ(server_in("CN=NTDS Settings\\0ADEL:5f0c1a2b,CN=DC1,CN=Servers"), "");
  EXPECT_EQ(server_in(""), "");
}

}  // namespace
}  // namespace plumb::ldap
