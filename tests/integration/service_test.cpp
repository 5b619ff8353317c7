// What systemd is told (sd_notify), over a socket of our own in its place.

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

using testing::HasSubstr;

class NotifySocket {
 public:
  explicit NotifySocket(const std::filesystem::path& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval longest{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
  }
  ~NotifySocket() { ::close(socket_); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  // All messages up to one that begins so; empty if none comes.
  std::string until(std::string_view beginning) const {
    std::string all;
    for (;;) {
      std::array<char, 4096> buffer{};
      const auto got = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (got <= 0) return {};
      const std::string_view message(buffer.data(), static_cast<std::size_t>(got));
      all += std::string(message) + "\n";
      if (message.starts_with(beginning)) return all;
    }
  }

 private:
  int socket_;
};

TEST(Service, TellsThatItIsReadyHowItGoesAndThatItStops) {
  PLUMB_NEED_SAMBA();
  std::string why;
  Workbench bench(*Samba::get(why));
  bench.copy(std::filesystem::path(PLUMB_SOURCE_DIR) / "examples/quickstart/manifests");
  const NotifySocket socket(bench.folder() / "notify");
  bench.environment()["NOTIFY_SOCKET"] = (bench.folder() / "notify").string();
  bench.environment()["WATCHDOG_USEC"] = "1000000";

  Background run(bench.command({"run"}), bench.environment());
  EXPECT_NE(socket.until("READY=1"), "") << run.output();
  EXPECT_THAT(socket.until("WATCHDOG=1"), HasSubstr("STATUS=15 objects"));
  ASSERT_TRUE(run.prints("13 applied")) << run.output();
  EXPECT_NE(socket.until("STATUS=15 objects; corp ok"), "");
  run.signal(SIGTERM);
  EXPECT_NE(socket.until("STOPPING=1"), "");
  EXPECT_EQ(run.ends(), 0) << run.output();
}

TEST(Service, ReadsTheManifestsAtSighup) {
  PLUMB_NEED_SAMBA();
  std::string why;
  Workbench bench(*Samba::get(why));
  bench.copy(std::filesystem::path(PLUMB_SOURCE_DIR) / "examples/quickstart/manifests");
  // So long that only the signal can be what makes it look.
  Background run(bench.command({"run", "--interval", "1h", "--settle", "1h", "--confirm-removal", "1s"}),
                 bench.environment());
  ASSERT_TRUE(run.prints("13 applied")) << run.output();
  bench.remove("users/rsilva.yaml");
  run.signal(SIGHUP);
  ASSERT_TRUE(run.prints("applied")) << run.output();
  EXPECT_EQ(bench.value("rsilva", "userAccountControl"), "514");
}

}  // namespace
}  // namespace plumb::test
