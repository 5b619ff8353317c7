#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/ports/secret_store.h"
#include "reconcilers/directory_settings.h"

namespace plumb::app {

// What the operator lets manifests name. Whoever writes manifests decides which server is spoken to and which secret it
// is given: without limits they could have any file that the process can read sent to a server of theirs.
struct Trust {
  // Beginnings of secret references: "env:PLUMBLINE_", "systemd:crm-", "vault:kv/plumbline/", "sops:" for every SOPS
  // file of the source; or "file:/etc/plumbline/secrets", "sops:/etc/plumbline" for that file or all below that folder.
  // Empty: any.
  std::vector<std::string> secrets;
  // Host names and addresses of domain controllers; "*.corp.example" stands for all below. Empty: any.
  std::vector<std::string> servers;
};

// Fault::denied, naming the reference and the option, unless one of the beginnings fits. A file's path must be absolute
// and without ".."; it is compared by whole names and where symbolic links lead to. Whoever can change the links of an
// allowed folder meanwhile can go around it.
Result<void> check_secret(const Trust& trust, std::string_view reference);
// The same of a domain's servers and of the keytab that it is signed in with.
Result<void> check_directory(const Trust& trust, const DirectorySettings& settings);

// Gives only what `trust` allows. `inner` belongs to it; thread-safe as that is.
std::unique_ptr<SecretStore> trusted_secrets(Trust trust, std::unique_ptr<SecretStore> inner);

}  // namespace plumb::app
