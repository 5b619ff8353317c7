#include "controller/app/workspace.h"

#include <algorithm>
#include <map>
#include <set>

#include "controller/adapters/files/directory_source.h"
#include "controller/app/lanes.h"
#include "controller/base/digest.h"
#include "controller/engine/planner.h"
#include "controller/manifest/yaml.h"
#include "plumb_embedded.h"
#include "reconcilers/directory_settings.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

// The valid Policy documents of one file; anything else in it is an error.
Result<std::vector<Resource>> policy_documents(std::string_view text, const std::string& file,
                                               const schema::Registry& kinds) {
  auto parsed = manifest::parse_yaml(text, file);
  if (has_errors(parsed.diagnostics)) return fail(Fault::invalid, "{}", to_string(parsed.diagnostics.front()));
  std::vector<Resource> policies;
  for (auto& document : parsed.documents) {
    if (const auto problems = kinds.validate_and_default(document.value); !problems.empty()) {
      return fail(Fault::invalid, "{}: {}: {}", to_string(document.at), problems.front().pointer,
                  problems.front().message);
    }
    const auto kind = text_at(document.value, "/kind").value_or("");
    if (kind != "Policy")
      return fail(Fault::invalid, "{}: expected a Policy, this is a {}", to_string(document.at), kind);
    Resource resource;
    resource.key = {kind, text_at(document.value, "/metadata/namespace").value_or("default"),
                    text_at(document.value, "/metadata/name").value_or("")};
    resource.api_version = text_at(document.value, "/apiVersion").value_or("");
    resource.digest = sha256(canonical(document.value));
    resource.spec = document.value.at("spec");
    resource.at = document.at;
    policies.push_back(std::move(resource));
  }
  return policies;
}

void add_error(Diagnostics& list, const Location& at, std::string message) {
  list.push_back({.severity = Severity::error, .at = at, .path = {}, .message = std::move(message)});
}

// Two resources of one domain that claim the same name would take it from each other in turns.
void check_identities(const std::vector<Wanted>& wanted, const Snapshot& snapshot, Diagnostics& found) {
  std::map<std::string, const Wanted*> first;
  for (const auto& one : wanted) {
    const auto* resource = snapshot.find(one.key);
    const auto domain = resource == nullptr ? Result<const Resource*>(nullptr) : directory_of(*resource, snapshot);
    if (!domain || *domain == nullptr || one.identity.value.empty()) continue;
    const std::string name =
        one.identity.attribute == "distinguishedName" ? dn_key(one.identity.value) : fold_case(one.identity.value);
    const auto [other, is_new] =
        first.emplace(to_string((*domain)->key) + '\n' + lower(one.identity.attribute) + '\n' + name, &one);
    if (is_new) continue;
    add_error(
        found, one.at,
        fmt::format("{}: {} \"{}\" is also claimed by {} ({}); each object may be declared once", one.key,
                    one.identity.attribute, one.identity.value, other->second->key, to_string(other->second->at)));
  }
}

// The second of two Directories that manage one place.
void check_overlaps(const Snapshot& snapshot, Diagnostics& found) {
  std::vector<const Resource*> directories;
  for (const auto& [key, resource] : snapshot.resources)
    if (key.kind == "Directory") directories.push_back(resource.get());
  std::ranges::sort(directories, {}, [](const Resource* resource) { return resource->at; });
  for (std::size_t i = 1; i < directories.size(); ++i) {
    Snapshot so_far;
    so_far.resources = snapshot.resources;
    for (std::size_t later = i + 1; later < directories.size(); ++later)
      so_far.resources.erase(directories[later]->key);
    const std::string overlap = overlap_of(directories[i]->key, so_far);
    if (!overlap.empty()) add_error(found, directories[i]->at, fmt::format("{}: {}", directories[i]->key, overlap));
  }
}

// What the objects of one domain are found to be; those of none if `domain` is empty.
void check_domain(const ResourceKey& domain, const std::map<ResourceKey, ResourceKey>& domains,
                  const Snapshot& snapshot, Diagnostics& found) {
  const auto kinds = directory_kinds();
  const auto projection = engine::project(snapshot, kinds, [&](const Resource& resource) {
    const auto known = domains.find(resource.key);
    return (known == domains.end() ? ResourceKey{} : known->second) == domain;
  });
  for (const auto& blocked : projection.blocked) {
    if (snapshot.held.contains(blocked.key)) continue;  // its own diagnostic says why
    add_error(found, blocked.at, fmt::format("{}: {}", blocked.key, blocked.message));
  }
  for (const auto& wanted : projection.wanted) {
    if (!wanted.problem.empty()) add_error(found, wanted.at, fmt::format("{}: {}", wanted.key, wanted.problem));
  }
  check_identities(projection.wanted, snapshot, found);
}

}  // namespace

Result<schema::Registry> builtin_kinds() {
  std::vector<Value> crds;
  for (const auto& file : embedded::files()) {
    if (!file.path.starts_with("crds/")) continue;
    auto parsed = manifest::parse_yaml(file.content, std::string(file.path));
    if (has_errors(parsed.diagnostics)) return fail(Fault::internal, "{}", to_string(parsed.diagnostics.front()));
    for (auto& document : parsed.documents) crds.push_back(std::move(document.value));
  }
  return schema::Registry::from_crds(crds);
}

