#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/adapters/git/library.h"
#include "controller/adapters/git/settings.h"
#include "controller/base/synchronized.h"

namespace plumb::git {

// What a commit was signed over and the signature, from its raw object.
struct SignedCommit {
  std::string payload, signature;  // no signature: it is not signed
};
// Fault::denied for more than one signature. Only the header counts, never the message.
Result<SignedCommit> take_apart(std::string_view raw_commit);

// Which of the allowed keys signed a commit: OpenPGP by gpg with a keyring that holds only them, SSH by ssh-keygen
// with a list of only them. Some 10 ms a commit; answers are remembered. Thread-safe.
class Verifier {
 public:
  // The keyring is made below `home`, a private directory, and removed with the object. Fault::invalid for a key
  // that is none, unavailable for a file that cannot be read.
  static Result<std::unique_ptr<Verifier>> make(const std::vector<SigningKey>& keys, const std::filesystem::path& home);
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // Fault::denied says why not: not signed, by a key that is not allowed, expired or revoked, or not over this.
  Result<const SigningKey*> signer(git_repository* repository, const git_oid& commit, Deadline deadline);

 private:
  explicit Verifier(std::filesystem::path home) : home_(std::move(home)) {}
  Result<void> add(std::size_t index, const std::string& text);
  Result<std::size_t> by_openpgp(const SignedCommit& commit, Deadline deadline) const;
  Result<std::size_t> by_ssh(const SignedCommit& commit, Deadline deadline) const;

  std::filesystem::path home_;
  std::vector<SigningKey> keys_;
  std::map<std::string, std::size_t> fingerprints_;  // of OpenPGP primary keys -> index of the key
  bool any_ssh_ = false;
  Synchronized<std::map<std::string, std::size_t>> known_;  // commit -> index of the key
};

}  // namespace plumb::git
