// runtime::IntegrationLog over net::SyslogSender to a real rsyslogd, which takes the lines apart.

#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/runtime/syslog_over_net.h"
#include "tests/support/fake_clock.h"
#include "tests/support/http_process.h"
#include "tests/support/tls_certificates.h"

namespace plumb::runtime {
namespace {

using test::HttpProcess;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kSettings = R"(
global(workDirectory="{0}" parser.permitSlashInProgramName="on"
       defaultNetstreamDriverCAFile="{0}/authority.pem"
       defaultNetstreamDriverCertFile="{0}/server.pem" defaultNetstreamDriverKeyFile="{0}/server.key")
module(load="imudp")
module(load="imtcp")
module(load="mmpstrucdata")
template(name="parts" type="string"
  string="pri=%pri%|version=%protocol-version%|time=%timereported%|host=%hostname%|app=%app-name%|pid=%procid%|msgid=%msgid%|data=%$!%|msg=%msg%\n")
ruleset(name="out") {{
  action(type="mmpstrucdata" sd_name.lowercase="off")
  action(type="omfile" file="{0}/lines" template="parts")
}}
input(type="imudp" address="127.0.0.1" port="{1}" ruleset="out")
input(type="imtcp" address="127.0.0.1" port="{3}" ruleset="out"
      streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="127.0.0.1" port="{2}" ruleset="out" streamDriver.name="ptcp" streamDriver.mode="0")
)";

class Rsyslog : public ::testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEEDS("rsyslogd");
    const test::Certificate leaf = test::make_certificate({.names = {"IP:127.0.0.1"}}, &authority_);
    server_.write("authority.pem", authority_.pem);
    server_.write("server.pem", leaf.pem);
    server_.write("server.key", leaf.key);
    udp_ = HttpProcess::free_port();
    tcp_ = HttpProcess::free_port();
    tls_ = HttpProcess::free_port();
    const std::string settings =
        server_.write("rsyslog.conf", fmt::format(kSettings, server_.folder(), udp_, tcp_, tls_));
    server_.run({HttpProcess::path_of("rsyslogd"), "-n", "-f", settings, "-i", server_.folder() + "/pid"}, tcp_);
    ASSERT_TRUE(loop_.call([this] { open(); }));
  }
  ~Rsyslog() override { loop_.stop(); }

  void open() {
    log_ = std::make_unique<IntegrationLog>(IntegrationLog::Parts{
        .clock = clock_,
        .sink = [](LogLevel, std::string_view, const std::string&) {},
        .open_syslog = syslog_over_net(loop_, *net::Egress::parse({"127.0.0.0/8"}),
                                       {.ca = std::make_shared<const std::string>(authority_.pem)}),
        .host = "machine.corp.example",
        .pid = 42});
  }

  // Logs a failed call of an integration whose syslog settings are these.
  void log_call(const std::string& settings, const std::string& request_id, const std::string& error) {
    ASSERT_TRUE(loop_.call([&] {
      auto view = std::make_shared<RegistryView>();
      const ResourceKey key{"Integration", "default", "pets"};
      const Value spec = boost::json::parse(fmt::format(R"({{"logging": {{"syslog": {}}}}})", settings));
      view->objects[key] = std::make_shared<const Registered>(Registered{key, spec, "", "", {}});
      log_->publish(view);
      CallRecord call{.integration = key, .operation = "listPets", .request_id = request_id, .actor = "robot"};
      call.fault = Fault::timeout;
      call.error = error;
      log_->record(call);
    }));
  }

  // The line that rsyslogd wrote of it.
  std::string line_with(const std::string& text) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < until) {
      const std::string all = server_.read("lines");
      if (const auto at = all.find(text); at != std::string::npos) {
        const auto from = all.rfind('\n', at) + 1;  // npos + 1 is the beginning
        if (const auto to = all.find('\n', at); to != std::string::npos) return all.substr(from, to - from);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return "nothing came; " + server_.read("lines") + server_.read("said");
  }

  const test::Certificate authority_ = test::make_certificate({.common_name = "Authority", .authority = true});
  HttpProcess server_;
  std::uint16_t udp_ = 0, tcp_ = 0, tls_ = 0;
  test::FakeClock clock_;
  net::Loop loop_;
  std::unique_ptr<IntegrationLog> log_;
};

constexpr const char* kBsdParts = R"(pri=131|version=0|time=Nov 20 00:00:00|host=machine|app=pets|pid=42|msgid=-|)";
constexpr const char* kNewParts =
    R"(pri=187|version=1|time=Nov 20 00:00:00|host=me.example|app=caller|pid=7|msgid=call.failed|)";
constexpr const char* kNewSettings =
    R"("type": "5424", "facility": "local7", "localhost": "me.example", "app_name": "caller", "pid": 7)";

TEST_F(Rsyslog, ReadsBsdLinesOverUdp) {
  log_call(fmt::format(R"({{"host": "127.0.0.1", "port": {}}})", udp_), "r1", "no answer");
  EXPECT_THAT(line_with("no answer"),
              AllOf(StartsWith(kBsdParts),
                    EndsWith("[plumbline@32473 integration=\"default/pets\" requestId=\"r1\"] listPets for robot: no "
                             "answer in 0 ms, 0 attempts")));
}

TEST_F(Rsyslog, ReadsStructuredDataOfEveryTransport) {
  const std::pair<std::string, std::string> table[] = {
      {"udp", fmt::format(R"("port": {}, "protocol": "udp4")", udp_)},
      {"tcp lines", fmt::format(R"("port": {}, "protocol": "tcp4")", tcp_)},
      {"tcp counted", fmt::format(R"("port": {}, "protocol": "tcp4", "eol": "")", tcp_)},
      {"tls lines", fmt::format(R"("port": {}, "protocol": "tls4")", tls_)},
      {"tls counted", fmt::format(R"("port": {}, "protocol": "tls4", "eol": "")", tls_)},
  };
  for (const auto& [name, to] : table) {
    log_call(fmt::format(R"({{"host": "127.0.0.1", {}, {}}})", to, kNewSettings), name + R"( "]\ r1)",
             name + " failed");
    const std::string line = line_with(name + " failed");
    ASSERT_THAT(line, StartsWith(kNewParts)) << name;
    const auto from = line.find("|data=") + 6;
    const Value data = boost::json::parse(line.substr(from, line.find("|msg=") - from));
    EXPECT_EQ(text_at(data, "/rfc5424-sd/plumbline@32473/requestId"), name + R"( "]\ r1)");
    EXPECT_EQ(text_at(data, "/rfc5424-sd/plumbline@32473/integration"), "default/pets");
    EXPECT_THAT(line, EndsWith("|msg=listPets for robot: " + name + " failed in 0 ms, 0 attempts"));
  }
}

TEST_F(Rsyslog, TakesALineWithLineBreaksForOneAndKeepsUtf8) {
  log_call(fmt::format(R"({{"host": "127.0.0.1", "port": {}, "protocol": "tcp4", {}}})", tcp_, kNewSettings), "r1",
           "grün\n<0>forged");
  EXPECT_THAT(line_with("forged"), AllOf(StartsWith(kNewParts), HasSubstr("grün\\x0a<0>forged in 0 ms")));
  log_call(fmt::format(R"({{"host": "127.0.0.1", "port": {}, "protocol": "tcp4", {}}})", tcp_, kNewSettings), "r2",
           "after");
  EXPECT_THAT(line_with("after"), StartsWith(kNewParts));
}

}  // namespace
}  // namespace plumb::runtime
