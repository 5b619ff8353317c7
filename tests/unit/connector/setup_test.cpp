#include "connector/setup.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <thread>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "connector/policy.h"
#include "connector/storage.h"
#include "tests/unit/connector/temporary.h"

namespace plumb::connector {
namespace {

using testing::HasSubstr;
using testing::Not;

// A person at a terminal: the program's questions come out of one end, the answers go in there.
class Person {
 public:
  Person() {
    if (::openpty(&here_, &there_, nullptr, nullptr, nullptr) != 0) ADD_FAILURE() << "no terminal";
  }
  ~Person() {
    ::close(here_);
    ::close(there_);
  }
  Person(const Person&) = delete;
  Person& operator=(const Person&) = delete;
  int terminal() const { return there_; }

  // Waits for the question, which has to be the next, and answers it.
  void answer(std::string_view question, std::string_view line) {
    waits_for(question);
    const std::string typed = std::string(line) + "\n";
    if (::write(here_, typed.data(), typed.size()) != static_cast<ssize_t>(typed.size())) ADD_FAILURE() << "not typed";
  }
  void waits_for(std::string_view text) {
    std::size_t at = 0;
    while ((at = screen_.find(text, looked_at_)) == std::string::npos) {
      if (!read_more()) {
        ADD_FAILURE() << "\"" << text << "\" is not asked in:\n" << screen_;
        // Whoever asks is not left waiting: the end of the input, for as many questions as there may be.
        for (int i = 0; i < 20; ++i) std::ignore = ::write(here_, "\x04", 1);
        return;
      }
    }
    looked_at_ = at + text.size();
  }
  const std::string& screen() const { return screen_; }
  bool echoes() const {
    termios now{};
    return ::tcgetattr(there_, &now) == 0 && (now.c_lflag & ECHO) != 0;
  }

