#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/simulation/random.h"

namespace plumb::simulation {

inline constexpr const char* kScope = "OU=People,DC=ad,DC=test";

// What the authors of the manifests have in mind, in their own terms. The reference that the outcome is
// held against: it knows nothing of plans, inventories or attributes ever written.
struct Person {
  bool declared = false;
  bool adopted = false;  // was in the domain before; its manifest takes it over
  std::string cn, title, manager, unit;
  std::string policy = "Disable";  // what becomes of a leaver; never changed
  bool password = false;
  std::string drift;       // the annotation: what becomes of others' changes; empty: Enforce
  bool drifted = false;    // was ever other than that
  bool left_once = false;  // may have come back since
  std::set<std::string> titles_ever;
};
struct Team {
  bool authoritative = false;
  std::string description;
  std::set<std::string> members;
};

struct Company {
  std::map<std::string, Person> people;
  std::map<std::string, Team> teams;
  std::set<std::string> units;
  int counter = 0;

  explicit Company(Random& random) {
    units = {"east"};
    for (int i = 0; i < 6; ++i) hire(fmt::format("u{}", i), random);
    for (const char* name : {"a0", "a1"}) {
      hire(name, random);
      people[name].adopted = true;
      people[name].password = false;
    }
    for (int i = 0; i < 3; ++i) teams[fmt::format("g{}", i)] = {i == 1, "team", {}};
    for (int i = 0; i < 6; ++i) change(random);
  }

  std::vector<std::string> declared() const {
    std::vector<std::string> names;
    for (const auto& [name, person] : people)
      if (person.declared) names.push_back(name);
    return names;
  }

  void hire(const std::string& name, Random& random) {
    Person& person = people[name];
    const bool known = !person.cn.empty();
    person.declared = true;
    if (known) return;
    person.cn = fmt::format("Name {}", name);
    person.password = random.one_in(2);
    person.policy = random.pick<std::string>({"Disable", "Disable", "Delete", "Orphan"});
    retitle(person, random);
  }

  void leave(const std::string& name) {
    people[name].declared = false;
    people[name].left_once = true;
    for (auto& [key, team] : teams) team.members.erase(name);
    for (auto& [key, person] : people)
      if (person.manager == name) person.manager.clear();
  }

  // One commit.
  void change(Random& random) {
    const auto names = declared();
    if (names.empty()) return hire("u0", random);
    const std::string& name = random.pick(names);
    Person& person = people[name];
    switch (random.below(15)) {
      case 0: hire(fmt::format("u{}", random.below(9)), random); break;
      case 1: leave(name); break;
      case 2: person.cn = fmt::format("Name {} {}", name, ++counter); break;
      case 3: person.unit = random.one_in(3) ? "" : *units.begin(); break;
      case 4: retitle(person, random); break;
      case 5: person.title.clear(); break;
      case 6: person.manager = random.pick(names) == name ? "" : random.pick(names); break;
      case 7: units.insert(random.pick<std::string>({"north", "south", "west"})); break;
      case 8:
      case 9: join_or_quit(fmt::format("g{}", random.below(3)), name); break;
      case 11: hire(fmt::format("u{}", random.below(6)), random); break;
      case 12: leave(name); break;
      case 13: change_mode(person, random); break;
      case 14: person.drift.clear(); break;
      case 10: teams[fmt::format("g{}", random.below(3))].description = fmt::format("team {}", ++counter); break;
    }
    if (random.one_in(6) && units.size() > 1) person.unit = *units.rbegin();
  }

 private:
  void retitle(Person& person, Random& random) {
    if (random.one_in(4)) return;
    person.title = fmt::format("ours-{}", ++counter);
    person.titles_ever.insert(person.title);
  }
  void change_mode(Person& person, Random& random) {
    person.drift = random.pick<std::string>({"Alert", "Alert", "Observe", "title=Observe"});
    person.drifted = true;
  }
  void join_or_quit(const std::string& team, const std::string& name) {
    auto& members = teams[team].members;
    if (members.erase(name) == 0) members.insert(name);
  }
};

}  // namespace plumb::simulation
