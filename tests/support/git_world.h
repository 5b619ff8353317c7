#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace plumb::test {

// A temporary directory with a repository that the real git works in: `work()` is a checkout, `remote()` the bare
// repository that it pushes to. No configuration of the machine has a say.
class GitWorld {
 public:
  GitWorld();
  ~GitWorld();
  GitWorld(const GitWorld&) = delete;
  GitWorld& operator=(const GitWorld&) = delete;

  const std::filesystem::path& base() const { return base_; }
  std::filesystem::path work() const { return base_ / "work"; }
  std::filesystem::path remote() const { return base_ / "remote.git"; }
  std::string url() const { return "file://" + remote().string(); }

  // Runs a command without a shell of ours in between; its standard output without the last newline. Throws with
  // what it said if it fails.
  std::string run(const std::vector<std::string>& command) const;
  // git in the checkout.
  std::string git(std::vector<std::string> arguments) const;

  void write(const std::string& path, const std::string& text) const;
  // Writes the files, commits all that changed and pushes the branch; the commit's id.
  std::string commit(const std::map<std::string, std::string>& files, const std::string& message = "change",
                     const std::vector<std::string>& options = {}) const;
  void push(const std::vector<std::string>& options = {}) const;

  // Name of a new OpenPGP key (its fingerprint), and its public part.
  std::string make_pgp_key(const std::string& mail, const std::string& expires = "never") const;
  std::string pgp_public_key(const std::string& fingerprint) const;
  // Path of a new private SSH key; the public one has ".pub" behind it.
  std::string make_ssh_key(const std::string& name, const std::string& type = "ed25519") const;
  static std::string text_of(const std::filesystem::path& file);
  // Options of `git` that make `commit` sign.
  std::vector<std::string> signed_by_ssh(const std::string& key) const;
  std::vector<std::string> signed_by_pgp(const std::string& fingerprint) const;

 private:
  std::filesystem::path base_;
};

}  // namespace plumb::test
