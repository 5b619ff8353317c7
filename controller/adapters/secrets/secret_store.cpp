#include "controller/adapters/secrets/secret_store.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <boost/json/parse.hpp>

#include "controller/adapters/secrets/secret_file.h"
#include "controller/adapters/secrets/sops.h"
#include "controller/adapters/secrets/vault.h"
#include "controller/base/assert.h"
#include "controller/base/text.h"

namespace plumb::secrets {
namespace {

constexpr std::string_view kEnv = "env:", kFile = "file:", kGenerate = "generate:", kSystemd = "systemd:",
                           kSops = "sops:", kVault = "vault:";
constexpr std::size_t kLongestDocument = 1 << 20;

Result<Secret> from_environment(const std::string& reference) {
  const std::string name = reference.substr(kEnv.size());
  const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
  if (value == nullptr) return fail(Fault::not_found, "secret {}: the variable is not set", printable(reference));
  return Secret(std::string(value));
}

Result<Secret> from_file(const std::string& reference) {
  PLUMB_TRY(Secret bytes, read_file(reference.substr(kFile.size()), reference));
  return without_newline(std::move(bytes));
}

// A credential is a file that systemd made for this service alone (systemd.exec(5), LoadCredential=).
Result<Secret> from_systemd(const std::string& reference) {
  const std::string name = reference.substr(kSystemd.size());
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos || name.size() > 255)
    return fail(Fault::invalid, "secret {}: not a name of a credential", printable(reference));
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || folder[0] != '/')
    return fail(Fault::not_found, "secret {}: systemd gave this process no credentials (LoadCredential=)",
                printable(reference));
  PLUMB_TRY(Secret bytes, read_file(std::string(folder) + "/" + name, reference));
  return without_newline(std::move(bytes));
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& reference) {
  while (!bytes.empty()) {
    const auto done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return system_fault(reference, "writing secret");
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  if (::fsync(fd) != 0) return system_fault(reference, "writing secret");
  return {};
}

class Store final : public SecretStore {
 public:
  explicit Store(StoreOptions options)
      : options_(std::move(options)),
        vault_(options_, options_.clock != nullptr ? *options_.clock : real_clock_,
               [this](const std::string& reference) { return fetch_local(reference); }) {}

  Result<Secret> fetch(const std::string& reference) override {
    if (reference.starts_with(kSops)) return from_sops(reference);
    if (reference.starts_with(kVault)) return vault_.read(reference);
    return fetch_local(reference);
  }

  Result<void> deliver(const std::string& reference, const Secret& secret) override {
    if (!reference.starts_with("file:/"))
      return fail(Fault::invalid, "a secret is delivered to file:/path, not to \"{}\"", printable(reference));
    const std::string path = reference.substr(kFile.size());
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) return system_fault(reference, "delivering secret to");
    if (auto written = write_all(file.get(), secret.reveal(), reference); !written) {
      ::unlink(path.c_str());  // a part of a secret is of no use to anyone
      return written;
    }
    // The name is durable too once its folder is.
    const std::string folder = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.get() < 0 || ::fsync(parent.get()) != 0) return system_fault(reference, "delivering secret to");
    return {};
  }

  // The file that people look for stays where it is; that we no longer write to it is the mark.
  Result<void> handed_over(const std::string& reference) override {
    if (!reference.starts_with(kGenerate)) return {};
    PLUMB_TRY(const Generated wanted, parse_generated(reference));
    if (::chmod(wanted.path.c_str(), 0400) != 0 && errno != ENOENT) return system_fault(reference, "marking secret");
    return {};
  }

 private:
  // What needs no other secret.
  Result<Secret> fetch_local(const std::string& reference) {
    if (reference.starts_with(kEnv)) return from_environment(reference);
    if (reference.starts_with(kFile)) return from_file(reference);
    if (reference.starts_with(kSystemd)) return from_systemd(reference);
    if (reference.starts_with(kGenerate)) return generated(reference);
    if (reference.starts_with("connector:"))
      return fail(Fault::invalid,
                  "secret \"{}\" is at the site of a connector, and never comes here: only a Directory with a "
                  "connectorGroup is signed in to with it, and by the connector",
                  printable(reference));
    return fail(Fault::invalid,
                "secret \"{}\": expected env:NAME, file:/path, systemd:NAME, sops:<file>#<pointer>, "
                "vault:<path>#<key> or generate:<length>:/path",
                printable(reference));
  }

  Result<Secret> from_sops(const std::string& reference) {
    const auto in_reference = [&](Error error) {
      return in_context("secret " + printable(reference), std::move(error));
    };
    const auto hash = reference.find('#');
    const std::string file = reference.substr(kSops.size(), std::min(hash, reference.size()) - kSops.size());
    const std::string pointer = hash == std::string::npos ? "" : reference.substr(hash + 1);
    if (file.empty() || !pointer.starts_with('/'))
      return fail(Fault::invalid, "secret \"{}\": expected sops:<sha256>#/pointer or sops:/path#/pointer",
                  printable(reference));
    auto identities = age_identities();
    if (!identities) return in_reference(std::move(identities).error());
    auto document = sops_document(file, reference);
    if (!document) return in_reference(std::move(document).error());
    auto found = sops::reveal(*document, pointer, *identities);
    if (!found) return in_reference(std::move(found).error());
    return found;
  }

  // Read each time: it is small, and may be another by now.
  Result<std::vector<age::Identity>> age_identities() {
    if (options_.age_key_file.empty()) return fail(Fault::invalid, "no age identities are configured (--age-key-file)");
    PLUMB_TRY(const Secret text, read_file(options_.age_key_file, std::string(kFile) + options_.age_key_file));
    auto identities = age::parse_identities(text.reveal());
    if (!identities) return in_context(printable(options_.age_key_file), std::move(identities).error());
    return identities;
  }

  Result<Value> sops_document(const std::string& file, const std::string& reference) {
    if (file.starts_with('/')) {
      PLUMB_TRY(const Secret text, read_file(file, reference, {.everyone_may_read = true, .limit = kLongestDocument}));
      return parse_document(text.reveal());
    }
    if (options_.documents == nullptr) return fail(Fault::invalid, "there is no store of the source's documents");
    PLUMB_TRY(const DocumentStore::Content content, options_.documents->get(file));
    if (content->size() > kLongestDocument)
      return fail(Fault::invalid, "the file is larger than {} bytes", kLongestDocument);
    return parse_document(*content);
  }

  Result<Value> parse_document(std::string_view text) {
    if (options_.parse) return options_.parse(text);
    boost::system::error_code error;
    Value value = boost::json::parse(text, error);
    if (error) return fail(Fault::invalid, "the file is not JSON");
    return value;
  }

  struct Generated {
    std::size_t length = 0;
    std::string path;
  };
  static Result<Generated> parse_generated(const std::string& reference) {
    const std::string rest = reference.substr(kGenerate.size());
    const auto colon = rest.find(':');
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + std::min(colon, rest.size()), length);
    if (colon == std::string::npos || error != std::errc() || end != rest.data() + colon || length < 12 || length > 256)
      return fail(Fault::invalid, "secret \"{}\": expected generate:<12 to 256>:/path", printable(reference));
    return Generated{length, rest.substr(colon + 1)};
  }

  // Delivered before it is used: whatever breaks down next, nobody is left with a password that only
  // the directory knows. Asked for again, it is the one that was delivered, as long as it is not in use.
  Result<Secret> generated(const std::string& reference) {
    PLUMB_TRY(const Generated wanted, parse_generated(reference));
    struct stat status {};
    if (::stat(wanted.path.c_str(), &status) == 0 && (status.st_mode & S_IWUSR) == 0)
      return fail(Fault::conflict,
                  "the password in {} is in use already, perhaps somebody else's: pass it on and remove the file, then "
                  "a new one is made",
                  printable(wanted.path));
    const std::string file = std::string(kFile) + wanted.path;
    if (auto there = from_file(file); there || there.error().fault != Fault::not_found) return there;
    Secret made = generate_password(wanted.length);
    PLUMB_CHECK(deliver(file, made));
    return made;
  }

  const StoreOptions options_;
  const RealClock real_clock_;
  VaultClient vault_;
};

}  // namespace

