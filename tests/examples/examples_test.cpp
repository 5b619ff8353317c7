// Every example validates, gives its golden plan, and does what its README says: by the real program, on a
// real domain.

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const fs::path kExamples = fs::path(PLUMB_SOURCE_DIR) / "examples";

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Examples : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEED_SAMBA();
    std::string why;
    bench_.emplace(*Samba::get(why));
  }

  void apply(const fs::path& tree) {
    bench_->empty_manifests();
    bench_->copy(tree);
    const Ran ran = bench_->plumbline({"apply", "--yes"});
    ASSERT_EQ(ran.status, 0) << ran.output;
  }

  // The step from before/ to after/: its plan is the golden one, and afterwards nothing is left to do.
  void step(const std::string& name) {
    bench_->empty_manifests();
    bench_->copy(kExamples / name / "after");
    golden(name);
    const Ran applied = bench_->plumbline({"apply", "--yes"});
    ASSERT_EQ(applied.status, 0) << applied.output;
    nothing_left();
  }

  void golden(const std::string& name) {
    const Ran plan = bench_->plumbline({"plan"});
    ASSERT_EQ(plan.status, 0) << plan.output;
    std::string text = plan.output;
    for (std::size_t at = 0; (at = text.find(bench_->folder(), at)) != std::string::npos;) {
      text.replace(at, bench_->folder().string().size(), "<folder>");
    }
    expect_golden(kExamples / name / "plan.golden.txt", text);
  }

  void nothing_left() {
    const Ran again = bench_->plumbline({"plan", "--detailed-exitcode"});
    EXPECT_EQ(again.status, 0) << again.output;
  }

  std::optional<Workbench> bench_;
};

TEST_F(Examples, Quickstart) {
  bench_->copy(kExamples / "quickstart/manifests");
  golden("quickstart");
  EXPECT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  nothing_left();
}

TEST_F(Examples, Joiner) {
  apply(kExamples / "joiner/before");
  step("joiner");
  EXPECT_EQ(bench_->value("nkhan", "userAccountControl"), "512");
  EXPECT_EQ(bench_->value("nkhan", "pwdLastSet"), "0");
  EXPECT_THAT(bench_->value("nkhan", "memberOf"), HasSubstr("CN=sales"));
}

TEST_F(Examples, NameChangeKeepsTheObject) {
  apply(kExamples / "name-change/before");
  const std::string id = bench_->value("jdoe", "objectGUID");
  step("name-change");
  EXPECT_FALSE(bench_->exists("jdoe"));
  EXPECT_EQ(bench_->value("jmeyer", "objectGUID"), id);
  EXPECT_EQ(bench_->value("jmeyer", "sn"), "Meyer");
  EXPECT_THAT(bench_->value("jmeyer", "distinguishedName"), HasSubstr("CN=Jane Meyer,OU=People"));
  EXPECT_THAT(bench_->value("jmeyer", "memberOf"), HasSubstr("CN=sales"));
}

TEST_F(Examples, MoveIntoAnOuOfTheSamePlan) {
  apply(kExamples / "move/before");
  const std::string id = bench_->value("jdoe", "objectGUID");
  step("move");
  EXPECT_EQ(bench_->value("jdoe", "objectGUID"), id);
  EXPECT_THAT(bench_->value("jdoe", "distinguishedName"), HasSubstr("OU=Berlin,OU=People"));
}

TEST_F(Examples, LeaverIsDisabledAndComesBackWithTheFile) {
  apply(kExamples / "leaver/before");
  bench_->ldif(
      "dn: CN=Guests,CN=Builtin,DC=ad,DC=test\nchangetype: modify\nadd: member\n"
      "member: CN=Jane Doe,OU=People,OU=Corp,DC=ad,DC=test\n");
  step("leaver");
  EXPECT_EQ(bench_->value("jdoe", "userAccountControl"), "514");
  // Memberships stay until the removal's own step, those that the file asked for and those that others gave.
  const std::string jane = bench_->search("(sAMAccountName=jdoe)", {"memberOf"});
  EXPECT_THAT(jane, HasSubstr("CN=Guests"));
  EXPECT_THAT(jane, HasSubstr("CN=sales"));

  apply(kExamples / "leaver/before");
  EXPECT_EQ(bench_->value("jdoe", "userAccountControl"), "512");
  EXPECT_THAT(bench_->search("(sAMAccountName=sales)", {"member"}), HasSubstr("CN=Jane Doe"));
}

TEST_F(Examples, LockedAccountIsUnlockedOnce) {
  apply(kExamples / "locked-account/before");
  bench_->ldif("dn: DC=ad,DC=test\nchangetype: modify\nreplace: lockoutThreshold\nlockoutThreshold: 3\n");
  for (int attempt = 0; attempt < 4; ++attempt) bench_->sign_in("jdoe@ad.test", "wrong");
  ASSERT_THAT(bench_->value("jdoe", "lockoutTime"), testing::AllOf(Not(""), Not("0")));

  step("locked-account");

  EXPECT_EQ(bench_->value("jdoe", "lockoutTime"), "0");
  bench_->ldif("dn: DC=ad,DC=test\nchangetype: modify\nreplace: lockoutThreshold\nlockoutThreshold: 0\n");
}

