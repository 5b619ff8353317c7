#include "controller/net/local_channel.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/net/loop.h"
#include "tests/support/comes.h"
#include "tests/support/http_process.h"

namespace plumb::net {
namespace {

namespace fs = std::filesystem;
using test::comes;
using testing::HasSubstr;

// Both ends on one loop, which all of it is called on.
class LocalChannels : public testing::Test {
 protected:
  LocalChannels() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    fs::permissions(folder_, fs::perms::owner_all);
  }
  ~LocalChannels() override {
    loop_.stop();
    here_.reset();
    there_.reset();
    listener_.reset();
    fs::remove_all(folder_);
  }

  template <class F>
  auto on_loop(F what) {
    std::optional<decltype(what())> result;
    EXPECT_TRUE(loop_.call([&] { result.emplace(what()); }));
    return std::move(*result);
  }

  // Whoever comes is answered with what it says.
  Result<void> serve(const fs::path& path) {
    return on_loop([&]() -> Result<void> {
      PLUMB_TRY(listener_, LocalListener::open(loop_, path, [this](std::shared_ptr<LocalChannel> channel) {
                  ++accepted_;
                  there_ = std::move(channel);
                  there_->start({.message = [this](std::string_view message) { there_->send(std::string(message)); },
                                 .ended = [this](const Error& why) { there_ended_.set_value(why); }});
                }));
      return {};
    });
  }
  Result<void> serve() { return serve(path_); }
  Result<void> connect(const fs::path& path) {
    return on_loop([&]() -> Result<void> {
      PLUMB_TRY(here_, LocalChannel::connect(loop_, path));
      here_->start({.message = [this](std::string_view message) { add(std::string(message)); },
                    .ended = [this](const Error& why) { here_ended_.set_value(why); }});
      return {};
    });
  }
  Result<void> connect() { return connect(path_); }
  void add(std::string message) {
    const std::scoped_lock lock(mutex_);
    came_.push_back(std::move(message));
  }
  std::vector<std::string> came() {
    const std::scoped_lock lock(mutex_);
    return came_;
  }
  void say(std::string message) {
    on_loop([&] {
      here_->send(std::move(message));
      return true;
    });
  }
  static Error in_time(std::promise<Error>& promise) {
    auto future = promise.get_future();
    if (future.wait_for(std::chrono::seconds(20)) != std::future_status::ready) return {Fault::internal, "never", {}};
    return future.get();
  }
  // What a process that was killed leaves behind.
  void leave_a_socket() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strncpy(static_cast<char*>(address.sun_path), path_.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::listen(fd, 1);
    ::close(fd);
  }
  int raw() const {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::strncpy(static_cast<char*>(address.sun_path), path_.c_str(), sizeof address.sun_path - 1);
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
  }

  const fs::path folder_ = fs::temp_directory_path() / ("plumb-local-" + std::to_string(::getpid()));
  const fs::path path_ = folder_ / "hub.sock";
  std::mutex mutex_;
  std::vector<std::string> came_;
  std::promise<Error> here_ended_, there_ended_;
  std::atomic<int> accepted_ = 0;
  Loop loop_;
  std::unique_ptr<LocalListener> listener_;
  std::shared_ptr<LocalChannel> here_, there_;
};

TEST_F(LocalChannels, MessagesOfAnySizeComeBackWholeAndInOrder) {
  ASSERT_TRUE(serve());
  ASSERT_TRUE(connect());
  const std::string longest(LocalChannel::kMessageLimit, 'x');
  const std::vector<std::string> all{"one", "", std::string("\0\n", 2), longest, longest, longest, "last"};
  for (const std::string& each : all) say(each);
  EXPECT_TRUE(comes([&] { return came().size() == all.size(); }));
  EXPECT_EQ(came(), all);
  EXPECT_TRUE(comes([&] { return on_loop([&] { return here_->queued() + there_->queued() == 0; }); }));
}

TEST_F(LocalChannels, TheSocketIsForItsOwnerAloneAndGoesWithTheListener) {
  ASSERT_TRUE(serve());
  struct stat found {};
  ASSERT_EQ(::lstat(path_.c_str(), &found), 0);
  EXPECT_TRUE(S_ISSOCK(found.st_mode));
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  on_loop([&] {
    listener_.reset();
    return true;
  });
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(LocalChannels, ASocketOfAProcessThatIsGoneIsReplaced) {
  leave_a_socket();
  ASSERT_TRUE(fs::exists(path_));
  const auto nobody = connect();
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().fault, Fault::not_found);
  const auto served = serve();
  ASSERT_TRUE(served) << served.error().message;
  EXPECT_TRUE(connect());
}

TEST_F(LocalChannels, OneThatIsServedIsNotReplacedNorTakenAway) {
  ASSERT_TRUE(serve());
  Loop other;
  std::optional<Result<std::unique_ptr<LocalListener>>> second;
  ASSERT_TRUE(other.call([&] { second.emplace(LocalListener::open(other, path_, [](auto) {})); }));
  ASSERT_FALSE(*second);
  EXPECT_EQ(second->error().fault, Fault::conflict);
  EXPECT_THAT(second->error().message, HasSubstr("another process serves"));
  EXPECT_TRUE(connect()) << "the first one still does";
}

TEST_F(LocalChannels, WhatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "somebody's";
  const auto served = serve();
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().fault, Fault::conflict);
  EXPECT_EQ(fs::file_size(path_), 10U);
}

