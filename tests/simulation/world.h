#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "controller/engine/holds.h"
#include "controller/engine/lane.h"
#include "controller/model/dn.h"
#include "controller/model/json.h"
#include "controller/plan/render.h"
#include "tests/reconcilers/world.h"
#include "tests/simulation/company.h"
#include "tests/simulation/domain_controllers.h"
#include "tests/simulation/others.h"
#include "tests/simulation/planted_bugs.h"

namespace plumb::simulation {

using test::Crash;
using Fate = FakeStateStore::Fate;

// A promise that was broken.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// One controller with its store, one domain with other people in it, and a referee who knows the truth.
class World final : public test::World {
 public:
  World(Company& company, Bug bug)
      : dcs(directory), others(directory, company, store), company_(company), bug_(bug), lying_(store, bug) {
    secrets.values["env:PW"] = kSecret;
    seed_domain();
    dcs.begin();
    for (FakeDirectory* each : dcs.all())
      each->referee = [this](const DirectoryWrite& write, const std::optional<Entry>& entry) { judge(write, entry); };
    restart();
  }
  void TestBody() override {}

  FakeStateStore store;
  test::FakeLease lease;
  using test::World::clock;
  using test::World::directory;  // the first domain controller
  DomainControllers dcs;
  Others others;

  Company& company() { return company_; }

  // A new process: everything in memory is gone.
  void restart() {
    lane_.reset();
    audit_.reset();
    target_.reset();
    store.fault = nullptr;
    for (FakeDirectory* each : dcs.all()) each->crash_point = nullptr;
    auto settings = directory_settings(*snapshot.resources.at({"Directory", "default", "corp"}), snapshot);
    if (!settings) throw std::logic_error(settings.error().message);
    if (bug_ == Bug::ignores_scope) settings->managed_scope = {*Dn::parse("DC=ad,DC=test")};
    settings->page_size = 3;
    target_ = make_active_directory(std::move(*settings), dcs, secrets, clock, {"here", "key"}, std::chrono::hours(3));
    if (bug_ == Bug::ignores_marker) target_ = std::make_unique<ForgetfulTarget>(std::move(target_));
  }

  // The manifests as the company has them. `missing`: files that cannot be read this time.
  void publish(const std::set<std::string>& missing) {
    erase_if(snapshot.resources,
             [](const auto& each) { return each.first.kind != "Directory" && each.first.kind != "Credential"; });
    snapshot.broken_files.clear();
    snapshot.revision = fmt::format("r{}", ++revision_);
    for (const std::string& unit : company_.units)
      declare(test::unit(unit), fmt::format(R"({{"parentDN": "{}"}})", kScope));
    for (const auto& [name, person] : company_.people)
      if (person.declared && !missing.contains(name)) {
        declare(test::user(name), text_of(person, missing),
                {{"plumbline.dev/drift", person.drift.empty() ? "Enforce" : person.drift}});
        published_[name] = text_of(person, missing) + person.drift;
      }
    for (const auto& [name, team] : company_.teams) declare(test::group(name), text_of(team, missing));
    // Never to be taken over: protected, somebody else's, outside.
    declare(test::user("svc-backup"),
            fmt::format(R"({{"parentDN": "{}", "adoption": "Adopt", "title": "x"}})", kScope));
    declare(test::user("h0"), fmt::format(R"({{"parentDN": "{}", "title": "x"}})", kScope));
    declare(test::user("x0"), fmt::format(R"({{"parentDN": "{}", "adoption": "Adopt", "title": "x"}})", kScope));
    missing_ = missing;
    if (!missing.empty() && bug_ != Bug::trusts_incomplete_manifests) snapshot.broken_files.insert("broken.yaml");
  }

  // One round in this process; a crash ends the process and begins another.
  engine::Round round() {
    try {
      if (!lane_) open();
      if (!lane_) return {};
      for (FakeDirectory* each : dcs.all()) each->now = clock.now();
      if (others.units_moved_out > 0) note_outside();
      engine::Round round = lane_->run_round(declared(), {}, make_room);
      watch(round);
      return round;
    } catch (const Crash&) {
      ++crashes;
      forget_settled();
      restart();
      return {};
    }
  }

