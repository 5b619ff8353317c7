#include "controller/adapters/git/signatures.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "controller/adapters/git/process.h"
#include "controller/base/text.h"

namespace plumb::git {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPgpKey = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
constexpr std::string_view kPgpSignature = "-----BEGIN PGP SIGNATURE-----";
constexpr std::string_view kSshSignature = "-----BEGIN SSH SIGNATURE-----";
constexpr std::size_t kRemembered = 100'000;  // commits
constexpr auto kImportTime = std::chrono::seconds(20);

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(std::move(word));
  return words;
}

std::vector<std::vector<std::string>> status_of(const std::string& output) {
  std::istringstream in(output);
  std::vector<std::vector<std::string>> lines;
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("[GNUPG:] ")) lines.push_back(words_of(line.substr(9)));
  return lines;
}

std::vector<std::string> gpg(const fs::path& home, std::vector<std::string> arguments) {
  std::vector<std::string> command = {"/usr/bin/gpg",
                                      "--homedir",
                                      home.string(),
                                      "--no-options",
                                      "--batch",
                                      "--no-tty",
                                      "--no-autostart",
                                      "--trust-model",
                                      "always",
                                      "--weak-digest",
                                      "SHA1",
                                      "--status-fd",
                                      "1",
                                      "--no-auto-key-retrieve"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

Result<std::string> key_text(const SigningKey& key) {
  if (key.public_key_file.empty()) return key.public_key;
  std::ifstream in(key.public_key_file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return fail(Fault::unavailable, "{}: {}", key.public_key_file, std::strerror(errno));
  return text.str();
}

bool is_ssh_type(std::string_view type) {
  return type == "ssh-ed25519" || type == "ssh-rsa" || type.starts_with("ecdsa-sha2-") || type.starts_with("sk-");
}

bool is_base64(std::string_view text) {
  return !text.empty() && text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") ==
                              std::string_view::npos;
}

// What gpg's status lines say against a signature.
std::string objection(const std::vector<std::vector<std::string>>& status) {
  for (const auto& words : status) {
    const std::string& what = words.empty() ? "" : words.front();
    const std::string id = words.size() > 1 ? printable(words[1]) : "?";
    if (what == "BADSIG") return "its OpenPGP signature does not match its content";
    if (what == "EXPKEYSIG") return fmt::format("it is signed with OpenPGP key {}, which has expired", id);
    if (what == "REVKEYSIG") return fmt::format("it is signed with OpenPGP key {}, which was revoked", id);
    if (what == "EXPSIG") return "its OpenPGP signature has expired";
    if (what == "ERRSIG")
      return fmt::format("it is signed with OpenPGP key {}, which is not allowed or not usable", id);
  }
  return "";
}

}  // namespace

Result<SignedCommit> take_apart(std::string_view raw) {
  constexpr std::string_view kField = "gpgsig ", kOtherHash = "gpgsig-sha256 ";
  SignedCommit commit;
  int signatures = 0;
  enum class In { other, signature, skipped } in = In::other;
  std::size_t at = 0;
  while (at < raw.size() && raw[at] != '\n') {  // an empty line ends the header
    const std::size_t end = std::min(raw.find('\n', at), raw.size() - 1);
    const std::string_view line = raw.substr(at, end + 1 - at);
    at = end + 1;
    const bool continued = line.starts_with(' ');
    if (line.starts_with(kField)) {
      in = In::signature;
      ++signatures;
      commit.signature += line.substr(kField.size());
    } else if (line.starts_with(kOtherHash)) {
      in = In::skipped;
    } else if (continued && in == In::signature) {
      commit.signature += line.substr(1);
    } else if (!continued || in == In::other) {
      in = In::other;
      commit.payload += line;
    }
  }
  commit.payload += raw.substr(std::min(at, raw.size()));
  if (signatures > 1) return fail(Fault::denied, "it bears more than one signature");
  return commit;
}

Result<std::unique_ptr<Verifier>> Verifier::make(const std::vector<SigningKey>& keys, const fs::path& home) {
  std::string name = (home / "keys-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return fail(Fault::unavailable, "{}: {}", name, std::strerror(errno));
  std::unique_ptr<Verifier> verifier(new Verifier(name));
  verifier->keys_ = keys;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto text = key_text(keys[i]);
    if (!text) return in_context(fmt::format("signing key \"{}\"", keys[i].name), std::move(text).error());
    if (auto added = verifier->add(i, *text); !added)
      return in_context(fmt::format("signing key \"{}\"", keys[i].name), std::move(added).error());
  }
  return verifier;
}

Verifier::~Verifier() {
  std::error_code ignored;
  fs::remove_all(home_, ignored);
}

Result<void> Verifier::add(std::size_t index, const std::string& text) {
  if (text.find(kPgpKey) != std::string::npos) {
    const Deadline deadline{std::chrono::steady_clock::now() + kImportTime};
    PLUMB_TRY(const Finished done, run(gpg(home_, {"--import"}), home_.string(), text, {}, deadline));
    bool any = false;
    for (const auto& words : status_of(done.output)) {
      if (words.size() < 3 || words[0] != "IMPORT_OK") continue;
      any = true;
      if (!fingerprints_.emplace(words[2], index).second && fingerprints_[words[2]] != index)
        return fail(Fault::invalid, "the same key is there twice");
    }
    if (any) return {};
    return fail(Fault::invalid, "gpg finds no OpenPGP public key in it: {}", printable(done.errors));
  }
  const auto words = words_of(text);
  if (words.size() < 2 || !is_ssh_type(words[0]) || !is_base64(words[1]))
    return fail(Fault::invalid, "neither an armoured OpenPGP public key nor an SSH one (\"ssh-ed25519 AAAA...\")");
  std::ofstream out(home_ / "allowed_signers", std::ios::app);
  out << "key" << index << " namespaces=\"git\" " << words[0] << ' ' << words[1] << '\n';
  out.close();
  if (!out) return fail(Fault::unavailable, "{}: cannot be written", home_.string());
  any_ssh_ = true;
  return {};
}

Result<std::size_t> Verifier::by_openpgp(const SignedCommit& commit, Deadline deadline) const {
  if (fingerprints_.empty()) return fail(Fault::denied, "it is signed with OpenPGP, and no OpenPGP key is allowed");
  PLUMB_TRY(const Finished done, run(gpg(home_, {"--verify", "/dev/fd/3", "-"}), home_.string(), commit.payload,
                                     commit.signature, deadline));
  const auto status = status_of(done.output);
  if (const std::string against = objection(status); !against.empty()) return fail(Fault::denied, "{}", against);
  std::vector<std::string> fingerprints;
  int good = 0;
  for (const auto& words : status) {
    if (!words.empty() && words[0] == "GOODSIG") ++good;
    // VALIDSIG <fingerprint of the signing key> ... <fingerprint of its primary key>
    if (words.size() >= 11 && words[0] == "VALIDSIG") fingerprints.push_back(words[10]);
  }
  if (done.code != 0 || good != 1 || fingerprints.size() != 1)
    return fail(Fault::denied, "gpg does not find one good signature: {}", printable(done.errors.substr(0, 300)));
  const auto key = fingerprints_.find(fingerprints.front());
  if (key == fingerprints_.end())
    return fail(Fault::denied, "it is signed with OpenPGP key {}, which is not allowed", fingerprints.front());
  return key->second;
}

Result<std::size_t> Verifier::by_ssh(const SignedCommit& commit, Deadline deadline) const {
  if (!any_ssh_) return fail(Fault::denied, "it is signed with SSH, and no SSH key is allowed");
  const std::string allowed = (home_ / "allowed_signers").string();
  PLUMB_TRY(const Finished found,
            run({"/usr/bin/ssh-keygen", "-Y", "find-principals", "-s", "/dev/fd/3", "-f", allowed}, home_.string(), {},
                commit.signature, deadline));
  const std::string name = found.output.substr(0, found.output.find('\n'));
  if (found.code != 0 || !name.starts_with("key"))
    return fail(Fault::denied, "it is signed with an SSH key that is not allowed");
  PLUMB_TRY(const Finished done,
            run({"/usr/bin/ssh-keygen", "-Y", "verify", "-n", "git", "-s", "/dev/fd/3", "-f", allowed, "-I", name},
                home_.string(), commit.payload, commit.signature, deadline));
  if (done.code != 0) return fail(Fault::denied, "its SSH signature does not match its content");
  std::size_t index = keys_.size();
  for (std::size_t i = 0; i < keys_.size(); ++i)
    if (name == fmt::format("key{}", i)) index = i;
  if (index == keys_.size()) return fail(Fault::denied, "it is signed with an SSH key that is not allowed");
  return index;
}

Result<const SigningKey*> Verifier::signer(git_repository* repository, const git_oid& id, Deadline deadline) {
  const std::string text = to_text(id);
  const auto known = known_.with([&](const auto& all) -> std::optional<std::size_t> {
    const auto found = all.find(text);
    return found == all.end() ? std::nullopt : std::optional(found->second);
  });
  if (known) return &keys_[*known];
  git_odb* odb = nullptr;
  if (const int code = git_repository_odb(&odb, repository); code != 0) return failure(code, "opening the objects");
  const OdbHandle owned(odb);
  git_odb_object* object = nullptr;
  if (git_odb_read(&object, odb, &id) != 0)
    return fail(Fault::unavailable, "reading commit {}: {}", text, last_words());
  const OdbObject raw(object);
  PLUMB_TRY(const SignedCommit commit,
            take_apart({static_cast<const char*>(git_odb_object_data(object)), git_odb_object_size(object)}));
  if (commit.signature.empty()) return fail(Fault::denied, "it is not signed");
  const bool pgp = commit.signature.starts_with(kPgpSignature), ssh = commit.signature.starts_with(kSshSignature);
  if (!pgp && !ssh) return fail(Fault::denied, "its signature is neither OpenPGP nor SSH");
  PLUMB_TRY(const std::size_t index, pgp ? by_openpgp(commit, deadline) : by_ssh(commit, deadline));
  known_.with([&](auto& all) {
    if (all.size() >= kRemembered) all.clear();
    all.emplace(text, index);
  });
  return &keys_[index];
}

}  // namespace plumb::git