TEST_F(LocalChannels, ANewerSocketAtThePathIsNotTakenAwayByTheOldOne) {
  ASSERT_TRUE(serve());
  fs::rename(path_, folder_ / "moved");  // keeps its number from being used again
  leave_a_socket();
  on_loop([&] {
    listener_.reset();
    return true;
  });
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(LocalChannels, APathThatIsTooLongIsSaidToBe) {
  const fs::path folder = folder_ / std::string(100, 'x');
  fs::create_directories(folder);
  const fs::path path = folder / "hub.sock";
  for (const auto& tried : {serve(path), connect(path)}) {
    ASSERT_FALSE(tried);
    EXPECT_EQ(tried.error().fault, Fault::invalid);
    EXPECT_THAT(tried.error().message, HasSubstr("the path of a socket has at most 107"));
  }
}

TEST_F(LocalChannels, NothingIsServedInAFolderThatOthersMayWriteTo) {
  fs::permissions(folder_, fs::perms::others_write, fs::perm_options::add);
  const auto served = serve();
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().fault, Fault::denied);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(LocalChannels, WhoeverIsLeftIsToldOnce) {
  ASSERT_TRUE(serve());
  ASSERT_TRUE(connect());
  say("x");
  ASSERT_TRUE(comes([&] { return came().size() == 1; }));
  on_loop([&] {
    there_.reset();
    return true;
  });
  const Error why = in_time(here_ended_);
  EXPECT_EQ(why.fault, Fault::unavailable);
  EXPECT_EQ(why.message, "the other end closed the connection");
  say("into the void");  // does nothing, and a second promise would throw
  on_loop([] { return true; });
}

TEST_F(LocalChannels, AMessageThatIsAnnouncedTooLongEndsItBeforeItComes) {
  ASSERT_TRUE(serve());
  const int fd = raw();
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::send(fd, "\0\x10\0\1", 4, 0), 4);  // a MiB and one
  const Error why = in_time(there_ended_);
  EXPECT_EQ(why.fault, Fault::invalid);
  EXPECT_THAT(why.message, HasSubstr("1048577"));
  ::close(fd);
}

TEST_F(LocalChannels, OneThatDoesNotReadEndsItsConnection) {
  ASSERT_TRUE(serve());
  const int fd = raw();
  ASSERT_GE(fd, 0);
  ASSERT_TRUE(comes([&] { return accepted_ == 1; }));
  on_loop([&] {
    for (std::size_t sent = 0; sent <= LocalChannel::kQueueLimit; sent += LocalChannel::kMessageLimit)
      there_->send(std::string(LocalChannel::kMessageLimit, 'x'));
    return true;
  });
  EXPECT_EQ(in_time(there_ended_).message, "the other end does not take what is sent");
  ::close(fd);
}

TEST_F(LocalChannels, AnotherUserIsTurnedAwayEvenWhereTheFilesWouldLetHimIn) {
  if (::geteuid() != 0) PLUMB_CANNOT_RUN("needs root, to be somebody else");
  ASSERT_TRUE(serve());
  fs::permissions(folder_, fs::perms(0755));
  fs::permissions(path_, fs::perms(0666));
  const pid_t child = ::fork();
  if (child == 0) {  // only calls that are allowed after fork
    if (::setuid(65534) != 0) ::_exit(10);
    const int fd = raw();
    if (fd < 0) ::_exit(11);
    char byte = 0;
    ::_exit(::recv(fd, &byte, 1, 0) <= 0 ? 0 : 12);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(accepted_, 0);
}

}  // namespace
}  // namespace plumb::net
