#include "controller/adapters/secrets/sops.h"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include <boost/json/object.hpp>

#include "controller/base/assert.h"
#include "controller/base/digest.h"
#include "controller/base/seal.h"
#include "controller/base/text.h"

namespace plumb::secrets::sops {
namespace {

constexpr std::size_t kDataKey = 32;
constexpr std::size_t kDeepest = 64;  // levels of a document
// SHA-256 of "sops": what the code begins with when it is over encrypted values only, so that it is never one over all.
constexpr std::array<unsigned char, 32> kOnlyEncrypted = {
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b,
    0x0b, 0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69};

// ENC[AES256_GCM,data:<base64>,iv:<base64>,tag:<base64>,type:<word>]
struct Encrypted {
  std::string data, iv, tag;
  std::string_view type;
};

std::optional<Encrypted> parse_encrypted(std::string_view text) {
  constexpr std::string_view kBegin = "ENC[AES256_GCM,";
  if (!text.starts_with(kBegin) || !text.ends_with(']')) return {};
  text = text.substr(kBegin.size(), text.size() - kBegin.size() - 1);
  const auto part = [&](std::string_view name) -> std::optional<std::string_view> {
    if (!text.starts_with(name)) return {};
    const auto end = std::min(text.find(','), text.size());
    const auto found = text.substr(name.size(), end - name.size());
    text.remove_prefix(std::min(end + 1, text.size()));
    return found;
  };
  const auto data = part("data:"), iv = part("iv:"), tag = part("tag:"), type = part("type:");
  if (!data || !iv || !tag || !type || !text.empty()) return {};
  auto data_bytes = from_base64(*data), iv_bytes = from_base64(*iv), tag_bytes = from_base64(*tag);
  if (!data_bytes || !iv_bytes || !tag_bytes || iv_bytes->empty()) return {};
  return Encrypted{std::move(*data_bytes), std::move(*iv_bytes), std::move(*tag_bytes), *type};
}

// A number as Go writes it with the format 'f' and the least precision, which is what the code is over: the fewest
// digits that tell it from its neighbours, and zeros up to the point. (std::chars_format::fixed writes all digits of
// 1e300.)
std::string go_float(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::scientific).ptr;
  std::string_view written(text.data(), static_cast<std::size_t>(end - text.data()));
  const std::string sign = written.starts_with('-') ? "-" : "";
  written.remove_prefix(sign.size());
  const auto e = written.find('e');
  if (e == std::string_view::npos) return sign + std::string(written);  // no number
  std::string digits(1, written[0]);
  if (e > 2) digits += written.substr(2, e - 2);
  int exponent = 0;
  const char* const exponent_text = written.data() + e + (written[e + 1] == '+' ? 2 : 1);
  std::from_chars(exponent_text, end, exponent);
  const int point = exponent + 1;  // digits before it
  const int size = static_cast<int>(digits.size());
  if (point <= 0) return sign + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  if (point >= size) return sign + digits + std::string(static_cast<std::size_t>(point - size), '0');
  return sign + digits.substr(0, static_cast<std::size_t>(point)) + "." +
         digits.substr(static_cast<std::size_t>(point));
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// What the code takes of a decrypted value.
std::optional<Secret> coded(std::string_view type, Secret plain) {
  const std::string_view text = plain.reveal();
  if (type == "str" || type == "bytes" || type == "time") return plain;
  if (type == "int") {
    const auto number = parse_number<std::int64_t>(text);
    return number ? std::optional<Secret>(Secret(std::to_string(*number))) : std::nullopt;
  }
  if (type == "float") {
    const auto number = parse_number<double>(text);
    return number ? std::optional<Secret>(Secret(go_float(*number))) : std::nullopt;
  }
  if (type == "bool") {
    const std::string word = lower(text);
    if (word == "true") return Secret(std::string("True"));
    if (word == "false") return Secret(std::string("False"));
  }
  return {};
}

// Of a value that is not encrypted. Nothing for null, which the code leaves out.
std::optional<Secret> coded(const Value& plain) {
  switch (plain.kind()) {
    case boost::json::kind::string: return Secret(std::string(plain.get_string()));
    case boost::json::kind::int64: return Secret(std::to_string(plain.get_int64()));
    case boost::json::kind::uint64: return Secret(std::to_string(plain.get_uint64()));
    case boost::json::kind::double_: return Secret(go_float(plain.get_double()));
    case boost::json::kind::bool_: return Secret(std::string(plain.get_bool() ? "True" : "False"));
    case boost::json::kind::null:
    case boost::json::kind::object:
    case boost::json::kind::array: return {};
  }
  return {};
}

class Sha512 {
 public:
  Sha512() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    PLUMB_ASSERT(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha512(), nullptr) == 1);
  }
  void add(const void* bytes, std::size_t size) { PLUMB_ASSERT(EVP_DigestUpdate(context_.get(), bytes, size) == 1); }
  std::string upper_hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    PLUMB_ASSERT(EVP_DigestFinal_ex(context_.get(), digest.data(), &size) == 1);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02X}", digest[i]);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

