#include "controller/app/lanes.h"

#include <algorithm>
#include <iterator>

#include "controller/adapters/connector/remote_directory.h"
#include "controller/adapters/ldap/sign_in.h"
#include "controller/app/connector_facts.h"
#include "controller/base/digest.h"
#include "controller/base/log.h"
#include "controller/manifest/document.h"
#include "controller/runtime/token_vault.h"
#include "reconcilers/active_directory.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {

namespace {

remote::Options remote_options(const DirectorySettings& settings) {
  const ldap::Options direct = ldap_options(settings);
  remote::Options options;
  options.group = settings.connector_group;
  options.actor = to_string(settings.key);
  options.password_from = settings.password_from;
  link::DirectoryOpening& opening = options.opening;
  using Opening = link::DirectoryOpening;
  opening.servers = direct.servers;
  switch (direct.tls) {
    case ldap::Options::Tls::ldaps: opening.tls = Opening::Tls::ldaps; break;
    case ldap::Options::Tls::start_tls: opening.tls = Opening::Tls::start_tls; break;
    case ldap::Options::Tls::none: opening.tls = Opening::Tls::none; break;
  }
  opening.server_name = direct.server_name;
  opening.bind = direct.bind == ldap::Options::Bind::gssapi ? Opening::Bind::gssapi : Opening::Bind::simple;
  opening.username = direct.username;
  opening.principal = direct.principal;
  opening.keytab_file = direct.keytab_file;
  opening.krb5_config_file = direct.krb5_config_file;
  opening.base_dn = direct.base_dn;
  opening.connect_timeout = direct.connect_timeout;
  opening.operation_timeout = direct.operation_timeout;
  opening.read_timeout = direct.read_timeout;
  opening.page_size = direct.page_size;
  opening.writes_in_flight = direct.writes_in_flight;
  return options;
}

Failure no_connectors(const DirectorySettings& settings) {
  return fail(Fault::unavailable,
              "{} is reached through connectors of group \"{}\", and none can dial in to this process: they are with "
              "`plumbline run --api`",
              settings.key, settings.connector_group);
}

}  // namespace

ldap::Options ldap_options(const DirectorySettings& settings) {
  ldap::Options options;
  options.servers = settings.servers;
  switch (settings.tls) {
    case DirectorySettings::Tls::ldaps: options.tls = ldap::Options::Tls::ldaps; break;
    case DirectorySettings::Tls::start_tls: options.tls = ldap::Options::Tls::start_tls; break;
    case DirectorySettings::Tls::none: options.tls = ldap::Options::Tls::none; break;
  }
  options.ca_file = settings.ca_file;
  options.server_name = settings.server_name;
  switch (settings.bind) {
    case DirectorySettings::Bind::simple: options.bind = ldap::Options::Bind::simple; break;
    case DirectorySettings::Bind::gssapi: options.bind = ldap::Options::Bind::gssapi; break;
  }
  options.username = settings.username;
  options.password_from = settings.password_from;
  options.principal = settings.principal;
  options.keytab_file = settings.keytab_file;
  options.krb5_config_file = settings.krb5_config_file;
  options.base_dn = settings.base_dns.front().text();
  options.connect_timeout = settings.connect_timeout;
  options.operation_timeout = settings.operation_timeout;
  options.read_timeout = settings.read_timeout;
  options.page_size = settings.page_size;
  options.writes_in_flight = settings.writes_in_flight;
  return options;
}

namespace {

Result<DirectorySettings> settings_of(const ResourceKey& key, const Snapshot& snapshot) {
  const Resource* resource = snapshot.find(key);
  if (resource == nullptr || snapshot.held.contains(key)) {
    return fail(Fault::invalid, "{} is held: its manifest, or one it refers to, has errors", key);
  }
  auto settings = directory_settings(*resource, snapshot);
  if (!settings) return in_context(to_string(key), std::move(settings).error());
  if (const std::string overlap = overlap_of(key, snapshot); !overlap.empty())
    return fail(Fault::invalid, "{}: {}", key, overlap);
  return settings;
}

}  // namespace

