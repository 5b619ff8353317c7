#include <random>

#include <gtest/gtest.h>

#include "controller/manifest/yaml.h"

namespace plumb::manifest {
namespace {

void expect_round_trip(const Value& value) {
  const std::string text = write_yaml(value);
  const YamlFile file = parse_yaml(text, "f.yaml");
  ASSERT_TRUE(file.diagnostics.empty()) << to_string(file.diagnostics.front()) << "\n" << text;
  ASSERT_EQ(file.documents.size(), 1U) << text;
  ASSERT_EQ(canonical(file.documents[0].value), canonical(value)) << text;
}

class RandomValue {
 public:
  explicit RandomValue(unsigned seed) : random_(seed) {}

  Value make(int depth) {
    const auto kind = pick(depth > 0 ? 8 : 6);
    if (kind == 0) return nullptr;
    if (kind == 1) return pick(2) == 0;
    if (kind == 2) return static_cast<std::int64_t>(random_()) - (std::int64_t{1} << 31);
    if (kind == 3) return std::ldexp(static_cast<double>(random_()), static_cast<int>(pick(200)) - 100);
    if (kind <= 5) return Value(text());
    if (kind == 6) {
      Array items;
      for (auto n = pick(4); n > 0; --n) items.push_back(make(depth - 1));
      return items;
    }
    Object members;
    for (auto n = pick(5); n > 0; --n) members.emplace(text(), make(depth - 1));
    return members;
  }

 private:
  std::size_t pick(std::size_t below) { return random_() % below; }
  std::string text() {
    static const std::vector<std::string> kPieces = {"a",
                                                     "no",
                                                     "017",
                                                     "1_0",
                                                     ":",
                                                     ": ",
                                                     " #",
                                                     "#",
                                                     "-",
                                                     "- ",
                                                     "'",
                                                     "\"",
                                                     "\\",
                                                     "\n",
                                                     "\t",
                                                     " ",
                                                     "ä",
                                                     "😀",
                                                     "{{",
                                                     "}",
                                                     "[",
                                                     ",",
                                                     "&x",
                                                     "*x",
                                                     "!",
                                                     "|",
                                                     ">",
                                                     "%",
                                                     "@",
                                                     "`",
                                                     "<<",
                                                     "\x01",
                                                     "~",
                                                     "1.5",
                                                     "\u2028",
                                                     "\u0085",
                                                     "=",
                                                     "?",
                                                     "? ",
                                                     "...",
                                                     "---",
                                                     "\r",
                                                     "CN=",
                                                     "true",
                                                     "null",
                                                     "\xEF\xBB\xBF",
                                                     "12:30",
                                                     "\x7f",
                                                     std::string(1100, 'k')};
    std::string made;
    for (auto n = pick(4); n > 0; --n) made += kPieces[pick(kPieces.size())];
    return made;
  }
  std::mt19937 random_;
};

TEST(WriteYaml, WhatIsWrittenReadsBackTheSame) {
  for (unsigned seed = 0; seed < 3'000; ++seed) {
    SCOPED_TRACE(seed);
    expect_round_trip(RandomValue(seed).make(4));
    if (HasFatalFailure()) return;
  }
}

TEST(WriteYaml, IsBlockStyleWithQuotesOnlyWhereNeeded) {
  const Value value = {
      {"name", "CN=J Doe,OU=People"}, {"on", "no"}, {"list", Array{"a", Object{{"b", 1}, {"c", Array{}}}}}};
  EXPECT_EQ(write_yaml(value), "name: CN=J Doe,OU=People\n\"on\": \"no\"\nlist:\n  - a\n  - b: 1\n    c: []\n");
}

}  // namespace
}  // namespace plumb::manifest
