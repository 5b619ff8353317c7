#include "controller/manifest/packed.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

namespace plumb::manifest {
namespace {

Value document() {
  return boost::json::parse(R"({"a": [1, 2.5, true, null, "text"], "much": {"longer": "than what fits into a string",
    "nested": [{"x": {}}, {"x": []}, ""]}, "empty": {}, "name": "n"})");
}

TEST(Packed, IsEqualToWhatItWasMadeOf) {
  EXPECT_EQ(packed(document()), document());
  for (const char* scalar : {"1", "null", "true", "\"short\"", "\"longer than what fits into a short string\"", "[]"})
    EXPECT_EQ(packed(boost::json::parse(scalar)), boost::json::parse(scalar));
}

TEST(Packed, TakesMoreThanItsScratchMemory) {
  Object large;
  for (int i = 0; i < 5'000; ++i) large[std::to_string(i)] = std::string(100, 'x');
  EXPECT_EQ(packed(large), Value(large));
}

TEST(Packed, LivesAsLongAsAnyPartOfIt) {
  Value whole = packed(document());
  const Value part = std::move(whole.as_object()["much"]);
  whole = nullptr;
  EXPECT_EQ(part, document().at("much"));
}

TEST(Packed, StaysInItsBlockWhenItIsMoved) {
  Value made = packed(document());
  const auto* const where = made.get_object().begin();
  const Value moved(std::move(made));
  EXPECT_EQ(moved.get_object().begin(), where);
}

TEST(Packed, CanBeChangedAndTheChangesComeApart) {
  Value value = packed(document());
  const Value before = value;
  value.as_object()["name"] = std::string(1'000, 'y');
  value.as_object()["more"] = {1, 2, 3};
  value.as_object().erase("much");
  EXPECT_EQ(before, document());
  EXPECT_EQ(value.at("name").get_string().size(), 1'000U);
}

// Under the thread sanitizer: copies share the memory resource of what they copy.
TEST(Packed, IsCopiedByManyThreadsAtOnce) {
  const Value value = packed(document());
  std::vector<std::jthread> threads;
  std::vector<Value> copies(4);
  for (Value& copy : copies)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        Value mine(value);
        mine.as_object()["i"] = i;
        copy = mine;
      }
    });
  threads.clear();
  for (const Value& copy : copies) EXPECT_EQ(copy.at("much"), value.at("much"));
}

}  // namespace
}  // namespace plumb::manifest
