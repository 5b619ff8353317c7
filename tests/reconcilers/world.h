#pragma once

#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/engine/planner.h"
#include "reconcilers/active_directory.h"
#include "reconcilers/reconcilers.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_directory.h"

namespace plumb::test {

inline const Installation kHere{"here", "key"};

// Secrets by reference. What was not put in is not found; "generate:" makes one and the same password
// for the same reference, until that is in use.
class FakeSecrets final : public SecretStore {
 public:
  std::map<std::string, std::string> values;
  std::vector<std::string> fetched;
  std::set<std::string> in_use;

  Result<Secret> fetch(const std::string& reference) override {
    fetched.push_back(reference);
    if (in_use.contains(reference)) return fail(Fault::conflict, "{} is in use", reference);
    if (reference.starts_with("generate:")) return Secret("Gen-" + sha256(reference).substr(0, 16) + "!Aa1");
    const auto found = values.find(reference);
    if (found == values.end()) return fail(Fault::not_found, "{} is not there", reference);
    return Secret(std::string(found->second));
  }
  Result<void> deliver(const std::string&, const Secret&) override { return {}; }
  Result<void> handed_over(const std::string& reference) override {
    if (reference.starts_with("generate:")) in_use.insert(reference);
    return {};
  }
};

inline ResourceKey user(const std::string& name) { return {"ADUser", "default", name}; }
inline ResourceKey group(const std::string& name) { return {"ADGroup", "default", name}; }
inline ResourceKey unit(const std::string& name) { return {"OrganizationalUnit", "default", name}; }

// Manifests, a domain, and rounds between them: project, observe, plan, apply, remember. In the domain
// there is OU=People, the managed scope, and OU=Elsewhere beside it.
class World : public ::testing::Test {
 protected:
  World() {
    directory.add_ou("People");
    directory.add_ou("Elsewhere");
    declare({"Directory", "default", "corp"}, R"({"servers": ["ldaps://dc1.ad.test"], "baseDNs": ["DC=ad,DC=test"],
        "credentialRef": {"name": "bind"}, "managedScope": ["OU=People,DC=ad,DC=test"],
        "protected": {"accounts": ["svc-backup"], "distinguishedNames": ["OU=Tier0,OU=People,DC=ad,DC=test"]}})");
    declare({"Credential", "default", "bind"}, R"({"type": "ldapBind",
        "ldapBind": {"username": "svc@ad.test", "passwordFrom": {"env": "BIND"}}})");
    secrets.values["env:PW"] = "Correct-Horse-9";
  }

  void declare(const ResourceKey& key, const std::string& spec, Texts annotations = {}) {
    auto resource = std::make_shared<Resource>();
    resource->key = key;
    resource->api_version = "plumbline.dev/v1alpha1";
    resource->annotations = std::move(annotations);
    resource->spec = boost::json::parse(spec);
    std::string text = canonical(resource->spec);
    for (const auto& [name, value] : resource->annotations) text += "\n" + name + "=" + value;
    resource->digest = sha256(text);
    resource->at = {key.name + ".yaml", 1, 1};
    snapshot.resources[key] = std::move(resource);
  }
  // With a place in the managed scope; `fields` like R"("title": "x")".
  void declare_user(const std::string& name, const std::string& fields = "") { declare_in_people(user(name), fields); }
  void declare_group(const std::string& name, const std::string& fields = "") {
    declare_in_people(group(name), fields);
  }
  void declare_unit(const std::string& name, const std::string& fields = "") { declare_in_people(unit(name), fields); }
  void declare_in_people(const ResourceKey& key, const std::string& fields) {
    declare(key, R"({"parentDN": "OU=People,DC=ad,DC=test")" + (fields.empty() ? "" : ", " + fields) + "}");
  }
  void undeclare(const ResourceKey& key) { snapshot.resources.erase(key); }

  // The snapshot with its referrers, as the loader makes them.
  const Snapshot& declared() {
    snapshot.referrers.clear();
    for (const auto& [key, resource] : snapshot.resources) {
      for (const ReferenceRule& rule : reference_rules())
        if (rule.kind == key.kind) refer(key, resource->spec, rule);
    }
    return snapshot;
  }

  Result<Wanted> project(const ResourceKey& key) {
    for (const Reconciler* kind : directory_kinds())
      if (kind->kind() == key.kind) return kind->project(*snapshot.resources.at(key), declared());
    throw std::logic_error("no such kind: " + key.kind);
  }
  Wanted wanted(const ResourceKey& key) {
    auto projected = project(key);
    EXPECT_TRUE(projected) << (projected ? "" : projected.error().message);
    return projected ? *projected : Wanted{};
  }
  // Empty: projected without an error.
  std::string refusal(const ResourceKey& key) {
    auto projected = project(key);
    return projected ? "" : projected.error().message;
  }

  Target& target() {
    if (!target_) {
      auto settings = directory_settings(*snapshot.resources.at({"Directory", "default", "corp"}), snapshot);
      if (!settings) throw std::logic_error(settings.error().message);
      target_ = make_active_directory(std::move(*settings), directory, secrets, clock, kHere);
    }
    return *target_;
  }

  // A new process, which has read nothing yet.
  void restart_target() { target_.reset(); }

  // Good until the target is asked again.
  const Complete<LiveSet>& observe(const Interest& interest = {}) {
    const auto seen = target().observe(interest, Deadline::never());
    if (!seen) throw std::runtime_error(seen.error().message);
    return *seen->live;
  }

  Plan plan() {
    const auto kinds = target().kinds();
    const auto projection = engine::project(declared(), kinds, [](const Resource&) { return true; });
    const auto& live = observe(engine::interest_of(projection, inventory));
    return engine::make_plan({.snapshot = &snapshot,
                              .projection = &projection,
                              .live = &live,
                              .inventory = &inventory,
                              .kinds = kinds,
                              .target = "Directory/default/corp",
                              .created_by = [&](const LiveObject& each) { return target().created_by(each); },
                              .now = clock.now(),
                              .holds = holds});
  }

  // One round; the messages of what failed or is blocked.
  std::vector<std::string> round() {
    const Plan next = plan();
    std::vector<std::string> problems;
    for (const Blocked& blocked : next.blocked) problems.push_back(to_string(blocked.key) + ": " + blocked.message);
    for (const Owned& owned : next.bookkeeping) inventory[owned.key] = owned;
    for (const auto& level : next.levels) {
      std::vector<std::string> operations;
      for (std::size_t i = 0; i < level.size(); ++i) operations.push_back("op" + std::to_string(++operation_));
      const auto outcomes = target().apply(level, operations, Deadline::never());
      for (std::size_t i = 0; i < level.size(); ++i) record(level[i], operations[i], outcomes[i], problems);
    }
    return problems;
  }

  // A round without a problem, after which there is nothing left to do.
  void converge() {
    EXPECT_EQ(round(), std::vector<std::string>());
    const Plan again = plan();
    EXPECT_TRUE(again.empty()) << (again.empty() ? "" : again.levels.front().front().reason);
    EXPECT_TRUE(again.blocked.empty());
  }

  std::string value(const std::string& who, const std::string& attribute) { return directory.value(who, attribute); }

  FakeDirectory directory;
  FakeClock clock;
  FakeSecrets secrets;
  Snapshot snapshot;
  Inventory inventory;
  std::map<ResourceKey, Hold> holds;

 private:
  void refer(const ResourceKey& from, const Value& spec, const ReferenceRule& rule) {
    const std::string path(rule.path.substr(std::string_view("/spec").size()));
    const auto star = path.find("/*");
    if (star == std::string::npos) return refer_at(from, spec, path, rule);
    const Value* const list = at(spec, path.substr(0, star));
    if (list == nullptr || !list->is_array()) return;
    for (std::size_t i = 0; i < list->get_array().size(); ++i)
      refer_at(from, spec, path.substr(0, star) + "/" + std::to_string(i) + path.substr(star + 2), rule);
  }
  void refer_at(const ResourceKey& from, const Value& spec, const std::string& path, const ReferenceRule& rule) {
    const auto name = text_at(spec, path);
    if (!name) return;
    std::string kind(rule.target_kind);
    if (kind.empty()) kind = text_at(spec, path.substr(0, path.rfind('/')) + "/kind").value_or("ADUser");
    snapshot.referrers[{kind, from.ns, *name}].insert(from);
  }
  void record(const Change& change, const std::string& operation, const Outcome& outcome,
              std::vector<std::string>& problems) {
    if (!outcome.id) {
      problems.push_back(to_string(change.key) + ": " + outcome.id.error().message);
      return;
    }
    if (change.does(Action::forget) || change.does(Action::remove)) {
      inventory.erase(change.key);
      return;
    }
    Owned& owned = inventory[change.key] = change.after;
    owned.id = *outcome.id;
    if (change.does(Action::create)) owned.operation = operation;
  }

  std::unique_ptr<Target> target_;
  int operation_ = 0;
};

}  // namespace plumb::test
