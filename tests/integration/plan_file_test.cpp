// A plan that was reviewed, on its way to the domain.

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/quickstart.h"

namespace plumb::test {
namespace {

using testing::HasSubstr;

class PlanFiles : public OnQuickstart {
 protected:
  void prepare() override { file_ = (bench_->folder() / "reviewed.plan").string(); }

  void make_plan(const std::vector<std::string>& also = {}) {
    std::vector<std::string> arguments = {"plan", "--out", file_};
    arguments.insert(arguments.end(), also.begin(), also.end());
    const Ran ran = bench_->plumbline(arguments);
    ASSERT_EQ(ran.status, 0) << ran.output;
  }

  std::string file_;
};

TEST_F(PlanFiles, IsAppliedOnceAndOnlyOnce) {
  make_plan();
  const Ran first = bench_->plumbline({"apply", file_});
  EXPECT_EQ(first.status, 0) << first.output;
  EXPECT_TRUE(bench_->exists("jdoe"));

  const Ran second = bench_->plumbline({"apply", file_});
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.output, HasSubstr("applied already"));
}

TEST_F(PlanFiles, EditedOneIsRefused) {
  make_plan();
  std::ifstream in(file_);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto at = text.find("Head of Sales");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 4, "King");
  std::ofstream(file_) << text;

  const Ran ran = bench_->plumbline({"apply", file_});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, HasSubstr("was changed"));
  EXPECT_FALSE(bench_->exists("jdoe"));
}

TEST_F(PlanFiles, ExpiredOneIsRefused) {
  make_plan({"--expires", "1ms"});
  const Ran ran = bench_->plumbline({"apply", file_});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, HasSubstr("expired"));
  EXPECT_FALSE(bench_->exists("jdoe"));
}

TEST_F(PlanFiles, ObjectThatMovedOnIsRefusedAlone) {
  ASSERT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  for (const char* name : {"jdoe", "tweber"}) {
    bench_->ldif("dn: CN=" + std::string(name[0] == 'j' ? "Jane Doe" : "Thomas Weber") +
                 ",OU=People,OU=Corp,DC=ad,DC=test\nchangetype: modify\nreplace: title\ntitle: Drifted\n");
  }
  make_plan();
  bench_->ldif(
      "dn: CN=Jane Doe,OU=People,OU=Corp,DC=ad,DC=test\nchangetype: modify\nreplace: title\ntitle: Moved on\n");

  const Ran ran = bench_->plumbline({"apply", file_});

  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, HasSubstr("ADUser/default/jdoe"));
  EXPECT_EQ(bench_->value("jdoe", "title"), "Moved on");
  EXPECT_EQ(bench_->value("tweber", "title"), "Account Manager");
}

TEST_F(PlanFiles, OneOfAnotherInstallationIsRefused) {
  make_plan();
  bench_->environment()["PLUMBLINE_STATE"] = (bench_->folder() / "elsewhere").string();
  const Ran ran = bench_->plumbline({"apply", file_});
  EXPECT_EQ(ran.status, 1);
  EXPECT_FALSE(bench_->exists("jdoe"));
}

}  // namespace
}  // namespace plumb::test
