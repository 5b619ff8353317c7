#include "controller/base/seal.h"

#include <array>
#include <memory>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "controller/base/assert.h"
#include "controller/base/digest.h"

namespace plumb {
namespace {

constexpr std::string_view kMagic = "plumbline-seal/v1:";
constexpr std::size_t kKeySize = 32, kNonceSize = 12, kTagSize = 16, kIdSize = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
int size_of(std::string_view bytes) { return static_cast<int>(bytes.size()); }

const EVP_CIPHER* cipher_of(Aead algorithm) {
  switch (algorithm) {
    case Aead::aes_256_gcm: return EVP_aes_256_gcm();
    case Aead::chacha20_poly1305: return EVP_chacha20_poly1305();
  }
  return nullptr;
}

// Set up with key, nonce and additional data; null where the library refuses these (a nonce of no bytes).
Cipher begin(Aead algorithm, const AeadInput& with, bool encrypt) {
  PLUMB_ASSERT(with.key.size() == kKeySize);
  Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  PLUMB_ASSERT(cipher != nullptr);
  int written = 0;
  const bool ready =
      EVP_CipherInit_ex(cipher.get(), cipher_of(algorithm), nullptr, nullptr, nullptr, encrypt ? 1 : 0) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_IVLEN, size_of(with.nonce), nullptr) == 1 &&
      EVP_CipherInit_ex(cipher.get(), nullptr, nullptr, raw(with.key), raw(with.nonce), -1) == 1 &&
      (with.additional.empty() ||
       EVP_CipherUpdate(cipher.get(), nullptr, &written, raw(with.additional), size_of(with.additional)) == 1);
  if (!ready) cipher.reset();
  return cipher;
}

std::string hmac_bytes(std::string_view key, std::string_view bytes) {
  std::string digest(32, '\0');
  unsigned size = 0;
  PLUMB_ASSERT(HMAC(EVP_sha256(), key.data(), size_of(key), raw(bytes), bytes.size(), raw(digest), &size) != nullptr);
  return digest;
}

// Tells keys apart without telling anything of them.
std::string id_of(std::string_view key) {
  const Secret derived = hkdf_sha256(key, "", "plumbline seal key id");
  return sha256(derived.reveal()).substr(0, kIdSize);
}

Secret key_of(std::string_view key) { return hkdf_sha256(key, "", "plumbline seal v1"); }

}  // namespace

Secret hkdf_sha256(std::string_view key, std::string_view salt, std::string_view info) {
  // An absent salt is 32 zero bytes, which is what HMAC pads an empty key to.
  std::string extracted = hmac_bytes(salt, key);
  std::string expanded = hmac_bytes(extracted, std::string(info) + '\x01');
  wipe(extracted);
  return Secret(std::move(expanded));
}

std::optional<Secret> aead_open(Aead algorithm, const AeadInput& with, std::string_view ciphertext,
                                std::string_view tag) {
  if (tag.size() != kTagSize) return {};
  const Cipher cipher = begin(algorithm, with, false);
  if (cipher == nullptr) return {};
  std::string plaintext(ciphertext.size(), '\0'), expected(tag), end(EVP_MAX_BLOCK_LENGTH, '\0');
  int written = 0, last = 0;
  const bool good = EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, expected.data()) == 1 &&
                    (ciphertext.empty() || EVP_CipherUpdate(cipher.get(), raw(plaintext), &written, raw(ciphertext),
                                                            size_of(ciphertext)) == 1) &&
                    EVP_CipherFinal_ex(cipher.get(), raw(end), &last) == 1;
  Secret secret(std::move(plaintext));  // what does not hold is wiped like what does
  if (!good) return {};
  return secret;
}

std::string aead_seal(Aead algorithm, const AeadInput& with, std::string_view plaintext) {
  const Cipher cipher = begin(algorithm, with, true);
  PLUMB_ASSERT(cipher != nullptr);
  std::string sealed(plaintext.size() + kTagSize, '\0'), end(EVP_MAX_BLOCK_LENGTH, '\0');
  int written = 0, last = 0;
  PLUMB_ASSERT(plaintext.empty() ||
               EVP_CipherUpdate(cipher.get(), raw(sealed), &written, raw(plaintext), size_of(plaintext)) == 1);
  PLUMB_ASSERT(EVP_CipherFinal_ex(cipher.get(), raw(end), &last) == 1);
  PLUMB_ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kTagSize, sealed.data() + plaintext.size()) ==
               1);
  return sealed;
}

std::string seal(std::string_view key, const Secret& plaintext, std::string_view context) {
  const Secret derived = key_of(key);
  std::string nonce(kNonceSize, '\0');
  PLUMB_ASSERT(RAND_bytes(raw(nonce), static_cast<int>(kNonceSize)) == 1);
  const std::string body =
      aead_seal(Aead::aes_256_gcm, {derived.reveal(), nonce, fmt::format("{}{}", kMagic, context)}, plaintext.reveal());
  return fmt::format("{}{}:{}", kMagic, id_of(key), base64(nonce + body));
}

Result<Secret> open_seal(std::string_view key, std::string_view sealed, std::string_view context) {
  if (!sealed.starts_with(kMagic))
    return fail(Fault::invalid, "this is not sealed in this version's way (it does not begin with \"{}\")", kMagic);
  sealed.remove_prefix(kMagic.size());
  if (sealed.size() <= kIdSize || sealed[kIdSize] != ':') return fail(Fault::invalid, "the seal is cut off");
  if (!equal_in_constant_time(sealed.substr(0, kIdSize), id_of(key)))
    return fail(Fault::denied, "it was sealed with the key of another installation");
  const auto bytes = from_base64(sealed.substr(kIdSize + 1));
  if (!bytes || bytes->size() < kNonceSize + kTagSize) return fail(Fault::invalid, "the seal is cut off or damaged");
  const Secret derived = key_of(key);
  const std::string_view all = *bytes;
  auto opened =
      aead_open(Aead::aes_256_gcm, {derived.reveal(), all.substr(0, kNonceSize), fmt::format("{}{}", kMagic, context)},
                all.substr(kNonceSize, all.size() - kNonceSize - kTagSize), all.substr(all.size() - kTagSize));
  if (!opened) return fail(Fault::denied, "it was changed after it was sealed, or was sealed for something else");
  return std::move(*opened);
}

}  // namespace plumb