std::vector<ResourceKey> directories_of(const Snapshot& snapshot, const std::string& ns, const std::string& name) {
  std::vector<ResourceKey> keys;
  const auto consider = [&](const ResourceKey& key) {
    if (key.kind == "Directory" && (ns.empty() || key.ns == ns) && (name.empty() || key.name == name)) {
      keys.push_back(key);
    }
  };
  each_of_kind(snapshot, "Directory", [&](const Resource& resource) { consider(resource.key); });
  for (const auto& key : snapshot.held) {
    if (snapshot.find(key) == nullptr) consider(key);
  }
  return keys;
}

Result<std::unique_ptr<Directory>> connect(const ResourceKey& key, const Snapshot& snapshot, const Trust& trust,
                                           SecretStore& secrets, const Clock& clock, link::Asker* asker,
                                           const std::string& through) {
  PLUMB_TRY(const auto settings, settings_of(key, snapshot));
  PLUMB_CHECK(check_directory(trust, settings));
  if (settings.connector_group.empty() && !through.empty())
    return fail(Fault::invalid, "{} has no connectorGroup: it is reached from here, not through {}", key, through);
  if (settings.connector_group.empty()) return ldap::make_directory(ldap_options(settings), secrets, clock);
  if (asker == nullptr) return no_connectors(settings);
  remote::Options remote = remote_options(settings);
  if (!through.empty()) remote.group = through;
  return remote::make_directory(std::move(remote), *asker, secrets, clock);
}

runtime::SignIns::Directories sign_in_directories(const Snapshot& snapshot, const std::string& ns,
                                                  const std::string& directory, const Trust& trust,
                                                  SecretStore& secrets, const Clock& clock, link::Asker* asker) {
  runtime::SignIns::Directories all;
  for (const ResourceKey& key : directories_of(snapshot, ns, directory)) {
    const Resource* const resource = snapshot.find(key);
    // One that cannot be read is not asked by what it said before: that may be what was taken back.
    if (resource == nullptr || !bool_at(resource->spec, "/signIn/enabled").value_or(false)) continue;
    runtime::SignInDirectory& each = all.emplace_back();
    each.key = key;
    each.prefix = text_at(resource->spec, "/signIn/prefix").value_or("");
    auto settings = settings_of(key, snapshot);
    const auto trusted = settings ? check_directory(trust, *settings) : Result<void>();
    if (!settings || !trusted) {
      each.problem = settings ? trusted.error().message : settings.error().message;
      log::warning("login.unavailable", "nobody can sign in by {}: {}", key, each.problem);
      continue;
    }
    if (settings->connector_group.empty()) {
      each.sign_in = ldap::make_sign_in(ldap_options(*settings), secrets, clock);
    } else if (asker != nullptr) {
      each.sign_in = remote::make_sign_in(remote_options(*settings), *asker, secrets, clock);
    } else {
      each.problem = no_connectors(*settings).value().message;
      continue;
    }
    each.login_attributes = settings->sign_in->login_attributes;
    for (const Dn& base : settings->sign_in->base_dns) each.base_dns.push_back(base.text());
    each.token_lifetime = settings->sign_in->token_lifetime;
    each.wrong_passwords = settings->sign_in->wrong_passwords;
  }
  return all;
}

ResourceKey runtime_key() { return {"Runtime", "default", "local"}; }

bool declares_runtime(const Snapshot& snapshot, const std::string& ns) {
  bool found = false;
  for (const Reconciler* kind : runtime_kinds())
    each_of_kind(snapshot, std::string(kind->kind()), [&](const Resource& resource) {
      found = found || (belongs_to_runtime(resource) && (ns.empty() || resource.key.ns == ns));
    });
  return found;
}

Result<bool> has_runtime(StateStore& store) {
  for (const Reconciler* kind : runtime_kinds()) {
    PLUMB_TRY(const auto of_kind, store.list(fmt::format("runtime/{}/", kind->kind())));
    if (!of_kind.empty()) return true;
  }
  PLUMB_TRY(const auto inventory, engine::read_inventory(store, to_string(runtime_key())));
  return !inventory.empty();
}

