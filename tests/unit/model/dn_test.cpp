#include "controller/model/dn.h"

#include <gtest/gtest.h>

#include <random>

#include "controller/base/text.h"

namespace plumb {
namespace {

Dn dn(std::string_view text) { return *Dn::parse(text); }

TEST(Dn, IsReadIntoItsParts) {
  const Dn jane = dn("CN=Doe\\, Jane,OU=People,DC=ad,DC=test");
  ASSERT_EQ(jane.rdns().size(), 4U);
  EXPECT_EQ(jane.leaf().attribute, "CN");
  EXPECT_EQ(jane.leaf().value, "Doe, Jane");
  EXPECT_EQ(jane.parent().text(), "OU=People,DC=ad,DC=test");
  EXPECT_EQ(jane.text(), "CN=Doe\\, Jane,OU=People,DC=ad,DC=test");
  EXPECT_TRUE(dn("").empty());
  EXPECT_TRUE(Dn().parent().empty());
  EXPECT_EQ(Dn().child("DC", "test").child("OU", "a+b").text(), "OU=a\\+b,DC=test");
}

TEST(Dn, SpacesAroundAreNotPartAndEscapedOnesAre) {
  EXPECT_EQ(dn(" CN = a b , OU=x ").text(), "CN=a b,OU=x");
  EXPECT_EQ(dn("CN=\\ a\\ ,OU=x").leaf().value, " a ");
  EXPECT_EQ(dn("CN=\\ a\\ ,OU=x").text(), "CN=\\ a\\ ,OU=x");
}

TEST(Dn, TheExamplesOfRfc4514AreRead) {
  EXPECT_EQ(dn("CN=James \\\"Jim\\\" Smith\\, III,DC=example,DC=net").leaf().value, "James \"Jim\" Smith, III");
  EXPECT_EQ(dn("CN=Before\\0dAfter,DC=example,DC=net").leaf().value, "Before\rAfter");
  EXPECT_EQ(dn("CN=Lu\\C4\\8Di\\C4\\87").leaf().value, "Lučić");
  EXPECT_EQ(dn("1.3.6.1=x").leaf().attribute, "1.3.6.1");
}

TEST(Dn, WhatIsNoNameIsRefused) {
  for (const char* bad :
       {"People", "CN=", "CN=a,", ",CN=a", "CN=a,,OU=b", "=a", "C N=a", "CN=a+OU=b", "CN=#0401", "CN=a\\", "CN=a\\x",
        "CN=a\"b", "CN=a;OU=b", "CN=<a>", "CN=\\ff", "CN=a,OU", "CN=\xff", "C\xc3\xbcN=a"})
    EXPECT_FALSE(Dn::parse(bad)) << bad;
  EXPECT_FALSE(Dn::parse(std::string_view("CN=a\0b", 6)));
}

TEST(Dn, NamesOfOneObjectHaveOneKey) {
  EXPECT_EQ(dn_key("cn=DOE\\2c JANE, ou=people"), dn_key("CN=Doe\\, Jane,OU=People"));
  EXPECT_EQ(dn_key("CN=MÜLLER"), dn_key("cn=müller"));
  EXPECT_NE(dn_key("CN=a\\,OU=b"), dn_key("CN=a,OU=b"));
  EXPECT_EQ(dn_key("Not A Name"), "not a name");
}

TEST(Dn, WithinIsDecidedByPartsAndNotByText) {
  const Dn people = dn("OU=People,DC=ad,DC=test");
  EXPECT_TRUE(dn("cn=x,ou=PEOPLE, dc=AD,dc=test").within(people));
  EXPECT_TRUE(people.within(people));
  EXPECT_TRUE(people.within(Dn()));
  EXPECT_FALSE(dn("DC=ad,DC=test").within(people));
  EXPECT_FALSE(dn("OU=NotPeople,DC=ad,DC=test").within(people));
  EXPECT_FALSE(dn("CN=x\\,OU=People,DC=ad,DC=test").within(people));
}

// Values from pieces that are special somewhere, in places where they are.
class Values {
 public:
  std::string next() {
    static const std::vector<std::string> pieces = {
        " ",  "#", ",", "+", "\"",   "\\",   "<",    ">",    ";",
        "=",  "a", "B", "0", "\x01", "\r",   "\n",   "\x7f", "ü",
        "名", "😀", "*", "(", ")",    "\\2c", "CN=x", "41",   std::string(1, '\0'),
        "/",  "'", "  "};
    std::string value;
    for (std::size_t i = 1 + random_() % 6; i > 0; --i) value += pieces[random_() % pieces.size()];
    return value;
  }

 private:
  std::mt19937 random_{9};
};

TEST(Dn, AnyValueIsReadBackFromItsText) {
  Values values;
  for (int i = 0; i < 10'000; ++i) {
    const std::string first = values.next(), second = values.next();
    const Dn made = Dn().child("DC", "test").child("OU", second).child("CN", first);
    const auto read = Dn::parse(made.text());
    ASSERT_TRUE(read) << made.text() << ": " << read.error().message;
    ASSERT_EQ(read->rdns().size(), 3U) << made.text();
    EXPECT_EQ(read->rdns()[0].value, first);
    EXPECT_EQ(read->rdns()[1].value, second);
    EXPECT_EQ(read->text(), made.text());
    EXPECT_EQ(dn_key(made.text()), made.key());
  }
}

TEST(FilterValue, LeavesNothingThatHasAMeaningInAFilter) {
  EXPECT_EQ(filter_value("a*b(c)d\\e"), "a\\2ab\\28c\\29d\\5ce");
  EXPECT_EQ(filter_value(std::string_view("\0", 1)), "\\00");
  EXPECT_EQ(filter_value("Müller"), "Müller");
}

// What a server makes of it (RFC 4515, 3).
std::string unescaped(const std::string& text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      value += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      value += text[i];
    }
  }
  return value;
}

TEST(FilterValue, AnyValueArrivesAsItWas) {
  Values values;
  for (int i = 0; i < 10'000; ++i) {
    const std::string value = values.next();
    const std::string text = filter_value(value);
    ASSERT_EQ(unescaped(text), value);
    ASSERT_EQ(text.find_first_of(std::string_view("*()\0", 4)), std::string::npos);
  }
}

TEST(LinkText, HoldsIdAndNameOrOneOfThem) {
  const LinkText link = parse_link("<GUID=5f0c>;CN=a;b,DC=x");
  EXPECT_EQ(link.id, "5f0c");
  EXPECT_EQ(link.dn, "CN=a;b,DC=x");
  EXPECT_EQ(to_string(link), "<GUID=5f0c>;CN=a;b,DC=x");
  EXPECT_EQ(parse_link("CN=a").id, "");
  EXPECT_EQ(parse_link("<GUID=5f0c>").id, "5f0c");
  EXPECT_EQ(parse_link("<GUID=5f0c>").dn, "");
  EXPECT_EQ(parse_link("<GUID=5f0c").dn, "<GUID=5f0c");
}

}  // namespace
}  // namespace plumb
