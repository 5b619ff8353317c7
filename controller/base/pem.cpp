#include "controller/base/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>

#include "controller/base/digest.h"
#include "controller/base/text.h"

namespace plumb {
namespace {

constexpr std::size_t kMostBytes = 4 << 20;
constexpr std::string_view kBegin = "-----BEGIN ";

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* what) const { Free(what); }
};
using Bio = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;

// What OpenSSL found wrong is on a list of the thread, where others would find it.
struct ErrorsCleared {
  ~ErrorsCleared() { ERR_clear_error(); }
};

Bio reader(std::string_view text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

bool is_mime_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '+' ||
           c == '.';
  });
}

bool is_mime(std::string_view text) {
  const auto slash = text.find('/');
  return slash != std::string_view::npos && is_mime_token(text.substr(0, slash)) &&
         is_mime_token(text.substr(slash + 1));
}

// Nothing where the text is PEM as it is.
Result<std::optional<std::string>> decoded(std::string_view text) {
  if (text.size() > kMostBytes) return fail(Fault::invalid, "more than {} bytes are no PEM", kMostBytes);
  if (!equals_ignoring_case(text.substr(0, 5), "data:")) {
    if (text.find(kBegin) != std::string_view::npos) return std::optional<std::string>();
    return fail(Fault::invalid, "neither PEM (-----BEGIN ...) nor a data URL (data:<type>;base64,...)");
  }
  if (text.ends_with('\n')) text.remove_suffix(text.ends_with("\r\n") ? 2 : 1);  // the end of a file
  text.remove_prefix(5);
  const auto comma = text.find(',');
  if (comma == std::string_view::npos) return fail(Fault::invalid, "a data URL without a comma");
  const std::string_view type = text.substr(0, comma);
  const auto semicolon = type.rfind(';');
  if (semicolon == std::string_view::npos || !equals_ignoring_case(type.substr(semicolon), ";base64"))
    return fail(Fault::invalid, "a data URL without ;base64 before its comma");
  if (!is_mime(type.substr(0, semicolon)))
    return fail(Fault::invalid, "a data URL without a media type; write data:application/x-pem-file;base64,...");
  auto plain = from_base64(text.substr(comma + 1));
  if (!plain) return fail(Fault::invalid, "a data URL of which the rest is not base64 (padded, without line breaks)");
  if (plain->find(kBegin) == std::string::npos) {
    wipe(*plain);
    return fail(Fault::invalid, "a data URL that does not have PEM (-----BEGIN ...) in it");
  }
  return plain;
}

std::string name_of(const X509_NAME* name) {
  const Bio out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return printable({text, static_cast<std::size_t>(size)});
}

std::optional<SystemTime> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return SystemTime(std::chrono::seconds(timegm(&parts)));
}

// One block between BEGIN and END.
struct Block {
  std::string name;
  std::string header;  // "Proc-Type: 4,ENCRYPTED"
  std::string bytes;   // DER
  ~Block() { wipe(bytes); }
};

// Nothing at the end of the text.
Result<std::unique_ptr<Block>> next_block(BIO* in, std::size_t number) {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* bytes = nullptr;
  long size = 0;
  if (PEM_read_bio(in, &name, &header, &bytes, &size) != 1) {
    if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) return std::unique_ptr<Block>();
    return fail(Fault::invalid, "the PEM block {} is broken", number);
  }
  auto block = std::make_unique<Block>();
  block->name = name;
  block->header = header;
  block->bytes.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_clear_free(bytes, static_cast<std::size_t>(size));
  return block;
}

Certificate certificate_of(const Block& block) {
  const auto* at = reinterpret_cast<const unsigned char*>(block.bytes.data());
  const auto* const end = at + block.bytes.size();
  Certificate made(d2i_X509(nullptr, &at, static_cast<long>(block.bytes.size())));
  return at == end ? std::move(made) : nullptr;
}

