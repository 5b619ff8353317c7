#include "connector/attributes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "controller/base/text.h"

namespace plumb::connector {
namespace {

// What sets a password, or stands for one (MS-ADTS 3.1.1.3.1.5, MS-ADA).
constexpr std::array<std::string_view, 16> kPasswords{"unicodePwd",
                                                      "userPassword",
                                                      "unixUserPassword",
                                                      "msSFU30Password",
                                                      "clearTextPassword",
                                                      "dBCSPwd",
                                                      "lmPwdHistory",
                                                      "ntPwdHistory",
                                                      "supplementalCredentials",
                                                      "msDS-ManagedPassword",
                                                      "msDS-KeyCredentialLink",
                                                      "altSecurityIdentities",
                                                      "ms-Mcs-AdmPwd",
                                                      "msLAPS-Password",
                                                      "msLAPS-EncryptedPassword",
                                                      "msLAPS-EncryptedDSRMPassword"};
constexpr std::array<std::string_view, 12> kSecrets{"userPassword",
                                                    "unixUserPassword",
                                                    "msSFU30Password",
                                                    "msDS-ManagedPassword",
                                                    "ms-Mcs-AdmPwd",
                                                    "msLAPS-Password",
                                                    "msLAPS-EncryptedPassword",
                                                    "msLAPS-EncryptedPasswordHistory",
                                                    "msLAPS-EncryptedDSRMPassword",
                                                    "msLAPS-EncryptedDSRMPasswordHistory",
                                                    "msFVE-RecoveryPassword",
                                                    "msFVE-KeyPackage"};
constexpr std::array<std::string_view, 14> kRights{"nTSecurityDescriptor",
                                                   "sIDHistory",
                                                   "primaryGroupID",
                                                   "adminCount",
                                                   "msDS-AllowedToDelegateTo",
                                                   "msDS-AllowedToActOnBehalfOfOtherIdentity",
                                                   "msDS-GroupMSAMembership",
                                                   "msDS-ManagedAccountPrecededByLink",
                                                   "msDS-DelegatedMSAState",
                                                   "msDS-SupersededManagedAccountLink",
                                                   "msDS-SupersededServiceAccountState",
                                                   "gPLink",
                                                   "gPOptions",
                                                   "dSHeuristics"};
// Of userAccountControl (MS-ADTS 2.2.16): passwords kept to be decrypted, DES alone, no
// pre-authentication, delegation of both kinds, a domain controller of both kinds.
constexpr std::uint64_t kPowerful = 0x80 | 0x200000 | 0x400000 | 0x80000 | 0x1000000 | 0x2000 | 0x4000000;

std::string_view without_options(std::string_view attribute) { return attribute.substr(0, attribute.find(';')); }

bool is_one_of(std::string_view attribute, std::span<const std::string_view> names) {
  return std::ranges::any_of(
      names, [&](std::string_view each) { return equals_ignoring_case(each, without_options(attribute)); });
}

// All bits where it is no number.
std::uint64_t bits_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? static_cast<std::uint64_t>(number) : ~0ULL;
}

// What is taken away in the same write was there, or the server refuses all of it.
bool sets_powerful_bits(const DirectoryWrite& write) {
  std::uint64_t before = 0, after = 0;
  for (const Modification& change : write.changes) {
    if (!equals_ignoring_case(without_options(change.attribute), "userAccountControl")) continue;
    for (const std::string& value : change.values) {
      const std::uint64_t bits = bits_of(value);
      if (change.op != Modification::Op::remove) {
        after |= bits;
      } else if (bits != ~0ULL) {
        before |= bits;
      }
    }
  }
  return (after & ~before & kPowerful) != 0;
}

}  // namespace

bool names_attribute(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto keychar = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  if (text.empty() || text.size() > 256 || !letter(text.front())) return false;
  const std::string_view options = text.substr(without_options(text).size());
  if (!std::ranges::all_of(without_options(text), keychar)) return false;
  // "range=0-*" is of the option of ranges alone.
  return std::ranges::all_of(options, [&](char c) { return keychar(c) || c == ';' || c == '=' || c == '*'; });
}

bool is_secret(std::string_view attribute) { return is_one_of(attribute, kSecrets); }

bool sets_password(const DirectoryWrite& write) {
  return std::ranges::any_of(write.changes, [](const Modification& change) {
    return change.secret != nullptr || is_one_of(change.attribute, kPasswords);
  });
}

bool sets_rights(const DirectoryWrite& write) {
  return sets_powerful_bits(write) || std::ranges::any_of(write.changes, [](const Modification& change) {
           return is_one_of(change.attribute, kRights);
         });
}

}  // namespace plumb::connector
