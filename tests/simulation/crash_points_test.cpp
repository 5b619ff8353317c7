#include <functional>

#include <gtest/gtest.h>

#include "tests/simulation/world.h"

// The process ends before and after every single write and commit of a workload, one run for each point,
// until no point is left: the next processes must come to the same end as one that was never hurt.
namespace plumb::simulation {
namespace {

using namespace std::chrono_literals;

struct Workload {
  const char* name;
  std::function<void(Company&)> change;  // after a first, undisturbed day
  bool others = false;                   // change things too, before the next process looks at what was saved
};

void PrintTo(const Workload& workload, std::ostream* out) { *out << workload.name; }

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> kAll = {
      {"Creation", [](Company&) {}},
      {"UpdateRenameAndMove",
       [](Company& company) {
         for (auto& [name, person] : company.people) {
           person.title = "ours-new";
           person.cn += " II";
           person.unit = "east";
         }
       }},
      {"Membership",
       [](Company& company) {
         for (auto& [name, team] : company.teams)
           for (const std::string& person : company.declared())
             if (team.members.erase(person) == 0) team.members.insert(person);
       }},
      {"Leavers",
       [](Company& company) {
         for (const std::string& name : company.declared()) company.leave(name);
       }},
      // What the next process restores of the domain is older than the domain.
      {"ChangesWithThoseOfOthers",
       [](Company& company) {
         for (auto& [name, person] : company.people) person.title = "ours-new";
         company.leave("u1");
         company.leave("a1");
       },
       true},
  };
  return kAll;
}

enum class Point { before_write, after_write, before_commit, after_commit };

// The nth point of its kind from here on; `fired` says whether it was reached.
void arm(World& world, Point point, std::size_t nth, bool& fired) {
  const bool at_write = point == Point::before_write || point == Point::after_write;
  if (at_write) {
    const auto moment =
        point == Point::before_write ? FakeDirectory::Moment::before_write : FakeDirectory::Moment::after_write;
    world.directory.crash_point = [&fired, moment, left = nth](FakeDirectory::Moment now,
                                                               const DirectoryWrite&) mutable {
      if (now != moment || --left != 0) return;
      fired = true;
      throw Crash("at a write");
    };
    return;
  }
  const auto fate = point == Point::before_commit ? Fate::crash_before : Fate::crash_after;
  world.store.fault = [&fired, fate, at = world.store.commits() + nth](std::size_t number, auto) {
    if (number != at) return Fate::durable;
    fired = true;
    return fate;
  };
}

// Whether the point was reached. `problem`: what is not as it would be without the crash.
bool crash_at(const Workload& workload, Point point, std::size_t nth, std::string& problem) {
  Random random(7);
  Company company(random);
  World world(company, Bug::none);
  bool fired = false;
  const bool first_day = std::string_view(workload.name) == "Creation";
  try {
    world.publish({});
    if (!first_day) {
      for (int i = 0; i < 3; ++i) world.clock.advance(10min), world.round();
      workload.change(company);
      world.publish({});
    }
    arm(world, point, nth, fired);
    for (int i = 0; i < 4; ++i) {
      for (int edit = 0; workload.others && i == 1 && edit < 6; ++edit) world.others.edit(random);
      world.clock.advance(10min);
      world.round();
      world.inspect();
    }
    world.clock.advance(72h);
    for (int i = 0; i < 4; ++i) {
      world.clock.advance(10min);
      world.round();
      world.inspect();
    }
    problem = plumb::join(world.differences(), "; ");
  } catch (const Violation& violation) {
    problem = violation.what();
  }
  return fired;
}

class CrashPoints : public testing::TestWithParam<Workload> {};

TEST_P(CrashPoints, AfterEachOfThemTheEndIsTheSame) {
  int tried = 0;
  for (const Point point : {Point::before_write, Point::after_write, Point::before_commit, Point::after_commit}) {
    for (std::size_t nth = 1;; ++nth) {
      std::string problem;
      const bool fired = crash_at(GetParam(), point, nth, problem);
      EXPECT_EQ(problem, "") << "crash point " << static_cast<int>(point) << ", number " << nth;
      if (!fired) break;
      ++tried;
    }
  }
  EXPECT_GT(tried, 10);
  RecordProperty("points", tried);
}

INSTANTIATE_TEST_SUITE_P(Simulation, CrashPoints, testing::ValuesIn(workloads()),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace plumb::simulation
