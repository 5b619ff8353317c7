#include "tests/support/http_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <list>
#include <stdexcept>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "controller/base/text.h"

namespace plumb::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

struct FreeContext {
  void operator()(SSL_CTX* what) const { SSL_CTX_free(what); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;

std::vector<X509*> certificates_of(const std::string& pem) {
  BIO* const in = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  std::vector<X509*> all;
  while (X509* one = PEM_read_bio_X509(in, nullptr, nullptr, nullptr)) all.push_back(one);
  BIO_free(in);
  return all;
}

Context context_of(const PeerTls& tls) {
  Context context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_security_level(context.get(), 0);  // weak keys are for the client to refuse
  if (tls.only_tls12) SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  const auto chain = certificates_of(tls.certificate);
  if (chain.empty()) throw std::runtime_error("no certificate for the peer");
  SSL_CTX_use_certificate(context.get(), chain[0]);
  for (std::size_t i = 1; i < chain.size(); ++i) SSL_CTX_add1_chain_cert(context.get(), chain[i]);
  for (X509* one : chain) X509_free(one);
  BIO* const in = BIO_new_mem_buf(tls.key.data(), static_cast<int>(tls.key.size()));
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO_free(in);
  if (SSL_CTX_use_PrivateKey(context.get(), key) != 1) throw std::runtime_error("the peer's key does not fit");
  EVP_PKEY_free(key);
  SSL_CTX_set_session_id_context(context.get(), reinterpret_cast<const unsigned char*>("peer"), 4);
  if (tls.client_ca.empty()) return context;
  for (X509* one : certificates_of(tls.client_ca)) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), one);
    X509_free(one);
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return context;
}

std::size_t length_in(std::string_view head) {
  const std::string lowered = lower(head);
  const auto at = lowered.find("content-length:");
  return at == std::string::npos ? 0 : std::stoul(lowered.substr(at + 15));
}

}  // namespace

struct HttpPeer::Running {
  class Socket final : public Connection {
   public:
    Socket(Running& peer, int fd, int number) : peer_(peer), fd_(fd), number_(number) {}
    ~Socket() override {
      if (ssl_ != nullptr) {
        if (!reset_) SSL_shutdown(ssl_);
        SSL_free(ssl_);
      }
      const std::lock_guard lock(peer_.mutex);
      ::close(fd_);
      fd_ = -1;
    }

    int number() const override { return number_; }
    std::string head() override {
      while (in_.find("\r\n\r\n") == std::string::npos) {
        if (!more()) return "";
      }
      return noted(take(in_.find("\r\n\r\n") + 4));
    }
    std::string request() override {
      while (in_.find("\r\n\r\n") == std::string::npos) {
        if (!more()) return "";
      }
      const std::size_t head = in_.find("\r\n\r\n") + 4;
      const std::size_t all = head + length_in(in_.substr(0, head));
      while (in_.size() < all) {
        if (!more()) return "";
      }
      return noted(take(all));
    }
    std::string some() override {
      if (in_.empty() && !more()) return "";
      return take(in_.size());
    }
    bool send(std::string_view bytes) override {
      while (!bytes.empty()) {
        const auto sent = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                          : static_cast<int>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }
    bool client_closes() override {
      const auto until = std::chrono::steady_clock::now() + kPatience;
      while (more()) {
      }
      return std::chrono::steady_clock::now() < until;
    }
    void reset() override {
      const linger now{1, 0};
      ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
      reset_ = true;
    }
    std::string server_name() const override {
      const char* const name = ssl_ != nullptr ? SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name) : nullptr;
      return name != nullptr ? name : "";
    }
    std::string client_subject() const override {
      X509* const certificate = ssl_ != nullptr ? SSL_get1_peer_certificate(ssl_) : nullptr;
      if (certificate == nullptr) return "";
      char name[256] = {};
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
      X509_free(certificate);
      return name;
    }
    bool resumed() const override { return ssl_ != nullptr && SSL_session_reused(ssl_) == 1; }
    bool start_tls(const PeerTls& tls) override {
      own_ = context_of(tls);
      return handshake(own_.get());
    }
    bool handshake(SSL_CTX* context) {
      ssl_ = SSL_new(context);
      SSL_set_fd(ssl_, fd_);
      return SSL_accept(ssl_) == 1;
    }
    int fd() const { return fd_; }

   private:
    bool more() {
      char part[16384];
      const auto size =
          ssl_ != nullptr ? SSL_read(ssl_, part, sizeof part) : static_cast<int>(::recv(fd_, part, sizeof part, 0));
      if (size <= 0) return false;
      in_.append(part, static_cast<std::size_t>(size));
      return true;
    }
    std::string take(std::size_t size) {
      std::string taken = in_.substr(0, size);
      in_.erase(0, size);
      return taken;
    }
    std::string noted(std::string text) {
      const std::lock_guard lock(peer_.mutex);
      peer_.seen.push_back(text);
      peer_.changed.notify_all();
      return text;
    }

