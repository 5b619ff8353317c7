#include "tests/support/ldap_stub.h"

#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

namespace plumb::test {
namespace {

constexpr const char* kDomain = "DC=ad,DC=test";
constexpr const char* kPaged = "1.2.840.113556.1.4.319";
constexpr const char* kDirSync = "1.2.840.113556.1.4.841";

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* what) const { Free(what); }
};
using Ssl = std::unique_ptr<SSL, Freed<SSL, SSL_free>>;
using SslContext = std::unique_ptr<SSL_CTX, Freed<SSL_CTX, SSL_CTX_free>>;

// BER (X.690), as much of it as LDAP uses: definite lengths, tags of one byte.
std::string tlv(int tag, const std::string& content) {
  std::string text(1, static_cast<char>(tag));
  const std::size_t size = content.size();
  if (size < 128) {
    text += static_cast<char>(size);
  } else {
    text += '\x82';
    text += static_cast<char>(size >> 8);
    text += static_cast<char>(size & 255);
  }
  return text + content;
}
std::string octets(const std::string& text) { return tlv(0x04, text); }
std::string number(int tag, int value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((value >> shift) & 255);
  return tlv(tag, bytes);
}

// What is left to be read of an element's content.
struct Ber {
  std::string_view rest;
  int tag = 0;
  Ber next() {
    if (rest.size() < 2) throw std::runtime_error("a request ends early");
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest.at(i)); };
    std::size_t size = byte(1), begin = 2;
    if (size >= 128) {
      const std::size_t count = size - 128;
      size = 0;
      for (std::size_t i = 0; i < count; ++i) size = size * 256 + byte(2 + i);
      begin += count;
    }
    Ber element{rest.substr(begin, size), byte(0)};
    rest.remove_prefix(begin + size);
    return element;
  }
  int value() const {
    int sum = 0;
    for (const char each : rest) sum = sum * 256 + static_cast<unsigned char>(each);
    return sum;
  }
};

struct Request {
  int id = 0, tag = 0;
  std::string base;
  int scope = 0;
  std::optional<std::string> cookie;  // of the paging control, where there is one
  std::optional<std::string> synced;  // of the DirSync control
};

Request read_request(std::string_view bytes) {
  Request request;
  Ber message{bytes};
  message = message.next();
  request.id = message.next().value();
  Ber operation = message.next();
  request.tag = operation.tag;
  if (request.tag != 0x63) return request;
  request.base = operation.next().rest;
  request.scope = operation.next().value();
  if (message.rest.empty()) return request;
  for (Ber controls = message.next(); !controls.rest.empty();) {
    Ber control = controls.next();
    const std::string_view name = control.next().rest;
    if (name != kPaged && name != kDirSync) continue;
    Ber value = control.next();
    if (value.tag == 0x01) value = control.next();
    Ber content = Ber{value.rest}.next();
    content.next();  // the size of a page, or the flags
    if (name == kDirSync) content.next();
    (name == kPaged ? request.cookie : request.synced) = std::string(content.next().rest);
  }
  return request;
}

using Values = std::vector<std::pair<std::string, std::string>>;

// An entry whose objectGUID is sixteen times `letter`.
std::string entry(const std::string& dn, char letter, int usn, const Values& more = {}) {
  const auto attribute = [](const std::string& name, const std::string& value) {
    return tlv(0x30, octets(name) + tlv(0x31, octets(value)));
  };
  std::string attributes = attribute("objectGUID", std::string(16, letter)) + attribute("objectClass", "user") +
                           attribute("uSNChanged", std::to_string(usn));
  for (const auto& [name, value] : more) attributes += attribute(name, value);
  return tlv(0x64, octets(dn) + tlv(0x30, attributes));
}

std::string done(int code, bool referral = false) {
  std::string content = number(0x0A, code) + octets("") + octets("as told");
  if (referral) content += tlv(0xA3, octets("ldap://other.ad.test/DC=ad,DC=test"));
  return tlv(0x65, content);
}

std::string page_control(const std::string& cookie) {
  const std::string value = tlv(0x30, number(0x02, 0) + octets(cookie));
  return tlv(0xA0, tlv(0x30, octets(kPaged) + octets(value)));
}

std::string dirsync_control(const std::string& cookie) {
  const std::string value = tlv(0x30, number(0x02, 0) + number(0x02, 0) + octets(cookie));
  return tlv(0xA0, tlv(0x30, octets(kDirSync) + octets(value)));
}

void sign_for(const std::string& certificate_file, const std::string& key_file) {
  const std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Freed<X509, X509_free>> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 4711);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("stub"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  X509_set_pubkey(certificate.get(), key.get());
  for (const auto& [id, text] :
       {std::pair(NID_subject_alt_name, "IP:127.0.0.1"), std::pair(NID_basic_constraints, "critical,CA:TRUE")}) {
    const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION, X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, id, text));
    X509_add_ext(certificate.get(), extension.get(), -1);
  }
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  std::unique_ptr<FILE, int (*)(FILE*)> out(std::fopen(certificate_file.c_str(), "w"), std::fclose);
  PEM_write_X509(out.get(), certificate.get());
  out.reset(std::fopen(key_file.c_str(), "w"));
  PEM_write_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

}  // namespace

// One connection.
struct LdapStub::Session {
  LdapStub& stub;
  SSL* ssl;
  bool open = true;

