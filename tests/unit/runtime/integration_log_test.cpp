#include "controller/runtime/integration_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "tests/support/fake_clock.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const ResourceKey kPets{"Integration", "default", "pets"};
const ResourceKey kCars{"Integration", "default", "cars"};

CallRecord::Attempt attempt(std::string outcome) {
  return {.request_line = "GET https://api.example/pets?api_key=***",
          .headers = {{"Authorization", "***"}, {"Accept", "a"}, {"Accept", "b"}},
          .outcome = std::move(outcome),
          .timing = {.resolve = 1us, .connect = 20us, .tls = 300us, .first_byte = 4000us, .total = 50000us}};
}

CallRecord good(ResourceKey key = kPets) {
  return {.integration = std::move(key),
          .operation = "listPets",
          .request_id = "r1",
          .actor = "default/robot",
          .routing = "direct",
          .attempts = {attempt("200 OK")},
          .ok = true,
          .reached = true,
          .status = 200,
          .took = 12345us};
}

CallRecord bad(int status) {
  CallRecord call = good();
  call.ok = false;
  call.status = status;
  call.attempts = {attempt("connect: connection refused"), attempt(std::to_string(status))};
  return call;
}

CallRecord without_answer(Fault fault) {
  CallRecord call = good();
  call.ok = call.reached = false;
  call.status = 0;
  call.fault = fault;
  call.error = "GET https://api.example/pets: no route";
  call.attempts = {attempt("connect: connection refused")};
  return call;
}

class Logging : public ::testing::Test {
 protected:
  void publish(const std::map<ResourceKey, std::string>& specs) {
    auto view = std::make_shared<RegistryView>();
    for (const auto& [key, spec] : specs) {
      auto& kept = objects_[key];
      const Value value = boost::json::parse(spec);
      if (!kept || kept->spec != value) kept = std::make_shared<Registered>(Registered{key, value, "", "", {}});
      view->objects[key] = kept;
    }
    log_.publish(view);
  }
  std::vector<std::string> levels() const {
    std::vector<std::string> all;
    for (const auto& line : lines_) all.push_back(*text_at(boost::json::parse(line), "/level"));
    return all;
  }
  Value line(std::size_t index) const { return boost::json::parse(lines_.at(index)); }

  test::FakeClock clock_;
  std::vector<std::string> lines_;
  std::map<ResourceKey, std::shared_ptr<Registered>> objects_;
  std::vector<SyslogConnection> opened_;
  int open_ = 0;
  std::vector<std::string> sent_;
  IntegrationLog log_{{.clock = clock_,
                       .sink =
                           [this](LogLevel level, std::string_view event, const std::string& json) {
                             EXPECT_EQ(text_at(boost::json::parse(json), "/level"), to_string(level));
                             EXPECT_EQ(text_at(boost::json::parse(json), "/event"), event);
                             lines_.push_back(json);
                           },
                       .open_syslog = [this](const SyslogConnection& to) -> IntegrationLog::SendLine {
                         opened_.push_back(to);
                         ++open_;
                         std::shared_ptr<void> held(nullptr, [this](void*) { --open_; });
                         return [this, held](std::string line) { sent_.push_back(std::move(line)); };
                       },
                       .host = "machine.corp.example",
                       .pid = 42}};
};

TEST_F(Logging, ACallThatWentWellIsOneInfoLineWithAllThatFindsItAgain) {
  publish({{kPets, "{}"}});
  log_.record(good());
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(line(0), boost::json::parse(R"({
      "timestamp": "2026-11-20T00:00:00.000Z", "level": "info", "origin": "integration-runtime", "event": "call.done",
      "message": "listPets for default/robot: answered 200 in 12 ms, 1 attempt", "integration": "default/pets",
      "requestId": "r1", "operation": "listPets", "actor": "default/robot", "method": "GET",
      "url": "https://api.example/pets?api_key=***", "status": 200, "tookUs": 12345, "routing": "direct",
      "attempts": 1})"));
  EXPECT_THAT(lines_[0], Not(HasSubstr("\n")));
}

