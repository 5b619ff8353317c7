// How an agent becomes somebody, over links that break meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/linked_agent.h"

namespace plumb::test {
namespace {

using testing::Contains;

class Enrolment : public testing::Test {
 protected:
  Enrolment() { world_.declare({"a", "b"}); }
  void tick() {
    world_.on_loop([&] {
      world_.hub->tick();
      return true;
    });
    world_.settle();
  }
  LinkWorld world_;
};

// A link that breaks while an agent is registered costs nothing: not the token, and not the agent that was there.
TEST_F(Enrolment, ATokenBelongsToTheFirstKeyUntilThatIsKnownToBeKept) {
  auto& old = world_.site("a");
  ASSERT_TRUE(world_.dial(old));
  for (const auto lost : {link::FrameType::welcome, link::FrameType::ready}) {
    auto& fresh = world_.site("a");
    fresh.lost = lost;
    EXPECT_FALSE(world_.dial(fresh) && fresh.ended.empty());
    tick();
    EXPECT_TRUE(world_.dial(old)) << "until the new one is there: " << old.ended;
    auto& thief = world_.site("b");
    thief.token = fresh.token;
    EXPECT_FALSE(world_.dial(thief));
    ASSERT_TRUE(thief.refusal);
    EXPECT_EQ(thief.refusal->reason, "InvalidToken");

    if (lost == link::FrameType::welcome) world_.restart_hub();
    world_.declare({"a", "b"});
    fresh.lost = {};
    ASSERT_TRUE(world_.dial(fresh)) << fresh.ended;
    tick();
    EXPECT_FALSE(world_.dial(old));
    EXPECT_EQ(old.refusal->reason, "UnknownIdentity");
    EXPECT_FALSE(world_.dial(thief));
    EXPECT_EQ(world_.on_loop([&] { return world_.identities.all()->size(); }), 1U);
    ASSERT_TRUE(world_.dial(fresh)) << fresh.ended;
    old.keys = std::move(fresh.keys);
    old.token.clear();
    world_.on_loop([&] {
      world_.hang_up(fresh);
      return true;
    });
  }
  EXPECT_THAT(world_.events, Contains("connector.enrolled").Times(3));
}

TEST_F(Enrolment, WhatATokenMadeGoesWithItWhereNobodyConfirmedIt) {
  auto& fresh = world_.site("a");
  fresh.lost = link::FrameType::ready;
  world_.dial(fresh);
  const auto tokens = world_.on_loop([&] { return world_.identities.tokens(); });
  ASSERT_EQ(tokens->size(), 1U);
  EXPECT_TRUE(world_.on_loop([&] { return world_.identities.revoke_token(tokens->front().id); }));
  EXPECT_TRUE(world_.on_loop([&] { return world_.identities.all()->empty(); }));
  fresh.lost = {};
  EXPECT_FALSE(world_.dial(fresh));
}

TEST_F(Enrolment, ALinkThatBrokeAfterItsTokenExpiredNeedsAnother) {
  auto& fresh = world_.site("a");
  fresh.lost = link::FrameType::welcome;
  world_.dial(fresh);
  world_.clock.advance(link::kTokenLifetime + std::chrono::seconds(1));
  fresh.lost = {};
  EXPECT_FALSE(world_.dial(fresh));
  EXPECT_EQ(fresh.refusal->reason, "InvalidToken");
}

}  // namespace
}  // namespace plumb::test
