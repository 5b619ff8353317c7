#include "controller/net/tls_client.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>

#include "controller/base/clock.h"
#include "controller/base/text.h"

namespace plumb::net {
namespace {

namespace ssl = boost::asio::ssl;
using Code = boost::system::error_code;
using Peer = TlsClient::Peer;

constexpr std::size_t kMostSessions = 256;

int peer_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool is_address(const std::string& host) {
  std::array<char, 16> ignored{};
  return inet_pton(host.find(':') != std::string::npos ? AF_INET6 : AF_INET, host.c_str(), ignored.data()) == 1;
}

std::string name_of(const X509_NAME* name) {
  BIO* const out = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out, &text);
  std::string made = printable({text, static_cast<std::size_t>(size)});
  BIO_free(out);
  return made;
}

std::string date_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable date";
  return format_time(SystemTime(std::chrono::seconds(timegm(&parts)))).substr(0, 19) + "Z";
}

std::string text_of(const GENERAL_NAME& name) {
  const auto text = [](const ASN1_STRING* string) {
    return std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                            static_cast<std::size_t>(ASN1_STRING_length(string)));
  };
  if (name.type == GEN_DNS) return printable(text(name.d.dNSName));
  if (name.type != GEN_IPADD) return "";
  std::array<char, INET6_ADDRSTRLEN> out{};
  const auto bytes = text(name.d.iPAddress);
  if (bytes.size() != 4 && bytes.size() != 16) return "";
  return inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), out.data(), out.size());
}

// The names that a certificate is for: subjectAltName only, as browsers have it (RFC 9525).
std::string names_of(const X509* certificate) {
  constexpr std::size_t kMostShown = 6;
  std::vector<std::string> names;
  auto* const all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all) && names.size() <= kMostShown; ++i) {
    if (std::string name = text_of(*sk_GENERAL_NAME_value(all, i)); !name.empty()) names.push_back(std::move(name));
  }
  GENERAL_NAMES_free(all);
  if (names.size() > kMostShown) names.back() = "others";
  return names.empty() ? "no name at all (subjectAltName)" : join(names, ", ");
}

std::string what_matters(int problem, const X509* certificate) {
  switch (problem) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return date_of(X509_get0_notAfter(certificate));
    case X509_V_ERR_CERT_NOT_YET_VALID: return date_of(X509_get0_notBefore(certificate));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return names_of(certificate);
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: return name_of(X509_get_subject_name(certificate));
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return name_of(X509_get_issuer_name(certificate));
    default: return name_of(X509_get_subject_name(certificate));
  }
}

// The first problem is the one that is told.
int on_verify(int good, X509_STORE_CTX* store) {
  if (good == 1) return 1;
  auto* const handle = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const peer = static_cast<Peer*>(SSL_get_ex_data(handle, peer_index()));
  if (peer != nullptr && peer->problem == 0) {
    peer->problem = X509_STORE_CTX_get_error(store);
    if (const X509* certificate = X509_STORE_CTX_get_current_cert(store))
      peer->certificate = what_matters(peer->problem, certificate);
  }
  return 0;
}

int on_session(SSL* handle, SSL_SESSION* session) {
  auto* const peer = static_cast<Peer*>(SSL_get_ex_data(handle, peer_index()));
  if (peer == nullptr || peer->kept == nullptr) return 0;
  auto& kept = *static_cast<SSL_SESSION**>(peer->kept);
  if (kept != nullptr) SSL_SESSION_free(kept);
  kept = session;
  return 1;  // the reference is ours
}

std::string problem_text(const Peer& peer) {
  const std::string& seen = peer.certificate;
  switch (peer.problem) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return fmt::format("it expired on {}", seen);
    case X509_V_ERR_CERT_NOT_YET_VALID: return fmt::format("it is not valid before {}", seen);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return fmt::format("it is for {}, not for {}", seen, peer.name);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return "it is self-signed and not a trusted authority";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN: return fmt::format("its authority \"{}\" is not trusted", seen);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return fmt::format(
          "its issuer \"{}\" is not trusted (another authority is needed, or the server leaves out an intermediate "
          "certificate)",
          seen);
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL: return fmt::format("the key of \"{}\" is too weak", seen);
    case X509_V_ERR_CA_MD_TOO_WEAK: return fmt::format("the signature on \"{}\" is too weak", seen);
    default: return fmt::format("{} (\"{}\")", X509_verify_cert_error_string(peer.problem), seen);
  }
}

bool is_about_our_certificate(int reason) {
  switch (reason) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED: return true;
    default: return false;
  }
}

}  // namespace

TlsClient::TlsClient(const HttpTls& tls)
    : verify_(tls.verify), server_name_(tls.server_name), context_(ssl::context::tls_client) {}

TlsClient::~TlsClient() {
  for (const auto& [origin, session] : sessions_) SSL_SESSION_free(session);
}

Result<std::shared_ptr<TlsClient>> TlsClient::make(const HttpTls& tls) {
  try {
    std::shared_ptr<TlsClient> made(new TlsClient(tls));
    PLUMB_CHECK(made->configure(tls));
    return made;
  } catch (const boost::system::system_error& thrown) {
    return fail(Fault::internal, "TLS cannot be set up: {}", thrown.what());
  }
}

