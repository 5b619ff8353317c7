#include "controller/base/digest.h"

#include <algorithm>
#include <array>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "controller/base/assert.h"

namespace plumb {
namespace {

std::string hex(const unsigned char* bytes, std::size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

std::string text_of(const unsigned char* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// `form` makes a text of the bytes of a digest.
template <class Form>
std::string hmac(const EVP_MD* algorithm, std::string_view key, std::string_view bytes, Form form) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  PLUMB_ASSERT(HMAC(algorithm, key.data(), static_cast<int>(key.size()), raw(bytes), bytes.size(), digest.data(),
                    &size) != nullptr);
  return form(digest.data(), size);
}

template <class Form>
std::string sha(std::string_view bytes, Form form) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  PLUMB_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  return form(digest.data(), size);
}

}  // namespace

std::string sha256(std::string_view bytes) { return sha(bytes, hex); }

std::string sha256_raw(std::string_view bytes) { return sha(bytes, text_of); }

Digest to_digest(std::string_view hexadecimal) {
  const auto nibble = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  Digest digest;
  bool is_digest = hexadecimal.size() == digest.bytes.size() * 2;
  for (std::size_t i = 0; is_digest && i < digest.bytes.size(); ++i) {
    const int high = nibble(hexadecimal[2 * i]), low = nibble(hexadecimal[2 * i + 1]);
    is_digest = high >= 0 && low >= 0;
    digest.bytes[i] = static_cast<std::uint8_t>((high << 4 | low) & 0xFF);
  }
  return is_digest ? digest : to_digest(sha256(hexadecimal));
}

std::string to_string(const Digest& digest) { return hex(digest.bytes.data(), digest.bytes.size()); }

std::string hmac_sha256(std::string_view key, std::string_view bytes) { return hmac(EVP_sha256(), key, bytes, hex); }

std::string hmac_sha256_raw(std::string_view key, std::string_view bytes) {
  return hmac(EVP_sha256(), key, bytes, text_of);
}

std::string hmac_sha512(std::string_view key, std::string_view bytes) { return hmac(EVP_sha512(), key, bytes, hex); }

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_raw(std::size_t bytes) {
  std::string random(bytes, '\0');
  PLUMB_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(random.data()), static_cast<int>(bytes)) == 1);
  return random;
}

std::string random_hex(std::size_t bytes) {
  const std::string random = random_raw(bytes);
  return hex(raw(random), random.size());
}

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), raw(bytes), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  std::string bytes(text.size() / 4 * 3 + 1, '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), raw(text), static_cast<int>(text.size()));
  if (size < 0) return {};
  // OpenSSL counts the bytes that the padding stands for.
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  // Anything that decodes but is spelt differently (white space, stray bits) is not accepted.
  if (base64(bytes) != text) return {};
  return bytes;
}

std::string base64url(std::string_view bytes) {
  std::string text = base64(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

}  // namespace plumb
