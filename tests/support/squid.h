#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace plumb::test {

class HttpProcess;

// A real squid on 127.0.0.1 that asks for a password. PLUMB_NEEDS("squid") before it.
class SquidProcess {
 public:
  SquidProcess(std::string user, const std::string& password);
  ~SquidProcess();
  SquidProcess(const SquidProcess&) = delete;
  SquidProcess& operator=(const SquidProcess&) = delete;

  std::uint16_t port() const { return port_; }
  std::string access_log() const;
  void kill();   // with what goes through it
  void start();  // at the same port
  const HttpProcess& process() const { return *process_; }

 private:
  std::string user_, hash_;
  std::uint16_t port_ = 0;
  std::unique_ptr<HttpProcess> process_;
  std::string logs_;  // of those before
};

}  // namespace plumb::test