  // Slices of comparing everything, as a process does them that has time, with the rounds that they ask for.
  void compare(int slices) {
    for (; slices > 0 && lane_; --slices) {
      lane_->expect_scrubs();
      const auto scrubbed = lane_->scrub();
      if (!scrubbed) return;
      if (!scrubbed->going && scrubbed->observe) ++comparisons;
      if (scrubbed->observe) round();
      if (!scrubbed->going) return;
    }
  }

  // At any time: what must never be, whatever failed.
  void inspect() {
    const auto verified = engine::AuditLog::verify(store);
    if (!verified) throw Violation(verified.error().message);
    if (!verified->problem.empty()) throw Violation("audit: " + verified->problem);
    if (verified->records < audit_records_) throw Violation("audit records were lost");
    if (audit_records_ != 0) {
      const auto item = store.items().find(fmt::format("audit/{:020}", audit_records_));
      if (item == store.items().end() || item->second.value.find(audit_head_) == std::string::npos)
        throw Violation("the audit log was rewritten");
    }
    audit_records_ = verified->records;
    audit_head_ = verified->head;
    for (const auto& [key, item] : store.items())
      if (item.value.find(kSecret) != std::string::npos) throw Violation("a secret is in the store: " + key);
    if (auto owned = engine::read_inventory(store, kTarget); !owned) throw Violation(owned.error().message);
    for (const auto& [id, text] : foreign_)
      for (FakeDirectory* each : dcs.all())
        if (each->exists(id) && text_of_foreign(*each, id) != text)
          throw Violation("somebody else's object was changed: " + id);
  }

  // People keep what there is of an object until a time.
  void hold(const std::string& name, std::set<std::string, IgnoreCase> attributes, Duration span) {
    Hold hold{test::user(name), std::move(attributes), clock.now() + span, "under investigation", "ann"};
    if (commit_by_hand(engine::put_of(hold))) holds_[name] = std::move(hold);
  }
  void release_holds() {
    for (const auto& [name, hold] : holds_)
      if (!commit_by_hand(engine::removal_of_hold(hold.key))) return;
    holds_.clear();
  }

  // What is allowed in the next process, and when nothing is.
  void govern(std::vector<policy::Policy> policies) {
    policies_ = std::move(policies);
    restart();
  }
  void freeze(Duration from, Duration until) { frozen_ = {clock.now() + from, clock.now() + until}; }
  std::pair<SystemTime, SystemTime> frozen() const { return frozen_; }
  bool is_frozen() const { return clock.now() >= frozen_.first && clock.now() < frozen_.second; }

  // What is allowed of one action on accounts, in a rolling window, without anybody's consent.
  struct Limit {
    Action action;
    std::size_t count;
    Duration window;
  };
  std::optional<Limit> limit;

  // A person agrees to what a policy holds. Whether there was anything.
  bool approve(const engine::Round& round) {
    const bool held = std::any_of(round.plan.verdicts.begin(), round.plan.verdicts.end(), [](const Verdict& verdict) {
      return verdict.effect == Effect::hold && !verdict.approved;
    });
    if (!held || is_frozen() || !audit_) return false;
    agreed_.clear();
    for (const auto& level : round.plan.levels)
      for (const Change& change : level) agreed_.insert(change.key.name);
    return bool(
        engine::Lane::approve(lying_, *audit_, round.plan.digest, "looked at", clock.now() + std::chrono::hours(1)));
  }

  // The first domain controller is as it was when the copy was made, while the other one knows everything.
  void restore_first(const FakeDirectory& copy, FakeDirectory::Restored how) {
    dcs.replicate();
    directory.restore(copy, how);
  }

