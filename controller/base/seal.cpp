#include "controller/base/seal.h"

#include <array>
#include <memory>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "controller/base/assert.h"
#include "controller/base/digest.h"

namespace plumb {
namespace {

constexpr std::string_view kVersion = "plb1.";
constexpr std::size_t kNonce = 12, kTag = 16, kKey = 32;

using Bytes = std::array<unsigned char, kKey>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
int size_of(std::string_view text) { return static_cast<int>(text.size()); }

// The key of one purpose; wiped when it goes.
class DerivedKey {
 public:
  DerivedKey(std::string_view key, std::string_view label) {
    unsigned int size = 0;
    const auto* const made =
        HMAC(EVP_sha256(), key.data(), size_of(key), bytes_of(label), label.size(), bytes_.data(), &size);
    PLUMB_ASSERT(made != nullptr && size == kKey);
  }
  ~DerivedKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  DerivedKey(const DerivedKey&) = delete;
  DerivedKey& operator=(const DerivedKey&) = delete;
  const unsigned char* data() const { return bytes_.data(); }

 private:
  Bytes bytes_{};
};

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

}  // namespace

std::string seal(std::string_view key, std::string_view label, std::string_view context, const Secret& secret) {
  const DerivedKey derived(key, label);
  std::string sealed(kNonce + secret.size() + kTag, '\0');
  unsigned char* const nonce = bytes_of(sealed);
  PLUMB_ASSERT(RAND_bytes(nonce, kNonce) == 1);
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0, rest = 0;
  PLUMB_ASSERT(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, derived.data(), nonce) == 1);
  PLUMB_ASSERT(EVP_EncryptUpdate(cipher.get(), nullptr, &size, bytes_of(context), size_of(context)) == 1);
  PLUMB_ASSERT(
      EVP_EncryptUpdate(cipher.get(), nonce + kNonce, &size, bytes_of(secret.reveal()), size_of(secret.reveal())) == 1);
  PLUMB_ASSERT(EVP_EncryptFinal_ex(cipher.get(), nonce + kNonce + size, &rest) == 1);
  PLUMB_ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTag, nonce + kNonce + secret.size()) == 1);
  return std::string(kVersion) + base64(sealed);
}

Result<Secret> unseal(std::string_view key, std::string_view label, std::string_view context, std::string_view sealed) {
  auto bytes = sealed.starts_with(kVersion) ? from_base64(sealed.substr(kVersion.size())) : std::nullopt;
  if (!bytes || bytes->size() < kNonce + kTag) return fail(Fault::denied, "it is not something that was sealed here");
  const DerivedKey derived(key, label);
  const std::size_t length = bytes->size() - kNonce - kTag;
  unsigned char* const nonce = bytes_of(*bytes);
  std::string plain(length, '\0');
  const Cipher cipher(EVP_CIPHER_CTX_new());
  int size = 0, rest = 0;
  const bool good =
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, derived.data(), nonce) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, bytes_of(context), size_of(context)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), bytes_of(plain), &size, nonce + kNonce, static_cast<int>(length)) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTag, nonce + kNonce + length) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), bytes_of(plain) + size, &rest) == 1;
  if (!good) {
    wipe(plain);
    return fail(Fault::denied, "it was changed, or sealed with another key or for another place");
  }
  return Secret(std::move(plain));
}

}  // namespace plumb