TEST_F(Logging, AFailureIsAWarningWhereThereWasAnAnswerAndAnErrorWhereThereWasNone) {
  publish({{kPets, "{}"}});
  const std::pair<CallRecord, const char*> table[] = {
      {bad(404), "warn"},
      {bad(503), "warn"},
      {without_answer(Fault::invalid), "warn"},
      {without_answer(Fault::denied), "warn"},
      {without_answer(Fault::not_found), "warn"},
      {without_answer(Fault::conflict), "warn"},
      {without_answer(Fault::unavailable), "error"},
      {without_answer(Fault::timeout), "error"},
      {without_answer(Fault::internal), "error"},
  };
  std::size_t count = 0;
  for (const auto& [call, level] : table) {
    log_.record(call);
    ASSERT_THAT(lines_, SizeIs(++count));
    EXPECT_EQ(text_at(line(count - 1), "/level"), level);
    EXPECT_EQ(text_at(line(count - 1), "/event"), "call.failed");
  }
  EXPECT_EQ(text_at(line(8), "/error"), "GET https://api.example/pets: no route");
}

TEST_F(Logging, EachLevelLetsThroughItselfAndWhatIsGraver) {
  struct Row {
    const char* level;
    std::vector<std::string> seen;
  };
  // A call that could not be made, one with a bad answer, a good one.
  const Row table[] = {
      {"error", {"error"}},
      {"Warn", {"error", "warn"}},
      {"INFO", {"error", "warn", "info"}},
      {"debug", {"debug", "error", "debug", "debug", "warn", "debug", "info"}},
      {"trace", {"debug", "error", "debug", "debug", "warn", "debug", "info"}},
      {"SPAM", {"debug", "error", "debug", "debug", "warn", "debug", "info"}},
  };
  for (const auto& row : table) {
    lines_.clear();
    publish({{kPets, fmt::format(R"({{"logging": {{"level": "{}"}}}})", row.level)}});
    log_.record(without_answer(Fault::timeout));
    log_.record(bad(500));
    log_.record(good());
    EXPECT_EQ(levels(), row.seen) << row.level;
  }
}

TEST_F(Logging, IntegrationsHaveLevelsOfTheirOwnAndAChangeIsThereWithTheNextLine) {
  publish({{kPets, R"({"logging": {"level": "debug"}})"}, {kCars, R"({"logging": {"level": "error"}})"}});
  log_.record(good());
  log_.record(good(kCars));
  EXPECT_THAT(levels(), ElementsAre("debug", "info"));
  publish({{kPets, R"({"logging": {"level": "error"}})"}, {kCars, R"({"logging": {"level": "debug"}})"}});
  log_.record(good());
  log_.record(good(kCars));
  EXPECT_THAT(levels(), ElementsAre("debug", "info", "debug", "info"));
  EXPECT_EQ(text_at(line(3), "/integration"), "default/cars");
}

TEST_F(Logging, AnIntegrationThatIsNotThereIsLoggedLikeOneThatSaysNothing) {
  log_.record(without_answer(Fault::not_found));
  log_.record(good());
  EXPECT_THAT(levels(), ElementsAre("warn", "info"));
  EXPECT_FALSE(log_.detailed(kPets));
}

TEST_F(Logging, DebugTellsOfEachAttemptAllThatFindsTheCause) {
  publish({{kPets, R"({"logging": {"level": "debug"}})"}});
  CallRecord call = bad(503);
  call.routing = "cluster dmz, proxy squid:3128";
  log_.record(call);
  ASSERT_THAT(levels(), ElementsAre("debug", "debug", "warn"));
  EXPECT_EQ(line(1), boost::json::parse(R"({
      "timestamp": "2026-11-20T00:00:00.000Z", "level": "debug", "origin": "integration-runtime",
      "event": "call.attempt", "message": "attempt 2 of 2, cluster dmz, proxy squid:3128: GET https://api.example/pets?api_key=***: 503",
      "integration": "default/pets", "requestId": "r1", "attempt": 2,
      "requestLine": "GET https://api.example/pets?api_key=***", "method": "GET",
      "url": "https://api.example/pets?api_key=***", "headers": {"Authorization": "***", "Accept": "a, b"},
      "routing": "cluster dmz, proxy squid:3128", "outcome": "503",
      "timingUs": {"resolve": 1, "connect": 20, "tls": 300, "firstByte": 4000, "total": 50000}})"));
  EXPECT_EQ(int_at(line(0), "/attempt"), 1);
  EXPECT_EQ(text_at(line(0), "/outcome"), "connect: connection refused");
}