  // What is not as the company has it, once everything works.
  std::vector<std::string> differences() {
    std::vector<std::string> found;
    const auto expect = [&](bool so, const std::string& what) {
      if (!so) found.push_back(what);
    };
    for (const std::string& unit : company_.units)
      expect(directory.exists(fmt::format("OU={},{}", unit, kScope)), unit + " is not there");
    for (const auto& [name, person] : company_.people) {
      const bool exists = directory.exists(name);
      if (!person.declared) {
        // Who was adopted and left before anything was written was never ours.
        // What was only observed when it left is left alone.
        if (!exists || person.policy == "Orphan" || person.drifted) continue;
        if (adoptable_.contains(directory.id_of(name)) && !written_.contains(directory.id_of(name))) continue;
        // What was outside of the scope when it left is not ours any more.
        if (others.was_outside.contains(directory.id_of(name))) continue;
        expect(person.policy != "Delete" || person.adopted, name + " is still there");
        expect(disabled(name), name + " is not disabled");
        continue;
      }
      // What others did to it may stay.
      if (person.drifted && !exists) continue;
      // Missed twice with no look in between, it counted as deleted; what has its place under another name is told.
      const bool renamed = std::any_of(others.renamed.begin(), others.renamed.end(), [&](const auto& account) {
        return account.second == name && directory.exists(account.first);
      });
      if (!exists && renamed) continue;
      expect(exists, name + " is not there");
      if (!exists || !person.drift.empty()) continue;
      const std::string parent = person.unit.empty() ? kScope : fmt::format("OU={},{}", person.unit, kScope);
      expect(directory.entry(name)->dn == fmt::format("CN={},{}", person.cn, parent),
             name + " is at " + directory.entry(name)->dn);
      const std::string title = directory.value(name, "title");
      expect(person.title.empty() ? !person.titles_ever.contains(title) : title == person.title,
             name + " has title " + title);
      const std::string manager = directory.value(name, "manager");
      if (person.manager.empty() || directory.exists(person.manager))
        expect(person.manager.empty() ? manager.empty() : manager == directory.entry(person.manager)->dn,
               name + " has manager " + manager);
      expect(!person.password || !disabled(name), name + " is disabled");
      expect(!person.password || person.adopted || directory.password(name) == kSecret, name + " has another password");
    }
    for (const auto& [name, team] : company_.teams) compare_team(name, team, found);
    return found;
  }

  // For a person who replays a seed.
  std::string told(const engine::Round& round) {
    std::string text = fmt::format("-- round at {}, {}\n", format_time(clock.now()),
                                   round.stopped ? "stopped: " + round.stopped->message : "complete");
    for (const auto& level : round.plan.levels)
      for (const Change& change : level) text += canonical(to_json(change)) + "\n";
    for (const auto& [key, error] : round.failures) text += fmt::format("failed {}: {}\n", key, error.message);
    for (const Blocked& blocked : round.plan.blocked)
      text += fmt::format("blocked {}: {}\n", blocked.key, blocked.message);
    for (const auto& [key, item] : store.items())
      if (key.starts_with("inventory/") || key.starts_with("intent/")) text += key + ": " + item.value + "\n";
    return text;
  }

  std::size_t writes() const { return directory.log().size(); }
  engine::MakeRoom make_room;  // asked by rounds
  int crashes = 0, unknowns = 0, conflicts = 0, settled = 0, comparisons = 0;

 private:
  void open() {
    auto log = engine::AuditLog::open(lying_, clock, "sim");
    if (!log) return;
    audit_.emplace(std::move(*log));
    engine::LaneOptions options;
    options.batch = 3;
    options.compare_plans = true;
    lane_ = std::make_unique<engine::Lane>(*target_, lying_, *audit_, lease, clock,
                                           std::span<const policy::Policy>(policies_), options);
  }

  // By another process than ours, which does not crash.
  bool commit_by_hand(StateStore::Put put) {
    const auto fault = std::exchange(store.fault, nullptr);
    const bool done = bool(store.commit(std::vector{std::move(put)}, {}));
    store.fault = fault;
    return done;
  }

  void seed_domain() {
    const std::string scope = kScope;
    const auto keep = [&](const std::string& id) { foreign_[id] = text_of_foreign(directory, id); };
    directory.add_ou("Tier0", scope);
    keep(directory.add_user("b0", scope, {{"title", {"bystander"}}}));
    keep(directory.add_user("h0", scope, {{"title", {"namesake"}}}));
    keep(directory.add_user("svc-backup", scope));
    keep(directory.add_user("t0", "OU=Tier0," + scope));
    keep(directory.add_user("x0", "OU=Elsewhere,DC=ad,DC=test"));
    for (const char* name : {"a0", "a1"}) adoptable_.insert(directory.add_user(name, scope));
  }

  static std::string text_of_foreign(const FakeDirectory& at, const std::string& id) {
    const auto entry = at.entry(id);
    std::string text = entry->dn;
    for (const auto& [name, attribute] : entry->attributes) {
      if (equals_ignoring_case(name, "memberOf") || equals_ignoring_case(name, "uSNChanged")) continue;
      text += fmt::format("\n{}: {}", name, plumb::join(attribute.values, "|"));
    }
    return text;
  }

