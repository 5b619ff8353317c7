#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace plumb::test {

// A server of somebody else, run for one test in a folder of its own, on a port of the loopback; ended with the object.
class HttpProcess {
 public:
  // "" if the program is not installed: then the test is to be skipped, or to fail where everything must be there.
  static std::string path_of(std::string_view program);
  static std::uint16_t free_port();

  HttpProcess();
  ~HttpProcess();
  HttpProcess(const HttpProcess&) = delete;
  HttpProcess& operator=(const HttpProcess&) = delete;
  // Writes a file of the folder and gives its path; anyone may read it.
  std::string write(const std::string& name, std::string_view content) const;
  std::string read(const std::string& name) const;
  // Until the port takes connections. Throws with what the program said if it does not.
  void run(const std::vector<std::string>& command, std::uint16_t port);
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  pid_t pid_ = -1;
};

// A test cannot run here: it is skipped, or fails where everything must be there.
#define PLUMB_CANNOT_RUN(why)                                               \
  do {                                                                      \
    if (std::getenv("PLUMBLINE_REQUIRE_SAMBA") != nullptr) FAIL() << (why); \
    GTEST_SKIP() << (why);                                                  \
  } while (false)

// At the beginning of a test that needs the program.
#define PLUMB_NEEDS(program)                                      \
  if (::plumb::test::HttpProcess::path_of(program).empty()) {     \
    PLUMB_CANNOT_RUN(std::string(program) + " is not installed"); \
  }

}  // namespace plumb::test
