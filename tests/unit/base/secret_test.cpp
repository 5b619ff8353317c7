#include "controller/base/secret.h"

#include <gtest/gtest.h>

#include <sstream>
#include <type_traits>

#include <fmt/format.h>

namespace plumb {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
template <class T>
concept Comparable = requires(const T& a, const T& b) {
  a == b;
};

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string> && !std::is_convertible_v<Secret, std::string_view>);
static_assert(!Printable<Secret> && !Comparable<Secret>);
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(std::is_nothrow_move_constructible_v<Secret> && std::is_nothrow_move_assignable_v<Secret>);

TEST(Secret, TakesTheBytesOverAndWipesTheSource) {
  std::string source = "hunter2-hunter2-hunter2-hunter2";
  const char* bytes = source.data();
  const std::size_t size = source.size();
  const Secret secret(std::move(source));
  EXPECT_EQ(secret.reveal(), "hunter2-hunter2-hunter2-hunter2");
  EXPECT_EQ(secret.size(), size);
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(bytes[1], '\0') << "the memory of the source still holds it";
}

TEST(Secret, MovesAndLeavesNothingBehind) {
  Secret first(std::string("one"));
  Secret second(std::move(first));
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.reveal(), "one");
  Secret third(std::string("three"));
  third = std::move(second);
  EXPECT_EQ(third.reveal(), "one");
  Secret& same = third;
  third = std::move(same);
  EXPECT_EQ(third.reveal(), "one");
}

TEST(Secret, MayBeEmptyOrHoldAnyBytes) {
  EXPECT_TRUE(Secret().empty());
  EXPECT_TRUE(Secret(std::string()).empty());
  EXPECT_EQ(Secret(std::string("a\0b", 3)).size(), 3U);
  EXPECT_EQ(Secret(std::string(100'000, 'x')).reveal(), std::string(100'000, 'x'));
}

TEST(Wipe, OverwritesTheBytes) {
  std::string text = "a long enough text to be on the heap";
  const char* bytes = text.data();
  wipe(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(bytes[5], '\0');
}

}  // namespace
}  // namespace plumb
