#pragma once

#include <string>

#include "controller/base/result.h"

namespace plumb::log {

struct FileOptions {
  std::string path;
  std::size_t size = 10 << 20;  // bytes; then it becomes connector.1.log and so on
  std::size_t files = 5;        // with the current one
};

// What is written from here on goes to the file too. Once, after `configure` and before other threads write. The file
// has the mode that the umask leaves. Fault::unavailable if it cannot be written.
Result<void> add_file(const FileOptions& options);

}  // namespace plumb::log
