#include "controller/app/webhook.h"

#include <atomic>
#include <future>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/digest.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/net/raw_client.h"

namespace plumb::app {
namespace {

using namespace std::chrono_literals;
using Provider = WebhookSettings::Provider;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class FakeSecrets final : public SecretStore {
 public:
  std::map<std::string, std::string> secrets;
  Result<Secret> fetch(const std::string& reference) override {
    ++fetched;
    if (!secrets.contains(reference)) return fail(Fault::not_found, "there is no {}", reference);
    return Secret(std::string(secrets[reference]));
  }
  Result<void> deliver(const std::string&, const Secret&) override { return {}; }
  Result<void> handed_over(const std::string&) override { return {}; }
  int fetched = 0;
};

constexpr const char* kSecret = "It's a Secret to Everybody";

class Webhook : public ::testing::Test {
 protected:
  Webhook() { secrets_.secrets["env:HOOK"] = kSecret; }

  static WebhookSettings hook(Provider provider, const std::string& name = "company") {
    WebhookSettings settings;
    settings.name = "GitRepository/default/" + name;
    settings.listen = "127.0.0.1:0";
    settings.path = "/hooks/" + name;
    settings.provider = provider;
    settings.secret_from = "env:HOOK";
    return settings;
  }
  void listen(std::vector<WebhookSettings> hooks) {
    auto made = WebhookReceiver::make(
        std::move(hooks), secrets_, clock_, [this](const std::string& name) { poked_.push_back(name); },
        [this](Duration delay, std::function<void()> what) { later_.emplace_back(delay, std::move(what)); });
    ASSERT_TRUE(made) << made.error().message;
    receiver_ = std::move(*made);
  }
  int status(net::Headers headers, const std::string& body = "Hello, World!",
             const std::string& path = "/hooks/company", const std::string& method = "POST") {
    return receiver_->handle({.method = method, .path = path, .headers = std::move(headers), .body = body}).status;
  }
  int valid() { return status({{"X-Hub-Signature-256", "sha256=" + hmac_sha256(kSecret, "Hello, World!")}}); }