Result<void> check(const StoreOptions& options) {
  const bool by_token = !options.vault_token_from.empty();
  const bool by_role = !options.vault_role_id.empty() || !options.vault_secret_id_from.empty();
  if (!options.vault_address) {
    if (!by_token && !by_role) return {};
    return fail(Fault::invalid, "how to sign in to Vault is given, but not where it is (--vault-address)");
  }
  const Url& address = *options.vault_address;
  constexpr std::string_view kHere[] = {"localhost", "127.0.0.1", "::1"};
  const bool is_here = std::ranges::find(kHere, address.host) != std::end(kHere);
  if (address.scheme != "https" && !is_here)
    return fail(Fault::invalid, "--vault-address: only https; tokens and secrets would be sent in clear to {}",
                printable(address.host));
  if (address.path != "/" || !address.query.empty())
    return fail(Fault::invalid, "--vault-address: only scheme, host and port");
  if (by_token && by_role) return fail(Fault::invalid, "--vault-token-from and --vault-role-id exclude each other");
  if (!by_token && (options.vault_role_id.empty() || options.vault_secret_id_from.empty()))
    return fail(Fault::invalid, "Vault needs --vault-token-from, or --vault-role-id with --vault-secret-id-from");
  const std::string& material = by_token ? options.vault_token_from : options.vault_secret_id_from;
  constexpr std::string_view kLocal[] = {kEnv, kFile, kSystemd};
  if (std::ranges::none_of(kLocal, [&](std::string_view scheme) { return material.starts_with(scheme); }))
    return fail(Fault::invalid, "\"{}\": expected env:NAME, file:/path or systemd:NAME", printable(material));
  return {};
}

std::unique_ptr<SecretStore> make_secret_store(StoreOptions options) {
  return std::make_unique<Store>(std::move(options));
}

Secret generate_password(std::size_t length) {
  PLUMB_ASSERT(length >= 12 && length <= 256);
  // Without look-alikes (0 O, 1 l I), and without signs that shells, CSV or LDAP treat specially.
  constexpr std::string_view kKinds[] = {"abcdefghijkmnopqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789",
                                         "-_.:+!%@#"};
  constexpr std::string_view kAll = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.:+!%@#";
  std::string password(length, '\0');
  const auto draw = [](std::size_t below) {
    unsigned char byte = 0;
    const auto limit = 256 - 256 % below;  // beyond it the first ones would be likelier than the others
    do PLUMB_ASSERT(RAND_bytes(&byte, 1) == 1);
    while (byte >= limit);
    return byte % below;
  };
  while (true) {
    for (char& c : password) c = kAll[draw(kAll.size())];
    bool every = true;  // drawing anew keeps all passwords of the kind equally likely
    for (const std::string_view kind : kKinds) every = every && password.find_first_of(kind) != std::string::npos;
    if (every) return Secret(std::move(password));
  }
}

}  // namespace plumb::secrets
