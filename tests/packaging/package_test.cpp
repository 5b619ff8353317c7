// The package and the installer as files, and installed and removed in a Debian of their own.

#include <algorithm>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/packaging/clean_root.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const fs::path kSource = PLUMB_SOURCE_DIR;
const fs::path kProgram = fs::path(PLUMB_BINARY_DIR) / "plumbline-connector";

// What was added and what is gone, as a readable list.
std::vector<std::string> difference(const std::set<std::string>& before, const std::set<std::string>& after) {
  std::vector<std::string> all;
  for (const auto& each : after) {
    if (!before.contains(each)) all.push_back("+" + each);
  }
  for (const auto& each : before) {
    if (!after.contains(each)) all.push_back("-" + each);
  }
  return all;
}

// One of the two files, made by its script in a folder of the test.
class Built {
 public:
  explicit Built(const std::string& script) {
    std::string name = (fs::temp_directory_path() / "plumb-package-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    folder_ = name;
    const auto made = shell("SOURCE_DATE_EPOCH=1 " + (kSource / "packaging" / script).string() + " --program " +
                            kProgram.string() + " --out " + name);
    EXPECT_EQ(made.status, 0) << made.output;
    file_ = made.output.substr(0, made.output.find('\n'));
  }
  ~Built() { fs::remove_all(folder_); }
  Built(const Built&) = delete;
  Built& operator=(const Built&) = delete;
  const fs::path& file() const { return file_; }
  const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_, file_;
};

TEST(ConnectorProgram, IsLinkedWithNoneOfTheControllersLibraries) {
  const auto linked = shell("ldd " + kProgram.string());
  ASSERT_EQ(linked.status, 0) << linked.output;
  EXPECT_THAT(linked.output, HasSubstr("libssl"));
  for (const char* library : {"yaml", "sqlite", "valijson", "re2", "git2", "libzip", "libsystemd", "toml"})
    EXPECT_THAT(linked.output, Not(HasSubstr(library)));
}

TEST(ConnectorUnit, IsRightAndHardened) {
  PLUMB_NEEDS("systemd-analyze");
  const Built folder("build-installer");  // for a folder to write to
  const fs::path unit = folder.folder() / "integration-connector.service";
  std::ifstream in(kSource / "packaging/integration-connector.service");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string installed = "/usr/bin/plumbline-connector";
  text.replace(text.find(installed), installed.size(), kProgram.string());  // verify wants the program to be there
  std::ofstream(unit) << text;
  const auto verified = shell("systemd-analyze verify " + unit.string());
  EXPECT_EQ(verified.status, 0);
  EXPECT_THAT(verified.output, IsEmpty());
  const auto security =
      shell("systemd-analyze security --offline=yes --threshold=20 " + unit.string() +
            " | tail -n 1; systemd-analyze security --offline=yes --threshold=20 " + unit.string() + " >/dev/null");
  EXPECT_EQ(security.status, 0) << security.output;
  EXPECT_THAT(security.output, HasSubstr("Overall exposure level"));
}

TEST(Installer, ChecksItselfAndItsDigest) {
  const Built built("build-installer");
  const auto digest = shell("cd " + built.folder().string() + " && sha256sum -c *.sha256");
  EXPECT_EQ(digest.status, 0) << digest.output;
  EXPECT_THAT(shell(built.file().string() + " --check").output, HasSubstr("whole: connector"));

  // One byte of the payload, in its middle.
  std::fstream file(built.file(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(fs::file_size(built.file()) / 2));
  const char byte = static_cast<char>(file.peek());
  file.put(static_cast<char>(byte ^ 1));
  file.close();
  const auto damaged = shell(built.file().string() + " --check");
  EXPECT_EQ(damaged.status, 1);
  EXPECT_THAT(damaged.output, HasSubstr("its checksum is wrong"));
}

TEST(Installer, IsTheSameFileWhenItIsMadeAgain) {
  const Built one("build-installer"), two("build-installer");
  EXPECT_EQ(shell("cmp " + one.file().string() + " " + two.file().string()).output, "");
}

TEST(Installer, InstallsInACleanRootAndUninstallLeavesNothing) {
  PLUMB_NEEDS_CLEAN_ROOT();
  const Built built("build-installer");
  const CleanRoot root;
  root.copy_in(built.file(), "/root/installer");
  root.write("/root/token", "t0ken-c4nary\n", 0600);
  const auto before = root.files();

  const auto installed =
      root.run("/root/installer --unattended --offline --server plumb.example --token-file /root/token");
  ASSERT_EQ(installed.status, 0) << installed.output;
  EXPECT_THAT(installed.output, HasSubstr("The connector is installed."));
  EXPECT_THAT(installed.output, Not(HasSubstr("c4nary")));
  EXPECT_THAT(root.read("/etc/systemd/system/integration-connector.service"),
              HasSubstr("ExecStart=/opt/plumbline-connector/plumbline-connector run"));
  const std::string storage =
      root.run("stat -c '%a %U' /var/lib/plumbline-connector /var/lib/plumbline-connector/token").output;
  EXPECT_EQ(storage, "700 plumbline-connector\n600 plumbline-connector\n");
  // As its user it reads all it needs, and says that it was never started.
  const auto status =
      root.run("/opt/plumbline-connector/plumbline-connector status", "plumbline-connector:plumbline-connector");
  EXPECT_EQ(status.status, 3);
  EXPECT_EQ(status.output, "never started\n");

  const auto removed = root.run("/opt/plumbline-connector/plumbline-connector uninstall --purge");
  EXPECT_EQ(removed.status, 0) << removed.output;
  EXPECT_THAT(removed.output, HasSubstr("removed /opt/plumbline-connector/plumbline-connector"));
  EXPECT_THAT(difference(before, root.files()), IsEmpty());
  EXPECT_THAT(root.read("/etc/passwd"), Not(HasSubstr("plumbline")));
}

TEST(Installer, ByQuestionsInstallsWhatOptionsInstall) {
  PLUMB_NEEDS_CLEAN_ROOT();
  const Built built("build-installer");
  const CleanRoot root;
  root.copy_in(built.file(), "/root/installer");
  root.write("/root/token", "t0ken-c4nary\n", 0600);
  const auto questions = root.run("printf 'plumb.example\\n\\nt0ken-c4nary\\n\\n' | /root/installer --offline");
  ASSERT_EQ(questions.status, 0) << questions.output;
  const std::string config = root.read("/etc/plumbline-connector/connector.toml");
  const std::string token = root.read("/var/lib/plumbline-connector/token");
  // Removed in two steps, the second by the installer's file.
  ASSERT_EQ(root.run("/opt/plumbline-connector/plumbline-connector uninstall").status, 0);
  EXPECT_EQ(root.read("/etc/plumbline-connector/connector.toml"), config);
  ASSERT_EQ(root.run("/root/installer uninstall --purge").status, 0);
  EXPECT_EQ(root.read("/etc/plumbline-connector/connector.toml"), "");

  ASSERT_EQ(
      root.run("/root/installer --offline --unattended --server https://plumb.example:443 --token-file /root/token")
          .status,
      0);
  EXPECT_EQ(root.read("/etc/plumbline-connector/connector.toml"), config);
  EXPECT_EQ(root.read("/var/lib/plumbline-connector/token"), token);
  EXPECT_EQ(token, "t0ken-c4nary");
  const auto again = root.run("/root/installer --offline");
  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_THAT(again.output, HasSubstr("connector.toml is kept"));
}

TEST(Installer, AsAnOrdinaryUserChangesNothing) {
  PLUMB_NEEDS_CLEAN_ROOT();
  const Built built("build-installer");
  const CleanRoot root;
  root.copy_in(built.file(), "/usr/local/bin/installer");
  root.copy_in(kProgram, "/usr/local/bin/plumbline-connector");
  const auto before = root.files();
  const auto installer = root.run("/usr/local/bin/installer", "nobody:nogroup");
  EXPECT_EQ(installer.status, 77);
  EXPECT_THAT(installer.output, HasSubstr("sudo /usr/local/bin/installer"));
  for (const char* command : {"install", "uninstall", "setup"}) {
    const auto program = root.run(std::string("/usr/local/bin/plumbline-connector ") + command, "nobody:nogroup");
    EXPECT_EQ(program.status, 77) << program.output;
    EXPECT_EQ(std::count(program.output.begin(), program.output.end(), '\n'), 1) << program.output;
  }
  EXPECT_THAT(difference(before, root.files()), IsEmpty());
}

TEST(Installer, ThatEverybodyMayWriteToWarnsAndGoesOn) {
  PLUMB_NEEDS_CLEAN_ROOT();
  const Built built("build-installer");
  const CleanRoot root;
  root.copy_in(built.file(), "/root/installer");
  root.write("/root/token", "t\n", 0600);
  const auto open = root.run(
      "chmod 777 /root/installer; /root/installer --unattended --offline --server a.example --token-file /root/token");
  EXPECT_EQ(open.status, 0) << open.output;
  EXPECT_THAT(open.output, HasSubstr("warning: everybody may write to /root/installer"));
}

TEST(Installer, StopsWhereTheControllerDoesNotAnswer) {
  PLUMB_NEEDS_CLEAN_ROOT();
  const Built built("build-installer");
  const CleanRoot root;
  root.copy_in(built.file(), "/root/installer");
  root.write("/root/token", "t\n", 0600);
  const auto before = root.files();
  const auto stopped = root.run("/root/installer --unattended --server https://127.0.0.1:1 --token-file /root/token");
  EXPECT_EQ(stopped.status, 1);
  EXPECT_THAT(stopped.output, HasSubstr("fail  controller.tcp"));
  EXPECT_THAT(stopped.output, HasSubstr("nothing was installed"));
  EXPECT_THAT(difference(before, root.files()), IsEmpty());
}

TEST(Installer, TwiceUninstalledHasNothingToDo) {
  PLUMB_NEEDS_CLEAN_ROOT();
  const CleanRoot root;
  root.copy_in(kProgram, "/root/connector");
  const auto none = root.run("/root/connector uninstall; /root/connector uninstall --purge");
  EXPECT_EQ(none.status, 0);
  EXPECT_EQ(none.output, "nothing to do\nnothing to do\n");
}

TEST(Package, InstallsInACleanRootAndPurgeLeavesNothing) {
  PLUMB_NEEDS_CLEAN_ROOT();
  const Built built("build-deb");
  const CleanRoot root;
  root.copy_in(built.file(), "/root/connector.deb");
  root.write("/root/token", "t0ken\n", 0600);
  const auto before = root.files();

  const auto installed = root.run("dpkg -i /root/connector.deb");
  ASSERT_EQ(installed.status, 0) << installed.output;
  const auto set_up = root.run(
      "plumbline-connector setup --unattended --server plumb.example --token-file /root/token --storage "
      "/srv/connector");
  ASSERT_EQ(set_up.status, 0) << set_up.output;
  EXPECT_EQ(root.run("stat -c '%a %U' /srv/connector").output, "700 plumbline-connector\n");
  EXPECT_THAT(root.read("/etc/systemd/system/integration-connector.service.d/storage.conf"),
              HasSubstr("/srv/connector"));
  EXPECT_EQ(root.run("plumbline-connector uninstall").status, 1);

  const auto removed = root.run("dpkg --remove plumbline-connector");
  ASSERT_EQ(removed.status, 0) << removed.output;
  EXPECT_TRUE(fs::exists(root.path() / "srv/connector/token"));
  const auto purged = root.run("dpkg --purge plumbline-connector");
  ASSERT_EQ(purged.status, 0) << purged.output;
  auto left = difference(before, root.files());
  // What dpkg itself keeps of its last actions.
  std::erase_if(
      left, [](const std::string& path) { return path.starts_with("+var/lib/dpkg/") || path == "+var/log/dpkg.log"; });
  EXPECT_THAT(left, IsEmpty());
  EXPECT_THAT(root.read("/etc/passwd"), Not(HasSubstr("plumbline")));
}

TEST(Package, KeepsThePolicyOfTheSiteInAnUpdate) {
  PLUMB_NEEDS_CLEAN_ROOT();
  const Built built("build-deb");
  const CleanRoot root;
  root.copy_in(built.file(), "/root/connector.deb");
  ASSERT_EQ(root.run("dpkg -i /root/connector.deb").status, 0);
  root.write("/etc/plumbline-connector/policy.toml", "# ours\n", 0644);
  const auto again = root.run("dpkg -i /root/connector.deb");
  ASSERT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(root.read("/etc/plumbline-connector/policy.toml"), "# ours\n");
}

}  // namespace
}  // namespace plumb::test