    Running& peer_;
    int fd_;
    const int number_;
    bool reset_ = false;
    Context own_;
    SSL* ssl_ = nullptr;
    std::string in_;
  };

  void accept_all() {
    while (true) {
      const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const timeval limit{kPatience.count(), 0};
      ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::lock_guard lock(mutex);
      if (over) {
        ::close(fd);
        return;
      }
      sockets.push_back(std::make_unique<Socket>(*this, fd, accepted++));
      threads.emplace_back([this, socket = &sockets.back()] { serve(*socket); });
    }
  }
  void serve(std::unique_ptr<Socket>& socket) {
    try {
      if (!tls || socket->handshake(context.get())) script(*socket);
    } catch (const std::exception& problem) {
      ADD_FAILURE() << "the peer's script: " << problem.what();
    }
    // Closed at once, so that the client sees it; the entry stays.
    const std::unique_ptr<Socket> gone = take(socket);
  }
  std::unique_ptr<Socket> take(std::unique_ptr<Socket>& socket) {
    const std::lock_guard lock(mutex);
    return std::move(socket);
  }
  void stop() {
    {
      const std::lock_guard lock(mutex);
      over = true;
      for (const auto& socket : sockets) {
        if (socket) ::shutdown(socket->fd(), SHUT_RDWR);
      }
    }
    ::shutdown(listener, SHUT_RDWR);
    acceptor.join();
    for (auto& thread : threads) thread.join();
    ::close(listener);
  }

  Script script;
  std::optional<PeerTls> tls;
  Context context;
  int listener = -1;
  std::uint16_t port = 0;
  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  bool over = false;
  int accepted = 0;
  std::vector<std::string> seen;
  std::list<std::unique_ptr<Socket>> sockets;
  std::list<std::thread> threads;
  std::thread acceptor;
};

bool HttpPeer::Connection::drip(std::string_view bytes) {
  for (const char c : bytes) {
    if (!send({&c, 1})) return false;
  }
  return true;
}

bool HttpPeer::Connection::answer(std::string_view body, std::string_view more_headers, std::string_view status) {
  return send(fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), more_headers, body));
}

HttpPeer::HttpPeer(Script script, std::optional<PeerTls> tls, const char* address, std::uint16_t port)
    : running_(std::make_unique<Running>()) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets without MSG_NOSIGNAL
  running_->script = std::move(script);
  running_->tls = std::move(tls);
  if (running_->tls) running_->context = context_of(*running_->tls);
  const bool six = std::string_view(address).find(':') != std::string_view::npos;
  sockaddr_storage at{};
  socklen_t size = six ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  at.ss_family = six ? AF_INET6 : AF_INET;
  if (six) {
    ::inet_pton(AF_INET6, address, &reinterpret_cast<sockaddr_in6*>(&at)->sin6_addr);
    reinterpret_cast<sockaddr_in6*>(&at)->sin6_port = htons(port);
  } else {
    ::inet_pton(AF_INET, address, &reinterpret_cast<sockaddr_in*>(&at)->sin_addr);
    reinterpret_cast<sockaddr_in*>(&at)->sin_port = htons(port);
  }
  running_->listener = ::socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (port != 0) ::setsockopt(running_->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(running_->listener, reinterpret_cast<const sockaddr*>(&at), size) != 0 ||
      ::listen(running_->listener, 64) != 0)
    throw std::runtime_error("the peer cannot listen");
  ::getsockname(running_->listener, reinterpret_cast<sockaddr*>(&at), &size);
  running_->port =
      ntohs(six ? reinterpret_cast<sockaddr_in6*>(&at)->sin6_port : reinterpret_cast<sockaddr_in*>(&at)->sin_port);
  running_->acceptor = std::thread([running = running_.get()] { running->accept_all(); });
}

HttpPeer::~HttpPeer() { running_->stop(); }

std::uint16_t HttpPeer::port() const { return running_->port; }

int HttpPeer::connections() const {
  const std::lock_guard lock(running_->mutex);
  return running_->accepted;
}

std::vector<std::string> HttpPeer::seen() const {
  const std::lock_guard lock(running_->mutex);
  return running_->seen;
}

bool HttpPeer::wait_for_seen(std::size_t count) const {
  std::unique_lock lock(running_->mutex);
  return running_->changed.wait_for(lock, kPatience, [&] { return running_->seen.size() >= count; });
}

HttpPeer::Script answering(std::function<std::string(const std::string& request)> body) {
  return [body = std::move(body)](HttpPeer::Connection& connection) {
    while (true) {
      const std::string request = connection.request();
      if (request.empty() || !connection.answer(body(request))) return;
    }
  };
}

}  // namespace plumb::test
