#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"

// Certificates and keys as PEM (RFC 7468). All errors are Fault::invalid and show none of what was read.
namespace plumb {

struct CertificateFacts {
  std::string subject;  // RFC 2253: "CN=api.example,O=Example"
  std::string issuer;
  SystemTime not_before{};
  SystemTime not_after{};
  friend bool operator==(const CertificateFacts&, const CertificateFacts&) = default;
};

// PEM as it is, or what "data:<mime>;base64,<PEM>" has in it (RFC 2397), byte for byte. Neither certificates nor keys
// are looked at yet.
Result<std::string> pem_text(std::string_view pem_or_data_url);
Result<Secret> pem_text(const Secret& pem_or_data_url);

// Every certificate, in the order of the text; at least one. Text around them is passed over, a private key is not.
Result<std::vector<CertificateFacts>> read_certificates(std::string_view pem);

// Whether `key` is one private key (PKCS#8, PKCS#1 or EC), not encrypted, and the one of the first certificate.
Result<void> check_key(std::string_view certificate_pem, const Secret& key_pem);

}  // namespace plumb
