#include "controller/adapters/git/settings.h"

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

#include "controller/adapters/git/remote.h"
#include "controller/adapters/git/signatures.h"
#include "controller/adapters/git/version_range.h"

namespace plumb::git {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Result<Settings> parse(const std::string& spec) {
  Resource resource;
  resource.key = {"GitRepository", "default", "company"};
  resource.spec = boost::json::parse(spec);
  return git_settings(resource);
}
std::string refused(const std::string& spec) {
  const auto settings = parse(spec);
  return settings ? "" : settings.error().message;
}

TEST(GitSettings, AreReadFromTheResource) {
  const auto settings = parse(R"({"url": "ssh://deploy@host:2222/r.git", "ref": {"semver": "^1.2"}, "path": "/a//b/",
      "interval": "5m", "credentials": {"sshKeyFrom": {"env": "KEY"}, "knownHostsFile": "/etc/known"},
      "verify": {"mode": "EveryCommit", "keys": [{"name": "jane", "publicKey": "ssh-ed25519 AAAA", "paths": ["a/**"]}]}})");
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->ref.kind, Reference::Kind::semver);
  EXPECT_EQ(settings->path, "a/b");
  EXPECT_EQ(settings->interval, std::chrono::minutes(5));
  EXPECT_EQ(settings->credentials.username, "deploy");
  EXPECT_EQ(settings->credentials.ssh_key_from, "env:KEY");
  EXPECT_TRUE(settings->verify);
  EXPECT_EQ(settings->keys.at(0).paths.at(0), "a/**");
}

