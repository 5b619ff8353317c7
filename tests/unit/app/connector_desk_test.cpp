// The parts that the HTTP API's work with connectors is made of.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/app/connector_answers.h"
#include "controller/app/log_requests.h"
#include "controller/app/metrics.h"
#include "controller/app/zip_file.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"

namespace plumb::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Answers what the test makes it answer.
class PlayedAsker final : public link::Asker {
 public:
  std::uint64_t ask(link::Ask, std::shared_ptr<link::Sink> sink) override {
    sink_ = std::move(sink);
    return 7;
  }
  void credit(std::uint64_t id, std::uint32_t bytes) override {
    EXPECT_EQ(id, 7U);
    credited_ += bytes;
  }
  void cancel(std::uint64_t id) override {
    EXPECT_EQ(id, 7U);
    ++cancelled_;
  }
  std::shared_ptr<link::Sink> sink_;
  std::uint64_t credited_ = 0;
  int cancelled_ = 0;
};

TEST(ConnectorAnswers, AllPiecesAndTheEndAreOne) {
  PlayedAsker asker;
  Result<std::string> all = fail(Fault::internal, "nothing came");
  collect(asker, {}, 100, [&](Result<std::string> answer) { all = std::move(answer); });
  asker.sink_->part("one ");
  asker.sink_->part("two ");
  EXPECT_EQ(asker.credited_, 8U);
  asker.sink_->done(std::string("end"), true);
  ASSERT_TRUE(all);
  EXPECT_EQ(*all, "one two end");
}

TEST(ConnectorAnswers, OneThatIsTooLongIsCancelledAndItsLaterEndDoesNotCount) {
  PlayedAsker asker;
  int calls = 0;
  Result<std::string> all = std::string();
  collect(asker, {}, 5, [&](Result<std::string> answer) {
    all = std::move(answer);
    ++calls;
  });
  asker.sink_->part("123456");
  asker.sink_->part("7");
  asker.sink_->done(std::string(), true);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(asker.cancelled_, 1);
  EXPECT_EQ(all.error().fault, Fault::invalid);
}

class FollowedLines : public testing::Test {
 protected:
  void follow(const std::string& level) { source_ = lines_of(asker_, {}, level); }
  void next() {
    source_([this](Result<std::string> piece) { pieces_.push_back(std::move(piece)); });
  }
  PlayedAsker asker_;
  net::BodySource source_;
  std::vector<Result<std::string>> pieces_;
};

TEST_F(FollowedLines, ComeWholeAndNoFasterThanTheyAreTaken) {
  follow("");
  asker_.sink_->part("2026 info    a one\n2026 in");
  EXPECT_EQ(asker_.credited_, 0U);  // nobody reads yet
  next();
  ASSERT_EQ(pieces_.size(), 1U);
  EXPECT_EQ(*pieces_[0], "2026 info    a one\n");
  EXPECT_EQ(asker_.credited_, 26U);
  next();
  EXPECT_EQ(pieces_.size(), 1U);
  asker_.sink_->part("fo    b \x1b[2Jtwo\n");
  ASSERT_EQ(pieces_.size(), 2U);
  EXPECT_EQ(pieces_[1]->substr(0, 12), "2026 info   ");
  EXPECT_THAT(*pieces_[1], Not(HasSubstr("\x1b")));
  next();
  asker_.sink_->done(std::string(), true);
  ASSERT_EQ(pieces_.size(), 3U);
  EXPECT_EQ(*pieces_[2], "");
  source_ = nullptr;
  EXPECT_EQ(asker_.cancelled_, 0);
}

// What is left out is paid back at once, or an agent with many lines of a lower level would wait for ever.
TEST_F(FollowedLines, LinesOfALowerLevelAreLeftOutAndPaidBack) {
  follow("warning");
  next();
  asker_.sink_->part("2026 info    a one\n2026 debug   a two\n");
  EXPECT_TRUE(pieces_.empty());
  EXPECT_EQ(asker_.credited_, 38U);
  asker_.sink_->part("2026 warning a three\n2026 error   a four\n  of two lines\n");
  ASSERT_EQ(pieces_.size(), 1U);
  EXPECT_THAT(*pieces_[0], testing::StartsWith("2026 warning a three\n2026 error   a four\n"));
}

