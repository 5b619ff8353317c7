#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace plumb {

struct FlagName {
  std::string_view name;
  std::uint32_t bit;
};

// The bits of userAccountControl (MS-ADTS 2.2.16), lowest first.
const std::vector<FlagName>& account_flags();

// "NORMAL_ACCOUNT", "DONT_EXPIRE_PASSWORD"; bits without a name as "0x8".
std::vector<std::string> account_flag_names(std::uint32_t bits);

}  // namespace plumb
