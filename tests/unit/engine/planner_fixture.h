#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controller/engine/planner.h"

namespace plumb::engine {

using namespace std::chrono_literals;

inline constexpr std::string_view kBase = "OU=Managed,DC=ad,DC=test";
inline const SystemTime kNow = *parse_time("2026-11-20T12:00:00Z");

// A kind with rules only: the planner never projects.
class Rules final : public Reconciler {
 public:
  Rules(std::string kind, std::vector<AttributeRule> rules) : kind_(std::move(kind)), rules_(std::move(rules)) {}
  std::string_view kind() const override { return kind_; }
  std::span<const AttributeRule> rules() const override { return rules_; }
  Result<Wanted> project(const Resource&, const Snapshot&) const override { return fail(Fault::internal, "unused"); }

 private:
  std::string kind_;
  std::vector<AttributeRule> rules_;
};

inline ResourceKey user(const std::string& name) { return {"ADUser", "default", name}; }
inline ResourceKey group(const std::string& name) { return {"ADGroup", "default", name}; }
inline ResourceKey ou(const std::string& name) { return {"OrganizationalUnit", "default", name}; }

inline Attribute values(std::vector<std::string> texts) { return {std::move(texts), Reading::present}; }

// What is declared, live and owned, and the plan of it.
class Planner : public ::testing::Test {
 protected:
  Planner() {
    LiveObject base;
    base.kind = "OrganizationalUnit";
    base.id = "base";
    base.handle = kBase;
    live_[base.id] = base;
  }

  Wanted& declare(const ResourceKey& key, const std::string& title = "") {
    Wanted wanted;
    wanted.key = key;
    wanted.digest = "d1";
    wanted.at = {key.name + ".yaml", 1, 1};
    const bool is_ou = key.kind == "OrganizationalUnit";
    wanted.place = Place{is_ou ? "OU" : "CN", key.name, {{}, std::string(kBase)}};
    wanted.identity = is_ou ? Identity{"distinguishedName", "OU=" + key.name + "," + std::string(kBase)}
                            : Identity{"sAMAccountName", key.name};
    if (!title.empty()) wanted.attributes["title"] = values({title});
    auto resource = std::make_shared<Resource>();
    resource->key = key;
    resource->at = wanted.at;
    snapshot_.resources[key] = resource;
    return wanted_[key] = wanted;
  }

  // A live object that has what `declare` asks for.
  LiveObject& exists(const ResourceKey& key, const std::string& title = "") {
    LiveObject object;
    object.kind = key.kind;
    object.id = "id-" + key.name;
    object.handle = (key.kind == "OrganizationalUnit" ? "OU=" : "CN=") + key.name + "," + std::string(kBase);
    object.identities = {key.kind == "OrganizationalUnit" ? Identity{"distinguishedName", object.handle}
                                                          : Identity{"sAMAccountName", key.name}};
    object.attributes["title"] = title.empty() ? Attribute{{}, Reading::empty} : values({title});
    if (key.kind == "ADUser") object.attributes["userAccountControl"] = values({"512"});
    return live_[object.id] = object;
  }

  Owned& own(const ResourceKey& key) {
    Owned owned;
    owned.key = key;
    owned.id = "id-" + key.name;
    owned.handle = live_.contains(owned.id) ? live_[owned.id].handle : "";
    owned.identity = {"sAMAccountName", key.name};
    owned.created = true;
    owned.digest = "d1";
    owned.file = key.name + ".yaml";
    return inventory_[key] = owned;
  }

  void undeclare(const ResourceKey& key) {
    wanted_.erase(key);
    snapshot_.resources.erase(key);
  }

  Plan plan() {
    Projection projection;
    for (const auto& [key, wanted] : wanted_) projection.wanted.push_back(wanted);
    LiveSet set;
    for (const auto& [id, object] : live_) set.add(object);
    const auto complete = Complete<LiveSet>::proven(set, "test");
    const std::vector<const Reconciler*> kinds = {&users_, &groups_, &ous_};
    return make_plan({.snapshot = &snapshot_,
                      .projection = &projection,
                      .live = &complete,
                      .inventory = &inventory_,
                      .kinds = kinds,
                      .target = "Directory/default/corp",
                      .created_by = [&](const LiveObject& object) { return markers_[object.id]; },
                      .now = now_,
                      .confirm_undeclared = confirm_undeclared_,
                      .owned_elsewhere =
                          [&](const std::string& id) {
                            const auto found = elsewhere_.find(id);
                            return found == elsewhere_.end() ? std::string() : found->second;
                          },
                      .holds = holds_});
  }

  static const Change* find(const Plan& plan, const ResourceKey& key) {
    for (const auto& level : plan.levels)
      for (const Change& change : level)
        if (change.key == key) return &change;
    return nullptr;
  }
  static std::size_t level_of(const Plan& plan, const ResourceKey& key) {
    for (std::size_t i = 0; i < plan.levels.size(); ++i)
      for (const Change& change : plan.levels[i])
        if (change.key == key) return i;
    return 99;
  }
  static std::string blocked(const Plan& plan, const ResourceKey& key) {
    for (const Blocked& each : plan.blocked)
      if (each.key == key) return each.reason;
    return "";
  }

  Snapshot snapshot_;
  std::map<ResourceKey, Wanted> wanted_;
  std::map<std::string, LiveObject> live_;
  Inventory inventory_;
  std::map<std::string, std::string> markers_;
  SystemTime now_ = kNow;
  Duration confirm_undeclared_{};
  std::map<std::string, std::string> elsewhere_;
  std::map<ResourceKey, Hold> holds_;
  Rules users_{"ADUser",
               {{.name = "title"},
                {.name = "userAccountControl", .compare = Compare::flags, .disable_mask = 2},
                {.name = "manager", .compare = Compare::link},
                {.name = "unicodePwd", .sensitive = true}}};
  Rules groups_{"ADGroup", {{.name = "member", .compare = Compare::link, .multi_valued = true}}};
  Rules ous_{"OrganizationalUnit", {}};
};

}  // namespace plumb::engine
