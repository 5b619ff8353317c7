#include <gmock/gmock.h>

#include "controller/engine/lane.h"
#include "tests/reconcilers/world.h"
#include "tests/support/fake_state_store.h"

// What is only observed is in no record, and a round that looks only at some keys must see it all the same.
namespace plumb::engine {
namespace {

using test::group;
using test::user;

class FocusObserved : public test::World {
 protected:
  FocusObserved() {
    auto log = AuditLog::open(store_, clock, "root@test");
    if (!log) throw std::logic_error(log.error().message);
    audit_.emplace(std::move(*log));
    LaneOptions options;
    options.compare_plans = true;
    lane_ = std::make_unique<Lane>(target(), store_, *audit_, lease_, clock, std::span<const policy::Policy>(),
                                   std::move(options));
  }
  Round run() {
    Round round = lane_->run_round(declared());
    EXPECT_FALSE(round.stopped) << round.stopped->message;
    return round;
  }

  test::FakeStateStore store_;
  test::FakeLease lease_;
  std::optional<AuditLog> audit_;
  std::unique_ptr<Lane> lane_;
};

TEST_F(FocusObserved, AGroupTakesInAnObjectThatIsOnlyObserved) {
  directory.add_user("ann", "OU=People,DC=ad,DC=test");
  declare(user("ann"), R"({"parentDN": "OU=People,DC=ad,DC=test", "adoption": "Adopt"})",
          {{"plumbline.dev/drift", "Observe"}});
  declare_group("staff");
  for (int i = 0; i < 3; ++i) run();

  declare_group("staff", R"("members": [{"kind": "ADUser", "name": "ann"}])");
  const Round round = run();

  EXPECT_TRUE(round.looked.has_value());
  EXPECT_EQ(directory.values("staff", "member"), std::vector<std::string>{directory.entry("ann")->dn});
  EXPECT_EQ(round.plan.blocked.size(), 0U);
}

}  // namespace
}  // namespace plumb::engine