  test::FakeClock clock_;
  FakeSecrets secrets_;
  std::vector<std::string> poked_;
  std::vector<std::pair<Duration, std::function<void()>>> later_;
  std::unique_ptr<WebhookReceiver> receiver_;
};

TEST_F(Webhook, GitHubsOwnExampleIsTaken) {
  listen({hook(Provider::github)});
  const std::string right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  EXPECT_EQ(status({{"x-hub-signature-256", right}}), 202);
  EXPECT_EQ(poked_, std::vector<std::string>{"GitRepository/default/company"});

  EXPECT_EQ(status({{"X-Hub-Signature-256", right}}, "Hello, World?"), 401);
  EXPECT_EQ(status({{"X-Hub-Signature-256", right.substr(7)}}), 401);
  EXPECT_EQ(status({{"X-Hub-Signature-256", "sha256="}}), 401);
  EXPECT_EQ(status({{"X-Hub-Signature-256", right}, {"X-Hub-Signature-256", right}}), 401);
  EXPECT_EQ(status({{"X-Hub-Signature", "sha1=" + std::string(40, 'a')}}), 401);
  EXPECT_EQ(status({}), 401);
  EXPECT_EQ(poked_.size(), 1U);
}

TEST_F(Webhook, GitLabSendsTheSecretItself) {
  listen({hook(Provider::gitlab)});
  EXPECT_EQ(status({{"X-Gitlab-Token", kSecret}}), 202);
  EXPECT_EQ(status({{"X-Gitlab-Token", std::string(kSecret) + "x"}}), 401);
  EXPECT_EQ(status({{"X-Gitlab-Token", ""}}), 401);
  EXPECT_EQ(status({}), 401);
}

TEST_F(Webhook, GiteaAndForgejoSignUnderTheirOwnNamesOrAsGitHub) {
  listen({hook(Provider::gitea)});
  const std::string hex = hmac_sha256(kSecret, "Hello, World!");
  EXPECT_EQ(status({{"X-Gitea-Signature", hex}}), 202);
  EXPECT_EQ(status({{"X-Forgejo-Signature", hex}}), 202);
  EXPECT_EQ(status({{"X-Hub-Signature-256", "sha256=" + hex}}), 202);
  EXPECT_EQ(status({{"X-Gitea-Signature", std::string(64, '0')}}), 401);
  EXPECT_EQ(status({{"X-Gitlab-Token", kSecret}}), 401);
}

TEST_F(Webhook, AnyOtherIsDescribedByItsHeaderAlgorithmAndEncoding) {
  WebhookSettings other = hook(Provider::generic);
  other.signature = {.header = "X-Sum",
                     .algorithm = WebhookSettings::Signature::Algorithm::sha512,
                     .encoding = WebhookSettings::Signature::Encoding::base64,
                     .prefix = "v1,"};
  listen({other});
  // printf 'Hello, World!' | openssl dgst -sha512 -hmac "It's a Secret to Everybody" -binary | base64
  EXPECT_EQ(status({{"X-Sum",
                     "v1,Ee01WmF+mBNOhCASp5RMz1nBAlbLGCNXvX46QgE/8Hw3b4wUz1zBkj2iC1HWQlay+4678QCqZ6YTJvYf6oERvA=="}}),
            202);
  EXPECT_EQ(status({{"X-Sum", "v1," + hmac_sha512(kSecret, "Hello, World!")}}), 401);
}

TEST_F(Webhook, ATimestampIsSignedTooAndMustBeRecent) {
  WebhookSettings other = hook(Provider::generic);
  other.signature.timestamp_header = "X-Time";
  listen({other});
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.now()).time_since_epoch().count();
  const auto at = [&](const std::string& stamp) {
    return status({{"X-Time", stamp}, {"X-Signature", hmac_sha256(kSecret, stamp + ".Hello, World!")}});
  };
  EXPECT_EQ(at(std::to_string(now)), 202);
  EXPECT_EQ(at(std::to_string(now - 300)), 202);
  EXPECT_EQ(at(std::to_string(now - 301)), 401);
  EXPECT_EQ(at(std::to_string(now + 301)), 401);
  for (const char* stamp : {"", "x", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "1 "})
    EXPECT_EQ(at(stamp), 401) << stamp;
  EXPECT_EQ(status({{"X-Time", std::to_string(now)}, {"X-Signature", hmac_sha256(kSecret, "Hello, World!")}}), 401);
}

TEST_F(Webhook, TellsNothingToWhoeverAsks) {
  listen({hook(Provider::github)});
  EXPECT_EQ(status({}, "", "/hooks/other"), 404);
  EXPECT_EQ(status({}, "", "/"), 404);
  EXPECT_EQ(status({}, "", "/hooks/company", "GET"), 405);
  for (const auto& request :
       {net::Request{.method = "POST", .path = "/hooks/company"}, net::Request{.method = "POST", .path = "/hooks/x"}})
    EXPECT_EQ(receiver_->handle(request).body, "");
  EXPECT_TRUE(poked_.empty());
}

TEST_F(Webhook, ManyWithinASecondPokeOnceMoreAtItsEnd) {
  listen({hook(Provider::github)});
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(valid(), 202);
    clock_.advance(20ms);
  }
  EXPECT_EQ(poked_.size(), 1U);
  ASSERT_EQ(later_.size(), 1U);
  EXPECT_EQ(later_[0].first, 980ms);
  clock_.advance(800ms);
  later_[0].second();
  EXPECT_EQ(poked_.size(), 2U);  // what came in between is not lost
  EXPECT_EQ(valid(), 202);
  EXPECT_EQ(poked_.size(), 2U);
  EXPECT_EQ(later_.size(), 2U);
  clock_.advance(1s);
  later_[1].second();
  clock_.advance(1s);
  EXPECT_EQ(valid(), 202);
  EXPECT_EQ(poked_.size(), 4U);
  EXPECT_EQ(later_.size(), 2U);
}

