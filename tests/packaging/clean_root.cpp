#include "tests/packaging/clean_root.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace plumb::test {
namespace {

namespace fs = std::filesystem;

// What the connector is linked with, libldap included; the tests do not download anything more.
constexpr const char* kLibraries =
    "libldap-2.5-0,libsasl2-2,libssl3,libfmt9,libspdlog1.10,libboost-json1.81.0,zlib1g,libstdc++6,ca-certificates";

fs::path cache() { return fs::path(PLUMB_BINARY_DIR) / "clean-root"; }

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// One process makes it, however many tests want it at once.
std::string make_cached() {
  fs::create_directories(cache());
  const int lock = ::open((cache() / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || ::flock(lock, LOCK_EX) != 0) return "the folder of the clean root cannot be locked";
  std::string why;
  if (!fs::exists(cache() / "complete")) {
    fs::remove_all(cache() / "root");
    const auto made = shell("timeout 580 debootstrap --variant=minbase --include=" + std::string(kLibraries) +
                            " bookworm " + quoted((cache() / "root").string()) + " http://deb.debian.org/debian");
    if (made.status == 0) {
      std::ofstream(cache() / "complete") << "ok\n";
    } else {
      why = "debootstrap made no clean root: " +
            made.output.substr(made.output.size() > 300 ? made.output.size() - 300 : 0);
    }
  }
  ::close(lock);
  return why;
}

}  // namespace

Said shell(const std::string& line) {
  Said said;
  FILE* pipe = ::popen(("{ " + line + "\n} 2>&1 </dev/null").c_str(), "r");
  if (pipe == nullptr) return said;
  std::array<char, 4096> bytes{};
  for (std::size_t got = 0; (got = std::fread(bytes.data(), 1, bytes.size(), pipe)) > 0;)
    said.output.append(bytes.data(), got);
  const int status = ::pclose(pipe);
  said.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return said;
}

std::string CleanRoot::missing() {
  if (::geteuid() != 0) return "chroot needs root";
  if (shell("command -v debootstrap").status != 0) return "debootstrap is not installed";
  static const std::string why = make_cached();
  return why;
}

CleanRoot::CleanRoot() {
  std::string name = (fs::temp_directory_path() / "plumb-root-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
  path_ = fs::path(name) / "root";
  const auto copied =
      shell("cp -a --reflink=auto " + quoted((cache() / "root").string()) + " " + quoted(path_.string()));
  EXPECT_EQ(copied.status, 0) << copied.output;
  // The tools for users leave backups (/etc/passwd-) whoever's user it was: from here on they are there.
  const auto touched = run("useradd --system --user-group first && userdel first");
  EXPECT_EQ(touched.status, 0) << touched.output;
}

CleanRoot::~CleanRoot() { fs::remove_all(path_.parent_path()); }

Said CleanRoot::run(const std::string& line, const std::string& as) const {
  return shell("env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot " +
               (as.empty() ? "" : "--userspec=" + as + " ") + quoted(path_.string()) + " /bin/sh -c " + quoted(line));
}

void CleanRoot::copy_in(const fs::path& file, const std::string& to) const {
  fs::copy_file(file, path_ / fs::path(to).relative_path());
}

void CleanRoot::write(const std::string& path, const std::string& text, unsigned mode) const {
  const fs::path file = path_ / fs::path(path).relative_path();
  std::ofstream(file) << text;
  fs::permissions(file, fs::perms(mode));
}

std::string CleanRoot::read(const std::string& path) const {
  std::ifstream in(path_ / fs::path(path).relative_path());
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::set<std::string> CleanRoot::files() const {
  std::set<std::string> all;
  for (auto each = fs::recursive_directory_iterator(path_); each != fs::recursive_directory_iterator(); ++each)
    all.insert(each->path().lexically_relative(path_).string());
  return all;
}

}  // namespace plumb::test
