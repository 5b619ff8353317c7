#pragma once

#include <string>
#include <vector>

#include "controller/ports/state_store.h"
#include "controller/ports/token_store.h"

namespace plumb::runtime {

// Tokens in the state, at "runtime/token/<name>", sealed with the key of the installation (base/seal.h) for their name:
// a copy of the database alone gives nobody a token, and none can be put in the place of another.
class TokenVault final : public TokenStore {
 public:
  // `store` must outlive it; it may be shared by threads if it allows that.
  TokenVault(StateStore& store, std::string key) : store_(store), key_(std::move(key)) {}
  std::optional<Token> load(const std::string& name) override;
  Result<void> save(const std::string& name, const Token& token) override;
  void erase(const std::string& name) override;
  Result<std::vector<std::string>> names() const;

 private:
  StateStore& store_;
  std::string key_;
};

}  // namespace plumb::runtime