Result<std::vector<ResourceKey>> lanes_of(const Snapshot& snapshot, const std::string& ns, const std::string& directory,
                                          StateStore* store) {
  std::vector<ResourceKey> keys = directories_of(snapshot, ns, directory);
  if (!directory.empty()) return keys;
  std::ranges::copy(platforms_of(snapshot, ns), std::back_inserter(keys));
  bool runtime = declares_runtime(snapshot, ns);
  if (!runtime && ns.empty() && store != nullptr) {
    PLUMB_TRY(runtime, has_runtime(*store));
  }
  if (runtime) keys.push_back(runtime_key());
  return keys;
}

std::vector<ResourceKey> targets_of(const Snapshot& snapshot, const std::string& ns) {
  std::vector<ResourceKey> keys = directories_of(snapshot, ns, "");
  std::ranges::copy(platforms_of(snapshot, ns), std::back_inserter(keys));
  keys.push_back(runtime_key());
  return keys;
}

Result<std::unique_ptr<runtime::Registry>> open_registry(StateStore& store, runtime::Documents& documents,
                                                         const Clock& clock) {
  const auto read = [](const std::string& content) { return manifest::parse_document(content); };
  return runtime::Registry::open({.store = store, .documents = documents, .clock = clock, .read_document = read});
}

namespace {

Result<std::unique_ptr<DomainLane>> build_runtime_lane(const ResourceKey& key, const Snapshot& snapshot,
                                                       std::vector<policy::Policy> policies, const LaneParts& parts) {
  if (parts.registry == nullptr) return fail(Fault::internal, "{}: there is no registry", key);
  auto lane = std::make_unique<DomainLane>();
  lane->key = key;
  lane->wiring = wiring_of(key, snapshot);
  lane->policies = std::move(policies);
  PLUMB_TRY(lane->audit, parts.state.open_audit(parts.clock));
  const auto tokens = std::make_shared<runtime::TokenVault>(parts.state.store(), parts.state.key());
  lane->target = runtime::make_local_target(
      to_string(key),
      {.registry = *parts.registry,
       .kinds = runtime_kinds(),
       .free_form = free_form_members(),
       .probe = parts.probe,
       .signed_in = [tokens,
                     &clock = parts.clock](const std::string& name) { return tokens->serves(name, clock.now()); },
       .rotation =
           [&store = parts.state.store()](const runtime::Registered& credential) {
             return runtime::read_rotation(store, credential.key, credential.spec).value_or(std::nullopt);
           },
       .connectors = [&store = parts.state.store(),
                      &clock = parts.clock] { return connectors_now(store, clock.now()); }});
  engine::LaneOptions options = parts.options;
  options.belongs = belongs_to_runtime;
  options.confirm_missing = Duration::zero();  // nobody else knows more of it
  lane->lane = std::make_unique<engine::Lane>(*lane->target, parts.state.store(), *lane->audit, parts.state.lease(),
                                              parts.clock, lane->policies, std::move(options));
  return lane;
}

// A read is of all lists, page by page, and of every document of ours.
constexpr Duration kPlatformTimeout = std::chrono::minutes(10);
// Each change is several requests, one after the other.
constexpr std::size_t kPlatformBatch = 16;

Result<std::unique_ptr<DomainLane>> build_platform_lane(const ResourceKey& key, const Snapshot& snapshot,
                                                        std::vector<policy::Policy> policies, const LaneParts& parts) {
  if (parts.documents == nullptr) return fail(Fault::internal, "{}: there are no documents", key);
  PLUMB_TRY(auto settings, platform_settings_of(key, snapshot));
  auto lane = std::make_unique<DomainLane>();
  lane->key = key;
  lane->wiring = wiring_of(key, snapshot);
  lane->policies = std::move(policies);
  lane->quick_look = false;
  PLUMB_TRY(lane->audit, parts.state.open_audit(parts.clock));
  PLUMB_TRY(lane->side, PlatformSide::open(std::move(settings), {.state = parts.state,
                                                                 .secrets = parts.secrets,
                                                                 .documents = *parts.documents,
                                                                 .clock = parts.clock,
                                                                 .egress = parts.egress}));
  lane->target = lane->side->make_target();
  engine::LaneOptions options = parts.options;
  options.observe_timeout = options.apply_timeout = kPlatformTimeout;
  options.batch = kPlatformBatch;
  options.belongs = [key](const Resource& resource) { return on_platform(resource, key); };
  // Its lists are proven to be whole, and there is no other server that knows more.
  options.confirm_missing = Duration::zero();
  lane->lane = std::make_unique<engine::Lane>(*lane->target, parts.state.store(), *lane->audit, parts.state.lease(),
                                              parts.clock, lane->policies, std::move(options));
  return lane;
}

}  // namespace

