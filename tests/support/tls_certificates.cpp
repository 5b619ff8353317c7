#include "tests/support/tls_certificates.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <memory>
#include <stdexcept>

namespace plumb::test {
namespace {

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* what) const { Free(what); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freed<X509, X509_free>>;

std::string taken_from(BIO* out) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(out, &text);
  std::string made(text, static_cast<std::size_t>(size));
  BIO_free(out);
  return made;
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const made = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (made == nullptr) throw std::runtime_error("extension " + value);
  X509_add_ext(certificate, made, -1);
  X509_EXTENSION_free(made);
}

X509Ptr read_certificate(const std::string& pem) {
  BIO* const in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509Ptr made(PEM_read_bio_X509(in, nullptr, nullptr, nullptr));
  BIO_free(in);
  return made;
}

Key read_key(const std::string& pem) {
  BIO* const in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Key made(PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr));
  BIO_free(in);
  return made;
}

}  // namespace

Certificate make_certificate(const CertificateWish& wish, const Certificate* issuer) {
  static std::atomic<long> serial{1};
  const Key key(wish.rsa_bits > 0 ? EVP_RSA_gen(static_cast<unsigned>(wish.rsa_bits)) : EVP_EC_gen("P-256"));
  const X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 86400L * wish.days_from);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400L * wish.days_to);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1, -1, 0);
  X509_set_pubkey(certificate.get(), key.get());
  const X509Ptr above = issuer != nullptr ? read_certificate(issuer->pem) : nullptr;
  X509* const signer = above ? above.get() : certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  extend(certificate.get(), signer, NID_basic_constraints, wish.authority ? "critical,CA:TRUE" : "CA:FALSE");
  extend(certificate.get(), signer, NID_subject_key_identifier, "hash");
  if (wish.authority) extend(certificate.get(), signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  if (!wish.extended_key_usage.empty()) extend(certificate.get(), signer, NID_ext_key_usage, wish.extended_key_usage);
  std::string names;
  for (const auto& name : wish.names) names += (names.empty() ? "" : ",") + name;
  if (!names.empty()) extend(certificate.get(), signer, NID_subject_alt_name, names);
  const Key signing = issuer != nullptr ? read_key(issuer->key) : nullptr;
  if (X509_sign(certificate.get(), signing ? signing.get() : key.get(), wish.sha1 ? EVP_sha1() : EVP_sha256()) == 0)
    throw std::runtime_error("signing");
  BIO* out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, certificate.get());
  Certificate made{.pem = taken_from(out)};
  out = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  made.key = taken_from(out);
  auto* const password = reinterpret_cast<const unsigned char*>("password");
  out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey_traditional(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  made.traditional_key = taken_from(out);
  out = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(out, key.get(), EVP_aes_256_cbc(), "password", 8, nullptr, nullptr);
  made.encrypted_key = taken_from(out);
  out = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey_traditional(out, key.get(), EVP_aes_256_cbc(), password, 8, nullptr, nullptr);
  made.encrypted_traditional_key = taken_from(out);
  return made;
}

}  // namespace plumb::test