TEST_F(Examples, PasswordIsHandedOverInAFile) {
  const fs::path hand_over = bench_->folder() / "hand-over";
  ASSERT_TRUE(fs::create_directory(hand_over));
  fs::permissions(hand_over, fs::perms::owner_all);
  apply(kExamples / "password-hand-over/before");

  step("password-hand-over");

  const fs::path file = hand_over / "default.jdoe.2.password";
  struct stat about {};
  ASSERT_EQ(::stat(file.c_str(), &about), 0) << file;
  EXPECT_EQ(about.st_mode & 0777U, 0400U);
  std::string password;
  std::getline(std::ifstream(file), password);
  EXPECT_EQ(password.size(), 20u);
  // The right password, which has to be changed: "data 773".
  EXPECT_THAT(bench_->sign_in("jdoe@ad.test", password).output, HasSubstr("773"));
  EXPECT_THAT(bench_->sign_in("jdoe@ad.test", "another").output, HasSubstr("52e"));
}

TEST_F(Examples, ImportedOuIsAdoptedWithoutAWrite) {
  bench_->ldif(text_of(kExamples / "import-ou/existing.ldif"));
  bench_->copy(kExamples / "import-ou/manifests");
  const std::string before = bench_->search("(objectClass=*)", {"*", "uSNChanged"});

  const Ran imported = bench_->plumbline(
      {"import", "--from", "OU=Sales,OU=Corp,DC=ad,DC=test", "--to", (bench_->manifests() / "sales").string()});
  EXPECT_EQ(imported.status, 0) << imported.output;
  EXPECT_EQ(bench_->plumbline({"validate"}).status, 0) << bench_->plumbline({"validate"}).output;
  golden("import-ou");
  const Ran applied = bench_->plumbline({"apply", "--yes"});
  EXPECT_EQ(applied.status, 0) << applied.output;

  EXPECT_EQ(bench_->search("(objectClass=*)", {"*", "uSNChanged"}), before);
  nothing_left();
  EXPECT_THAT(bench_->plumbline({"describe", "aduser", "jdoe"}).output, HasSubstr("Origin:   adopted"));
}

TEST_F(Examples, AccessIsToldAndPrivilegedAccessIsHeld) {
  apply(kExamples / "access/before");
  bench_->ldif(text_of(kExamples / "access/existing.ldif"));
  bench_->empty_manifests();
  bench_->copy(kExamples / "access/after");
  golden("access");

  const Ran held = bench_->plumbline({"apply", "--yes"});
  EXPECT_EQ(held.status, 1) << held.output;
  EXPECT_EQ(bench_->value("mkeller", "memberOf"), "");
  EXPECT_THAT(bench_->value("legal", "memberOf"), HasSubstr("CN=offers"));

  std::smatch digest;
  const std::string plan = bench_->plumbline({"plan"}).output;
  ASSERT_TRUE(std::regex_search(plan, digest, std::regex("plumbline approve ([0-9a-f]{64})"))) << plan;
  const Ran approved = bench_->plumbline({"approve", digest[1], "--reason", "CHG-1042"});
  EXPECT_EQ(approved.status, 0) << approved.output;
  EXPECT_THAT(approved.output, Not(HasSubstr("nothing is held")));
  EXPECT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  EXPECT_THAT(bench_->value("mkeller", "memberOf"), HasSubstr("CN=helpdesk"));
  nothing_left();
  EXPECT_THAT(bench_->plumbline({"approve", digest[1], "--reason", "again"}).output,
              HasSubstr("nothing is held at present"));
}

TEST_F(Examples, LargeGroupIsChangedByItsDifference) {
  const char* given = std::getenv("PLUMBLINE_LARGE_GROUP");
  const std::string count = given == nullptr ? "10000" : given;
  const fs::path made = bench_->folder() / "made";
  const Ran generated = run_program({kExamples / "large-group/generate", count, made});
  ASSERT_EQ(generated.status, 0) << generated.output;
  apply(made);

  // One leaves the group, one joins it who was out.
  bench_->ldif(
      "dn: CN=everybody,OU=Groups,OU=Corp,DC=ad,DC=test\nchangetype: modify\ndelete: member\n"
      "member: CN=user-00007,OU=People,OU=Corp,DC=ad,DC=test\n-\nadd: member\nmember: "
      "CN=Guest,CN=Users,DC=ad,DC=test\n");
  const Ran plan = bench_->plumbline({"plan"});
  std::string text = plan.output;
  text = std::regex_replace(text, std::regex("[0-9,]+ unchanged"), "<count> unchanged");
  expect_golden(kExamples / "large-group/plan.golden.txt", text);

  EXPECT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  nothing_left();
}

TEST(ExampleFolders, EachSaysWhatToRunAndHasItsPlan) {
  std::size_t examples = 0;
  for (const auto& entry : fs::directory_iterator(kExamples)) {
    if (!entry.is_directory()) continue;
    if (entry.path().filename() == "ci") continue;  // jobs, no manifests: see tests/integration
    // These need no domain, or one behind a connector: see tests/integration.
    if (const auto name = entry.path().filename(); name == "integrations" || name == "platform" || name == "connector")
      continue;
    ++examples;
    EXPECT_TRUE(fs::exists(entry.path() / "README.md")) << entry.path();
    EXPECT_TRUE(fs::exists(entry.path() / "plan.golden.txt") || entry.path().filename() == "ten-ways-to-hurt")
        << entry.path();
  }
  EXPECT_GE(examples, 10u);
}

}  // namespace
}  // namespace plumb::test
