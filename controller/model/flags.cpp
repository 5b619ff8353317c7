#include "controller/model/flags.h"

#include <fmt/format.h>

namespace plumb {

const std::vector<FlagName>& account_flags() {
  static const std::vector<FlagName> kFlags = {
      {"SCRIPT", 0x1},
      {"ACCOUNTDISABLE", 0x2},
      {"HOMEDIR_REQUIRED", 0x8},
      {"LOCKOUT", 0x10},
      {"PASSWD_NOTREQD", 0x20},
      {"PASSWD_CANT_CHANGE", 0x40},
      {"ENCRYPTED_TEXT_PWD_ALLOWED", 0x80},
      {"TEMP_DUPLICATE_ACCOUNT", 0x100},
      {"NORMAL_ACCOUNT", 0x200},
      {"INTERDOMAIN_TRUST_ACCOUNT", 0x800},
      {"WORKSTATION_TRUST_ACCOUNT", 0x1000},
      {"SERVER_TRUST_ACCOUNT", 0x2000},
      {"DONT_EXPIRE_PASSWORD", 0x10000},
      {"MNS_LOGON_ACCOUNT", 0x20000},
      {"SMARTCARD_REQUIRED", 0x40000},
      {"TRUSTED_FOR_DELEGATION", 0x80000},
      {"NOT_DELEGATED", 0x100000},
      {"USE_DES_KEY_ONLY", 0x200000},
      {"DONT_REQ_PREAUTH", 0x400000},
      {"PASSWORD_EXPIRED", 0x800000},
      {"TRUSTED_TO_AUTH_FOR_DELEGATION", 0x1000000},
      {"NO_AUTH_DATA_REQUIRED", 0x2000000},
      {"PARTIAL_SECRETS_ACCOUNT", 0x4000000},
      {"USE_AES_KEYS", 0x8000000},
  };
  return kFlags;
}

std::vector<std::string> account_flag_names(std::uint32_t bits) {
  std::vector<std::string> names;
  for (const FlagName& flag : account_flags()) {
    if ((bits & flag.bit) == 0) continue;
    names.emplace_back(flag.name);
    bits &= ~flag.bit;
  }
  for (std::uint32_t bit = 1; bits != 0; bit <<= 1) {
    if ((bits & bit) == 0) continue;
    names.push_back(fmt::format("{:#x}", bit));
    bits &= ~bit;
  }
  return names;
}

}  // namespace plumb
