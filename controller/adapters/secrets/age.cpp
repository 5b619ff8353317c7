#include "controller/adapters/secrets/age.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "controller/base/digest.h"
#include "controller/base/seal.h"
#include "controller/base/text.h"

namespace plumb::secrets::age {
namespace {

constexpr std::size_t kPoint = 32, kFileKey = 16, kTag = 16, kNonce = 16, kChunk = 64 << 10, kColumns = 64;
constexpr std::size_t kLongestArmor = 128 << 10;  // of a key for a few hundred recipients
constexpr std::string_view kBegin = "-----BEGIN AGE ENCRYPTED FILE-----", kEnd = "-----END AGE ENCRYPTED FILE-----";
constexpr std::string_view kVersion = "age-encryption.org/v1";

Failure malformed(std::string_view what) { return fail(Fault::invalid, "the age file is damaged: {}", what); }

const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

// Bech32 (BIP 173) without its limit of length.

constexpr std::string_view kAlphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

std::uint32_t polymod(std::string_view values) {
  constexpr std::array<std::uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
  std::uint32_t check = 1;
  for (const char value : values) {
    const std::uint32_t top = check >> 25;
    check = (check & 0x1ffffff) << 5 ^ static_cast<std::uint32_t>(value);
    for (std::size_t i = 0; i < kGenerator.size(); ++i) check ^= (top >> i & 1) != 0 ? kGenerator[i] : 0;
  }
  return check;
}

std::string expanded(std::string_view prefix) {
  std::string out;
  for (const char c : prefix) out += static_cast<char>(c >> 5);
  out += '\0';
  for (const char c : prefix) out += static_cast<char>(c & 31);
  return out;
}

// `from` bits a value to `to` bits a value; nothing where bits are left over that are not zero.
std::optional<std::string> regroup(std::string_view values, unsigned from, unsigned to, bool pad) {
  std::string out;
  out.reserve(values.size() * from / to + 1);
  std::uint32_t collected = 0;
  unsigned bits = 0;
  for (const char value : values) {
    collected = (collected << from | static_cast<std::uint8_t>(value)) & 0xfff;
    bits += from;
    while (bits >= to) {
      bits -= to;
      out += static_cast<char>(collected >> bits & ((1U << to) - 1));
    }
  }
  const std::uint32_t rest = collected & ((1U << bits) - 1);
  if (pad && bits > 0) out += static_cast<char>(rest << (to - bits));
  if (!pad && (bits >= from || rest != 0)) return {};
  return out;
}

std::string bech32(std::string_view prefix, std::string_view bytes) {
  std::string values = *regroup(bytes, 8, 5, true);
  const std::uint32_t check = polymod(expanded(prefix) + values + std::string(6, '\0')) ^ 1;
  for (unsigned i = 0; i < 6; ++i) values += static_cast<char>(check >> 5 * (5 - i) & 31);
  std::string text = std::string(prefix) + '1';
  for (const char value : values) text += kAlphabet[static_cast<std::size_t>(value)];
  return text;
}

// The bytes of "<PREFIX>1<data>" in upper case, as age writes identities.
std::optional<Secret> from_bech32(std::string_view prefix, std::string_view text) {
  if (text.size() < prefix.size() + 7 || !text.starts_with(prefix) || text[prefix.size()] != '1') return {};
  std::string values;
  values.reserve(text.size());
  bool good = true;
  for (const char c : text.substr(prefix.size() + 1)) {
    const auto value = c >= 'a' && c <= 'z' ? std::string_view::npos : kAlphabet.find(lower({&c, 1}));
    good = good && value != std::string_view::npos;
    values += static_cast<char>(good ? value : 0);
  }
  std::string checked = expanded(lower(prefix)) + values;
  good = good && polymod(checked) == 1;
  auto bytes = good ? regroup(std::string_view(values).substr(0, values.size() - 6), 5, 8, false) : std::nullopt;
  wipe(checked);
  wipe(values);
  if (!bytes) return {};
  return Secret(std::move(*bytes));
}

// X25519 (RFC 7748)

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key private_key(const Secret& scalar) {
  return {EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, raw(scalar.reveal()), scalar.size()), &EVP_PKEY_free};
}

std::optional<std::string> public_key_of(const Secret& scalar) {
  const Key key = private_key(scalar);
  std::string point(kPoint, '\0');
  std::size_t size = point.size();
  if (key == nullptr ||
      EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(point.data()), &size) != 1)
    return {};
  return point;
}

