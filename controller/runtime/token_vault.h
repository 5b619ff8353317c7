#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/ports/state_store.h"
#include "controller/ports/token_store.h"

namespace plumb::runtime {

// Tokens in the state under "runtime/token/<name>", sealed with the key of the installation and bound to their name.
// A save is durable when it returns, and blocks for as long as that takes.
class TokenVault final : public TokenStore {
 public:
  // `store` must outlive it. `key`: what State::key() gives.
  TokenVault(StateStore& store, std::string_view key) : store_(store), key_(std::string(key)) {}

  std::optional<Token> load(const std::string& name) override;
  Result<void> save(const std::string& name, const Token& token) override;
  void erase(const std::string& name) override;
  // Whether something can be had with it yet: it holds, or there is a refresh token.
  bool serves(const std::string& name, SystemTime now);
  // Grows with every save; 0: there is none. Opens nothing.
  std::uint64_t version(const std::string& name);
  // Of all that are kept, whoever sealed them; in byte order.
  Result<std::vector<std::string>> names();

 private:
  StateStore& store_;
  Secret key_;
};

}  // namespace plumb::runtime