Result<std::vector<Certificate>> certificates_of(std::string_view pem) {
  const ErrorsCleared cleared;
  if (pem.size() > kMostBytes) return fail(Fault::invalid, "more than {} bytes are no certificates", kMostBytes);
  const Bio in = reader(pem);
  std::vector<Certificate> found;
  for (std::size_t number = 1;; ++number) {
    PLUMB_TRY(const auto block, next_block(in.get(), number));
    if (!block) break;
    if (block->name.ends_with("PRIVATE KEY"))
      return fail(Fault::invalid, "a private key stands among the certificates");
    if (block->name != "CERTIFICATE" && block->name != "X509 CERTIFICATE")
      return fail(Fault::invalid, "the PEM block {} is no certificate but \"{}\"", number,
                  printable(block->name.substr(0, 60)));
    auto certificate = certificate_of(*block);
    if (!certificate) return fail(Fault::invalid, "the certificate {} cannot be read", number);
    found.push_back(std::move(certificate));
  }
  if (found.empty()) return fail(Fault::invalid, "there is no certificate (-----BEGIN CERTIFICATE-----)");
  return found;
}

Result<Key> key_of(const Secret& pem) {
  const ErrorsCleared cleared;
  if (pem.size() > kMostBytes) return fail(Fault::invalid, "more than {} bytes are no key", kMostBytes);
  const Bio in = reader(pem.reveal());
  Key found;
  for (std::size_t number = 1;; ++number) {
    PLUMB_TRY(const auto block, next_block(in.get(), number));
    if (!block) break;
    if (block->name == "ENCRYPTED PRIVATE KEY" || block->header.find("ENCRYPTED") != std::string::npos)
      return fail(Fault::invalid, "the key is encrypted; a key without a password is needed");
    if (block->name == "EC PARAMETERS") continue;  // openssl ecparam -genkey writes them before the key
    if (!block->name.ends_with("PRIVATE KEY"))
      return fail(Fault::invalid, "\"{}\" stands where a private key is needed", printable(block->name.substr(0, 60)));
    if (found) return fail(Fault::invalid, "there is more than one private key");
    const auto* at = reinterpret_cast<const unsigned char*>(block->bytes.data());
    found.reset(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(block->bytes.size())));
    if (!found) return fail(Fault::invalid, "the private key cannot be read");
  }
  if (!found) return fail(Fault::invalid, "there is no private key (-----BEGIN PRIVATE KEY-----)");
  return found;
}

}  // namespace

Result<std::string> pem_text(std::string_view text) {
  PLUMB_TRY(auto plain, decoded(text));
  return plain ? std::move(*plain) : std::string(text);
}

Result<Secret> pem_text(const Secret& text) {
  PLUMB_TRY(auto plain, decoded(text.reveal()));
  return Secret(plain ? std::move(*plain) : std::string(text.reveal()));
}

Result<std::vector<CertificateFacts>> read_certificates(std::string_view pem) {
  PLUMB_TRY(const auto certificates, certificates_of(pem));
  std::vector<CertificateFacts> facts;
  for (const auto& each : certificates) {
    const auto from = time_of(X509_get0_notBefore(each.get())), to = time_of(X509_get0_notAfter(each.get()));
    if (!from || !to)
      return fail(Fault::invalid, "the certificate {} has a date that cannot be read", facts.size() + 1);
    facts.push_back(
        {name_of(X509_get_subject_name(each.get())), name_of(X509_get_issuer_name(each.get())), *from, *to});
  }
  return facts;
}

Result<void> check_key(std::string_view certificate_pem, const Secret& key_pem) {
  PLUMB_TRY(const auto certificates, certificates_of(certificate_pem));
  PLUMB_TRY(const auto key, key_of(key_pem));
  const ErrorsCleared cleared;
  if (X509_check_private_key(certificates.front().get(), key.get()) == 1) return {};
  return fail(Fault::invalid, "the key is not the one of the certificate of {}",
              name_of(X509_get_subject_name(certificates.front().get())));
}

}  // namespace plumb
