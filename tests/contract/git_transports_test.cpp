// The Git source over every transport, against the servers that people run: git daemon, git-http-backend behind
// lighttpd with TLS and sign-in, OpenSSH.
#include <fstream>

#include <pwd.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "controller/adapters/git/git_source.h"
#include "controller/adapters/secrets/secret_store.h"
#include "tests/support/git_servers.h"

namespace plumb::git {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class GitTransports : public ::testing::Test {
 protected:
  GitTransports() { first_ = world_.commit({{"a.yaml", "a: 1\n"}, {"d/b.yaml", "b: 1\n"}}); }

  Result<std::unique_ptr<GitSource>> open() {
    settings_.key = {"GitRepository", "default", "company"};
    return GitSource::open(settings_, {world_.base() / "state"}, *secrets_);
  }
  // What every transport must do: the whole tree, no change, one commit, a force push, a branch that is gone.
  void follows_the_remote() {
    auto opened = open();
    ASSERT_TRUE(opened) << opened.error().message;
    GitSource& source = **opened;
    const auto whole = source.read("", Deadline::never());
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_EQ(whole->changed.size(), 2U);
    EXPECT_EQ(*source.head(Deadline::never()), first_);
    EXPECT_TRUE(source.read(first_, Deadline::never())->changed.empty());

    const std::string second = world_.commit({{"a.yaml", "a: 2\n"}});
    EXPECT_EQ(*source.head(Deadline::never()), second);
    const auto delta = source.read(first_, Deadline::never());
    ASSERT_TRUE(delta) << delta.error().message;
    ASSERT_EQ(delta->changed.size(), 1U);
    EXPECT_EQ(*delta->changed[0].content, "a: 2\n");

    world_.git({"commit", "-q", "--amend", "-m", "another"});
    world_.push({"--force"});
    EXPECT_THAT(source.read(second, Deadline::never()).error().message, HasSubstr("was rewritten"));
    world_.run({"git", "-C", world_.remote().string(), "update-ref", "-d", "refs/heads/main"});
    EXPECT_EQ(source.read(second, Deadline::never()).error().fault, Fault::unavailable);
    EXPECT_EQ(source.accepted(), second);
  }
  Error refusal() {
    auto opened = open();
    if (!opened) return opened.error();
    const auto head = (*opened)->head(Deadline::never());
    return head ? Error{Fault::internal, "it was not refused", {}} : head.error();
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(world_.base() / name) << text;
    ::chmod((world_.base() / name).c_str(), 0600);
    return (world_.base() / name).string();
  }
  static std::string me() { return ::getpwuid(::getuid())->pw_name; }

