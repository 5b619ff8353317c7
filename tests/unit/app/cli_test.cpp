#include "tests/unit/app/said.h"

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

#include "controller/app/state.h"
#include "controller/engine/inventory.h"
#include "controller/engine/status_book.h"

namespace plumb::app {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// Of `plumbline COMMAND --help`, or of the program itself where COMMAND is empty.
std::set<std::string> commands_of(const std::vector<std::string>& command) {
  std::vector<std::string> arguments = command;
  arguments.emplace_back("--help");
  const std::string help = say(arguments).out;
  const auto from = help.find("Subcommands:");
  std::set<std::string> names;
  if (from == std::string::npos) return names;
  const std::string list = help.substr(from, help.find("\n\n", from) - from);
  const std::regex line("\n  ([a-z-]+)");
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

TEST_F(CommandLine, AnUnknownCommandIsAnErrorAlsoWhereHelpIsAskedFor) {
  for (const std::string option : {"--help", "--version"}) {
    const Said said = say({"aplly", option});
    EXPECT_EQ(said.status, 1) << option;
    EXPECT_EQ(said.out, "") << option;
    EXPECT_THAT(said.err, HasSubstr("there is no command \"aplly\" (did you mean \"apply\"?)")) << option;
  }
  const Said inner = say({"audit", "verfy", "--help"});
  EXPECT_EQ(inner.status, 1);
  EXPECT_THAT(inner.err, HasSubstr("there is no command \"audit verfy\" (did you mean \"verify\"?)"));
  EXPECT_EQ(say({"apply", "--help"}).status, 0);
}

TEST_F(CommandLine, HelpShowsTheExamplesOfItsOwnCommand) {
  for (const std::string& command : commands_of({}))
    EXPECT_THAT(say({command, "--help"}).out,
                testing::ContainsRegex("Examples?:\n  .*plumbline " + command + "( |\n|\\))"))
        << command;
  EXPECT_THAT(say({"diff", "--help"}).out, HasSubstr("[REVISION...]"));
}

TEST_F(CommandLine, GetShowsTheNamesOfAnAccountThatItsManifestLeavesOut) {
  std::ofstream(folder_ / "all.yaml") << R"(
apiVersion: plumbline.dev/v1alpha1
kind: Directory
metadata: {name: corp}
spec: {servers: ["ldaps://dc1.corp.example"], baseDNs: ["DC=corp,DC=example"], managedScope: ["DC=corp,DC=example"],
       credentialRef: {name: corp}, upnSuffix: corp.example}
---
apiVersion: plumbline.dev/v1alpha1
kind: ADUser
metadata: {name: jdoe}
spec: {parentDN: "OU=People,DC=corp,DC=example"}
---
apiVersion: plumbline.dev/v1alpha1
kind: ADUser
metadata: {name: lchen}
spec: {parentDN: "OU=People,DC=corp,DC=example", sAMAccountName: li.chen, userPrincipalName: ""}
)";
  const Said said = say({"get", "adusers", "-o", "wide", "-f", folder_.string(), "--state", (folder_ / "s").string()});
  EXPECT_THAT(said.out, testing::ContainsRegex("jdoe +<none> +<none> +jdoe +jdoe@corp.example ")) << said.err;
  EXPECT_THAT(said.out, testing::ContainsRegex("lchen +<none> +<none> +li.chen +<none> "));
}

TEST_F(CommandLine, HoldTakesOnlyAttributesThatCanDiffer) {
  const ResourceKey corp{"Directory", "default", "corp"}, jdoe{"ADUser", "default", "jdoe"};
  const RealClock clock;
  {
    const auto state = State::open(folder_, State::Access::write, "test", clock);
    ASSERT_TRUE(state) << state.error().message;
    auto book = engine::StatusBook::open((*state)->store());
    ASSERT_TRUE(book);
    book->note({.key = jdoe, .synced = true, .reason = "Synced"}, clock.now());
    book->note_reach(corp, std::nullopt, clock.now());
    std::vector<StateStore::Put> puts = book->unsaved();
    Owned owned;
    owned.key = jdoe;
    owned.attributes.own().insert("extensionAttribute1");
    puts.push_back(engine::put_of(to_string(corp), owned));
    ASSERT_TRUE((*state)->store().commit(puts));
  }
  const auto hold = [&](const std::string& attribute) {
    return say({"hold", "aduser/jdoe", "--attribute", attribute, "--until", "1h", "--reason", "r", "--state",
                folder_.string()});
  };
  const Said refused = hold("title,tittle");
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr("--attribute tittle"));
  EXPECT_THAT(refused.err, HasSubstr("(did you mean \"title\"?)"));
  EXPECT_THAT(say({"hold", "--list", "--state", folder_.string()}).err, HasSubstr("Nothing is held"));
  EXPECT_THAT(hold("extensionAttribut1").err, HasSubstr("(did you mean \"extensionAttribute1\"?)"));
  EXPECT_EQ(hold("unicodePwd").status, 1);
  for (const std::string good : {"title", "TITLE", "userAccountControl", "distinguishedName", "extensionattribute1"})
    EXPECT_EQ(hold(good).status, 0) << good;
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
