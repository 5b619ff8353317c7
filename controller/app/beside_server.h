#pragma once

#include <filesystem>
#include <memory>

#include "controller/link/asker.h"
#include "controller/net/loop.h"

namespace plumb::app {

// The end of BesideHub in the process that has the connectors. On the loop's thread, or once it is stopped.
class BesideServer final {
 public:
  // Both outlive it; sinks of `asker` are called on the loop's thread.
  BesideServer(net::Loop& loop, link::Asker& asker);
  ~BesideServer();
  BesideServer(const BesideServer&) = delete;
  BesideServer& operator=(const BesideServer&) = delete;
  // Without the socket all works but commands beside this process: what is wrong with it is logged.
  void serve(const std::filesystem::path& socket);

 private:
  struct Running;
  const std::shared_ptr<Running> running_;
};

}  // namespace plumb::app
