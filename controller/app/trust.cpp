#include "controller/app/trust.h"

#include <algorithm>
#include <filesystem>

#include "controller/base/text.h"

namespace plumb::app {
namespace {

constexpr std::string_view kFile = "file:", kGenerate = "generate:", kSopsFile = "sops:/", kVault = "vault:";

// What a reference leads to: "generate:20:/path" to that file, "sops:/path#/pointer" to that one.
std::string place_of(std::string_view reference) {
  if (reference.starts_with(kSopsFile)) return std::string(reference.substr(0, reference.find('#')));
  if (!reference.starts_with(kGenerate)) return std::string(reference);
  const std::size_t path = reference.find(':', kGenerate.size());
  return path == std::string_view::npos ? std::string(reference)
                                        : std::string(kFile) + std::string(reference.substr(path + 1));
}

bool is_plain(const std::filesystem::path& path) {
  return path.is_absolute() && std::ranges::none_of(path, [](const auto& part) { return part == ".."; });
}

// Where a path leads to when symbolic links are followed, as far as it exists; empty: that cannot be told.
std::filesystem::path resolved(const std::filesystem::path& path) {
  std::error_code error;
  auto end = std::filesystem::weakly_canonical(path, error);
  return error ? std::filesystem::path() : end;
}

// The file is the one allowed, or lies below it.
bool is_within(const std::filesystem::path& allowed, const std::filesystem::path& file) {
  if (!allowed.is_absolute()) return false;
  std::filesystem::path root = resolved(allowed);
  if (!root.has_filename()) root = root.parent_path();  // "/etc/secrets/" is "/etc/secrets"
  return !root.empty() && std::ranges::mismatch(root, file).in1 == root.end();
}

// A path in Vault that goes up would begin as allowed and lead elsewhere.
bool goes_up(std::string_view place) {
  const std::filesystem::path path = place.substr(0, place.find('#')).substr(kVault.size());
  return std::ranges::any_of(path, [](const auto& part) { return part == ".." || part == "."; }) ||
         path.native().find('%') != std::string::npos;
}

bool is_allowed(const std::vector<std::string>& beginnings, std::string_view place) {
  const bool is_file = place.starts_with(kFile);
  if (!is_file && !place.starts_with(kSopsFile)) {
    if (place.starts_with(kVault) && goes_up(place)) return false;
    return std::ranges::any_of(beginnings, [&](const std::string& each) { return place.starts_with(each); });
  }
  // What is allowed to be sent as it is need not be allowed to be decrypted, and the other way round.
  const std::string_view scheme = is_file ? kFile : kSopsFile.substr(0, kSopsFile.size() - 1);
  const std::filesystem::path path = place.substr(scheme.size());
  if (!is_plain(path)) return false;
  const std::filesystem::path file = resolved(path);
  return std::ranges::any_of(beginnings, [&](const std::string& each) {
    return each.starts_with(scheme) && is_within(each.substr(scheme.size()), file);
  });
}

// ldaps://dc1.corp.example:636 -> dc1.corp.example
std::string host_of(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  if (url.starts_with('[')) return std::string(url.substr(1, url.find(']') - 1));
  return std::string(url.substr(0, url.find_first_of(":/")));
}

bool is_host(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return equals_ignoring_case(pattern, host);
  const std::string_view domain = pattern.substr(1);
  return host.size() > domain.size() && equals_ignoring_case(host.substr(host.size() - domain.size()), domain);
}

class Trusted final : public SecretStore {
 public:
  Trusted(Trust trust, std::unique_ptr<SecretStore> inner) : trust_(std::move(trust)), inner_(std::move(inner)) {}
  Result<Secret> fetch(const std::string& reference) override {
    PLUMB_CHECK(check_secret(trust_, reference));
    return inner_->fetch(reference);
  }
  Result<void> deliver(const std::string& reference, const Secret& secret) override {
    PLUMB_CHECK(check_secret(trust_, reference));
    return inner_->deliver(reference, secret);
  }
  Result<void> handed_over(const std::string& reference) override {
    PLUMB_CHECK(check_secret(trust_, reference));
    return inner_->handed_over(reference);
  }

 private:
  Trust trust_;
  std::unique_ptr<SecretStore> inner_;
};

}  // namespace

Result<void> check_secret(const Trust& trust, std::string_view reference) {
  if (trust.secrets.empty()) return {};
  if (is_allowed(trust.secrets, place_of(reference))) return {};
  return fail(Fault::denied, "the secret {} is not among those that manifests may name (--allow-secrets {})",
              printable(reference), join(trust.secrets, ", "));
}

Result<void> check_directory(const Trust& trust, const DirectorySettings& settings) {
  // What a connector reads is not ours to guard: it has a policy of its own.
  if (settings.bind == DirectorySettings::Bind::gssapi && settings.connector_group.empty())
    PLUMB_CHECK(check_secret(trust, std::string(kFile) + settings.keytab_file));
  if (trust.servers.empty()) return {};
  for (const std::string& url : settings.servers) {
    const std::string host = host_of(url);
    if (std::ranges::none_of(trust.servers, [&](const std::string& each) { return is_host(each, host); }))
      return fail(Fault::denied,
                  "{} names the server {}, which is not among those that manifests may name "
                  "(--allow-servers {})",
                  settings.key, printable(host), join(trust.servers, ", "));
  }
  return {};
}

std::unique_ptr<SecretStore> trusted_secrets(Trust trust, std::unique_ptr<SecretStore> inner) {
  return std::make_unique<Trusted>(std::move(trust), std::move(inner));
}

}  // namespace plumb::app
