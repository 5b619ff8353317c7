#include "controller/engine/audit_log.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"

namespace plumb::engine {
namespace {

using Stage = AuditRecord::Stage;
using test::FakeStateStore;

class AuditLogTest : public testing::Test {
 protected:
  test::FakeClock clock_;
  FakeStateStore store_;

  AuditLog open() {
    auto log = AuditLog::open(store_, clock_, "root@test");
    EXPECT_TRUE(log) << log.error().message;
    return std::move(*log);
  }
  static AuditRecord record(Stage stage, std::string operation, std::string message = "") {
    AuditRecord made;
    made.stage = stage;
    made.operation = std::move(operation);
    made.target = "Directory/default/corp";
    made.key = {"ADUser", "default", "jdoe"};
    made.message = std::move(message);
    return made;
  }
  void write_three(AuditLog& log) {
    ASSERT_TRUE(log.append({record(Stage::intent, "a"), record(Stage::intent, "b")}));
    ASSERT_TRUE(log.append({record(Stage::done, "a")}));
  }
  AuditLog::Verification verify() {
    auto verified = AuditLog::verify(store_);
    EXPECT_TRUE(verified) << verified.error().message;
    return *verified;
  }
  std::string& text_of(int sequence) { return store_.items().at(fmt::format("audit/{:020}", sequence)).value; }
};

TEST_F(AuditLogTest, RecordsAreNumberedChainedAndCarryTimeAndActor) {
  AuditLog log = open();
  write_three(log);

  const auto records = log.last(10);

  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 3U);
  EXPECT_EQ((*records)[0].sequence, 1U);
  EXPECT_EQ((*records)[2].previous, (*records)[1].digest);
  EXPECT_EQ((*records)[2].at, clock_.now());
  EXPECT_EQ((*records)[2].actor, "root@test");
  EXPECT_EQ(verify().problem, "");
  EXPECT_EQ(verify().records, 3U);
  EXPECT_EQ(verify().head, (*records)[2].digest);
}

TEST_F(AuditLogTest, AnIntentIsOpenUntilItIsClosedAlsoAfterARestart) {
  AuditLog log = open();
  write_three(log);
  ASSERT_TRUE(log.append({record(Stage::unknown, "b")}));

  const AuditLog again = open();
  const auto intents = again.open_intents();

  ASSERT_TRUE(intents);
  ASSERT_EQ(intents->size(), 1U);
  EXPECT_EQ(intents->front().operation, "b");
  EXPECT_EQ(again.next_sequence(), 5U);
}

TEST_F(AuditLogTest, SinceGivesWhatIsNewerOldestFirst) {
  AuditLog log = open();
  for (int i = 0; i < 2500; ++i) {
    ASSERT_TRUE(log.append({record(Stage::note, "", std::to_string(i))}));
    clock_.advance(std::chrono::seconds(1));
  }

  const auto recent = log.since(clock_.now() - std::chrono::seconds(1200));

  ASSERT_TRUE(recent);
  ASSERT_EQ(recent->size(), 1200U);
  EXPECT_EQ(recent->front().message, "1300");
  EXPECT_EQ(recent->back().message, "2499");
  EXPECT_EQ(log.last(2)->front().message, "2498");
  EXPECT_EQ(log.since({})->size(), 2500U);
  std::vector<std::string> back;
  ASSERT_TRUE(log.newest_first([&](const AuditRecord& record) {
    back.push_back(record.message);
    return back.size() < 1500;
  }));
  EXPECT_EQ(back.front(), "2499");
  EXPECT_EQ(back.back(), "1000");
  EXPECT_EQ(back.size(), 1500U);
}

TEST_F(AuditLogTest, AfterGoesOnWhereTheReaderWasWhoeverAppended) {
  AuditLog ours = open();
  AuditLog theirs = open();
  write_three(ours);
  ASSERT_EQ(ours.after(0)->size(), 3U);
  ASSERT_EQ(ours.after(2)->front().stage, Stage::done);
  EXPECT_TRUE(ours.after(3)->empty());
  ASSERT_TRUE(theirs.refresh());
  ASSERT_TRUE(theirs.append({record(Stage::approval, "", "theirs")}));
  EXPECT_TRUE(ours.after(3)->empty());

  ASSERT_TRUE(ours.refresh());
  ASSERT_TRUE(ours.append({record(Stage::note, "", "ours")}));

  const auto read = ours.after(3);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].message, "theirs");
  EXPECT_EQ((*read)[1].message, "ours");
  EXPECT_FALSE(ours.after(6));
}

TEST_F(AuditLogTest, AfterIsTheSameFromMemoryAndFromTheStore) {
  AuditLog log = open();
  AuditRecord change = record(Stage::intent, "a");
  change.fields = {{.name = "unicodePwd", .added = {"env:X"}, .sensitive = true}, {.name = "mail", .added = {"a@b"}}};
  change.actions = {Action::update};
  ASSERT_TRUE(log.append({change}));
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(log.append({record(Stage::note, "", std::to_string(i))}));
  AuditLog again = open();

  for (const std::uint64_t from : {0U, 1U, 900U, 999U, 1000U, 3500U, 4990U, 5000U}) {
    const auto kept = log.after(from), read = again.after(from);
    ASSERT_TRUE(kept && read);
    ASSERT_EQ(kept->size(), 5001 - from);
    ASSERT_EQ(read->size(), kept->size());
    EXPECT_EQ(read->front().digest, kept->front().digest);
    EXPECT_EQ(read->front().fields, kept->front().fields);
    EXPECT_EQ(read->back().digest, kept->back().digest);
  }
}