// Goes through all values in their order, as SOPS does, and keeps the one that is asked for.
class Walk {
 public:
  Walk(const Secret& key, std::string_view pointer, bool only_encrypted)
      : key_(key), wanted_(pointer), only_encrypted_(only_encrypted) {
    if (only_encrypted_) code_.add(kOnlyEncrypted.data(), kOnlyEncrypted.size());
  }

  Result<void> file(const Object& members) {
    for (const auto& [name, value] : members) {
      if (name != "sops") PLUMB_CHECK(member(name, value, "", "", 1));
    }
    return {};
  }
  std::string code() { return code_.upper_hex(); }
  // Nothing: the pointer led to no value.
  std::optional<Secret> found() { return std::move(found_); }
  bool is_container() const { return is_container_; }
  bool is_unprotected() const { return is_unprotected_; }

 private:
  // `path`: the names of the members on the way, each with a ":" behind. Elements of lists have the path of the list.
  Result<void> member(std::string_view name, const Value& value, const std::string& path, const std::string& pointer,
                      std::size_t depth) {
    return any(value, fmt::format("{}{}:", path, name), fmt::format("{}/{}", pointer, pointer_token(name)), depth);
  }

  Result<void> any(const Value& value, const std::string& path, const std::string& pointer, std::size_t depth) {
    if (depth > kDeepest) return fail(Fault::invalid, "it is deeper than {} levels", kDeepest);
    if (const Object* object = value.if_object()) {
      is_container_ = is_container_ || pointer == wanted_;
      for (const auto& [name, each] : *object) PLUMB_CHECK(member(name, each, path, pointer, depth + 1));
      return {};
    }
    if (const Array* array = value.if_array()) {
      is_container_ = is_container_ || pointer == wanted_;
      for (std::size_t i = 0; i < array->size(); ++i)
        PLUMB_CHECK(any((*array)[i], path, fmt::format("{}/{}", pointer, i), depth + 1));
      return {};
    }
    return leaf(value, path, pointer);
  }

  Result<void> leaf(const Value& value, const std::string& path, const std::string& pointer) {
    const auto encrypted = value.is_string() ? parse_encrypted(value.get_string()) : std::nullopt;
    if (!encrypted) {
      auto plain = coded(value);
      if (plain && !only_encrypted_) code_.add(plain->reveal().data(), plain->size());
      // An empty text is never encrypted, and adds nothing to the code.
      if (pointer == wanted_ && only_encrypted_) is_unprotected_ = true;
      if (pointer == wanted_ && plain) keep(value.is_bool() ? "bool" : "str", std::move(*plain));
      return {};
    }
    auto plain = aead_open(Aead::aes_256_gcm, {key_.reveal(), encrypted->iv, path}, encrypted->data, encrypted->tag);
    if (!plain) return fail(Fault::invalid, "{}: the value was changed, or moved here", printable(pointer));
    if (encrypted->type == "comment") return {};
    auto bytes = coded(encrypted->type, std::move(*plain));
    if (!bytes)
      return fail(Fault::invalid, "{}: the value is not of its type \"{}\"", printable(pointer),
                  printable(encrypted->type));
    code_.add(bytes->reveal().data(), bytes->size());
    if (pointer == wanted_) keep(encrypted->type, std::move(*bytes));
    return {};
  }

