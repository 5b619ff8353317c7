// What the adapter makes of answers that no healthy domain controller gives: always an error, never a part of what
// there is. An engine that took a part for the whole would remove the rest.
#include <filesystem>

#include <gtest/gtest.h>

#include "controller/adapters/ldap/ldap_directory.h"
#include "tests/contract/directory_samba_world.h"
#include "tests/support/ldap_stub.h"

namespace plumb::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Broken {
  const char* name;
  LdapStub::Fault fault;
};
void PrintTo(const Broken& broken, std::ostream* out) { *out << broken.name; }

const Broken kBroken[] = {
    {"Referral", {.code = 10, .referral = true}},
    {"ReferralToNowhere", {.code = 10}},
    {"OperationsError", {.code = 1}},
    {"TimeLimitExceeded", {.code = 3}},
    {"SizeLimitExceeded", {.code = 4}},
    {"PartialResults", {.code = 9}},
    {"AdminLimitExceeded", {.code = 11}},
    {"NoSuchObject", {.code = 32}},
    {"InsufficientAccessRights", {.code = 50}},
    {"Busy", {.code = 51}},
    {"Unavailable", {.code = 52}},
    {"UnwillingToPerform", {.code = 53}},
    {"Other", {.code = 80}},
    {"SuccessWithASearchReference", {.reference = true}},
    {"ConnectionCutInThePage", {.cut = true}},
    {"ConnectionCutInAnEntry", {.half = true}},
    {"AnswerWithoutThePagingControl", {.unpaged = true}},
    {"EndOfAnotherRequest", {.wrong_id = true}},
    {"Garbage", {.garbage = true}},
};

