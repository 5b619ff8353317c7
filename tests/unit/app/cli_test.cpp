#include "controller/app/cli.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb::app {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

struct Said {
  int status = 0;
  std::string out, err;
};

Said say(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "plumbline");
  std::vector<const char*> argv;
  for (const std::string& each : arguments) argv.push_back(each.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Said said;
  said.status = run_cli(static_cast<int>(argv.size()), argv.data());
  said.out = testing::internal::GetCapturedStdout();
  said.err = testing::internal::GetCapturedStderr();
  return said;
}

// Of `plumbline COMMAND --help`, or of the program itself where COMMAND is empty.
std::set<std::string> commands_of(const std::vector<std::string>& command) {
  std::vector<std::string> arguments = command;
  arguments.emplace_back("--help");
  const std::string help = say(arguments).out;
  const auto from = help.find("Subcommands:");
  std::set<std::string> names;
  if (from == std::string::npos) return names;
  const std::string list = help.substr(from, help.find("\n\n", from) - from);
  const std::regex line("\n  ([a-z]+)");
  for (std::sregex_iterator at(list.begin(), list.end(), line), end; at != end; ++at) names.insert((*at)[1]);
  return names;
}

class CommandLine : public testing::Test {
 protected:
  CommandLine() {
    std::filesystem::create_directories(folder_);
    ::unsetenv("PLUMBLINE_MANIFESTS");
    ::unsetenv("PLUMBLINE_SOURCE");
  }
  ~CommandLine() override {
    ::unsetenv("PLUMBLINE_SOURCE");
    std::filesystem::remove_all(folder_);
  }
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("plumbline-cli-" + std::to_string(::getpid()));
};

TEST_F(CommandLine, ManifestsComeFromOnePlace) {
  for (const char* command : {"validate", "plan", "apply", "run"}) {
    const Said said = say({command, "--source", "source.yaml", "-f", "manifests"});
    EXPECT_EQ(said.status, say({command, "--no-such-option"}).status) << command;
    EXPECT_NE(said.status, 0);
    EXPECT_THAT(said.err, HasSubstr("--source and -f, --manifests: each says where")) << command;
  }
}

TEST_F(CommandLine, WhatIsTypedStandsBeforeTheEnvironment) {
  ::setenv("PLUMBLINE_SOURCE", "/nowhere/source.yaml", 1);
  const std::string folder = folder_.string();
  EXPECT_THAT(say({"validate", "-f", folder}).err, Not(HasSubstr("/nowhere")));
  EXPECT_THAT(say({"validate"}).err, HasSubstr("/nowhere"));
  EXPECT_THAT(say({"validate", "--source", "/elsewhere"}).err, HasSubstr("/elsewhere"));
}

TEST_F(CommandLine, CompletionKnowsEveryCommandThatHelpLists) {
  const auto commands = commands_of({});
  ASSERT_THAT(commands, Contains("rollback"));
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const std::string script = say({"completion", shell}).out;
    const auto offers = [&](const std::string& word) {
      return std::regex_search(script, std::regex("[\"' ]" + word + "[\"' ]"));
    };
    for (const std::string& command : commands) {
      EXPECT_TRUE(offers(command)) << shell << ": " << command;
      for (const std::string& inner : commands_of({command})) EXPECT_TRUE(offers(inner)) << shell << ": " << inner;
    }
  }
}

TEST_F(CommandLine, ApproveTakesNothingButADigest) {
  std::ofstream(folder_ / "plumbline.db").close();
  const std::string state = folder_.string();
  for (const std::string& digest : {std::string("all"), std::string(63, 'a'), std::string(65, 'a'),
                                    std::string(64, 'A'), std::string(63, 'a') + "g"}) {
    const Said said = say({"approve", digest, "--reason", "r", "--state", state});
    EXPECT_EQ(said.status, 1) << digest;
    EXPECT_THAT(said.err, HasSubstr("is not the digest of a plan")) << digest;
  }
}

}  // namespace
}  // namespace plumb::app
