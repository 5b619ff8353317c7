#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/samba.h"

namespace plumb::test {

// A program that runs beside the test; killed if it still does at the end.
class Background {
 public:
  Background(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Whether the text appears in what it prints (both streams) from here on, within the time. What was looked
  // at is not looked at again by the next call.
  bool prints(std::string_view text, std::chrono::seconds within = std::chrono::seconds(20));
  void signal(int number) const;
  // Its exit code (128 + number for a signal); -1 if it does not end in time.
  int ends(std::chrono::seconds within = std::chrono::seconds(20));
  const std::string& output() const { return output_; }

 private:
  bool read_more(std::chrono::steady_clock::time_point until);

  pid_t pid_ = -1;
  int pipe_ = -1, status_ = -1;
  std::size_t looked_at_ = 0;
  std::string output_;
};

// The program that is tested: PLUMBLINE_BINARY, else the one that was built with the tests.
std::vector<std::string> plumbline_command(const std::vector<std::string>& arguments);
// Runs a command to its end, ten minutes at most; status -1: it did not end.
Ran run_to_end(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment);

// The real program in a folder of its own, against a real domain: OU=Corp, which svc-plumbline may write
// below, empty at first. Manifests may use dc1.ad.test and /etc/plumbline/ad-ca.pem as the examples do; `copy`
// and `write` put the real ones in their place.
class Workbench {
 public:
  explicit Workbench(const Samba& samba);

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path manifests() const { return folder_ / "manifests"; }
  std::filesystem::path state() const { return folder_ / "state"; }
  std::map<std::string, std::string>& environment() { return environment_; }
  // Another way to the server for what is written from here on: "ldaps://127.0.0.1:4636".
  void server(std::string url) { url_ = std::move(url); }

  void write(const std::string& path, std::string text) const;                     // below manifests(); atomically
  void remove(const std::string& path) const;                                      // below manifests()
  void copy(const std::filesystem::path& tree, const std::string& to = "") const;  // onto manifests()
  void empty_manifests() const;

  Ran plumbline(const std::vector<std::string>& arguments) const;
  std::vector<std::string> command(const std::vector<std::string>& arguments) const;  // for Background

  // What the domain holds, asked as its administrator: LDIF without line breaks, sorted by the server.
  std::string search(const std::string& filter, const std::vector<std::string>& attributes) const;
  // The first value of an attribute of the account; empty if there is none.
  std::string value(const std::string& account, const std::string& attribute) const;
  bool exists(const std::string& account) const;
  // Tries to sign in; what the server says.
  Ran sign_in(const std::string& name, const std::string& password) const;
  // Changes by somebody else. Fails the test if the server refuses.
  void ldif(const std::string& text) const;

 private:
  std::vector<std::string> admin(const std::string& program) const;

  const Samba& samba_;
  std::filesystem::path folder_;
  std::string url_;
  std::map<std::string, std::string> environment_;
};

// A plan as text with what differs from run to run replaced: digests, ids, times.
std::string without_what_varies(const std::string& text);

// Compares with a file; UPDATE_GOLDEN=1 rewrites it.
void expect_golden(const std::filesystem::path& file, const std::string& text);

}  // namespace plumb::test