class LdapAnswers : public ::testing::TestWithParam<Broken> {
 protected:
  LdapAnswers() : stub_(make_folder()) {
    secrets_.table["pw"] = "secret";
    options_.servers = {stub_.url()};
    options_.ca_file = stub_.ca_file();
    options_.username = "stub@ad.test";
    options_.password_from = "pw";
    options_.base_dn = "DC=ad,DC=test";
    // Of these, one leaves an operation without an answer.
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    const bool waits = test->value_param() != nullptr && GetParam().fault.wrong_id;
    options_.operation_timeout = waits ? milliseconds(300) : milliseconds(10'000);
    directory_ = ldap::make_directory(options_, secrets_, clock_);
  }
  ~LdapAnswers() override {
    directory_.reset();
    std::filesystem::remove_all(folder_);
  }

  const std::string& make_folder() {
    char name[] = "/tmp/plumbline-stub.XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("no folder");
    return folder_ = name;
  }
  Deadline soon() const { return Deadline::in(clock_, seconds(10)); }
  Result<Complete<std::vector<Entry>>> read_all() { return directory_->read_all(scope_, soon()); }
  Result<std::vector<Entry>> find_both() { return directory_->find("objectGUID", kBoth, {}, soon()); }
  std::string cursor() {
    const auto cursor = directory_->cursor(soon());
    EXPECT_TRUE(cursor) << cursor.error().message;
    return cursor.value_or("");
  }

  const std::vector<std::string> kBoth{"31313131-3131-3131-3131-313131313131", "32323232-3232-3232-3232-323232323232"};
  std::string folder_;
  LdapStub stub_;
  RealClock clock_;
  TableOfSecrets secrets_;
  ldap::Options options_;
  ReadScope scope_{{"OU=People,DC=ad,DC=test"}, {}, {"title"}};
  std::unique_ptr<Directory> directory_;
};

// Else the tests below would find every answer broken.
TEST_F(LdapAnswers, OfAHealthyServerAreReadInFull) {
  const auto read = read_all();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ((*read)->size(), 4U);
  const std::string from = cursor();
  stub_.usn += 100;
  const auto changes = directory_->changes_since(from, scope_, soon());
  ASSERT_TRUE(changes) << changes.error().message;
  EXPECT_EQ(changes->changed.size(), 3U);
  EXPECT_NE(changes->cursor, from);
}

TEST_P(LdapAnswers, AreNeverTakenForAllOfARead) {
  for (const int page : {1, 2}) {
    stub_.fail_page(page, GetParam().fault);
    const auto read = read_all();
    EXPECT_FALSE(read) << "page " << page << ": " << (*read)->size() << " entries";
  }
  stub_.heal();
  EXPECT_TRUE(read_all());
}

TEST_P(LdapAnswers, AreNeverTakenForAllPages) {
  for (const int page : {1, 2}) {
    stub_.fail_page(page, GetParam().fault);
    const auto pages = directory_->read_pages(scope_, 2);
    auto given = pages->next(soon());
    while (given && given->has_value()) given = pages->next(soon());
    EXPECT_FALSE(given) << "page " << page;
  }
  stub_.heal();
  const auto pages = directory_->read_pages(scope_, 2);
  std::size_t entries = 0;
  auto given = pages->next(soon());
  for (; given && given->has_value(); given = pages->next(soon())) entries += (*given)->size();
  EXPECT_TRUE(given);
  EXPECT_EQ(entries, 4U);
}

TEST_P(LdapAnswers, AreNeverTakenForAllThatChanged) {
  const std::string from = cursor();
  stub_.usn += 100;
  for (const int page : {1, 2}) {
    stub_.fail_page(page, GetParam().fault);
    const auto changes = directory_->changes_since(from, scope_, soon());
    EXPECT_FALSE(changes) << "page " << page << ": " << changes->changed.size() << " entries";
  }
  stub_.heal();
  const auto changes = directory_->changes_since(from, scope_, soon());
  ASSERT_TRUE(changes) << changes.error().message;
  EXPECT_EQ(changes->changed.size(), 3U);
}

TEST_P(LdapAnswers, AreNoCursorToGoOnFrom) {
  for (const int page : {1, 2}) {
    stub_.fail_page(page, GetParam().fault);
    EXPECT_FALSE(directory_->cursor(soon())) << "page " << page;
  }
}

// What is missing in the answer is gone, for whoever asks for ids.
TEST_P(LdapAnswers, AreNeverTakenForAllThatIsThereOfSomeIds) {
  stub_.fail_page(1, GetParam().fault);
  EXPECT_EQ(find_both().has_value(), GetParam().fault.unpaged) << "no pages are asked for";
  stub_.heal();
  const auto found = find_both();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Broken, LdapAnswers, ::testing::ValuesIn(kBroken),
                         [](const auto& each) { return std::string(each.param.name); });

using LdapPages = LdapAnswers;

TEST_F(LdapPages, ThatComeTwiceAreNeitherAWholeReadNorAllThatChanged) {
  const std::string from = cursor();
  stub_.usn += 100;
  stub_.fail_page(2, {.repeated = true});
  EXPECT_FALSE(read_all());
  const auto changes = directory_->changes_since(from, scope_, soon());
  ASSERT_FALSE(changes) << changes->changed.size() << " entries";
  EXPECT_NE(changes.error().message.find("came twice"), std::string::npos) << changes.error().message;
  EXPECT_FALSE(directory_->find("sAMAccountName", std::vector<std::string>{"u1", "u2"}, scope_.attributes, soon()));
}

TEST_F(LdapPages, AreAskedForWhereAnAnswerWithoutThemIsTooLarge) {
  stub_.small_pages = true;
  const auto found = find_both();
  ASSERT_TRUE(found) << found.error().message;
  for (const std::string& id : kBoth)
    EXPECT_TRUE(std::ranges::any_of(*found, [&](const Entry& entry) { return entry.id == id; })) << id;
  stub_.fail_page(2, {.code = 4});
  EXPECT_FALSE(find_both());
}

TEST_F(LdapPages, OfDirSyncMayHoldPointersToOtherPartitions) {
  options_.follow = ldap::Options::Follow::dirsync;
  directory_ = ldap::make_directory(options_, secrets_, clock_);
  const std::string from = cursor();
  stub_.usn += 100;
  const auto changes = directory_->changes_since(from, scope_, soon());
  ASSERT_TRUE(changes) << changes.error().message;
  EXPECT_TRUE(changes->changed.empty());
}

class LdapWrites : public LdapAnswers {
 protected:
  std::string tried() {
    const DirectoryWrite write{
        DirectoryWrite::Kind::modify, "31313131-3131-3131-3131-313131313131", "CN=u1", {change_}, "", ""};
    const auto answer = directory_->write(std::span(&write, 1), soon()).front();
    return answer ? "" : answer.error().fault == Fault::unavailable ? "unavailable" : answer.error().message;
  }
  // The next connection is to another one.
  void fail_over() {
    stub_.server = 'j';
    stub_.fail_page(1, {.cut = true});
    EXPECT_FALSE(read_all());
    stub_.heal();
  }
  const Modification change_{Modification::Op::replace, "title", {"x"}, {}};
};

TEST_F(LdapWrites, GoOnlyToTheServerWhoseChangesAreFollowed) {
  EXPECT_EQ(tried(), "") << "none is followed yet";
  const std::string from = cursor();
  EXPECT_EQ(tried(), "");
  EXPECT_EQ(stub_.written, 2);
  fail_over();

  EXPECT_EQ(tried(), "unavailable");
  EXPECT_FALSE(directory_->changes_since(from, scope_, soon()));
  EXPECT_EQ(tried(), "unavailable");
  EXPECT_EQ(stub_.written, 2);

  EXPECT_NE(cursor(), "");
  EXPECT_EQ(tried(), "");
  EXPECT_EQ(stub_.written, 3);
}

}  // namespace
}  // namespace plumb::test
