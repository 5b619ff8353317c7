#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/base/secret.h"

// Signatures by Ed25519 (RFC 8032).
namespace plumb {

constexpr std::size_t kEd25519Size = 32;  // of both keys; a signature is twice that

struct Ed25519Pair {
  Secret secret;           // 32 bytes
  std::string public_key;  // 32 bytes
};
Ed25519Pair make_ed25519();
// The public half of a key of 32 bytes; nothing if it is none.
std::optional<std::string> ed25519_public(const Secret& secret);
// Fault::invalid if the key is none.
Result<std::string> ed25519_sign(const Secret& secret, std::string_view message);
bool ed25519_verifies(std::string_view public_key, std::string_view message, std::string_view signature);

}  // namespace plumb
