#include "controller/adapters/git/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/git_world.h"

namespace plumb::git {
namespace {

using ::testing::Gt;
using ::testing::StartsWith;

// How many descriptors this process may have, until the end of the scope.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(int limit) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit now{static_cast<rlim_t>(limit), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;

 private:
  rlimit before_{};
};

Result<Finished> shell(const std::string& script) {
  return run({"/bin/sh", "-c", script}, "/", "", "", Deadline::never());
}

TEST(GitProcess, AProgramNeverGetsOurOwnOutputWhereDescriptorsAreShort) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the undefined-behaviour sanitizer needs descriptors itself, and reports nonsense without";
#endif
  int refusals = 0;
  for (int limit = 4; limit < 32; ++limit) {
    const auto done = [&] {
      const DescriptorLimit scarce(limit);
      return shell("echo said");
    }();
    if (done) {
      EXPECT_EQ(done->output, "said\n") << limit;
    } else {
      EXPECT_THAT(done.error().message, StartsWith("/bin/sh cannot be run: ")) << limit;
      ++refusals;
    }
  }
  EXPECT_THAT(refusals, Gt(0));
}

TEST(GitProcess, WhatItSaysIsOneLine) {
  EXPECT_EQ(shell("printf 'Permission denied.\\r\\n' >&2")->errors, "Permission denied.");
  EXPECT_EQ(shell("printf 'one\\n\\n\\ttwo\\n' >&2")->errors, "one; two");
  auto talk = Conversation::start({"/bin/sh", "-c", "printf 'gone\\n\\001' >&2"}, "/");
  ASSERT_TRUE(talk);
  char byte = 0;
  EXPECT_EQ(*talk->read(&byte, 1, Deadline::never()), 0U);
  EXPECT_EQ(talk->errors(), "gone; \\x01");
}

TEST(GitProcess, AFileThatIsNoProgramCannotBeRun) {
  const test::GitWorld world;
  const std::string file = (world.base() / "git").string();
  std::ofstream(file) << "#!/bin/sh\n";
  EXPECT_FALSE(can_be_run(file));
  EXPECT_FALSE(can_be_run(file + "-that-is-not-there"));
  EXPECT_TRUE(can_be_run("/bin/sh"));
}

}  // namespace
}  // namespace plumb::git