Diagnostics check_semantics(const Snapshot& snapshot) {
  Diagnostics found;
  for (const auto& [key, resource] : snapshot.resources) {
    if (key.kind == "Directory" && !snapshot.held.contains(key)) {
      if (const auto settings = directory_settings(*resource, snapshot); !settings) {
        add_error(found, resource->at, fmt::format("{}: {}", key, settings.error().message));
      }
    }
    if (key.kind == "Policy") {
      if (const auto policy = policy::Policy::from_resource(*resource, to_string(resource->at)); !policy) {
        add_error(found, resource->at, fmt::format("{}: {}", key, policy.error().message));
      }
    }
  }
  check_overlaps(snapshot, found);
  // Domain by domain, since what may be there once may be in each; and what is of none.
  std::map<ResourceKey, ResourceKey> domains;
  std::set<ResourceKey> all = {ResourceKey{}};
  for (const auto& [key, resource] : snapshot.resources) {
    const auto domain = directory_of(*resource, snapshot);
    if (domain && *domain != nullptr) all.insert(domains[key] = (*domain)->key);
  }
  for (const ResourceKey& domain : all) check_domain(domain, domains, snapshot, found);
  return found;
}

Workspace::Workspace(const GlobalOptions& options, schema::Registry kinds)
    : kinds_(std::move(kinds)),
      source_(files::make_directory_source({.root = options.manifests})),
      loader_(kinds_, {.references = reference_rules()}) {}

Result<std::unique_ptr<Workspace>> Workspace::open(const GlobalOptions& options) {
  PLUMB_TRY(auto kinds, builtin_kinds());
  std::unique_ptr<Workspace> workspace(new Workspace(options, std::move(kinds)));
  PLUMB_CHECK(workspace->load_operator_policies(options));
  return workspace;
}

Result<void> Workspace::load_operator_policies(const GlobalOptions& options) {
  const auto take = [&](std::string_view text, const std::string& file, const std::string& origin) -> Result<void> {
    PLUMB_TRY(auto resources, policy_documents(text, file, kinds_));
    for (auto& resource : resources) operator_policies_.emplace_back(std::move(resource), origin);
    return {};
  };
  if (options.default_policies) {
    for (const auto& file : embedded::files()) {
      if (file.path.starts_with("policies/")) PLUMB_CHECK(take(file.content, std::string(file.path), "built in"));
    }
  }
  for (const auto& folder : options.policies) {
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error))
      return fail(Fault::not_found,
                  "--policies {}: there is no such directory; leave the option out if there are no policies to add",
                  folder.string());
    const auto source = files::make_directory_source({.root = folder});
    auto read = source->read("", Deadline::never());
    if (!read) return in_context(fmt::format("--policies {}", folder.string()), std::move(read).error());
    for (const auto& [path, why] : read->unreadable) {
      return fail(Fault::unavailable, "--policies {}: {}: {}", folder.string(), path, why);
    }
    for (const auto& file : read->changed) {
      const std::string path = (folder / file.path).string();
      PLUMB_CHECK(take(*file.content, path, path));
    }
  }
  return {};
}

Result<bool> Workspace::moved(Deadline deadline) {
  PLUMB_TRY(const auto head, source_->head(deadline));
  return head != revision_;
}

Result<Manifests> Workspace::load(Deadline deadline) {
  PLUMB_TRY(const auto delta, source_->read(revision_, deadline));
  Manifests manifests{.snapshot = loader_.apply(delta), .diagnostics = {}};
  revision_ = delta.revision;
  manifests.diagnostics = manifests.snapshot->diagnostics;
  auto semantic = check_semantics(*manifests.snapshot);
  manifests.diagnostics.insert(manifests.diagnostics.end(), std::make_move_iterator(semantic.begin()),
                               std::make_move_iterator(semantic.end()));
  std::ranges::sort(manifests.diagnostics, [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.at, a.path, a.message) < std::tie(b.at, b.path, b.message);
  });
  const auto repeated = std::ranges::unique(manifests.diagnostics);
  manifests.diagnostics.erase(repeated.begin(), repeated.end());
  return manifests;
}

Result<std::vector<policy::Policy>> Workspace::policies(const Snapshot& snapshot) const {
  std::vector<policy::Policy> all;
  for (const auto& [resource, origin] : operator_policies_) {
    auto policy = policy::Policy::from_resource(resource, origin);
    if (!policy) return in_context(to_string(resource.at), std::move(policy).error());
    all.push_back(std::move(*policy));
  }
  for (const auto& [key, resource] : snapshot.resources) {
    if (key.kind != "Policy") continue;
    // One that is broken must not let through what it was meant to stop.
    auto policy = policy::Policy::from_resource(*resource, to_string(resource->at));
    if (!policy) return in_context(to_string(resource->at), std::move(policy).error());
    all.push_back(std::move(*policy));
  }
  for (const auto& key : snapshot.held) {
    if (key.kind == "Policy" && snapshot.find(key) == nullptr) {
      return fail(Fault::invalid, "{} cannot be read; nothing is written without the guard rails it describes", key);
    }
  }
  return all;
}

}  // namespace plumb::app
