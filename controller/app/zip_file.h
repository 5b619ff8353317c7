#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace plumb::app {

struct ZipFile {
  std::string name, content;
};
// The archive's bytes.
Result<std::string> zip_bytes(const std::vector<ZipFile>& files);
// For its owner alone; Fault::unavailable where it cannot be written, or is there already.
Result<void> write_new_file(const std::filesystem::path& to, std::string_view bytes);
// The same of an archive.
Result<void> write_zip(const std::filesystem::path& to, const std::vector<ZipFile>& files);

}  // namespace plumb::app