TEST_F(FollowedLines, AreCancelledWhenNobodyReadsThemAnyMore) {
  follow("");
  source_ = nullptr;
  EXPECT_EQ(asker_.cancelled_, 1);
}

TEST_F(FollowedLines, AnErrorIsTheEndAfterWhatCame) {
  follow("");
  asker_.sink_->part("2026 info    a one\n");
  asker_.sink_->done(fail(Fault::unavailable, "the link broke"), false);
  next();
  next();
  ASSERT_EQ(pieces_.size(), 2U);
  EXPECT_TRUE(pieces_[0]);
  EXPECT_FALSE(pieces_[1]);
}

TEST(ConnectorLevels, AreReadOfTextAndOfJson) {
  EXPECT_TRUE(is_at_least("2026-11-28T05:00:00Z error   x.y text\n", "warning"));
  EXPECT_FALSE(is_at_least("2026-11-28T05:00:00Z info    x.y error\n", "warning"));
  EXPECT_FALSE(is_at_least(R"({"time":"x","level":"info","event":"y"})", "error"));
  EXPECT_TRUE(is_at_least(R"({"time":"x","level":"error","event":"y"})", "error"));
  for (const char* odd : {"", "x", "{}", "no level here", "\n"}) EXPECT_TRUE(is_at_least(odd, "error")) << odd;
}

class LogRequestStore : public testing::Test {
 protected:
  ~LogRequestStore() override { std::filesystem::remove_all(folder_); }
  const ResourceKey key_{"Connector", "default", "edge"};
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("plumbline-log-requests-" + std::to_string(::getpid()));
  test::FakeClock clock_;
  test::FakeStateStore store_;
  LogRequests requests_{store_, folder_, clock_};
};

TEST_F(LogRequestStore, ArchivesAreTheirOwnersAloneAndGoWithTheirRequest) {
  const auto request = requests_.create(key_, "root@host");
  ASSERT_TRUE(request);
  EXPECT_EQ(requests_.archive_of(request->id).error().fault, Fault::conflict);
  ASSERT_TRUE(requests_.finish(*request, std::string("bytes")));
  EXPECT_EQ(requests_.archive_of(request->id), "bytes");
  const auto mode = std::filesystem::status(folder_ / (request->id + ".zip")).permissions();
  EXPECT_EQ(mode & std::filesystem::perms(0077), std::filesystem::perms::none);
  ASSERT_TRUE(requests_.remove(request->id));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  EXPECT_EQ(requests_.find("../../etc/passwd").error().fault, Fault::not_found);
}

TEST_F(LogRequestStore, WhatNobodyAnsweredFailsAndWhatIsOldGoes) {
  const auto pending = requests_.create(key_, "a"), ready = requests_.create(key_, "b");
  ASSERT_TRUE(requests_.finish(*ready, std::string("bytes")));
  std::ofstream(folder_ / "left.zip.part") << "of a controller that was killed";
  clock_.advance(kLogRequestLifetime - std::chrono::seconds(1));
  ASSERT_TRUE(requests_.tidy());
  EXPECT_EQ(requests_.find(pending->id)->phase, LogRequest::Phase::pending);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "left.zip.part"));
  clock_.advance(std::chrono::seconds(2));
  ASSERT_TRUE(requests_.tidy());
  EXPECT_EQ(requests_.find(pending->id)->phase, LogRequest::Phase::failed);
  EXPECT_FALSE(requests_.find(ready->id));
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(LogRequestStore, ThereAreNoMoreThanAPersonLooksAt) {
  for (std::size_t i = 0; i < kMostLogRequests; ++i) ASSERT_TRUE(requests_.create(key_, "a"));
  EXPECT_EQ(requests_.create(key_, "a").error().fault, Fault::unavailable);
  EXPECT_EQ(*remove_log_requests(store_, key_), kMostLogRequests);
  EXPECT_TRUE(requests_.create(key_, "a"));
}

