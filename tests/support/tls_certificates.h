#pragma once

#include <string>
#include <vector>

namespace plumb::test {

struct Certificate {
  std::string pem;
  std::string key;                // PKCS#8
  std::string traditional_key{};  // PKCS#1 or SEC 1
  std::string encrypted_key{};
  std::string encrypted_traditional_key{};
};

struct CertificateWish {
  std::string common_name = "test";
  std::vector<std::string> names{};  // "DNS:a.example", "IP:127.0.0.1"
  bool authority = false;
  int days_from = -1;  // from today on
  int days_to = 30;
  int rsa_bits = 0;  // 0: P-256
  std::string extended_key_usage{};
  bool sha1 = false;
};

// Made anew for each test. Signed by itself where there is no issuer. Throws where OpenSSL cannot.
Certificate make_certificate(const CertificateWish& wish, const Certificate* issuer = nullptr);

}  // namespace plumb::test
