#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/base/result.h"
#include "controller/base/secret.h"

namespace plumb {

// Secrets by reference ("env:NAME", see SecretStore), kept for a while. On the thread of an EventLoop: what is not
// known is fetched on another thread meanwhile.
class SecretReader {
 public:
  using Done = std::function<void(Result<std::shared_ptr<const Secret>>)>;
  virtual ~SecretReader() = default;
  // `done` may be called from within. Errors name the reference, never a byte of the secret.
  virtual void get(const std::string& reference, Done done) = 0;
  // What is known of the reference may be old: the next get() asks again.
  virtual void forget(const std::string& reference) = 0;
};

}  // namespace plumb