Result<std::unique_ptr<DomainLane>> build_lane(const ResourceKey& key, const Snapshot& snapshot,
                                               std::vector<policy::Policy> policies, const LaneParts& parts) {
  if (key == runtime_key()) return build_runtime_lane(key, snapshot, std::move(policies), parts);
  if (key.kind == "IntegrationPlatform") return build_platform_lane(key, snapshot, std::move(policies), parts);
  PLUMB_TRY(auto settings, settings_of(key, snapshot));
  PLUMB_CHECK(check_directory(parts.trust, settings));
  auto lane = std::make_unique<DomainLane>();
  lane->key = key;
  lane->wiring = wiring_of(key, snapshot);
  lane->policies = std::move(policies);
  PLUMB_TRY(lane->audit, parts.state.open_audit(parts.clock));
  lane->schedule = settings.schedule;
  if (settings.connector_group.empty()) {
    lane->watch = ldap::make_watch(ldap_options(settings), parts.secrets, parts.clock);
    lane->directory = ldap::make_directory(ldap_options(settings), parts.secrets, parts.clock);
  } else {
    if (parts.asker == nullptr) return no_connectors(settings);
    lane->watch = remote::make_watch(remote_options(settings), *parts.asker, parts.secrets, parts.clock);
    lane->directory = remote::make_directory(remote_options(settings), *parts.asker, parts.secrets, parts.clock);
  }
  engine::LaneOptions options = parts.options;
  options.observe_timeout = settings.read_timeout;
  // One that names no Directory is of the only one of its namespace; where there are several, each lane
  // blocks it with an error that says to name one.
  options.belongs = [key](const Resource& resource) {
    return resource.key.ns == key.ns && text_at(resource.spec, "/directoryRef/name").value_or(key.name) == key.name;
  };
  lane->target = make_active_directory(std::move(settings), *lane->directory, parts.secrets, parts.clock,
                                       parts.state.installation());
  lane->lane = std::make_unique<engine::Lane>(*lane->target, parts.state.store(), *lane->audit, parts.state.lease(),
                                              parts.clock, lane->policies, std::move(options));
  return lane;
}

std::string overlap_of(const ResourceKey& key, const Snapshot& snapshot) {
  const Resource* resource = snapshot.find(key);
  const auto mine = resource == nullptr ? fail(Fault::not_found, "") : directory_settings(*resource, snapshot);
  if (!mine) return "";  // told elsewhere
  std::string overlap;
  each_of_kind(snapshot, "Directory", [&](const Resource& other) {
    if (!overlap.empty() || other.key == key) return;
    const auto theirs = directory_settings(other, snapshot);
    if (!theirs || theirs->base_dns.front().key() != mine->base_dns.front().key()) return;
    for (const Dn& scope : mine->managed_scope)
      for (const Dn& place : theirs->managed_scope)
        if (overlap.empty() && (scope.within(place) || place.within(scope)))
          overlap = fmt::format(
              "managedScope {} overlaps {} of {} ({}), which is the same domain; give one of them the place",
              scope.text(), place.text(), other.key, to_string(other.at));
  });
  return overlap;
}

std::string wiring_of(const ResourceKey& key, const Snapshot& snapshot) {
  if (key.kind == "IntegrationPlatform") return platform_wiring_of(key, snapshot);
  std::string all;
  for (const std::string kind : {"Credential", "Directory", "Policy"}) {
    each_of_kind(snapshot, kind, [&](const Resource& other) {
      // Of the runtime only the policies are settings: all else are its objects.
      if (kind != "Policy" && key == runtime_key()) return;
      if (kind == "Credential" && (other.key.ns != key.ns || is_runtime_credential(other))) return;
      all += to_string(other.key) + " " + other.digest + (snapshot.held.contains(other.key) ? " held\n" : "\n");
    });
  }
  return sha256(all);
}

}  // namespace plumb::app
