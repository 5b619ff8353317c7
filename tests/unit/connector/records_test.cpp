// What the agent keeps at its site: audit, status, and what it tells systemd.

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "connector/local_audit.h"
#include "connector/service_notify.h"
#include "connector/status.h"
#include "tests/unit/connector/temporary.h"

namespace plumb::connector {
namespace {

using testing::HasSubstr;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class Audit : public testing::Test {
 protected:
  std::unique_ptr<LocalAudit> open(std::size_t size = 1 << 20, std::size_t files = 3) {
    auto audit = LocalAudit::open({folder_.path() / "audit.jsonl", size, files}, clock_);
    EXPECT_TRUE(audit) << error_of(audit);
    return audit ? std::move(*audit) : nullptr;
  }
  RealClock clock_;
  Temporary folder_;
};

TEST_F(Audit, IsOneObjectALineAndOnlyItsOwnersToRead) {
  const auto audit = open();
  ASSERT_TRUE(audit->append({"7", "jdoe\nroot", "ldap.modify", "CN=j,DC=a", "refused", "not in write_dns", true}));
  const auto lines = lines_of(folder_.read("audit.jsonl"));
  ASSERT_EQ(lines.size(), 1u);
  const auto json = boost::json::parse(lines.front()).as_object();
  EXPECT_EQ(json.at("actor").as_string(), "jdoe\\x0aroot");
  EXPECT_EQ(json.at("result").as_string(), "refused");
  EXPECT_TRUE(json.at("security").as_bool());
  EXPECT_EQ(mode_of(folder_.path() / "audit.jsonl"), 0600u);
}

TEST_F(Audit, GoesOnWhereItWas) {
  ASSERT_TRUE(open()->append({.request = "1"}));
  ASSERT_TRUE(open()->append({.request = "2"}));
  EXPECT_EQ(lines_of(folder_.read("audit.jsonl")).size(), 2u);
}

TEST_F(Audit, IsRotatedBySizeAndKeepsSoManyFiles) {
  const auto audit = open(300, 3);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(audit->append({.request = std::to_string(i)}));
  EXPECT_THAT(folder_.read("audit.jsonl"), HasSubstr("\"request\":\"19\""));
  EXPECT_LE(folder_.read("audit.jsonl").size(), 300u);
  EXPECT_TRUE(std::filesystem::exists(folder_.path() / "audit.2.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "audit.3.jsonl"));
}

TEST_F(Audit, ThreadsDoNotMixTheirLines) {
  const auto audit = open(10'000, 100);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        for (int j = 0; j < 200; ++j) EXPECT_TRUE(audit->append({.operation = std::string(50, 'x')}));
      });
  }
  std::size_t count = 0;
  for (const auto& each : std::filesystem::directory_iterator(folder_.path())) {
    for (const auto& line : lines_of(folder_.read(each.path().filename().string()))) {
      EXPECT_TRUE(boost::json::parse(line).is_object());
      ++count;
    }
  }
  EXPECT_EQ(count, 800u);
}

TEST_F(Audit, ALinkInItsPlaceIsNotFollowed) {
  const auto target = folder_.write("other", "");
  std::filesystem::create_symlink(target, folder_.path() / "audit.jsonl");
  EXPECT_FALSE(LocalAudit::open({folder_.path() / "audit.jsonl"}, clock_));
}

TEST_F(Audit, AFieldThatIsLongIsCut) {
  ASSERT_TRUE(open()->append({.object = std::string(1 << 20, 'x')}));
  EXPECT_LT(folder_.read("audit.jsonl").size(), 4096u);
}

TEST(Status, ComesBackAsItWasWritten) {
  const Temporary folder;
  const AgentStatus status{"online", *parse_time("2026-11-28T00:00:00Z"), "https://a", "c-1", "", "1.0", ::getpid()};
  ASSERT_TRUE(write_status(folder.path() / "status.json", status));
  EXPECT_EQ(read_status(folder.path() / "status.json").value(), status);
  EXPECT_THAT(status_text(status), HasSubstr("online since 2026-11-28T00:00:00.000Z"));
}

TEST(Status, OfAProcessThatIsGoneIsNotBelieved) {
  const AgentStatus status{.state = "online", .pid = 0x7ffffffe};
  EXPECT_FALSE(is_running(status));
  EXPECT_THAT(status_text(status), HasSubstr("not running"));
}

TEST(Status, OfAnotherShapeIsAnError) {
  const Temporary folder;
  for (const char* text :
       {"", "[]", "{}", R"({"state":1})", R"({"state":"online","server":"","id":"","lastError":"","version":""})"})
    EXPECT_EQ(read_status(folder.write("status.json", text)).error().fault, Fault::invalid) << text;
  EXPECT_EQ(read_status(folder.path() / "none").error().fault, Fault::not_found);
}

TEST(Notify, SaysToTheSocketWhatSystemdExpects) {
  const Temporary folder;
  const std::string path = (folder.path() / "notify").string();
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const ServiceNotify notify(path, "30000000");
  notify.ready();
  notify.status("online\nX=1");
  std::string all;
  for (int i = 0; i < 2; ++i) {
    char buffer[256];
    const auto got = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    ASSERT_GT(got, 0);
    all += std::string(buffer, static_cast<std::size_t>(got)) + "|";
  }
  ::close(fd);
  EXPECT_EQ(all, "READY=1|STATUS=online\\x0aX=1|");
  EXPECT_EQ(notify.alive_interval(), std::chrono::seconds(15));
}

TEST(Notify, DoesNothingWhereNobodyListens) {
  const ServiceNotify notify("", "");
  notify.ready();
  EXPECT_EQ(notify.alive_interval(), Duration::zero());
}

}  // namespace
}  // namespace plumb::connector