TEST_F(AuditLogTest, WhatWasAppendedLatelyIsNotReadFromTheStore) {
  AuditLog log = open();
  write_three(log);
  text_of(2) = "damaged";
  EXPECT_EQ(log.after(1)->size(), 2U);
  EXPECT_FALSE(open().after(1));
}

TEST_F(AuditLogTest, TwoWritersTakeTurns) {
  AuditLog ours = open();
  AuditLog theirs = open();
  ASSERT_TRUE(theirs.append({record(Stage::approval, "")}));

  ASSERT_TRUE(ours.append({record(Stage::note, "")}));

  EXPECT_EQ(verify().problem, "");
  EXPECT_EQ(verify().records, 2U);
}

TEST_F(AuditLogTest, AFailedCommitLeavesNoTraceAndDoesNotBreakTheChain) {
  AuditLog log = open();
  store_.fault = [](std::size_t number, auto) {
    return number == 1 ? FakeStateStore::Fate::refused : FakeStateStore::Fate::durable;
  };

  EXPECT_FALSE(log.append({record(Stage::note, "", "lost")}));
  EXPECT_TRUE(log.append({record(Stage::note, "", "kept")}));

  EXPECT_EQ(verify().records, 1U);
  EXPECT_EQ(log.last(1)->front().message, "kept");
}

TEST_F(AuditLogTest, ACommitWhoseAnswerWasLostIsContinuedFrom) {
  AuditLog log = open();
  store_.fault = [](std::size_t number, auto) {
    return number == 1 ? FakeStateStore::Fate::lost_answer : FakeStateStore::Fate::durable;
  };

  EXPECT_FALSE(log.append({record(Stage::note, "", "first")}));
  EXPECT_TRUE(log.append({record(Stage::note, "", "second")}));

  EXPECT_EQ(verify().problem, "");
  EXPECT_EQ(verify().records, 2U);
}

TEST_F(AuditLogTest, SensitiveValuesAreNeverPartOfARecord) {
  AuditLog log = open();
  AuditRecord change = record(Stage::intent, "a");
  change.fields.push_back({.name = "unicodePwd", .added = {"env:CANARY-4711"}, .sensitive = true});

  ASSERT_TRUE(log.append({change}));

  EXPECT_EQ(text_of(1).find("CANARY"), std::string::npos) << text_of(1);
  EXPECT_NE(text_of(1).find("unicodePwd"), std::string::npos);
}

TEST_F(AuditLogTest, AChangeOfAnyByteOfAnyRecordIsFound) {
  AuditLog log = open();
  write_three(log);
  int tried = 0;
  for (int sequence = 1; sequence <= 3; ++sequence) {
    for (std::size_t at = 0; at < text_of(sequence).size(); ++at) {
      text_of(sequence)[at] ^= 1;
      const auto found = verify();
      EXPECT_NE(found.problem.find(fmt::format("record {} ", sequence)), std::string::npos)
          << sequence << " byte " << at << ": " << found.problem;
      EXPECT_EQ(found.records, static_cast<std::uint64_t>(sequence - 1));
      text_of(sequence)[at] ^= 1;
      ++tried;
    }
  }
  EXPECT_GT(tried, 600);
  EXPECT_EQ(verify().problem, "");
}

TEST_F(AuditLogTest, AMissingRecordIsFound) {
  AuditLog log = open();
  write_three(log);
  store_.items().erase(fmt::format("audit/{:020}", 2));

  EXPECT_EQ(verify().problem, "record 2 is missing; 1 before it hold");
}

TEST_F(AuditLogTest, ExchangedRecordsAreFound) {
  AuditLog log = open();
  write_three(log);
  std::swap(text_of(1), text_of(2));

  EXPECT_EQ(verify().problem, "record 1 is record 2, put in its place; 0 before it hold");
}

TEST_F(AuditLogTest, ALogThatWasCutOffIsFoundByItsHead) {
  AuditLog log = open();
  write_three(log);
  store_.items().erase(fmt::format("audit/{:020}", 3));

  EXPECT_NE(verify().problem.find("record 3 is missing: the log was cut off"), std::string::npos) << verify().problem;
}

TEST_F(AuditLogTest, ARecordThatWasRewrittenWithAFreshDigestBreaksTheNextOne) {
  AuditLog log = open();
  write_three(log);
  FakeStateStore forged;
  auto forger = AuditLog::open(forged, clock_, "root@test");
  ASSERT_TRUE(forger->append({record(Stage::intent, "a", "forged")}));
  text_of(1) = forged.items().at(fmt::format("audit/{:020}", 1)).value;

  EXPECT_EQ(verify().problem, "record 2 does not continue the one before it; 1 before it hold");
}

TEST_F(AuditLogTest, AnOperationThatWasTakenOffTheOpenListIsFound) {
  AuditLog log = open();
  write_three(log);
  store_.items().erase("audit-open/b");

  EXPECT_EQ(verify().problem, "the list of open operations is not what the records say");
}

}  // namespace
}  // namespace plumb::engine
