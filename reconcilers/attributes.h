#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace plumb {

// Whether a manifest may name the attribute under spec.attributes; else an error that says why not
// and, where there is one, which field to use. `kind` is "ADUser", "ADGroup" or "OrganizationalUnit".
Result<void> check_attribute_name(std::string_view kind, std::string_view name);

// Attributes with a field of their own that a round compares with what is there, so that they can differ.
std::vector<std::string> compared_attributes(std::string_view kind);

// The attribute that marks what Plumbline made; see marker.h.
inline constexpr std::string_view kMarkerAttribute = "adminDescription";

// Bits of userAccountControl (MS-ADTS 2.2.16).
inline constexpr std::uint32_t kAccountDisable = 0x2;
inline constexpr std::uint32_t kNormalAccount = 0x200;
inline constexpr std::uint32_t kInterdomainTrust = 0x800;
inline constexpr std::uint32_t kWorkstationTrust = 0x1000;
inline constexpr std::uint32_t kServerTrust = 0x2000;
inline constexpr std::uint32_t kReadOnlyController = 0x4000000;

// The bit of a flag that a manifest may name; nothing for others.
std::optional<std::uint32_t> account_flag(std::string_view name);
std::vector<std::string> account_flag_names();

}  // namespace plumb
