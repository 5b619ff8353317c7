#pragma once

#include <functional>
#include <memory>

#include "tests/packaging/clean_root.h"
#include "tests/support/workbench.h"

namespace plumb::test {

// A CleanRoot with a systemd that runs in it as process 1. Its network is this machine's.
class BootedRoot {
 public:
  // Why there can be none here; empty: there is one.
  static std::string missing();

  BootedRoot();
  ~BootedRoot();
  BootedRoot(const BootedRoot&) = delete;
  BootedRoot& operator=(const BootedRoot&) = delete;

  const CleanRoot& root() const { return root_; }
  // A line for a shell inside, beside its systemd.
  Said run(const std::string& line) const;
  // Whether it comes to be, within a minute.
  static bool comes(const std::function<bool()>& what);

 private:
  CleanRoot root_;
  std::string group_;  // its name among the control groups
  std::unique_ptr<Background> running_;
  std::string init_;  // the number of its process 1, here
};

// Skipped where the control groups are laid out otherwise, whatever else has to be there: no package brings that.
#define PLUMB_NEEDS_BOOTED_ROOT()                                                    \
  if (const std::string none = ::plumb::test::CleanRoot::missing(); !none.empty()) { \
    PLUMB_CANNOT_RUN(none);                                                          \
  }                                                                                  \
  if (const std::string why = ::plumb::test::BootedRoot::missing(); !why.empty()) GTEST_SKIP() << why

}  // namespace plumb::test
