#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controller/model/attribute.h"

// How single values are read and compared; see also same_value and apply_flags in diff.h.
namespace plumb::plan {

// Two values are the same value to the target iff their keys are equal. Not for flags.
std::string value_key(const AttributeRule& rule, std::string_view value);

// The bits of a 32-bit integer as the directory writes it (signed decimal); also unsigned and 0x.
std::optional<std::uint32_t> parse_flags(std::string_view text);
// As the directory writes it.
std::string flags_text(std::uint32_t bits);

}  // namespace plumb::plan
