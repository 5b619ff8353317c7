// The program itself, in a folder of a test.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/packaging/clean_root.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class ConnectorCommands : public testing::Test {
 protected:
  ConnectorCommands() {
    std::string name = (fs::temp_directory_path() / "plumb-program-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    folder_ = name;
    write("token", "t0ken-c4nary\n");
  }
  ~ConnectorCommands() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    fs::permissions(folder_ / name, fs::perms(0600));
  }
  std::string read(const fs::path& file) const {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  Said connector(const std::string& arguments) {
    const auto said = shell("timeout 60 " + (fs::path(PLUMB_BINARY_DIR) / "plumbline-connector").string() +
                            " --config " + (folder_ / "etc/connector.toml").string() + " " + arguments);
    everything_ += said.output;
    return said;
  }
  Said set_up(const std::string& server = "http://127.0.0.1:1") {
    return connector("setup --unattended --server " + server + " --token-file " + (folder_ / "token").string() +
                     " --storage " + (folder_ / "storage").string());
  }

  fs::path folder_;
  std::string everything_;  // that it printed
};

TEST_F(ConnectorCommands, ShowATokenNowhereAndKeepItInOneFile) {
  ASSERT_EQ(set_up().status, 0) << everything_;
  connector("doctor");
  connector("doctor --json");
  connector("status");
  connector("preflight");
  connector("setup --unattended --server http://127.0.0.1:1 --token-file /no/such/file");
  EXPECT_THAT(everything_, Not(HasSubstr("c4nary")));
  std::vector<std::string> with_token;
  for (const auto& each : fs::recursive_directory_iterator(folder_)) {
    if (each.is_regular_file() && read(each.path()).find("c4nary") != std::string::npos)
      with_token.push_back(each.path().lexically_relative(folder_).string());
  }
  EXPECT_THAT(with_token, testing::UnorderedElementsAre("token", "storage/token"));
}

TEST_F(ConnectorCommands, RunEndsWithItsOwnCodeWhereAFileIsWrong) {
  ASSERT_EQ(set_up().status, 0) << everything_;
  write("etc/policy.toml", "[[directory]]\nserver = [\"ldaps://a\"]\n");
  const auto policy = connector("run");
  EXPECT_EQ(policy.status, 78);
  EXPECT_THAT(policy.output,
              HasSubstr("policy.toml:2:1: [[directory]]: there is no key \"server\" (did you mean \"servers\"?)"));
  write("etc/connector.toml", "[server]\nurl = \"ftp://a\"\n");
  EXPECT_EQ(connector("run").status, 78);
}

TEST_F(ConnectorCommands, APolicyThatOthersMayWriteToIsNotRunWith) {
  ASSERT_EQ(set_up().status, 0) << everything_;
  fs::permissions(folder_ / "etc/policy.toml", fs::perms(0666));
  const auto run = connector("run");
  EXPECT_EQ(run.status, 78);
  EXPECT_THAT(run.output, HasSubstr("chmod go-w"));
}

TEST_F(ConnectorCommands, StatusOfOneThatNeverRanSaysSo) {
  ASSERT_EQ(set_up().status, 0) << everything_;
  const auto status = connector("status");
  EXPECT_EQ(status.status, 3);
  EXPECT_THAT(status.output, HasSubstr("never started"));
}

TEST_F(ConnectorCommands, DoctorFindsAClosedPortAndAnEmptyPolicy) {
  ASSERT_EQ(set_up().status, 0) << everything_;
  const auto doctor = connector("doctor");
  EXPECT_EQ(doctor.status, 1);
  EXPECT_THAT(doctor.output, HasSubstr("fail  controller.tcp: "));
  EXPECT_THAT(doctor.output, HasSubstr("allows nothing: every request is refused"));
  EXPECT_THAT(doctor.output, HasSubstr("runtime dependencies: none"));
}

TEST_F(ConnectorCommands, TestIsAnotherNameOfDoctor) {
  ASSERT_EQ(set_up().status, 0) << everything_;
  const auto test = connector("test");
  EXPECT_EQ(test.status, 1);
  EXPECT_THAT(test.output, HasSubstr("fail  controller.tcp: "));
  EXPECT_THAT(connector("test --json").output, HasSubstr("\"controller.tcp\""));
  EXPECT_THAT(connector("--help").output, HasSubstr("test"));
}

TEST_F(ConnectorCommands, WrongUsageHasItsOwnCode) {
  EXPECT_EQ(connector("").status, 2);
  EXPECT_EQ(connector("setup --unattended").status, 2);
  EXPECT_EQ(connector("--no-such-option status").status, 2);
  EXPECT_EQ(connector("--help").status, 0);
}

}  // namespace
}  // namespace plumb::test