  std::string text_of(const Person& person, const std::set<std::string>& missing) const {
    Object spec;
    if (person.unit.empty()) spec["parentDN"] = kScope;
    if (!person.unit.empty()) spec["organizationalUnitRef"] = Object{{"name", person.unit}};
    spec["displayName"] = person.cn;
    spec["deletionPolicy"] = person.policy;
    if (person.policy == "Delete") spec["deletion"] = Object{{"deleteAfter", "1d"}};
    if (!person.title.empty()) spec["title"] = person.title;
    if (!person.manager.empty() && !missing.contains(person.manager))
      spec["managerRef"] = Object{{"name", person.manager}};
    if (person.password) spec["initialPassword"] = Object{{"generation", 1}, {"valueFrom", Object{{"env", "PW"}}}};
    if (person.adopted) spec["adoption"] = "Adopt";
    return canonical(spec);
  }
  std::string text_of(const Team& team, const std::set<std::string>& missing) const {
    Array members;
    for (const std::string& member : team.members)
      if (!missing.contains(member)) members.push_back(Object{{"kind", "ADUser"}, {"name", member}});
    return canonical(Object{{"parentDN", kScope},
                            {"description", team.description},
                            {"membership", team.authoritative ? "Authoritative" : "Additive"},
                            {"members", std::move(members)}});
  }

  bool disabled(const std::string& name) const {
    return (std::stol(directory.value(name, "userAccountControl")) & 2) != 0;
  }

  // Also whose account others gave another name, which a leaver keeps.
  bool is_account_of(const std::string& id, const std::string& name) {
    const auto renamed = others.renamed.find(id);
    return (directory.exists(name) && directory.id_of(name) == id) ||
           (renamed != others.renamed.end() && renamed->second == name);
  }

  // Whoever left and is only disabled stays in groups that are open to others; and whoever was left alone
  // when leaving, or was let go of outside of the scope, keeps what memberships there were, also after coming back.
  bool keeps_memberships(const std::string& id) {
    return std::any_of(company_.people.begin(), company_.people.end(), [&](const auto& each) {
      const Person& person = each.second;
      const bool keeps = person.policy == "Orphan" ? person.left_once : person.policy == "Disable" && !person.declared;
      const bool let_go = person.left_once && others.was_outside.contains(id);
      return (keeps || let_go || person.drifted) && is_account_of(id, each.first);
    });
  }

  void compare_team(const std::string& name, const Team& team, std::vector<std::string>& found) {
    if (!directory.exists(name)) return found.push_back(name + " is not there");
    std::set<std::string> live, wanted;
    for (const std::string& dn : directory.values(name, "member")) live.insert(directory.id_of(dn));
    for (const std::string& member : team.members)
      if (directory.exists(member)) wanted.insert(directory.id_of(member));
    for (const auto& [id, member] : others.renamed)
      if (team.members.contains(member) && directory.exists(id)) wanted.insert(id);
    for (const std::string& id : wanted)
      if (!live.contains(id)) found.push_back(fmt::format("{} lacks {}", name, directory.entry(id)->dn));
    const auto joined = others.joined.find(name);
    // Nothing is taken out of a list of which somebody is not there, and is not to be created.
    const bool waits = wanted.size() < team.members.size();
    for (const std::string& id : live) {
      if (wanted.contains(id)) continue;
      const bool theirs = joined != others.joined.end() && joined->second.contains(id);
      if (waits || keeps_memberships(id)) continue;
      if (team.authoritative || !theirs) found.push_back(fmt::format("{} holds {}", name, directory.entry(id)->dn));
    }
    if (!team.authoritative && joined != others.joined.end() && directory.exists("b0") &&
        joined->second.contains(directory.id_of("b0")) && !live.contains(directory.id_of("b0")))
      found.push_back(name + " lost somebody whom others had added");
    if (directory.value(name, "description") != team.description) found.push_back(name + " has another description");
  }

