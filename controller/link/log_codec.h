#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/base/result.h"

namespace plumb::link {

constexpr std::size_t kLogLimit = 50U << 20U;  // bytes of all files that one question brings

// Files of a log, as they are streamed: name and content.
std::string encode_file(std::string_view name, std::string_view content);
Result<std::vector<std::pair<std::string, std::string>>> decode_files(std::string_view stream);

}  // namespace plumb::link
