#pragma once

#include <filesystem>
#include <memory>

#include "controller/base/result.h"

namespace plumb::git {

// A directory of one process with mode 0700, for keyrings and key files; gone with the object. Those that a crash
// left behind are cleared away when the next one is made.
class PrivateDirectory {
 public:
  static Result<std::unique_ptr<PrivateDirectory>> make(const std::filesystem::path& parent);
  ~PrivateDirectory();
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  PrivateDirectory(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::filesystem::path path_;
  int lock_;  // held as long as this lives
};

}  // namespace plumb::git