  // Before every write that the domain is about to carry out.
  void judge(const DirectoryWrite& write, const std::optional<Entry>& entry) {
    const std::string dn = entry ? entry->dn : write.dn;
    const auto where = Dn::parse(dn);
    if (!where->within(*Dn::parse(kScope)) || where->within(*Dn::parse(std::string("OU=Tier0,") + kScope)))
      throw Violation("a write outside of the scope: " + dn);
    // A creation takes several writes: the later ones are to an object whose id its intent cannot know.
    const auto names = [&](const auto& item) {
      return item.second.value.find(dn) != std::string::npos ||
             (entry && item.second.value.find(entry->id) != std::string::npos);
    };
    const bool intended =
        std::any_of(store.items().lower_bound("intent/"), store.items().lower_bound("intent0"), names);
    if (!intended) throw Violation("a write without a durable intent: " + dn);
    if (is_frozen()) throw Violation("a write while everything is frozen: " + dn);
    if (!entry) return judge_creation(write);
    if (!made_by_us(*entry) && !adoptable_.contains(entry->id))
      throw Violation("a write to somebody else's object: " + dn);
    const auto sam = entry->attributes.find("sAMAccountName");
    std::string name = sam == entry->attributes.end() ? "" : sam->second.values.front();
    if (const auto renamed = others.renamed.find(entry->id); renamed != others.renamed.end()) name = renamed->second;
    judge_drift(name, write);
    if (disables(write, *entry)) spend(Action::disable, name);
    if (missing_.contains(name)) throw Violation("a write to an object whose manifest could not be read: " + dn);
    written_.insert(entry->id);
    if (write.kind != DirectoryWrite::Kind::remove) return;
    const auto person = company_.people.find(name);
    if (person == company_.people.end() || person->second.declared || person->second.policy != "Delete" ||
        person->second.adopted)
      throw Violation("a removal of what is not to be removed: " + dn);
  }
  static std::vector<std::string> attributes_of(const DirectoryWrite& write) {
    std::vector<std::string> names;
    for (const Modification& change : write.changes) names.push_back(change.attribute);
    return names;
  }
  // What people said is to be left alone.
  void judge_drift(const std::string& name, const DirectoryWrite& write) const {
    const auto found = company_.people.find(name);
    if (found == company_.people.end() || !found->second.declared) return;
    const std::string& mode = found->second.drift;
    if (mode == "Observe") throw Violation("a write to what is only observed: " + name);
    const auto agreed = settled_.find(name);
    if (mode == "Alert" && agreed != settled_.end() && agreed->second == published_.at(name))
      throw Violation(fmt::format("a write to {} of {}, which is only told of, though its manifest is as it was",
                                  plumb::join(attributes_of(write), ", "), name));
    const auto hold = holds_.find(name);
    const bool held = hold != holds_.end() && hold->second.until > clock.now();
    if (held && write.kind == DirectoryWrite::Kind::move && hold->second.covers("distinguishedName"))
      throw Violation("a move of what is held: " + name);
    for (const Modification& change : write.changes) {
      if (equals_ignoring_case(change.attribute, "title") && mode == "title=Observe")
        throw Violation("a write to an attribute that is only observed: " + name);
      // A first password is not drift, and neither is the mark of who made it.
      if (held && hold->second.covers(change.attribute) &&
          (equals_ignoring_case(change.attribute, "title") || equals_ignoring_case(change.attribute, "displayName") ||
           equals_ignoring_case(change.attribute, "manager")))
        throw Violation(fmt::format("a write to {} of {}, which is held", change.attribute, name));
    }
  }
  void judge_creation(const DirectoryWrite& write) {
    // The directory refuses a link to what is not there; it is tried again without it.
    for (const Modification& change : write.changes)
      for (const std::string& value : change.values)
        if (value.starts_with("<GUID=") && !directory.exists(value.substr(6, value.size() - 7))) return;
    for (const Modification& change : write.changes) {
      if (!equals_ignoring_case(change.attribute, "sAMAccountName")) continue;
      const std::string& name = change.values.front();
      if (dcs.connected().exists(name)) return;  // and will refuse it
      if (company_.people.contains(name)) spend(Action::create, name);
      for (FakeDirectory* each : dcs.all())
        if (each->exists(name) && !others.removed.contains(each->id_of(name)))
          throw Violation(fmt::format("created twice: {}, on {} too", name, each->host()));
      for (const auto& [id, account] : others.renamed)
        if (account == name && directory.exists(id))
          throw Violation("created again, though others only took its name away: " + name);
    }
  }
  static bool disables(const DirectoryWrite& write, const Entry& entry) {
    const auto has_flag = [](const std::string& control) { return (std::stol(control) & 2) != 0; };
    const auto control = entry.attributes.find("userAccountControl");
    if (control == entry.attributes.end() || has_flag(control->second.values.front())) return false;
    return std::any_of(write.changes.begin(), write.changes.end(), [&](const Modification& change) {
      return equals_ignoring_case(change.attribute, "userAccountControl") && change.op != Modification::Op::remove &&
             has_flag(change.values.front());
    });
  }
  // The referee's own count of what a policy limits. The same account a second time (on another domain controller) is
  // the same action.
  void spend(Action action, const std::string& name) {
    if (!limit || limit->action != action) return;
    spent_[name] = clock.now();
    if (agreed_.contains(name)) return;
    const auto in_window = std::count_if(spent_.begin(), spent_.end(),
                                         [&](const auto& each) { return clock.now() - each.second < limit->window; });
    if (static_cast<std::size_t>(in_window) > limit->count)
      throw Violation(fmt::format("{} is number {} in a window of {}", name, in_window, limit->count));
  }
  static bool made_by_us(const Entry& entry) {
    const auto marker = entry.attributes.find("adminDescription");
    return marker != entry.attributes.end() && marker->second.values.front().starts_with("plumbline:here:");
  }