// Nothing for a point of low order: the secret would be all zero (RFC 7748, 6.1).
std::optional<Secret> shared_secret(const Secret& scalar, std::string_view point) {
  const Key own = private_key(scalar);
  const Key other(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, raw(point), point.size()), &EVP_PKEY_free);
  if (own == nullptr || other == nullptr) return {};
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new(own.get(), nullptr),
                                                                            &EVP_PKEY_CTX_free);
  std::string secret(kPoint, '\0');
  std::size_t size = secret.size();
  const bool good = context != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
                    EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1 &&
                    EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(secret.data()), &size) == 1 &&
                    size == kPoint && secret != std::string(kPoint, '\0');
  Secret held(std::move(secret));
  if (!good) return {};
  return held;
}

// Base64 without padding, in its one canonical spelling.
std::optional<std::string> unpadded(std::string_view text) {
  if (text.ends_with('=')) return {};
  std::string padded(text);
  padded.append((4 - padded.size() % 4) % 4, '=');
  return from_base64(padded);
}

// Armour (RFC 7468 with lines of 64 characters)

Result<std::string> dearmor(std::string_view text) {
  if (text.size() > kLongestArmor) return malformed("it is too long");
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  if (!text.starts_with(kBegin) || !text.ends_with(kEnd)) return malformed("it is not in armour");
  text = text.substr(kBegin.size(), text.size() - kBegin.size() - kEnd.size());
  std::string content;
  bool last = false, first = true;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (std::exchange(first, false)) {
      if (!line.empty()) return malformed("its first line is not alone");
      continue;
    }
    if (last || line.empty() || line.size() > kColumns) return malformed("its lines are not of 64 characters");
    last = line.size() < kColumns;
    content += line;
  }
  auto bytes = from_base64(content);
  if (!bytes) return malformed("its armour is not base64");
  return std::move(*bytes);
}

// Header

struct Stanza {
  std::vector<std::string_view> arguments;
  std::string body;  // as base64, lines joined
};

struct File {
  std::vector<Stanza> stanzas;
  std::string_view authenticated;  // up to and with "---"
  std::string mac;
  std::string_view payload;
};

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  while (true) {
    const auto space = line.find(' ');
    found.push_back(line.substr(0, space));
    if (space == std::string_view::npos) return found;
    line.remove_prefix(space + 1);
  }
}

class Lines {
 public:
  explicit Lines(std::string_view all) : all_(all) {}
  std::optional<std::string_view> next() {
    const auto end = all_.find('\n', at_);
    if (end == std::string_view::npos) return {};
    const auto line = all_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }
  std::size_t position() const { return at_; }

 private:
  std::string_view all_;
  std::size_t at_ = 0;
};

// Lines up to the first that is shorter than 64 characters.
Result<std::string> read_body(Lines& lines) {
  std::string body;
  while (true) {
    const auto line = lines.next();
    if (!line || line->size() > kColumns) return malformed("a recipient's lines are not of 64 characters");
    body += *line;
    if (line->size() < kColumns) return body;
  }
}

Result<File> read_header(std::string_view bytes) {
  Lines lines(bytes);
  if (lines.next() != kVersion) return malformed("it is not of version 1");
  File file;
  while (true) {
    const std::size_t begin = lines.position();
    const auto line = lines.next();
    if (!line) return malformed("its header does not end");
    if (line->starts_with("--- ")) {
      auto mac = unpadded(line->substr(4));
      if (!mac || mac->size() != 32) return malformed("its header has no proper end");
      file.mac = std::move(*mac);
      file.authenticated = bytes.substr(0, begin + 3);
      file.payload = bytes.substr(lines.position());
      return file;
    }
    if (!line->starts_with("-> ")) return malformed("its header has a line of no kind");
    Stanza stanza;
    stanza.arguments = words(line->substr(3));
    PLUMB_TRY(stanza.body, read_body(lines));
    file.stanzas.push_back(std::move(stanza));
  }
}

