#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "controller/adapters/ldap/ldap_directory.h"
#include "tests/support/samba.h"

namespace plumb::test {

// Secrets by reference, from a table.
class TableOfSecrets final : public SecretStore {
 public:
  std::map<std::string, std::string> table;
  Result<Secret> fetch(const std::string& reference) override {
    const auto found = table.find(reference);
    if (found == table.end()) return fail(Fault::not_found, "no secret {}", reference);
    return Secret(std::string(found->second));
  }
  Result<void> deliver(const std::string& reference, const Secret&) override {
    return fail(Fault::invalid, "{} takes nothing", reference);
  }
  Result<void> handed_over(const std::string&) override { return {}; }
};

// What a client of the test program's Samba needs.
inline const Samba& samba() {
  std::string why;
  return *Samba::get(why);
}

inline ldap::Options samba_options() {
  ldap::Options options;
  options.servers = {samba().url};
  options.ca_file = samba().ca_file;
  options.username = samba().admin;
  options.password_from = "admin";
  options.base_dn = samba().base;
  return options;
}

inline TableOfSecrets samba_secrets() {
  TableOfSecrets secrets;
  secrets.table["admin"] = samba().password;
  return secrets;
}

}  // namespace plumb::test
