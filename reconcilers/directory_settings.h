#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/schedule.h"
#include "controller/model/dn.h"
#include "controller/model/resource.h"
#include "controller/model/wanted.h"

namespace plumb {

// How people of the domain sign in to the HTTP API.
struct SignInSettings {
  std::vector<std::string> login_attributes;
  std::vector<Dn> base_dns;
  Duration token_lifetime{};
  std::string prefix;
  int wrong_passwords = 3;
};

// A Directory resource with its Credential, parsed and checked; what the adapter and the kinds need.
struct DirectorySettings {
  ResourceKey key;
  std::vector<std::string> servers;  // ldaps:// or ldap:// URLs, in order of preference
  std::vector<Dn> base_dns;          // not empty
  std::vector<Dn> managed_scope;     // not empty
  enum class Tls { ldaps, start_tls, none };
  Tls tls = Tls::ldaps;
  std::string ca_file, server_name;
  std::string connector_group;  // "namespace/group" of the Connectors it is reached through; empty: from here
  enum class Bind { simple, gssapi };
  Bind bind = Bind::simple;
  std::string username;                                  // simple
  std::string password_from;                             // simple: a SecretStore reference
  std::string principal, keytab_file, krb5_config_file;  // gssapi
  Duration connect_timeout{}, operation_timeout{}, read_timeout{};
  int page_size = 1000;
  std::size_t writes_in_flight = 32;
  Adoption adoption = Adoption::never;
  Deletion deletion;
  std::string deletion_policy;  // "Disable", "Orphan", "Delete": the default for kinds that offer it
  std::set<std::string, IgnoreCase> protected_accounts;  // sAMAccountName
  std::vector<Dn> protected_dns;
  std::string upn_suffix;
  std::optional<Schedule> schedule;       // nothing: as the program's options say
  std::optional<SignInSettings> sign_in;  // nothing: they do not
};

Result<DirectorySettings> directory_settings(const Resource& directory, const Snapshot& snapshot);

}  // namespace plumb
