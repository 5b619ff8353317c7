#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>

#include "controller/engine/lane.h"
#include "tests/reconcilers/world.h"
#include "tests/support/fake_state_store.h"

namespace plumb::test {

// A lane whose rounds look only at what may have changed, each compared with a plan of everything.
class FocusWorld : public World {
 protected:
  FocusWorld() {
    auto log = engine::AuditLog::open(store_, clock, "root@test");
    if (!log) throw std::logic_error(log.error().message);
    audit_.emplace(std::move(*log));
    engine::LaneOptions options;
    options.compare_plans = true;
    lane_ = std::make_unique<engine::Lane>(target(), store_, *audit_, lease_, clock, std::span<const policy::Policy>(),
                                           std::move(options));
  }

  engine::Round run() {
    engine::Round round = lane_->run_round(declared());
    EXPECT_FALSE(round.stopped) << round.stopped->message;
    return round;
  }
  void settle() {
    for (int i = 0; i < 4; ++i) run();
  }

  FakeStateStore store_;
  FakeLease lease_;
  std::optional<engine::AuditLog> audit_;
  std::unique_ptr<engine::Lane> lane_;
};

}  // namespace plumb::test