TEST_F(Webhook, AFloodIsTurnedAwayAndEnds) {
  listen({hook(Provider::github), hook(Provider::github, "other")});
  int refused = 0;
  for (int i = 0; i < 1000; ++i) refused += status({{"X-Hub-Signature-256", "sha256=00"}}) == 429 ? 1 : 0;
  EXPECT_EQ(refused, 900);
  EXPECT_EQ(valid(), 429);
  EXPECT_EQ(status({}, "", "/hooks/other"), 401);  // each has its own allowance
  clock_.advance(1s);
  EXPECT_EQ(valid(), 202);
}

TEST_F(Webhook, ASecretThatWasChangedIsReadAgain) {
  listen({hook(Provider::gitlab)});
  secrets_.secrets["env:HOOK"] = "new";
  EXPECT_EQ(status({{"X-Gitlab-Token", "new"}}), 401);
  clock_.advance(10s);
  EXPECT_EQ(status({{"X-Gitlab-Token", "new"}}), 202);
  EXPECT_EQ(status({{"X-Gitlab-Token", kSecret}}), 401);
  const int fetched = secrets_.fetched;
  for (int i = 0; i < 50; ++i) status({{"X-Gitlab-Token", "wrong"}});
  EXPECT_EQ(secrets_.fetched, fetched);
  // Where it cannot be read, or is empty, the one that was known stays.
  secrets_.secrets["env:HOOK"] = "";
  clock_.advance(10s);
  EXPECT_EQ(status({{"X-Gitlab-Token", ""}}), 401);
  EXPECT_EQ(status({{"X-Gitlab-Token", "new"}}), 202);
}

TEST_F(Webhook, CannotBeMadeWithoutASecretOrForAPathTwice) {
  const auto refused = [&](std::vector<WebhookSettings> hooks) {
    const auto made = WebhookReceiver::make(std::move(hooks), secrets_, clock_, {}, {});
    return made ? "" : made.error().message;
  };
  EXPECT_THAT(refused({hook(Provider::github), hook(Provider::gitlab)}), HasSubstr("path of another webhook"));
  secrets_.secrets["env:HOOK"] = "";
  EXPECT_THAT(refused({hook(Provider::github)}), HasSubstr("let anybody in"));
  secrets_.secrets.clear();
  EXPECT_THAT(refused({hook(Provider::github)}), HasSubstr("there is no env:HOOK"));
}

