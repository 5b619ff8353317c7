#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace plumb::connector {

// A file in TOML with one key of one table (empty: the file's own) changed, or without it where `value` is null; all
// else, the comments too, stays as it is. `value` is written as it stands. Sees keys on lines of their own below
// [table]: whoever needs to be sure parses what came out.
std::string with_toml_key(std::string_view text, std::string_view table, std::string_view key,
                          const std::optional<std::string>& value);

}  // namespace plumb::connector
