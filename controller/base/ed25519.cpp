#include "controller/base/ed25519.h"

#include <memory>

#include <openssl/evp.h>

#include "controller/base/assert.h"
#include "controller/base/digest.h"

namespace plumb {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Key private_key(const Secret& secret) {
  return Key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(secret.reveal()), secret.size()));
}

}  // namespace

std::optional<std::string> ed25519_public(const Secret& secret) {
  const Key key = private_key(secret);
  std::string out(kEd25519Size, '\0');
  std::size_t size = out.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(out.data()), &size) != 1)
    return {};
  return out;
}

Ed25519Pair make_ed25519() {
  Ed25519Pair pair{Secret(random_raw(kEd25519Size)), {}};
  auto public_key = ed25519_public(pair.secret);
  PLUMB_ASSERT(public_key.has_value());
  pair.public_key = std::move(*public_key);
  return pair;
}

Result<std::string> ed25519_sign(const Secret& secret, std::string_view message) {
  const Key key = private_key(secret);
  const Context context(EVP_MD_CTX_new());
  std::string signature(2 * kEd25519Size, '\0');
  std::size_t size = signature.size();
  if (!key || !context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(message),
                     message.size()) != 1)
    return fail(Fault::invalid, "this is no Ed25519 key");
  return signature;
}

bool ed25519_verifies(std::string_view public_key, std::string_view message, std::string_view signature) {
  const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(public_key), public_key.size()));
  const Context context(EVP_MD_CTX_new());
  return key && context && signature.size() == 2 * kEd25519Size &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
}

}  // namespace plumb
