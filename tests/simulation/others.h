#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controller/model/dn.h"
#include "tests/simulation/company.h"
#include "tests/support/fake_directory.h"
#include "tests/support/fake_state_store.h"

namespace plumb::simulation {

inline constexpr const char* kTarget = "Directory/default/corp";

// Other people who change the domain, and what they did: the referee must not blame us for it.
class Others final {
 public:
  Others(test::FakeDirectory& directory, Company& company, test::FakeStateStore& store)
      : directory_(directory), company_(company), store_(store) {}

  std::map<std::string, std::string> renamed;           // id -> name that they took away
  std::set<std::string> was_outside;                    // ids of what they moved out of the scope, even for a while
  std::set<std::string> removed;                        // ids
  std::map<std::string, std::set<std::string>> joined;  // group -> ids of whom they added
  bool member_removed = false;                          // deleted somebody who was in a group
  int units_moved = 0, units_moved_out = 0, accounts_renamed = 0;

  // One change, by chance. It may be undone where a manifest says otherwise, and only there.
  void edit(Random& random) {
    std::vector<std::string> present;
    for (const auto& [name, person] : company_.people)
      if (person.declared && directory_.exists(name)) present.push_back(name);
    if (present.empty()) return;
    const std::string& name = random.pick(present);
    const std::string team = fmt::format("g{}", random.below(3));
    switch (random.below(9)) {
      case 6: directory_.bump(name); break;
      case 7: rename_account(name); break;
      case 8:
        if (!move_unit(random.pick<std::string>({"east", "west"}), fmt::format("theirs-{}", ++edits_),
                       random.one_in(3) ? "OU=Elsewhere,DC=ad,DC=test" : kScope))
          directory_.bump(name);
        break;
      case 0:
        if (!company_.people[name].title.empty()) directory_.set(name, "title", {fmt::format("theirs-{}", ++edits_)});
        break;
      case 1: directory_.set(name, "company", {fmt::format("theirs-{}", ++edits_)}); break;
      case 2: directory_.move(name, fmt::format("CN=Theirs {}", ++edits_), kScope); break;
      case 3: join(team, "b0"); break;
      case 4: join(team, name); break;
      case 5:
        member_removed = member_removed || !directory_.values(name, "memberOf").empty();
        removed.insert(directory_.id_of(name));
        directory_.remove(name);
        company_.people[name].adopted = false;  // what comes after is made by us
        break;
    }
  }

  // An OU of ours, with all that is in it. Whether it could be.
  bool move_unit(const std::string& unit, const std::string& name, const std::string& parent) {
    if (!directory_.exists(fmt::format("OU={},{}", unit, kScope))) return false;
    const std::string id = directory_.id_of(fmt::format("OU={},{}", unit, kScope));
    if (directory_.exists(fmt::format("OU={},{}", name, parent))) return false;
    if (parent != kScope) {
      ++units_moved_out;
      moved_out_[id] = unit;
      for (const std::string& other : directory_.ids())
        if (directory_.entry(other)->dn.ends_with(fmt::format("OU={},{}", unit, kScope))) was_outside.insert(other);
    }
    ++units_moved;
    directory_.move(id, "OU=" + name, parent);
    return true;
  }
  void move_units_back() {
    for (const auto& [id, unit] : moved_out_) {
      if (!directory_.exists(id) || Dn::parse(directory_.entry(id)->dn)->within(*Dn::parse(kScope))) continue;
      if (!directory_.exists(fmt::format("OU={},{}", unit, kScope))) directory_.move(id, "OU=" + unit, kScope);
    }
    moved_out_.clear();
  }

 private:
  // Somebody gives an account another logon name. Whoever leaves unmanaged later would keep it.
  void rename_account(const std::string& name) {
    const std::string id = directory_.id_of(name);
    const auto record = store_.items().find(fmt::format("inventory/{}/ADUser/default/{}", kTarget, name));
    const bool known = record != store_.items().end() && record->second.value.find(id) != std::string::npos &&
                       record->second.value.find("\"digest\"") != std::string::npos;
    if (!known || company_.people[name].policy == "Orphan" || was_outside.contains(id)) return;
    ++accounts_renamed;
    renamed[id] = name;
    directory_.set(name, "sAMAccountName", {fmt::format("theirs-{}", ++edits_)});
  }

  void join(const std::string& team, const std::string& who) {
    if (!directory_.exists(team)) return;
    auto members = directory_.values(team, "member");
    const std::string dn = directory_.entry(who)->dn;
    if (std::find(members.begin(), members.end(), dn) != members.end()) return;
    members.push_back(dn);
    directory_.set(team, "member", members);
    joined[team].insert(directory_.id_of(who));
  }

  test::FakeDirectory& directory_;
  Company& company_;
  test::FakeStateStore& store_;
  std::map<std::string, std::string> moved_out_;  // id of an OU -> its name
  int edits_ = 0;
};

}  // namespace plumb::simulation