TEST_F(Logging, WhatIsNotUtf8OrHasLineBreaksIsStillOneLineOfJson) {
  publish({{kPets, R"({"logging": {"level": "debug"}})"}});
  CallRecord call = without_answer(Fault::timeout);
  call.request_id = "r\n\"1\xFF";
  call.error = "bad\r\n\xC3";
  call.attempts[0].headers.emplace_back("X-\xFF", "\xFF\n");
  log_.record(call);
  ASSERT_THAT(lines_, SizeIs(2));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_THAT(lines_[i], Not(HasSubstr("\n")));
    EXPECT_EQ(text_at(line(i), "/requestId"), "r\\x0a\"1\\xff");
  }
  EXPECT_EQ(text_at(line(0), "/headers/X-\\xff"), "\\xff\\x0a");
}

TEST_F(Logging, ALevelSetByHandLastsUntilItsTime) {
  publish({{kPets, R"({"logging": {"level": "error"}})"}, {kCars, R"({"logging": {"level": "error"}})"}});
  ASSERT_TRUE(log_.set_level(kPets, LogLevel::debug, clock_.now() + 10min));
  EXPECT_TRUE(log_.detailed(kPets));
  EXPECT_FALSE(log_.detailed(kCars));
  log_.record(good());
  log_.record(good(kCars));
  EXPECT_THAT(levels(), ElementsAre("debug", "info"));

  clock_.advance(10min - 1ms);
  publish({{kPets, R"({"logging": {"level": "warn"}})"}});
  EXPECT_EQ(log_.level(kPets), LogLevel::debug) << "a change of the manifest does not end it";
  clock_.advance(1ms);
  EXPECT_EQ(log_.level(kPets), LogLevel::warn);
  EXPECT_FALSE(log_.detailed(kPets));
}

TEST_F(Logging, ALevelSetByHandCanBeReplacedEndedAndIsGoneWithItsIntegration) {
  publish({{kPets, "{}"}});
  ASSERT_TRUE(log_.set_level(kPets, LogLevel::debug, clock_.now() + 1h));
  ASSERT_TRUE(log_.set_level(kPets, LogLevel::error, clock_.now() + 1h));
  EXPECT_EQ(log_.level(kPets), LogLevel::error);
  ASSERT_TRUE(log_.set_level(kPets, LogLevel::error, clock_.now()));
  EXPECT_EQ(log_.level(kPets), LogLevel::info);

  ASSERT_TRUE(log_.set_level(kPets, LogLevel::debug, clock_.now() + 1h));
  publish({});
  publish({{kPets, "{}"}});
  EXPECT_EQ(log_.level(kPets), LogLevel::info);
  const auto unknown = log_.set_level(kCars, LogLevel::debug, clock_.now() + 1h);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().fault, Fault::not_found);
}

TEST_F(Logging, SyslogHasALevelOfItsOwnThatIsWarningByDefault) {
  publish({{kPets, R"({"logging": {"level": "debug", "syslog": {"host": "log.example"}}})"}});
  log_.record(good());
  EXPECT_THAT(levels(), ElementsAre("debug", "info"));
  EXPECT_THAT(sent_, IsEmpty());
  log_.record(bad(404));
  EXPECT_THAT(sent_, ElementsAre("<132>Nov 20 00:00:00 machine pets[42]: [plumbline@32473 integration=\"default/pets\" "
                                 "requestId=\"r1\"] listPets for default/robot: answered 404 in 12 ms, 2 attempts"));

  sent_.clear();
  lines_.clear();
  publish({{kPets, R"({"logging": {"level": "error", "syslog": {"host": "log.example", "level": "Debug"}}})"}});
  log_.record(good());
  EXPECT_THAT(lines_, IsEmpty());
  EXPECT_THAT(sent_, ElementsAre(AllOf(StartsWith("<135>"),
                                       EndsWith("direct: GET https://api.example/pets?api_key=***: 200 OK")),
                                 StartsWith("<134>")));
}