  // Also what we moved into an OU on one domain controller while others moved that away on another.
  void note_outside() {
    for (const FakeDirectory* each : dcs.all())
      for (const std::string& id : each->ids())
        if (each->entry(id)->dn.ends_with(",OU=Elsewhere,DC=ad,DC=test")) others.was_outside.insert(id);
  }

  // A round by another manifest than the one that somebody was seen to be as: to go back to that one is a change.
  void forget_settled() {
    std::erase_if(settled_, [&](const auto& each) { return published_.at(each.first) != each.second; });
  }

  // Who was looked at and is as declared: from here on a change of theirs is somebody else's.
  void note_settled(const engine::Round& round) {
    if (!round.stopped || !round.plan.empty()) forget_settled();
    if (round.stopped) return;
    std::set<std::string> busy;
    for (const auto& level : round.plan.levels)
      for (const Change& change : level) busy.insert(change.key.name);
    for (const Blocked& blocked : round.plan.blocked) busy.insert(blocked.key.name);
    for (const Drift& drift : round.plan.drift)
      if (drift.held_until) busy.insert(drift.key.name);  // what is declared may wait for the end of the hold
    for (const auto& [name, person] : company_.people) {
      if (!person.declared) settled_.erase(name);
      if (person.declared && !missing_.contains(name) && !busy.contains(name) && !round.looked)
        settled_[name] = published_[name];
    }
  }

  void watch(const engine::Round& round) {
    note_settled(round);
    if (round.stopped && round.stopped->fault == Fault::internal) throw Violation(round.stopped->message);
    unknowns += static_cast<int>(round.unknown);
    for (const auto& [key, error] : round.failures) {
      if (error.fault == Fault::conflict) ++conflicts;
      if (error.message.find(kSecret) != std::string::npos) throw Violation("a secret is in an error");
    }
    for (const auto& level : round.plan.levels)
      for (const Change& change : level)
        if (canonical(to_json(change)).find(kSecret) != std::string::npos) throw Violation("a secret is in a plan");
  }

  Company& company_;
  Bug bug_;
  LyingStore lying_;
  std::unique_ptr<Target> target_;
  std::optional<engine::AuditLog> audit_;
  std::unique_ptr<engine::Lane> lane_;
  std::vector<policy::Policy> policies_;
  std::pair<SystemTime, SystemTime> frozen_{};
  std::map<std::string, SystemTime> spent_;       // name -> when it was last a part of the limit
  std::set<std::string> agreed_;                  // names of the plan that a person approved last
  std::map<std::string, Hold> holds_;             // by name of the person
  std::map<std::string, std::string> published_;  // name -> its manifest
  std::map<std::string, std::string> settled_;    // name -> its manifest when it was seen to be as declared
  std::set<std::string> missing_, adoptable_, written_;
  std::map<std::string, std::string> foreign_;  // id -> content
  std::uint64_t audit_records_ = 0;
  std::string audit_head_;
  int revision_ = 0;
};

}  // namespace plumb::simulation
