#pragma once

#include <memory>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"

namespace plumb {

// What an authorization server gave (RFC 6749, 5.1).
struct Token {
  std::shared_ptr<const Secret> access, refresh;  // refresh may be null
  std::string type = "Bearer";
  std::optional<SystemTime> expires;  // nothing: it was not said
};

// Tokens by name, sealed in the state: they survive a restart and are never in clear in it. On the thread of an
// EventLoop.
class TokenStore {
 public:
  virtual ~TokenStore() = default;
  // Nothing: there is none, or it was sealed with another key.
  virtual std::optional<Token> load(const std::string& name) = 0;
  virtual Result<void> save(const std::string& name, const Token& token) = 0;
  virtual void erase(const std::string& name) = 0;
};

}  // namespace plumb