TEST_F(Logging, ALevelSetByHandIsOfTheProcessLogAlone) {
  publish({{kPets, R"({"logging": {"syslog": {"host": "log.example"}}})"}});
  ASSERT_TRUE(log_.set_level(kPets, LogLevel::spam, clock_.now() + 1h));
  log_.record(good());
  EXPECT_THAT(lines_, SizeIs(2));
  EXPECT_THAT(sent_, IsEmpty());
}

TEST_F(Logging, SettingsOfSyslogAreWhatTheIntegrationSays) {
  const LogSettings all = log_settings(kPets, boost::json::parse(R"({"logging": {"level": "WARN", "syslog": {
      "host": "log.example", "port": 6514, "protocol": "tls4", "facility": "local7", "type": "5424", "path": "/x",
      "pid": 9, "localhost": "me", "app_name": "app", "eol": "\r\n", "level": "TRACE"}}})"));
  EXPECT_EQ(all.level, LogLevel::warn);
  ASSERT_TRUE(all.syslog);
  EXPECT_EQ(all.syslog->level, LogLevel::trace);
  EXPECT_TRUE(
      (all.syslog->connection == SyslogConnection{SyslogConnection::Protocol::tls4, "log.example", 6514, "", "\r\n"}));
  EXPECT_EQ(all.syslog->format.type, SyslogType::rfc5424);
  EXPECT_EQ(all.syslog->format.facility, 23);
  EXPECT_EQ(all.syslog->format.host, "me");
  EXPECT_EQ(all.syslog->format.app_name, "app");
  EXPECT_EQ(all.syslog->format.pid, 9);

  const LogSettings none = log_settings(kPets, boost::json::parse("{}"));
  EXPECT_EQ(none.level, LogLevel::info);
  EXPECT_FALSE(none.syslog);
  const LogSettings least = log_settings(kPets, boost::json::parse(R"({"logging": {"syslog": {}}})"));
  ASSERT_TRUE(least.syslog);
  EXPECT_TRUE(
      (least.syslog->connection == SyslogConnection{SyslogConnection::Protocol::udp4, "127.0.0.1", 514, "", ""}));
  EXPECT_EQ(least.syslog->format.facility, 16);
  EXPECT_EQ(least.syslog->format.app_name, "pets");
  EXPECT_EQ(least.syslog->level, LogLevel::warn);
}

TEST_F(Logging, EqualDestinationsShareOneSenderThatIsKeptWhileOneNamesIt) {
  const auto to = [](const char* more) {
    return fmt::format(R"({{"logging": {{"syslog": {{"host": "log.example", "protocol": "tcp4"{}}}}}}})", more);
  };
  publish({{kPets, to("")}, {kCars, to(R"(, "facility": "user", "type": "5424", "path": "/unused")")}});
  EXPECT_THAT(opened_, SizeIs(1));
  publish({{kPets, to(R"(, "level": "debug")")}, {kCars, to("")}});
  EXPECT_THAT(opened_, SizeIs(1)) << "a change of level does not connect anew";
  publish({{kCars, to("")}});
  EXPECT_EQ(open_, 1);

  publish({{kCars, to(R"(, "port": 601)")}, {kPets, to(R"(, "eol": "")")}});
  EXPECT_THAT(opened_, SizeIs(3));
  EXPECT_EQ(open_, 2);
  EXPECT_EQ(opened_[0].eol, "\n");
  EXPECT_EQ(opened_[1].eol, "");
  publish({});
  EXPECT_EQ(open_, 0);
}

}  // namespace
}  // namespace plumb::runtime
