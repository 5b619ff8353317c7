#pragma once

#include <memory>
#include <string>
#include <vector>

namespace plumb::test {

// A real domain controller for the whole test program, started at the first use and ended at exit: Samba on a
// loopback address of its own, by scripts/samba-dc. Test programs that run at the same time take different
// addresses (a lock file each, from 127.0.0.10; PLUMBLINE_TEST_ADDRESS fixes one).
//
//   void SetUp() override { PLUMB_NEED_SAMBA(); }
//
// skips the test with the reason where Samba cannot be started, and fails it if PLUMBLINE_REQUIRE_SAMBA=1.
class Samba {
 public:
  // Null, and the reason, if it cannot be started.
  static const Samba* get(std::string& why);
  static bool required();

  std::string address, url, ca_file, admin, password, realm, base, krb5_conf, server_name;

  // Stops the server as a crash does, starts it again.
  void kill() const;
  void start() const;
  // What is on its disk, ended for that as by a crash: kept, and put back as somebody restores it who knows no better.
  void keep_a_copy() const;
  void set_back() const;
  // Exports the keys of an account; the file's path.
  std::string keytab(const std::string& principal) const;
  // A folder for files of tests; gone at exit.
  const std::string& folder() const { return folder_; }

  Samba(const Samba&) = delete;
  Samba& operator=(const Samba&) = delete;
  ~Samba();

 private:
  Samba() = default;
  void while_down(const std::string& shell) const;
  std::string copy() const;
  static std::unique_ptr<Samba> make(std::string& why);
  bool choose_address(std::string& why);
  bool start_there(std::string& why);

  std::string folder_, directory_;
  int lock_ = -1;
};

// The exit status of a command and what it printed (both streams).
struct Ran {
  int status = -1;
  std::string output;
};
Ran run_program(const std::vector<std::string>& arguments);

}  // namespace plumb::test

// For use in SetUp(): `plumb_samba` stays null where the test is skipped.
#define PLUMB_NEED_SAMBA()                                                                \
  do {                                                                                    \
    std::string plumb_why;                                                                \
    if (::plumb::test::Samba::get(plumb_why) == nullptr) {                                \
      if (::plumb::test::Samba::required()) FAIL() << "Samba is required: " << plumb_why; \
      GTEST_SKIP() << plumb_why;                                                          \
    }                                                                                     \
  } while (false)
