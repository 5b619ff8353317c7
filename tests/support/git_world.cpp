#include "tests/support/git_world.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace plumb::test {
namespace {

namespace fs = std::filesystem;

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

}  // namespace

GitWorld::GitWorld() {
  std::string name = (fs::temp_directory_path() / "plumb-git-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  base_ = name;
  fs::create_directories(base_ / "gnupg");
  fs::permissions(base_ / "gnupg", fs::perms::owner_all);
  run({"git", "init", "-q", "--bare", "-b", "main", remote().string()});
  run({"git", "init", "-q", "-b", "main", work().string()});
  git({"remote", "add", "origin", remote().string()});
}

GitWorld::~GitWorld() {
  // gpg starts an agent to sign with.
  std::ignore =
      std::system(("gpgconf --homedir " + quoted((base_ / "gnupg").string()) + " --kill all >/dev/null 2>&1").c_str());
  std::error_code ignored;
  fs::remove_all(base_, ignored);
}

std::string GitWorld::run(const std::vector<std::string>& command) const {
  std::string line =
      "env -i PATH=/usr/bin:/bin:/usr/sbin HOME=" + quoted(base_.string()) +
      " GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GNUPGHOME=" + quoted((base_ / "gnupg").string()) +
      " GIT_AUTHOR_NAME='Jane Doe' GIT_AUTHOR_EMAIL=jane@corp.test GIT_COMMITTER_NAME='Jane Doe'"
      " GIT_COMMITTER_EMAIL=jane@corp.test";
  for (const std::string& each : command) line += " " + quoted(each);
  const fs::path out = base_ / "out", errors = base_ / "errors";
  const int code = std::system((line + " >" + quoted(out.string()) + " 2>" + quoted(errors.string())).c_str());
  if (code != 0) throw std::runtime_error(line + ": " + text_of(errors) + text_of(out));
  std::string text = text_of(out);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string GitWorld::git(std::vector<std::string> arguments) const {
  std::vector<std::string> command = {"git", "-C", work().string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command);
}

void GitWorld::write(const std::string& path, const std::string& text) const {
  fs::create_directories((work() / path).parent_path());
  std::ofstream(work() / path, std::ios::binary) << text;
}

std::string GitWorld::commit(const std::map<std::string, std::string>& files, const std::string& message,
                             const std::vector<std::string>& options) const {
  for (const auto& [path, text] : files) write(path, text);
  git({"add", "-A"});
  std::vector<std::string> arguments = options;
  arguments.insert(arguments.end(), {"commit", "-q", "--allow-empty", "-m", message});
  git(arguments);
  push();
  return git({"rev-parse", "HEAD"});
}

void GitWorld::push(const std::vector<std::string>& options) const {
  std::vector<std::string> arguments = {"push", "-q"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.insert(arguments.end(), {"origin", "HEAD"});
  git(arguments);
}

std::string GitWorld::make_pgp_key(const std::string& mail, const std::string& expires) const {
  run({"gpg", "--batch", "-q", "--passphrase", "", "--quick-gen-key", mail, "ed25519", "sign", expires});
  std::istringstream lines(run({"gpg", "--batch", "--with-colons", "--list-keys", mail}));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("fpr:")) return line.substr(12, 40);
  throw std::runtime_error("gpg made no key");
}

std::string GitWorld::pgp_public_key(const std::string& fingerprint) const {
  return run({"gpg", "--batch", "--armor", "--export", fingerprint});
}

std::string GitWorld::make_ssh_key(const std::string& name, const std::string& type) const {
  const std::string path = (base_ / name).string();
  run({"ssh-keygen", "-q", "-t", type, "-N", "", "-C", name, "-f", path});
  return path;
}

std::string GitWorld::text_of(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<std::string> GitWorld::signed_by_ssh(const std::string& key) const {
  return {"-c", "gpg.format=ssh", "-c", "user.signingkey=" + key, "-c", "commit.gpgsign=true"};
}

std::vector<std::string> GitWorld::signed_by_pgp(const std::string& fingerprint) const {
  return {"-c", "gpg.format=openpgp", "-c", "user.signingkey=" + fingerprint, "-c", "commit.gpgsign=true"};
}

}  // namespace plumb::test
