#pragma once

#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/http_process.h"

namespace plumb::test {

struct Said {
  int status = -1;
  std::string output;  // both streams
};
// A line for a shell, to its end.
Said shell(const std::string& line);

// A Debian of its own in a folder, as debootstrap makes it: made once in the build folder, copied for each test. Needs
// root, debootstrap and a mirror.
class CleanRoot {
 public:
  // Why there can be none here; empty: there is one.
  static std::string missing();

  CleanRoot();
  ~CleanRoot();
  CleanRoot(const CleanRoot&) = delete;
  CleanRoot& operator=(const CleanRoot&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // A line for a shell inside; `as`: another user than root.
  Said run(const std::string& line, const std::string& as = "") const;
  void copy_in(const std::filesystem::path& file, const std::string& to) const;
  void write(const std::string& path, const std::string& text, unsigned mode) const;
  std::string read(const std::string& path) const;
  // Every path in it.
  std::set<std::string> files() const;

 private:
  std::filesystem::path path_;
};

// At the beginning of a test that needs one; where everything must be there, what is missing is a failure.
#define PLUMB_NEEDS_CLEAN_ROOT() \
  if (const std::string why = ::plumb::test::CleanRoot::missing(); !why.empty()) PLUMB_CANNOT_RUN(why)

}  // namespace plumb::test
