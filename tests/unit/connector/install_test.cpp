#include "connector/install.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector/unit_file.h"
#include "controller/base/text.h"
#include "tests/unit/connector/temporary.h"

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A system in a folder, whose programs only note that they were called, or fail.
class Install : public testing::Test {
 protected:
  Install() {
    program_ = elsewhere_.write("plumbline-connector", "#!program 1\n");
    folder_.write("etc/hosts", "127.0.0.1 localhost\n");
    fs::create_directories(folder_.path() / "opt");
    world_ = {.root = folder_.path(),
              .run = [this](const std::vector<std::string>& command) { return run(command); },
              .user = [this]() -> Result<InstallWorld::User> {
                if (!user_) return fail(Fault::not_found, "no user");
                return InstallWorld::User{.owner = {}, .is_ours = true};
              },
              .systemd_runs = true};
  }

  Result<void> run(const std::vector<std::string>& command) {
    const std::string text = join(command, " ");
    ran_.push_back(text);
    if (!fails_.empty() && text.starts_with(fails_)) return fail(Fault::unavailable, "{} failed", text);
    if (command.front() == "useradd") user_ = true;
    if (command.front() == "userdel") user_ = false;
    return {};
  }
  Result<std::vector<std::string>> install_it(const std::string& storage = std::string(kStorage)) {
    const SetupAnswers answers{.server = "plumb.example", .storage = storage, .token = Secret("t0ken")};
    return install(world_, {.program = program_, .version = "1"}, is_set_up(world_) ? nullptr : &answers);
  }
  // Every path and what is in it.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> all;
    for (const auto& each : fs::recursive_directory_iterator(folder_.path())) {
      const std::string name = fs::relative(each.path(), folder_.path()).string();
      all[name] = each.is_directory() ? "folder" : folder_.read(name);
    }
    return all;
  }

  Temporary folder_, elsewhere_;
  fs::path program_;
  InstallWorld world_;
  std::vector<std::string> ran_;
  std::string fails_;
  bool user_ = false;
};

TEST_F(Install, PutsProgramUserFilesAndServiceInPlaceAndStarts) {
  const auto done = install_it();
  ASSERT_TRUE(done) << error_of(done);
  EXPECT_EQ(folder_.read("opt/plumbline-connector/plumbline-connector"), "#!program 1\n");
  EXPECT_EQ(mode_of(folder_.path() / "opt/plumbline-connector/plumbline-connector"), 0755u);
  EXPECT_THAT(folder_.read("etc/systemd/system/integration-connector.service"),
              HasSubstr("ExecStart=/opt/plumbline-connector/plumbline-connector run\n"));
  EXPECT_THAT(folder_.read("etc/plumbline-connector/connector.toml"), HasSubstr("https://plumb.example"));
  EXPECT_EQ(fs::read_symlink(folder_.path() / "usr/local/bin/plumbline-connector"),
            "/opt/plumbline-connector/plumbline-connector");
  EXPECT_TRUE(user_);
  EXPECT_THAT(ran_, Contains("systemctl enable integration-connector.service"));
  EXPECT_EQ(ran_.back(), "systemctl restart --no-block integration-connector.service");
}

TEST_F(Install, UninstallWithPurgeLeavesNothingBehind) {
  const auto before = files();
  ASSERT_TRUE(install_it("/srv/agent/data"));
  folder_.write("srv/agent/data/log/connector.log", "x");
  EXPECT_THAT(folder_.read("etc/systemd/system/integration-connector.service.d/storage.conf"),
              HasSubstr("ReadWritePaths=\"/srv/agent/data\""));
  ran_.clear();
  const auto removed = uninstall(world_, true);
  ASSERT_TRUE(removed) << error_of(removed);
  EXPECT_EQ(files(), before);
  EXPECT_FALSE(user_);
  EXPECT_EQ(ran_.front(), "systemctl disable --now integration-connector.service");
  EXPECT_THAT(ran_, Contains("systemctl daemon-reload"));
  EXPECT_THAT(*removed, Contains("removed /opt/plumbline-connector/plumbline-connector"));
}

TEST_F(Install, UninstallKeepsConfigAndStorageUnlessPurgeIsAskedFor) {
  ASSERT_TRUE(install_it());
  ASSERT_TRUE(uninstall(world_, false));
  EXPECT_FALSE(fs::exists(folder_.path() / "opt/plumbline-connector"));
  EXPECT_FALSE(fs::exists(folder_.path() / "etc/systemd/system/integration-connector.service"));
  EXPECT_TRUE(fs::exists(folder_.path() / "etc/plumbline-connector/connector.toml"));
  EXPECT_TRUE(fs::exists(folder_.path() / "var/lib/plumbline-connector/token"));
  EXPECT_TRUE(user_);
}

TEST_F(Install, ASecondUninstallHasNothingToDo) {
  ASSERT_TRUE(install_it());
  ASSERT_TRUE(uninstall(world_, true));
  ran_.clear();
  const auto again = uninstall(world_, true);
  ASSERT_TRUE(again) << error_of(again);
  EXPECT_THAT(*again, IsEmpty());
  EXPECT_THAT(ran_, IsEmpty());
}

TEST_F(Install, WhatIsNotOursStays) {
  folder_.write("opt/plumbline-connector/notes.txt", "mine");
  EXPECT_THAT(error_of(install_it()), HasSubstr("not made by this program"));
  EXPECT_THAT(error_of(uninstall(world_, true)), HasSubstr("nothing was removed"));
  EXPECT_EQ(folder_.read("opt/plumbline-connector/notes.txt"), "mine");
}