 private:
  bool read_more() {
    pollfd end{here_, POLLIN, 0};
    if (::poll(&end, 1, 20'000) <= 0) return false;
    char bytes[512];
    const auto got = ::read(here_, bytes, sizeof bytes);
    if (got <= 0) return false;
    screen_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  int here_ = -1, there_ = -1;
  std::string screen_;
  std::size_t looked_at_ = 0;
};

// ask_setup on a thread of its own while the test is the person.
class Prompts : public testing::Test {
 protected:
  void start() {
    thread_ = std::jthread([this] { result_ = ask_setup(Terminal(person_.terminal(), person_.terminal())); });
  }
  Result<SetupAnswers>& answers() {
    thread_.join();
    return result_;
  }
  Person person_;
  Result<SetupAnswers> result_ = fail(Fault::internal, "not asked");
  std::jthread thread_;
};

TEST_F(Prompts, AreTheFourInTheirOrderAndEnterKeepsTheDefaults) {
  start();
  person_.answer("Server address or URL: ", "plumb.example");
  person_.answer("Storage location [/var/lib/plumbline-connector]: ", "");
  person_.answer("Token (not shown): ", "t0ken-c4nary");
  person_.answer("Port and protocol [443 https]: ", "");
  const auto& given = answers();
  ASSERT_TRUE(given) << error_of(given);
  EXPECT_EQ(given->server, "plumb.example");
  EXPECT_EQ(given->storage, kStorage);
  EXPECT_EQ(given->token.reveal(), "t0ken-c4nary");
  EXPECT_EQ(given->port + given->protocol, "");
}

TEST_F(Prompts, TheTokenIsNotShownAndTheTerminalIsAsBefore) {
  start();
  person_.answer("URL: ", "https://plumb.example:8443");
  person_.answer("plumbline-connector]: ", "/srv/agent");
  person_.waits_for("Token (not shown): ");
  EXPECT_FALSE(person_.echoes());
  person_.answer("", "t0ken-c4nary");
  person_.answer("Port and protocol [8443 https]: ", "");
  ASSERT_TRUE(answers());
  EXPECT_THAT(person_.screen(), Not(HasSubstr("c4nary")));
  EXPECT_TRUE(person_.echoes());
}

TEST_F(Prompts, WhatCannotBeUsedIsAskedAgain) {
  start();
  person_.answer("URL: ", "");
  person_.waits_for("The server is needed");
  person_.answer("URL: ", "ftp://plumb.example");
  person_.waits_for("http:// or https://");
  person_.answer("URL: ", "10.1.2.3");
  person_.answer("plumbline-connector]: ", "agent");
  person_.waits_for("absolute path");
  person_.answer("plumbline-connector]: ", "/srv");
  person_.waits_for("a folder of its own");
  person_.answer("plumbline-connector]: ", "/srv/agent");
  person_.answer("Token (not shown): ", "");
  person_.waits_for("a token is needed");
  person_.answer("Token (not shown): ", "t");
  person_.answer("Port and protocol [443 https]: ", "80");
  person_.waits_for("write 80 http");
  person_.answer("Port and protocol [443 https]: ", "99999 http");
  person_.waits_for("not a port");
  person_.answer("Port and protocol [443 https]: ", "80 http");
  const auto& given = answers();
  ASSERT_TRUE(given) << error_of(given);
  EXPECT_EQ(given->port, "80");
  EXPECT_EQ(given->protocol, "http");
}

TEST_F(Prompts, CtrlCAtTheTokenEndsAndShowsWhatIsTypedAgain) {
  start();
  person_.answer("URL: ", "plumb.example");
  person_.answer("plumbline-connector]: ", "");
  person_.answer("Token (not shown): ", "half\x03");
  EXPECT_THAT(error_of(answers()), HasSubstr("interrupted"));
  EXPECT_TRUE(person_.echoes());
}

struct PortCase {
  const char *text, *port, *protocol;
};
class PortAndProtocol : public testing::TestWithParam<PortCase> {};
TEST_P(PortAndProtocol, AreTakenInAnyOrder) {
  SetupAnswers answers{.server = "plumb.example"};
  const auto taken = take_port_and_protocol(GetParam().text, answers);
  ASSERT_TRUE(taken) << error_of(taken);
  EXPECT_EQ(answers.port, GetParam().port);
  EXPECT_EQ(answers.protocol, GetParam().protocol);
}
INSTANTIATE_TEST_SUITE_P(Table, PortAndProtocol,
                         testing::Values(PortCase{"", "", ""}, PortCase{"8443", "8443", ""},
                                         PortCase{"443 https", "443", "https"}, PortCase{"HTTPS", "", "https"},
                                         PortCase{"http", "", "http"}, PortCase{"80, http", "80", "http"},
                                         PortCase{"http/80", "80", "http"}, PortCase{"http:8080", "8080", "http"},
                                         PortCase{"80 https", "80", "https"}));

class Setup : public testing::Test {
 protected:
  SetupPlaces places() const { return {.root = folder_.path()}; }
  static SetupAnswers answers(std::string server = "plumb.example", std::string port = "", std::string protocol = "") {
    return {.server = std::move(server),
            .token = Secret("t0ken-c4nary"),
            .port = std::move(port),
            .protocol = std::move(protocol)};
  }
  std::filesystem::path at(std::string_view path) const {
    return folder_.path() / std::filesystem::path(path).relative_path();
  }
  Temporary folder_;
};

TEST_F(Setup, WritesWhatRunReads) {
  const auto done = write_setup(answers("plumb.example", "8443"), places());
  ASSERT_TRUE(done) << error_of(done);
  EXPECT_EQ(folder_.read("etc/plumbline-connector/connector.toml"),
            "# Written by plumbline-connector setup. All keys: docs/connector.md\n"
            "storage = \"/var/lib/plumbline-connector\"\n"
            "\n"
            "[server]\n"
            "url = \"https://plumb.example:8443\"\n");
  const auto config = load_config(at(kConfigFile), {});
  ASSERT_TRUE(config) << error_of(config);
  EXPECT_EQ(config->server, done->config.server);
  EXPECT_EQ(config->storage, kStorage);
  const auto policy = load_policy(at(kPolicyFile));
  ASSERT_TRUE(policy) << error_of(policy);
  EXPECT_TRUE(policy->serves_nothing());
}

TEST_F(Setup, KeepsTheTokenToItself) {
  const auto done = write_setup(answers(), places());
  ASSERT_TRUE(done) << error_of(done);
  EXPECT_EQ(mode_of(at("/var/lib/plumbline-connector")), 0700u);
  EXPECT_EQ(mode_of(at("/var/lib/plumbline-connector/token")), 0600u);
  EXPECT_EQ(mode_of(at(kConfigFile)), 0644u);
  EXPECT_THAT(folder_.read("etc/plumbline-connector/connector.toml") + setup_summary(*done, places()),
              Not(HasSubstr("c4nary")));

  Config config = done->config;
  config.storage = at("/var/lib/plumbline-connector");
  config.token_file = config.storage / "token";
  EXPECT_EQ(read_token(config).value().reveal(), "t0ken-c4nary");
  ASSERT_TRUE(forget_token(config));
  EXPECT_EQ(read_token(config).error().fault, Fault::not_found);
  EXPECT_TRUE(forget_token(config));
}

TEST_F(Setup, IsTheSameByQuestionsAndByOptions) {
  ASSERT_TRUE(write_setup(answers("https://plumb.example"), places()));
  const std::string by_url = folder_.read("etc/plumbline-connector/connector.toml");
  Temporary other;
  ASSERT_TRUE(write_setup(answers("plumb.example", "443", "https"), {.root = other.path()}));
  EXPECT_EQ(other.read("etc/plumbline-connector/connector.toml"), by_url);
}

TEST_F(Setup, KeepsAPolicyAndTheFormerConfig) {
  ASSERT_TRUE(write_setup(answers("old.example"), places()));
  folder_.write("etc/plumbline-connector/policy.toml", "# mine\n");
  const auto again = write_setup(answers("new.example"), places());
  ASSERT_TRUE(again) << error_of(again);
  EXPECT_EQ(folder_.read("etc/plumbline-connector/policy.toml"), "# mine\n");
  EXPECT_THAT(folder_.read("etc/plumbline-connector/connector.toml.old"), HasSubstr("old.example"));
  EXPECT_THAT(folder_.read("etc/plumbline-connector/connector.toml"), HasSubstr("new.example"));
}

TEST_F(Setup, LeavesInTheConfigFileWhatWasNotAskedFor) {
  folder_.write(
      "etc/plumbline-connector/connector.toml",
      "# ours\nname = \"berlin\"\nstorage = \"/old\"\n\n[log]\nlevel = \"debug\"\n\n[server]  # by the firewall\n"
      "protocol = \"http\"\nport = 81\nurl = \"http://old.example\"\nca_file = \"/etc/ca.pem\"\n");
  const auto done = write_setup(answers("new.example"), places());
  ASSERT_TRUE(done) << error_of(done);
  EXPECT_TRUE(done->kept_former);
  EXPECT_THAT(setup_summary(*done, places()), HasSubstr("(the former one: .old)"));
  EXPECT_EQ(folder_.read("etc/plumbline-connector/connector.toml"),
            "# ours\nname = \"berlin\"\nstorage = \"/var/lib/plumbline-connector\"\n\n[log]\nlevel = \"debug\"\n\n"
            "[server]  # by the firewall\nurl = \"https://new.example\"\nca_file = \"/etc/ca.pem\"\n");
}

TEST_F(Setup, AConfigFileThatSaysItInAnotherWayIsWrittenAnew) {
  for (const char* odd :
       {"server = {url = \"https://old.example\"}\n", "no toml [\n", "server.url = \"https://old\"\n"}) {
    folder_.write("etc/plumbline-connector/connector.toml", odd);
    ASSERT_TRUE(write_setup(answers("new.example"), places())) << odd;
    const auto config = load_config(at(kConfigFile), {});
    ASSERT_TRUE(config) << error_of(config);
    EXPECT_EQ(config->server.host, "new.example");
    EXPECT_EQ(folder_.read("etc/plumbline-connector/connector.toml.old"), odd);
  }
}

TEST_F(Setup, TakesTheAuthorityAndTheProxyOfTheSite) {
  auto given = answers("plumb.example");
  given.ca_file = "/etc/corp.pem";
  given.proxy = "proxy.corp:3128";
  given.proxy_username = "agent";
  given.proxy_password = Secret("open sesame");
  ASSERT_TRUE(write_setup(given, places()));
  EXPECT_THAT(folder_.read("etc/plumbline-connector/connector.toml"),
              HasSubstr("\nca_file = \"/etc/corp.pem\"\n\n[proxy]\nhost = \"proxy.corp\"\nport = 3128\nusername = "
                        "\"agent\"\npassword_file = \"/var/lib/plumbline-connector/proxy-password\"\n"));
  EXPECT_THAT(folder_.read("var/lib/plumbline-connector/proxy-password"), HasSubstr("open sesame"));
  EXPECT_EQ(mode_of(at("/var/lib/plumbline-connector/proxy-password")), 0600u);
  given.proxy_username = "";
  EXPECT_THAT(error_of(write_setup(given, places())), HasSubstr("add --proxy-username"));
  for (const char* wrong : {"proxy.corp", "https://proxy.corp:1", "proxy.corp:", "[::1]", "proxy.corp:1/x", ":3128"}) {
    given.proxy = wrong;
    EXPECT_FALSE(proxy_of(given)) << wrong;
  }
  given.proxy_username = "agent";
  for (const char* right : {"http://proxy.corp:80", "[::1]:3128", "10.0.0.1:8080", "proxy.corp:3128/"}) {
    given.proxy = right;
    EXPECT_TRUE(proxy_of(given)) << right;
  }
}

TEST_F(Setup, AStorageWithSomebodyElsesFilesIsRefused) {
  folder_.write("var/lib/plumbline-connector/photo.jpg", "x");
  EXPECT_THAT(error_of(write_setup(answers(), places())), HasSubstr("not the connector's"));
  EXPECT_FALSE(std::filesystem::exists(at(kConfigFile)));
}

TEST_F(Setup, AWrongAnswerWritesNothing) {
  auto wrong = answers();
  wrong.storage = "relative";
  EXPECT_FALSE(write_setup(wrong, places()));
  EXPECT_FALSE(write_setup(answers(""), places()));
  EXPECT_FALSE(write_setup(answers("plumb.example", "0"), places()));
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(Setup, PlainHttpIsWarnedOf) {
  const auto done = write_setup(answers("plumb.example", "80", "http"), places());
  ASSERT_TRUE(done) << error_of(done);
  EXPECT_THAT(setup_summary(*done, places()), HasSubstr("warning: PLAIN HTTP"));
}

}  // namespace
}  // namespace plumb::connector