// Nothing: it is for somebody else.
Result<std::optional<Secret>> unwrap(const Stanza& stanza, const Identity& identity) {
  if (stanza.arguments.front() != "X25519") return std::optional<Secret>();
  const auto share = stanza.arguments.size() == 2 ? unpadded(stanza.arguments[1]) : std::nullopt;
  const auto body = unpadded(stanza.body);
  if (!share || share->size() != kPoint || !body || body->size() != kFileKey + kTag)
    return malformed("a recipient of the type X25519 is not of its form");
  const auto secret = shared_secret(identity.key, *share);
  const auto own = public_key_of(identity.key);
  if (!secret || !own) return malformed("a recipient's share is of low order");
  const Secret key = hkdf_sha256(secret->reveal(), *share + *own, "age-encryption.org/v1/X25519");
  const std::string_view wrapped = *body;
  return aead_open(Aead::chacha20_poly1305, {key.reveal(), std::string(12, '\0')}, wrapped.substr(0, kFileKey),
                   wrapped.substr(kFileKey));
}

Result<Secret> find_key(const File& file, const std::vector<Identity>& identities) {
  for (const Identity& identity : identities) {
    for (const Stanza& stanza : file.stanzas) {
      PLUMB_TRY(auto key, unwrap(stanza, identity));
      if (key) return std::move(*key);
    }
  }
  return fail(Fault::denied, "none of the {} age identities is a recipient of it", identities.size());
}

bool is_header_of(const File& file, const Secret& key) {
  const Secret mac_key = hkdf_sha256(key.reveal(), "", "header");
  std::string mac(32, '\0');
  unsigned size = 0;
  return HMAC(EVP_sha256(), mac_key.reveal().data(), static_cast<int>(mac_key.size()), raw(file.authenticated),
              file.authenticated.size(), reinterpret_cast<unsigned char*>(mac.data()), &size) != nullptr &&
         equal_in_constant_time(mac, file.mac);
}

// The first chunk is the last: what is encrypted here are keys.
Result<Secret> open_payload(std::string_view payload, const Secret& key) {
  if (payload.size() < kNonce + kTag) return malformed("it is cut off");
  const std::string_view nonce = payload.substr(0, kNonce), chunk = payload.substr(kNonce);
  if (chunk.size() > kChunk + kTag) return fail(Fault::invalid, "the age file holds more than {} bytes", kChunk);
  const Secret payload_key = hkdf_sha256(key.reveal(), nonce, "payload");
  const std::string last = std::string(11, '\0') + '\x01';
  auto content = aead_open(Aead::chacha20_poly1305, {payload_key.reveal(), last}, chunk.substr(0, chunk.size() - kTag),
                           chunk.substr(chunk.size() - kTag));
  if (!content) return malformed("its content was changed");
  return std::move(*content);
}

}  // namespace

Result<std::vector<Identity>> parse_identities(std::string_view text) {
  std::vector<Identity> identities;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    auto key = from_bech32("AGE-SECRET-KEY-", line);
    if (!key || key->size() != kPoint)
      return fail(Fault::invalid, "line {}: not an age identity of the form AGE-SECRET-KEY-1...", number);
    const auto point = public_key_of(*key);
    if (!point) return fail(Fault::invalid, "line {}: not an X25519 key", number);
    identities.push_back({std::move(*key), bech32("age", *point)});
  }
  if (identities.empty()) return fail(Fault::invalid, "there is no age identity in it");
  return identities;
}

Result<Secret> decrypt(std::string_view armored, const std::vector<Identity>& identities) {
  PLUMB_TRY(const std::string bytes, dearmor(armored));
  PLUMB_TRY(const File file, read_header(bytes));
  PLUMB_TRY(const Secret key, find_key(file, identities));
  if (!is_header_of(file, key)) return malformed("its header was changed");
  return open_payload(file.payload, key);
}

}  // namespace plumb::secrets::age