TEST_F(Install, AFileOfSomebodyInOurFolderStaysWithIt) {
  ASSERT_TRUE(install_it());
  folder_.write("opt/plumbline-connector/notes.txt", "mine");
  folder_.write("etc/plumbline-connector/corp-ca.pem", "ca");
  ASSERT_TRUE(uninstall(world_, true));
  EXPECT_EQ(folder_.read("opt/plumbline-connector/notes.txt"), "mine");
  EXPECT_EQ(folder_.read("etc/plumbline-connector/corp-ca.pem"), "ca");
}

TEST_F(Install, AProgramOfThatNameThatIsSomebodysStays) {
  folder_.write("usr/local/bin/plumbline-connector", "mine");
  ASSERT_TRUE(install_it());
  ASSERT_TRUE(uninstall(world_, true));
  EXPECT_EQ(folder_.read("usr/local/bin/plumbline-connector"), "mine");
}

TEST_F(Install, AStorageWithoutOurMarkerIsNotRemoved) {
  ASSERT_TRUE(install_it());
  folder_.write("etc/plumbline-connector/connector.toml",
                "# Written by plumbline-connector setup.\nstorage = \"/etc\"\n");
  ASSERT_TRUE(uninstall(world_, true));
  EXPECT_TRUE(fs::exists(folder_.path() / "etc/hosts"));
}

TEST_F(Install, AServiceOfSomebodyElseIsNotTouched) {
  folder_.write("etc/systemd/system/integration-connector.service", "[Service]\nExecStart=/opt/flotomate/x\n");
  EXPECT_THAT(error_of(install_it()), HasSubstr("not made by this program"));
  ASSERT_TRUE(uninstall(world_, true));
  EXPECT_THAT(folder_.read("etc/systemd/system/integration-connector.service"), HasSubstr("flotomate"));
}

class InstallFails : public Install, public testing::WithParamInterface<const char*> {};
TEST_P(InstallFails, AndTakesBackWhatWasDone) {
  const auto before = files();
  fails_ = GetParam();
  EXPECT_THAT(error_of(install_it("/srv/agent")), HasSubstr(GetParam()));
  EXPECT_EQ(files(), before);
  EXPECT_FALSE(user_);
}
INSTANTIATE_TEST_SUITE_P(AtEachStep, InstallFails,
                         testing::Values("useradd", "systemctl daemon-reload", "systemctl enable",
                                         "systemctl restart"));

TEST_F(Install, AnUpdateThatFailsLeavesTheOldOneRunning) {
  ASSERT_TRUE(install_it());
  const auto before = files();
  program_ = elsewhere_.write("plumbline-connector-2", "#!program 2\n");
  fails_ = "systemctl daemon-reload";
  EXPECT_FALSE(install_it());
  EXPECT_EQ(files()["opt/plumbline-connector/plumbline-connector"], "#!program 1\n");
  EXPECT_EQ(files(), before);
  EXPECT_THAT(ran_, testing::Not(Contains(HasSubstr("disable"))));
  EXPECT_EQ(ran_.back(), "systemctl restart --no-block integration-connector.service");
}

TEST_F(Install, ASetupThatFailsHalfWayIsTakenBack) {
  folder_.write("etc/plumbline-connector", "a file where the folder has to be");
  const auto before = files();
  EXPECT_FALSE(install_it("/srv/agent"));
  EXPECT_EQ(files(), before);
}

TEST_F(Install, AnUpdateKeepsConfigTokenAndWhatItHasToRemoveLater) {
  const auto clean = files();
  ASSERT_TRUE(install_it());
  program_ = elsewhere_.write("plumbline-connector-2", "#!program 2\n");
  const auto config = folder_.read("etc/plumbline-connector/connector.toml");
  ASSERT_TRUE(install_it());
  EXPECT_EQ(folder_.read("opt/plumbline-connector/plumbline-connector"), "#!program 2\n");
  EXPECT_EQ(folder_.read("etc/plumbline-connector/connector.toml"), config);
  ASSERT_TRUE(uninstall(world_, true));
  EXPECT_EQ(files(), clean);
}

TEST_F(Install, IsRefusedBesideThePackage) {
  folder_.write("usr/bin/plumbline-connector", "x");
  EXPECT_THAT(error_of(install_it()), HasSubstr("apt remove plumbline-connector"));
  EXPECT_THAT(error_of(uninstall(world_, true)), HasSubstr("apt purge plumbline-connector"));
}

TEST_F(Install, WithoutSystemdSaysThatItIsNotStarted) {
  world_.systemd_runs = false;
  const auto done = install_it();
  ASSERT_TRUE(done) << error_of(done);
  EXPECT_THAT(done->back(), HasSubstr("not started"));
  EXPECT_THAT(ran_, testing::Not(Contains(HasSubstr("restart"))));
}

TEST(UnitFile, NamesTheProgramOfThePackage) {
  EXPECT_THAT(std::string(packaged_unit()), HasSubstr("\nExecStart=/usr/bin/plumbline-connector run\n"));
}

TEST(UnitFile, AStorageWithOddCharactersIsQuoted) {
  EXPECT_THAT(storage_drop_in("/srv/a b/100%\"", "# x"), HasSubstr("ReadWritePaths=\"/srv/a b/100%%\\\"\"\n"));
}

}  // namespace
}  // namespace plumb::connector