TEST(GitSettings, APasswordInAUrlIsRefusedAndNotRepeated) {
  EXPECT_THAT(refused(R"({"url": "https://jane:hunter2@host/r.git"})"),
              AllOf(HasSubstr("/spec/url"), HasSubstr("spec.credentials"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(refused(R"({"url": "https://ghp_token@host/r.git"})"), Not(HasSubstr("ghp_token")));
  EXPECT_THAT(refused(R"({"url": "ssh://git:hunter2@host/r.git"})"), Not(HasSubstr("hunter2")));
}

TEST(GitSettings, OnlySchemesThatAreKnownAndNoOptionsInDisguise) {
  for (const std::string url : {"http://host/r", "ext::sh -c id", "/srv/r.git", "git@host:r.git",
                                "ssh://-oProxyCommand=id/r", "ssh://-x@host/r", "file://host/r", "file://:22/r",
                                "file://me@/r", "https:///r", "https://host", "ssh://host/a b", "ssh://h:x/r"})
    EXPECT_NE(refused(R"({"url": ")" + url + R"(", "credentials": {"sshKeyFrom": {"file": "/k"}}})"), "") << url;
  EXPECT_EQ(refused(R"({"url": "file:///srv/r.git"})"), "");
  EXPECT_EQ(refused(R"({"url": "File:///srv/r.git"})"), "");
  EXPECT_THAT(refused(R"({"url": "file://localhost/srv/r.git"})"), HasSubstr("file:///srv/git/repository.git"));
  EXPECT_EQ(refused(R"({"url": "https://[::1]:8443/r.git"})"), "");
}

TEST(GitSettings, MistakesAreSaidWithTheirPlace) {
  EXPECT_THAT(refused(R"({"url": "https://h/r", "ref": {"branch": "a", "tag": "b"}})"), HasSubstr("/spec/ref"));
  EXPECT_THAT(refused(R"({"url": "https://h/r", "ref": {"branch": "a..b"}})"), HasSubstr("/spec/ref"));
  EXPECT_THAT(refused(R"({"url": "https://h/r", "ref": {"semver": "newest"}})"), HasSubstr("/spec/ref/semver"));
  EXPECT_THAT(refused(R"({"url": "https://h/r", "path": "../x"})"), HasSubstr("/spec/path"));
  EXPECT_THAT(refused(R"({"url": "ssh://h/r"})"), HasSubstr("sshKeyFrom"));
  EXPECT_THAT(refused(R"({"url": "git://h/r", "credentials": {"passwordFrom": {"env": "X"}}})"), HasSubstr("https://"));
  EXPECT_THAT(refused(R"({"url": "ssh://h/r", "credentials": {"sshKeyFrom": {"file": "/a\"b"}}})"), HasSubstr("/a\"b"));
  EXPECT_THAT(refused(R"({"url": "https://h/r", "verify": {"mode": "EveryCommit"}})"), HasSubstr("/spec/verify/keys"));
  EXPECT_THAT(refused(R"({"url": "https://h/r", "acceptRewind": "a..b"})"), HasSubstr("/spec/acceptRewind"));
}

TEST(GitSettings, ASecretIsWhereItsReaderCanFindIt) {
  const auto password = [](const std::string& source) {
    return R"({"url": "https://h/r", "credentials": {"passwordFrom": )" + source + "}}";
  };
  const auto read = [&](const std::string& source) {
    const auto settings = parse(password(source));
    return settings ? settings->credentials.password_from : settings.error().message;
  };
  EXPECT_EQ(read(R"({"systemd": "git.token"})"), "systemd:git.token");
  EXPECT_EQ(read(R"({"vault": {"path": "secret/git", "key": "token"}})"), "vault:secret/git#token");
  EXPECT_THAT(read(R"({"sops": {"file": "s.yaml", "key": "/a", "sha256": ")" + std::string(64, 'a') + R"("}})"),
              HasSubstr("sops is not possible here"));
}

TEST(GitSettings, GlobsKeepToDirectoriesUnlessTheySayOtherwise) {
  EXPECT_TRUE(matches_any({}, "any/thing"));
  EXPECT_TRUE(matches_any({"users/*.yaml"}, "users/jane.yaml"));
  EXPECT_FALSE(matches_any({"users/*.yaml"}, "users/a/jane.yaml"));
  EXPECT_TRUE(matches_any({"users/**"}, "users/a/jane.yaml"));
  EXPECT_TRUE(matches_any({"**/jane.yaml"}, "jane.yaml"));
  EXPECT_TRUE(matches_any({"users/"}, "users/a/jane.yaml"));
  EXPECT_FALSE(matches_any({"users/**"}, "users-old/jane.yaml"));
  EXPECT_FALSE(matches_any({"j?ne"}, "j/ne"));
}

TEST(GitVersions, AreOrderedAsSemverSays) {
  const std::vector<std::string> order = {"1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
                                          "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",       "1.0.0",
                                          "v1.2.0",       "1.10.0"};
  for (std::size_t i = 1; i < order.size(); ++i)
    EXPECT_LT(*Version::parse(order[i - 1]), *Version::parse(order[i])) << order[i];
  EXPECT_FALSE(Version::parse("1.2"));
  EXPECT_FALSE(Version::parse("release-1"));
  EXPECT_EQ(*Version::parse("1.2.3+build"), *Version::parse("1.2.3"));
}

TEST(GitVersions, RangesHoldWhatTheySay) {
  const auto holds = [](const std::string& range, const std::string& version) {
    return VersionRange::parse(range)->contains(*Version::parse(version));
  };
  EXPECT_TRUE(holds("^1.2", "1.9.0"));
  EXPECT_FALSE(holds("^1.2", "2.0.0"));
  EXPECT_FALSE(holds("^1.2", "1.1.9"));
  EXPECT_TRUE(holds("^0.2.3", "0.2.9"));
  EXPECT_FALSE(holds("^0.2.3", "0.3.0"));
  EXPECT_TRUE(holds("~1.4.2", "1.4.9"));
  EXPECT_FALSE(holds("~1.4.2", "1.5.0"));
  EXPECT_TRUE(holds("1.x", "1.99.0"));
  EXPECT_TRUE(holds("*", "7.0.0"));
  EXPECT_TRUE(holds(">=1 <2 || >=3", "3.1.0"));
  EXPECT_FALSE(holds(">=1 <2 || >=3", "2.0.0"));
  EXPECT_FALSE(holds(">1.2", "1.2.5"));
  EXPECT_TRUE(holds("<=1.2", "1.2.5"));
  EXPECT_FALSE(holds(">=1", "2.0.0-rc.1"));
  EXPECT_FALSE(VersionRange::parse(""));
  EXPECT_FALSE(VersionRange::parse("1 ||"));
}

TEST(GitRefs, TheBranchOfHeadIsTheDefault) {
  const Advertised there{{{"refs/heads/main", "1"}, {"refs/heads/dev", "2"}}, "refs/heads/main"};
  EXPECT_EQ(choose({}, there)->id, "1");
  EXPECT_EQ(choose({Reference::Kind::branch, "dev"}, there)->id, "2");
  EXPECT_EQ(choose({}, {{{"refs/heads/main", "1"}}, ""}).error().fault, Fault::unavailable);
}

TEST(GitSignatures, AreTakenFromTheHeaderOnlyAndOnce) {
  const auto commit = take_apart("tree a\ngpgsig one\n two\n \ngpgsig-sha256 x\n y\nencoding z\n\ntext\ngpgsig no\n");
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->signature, "one\ntwo\n\n");
  EXPECT_EQ(commit->payload, "tree a\nencoding z\n\ntext\ngpgsig no\n");
  EXPECT_FALSE(take_apart("tree a\ngpgsig one\ngpgsig two\n\ntext"));
  EXPECT_EQ(take_apart("")->payload, "");
  EXPECT_EQ(take_apart("tree a")->payload, "tree a");
}

}  // namespace
}  // namespace plumb::git
