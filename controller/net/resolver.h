#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/ports/event_loop.h"

namespace plumb::net {

// Names to addresses, on a few threads of its own, so that a name whose servers are silent holds up neither the loop
// nor the other names. One look-up at a time for a name, however many ask. Used on the loop's thread.
class Resolver {
 public:
  // "10.1.2.3" or "fd00::1", in the order in which they are to be tried.
  using Addresses = std::vector<std::string>;
  using Lookup = std::function<Result<Addresses>(const std::string& host)>;
  using Done = std::function<void(const Result<Addresses>&)>;

  // Asks the system (getaddrinfo). Blocks.
  static Result<Addresses> system(const std::string& host);

  Resolver(EventLoop& loop, Lookup lookup);
  // No `done` is called afterwards. Does not wait for look-ups under way: their threads end by themselves.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `done` is called on the loop's thread, never from within. Fault::unavailable if the name is not known.
  void resolve(const std::string& host, Done done);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace plumb::net
