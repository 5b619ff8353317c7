// Whatever fails on the way, the account that was made for the test is removed again.
#include "controller/app/directory_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_directory.h"

namespace plumb::app {
namespace {

using testing::ElementsAre;

class DirectoryCheck : public testing::Test {
 protected:
  DirectoryCheck() {
    directory_.add_ou("Scratch");
    directory_.add_user("somebody", "OU=Scratch,DC=ad,DC=test");
    before_ = directory_.dump();
  }
  std::vector<std::string> outcomes() {
    std::vector<std::string> all;
    for (const DirectoryTried& each : try_writing(directory_, scratch_, clock_, std::chrono::seconds(10)))
      all.push_back((each.good ? "" : "not ") + each.step);
    return all;
  }
  test::FakeClock clock_;
  test::FakeDirectory directory_;
  const Dn scratch_ = *Dn::parse("OU=Scratch,DC=ad,DC=test");
  std::string before_;
};

TEST_F(DirectoryCheck, DoesWhatThePeopleOfTheDomainAreKeptBy) {
  EXPECT_THAT(outcomes(),
              ElementsAre("look", "create", "password", "enable", "update", "disable", "remove", "compare"));
  EXPECT_EQ(directory_.dump(), before_);
  EXPECT_EQ(directory_.log().size(), 6U);
}

TEST_F(DirectoryCheck, RemovesTheAccountWhateverFails) {
  const std::vector<std::string> steps = {"create", "password", "enable", "update", "disable"};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    directory_.fail_write(static_cast<int>(i) + 1, Fault::denied);
    EXPECT_THAT(outcomes(), testing::Contains("not " + steps[i]));
    EXPECT_EQ(directory_.dump(), before_) << steps[i];
    directory_.timeout_after_write(static_cast<int>(i) + 1);
    EXPECT_THAT(outcomes(), testing::Contains("not " + steps[i]));
    EXPECT_EQ(directory_.dump(), before_) << steps[i];
  }
}

TEST_F(DirectoryCheck, SaysWhereTheAccountIsThatCouldNotBeRemoved) {
  directory_.fail_write(6, Fault::denied);
  const auto tried = try_writing(directory_, scratch_, clock_, std::chrono::seconds(10));
  EXPECT_FALSE(tried.back().good);
  EXPECT_THAT(tried.back().text, testing::ContainsRegex("look for CN=plumb-test-[0-9a-f]+,OU=Scratch"));
}

TEST_F(DirectoryCheck, WritesNothingWhereItCannotLook) {
  directory_.fail_read(2);
  EXPECT_THAT(outcomes(), ElementsAre("not look"));
  EXPECT_EQ(directory_.log().size(), 0U);
  directory_.down = true;
  EXPECT_FALSE(try_reading(directory_, {scratch_}, clock_, std::chrono::seconds(10)).front().good);
}

TEST_F(DirectoryCheck, FindsTheBasesOrSaysWhichIsNotThere) {
  const auto tried =
      try_reading(directory_, {scratch_, *Dn::parse("OU=None,DC=ad,DC=test")}, clock_, std::chrono::seconds(10));
  ASSERT_EQ(tried.size(), 3U);
  EXPECT_TRUE(tried[1].good);
  EXPECT_FALSE(tried[2].good);
  EXPECT_THAT(tried[2].text, testing::HasSubstr("OU=None"));
}

}  // namespace
}  // namespace plumb::app
