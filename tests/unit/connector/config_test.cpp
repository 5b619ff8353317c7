#include "connector/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/connector/temporary.h"

namespace plumb::connector {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct ServerCase {
  const char *server, *protocol, *port, *url;
};
class Server : public testing::TestWithParam<ServerCase> {};

TEST_P(Server, IsTheSameHoweverItIsSaid) {
  const auto place = server_place({GetParam().server, GetParam().protocol, GetParam().port});
  ASSERT_TRUE(place) << place.error().message;
  EXPECT_EQ(to_string(place->url), GetParam().url);
}
INSTANTIATE_TEST_SUITE_P(Table, Server,
                         testing::Values(ServerCase{"plumb.example", "", "", "https://plumb.example/"},
                                         ServerCase{"plumb.example", "https", "", "https://plumb.example/"},
                                         ServerCase{"plumb.example", "HTTP", "", "http://plumb.example/"},
                                         ServerCase{"plumb.example", "http", "80", "http://plumb.example/"},
                                         ServerCase{"plumb.example", "https", "80", "https://plumb.example:80/"},
                                         ServerCase{"plumb.example", "", "8443", "https://plumb.example:8443/"},
                                         ServerCase{"plumb.example:8443", "", "", "https://plumb.example:8443/"},
                                         ServerCase{"plumb.example:8443", "", "8443", "https://plumb.example:8443/"},
                                         ServerCase{"https://plumb.example", "http", "80", "https://plumb.example/"},
                                         ServerCase{"http://plumb.example", "", "", "http://plumb.example/"},
                                         ServerCase{"https://Plumb.Example:8443/", "", "",
                                                    "https://plumb.example:8443/"},
                                         ServerCase{"10.1.2.3", "http", "", "http://10.1.2.3/"},
                                         ServerCase{"fd00::1", "", "8443", "https://[fd00::1]:8443/"},
                                         ServerCase{"[fd00::1]:8443", "", "", "https://[fd00::1]:8443/"}));

class WrongServer : public testing::TestWithParam<ServerCase> {};  // url: what the error says
TEST_P(WrongServer, IsRefusedWithWhatToDo) {
  EXPECT_THAT(error_of(server_place({GetParam().server, GetParam().protocol, GetParam().port})),
              HasSubstr(GetParam().url));
}
INSTANTIATE_TEST_SUITE_P(Table, WrongServer,
                         testing::Values(ServerCase{"plumb.example", "ftp", "", "neither https nor http"},
                                         ServerCase{"ftp://plumb.example", "", "", "http:// or https://"},
                                         ServerCase{"plumb.example", "", "0", "not a port"},
                                         ServerCase{"plumb.example", "", "65536", "not a port"},
                                         ServerCase{"plumb.example:1", "", "2", "another port than 2"},
                                         ServerCase{"https://plumb.example/app", "", "", "https://plumb.example"},
                                         ServerCase{"https://me:pw@plumb.example", "", "", "user name"},
                                         ServerCase{"plumb example", "", "", "space"}));

TEST(ServerWarnings, PlainHttpIsLoudAndAnAddressByHttpsIsDoubted) {
  EXPECT_THAT(server_place({"10.1.2.3", "http", ""})->warnings, ElementsAre(HasSubstr("PLAIN HTTP")));
  EXPECT_THAT(server_place({"10.1.2.3", "", ""})->warnings, ElementsAre(HasSubstr("subjectAltName")));
  EXPECT_THAT(server_place({"plumb.example", "", ""})->warnings, IsEmpty());
  EXPECT_THAT(server_place({"https://plumb.example", "http", "80"})->warnings, ElementsAre(HasSubstr("not heeded")));
}

class ConfigFile : public testing::Test {
 protected:
  Result<Config> load(std::string_view text, const Environment& environment = {}) {
    return load_config(folder_.write("connector.toml", text), environment);
  }
  Temporary folder_;
};

TEST_F(ConfigFile, LeastOneHasTheDefaults) {
  const auto config = load("[server]\nurl = \"plumb.example\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(to_string(config->server), "https://plumb.example/");
  EXPECT_FALSE(config->plain);
  EXPECT_EQ(config->storage, "/var/lib/plumbline-connector");
  EXPECT_EQ(config->policy_file, "/etc/plumbline-connector/policy.toml");
  EXPECT_EQ(config->token_file, "/var/lib/plumbline-connector/token");
  EXPECT_EQ(config->dial_timeout, std::chrono::seconds(10));
  EXPECT_TRUE(config->channel_binding);
  EXPECT_FALSE(config->proxy);
  EXPECT_FALSE(config->name_hint.empty());
  EXPECT_THAT(config->warnings, IsEmpty());
}

TEST_F(ConfigFile, EverythingCanBeSaid) {
  folder_.write("proxy-password", "open sesame\n");
  const auto config = load(R"(
storage = "/srv/agent"
policy_file = "/etc/policy.toml"
secrets_directory = "/etc/secrets"
name = "berlin-1"
[server]
url = "http://plumb.example:8080"
ca_file = "/etc/ca.pem"
dial_timeout = "3s"
channel_binding = false
[proxy]
host = "proxy.corp"
port = 3128
username = "agent"
password_file = ")" + (folder_.path() / "proxy-password").string() +
                           R"("
[log]
level = "debug"
file_megabytes = 2
files = 3
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->plain);
  EXPECT_EQ(config->server.port, 8080);
  EXPECT_EQ(config->storage, "/srv/agent");
  EXPECT_EQ(config->log_file(), "/srv/agent/log/connector.log");
  EXPECT_EQ(config->name_hint, "berlin-1");
  EXPECT_EQ(config->dial_timeout, std::chrono::seconds(3));
  EXPECT_FALSE(config->channel_binding);
  ASSERT_TRUE(config->proxy);
  EXPECT_EQ(config->proxy->port, 3128);
  EXPECT_EQ(config->proxy->password->reveal(), "open sesame");
  EXPECT_EQ(config->log_level, log::Level::debug);
  EXPECT_EQ(config->log_file_size, 2u << 20);
}

TEST_F(ConfigFile, TheEnvironmentStandsOverIt) {
  const auto config = load("storage = \"/a\"\n[server]\nurl = \"http://old.example:8080\"\n",
                           {{"PLUMBLINE_CONNECTOR_SERVER", "new.example"},
                            {"PLUMBLINE_CONNECTOR_PORT", "8443"},
                            {"PLUMBLINE_CONNECTOR_STORAGE", "/b"},
                            {"PLUMBLINE_CONNECTOR_TOKEN_FILE", "/run/token"},
                            {"CREDENTIALS_DIRECTORY", "/run/credentials/x"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(to_string(config->server), "https://new.example:8443/");
  EXPECT_EQ(config->storage, "/b");
  EXPECT_EQ(config->token_file, "/run/token");
  EXPECT_EQ(config->secrets_directory, "/run/credentials/x");
}

TEST_F(ConfigFile, IsNotNeededWhereTheEnvironmentSaysAll) {
  const auto config = load_config(folder_.path() / "none.toml", {{"PLUMBLINE_CONNECTOR_SERVER", "plumb.example"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(to_string(config->server), "https://plumb.example/");
}

TEST_F(ConfigFile, EveryMistakeIsToldWithItsPlace) {
  const auto config = load("storge = \"/a\"\n[server]\nurl = 5\ndial_timeout = \"soon\"\nchanel_binding = true\n");
  const std::string error = error_of(config);
  EXPECT_THAT(error, HasSubstr("connector.toml:1:1: there is no key \"storge\" (did you mean \"storage\"?)"));
  EXPECT_THAT(error, HasSubstr("connector.toml:3:1: [server] url must be a text in quotes"));
  EXPECT_THAT(error, HasSubstr("connector.toml:4:1: [server] dial_timeout"));
  EXPECT_THAT(error, HasSubstr("connector.toml:5:1: [server]: there is no key \"chanel_binding\" (did you mean "
                               "\"channel_binding\"?)"));
}

TEST_F(ConfigFile, ASyntaxErrorHasItsPlace) {
  EXPECT_THAT(error_of(load("[server]\nurl = \"x\n")), HasSubstr("connector.toml:2:"));
}

TEST_F(ConfigFile, WithoutAServerSaysHowToGetOne) {
  EXPECT_THAT(error_of(load("")), HasSubstr("plumbline-connector setup"));
}

TEST_F(ConfigFile, AMisspeltVariableIsAnError) {
  EXPECT_THAT(error_of(load("[server]\nurl = \"x\"\n", {{"PLUMBLINE_CONNECTOR_SEVER", "y"}})),
              HasSubstr("did you mean \"PLUMBLINE_CONNECTOR_SERVER\"?"));
}

TEST_F(ConfigFile, PlainHttpIsRefusedWhereTlsIsRequired) {
  EXPECT_THAT(error_of(load("[server]\nurl = \"http://x\"\nrequire_tls = true\n")), HasSubstr("require_tls"));
}

TEST_F(ConfigFile, ARelativePathIsRefused) {
  EXPECT_THAT(error_of(load("storage = \"data\"\n[server]\nurl = \"x\"\n")), HasSubstr("must be an absolute path"));
}

TEST_F(ConfigFile, ThatOthersMayWriteToIsRefused) {
  const auto file = folder_.write("connector.toml", "[server]\nurl = \"x\"\n");
  std::filesystem::permissions(file, std::filesystem::perms(0646));
  const auto config = load_config(file, {});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().fault, Fault::denied);
  EXPECT_THAT(config.error().message, HasSubstr("chmod go-w"));
}

TEST_F(ConfigFile, APasswordIsInNoError) {
  folder_.write("proxy-password", "open sesame");
  const auto config = load("[server]\nurl = \"x\"\n[proxy]\nhost = \"p\"\nport = 1\n",
                           {{"PLUMBLINE_CONNECTOR_PROXY_PASSWORD", "open sesame"}});
  EXPECT_THAT(error_of(config), HasSubstr("no username"));
  EXPECT_THAT(error_of(config), Not(HasSubstr("sesame")));
}

}  // namespace
}  // namespace plumb::connector