Result<void> TlsClient::configure(const HttpTls& tls) {
  SSL_CTX* const handle = context_.native_handle();
  const bool set = SSL_CTX_set_min_proto_version(
                       handle, tls.minimum == HttpTls::Minimum::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1;
  if (!set) return fail(Fault::internal, "TLS cannot be set up");
  SSL_CTX_set_options(handle, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_security_level(handle, 2);  // whatever openssl.cnf says
  SSL_CTX_set_mode(handle, SSL_MODE_RELEASE_BUFFERS);
  constexpr std::array<unsigned char, 9> kHttp = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(handle, kHttp.data(), kHttp.size());
  SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(handle, on_session);
  SSL_CTX_set_verify(handle, verify_ ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, verify_ ? on_verify : nullptr);
  PLUMB_CHECK(trust(tls));
  return identify(tls);
}

Result<void> TlsClient::trust(const HttpTls& tls) {
  if (!verify_) return {};
  SSL_CTX* const handle = context_.native_handle();
  if (tls.ca) {
    Code error;
    context_.add_certificate_authority(boost::asio::buffer(*tls.ca), error);
    if (error) return fail(Fault::invalid, "the certificates of the authority cannot be read: {}", error.message());
    // Whoever names an intermediate authority trusts it without its root.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(handle), X509_V_FLAG_PARTIAL_CHAIN);
    return {};
  }
  // By path and not by SSL_CTX_set_default_verify_paths(), which the environment can lead elsewhere. The folder is read
  // certificate by certificate as these are needed, so that this costs nothing for each route.
  std::error_code ignored;
  const char* const folder = X509_get_default_cert_dir();
  const char* const file = X509_get_default_cert_file();
  if (std::filesystem::is_directory(folder, ignored)) SSL_CTX_load_verify_dir(handle, folder);
  if (std::filesystem::is_regular_file(file, ignored)) SSL_CTX_load_verify_file(handle, file);
  ERR_clear_error();
  return {};
}

Result<void> TlsClient::identify(const HttpTls& tls) {
  if (!tls.certificate) return {};
  if (!tls.key) return fail(Fault::invalid, "a client certificate without its key");
  Code error;
  context_.use_certificate_chain(boost::asio::buffer(*tls.certificate), error);
  if (error) return fail(Fault::invalid, "the client certificate cannot be read: {}", error.message());
  // Else OpenSSL would ask at the terminal for the password of an encrypted key.
  context_.set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string(); }, error);
  const std::string_view key = tls.key->reveal();
  context_.use_private_key(boost::asio::buffer(key.data(), key.size()), ssl::context::pem, error);
  if (error)
    return fail(Fault::invalid,
                "the key of the client certificate cannot be used (encrypted, or of another certificate): {}",
                error.message());
  return {};
}

Result<void> TlsClient::prepare(SSL* handle, Peer& peer) {
  peer.name = server_name_.empty() ? peer.host : server_name_;
  SSL_set_ex_data(handle, peer_index(), &peer);
  X509_VERIFY_PARAM* const param = SSL_get0_param(handle);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const bool address = is_address(peer.name);
  bool good = address ? X509_VERIFY_PARAM_set1_ip_asc(param, peer.name.c_str()) == 1
                      : X509_VERIFY_PARAM_set1_host(param, peer.name.c_str(), peer.name.size()) == 1;
  // RFC 6066, 3: no addresses.
  if (!address) good = SSL_set_tlsext_host_name(handle, peer.name.c_str()) == 1 && good;
  if (!good) return fail(Fault::invalid, "\"{}\" is no name of a TLS server", printable(peer.name));
  const std::string origin = peer.host + ' ' + std::to_string(peer.port);
  if (sessions_.size() >= kMostSessions && !sessions_.contains(origin)) return {};
  SSL_SESSION*& kept = sessions_[origin];
  peer.kept = &kept;
  if (kept != nullptr) SSL_set_session(handle, kept);
  return {};
}

bool TlsClient::is_alert(const Code& error) {
  return error.category() == boost::asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(error.value())) >= SSL_AD_REASON_OFFSET;
}

Error TlsClient::explain(const Code& error, const Peer& peer) {
  const std::string at =
      fmt::format("{}:{}", peer.host.find(':') != std::string::npos ? '[' + peer.host + ']' : peer.host, peer.port);
  if (peer.problem != 0)
    return {Fault::denied, fmt::format("the certificate of {} is not accepted: {}", at, problem_text(peer)), {}};
  if (error.category() != boost::asio::error::get_ssl_category()) {
    const bool ended = error == boost::asio::error::eof || error == ssl::error::stream_truncated;
    return {Fault::unavailable,
            fmt::format("TLS with {}: {}", at, ended ? "the server closed the connection" : error.message()),
            {}};
  }
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
  if (is_about_our_certificate(reason))
    return {Fault::denied,
            fmt::format("{} does not accept the client certificate, or asks for one: {}", at, error.message()),
            {}};
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return {Fault::unavailable, fmt::format("{} does not speak TLS: {}", at, error.message()), {}};
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return {Fault::denied,
              fmt::format("{} refuses TLS: {} (it may require the client certificate, or what is not allowed here)", at,
                          error.message()),
              {}};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return {Fault::denied, fmt::format("{} has no version of TLS that is allowed: {}", at, error.message()), {}};
    default: return {Fault::unavailable, fmt::format("TLS with {}: {}", at, error.message()), {}};
  }
}

}  // namespace plumb::net
