// When the link is told that there is something to send.
#include "connector/reply.h"

#include <gtest/gtest.h>

namespace plumb::test {
namespace {

class ReplyTest : public testing::Test {
 protected:
  int woken_ = 0;
  connector::Reply reply_{1, [this] { ++woken_; }};
};

TEST_F(ReplyTest, ALittleThatIsGatheredGoesWithTheEnd) {
  EXPECT_TRUE(reply_.gather("one"));
  EXPECT_TRUE(reply_.gather("two"));
  EXPECT_EQ(woken_, 0) << "each time costs a turn of both ends";
  reply_.end("end");
  EXPECT_EQ(woken_, 1);
}

TEST_F(ReplyTest, MuchThatIsGatheredDoesNotWaitForTheEnd) {
  EXPECT_TRUE(reply_.gather(std::string(10'000, 'x')));
  EXPECT_TRUE(reply_.gather(std::string(10'000, 'x')));
  EXPECT_EQ(woken_, 1);
  EXPECT_TRUE(reply_.gather(std::string(10'000, 'x')));
  EXPECT_EQ(woken_, 1) << "it was told, and has not looked yet";
}

TEST_F(ReplyTest, WhatIsStreamedDoesNotWait) {
  EXPECT_TRUE(reply_.stream("a line of a log"));
  EXPECT_EQ(woken_, 1);
}

TEST_F(ReplyTest, NothingIsTakenOnceNobodyWantsIt) {
  reply_.give_up();
  EXPECT_FALSE(reply_.gather("one"));
  EXPECT_TRUE(reply_.is_over());
}

}  // namespace
}  // namespace plumb::test
