// Against sockets that stand for the syslog server.

#include "controller/net/syslog_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/comes.h"
#include "tests/support/http_peer.h"
#include "tests/support/http_process.h"
#include "tests/support/tls_certificates.h"

namespace plumb::net {
namespace {

using namespace std::chrono_literals;
using test::HttpPeer;
using ::testing::ElementsAre;
using Protocol = SyslogOptions::Protocol;
using Framing = SyslogOptions::Framing;

// A datagram socket; waits for at most ten seconds.
class DatagramPeer {
 public:
  explicit DatagramPeer(const std::string& path = "")
      : fd_(::socket(path.empty() ? AF_INET : AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (!path.empty()) {
      sockaddr_un at{};
      at.sun_family = AF_UNIX;
      path.copy(at.sun_path, sizeof at.sun_path - 1);
      ::bind(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at);
      return;
    }
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ::bind(fd_, reinterpret_cast<const sockaddr*>(&at), size);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
  }
  ~DatagramPeer() { ::close(fd_); }
  DatagramPeer(const DatagramPeer&) = delete;
  DatagramPeer& operator=(const DatagramPeer&) = delete;
  std::uint16_t port() const { return port_; }
  std::string receive() {
    std::string bytes(70000, '\0');
    const auto size = ::recv(fd_, bytes.data(), bytes.size(), 0);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

class Syslog : public ::testing::Test {
 protected:
  ~Syslog() override {
    loop_.stop();
    sender_.reset();
  }
  void start(SyslogOptions options) {
    options.egress = *Egress::parse({"127.0.0.0/8"});
    options.first_retry = 20ms;
    options.last_retry = 100ms;
    ASSERT_TRUE(loop_.call([&] { sender_ = std::make_unique<SyslogSender>(loop_, std::move(options)); }));
  }

  Loop loop_;
  std::unique_ptr<SyslogSender> sender_;
};

TEST_F(Syslog, SendsADatagramForEachLine) {
  DatagramPeer peer;
  start({.port = peer.port()});
  for (const char* line : {"<134>one", "<134>two\nwith a break", ""}) sender_->send(line);
  sender_->send("<134>last");
  EXPECT_EQ(peer.receive(), "<134>one");
  EXPECT_EQ(peer.receive(), "<134>two\nwith a break");
  EXPECT_EQ(peer.receive(), "");
  EXPECT_EQ(peer.receive(), "<134>last");
  EXPECT_TRUE(test::comes([&] { return sender_->counts().sent == 4; }));
  EXPECT_EQ(sender_->counts().waiting, 0u);
}

TEST_F(Syslog, ALineThatIsTooLongForADatagramHoldsUpNone) {
  DatagramPeer peer;
  start({.port = peer.port()});
  sender_->send(std::string(70000, 'x'));
  sender_->send("short");
  EXPECT_EQ(peer.receive(), "short");
  EXPECT_TRUE(test::comes([&] { return sender_->counts().dropped == 1; }));
}

TEST_F(Syslog, NobodyListeningOverUdpIsNoReasonToStop) {
  std::uint16_t port = 0;
  {
    DatagramPeer gone;
    port = gone.port();
  }
  start({.port = port});
  for (int i = 0; i < 10; ++i) sender_->send("x");
  EXPECT_TRUE(test::comes([&] { return sender_->counts().sent == 10; }));
}

TEST_F(Syslog, FramesLinesOfAStreamAsAsked) {
  struct Row {
    Framing framing;
    std::string eol, whole;
  };
  for (const Row& row : {Row{Framing::octet_counted, "\n", "6 <1>one6 <1>a\nb7 <1>last"},
                         Row{Framing::newline, "\n", "<1>one\n<1>a b\n<1>last\n"},
                         Row{Framing::newline, "\r\n", "<1>one\r\n<1>a b\r\n<1>last\r\n"}}) {
    std::mutex mutex;
    std::string got;
    HttpPeer peer([&](auto& connection) {
      for (std::string part = connection.some(); !part.empty(); part = connection.some()) {
        const std::lock_guard lock(mutex);
        got += part;
      }
    });
    start({.protocol = Protocol::tcp4, .port = peer.port(), .framing = row.framing, .eol = row.eol});
    for (const char* line : {"<1>one", "<1>a\nb", "<1>last"}) sender_->send(line);
    EXPECT_TRUE(test::comes([&] {
      const std::lock_guard lock(mutex);
      return got == row.whole;
    })) << got;
    ASSERT_TRUE(loop_.call([&] { sender_.reset(); }));
  }
}

TEST_F(Syslog, ComesBackAfterTheServerWasAwayAndSendsWhatWaited) {
  const std::uint16_t port = test::HttpProcess::free_port();
  start({.protocol = Protocol::tcp4, .port = port, .framing = Framing::newline, .queue_limit = 5});
  for (int i = 0; i < 8; ++i) sender_->send("line " + std::to_string(i));
  EXPECT_EQ(sender_->counts().dropped, 3u);
  EXPECT_EQ(sender_->counts().waiting, 5u);
  std::mutex mutex;
  std::string got;
  HttpPeer peer(
      [&](auto& connection) {
        for (std::string part = connection.some(); !part.empty(); part = connection.some()) {
          const std::lock_guard lock(mutex);
          got += part;
          if (connection.number() == 0) return;  // away again after the first bytes
        }
      },
      {}, "127.0.0.1", port);
  EXPECT_TRUE(test::comes([&] { return sender_->counts().waiting == 0; }));
  EXPECT_TRUE(test::comes([&] {
    const std::lock_guard lock(mutex);
    return got == "line 0\nline 1\nline 2\nline 3\nline 4\n";
  })) << got;
  // The close is noticed without a line to send; the next goes over a new connection.
  EXPECT_TRUE(test::comes([&] {
    sender_->send("again");
    return peer.connections() > 1;
  }));
}

TEST_F(Syslog, SpeaksTlsAndVerifiesTheServer) {
  const auto authority = test::make_certificate({.common_name = "Authority", .authority = true});
  const auto leaf = test::make_certificate({.names = {"IP:127.0.0.1"}}, &authority);
  std::mutex mutex;
  std::string got;
  HttpPeer peer(
      [&](auto& connection) {
        const std::string part = connection.some();
        const std::lock_guard lock(mutex);
        got += part;
      },
      test::PeerTls{leaf.pem, leaf.key});
  start({.protocol = Protocol::tls4, .port = peer.port()});
  sender_->send("secret");
  EXPECT_TRUE(test::comes([&] { return peer.connections() > 2; }));  // tried again and again
  EXPECT_EQ(sender_->counts().sent, 0u);
  ASSERT_TRUE(loop_.call([&] { sender_.reset(); }));
  start({.protocol = Protocol::tls4,
         .port = peer.port(),
         .tls = {.ca = std::make_shared<const std::string>(authority.pem)}});
  sender_->send("hello");
  EXPECT_TRUE(test::comes([&] {
    const std::lock_guard lock(mutex);
    return got == "5 hello";
  }));
}

TEST_F(Syslog, WritesToALocalSocketWheneverItIsThere) {
  char folder[] = "/tmp/plumbline-syslog.XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/log";
  start({.protocol = Protocol::unix_datagram, .path = path});
  sender_->send("early");
  DatagramPeer peer(path);
  EXPECT_EQ(peer.receive(), "early");
  sender_->send("later");
  EXPECT_EQ(peer.receive(), "later");
  std::filesystem::remove_all(folder);
}

TEST_F(Syslog, ObeysTheEgressRules) {
  DatagramPeer peer;
  SyslogOptions options{.port = peer.port()};
  ASSERT_TRUE(loop_.call([&] { sender_ = std::make_unique<SyslogSender>(loop_, std::move(options)); }));
  sender_->send("x");
  ASSERT_TRUE(loop_.call([] {}));
  EXPECT_EQ(sender_->counts().sent, 0u);
  EXPECT_EQ(sender_->counts().waiting, 1u);
}

}  // namespace
}  // namespace plumb::net