TEST_F(LogRequestStore, AnArchiveThatWasCutShortIsNotHandedOut) {
  const auto request = requests_.create(key_, "a");
  ASSERT_TRUE(requests_.finish(*request, std::string("all of it")));
  std::ofstream(folder_ / (request->id + ".zip"), std::ios::trunc) << "all";
  EXPECT_EQ(requests_.archive_of(request->id).error().fault, Fault::conflict);
}

TEST(ZipFiles, AreReadByOthers) {
  const auto zip = zip_bytes({{"a.txt", "first"}, {"b.txt", std::string(100'000, 'x')}});
  ASSERT_TRUE(zip) << zip.error().message;
  EXPECT_EQ(zip->substr(0, 2), "PK");
  EXPECT_LT(zip->size(), 2000U);
  EXPECT_THAT(*zip, HasSubstr("a.txt"));
}

// Names and labels are what dashboards are built on: a change here breaks them.
TEST(Metrics, AreWhatPrometheusReads) {
  runtime::RegistryView applied;
  const auto add = [&](const std::string& name, Object spec) {
    const ResourceKey key{"Connector", "default", name};
    applied.objects[key] =
        std::make_shared<const runtime::Registered>(runtime::Registered{key, std::move(spec), "", "", {}});
    return key;
  };
  add("away", {{"archived", true}});
  const ResourceKey edge = add("edge", {{"group", "site"}});
  link::ConnectorState state{.phase = link::ConnectorState::Phase::online,
                             .last_seen = SystemTime(std::chrono::seconds(1'700'000'000)),
                             .facts = {"h", "Debian \"12\"\\\n", "x86_64", "0.1.0", {}},
                             .health = {.cpu_milliseconds = 1500, .memory_bytes = 4096, .served = 9, .failed = 2},
                             .working = 3,
                             .clock_skew = std::chrono::milliseconds(-250)};
  const std::string text =
      metrics_text({.applied = applied, .states = {{edge, state}}, .archived = {}, .live = true}, "0.1.0");
  for (const char* line :
       {"plumbline_build_info{version=\"0.1.0\"} 1", "# TYPE plumbline_connectors gauge",
        "plumbline_connectors{status=\"Online\"} 1", "plumbline_connectors{status=\"Archived\"} 1",
        "plumbline_connectors{status=\"Held\"} 0", "plumbline_connector_up{namespace=\"default\",name=\"edge\"} 1",
        "plumbline_connector_up{namespace=\"default\",name=\"away\"} 0",
        "plumbline_connector_last_seen_timestamp_seconds{namespace=\"default\",name=\"edge\"} 1700000000",
        "plumbline_connector_working{namespace=\"default\",name=\"edge\"} 3",
        "plumbline_connector_served_total{namespace=\"default\",name=\"edge\"} 9",
        "plumbline_connector_failed_total{namespace=\"default\",name=\"edge\"} 2",
        "plumbline_connector_refused_total{namespace=\"default\",name=\"edge\"} 0",
        "plumbline_connector_cpu_seconds_total{namespace=\"default\",name=\"edge\"} 1.5",
        "plumbline_connector_resident_memory_bytes{namespace=\"default\",name=\"edge\"} 4096",
        "plumbline_connector_clock_skew_seconds{namespace=\"default\",name=\"edge\"} -0.25"})
    EXPECT_THAT(text, HasSubstr(std::string(line) + "\n"));
  EXPECT_THAT(text, HasSubstr("group=\"site\",version=\"0.1.0\",os=\"Debian \\\"12\\\""));
  std::size_t lines = 0;
  for (const char c : text) lines += c == '\n' ? 1 : 0;
  EXPECT_EQ(lines, 2 * 14U + 3 + 2 + 6 + 9 * 2) << text;
}

}  // namespace
}  // namespace plumb::app