  test::GitWorld world_;
  std::unique_ptr<SecretStore> secrets_ = secrets::make_secret_store();
  Settings settings_;
  std::string first_;
};

TEST_F(GitTransports, File) {
  settings_.url = world_.url();
  follows_the_remote();
}

TEST_F(GitTransports, GitDaemon) {
  const test::Server server = test::git_daemon(world_);
  settings_.url = "git://127.0.0.1:" + std::to_string(server.port()) + "/remote.git";
  follows_the_remote();
}

class GitHttps : public GitTransports {
 protected:
  GitHttps() : server_(test::https_server(world_, "correct-horse-battery")) {
    settings_.url = "https://localhost:" + std::to_string(server_.port()) + "/git/remote.git";
    settings_.ca_file = (world_.base() / "cert.pem").string();
    settings_.credentials.username = "jane";
    settings_.credentials.password_from = "file:" + write("password", "correct-horse-battery\n");
  }
  test::Server server_;
};

TEST_F(GitHttps, SignsInAndFollows) { follows_the_remote(); }

TEST_F(GitHttps, AWrongPasswordIsDeniedAndNotShown) {
  write("password", "wrong-horse-battery\n");
  const Error error = refusal();
  EXPECT_EQ(error.fault, Fault::denied);
  EXPECT_THAT(error.message, HasSubstr("refuses the password of user \"jane\""));
  EXPECT_THAT(error.message, Not(HasSubstr("wrong-horse")));
}

TEST_F(GitHttps, NoPasswordIsSaid) {
  settings_.credentials.password_from.clear();
  EXPECT_THAT(refusal().message, HasSubstr("spec.credentials.passwordFrom"));
}

TEST_F(GitHttps, ACertificateOfNobodyKnownIsDenied) {
  settings_.ca_file.clear();
  const Error error = refusal();
  EXPECT_EQ(error.fault, Fault::denied);
  EXPECT_THAT(error.message, HasSubstr("certificate is not trusted"));
}

TEST_F(GitHttps, ACertificateForAnotherNameIsDenied) {
  settings_.url = "https://127.0.0.1:" + std::to_string(server_.port()) + "/git/remote.git";
  EXPECT_EQ(refusal().fault, Fault::denied);
}

TEST_F(GitHttps, RedirectsAreFollowedOnTheSameOriginOnly) {
  const std::string origin = "https://localhost:" + std::to_string(server_.port());
  settings_.url = origin + "/moved/remote.git";
  const Error error = refusal();
  EXPECT_EQ(error.fault, Fault::unavailable);
  EXPECT_THAT(error.message, HasSubstr("the server redirects to localhost:1"));
  settings_.url = origin + "/renamed/remote.git";
  EXPECT_EQ(refusal().message, "it was not refused");
}

class GitSsh : public GitTransports {
 protected:
  GitSsh() : key_(world_.make_ssh_key("client")), rsa_(world_.make_ssh_key("client_rsa", "rsa")) {
    server_.emplace(world_, key_, rsa_);
    settings_.url = "ssh://" + me() + "@127.0.0.1:" + std::to_string(server_->server.port()) + world_.remote().string();
    settings_.credentials.username = me();
    settings_.credentials.ssh_key_from = "file:" + key_;
    know("host_ed25519");
  }
  void know(const std::string& host_key) {
    settings_.credentials.known_hosts_file =
        write("known_hosts", "[127.0.0.1]:" + std::to_string(server_->server.port()) + " " +
                                 test::GitWorld::text_of(world_.base() / (host_key + ".pub")));
  }
  struct Running {
    Running(const test::GitWorld& world, const std::string& key, const std::string& rsa)
        : server(test::ssh_server(world, {key, rsa})) {}
    test::Server server;
  };
  std::string key_, rsa_;
  std::optional<Running> server_;
};

TEST_F(GitSsh, FollowsWithAKeyFile) { follows_the_remote(); }

TEST_F(GitSsh, FollowsWithAnRsaKeyFromTheEnvironmentAndAnRsaHostKey) {
  know("host_rsa");
  ::setenv("PLUMB_TEST_GIT_KEY", test::GitWorld::text_of(rsa_).c_str(), 1);
  settings_.credentials.ssh_key_from = "env:PLUMB_TEST_GIT_KEY";
  follows_the_remote();
  std::size_t keys = 0, files = 0;
  for (const auto& each : std::filesystem::recursive_directory_iterator(world_.base() / "state")) {
    ++files;
    if (each.path().filename().string().starts_with("key-")) ++keys;
  }
  EXPECT_GT(files, 5U);
  EXPECT_EQ(keys, 0U);
}

TEST_F(GitSsh, AnUnknownHostIsDenied) {
  settings_.credentials.known_hosts_file = write("known_hosts", "");
  const Error error = refusal();
  EXPECT_EQ(error.fault, Fault::denied);
  EXPECT_THAT(error.message, HasSubstr("Host key verification failed"));
}

TEST_F(GitSsh, AHostWithAnotherKeyIsDenied) {
  know("client");
  EXPECT_EQ(refusal().fault, Fault::denied);
}

TEST_F(GitSsh, AKeyThatTheServerDoesNotKnowIsDenied) {
  settings_.credentials.ssh_key_from = "file:" + world_.make_ssh_key("stranger");
  const Error error = refusal();
  EXPECT_EQ(error.fault, Fault::denied);
  EXPECT_THAT(error.message, HasSubstr("Permission denied"));
}

TEST_F(GitTransports, NobodyThereIsSaidAtOnce) {
  settings_.url = "git://127.0.0.1:" + std::to_string(test::free_port()) + "/remote.git";
  const Error error = refusal();
  EXPECT_EQ(error.fault, Fault::unavailable);
  EXPECT_THAT(error.message, HasSubstr("Connection refused"));
}

class GitSilence : public GitTransports, public ::testing::WithParamInterface<const char*> {};

TEST_P(GitSilence, AServerThatSaysNothingIsLeftInTime) {
  const test::SilentServer server;
  settings_.url = std::string(GetParam()) + "127.0.0.1:" + std::to_string(server.port()) + "/remote.git";
  settings_.timeout = std::chrono::milliseconds(300);
  settings_.credentials.ssh_key_from = "file:" + world_.make_ssh_key("client");
  settings_.credentials.known_hosts_file = write("known_hosts", "");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal().fault, Fault::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}
INSTANTIATE_TEST_SUITE_P(Transports, GitSilence, ::testing::Values("git://", "https://", "ssh://"));

}  // namespace
}  // namespace plumb::git