  void keep(std::string_view type, Secret bytes) {
    found_ = type == "bool" ? Secret(lower(bytes.reveal())) : std::move(bytes);
  }

  const Secret& key_;
  const std::string_view wanted_;
  const bool only_encrypted_;
  Sha512 code_;
  std::optional<Secret> found_;
  bool is_container_ = false, is_unprotected_ = false;
};

// The entries of "age", at the top or in the one group there is. Of several groups each holds a part of the key only.
Result<const Array*> recipients(const Value& metadata) {
  const Value* groups = at(metadata, "/key_groups");
  const Array* several = groups != nullptr ? groups->if_array() : nullptr;
  if (several != nullptr && several->size() > 1)
    return fail(Fault::invalid, "it has a key that is split among {} key groups, which is not supported",
                several->size());
  const Value* found = at(metadata, "/age");
  if ((found == nullptr || !found->is_array() || found->get_array().empty()) && several != nullptr)
    found = at(metadata, "/key_groups/0/age");
  if (found == nullptr || !found->is_array() || found->get_array().empty())
    return fail(Fault::invalid, "it has no age recipient");
  return &found->get_array();
}

Result<Secret> data_key(const Value& metadata, const std::vector<age::Identity>& identities) {
  PLUMB_TRY(const Array* const entries, recipients(metadata));
  std::optional<Error> denied, damaged;  // that an entry is for somebody else says less than that one is damaged
  for (const Value& entry : *entries) {
    auto key = age::decrypt(text_at(entry, "/enc").value_or(""), identities);
    if (key && key->size() == kDataKey) return key;
    if (key) return fail(Fault::invalid, "its data key is not of {} bytes", kDataKey);
    (key.error().fault == Fault::denied ? denied : damaged) = key.error();
  }
  return Failure(damaged ? std::move(*damaged) : std::move(*denied));
}

Result<void> check_code(const Value& metadata, const Secret& key, const std::string& computed) {
  const auto written = text_at(metadata, "/mac"), modified = text_at(metadata, "/lastmodified");
  const auto mac = parse_encrypted(written ? *written : std::string_view());
  if (!mac || !modified) return fail(Fault::invalid, "it lacks sops.mac or sops.lastmodified");
  const auto plain = aead_open(Aead::aes_256_gcm, {key.reveal(), mac->iv, *modified}, mac->data, mac->tag);
  if (!plain || !equal_in_constant_time(plain->reveal(), computed))
    return fail(Fault::invalid,
                "its values are not those that were encrypted: something was changed, added, removed or "
                "moved by hand (sops.mac)");
  return {};
}

}  // namespace

Result<Secret> reveal(const Value& file, std::string_view pointer, const std::vector<age::Identity>& identities) {
  const Value* metadata = at(file, "/sops");
  if (metadata == nullptr || !metadata->is_object())
    return fail(Fault::invalid, "it is not a file of SOPS: it has no \"sops\" at its top");
  PLUMB_TRY(const Secret key, data_key(*metadata, identities));
  Walk walk(key, pointer, bool_at(*metadata, "/mac_only_encrypted").value_or(false));
  PLUMB_CHECK(walk.file(file.get_object()));
  PLUMB_CHECK(check_code(*metadata, key, walk.code()));
  auto found = walk.found();
  if (walk.is_container()) return fail(Fault::invalid, "there is no single value at {}", printable(pointer));
  if (!found) return fail(Fault::not_found, "there is nothing at {}", printable(pointer));
  if (walk.is_unprotected())
    return fail(Fault::invalid, "the value at {} is not encrypted, and with mac_only_encrypted not protected either",
                printable(pointer));
  return std::move(*found);
}

}  // namespace plumb::secrets::sops
