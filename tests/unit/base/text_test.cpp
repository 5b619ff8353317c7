#include "controller/base/text.h"

#include <gtest/gtest.h>

#include <map>

namespace plumb {
namespace {

TEST(Text, AsciiCaseIsIgnoredAndNothingElse) {
  EXPECT_EQ(lower("sAMAccountName-Ü"), "samaccountname-Ü");
  EXPECT_TRUE(equals_ignoring_case("MAIL", "mail"));
  EXPECT_FALSE(equals_ignoring_case("mail", "mai"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));
  std::map<std::string, int, IgnoreCase> names = {{"Mail", 1}};
  EXPECT_TRUE(names.contains("mAIL"));
  EXPECT_FALSE(names.contains("mailx"));
}

TEST(Text, FoldsLettersAsDirectoryStringsDo) {
  EXPECT_EQ(fold_case("ÄÖÜ É Ø Þ"), fold_case("äöü é ø þ"));
  EXPECT_EQ(fold_case("ŁÓDŹ ŠŽ ŸÿĐ"), fold_case("łódź šž ÿŸđ"));
  EXPECT_EQ(fold_case("ΑΩ"), fold_case("αω"));
  EXPECT_EQ(fold_case("ЖЯЁ"), fold_case("жяё"));
  EXPECT_NE(fold_case("ß"), fold_case("ss"));
  EXPECT_NE(fold_case("×"), fold_case("÷"));
  EXPECT_EQ(fold_case("名"), "名");
  EXPECT_EQ(fold_case("\xff\xc3"), "\xff\xc3");
}

TEST(Text, FoldingTwiceIsFoldingOnceForEveryCodePointOfTwoBytes) {
  for (unsigned c = 0x80; c < 0x800; ++c) {
    const std::string text = {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
    EXPECT_EQ(fold_case(fold_case(text)), fold_case(text)) << c;
    EXPECT_TRUE(is_utf8(fold_case(text))) << c;
  }
}

TEST(Text, Utf8IsWhatRfc3629Allows) {
  for (const char* good : {"", "a", "ü", "名", "😀", "\x7f", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe5\x90", "a\xff"})
    EXPECT_FALSE(is_utf8(bad));
  EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
}

TEST(Text, NearWordsAreSuggestedAndFarOnesAreNot) {
  const std::vector<std::string> words = {"displayName", "description", "count"};
  EXPECT_EQ(nearest("dispalyName", words), "displayName");
  EXPECT_EQ(nearest("DISPLAYNAME", words), "displayName");
  EXPECT_EQ(nearest("cuont", words), "count");
  EXPECT_EQ(nearest("zebra", words), "");
  EXPECT_EQ(nearest("x", {}), "");
  EXPECT_EQ(did_you_mean("descriptoin", words), " (did you mean \"description\"?)");
  EXPECT_EQ(did_you_mean("zebra", words), "");
}

TEST(Text, NothingPrintableSteersATerminal) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("a\nb\tc"), "a\\x0ab\\x09c");
  EXPECT_EQ(printable("a\nb\tc", true), "a\nb\tc");
  EXPECT_EQ(printable("\r", true), "\\x0d");
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "C1 controls";
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae") << "right-to-left override";
  EXPECT_EQ(printable("Jürgen 名"), "Jürgen 名");
}

TEST(Text, PrintableIsAlwaysUtf8WithoutControls) {
  std::string all;
  for (int i = 0; i < 256; ++i)
    for (int j = 0; j < 256; j += 7) all = all + static_cast<char>(i) + static_cast<char>(j);
  const std::string shown = printable(all);
  EXPECT_TRUE(is_utf8(shown));
  for (const char c : shown) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

TEST(Text, PartsAreJoined) {
  EXPECT_EQ(join({}, ","), "");
  EXPECT_EQ(join({"a", "b"}, ", "), "a, b");
}

TEST(Text, ABeginningHasNoHalfOfACharacter) {
  const std::string text = "a\xC3\xA4\xE2\x82\xAC";  // a, an a with dots, a euro sign
  EXPECT_EQ(beginning(text, 6), text);
  EXPECT_EQ(beginning(text, 5), "a\xC3\xA4");
  EXPECT_EQ(beginning(text, 4), "a\xC3\xA4");
  EXPECT_EQ(beginning(text, 2), "a");
  EXPECT_EQ(beginning(text, 0), "");
}

}  // namespace
}  // namespace plumb
