#pragma once

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "controller/manifest/yaml.h"
#include "controller/policy/policy.h"
#include "controller/policy/tally.h"
#include "plumb_embedded.h"

namespace plumb::testing {

inline Result<policy::Policy> policy_from(const std::string& spec_yaml, const std::string& name = "p") {
  const auto file = manifest::parse_yaml(spec_yaml, "policy.yaml");
  Resource resource;
  resource.key = {"Policy", "default", name};
  if (file.documents.size() == 1) resource.spec = file.documents.front().value;
  return policy::Policy::from_resource(resource, "policy.yaml");
}

inline std::vector<policy::Policy> policies(const std::vector<std::string>& specs) {
  std::vector<policy::Policy> made;
  for (const std::string& spec : specs) {
    auto policy = policy_from(spec, "p" + std::to_string(made.size()));
    if (!policy) throw std::runtime_error(policy.error().message);
    made.push_back(std::move(*policy));
  }
  return made;
}

// All documents below policies/, as they are embedded.
inline std::vector<Value> shipped_documents() {
  std::vector<Value> documents;
  for (const auto& file : embedded::files()) {
    if (!file.path.starts_with("policies/")) continue;
    const auto parsed = manifest::parse_yaml(file.content, std::string(file.path));
    if (has_errors(parsed.diagnostics)) throw std::runtime_error(to_string(parsed.diagnostics.front()));
    for (const auto& document : parsed.documents) documents.push_back(document.value);
  }
  return documents;
}

inline std::vector<policy::Policy> shipped_policies() {
  std::vector<policy::Policy> made;
  for (const Value& document : shipped_documents()) {
    Resource resource;
    resource.key = {"Policy", "default", text_at(document, "/metadata/name").value_or("")};
    resource.spec = *at(document, "/spec");
    auto policy = policy::Policy::from_resource(resource, "built in");
    if (!policy) throw std::runtime_error(policy.error().message);
    made.push_back(std::move(*policy));
  }
  return made;
}

inline Change change(const std::string& name, std::vector<Action> actions, std::vector<FieldChange> fields = {}) {
  Change made;
  made.key = {"ADUser", "default", name};
  made.actions = std::move(actions);
  made.handle = made.handle_after = "CN=" + name + ",OU=People,DC=ad,DC=test";
  made.fields = std::move(fields);
  return made;
}

// For Context::owned.
inline auto owning(std::map<std::string, std::size_t> by_kind) {
  return [by_kind = std::move(by_kind)](const std::set<std::string>& kinds) {
    std::size_t owned = 0;
    for (const auto& [kind, number] : by_kind)
      if (kinds.empty() || kinds.contains(kind)) owned += number;
    return owned;
  };
}

inline Plan plan_of(std::vector<Change> changes, const std::string& digest = "d1") {
  Plan plan;
  plan.target = "Directory/default/corp";
  plan.digest = digest;
  plan.levels = {std::move(changes)};
  return plan;
}

inline std::vector<Change> many(std::size_t count, std::vector<Action> actions, const std::string& prefix = "u",
                                const std::vector<FieldChange>& fields = {}) {
  std::vector<Change> changes;
  for (std::size_t i = 0; i < count; ++i) changes.push_back(change(prefix + std::to_string(i), actions, fields));
  return changes;
}

inline AuditRecord record_of(const Change& change, AuditRecord::Stage stage, SystemTime at, std::string operation) {
  AuditRecord record;
  record.at = at;
  record.stage = stage;
  record.operation = std::move(operation);
  record.target = "Directory/default/corp";
  record.key = change.key;
  record.actions = change.actions;
  record.handle = change.handle;
  record.handle_after = change.handle_after;
  record.fields = change.fields;
  return record;
}

}  // namespace plumb::testing