TEST_F(Webhook, IsReceivedOverASocketAndPokesOnItsThread) {
  RealClock clock;
  std::promise<std::string> poked;
  const auto servers = WebhookServers::start({hook(Provider::github)}, secrets_, clock,
                                             [&](const std::string& name) { poked.set_value(name); });
  ASSERT_TRUE(servers) << servers.error().message;
  ASSERT_EQ((*servers)->urls().size(), 1U);
  const std::string url = (*servers)->urls().front();
  test::RawClient client(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
  client.send(
      fmt::format("POST /hooks/company HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={}\r\n"
                  "Content-Length: 4\r\n\r\npush",
                  hmac_sha256(kSecret, "push")));
  const std::string response = client.read_response();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 202 Accepted\r\n"));
  EXPECT_THAT(response, Not(HasSubstr("company")));
  auto name = poked.get_future();
  ASSERT_EQ(name.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(name.get(), "GitRepository/default/company");
  client.send("POST /hooks/company HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n");
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(Webhook, BurstsOverASocketArePokedForTwice) {
  RealClock clock;
  std::atomic<int> pokes = 0;
  std::promise<void> second;
  const auto servers = WebhookServers::start({hook(Provider::gitlab)}, secrets_, clock, [&](const std::string&) {
    if (++pokes == 2) second.set_value();
  });
  ASSERT_TRUE(servers) << servers.error().message;
  const std::string url = (*servers)->urls().front();
  test::RawClient client(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
  for (int i = 0; i < 10; ++i) {
    client.send(fmt::format("POST /hooks/company HTTP/1.1\r\nHost: x\r\nX-Gitlab-Token: {}\r\n\r\n", kSecret));
    ASSERT_THAT(client.read_response(), StartsWith("HTTP/1.1 202"));
  }
  EXPECT_EQ(second.get_future().wait_for(10s), std::future_status::ready);
}

TEST_F(Webhook, OneAddressHasOneSetOfTlsFiles) {
  WebhookSettings with_tls = hook(Provider::github, "other");
  with_tls.tls = net::TlsFiles{"/c", "/k"};
  const auto servers = WebhookServers::start({hook(Provider::github), with_tls}, secrets_, clock_, {});
  ASSERT_FALSE(servers);
  EXPECT_THAT(servers.error().message, HasSubstr("different TLS files"));
}

class WebhookSettingsOf : public ::testing::Test {
 protected:
  static Result<WebhookSettings> read(Object fields) {
    if (!fields.contains("secretFrom")) fields["secretFrom"] = {{"env", "HOOK"}};
    return webhook_settings("GitRepository/default/company", "company", fields);
  }
  static std::string refused(Object fields) {
    const auto settings = read(std::move(fields));
    return settings ? "" : settings.error().message;
  }
};

TEST_F(WebhookSettingsOf, AnEmptyMappingAreTheDefaults) {
  const auto settings = read({});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->listen, "127.0.0.1:8787");
  EXPECT_EQ(settings->path, "/hooks/company");
  EXPECT_EQ(settings->secret_from, "env:HOOK");
  EXPECT_EQ(settings->provider, Provider::github);
  EXPECT_FALSE(settings->tls);
}

TEST_F(WebhookSettingsOf, AMappingAreReadAndChecked) {
  const auto settings = read({{"provider", "Generic"},
                              {"listen", "[::]:9000"},
                              {"path", "/x/y"},
                              {"secretFrom", {{"file", "/s"}}},
                              {"tls", {{"certificateFile", "/c"}, {"keyFile", "/k"}}},
                              {"signature",
                               {{"header", "X-S"},
                                {"algorithm", "SHA512"},
                                {"encoding", "Base64"},
                                {"prefix", "v1="},
                                {"timestampHeader", "X-T"},
                                {"tolerance", "1m"}}}});
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->secret_from, "file:/s");
  EXPECT_EQ(settings->tls->key, "/k");
  EXPECT_EQ(settings->signature.timestamp_header, "X-T");
  EXPECT_EQ(settings->signature.tolerance, 1min);
  EXPECT_EQ(settings->signature.algorithm, WebhookSettings::Signature::Algorithm::sha512);

  EXPECT_THAT(refused({{"provider", "Github"}}), HasSubstr("did you mean \"GitHub\"?"));
  EXPECT_THAT(refused({{"path", "hooks"}}), HasSubstr("/spec/webhook/path"));
  EXPECT_THAT(refused({{"path", "/a b"}}), HasSubstr("/spec/webhook/path"));
  EXPECT_THAT(refused({{"secretFrom", Object()}}), HasSubstr("exactly one of env, file"));
  const Object sops{{"sops", Object{{"file", "s.yaml"}, {"key", "/k"}, {"sha256", std::string(64, 'a')}}}};
  EXPECT_THAT(refused({{"secretFrom", sops}}), HasSubstr("sops is not possible here"));
  EXPECT_THAT(refused({{"tls", {{"keyFile", "/k"}}}}), HasSubstr("both needed"));
  EXPECT_THAT(refused({{"signature", {{"header", "X"}}}}), HasSubstr("goes with provider Generic"));
  EXPECT_THAT(refused({{"provider", "Generic"}, {"signature", {{"tolerance", "soon"}}}}), HasSubstr("tolerance"));
}

}  // namespace
}  // namespace plumb::app
