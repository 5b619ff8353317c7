#include <gmock/gmock.h>

#include "tests/unit/engine/focus_world.h"

// What is only observed is in no record, and a round that looks only at some keys must see it all the same.
namespace plumb::engine {
namespace {

using test::group;
using test::user;

class FocusObserved : public test::FocusWorld {};

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
