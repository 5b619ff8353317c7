#include "tests/support/squid.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "tests/support/http_process.h"

namespace plumb::test {
namespace {

constexpr const char* kSettings = R"(
http_port 127.0.0.1:{1}
auth_param basic program /usr/lib/squid/basic_ncsa_auth {0}/passwords
auth_param basic children 1
acl known proxy_auth REQUIRED
acl closed port 1
http_access deny closed
http_access allow known
http_access deny all
cache deny all
pid_filename {0}/pid
access_log stdio:{0}/access.log
cache_log {0}/cache.log
coredump_dir {0}
cache_effective_user proxy
shutdown_lifetime 0 seconds
pinger_enable off
)";

std::string hash_of(const std::string& password) {
  FILE* const pipe = ::popen(("openssl passwd -apr1 " + password).c_str(), "r");
  char line[256] = {};
  const char* const got = std::fgets(line, sizeof line, pipe);
  ::pclose(pipe);
  return got != nullptr ? line : "";
}

}  // namespace

SquidProcess::SquidProcess(std::string user, const std::string& password)
    : user_(std::move(user)), hash_(hash_of(password)), port_(HttpProcess::free_port()) {
  start();
}
SquidProcess::~SquidProcess() = default;

void SquidProcess::start() {
  process_ = std::make_unique<HttpProcess>();
  process_->write("passwords", user_ + ":" + hash_);
  const std::string settings = process_->write("squid.conf", fmt::format(kSettings, process_->folder(), port_));
  // The name is that of its shared memory: other squids of this machine have others.
  process_->run(
      {HttpProcess::path_of("squid"), "-N", "-n", fmt::format("plumb{}x{}", ::getpid(), port_), "-f", settings}, port_);
}

void SquidProcess::kill() {
  logs_ = access_log();
  process_.reset();
}

std::string SquidProcess::access_log() const {
  if (process_ == nullptr) return logs_;
  std::ifstream in(process_->folder() + "/access.log");
  return logs_ + std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace plumb::test
