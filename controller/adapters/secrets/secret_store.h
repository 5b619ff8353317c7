#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/url.h"
#include "controller/model/value.h"
#include "controller/ports/document_store.h"
#include "controller/ports/http_sender.h"
#include "controller/ports/secret_store.h"

namespace plumb::secrets {

// One request over HTTP, to its end. TLS is verified by whoever gives this; no redirect is followed.
using HttpCall = std::function<Result<HttpResponse>(HttpRequest, Deadline)>;

// What the references need that lead out of this process. What is not given is missed when it is asked for.
struct StoreOptions {
  // vault: a token, or a role with its secret id (AppRole).
  std::optional<Url> vault_address;  // https, or http to this host
  std::string vault_token_from;      // a reference: "env:", "file:" or "systemd:"
  std::string vault_role_id;
  std::string vault_secret_id_from;  // a reference
  std::string vault_role_mount = "approle";
  std::string vault_namespace;  // empty: none
  std::string vault_ca;         // path of a PEM file; for whoever makes `http`
  HttpCall http;
  Duration vault_timeout = std::chrono::seconds(10);

  // sops:
  std::string age_key_file;                              // path of the identities
  DocumentStore* documents = nullptr;                    // of "sops:<sha256>"; must outlive the store
  std::function<Result<Value>(std::string_view)> parse;  // YAML or JSON to one document; null: JSON only

  const Clock* clock = nullptr;  // null: the real one. Must outlive the store
};

// A fault in how the options fit together, for the command line.
Result<void> check(const StoreOptions& options);

// The references that can be fetched:
//   env:NAME
//   file:/path                  files that others may write to are refused
//   generate:<length>:/path
//   systemd:NAME                a credential of the service ($CREDENTIALS_DIRECTORY, systemd.exec(5))
//   sops:<sha256>#<pointer>     one value of a SOPS file of the source
//   sops:/path#<pointer>        of one on this machine
//   vault:<mount>/<name>#<key>[?version=<n>]   HashiCorp Vault, KV version 2. The mount is the first part of the path
std::unique_ptr<SecretStore> make_secret_store(StoreOptions options = {});

// A random password of `length` (12 to 256) characters with lower and upper case letters, digits and
// signs, without look-alikes, from the operating system's generator.
Secret generate_password(std::size_t length);

}  // namespace plumb::secrets
