#include "controller/adapters/ldap/connection.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openldap.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "controller/adapters/ldap/faults.h"
#include "controller/adapters/ldap/server_url.h"
#include "controller/base/text.h"

namespace plumb::ldap {
namespace {

// How long libldap may be stuck within one half-received record before it looks at its deadline again.
constexpr timeval kReceiveSlice{0, 200000};
// One entry with a very large group; an answer beyond it ends the connection.
constexpr ber_len_t kLongestMessage = 256UL << 20;
constexpr const char* kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";
constexpr const char* kTlsPriorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3";

timeval to_timeval(Duration span) {
  const auto left = std::max<std::int64_t>(span.count(), 0);
  return {static_cast<time_t>(left / 1000), static_cast<suseconds_t>(left % 1000 * 1000)};
}

// A connected socket within the time, or why not.
Result<int> connect_to(const addrinfo& address, Duration within) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail(Fault::unavailable, "{}", std::strerror(errno));
  int fault = 0;
  if (::connect(fd, address.ai_addr, address.ai_addrlen) != 0) {
    fault = errno;
    if (fault == EINPROGRESS) {
      pollfd waiting{fd, POLLOUT, 0};
      const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(within.count(), 0)));
      socklen_t size = sizeof fault;
      if (ready <= 0)
        fault = ready == 0 ? ETIMEDOUT : errno;
      else if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &size) != 0)
        fault = errno;
    }
  }
  if (fault != 0) {
    ::close(fd);
    return fail(Fault::unavailable, "{}", std::strerror(fault));
  }
  return fd;
}

// A dead peer is noticed while nothing is sent, and while something is.
void set_socket_options(int fd, Duration patience) {
  const auto set = [fd](int level, int name, const auto& value) {
    std::ignore = ::setsockopt(fd, level, name, &value, sizeof value);  // each is an improvement, none is needed
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<unsigned>(patience.count()));
  set(SOL_SOCKET, SO_RCVTIMEO, kReceiveSlice);
  set(SOL_SOCKET, SO_SNDTIMEO, to_timeval(patience));
}

// Closes the socket under a call of libldap that does not return in time: its TLS handshake has no deadline that
// holds (2.5 waits for the wrong direction and goes on for ever).
class Watchdog {
 public:
  // Sets `bit` when it does.
  Watchdog(int socket, Duration span, std::atomic<bool>& bit)
      : bit_(bit), thread_([this, socket, span] { watch(socket, span); }) {}
  ~Watchdog() {
    {
      const std::scoped_lock lock(mutex_);
      done_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void watch(int socket, Duration span) {
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, span, [this] { return done_; })) return;
    bit_ = true;
    ::shutdown(socket, SHUT_RDWR);
  }

