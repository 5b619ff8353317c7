#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "controller/base/result.h"

namespace plumb::app {

struct ZipFile {
  std::string name, content;
};
// For its owner alone; Fault::unavailable where it cannot be written, or is there already.
Result<void> write_zip(const std::filesystem::path& to, const std::vector<ZipFile>& files);

}  // namespace plumb::app
