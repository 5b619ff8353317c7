#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "controller/model/plan.h"
#include "controller/plan/order.h"

namespace plumb::testing {

inline Change sample_change(const std::string& kind, const std::string& name, std::vector<Action> actions,
                            const std::string& dn) {
  Change change;
  change.key = {kind, "default", name};
  change.actions = std::move(actions);
  change.handle = change.handle_after = dn;
  change.at = {"corp/" + name + ".yaml", 3, 1};
  change.reason = to_string(change.at) + " changed";
  if (!change.does(Action::create)) change.id = "5f0c1a2b-0000-4000-8000-000000000001";
  return change;
}

// A plan that has something of everything.
inline Plan sample_plan() {
  Plan plan;
  plan.target = "Directory/default/corp";
  plan.revision = "4f1d9c0a7be2";
  plan.unchanged = 1204;

  Change create = sample_change("ADUser", "jdoe", {Action::create}, "CN=Doe\\, Jane,OU=People,DC=ad,DC=test");
  create.fields = {{.name = "accountExpires", .added = {"134141184000000000"}},
                   {.name = "displayName", .added = {"Doe, Jane"}},
                   {.name = "unicodePwd", .added = {"env:CANARY_REFERENCE"}, .sensitive = true, .blind = true},
                   {.name = "userAccountControl", .added = {"512"}}};
  Change ou = sample_change("OrganizationalUnit", "berlin", {Action::create}, "OU=Berlin,OU=People,DC=ad,DC=test");
  Change update = sample_change("ADUser", "asmith", {Action::update}, "CN=Smith\\, Al,OU=People,DC=ad,DC=test");
  update.cause = Cause::drift;
  update.reason = "changed in the directory: title";
  update.fields = {{.name = "mail", .removed = {"al@old.test"}},
                   {.name = "manager",
                    .removed = {"<GUID=aa>;CN=Boss,OU=People,DC=ad,DC=test"},
                    .added = {"<GUID=bb>;CN=New Boss,OU=People,DC=ad,DC=test"},
                    .link = true},
                   {.name = "title", .removed = {"<b>CEO</b> & \"friend\"\x1b[31m"}, .added = {"Engineer | ```"}},
                   {.name = "userAccountControl", .removed = {"66048"}, .added = {"512"}}};
  Change group = sample_change("ADGroup", "sales", {Action::update}, "CN=sales,OU=Groups,DC=ad,DC=test");
  group.fields = {{.name = "member", .multi_valued = true, .link = true}};
  for (int i = 0; i < 30; ++i)
    group.fields[0].added.push_back("<GUID=" + std::to_string(i) + ">;CN=User " + std::to_string(i) +
                                    ",OU=People,DC=ad,DC=test");
  group.fields[0].removed = {"<GUID=ff>;CN=Leaver,OU=People,DC=ad,DC=test"};
  Change move = sample_change("ADUser", "mover", {Action::move, Action::update}, "CN=Mo,OU=People,DC=ad,DC=test");
  move.handle_after = "CN=Mo,OU=Berlin,OU=People,DC=ad,DC=test";
  Change disable = sample_change("ADUser", "leaver", {Action::disable}, "CN=Leaver,OU=People,DC=ad,DC=test");
  disable.cause = Cause::removal;
  disable.reason = "corp/leaver.yaml was removed";
  disable.fields = {{.name = "userAccountControl", .removed = {"512"}, .added = {"514"}}};
  Change remove = sample_change("ADUser", "gone", {Action::remove}, "CN=Gone,OU=Leavers,DC=ad,DC=test");
  remove.handle_after.clear();
  remove.cause = Cause::removal;
  remove.reason = "corp/gone.yaml was removed 30d ago";
  remove.one_way = "a deleted account loses its SID and memberships";
  Change adopt = sample_change("ADGroup", "legacy", {Action::adopt}, "CN=legacy,OU=Groups,DC=ad,DC=test");

  plan.levels = {{adopt, group, update, disable, remove, ou}, {create, move}};
  plan.blocked = {{{"ADUser", "default", "admin"},
                   {"corp/admin.yaml", 1, 1},
                   "Protected",
                   "CN=Administrator is a built-in account (RID 500) and is never written"}};
  plan.verdicts = {
      {"limit-removals",
       Effect::hold,
       {{"ADUser", "default", "gone"}, {"ADUser", "default", "leaver"}},
       "2 changes, more than 1 in this plan"},
      {"protected-attributes", Effect::deny, {{"ADUser", "default", "asmith"}}, "title is protected"},
  };
  const auto drifted = [](const Change& of, FieldChange field, DriftMode mode) {
    Drift drift;
    drift.key = of.key;
    drift.at = of.at;
    drift.id = of.id;
    drift.handle = of.handle;
    drift.field = std::move(field);
    drift.mode = mode;
    return drift;
  };
  Drift members = drifted(
      group,
      {.name = "member", .removed = {"<GUID=dd>;CN=Guest,OU=People,DC=ad,DC=test"}, .multi_valued = true, .link = true},
      DriftMode::alert);
  Drift title = drifted(update, update.fields[2], DriftMode::enforce);
  title.put_back = true;
  title.changed = parse_time("2026-11-20T18:03:12Z");
  title.changed_on = "DC1";
  Drift phone =
      drifted(move, {.name = "telephoneNumber", .removed = {"+49 30 1"}, .added = {"+49 30 2"}}, DriftMode::enforce);
  phone.held_until = parse_time("2026-11-20T20:00:00Z");
  phone.reason = "number is being ported | ask Mo";
  Drift office = drifted(move, {.name = "physicalDeliveryOfficeName", .added = {"B1"}}, DriftMode::observe);
  plan.drift = {members, title, office, phone};
  plan.diagnostics = {{Severity::warning, {"corp/old.yaml", 7, 3}, "/spec/mail", "\"x\" is no address"}};
  plan.digest = plan::digest_of(plan);
  return plan;
}

}  // namespace plumb::testing