  std::atomic<bool>& bit_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open_unbound(const Options& options, const std::string& url,
                                                             const Clock& clock, Deadline deadline) {
  std::unique_ptr<Connection> connection(new Connection(options, clock));
  PLUMB_CHECK(connection->connect(url, deadline));
  PLUMB_CHECK(connection->configure());
  PLUMB_CHECK(connection->secure(deadline));
  return connection;
}

Result<std::unique_ptr<Connection>> Connection::open(const Options& options, const std::string& url,
                                                     SecretStore& secrets, const Clock& clock, Deadline deadline) {
  PLUMB_TRY(auto connection, open_unbound(options, url, clock, deadline));
  if (options.bind == Options::Bind::simple) {
    PLUMB_CHECK(connection->bind_simple(secrets, deadline));
  } else {
    PLUMB_CHECK(connection->bind_kerberos(deadline));
  }
  return connection;
}

Connection::~Connection() {
  if (ldap_ == nullptr) {
    if (socket_ >= 0) ::close(socket_);
    return;
  }
  // Ends the transport first where a goodbye could block.
  ::shutdown(socket_, SHUT_RDWR);
  ldap_unbind_ext(ldap_, nullptr, nullptr);
}

Result<void> Connection::connect(const std::string& url, Deadline deadline) {
  PLUMB_TRY(const auto server, parse_server_url(url));
  host_ = server.host;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  // Name resolution has no deadline of its own; the resolver's limits apply (resolv.conf: timeout, attempts).
  if (const int rc = ::getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &found); rc != 0)
    return Failure(unreachable(host_, ::gai_strerror(rc)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  const Deadline within{std::min(deadline.at, clock_.steady() + options_.connect_timeout)};
  std::string why = "no address";
  for (const addrinfo* address = found; address != nullptr && socket_ < 0; address = address->ai_next) {
    auto connected = connect_to(*address, within.left(clock_.steady()));
    if (connected)
      socket_ = *connected;
    else
      why = connected.error().message;
  }
  if (socket_ < 0) return Failure(unreachable(fmt::format("{}:{}", host_, server.port), why));
  const int flags = ::fcntl(socket_, F_GETFL);
  ::fcntl(socket_, F_SETFL, flags & ~O_NONBLOCK);
  set_socket_options(socket_, options_.operation_timeout);

  // The host of this URL is what the certificate must name, and what Kerberos asks a ticket for.
  const std::string name = options_.server_name.empty() ? host_ : options_.server_name;
  const bool bare = name.find(':') == std::string::npos;
  const std::string known_as = fmt::format("ldap://{}{}{}:{}", bare ? "" : "[", name, bare ? "" : "]", server.port);
  if (const int rc = ldap_init_fd(socket_, LDAP_PROTO_TCP, known_as.c_str(), &ldap_); rc != LDAP_SUCCESS) {
    ldap_ = nullptr;
    return fail(Fault::internal, "libldap does not take {}: {}", known_as, ldap_err2string(rc));
  }
  return {};
}

// Nothing is left to ldap.conf, ldaprc or LDAP* variables: every option that they could set is set here.
Result<void> Connection::configure() {
  bool done = true;
  const auto set = [&](int option, const void* value) {
    done = ldap_set_option(ldap_, option, value) == LDAP_OPT_SUCCESS && done;
  };
  const int version = LDAP_VERSION3, none = 0, never = LDAP_DEREF_NEVER;
  const timeval patience = to_timeval(std::min(options_.connect_timeout, options_.operation_timeout));
  set(LDAP_OPT_PROTOCOL_VERSION, &version);
  set(LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
  set(LDAP_OPT_RESTART, LDAP_OPT_OFF);
  set(LDAP_OPT_DEREF, &never);
  set(LDAP_OPT_SIZELIMIT, &none);
  set(LDAP_OPT_TIMELIMIT, &none);
  set(LDAP_OPT_NETWORK_TIMEOUT, &patience);
  set(LDAP_OPT_TIMEOUT, &patience);
  set(LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON);
  Sockbuf* buffer = nullptr;
  if (ldap_get_option(ldap_, LDAP_OPT_SOCKBUF, &buffer) == LDAP_OPT_SUCCESS && buffer != nullptr) {
    ber_len_t longest = kLongestMessage;
    ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &longest);
  }
  if (options_.tls != Options::Tls::none) {
    const int demand = LDAP_OPT_X_TLS_DEMAND, client = 0, minimum = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2,
              unchecked = LDAP_OPT_X_TLS_CRL_NONE;
    set(LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    set(LDAP_OPT_X_TLS_REQUIRE_SAN, &demand);
    set(LDAP_OPT_X_TLS_PROTOCOL_MIN, &minimum);
    set(LDAP_OPT_X_TLS_CIPHER_SUITE, kTlsPriorities);
    set(LDAP_OPT_X_TLS_CACERTFILE, options_.ca_file.empty() ? kSystemAuthorities : options_.ca_file.c_str());
    for (const int option :
         {LDAP_OPT_X_TLS_CACERTDIR, LDAP_OPT_X_TLS_CERTFILE, LDAP_OPT_X_TLS_KEYFILE, LDAP_OPT_X_TLS_CRLFILE})
      set(option, "");
    std::ignore = ldap_set_option(ldap_, LDAP_OPT_X_TLS_CRLCHECK, &unchecked);  // not known to the GnuTLS build
    if (!done) return fail(Fault::internal, "libldap refuses an option that connections depend on");
    if (const int rc = ldap_set_option(ldap_, LDAP_OPT_X_TLS_NEWCTX, &client); rc != LDAP_OPT_SUCCESS)
      return fail(Fault::invalid, "the certificate authorities in {} cannot be used",
                  options_.ca_file.empty() ? kSystemAuthorities : printable(options_.ca_file));
  }
  // Over TLS a SASL layer of its own is refused by Active Directory; without, it is what keeps us safe.
  const char* layer =
      options_.tls == Options::Tls::none ? "noplain,noanonymous,minssf=56" : "noplain,noanonymous,minssf=0,maxssf=0";
  set(LDAP_OPT_X_SASL_SECPROPS, layer);
  if (!done) return fail(Fault::internal, "libldap refuses an option that connections depend on");
  return {};
}

Result<void> Connection::secure(Deadline deadline) {
  if (options_.tls == Options::Tls::none) return {};
  if (options_.tls == Options::Tls::start_tls) {
    int id = 0;
    if (const int rc = ldap_start_tls(ldap_, nullptr, nullptr, &id); rc != LDAP_SUCCESS)
      return Failure(sending_failed(rc));
    const Deadline within{std::min(deadline.at, clock_.steady() + options_.connect_timeout)};
    PLUMB_TRY(const auto answer, next(id, within));
    if (const Outcome result = outcome(answer); result.code != LDAP_SUCCESS)
      return Failure(unreachable(
          host_, fmt::format("StartTLS is refused: {}: {}", code_name(result.code), printable(result.diagnostic))));
  }
  const Duration patience = std::min(deadline.left(clock_.steady()), options_.connect_timeout);
  std::atomic<bool> late = false;
  const int rc = [&] {
    const Watchdog watchdog(socket_, patience, late);
    return ldap_install_tls(ldap_);
  }();
  if (rc != LDAP_SUCCESS && late)
    return Failure(unreachable(
        host_, fmt::format("no answer to the TLS handshake within {} (timeouts.connect): the server hangs, or what is "
                           "between drops it",
                           format_duration(patience))));
  if (rc != LDAP_SUCCESS) {
    const std::string why = last_diagnostic();
    return Failure(unreachable(
        host_, fmt::format("TLS fails: {}; the certificate must be valid, from an authority of {}, and name \"{}\"",
                           why.empty() ? ldap_err2string(rc) : printable(why),
                           options_.ca_file.empty() ? kSystemAuthorities : printable(options_.ca_file),
                           printable(options_.server_name.empty() ? host_ : options_.server_name))));
  }
  if (ldap_tls_inplace(ldap_) == 0) return fail(Fault::internal, "{}: TLS is not in place", host_);
  encrypted_ = true;
  return {};
}

bool Connection::closed_by_server() {
  char byte = 0;
  const auto got = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0) return errno != EAGAIN && errno != EWOULDBLOCK;
  if (got == 0) return true;
  // Something came although nothing was asked: a session ticket of TLS, or a farewell. libldap tells.
  LDAPMessage* message = nullptr;
  timeval at_once{0, 0};
  const int type = ldap_result(ldap_, LDAP_RES_ANY, LDAP_MSG_ONE, &at_once, &message);
  ldap_msgfree(message);
  return type != 0;
}

Result<Answer> Connection::next(int id, Deadline deadline) {
  const auto left = std::min(deadline.left(clock_.steady()), options_.operation_timeout);
  timeval wait = to_timeval(left);
  LDAPMessage* message = nullptr;
  const int type = ldap_result(ldap_, id, LDAP_MSG_ONE, &wait, &message);
  PLUMB_TRY(auto answer, taken(type, message));
  if (!answer) return fail(Fault::timeout, "{}: no answer within {}", printable(host_), format_duration(left));
  return std::move(*answer);
}

Result<std::optional<Answer>> Connection::taken(int type, LDAPMessage* message) const {
  if (type == 0) return std::nullopt;
  if (type < 0) {
    int code = LDAP_SERVER_DOWN;
    ldap_get_option(ldap_, LDAP_OPT_RESULT_CODE, &code);
    return fail(Fault::unavailable, "{}: the connection broke: {}", printable(host_), ldap_err2string(code));
  }
  Answer answer;
  answer.message.reset(message);
  answer.id = ldap_msgid(message);
  answer.type = type;
  if (answer.id == 0) return fail(Fault::unavailable, "{}: the server ends the connection", printable(host_));
  return std::optional<Answer>(std::move(answer));
}

Result<std::optional<Answer>> Connection::wait(int id, int interrupt, Deadline deadline) {
  while (true) {
    // What TLS has decrypted already is not seen by poll.
    timeval at_once{0, 0};
    LDAPMessage* message = nullptr;
    const int type = ldap_result(ldap_, id, LDAP_MSG_ONE, &at_once, &message);
    PLUMB_TRY(auto answer, taken(type, message));
    const Duration left = deadline.left(clock_.steady());
    if (answer || left <= Duration::zero()) return answer;
    constexpr Duration kLongest = std::chrono::hours(1);
    pollfd ends[2] = {{socket_, POLLIN, 0}, {interrupt, POLLIN, 0}};
    const int ready = ::poll(ends, 2, static_cast<int>(std::min(left, kLongest).count()) + 1);
    if (ready < 0 && errno != EINTR) return fail(Fault::unavailable, "{}: {}", host_, std::strerror(errno));
    if (ready > 0 && ends[1].revents != 0) return std::nullopt;
  }
}

Outcome Connection::outcome(const Answer& answer) const {
  Outcome result;
  char* text = nullptr;
  LDAPControl** controls = nullptr;
  const int parsed =
      ldap_parse_result(ldap_, answer.message.get(), &result.code, nullptr, &text, nullptr, &controls, 0);
  if (parsed != LDAP_SUCCESS && result.code == LDAP_SUCCESS) result.code = LDAP_DECODING_ERROR;
  if (text != nullptr) result.diagnostic = text;
  ldap_memfree(text);
  if (LDAPControl* control = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, nullptr); control != nullptr) {
    berval cookie{0, nullptr};
    ber_int_t estimate = 0;
    if (ldap_parse_pageresponse_control(ldap_, control, &estimate, &cookie) == LDAP_SUCCESS) {
      result.paged = true;
      if (cookie.bv_val != nullptr) result.page_cookie.assign(cookie.bv_val, cookie.bv_len);
    }
    ber_memfree(cookie.bv_val);
  }
  if (LDAPControl* control = ldap_control_find(LDAP_CONTROL_X_DIRSYNC, controls, nullptr); control != nullptr) {
    berval cookie{0, nullptr};
    int more = 0;
    if (ldap_parse_dirsync_control(ldap_, control, &more, &cookie) == LDAP_SUCCESS) {
      result.synced = true;
      result.sync_more = more != 0;
      if (cookie.bv_val != nullptr) result.sync_cookie.assign(cookie.bv_val, cookie.bv_len);
    }
    ber_memfree(cookie.bv_val);
  }
  ldap_controls_free(controls);
  return result;
}

Error Connection::sending_failed(int code) const {
  return Error{Fault::unavailable, fmt::format("{}: sending failed: {}", printable(host_), ldap_err2string(code)), {}};
}

}  // namespace plumb::ldap
