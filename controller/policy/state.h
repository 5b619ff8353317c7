#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "controller/policy/policy.h"
#include "controller/policy/window.h"

// What a Policy is made of. For the files behind policy.h only.
namespace plumb::policy {

// Which changes a policy looks at: every part that is not empty must fit.
struct Match {
  std::vector<std::string> targets, namespaces, names;  // "*" and "?" as in file names
  std::set<std::string> kinds;
  std::set<Action> actions;
  std::vector<Dn> within;
  std::set<std::string, IgnoreCase> fields;
  bool privileged_access = false;  // lets somebody into a privileged group; judged by the plan, not by `matches`
};

struct Limit {
  enum class Per { plan, window, both };
  enum class Counts { changes, removed_values, added_values };
  std::optional<std::uint64_t> count;
  std::optional<double> percent;
  std::uint64_t floor = 0;
  Duration window = std::chrono::hours(24);
  Per per = Per::both;
  Counts counts = Counts::changes;
};

struct Policy::State {
  std::string name, origin, message;
  Match match;
  std::optional<Limit> limit;
  std::set<std::string, IgnoreCase> protected_attributes;
  std::optional<schema::DocumentSchema> rule;
  std::vector<Window> windows;
  Effect effect = Effect::hold;
};

// What matching looks at, of a change and of a record of one.
struct Subject {
  std::string_view target;
  const ResourceKey& key;
  const std::vector<Action>& actions;
  const std::string& handle;
  const std::string& handle_after;
  const std::vector<FieldChange>& fields;
};
bool matches(const Match& match, const Subject& subject);
// What `limit` counts of it.
std::uint64_t weight(const Match& match, const Limit& limit, const Subject& subject);

}  // namespace plumb::policy
