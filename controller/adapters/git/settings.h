#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"

namespace plumb::git {

// Which commit of a repository is the desired one.
struct Reference {
  enum class Kind { branch, tag, semver, commit };
  Kind kind = Kind::branch;
  std::string name;  // of the branch (empty: the remote's HEAD) or tag, the range, or the full commit id
};

// Material by reference (ports/secret_store.h), never here.
struct Credentials {
  std::string username = "git";
  std::string password_from;     // https: password or token; empty: no sign-in
  std::string ssh_key_from;      // ssh: private key without a passphrase; "file:" is used where it is
  std::string known_hosts_file;  // ssh; empty: ~/.ssh/known_hosts
};

// Who may sign commits, and which paths of the source each may change.
struct SigningKey {
  std::string name;
  std::string public_key;          // OpenPGP (armoured) or an SSH line ("ssh-ed25519 AAAA...")
  std::string public_key_file;     // in place of it
  std::vector<std::string> paths;  // globs relative to the root of the source; empty: all
};

// A person's permission to leave `from` for `to`, which does not descend from it. For this one move.
struct Rewind {
  std::string from, to;  // full commit ids
};

// A GitRepository resource, checked. Configuration of the operator: never read from the tree it guards.
struct Settings {
  ResourceKey key;
  std::string url;  // https://, ssh://, git:// or file://, without a password
  Reference ref;
  std::string path;  // of the directory that is the root of the source; empty: the repository's root
  Credentials credentials;
  std::string ca_file;  // https: trusted in place of the system's authorities
  Duration timeout = std::chrono::seconds(60);
  Duration interval = std::chrono::seconds(60);
  bool verify = false;  // every commit since the last accepted one must be signed by one of `keys`
  std::vector<SigningKey> keys;
  std::string trusted_commit;  // the first read verifies all that follows it; empty: the newest commit only
  std::optional<Rewind> accept;
};

// The parts of a URL that libgit2 or ssh is given. Fault::invalid says what is wrong, without
// repeating a password that is in it.
struct Url {
  std::string scheme, user, host, port, path;
};
Result<Url> parse_url(const std::string& text);

// Fault::invalid with the JSON pointer of what is wrong. Pure; files that it names are not looked at.
Result<Settings> git_settings(const Resource& resource);

// "OLD..NEW", both full commit ids, as messages about a refused move give it.
Result<Rewind> parse_rewind(const std::string& text);

// Whether a path matches one of the globs: "*" and "?" stay within a name, "**" does not; a glob that
// ends with "/" means all below. No globs: everything matches.
bool matches_any(const std::vector<std::string>& globs, std::string_view path);

}  // namespace plumb::git
