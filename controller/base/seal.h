#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/base/secret.h"

namespace plumb {

// What is kept in the state and must not be read there: sealed under a key that is not in it.
//
// "plumbline-seal/v1:<key id>:<base64 of nonce, ciphertext and tag>". AES-256-GCM with a random nonce of 96 bits; the
// key is derived from `key` by HKDF. What is sealed for one `context` ("token/crm") cannot be opened for another, so
// that nobody who may write to the state can put one secret in the place of another.
std::string seal(std::string_view key, const Secret& plaintext, std::string_view context);
// Fault::invalid for what is no seal of this version; Fault::denied where it was made with another key, was changed, or
// is of another context. The message says which, as far as it can be told.
Result<Secret> open_seal(std::string_view key, std::string_view sealed, std::string_view context);

// 32 bytes by HKDF-SHA-256 (RFC 5869).
Secret hkdf_sha256(std::string_view key, std::string_view salt, std::string_view info);

// Authenticated encryption, for formats of others. Key of 32 bytes, tag of 16.
enum class Aead { aes_256_gcm, chacha20_poly1305 };
struct AeadInput {
  std::string_view key, nonce;
  std::string_view additional{};  // authenticated with the text, not part of it
};
// Nothing: the key is another, or something was changed. `tag` follows `ciphertext` in most formats.
std::optional<Secret> aead_open(Aead algorithm, const AeadInput& with, std::string_view ciphertext,
                                std::string_view tag);
// Ciphertext and tag.
std::string aead_seal(Aead algorithm, const AeadInput& with, std::string_view plaintext);

}  // namespace plumb