  void send(const std::string& bytes) {
    if (open && SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())) <= 0) open = false;
  }
  void answer(int id, const std::string& operation, const std::string& controls = "") {
    send(tlv(0x30, number(0x02, id) + operation + controls));
  }
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t have = 0; have < size;) {
      const int got = SSL_read(ssl, bytes.data() + have, static_cast<int>(size - have));
      if (got <= 0) {
        open = false;
        return "";
      }
      have += static_cast<std::size_t>(got);
    }
    return bytes;
  }
  std::string read_message() {
    std::string head = read(2);
    if (!open) return "";
    std::size_t size = static_cast<unsigned char>(head[1]);
    if (size >= 128) {
      const std::string length = read(size - 128);
      head += length;
      size = 0;
      for (const char each : length) size = size * 256 + static_cast<unsigned char>(each);
    }
    return head + read(size);
  }

  void one_entry(const Request& request) {
    if (request.base.empty()) {
      answer(request.id, entry("", 'r', 1,
                               {{"defaultNamingContext", kDomain},
                                {"dnsHostName", "stub.ad.test"},
                                {"dsServiceName", "CN=NTDS Settings,DC=ad,DC=test"},
                                {"highestCommittedUSN", std::to_string(stub.usn)}}));
    } else if (request.base.starts_with("CN=NTDS")) {
      answer(request.id, entry(request.base, 'n', 2, {{"invocationId", std::string(16, stub.server)}}));
    } else if (request.base.starts_with("<WKGUID=")) {
      answer(request.id, entry("CN=Deleted Objects,DC=ad,DC=test", 'x', 3));
    } else {
      answer(request.id, entry(request.base, request.base == kDomain ? 'd' : 'p', 4));
    }
    answer(request.id, done(0));
  }

  // Page 1: the OU, the container of deleted objects and u1. Page 2: u2. Without pages: u1 and u2.
  void page(const Request& request) {
    const bool whole = !request.cookie;
    const int which = whole || request.cookie->empty() ? 1 : 2;
    const Fault fault = stub.page_ == which ? stub.fault_ : Fault{};
    const int usn = static_cast<int>(stub.usn) - 10;
    std::vector<std::string> entries = {entry("OU=People,DC=ad,DC=test", 'p', usn),
                                        entry("CN=Deleted Objects,DC=ad,DC=test", 'x', 3),
                                        entry("CN=u1,OU=People,DC=ad,DC=test", '1', usn + 1)};
    if (which == 2 && !fault.repeated) entries = {entry("CN=u2,OU=People,DC=ad,DC=test", '2', usn + 2)};
    if (whole) entries = {entries.back(), entry("CN=u2,OU=People,DC=ad,DC=test", '2', usn + 2)};
    if (whole && stub.small_pages) {  // sizeLimitExceeded
      answer(request.id, entries.front());
      return answer(request.id, done(4));
    }
    for (const std::string& each : entries) {
      if (fault.half) send(tlv(0x30, number(0x02, request.id) + each).substr(0, 40));
      if (fault.cut || fault.half) open = false;
      if (fault.garbage) send(std::string(64, '\xff'));
      if (fault.garbage) open = false;
      if (!open) return;
      answer(request.id, each);
    }
    if (fault.reference) answer(request.id, tlv(0x73, octets("ldap://other.ad.test/DC=sub,DC=ad,DC=test")));
    answer(request.id + (fault.wrong_id ? 1000 : 0), done(fault.code, fault.referral),
           fault.unpaged || whole ? "" : page_control(which == 1 ? "more" : ""));
  }

  void sync(const Request& request) {
    if (request.synced->empty()) answer(request.id, entry("CN=u1,OU=People,DC=ad,DC=test", '1', 5));
    answer(request.id, tlv(0x73, octets("ldap://other.ad.test/DC=sub,DC=ad,DC=test")));
    answer(request.id, done(0), dirsync_control("from here"));
  }

  void run() {
    while (open && !stub.stop_) {
      const std::string message = read_message();
      if (!open) return;
      const Request request = read_request(message);
      if (request.tag == 0x60) {
        answer(request.id, tlv(0x61, number(0x0A, 0) + octets("") + octets("")));
      } else if (request.tag == 0x63) {
        request.scope == 0 ? one_entry(request) : request.synced ? sync(request) : page(request);
      } else if (request.tag == 0x66) {
        ++stub.written;
        answer(request.id, tlv(0x67, number(0x0A, 0) + octets("") + octets("")));
      } else if (request.tag == 0x42) {
        return;
      }
    }
  }
};

LdapStub::LdapStub(const std::string& folder) : ca_file_(folder + "/stub.pem"), key_file_(folder + "/stub.key") {
  std::signal(SIGPIPE, SIG_IGN);
  sign_for(ca_file_, key_file_);
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 8) != 0)
    throw std::runtime_error("no free port");
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

LdapStub::~LdapStub() {
  stop_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  if (const int socket = socket_; socket >= 0) ::shutdown(socket, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

std::string LdapStub::url() const { return fmt::format("ldaps://127.0.0.1:{}", port_); }

void LdapStub::fail_page(int page, Fault fault) {
  page_ = 0;
  fault_ = fault;
  page_ = page;
}

void LdapStub::serve() {
  const SslContext context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate_file(context.get(), ca_file_.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(context.get(), key_file_.c_str(), SSL_FILETYPE_PEM);
  while (!stop_) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    socket_ = socket;
    if (!stop_) {
      const Ssl ssl(SSL_new(context.get()));
      SSL_set_fd(ssl.get(), socket);
      if (SSL_accept(ssl.get()) > 0) Session{*this, ssl.get()}.run();
    }
    socket_ = -1;
    ::close(socket);
  }
}

}  // namespace plumb::test
