#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/workbench.h"

namespace plumb::test {

inline const std::filesystem::path kQuickstart =
    std::filesystem::path(PLUMB_SOURCE_DIR) / "examples/quickstart/manifests";

// The program with the manifests of the quickstart (13 objects), and a real domain in which nothing of them is there.
class OnQuickstart : public testing::Test {
 protected:
  void SetUp() final {
    PLUMB_NEED_SAMBA();
    std::string why;
    samba_ = Samba::get(why);
    bench_.emplace(*samba_);
    bench_->copy(kQuickstart);
    prepare();
  }
  // What a test needs besides; not called where there is no Samba.
  virtual void prepare() {}

  const Samba* samba_ = nullptr;
  std::optional<Workbench> bench_;
};

}  // namespace plumb::test
