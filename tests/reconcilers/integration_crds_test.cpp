// What the schemas of the integration runtime's kinds take, and what they refuse.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "controller/manifest/yaml.h"
#include "controller/schema/registry.h"

namespace plumb::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class IntegrationCrds : public ::testing::Test {
 protected:
  IntegrationCrds() {
    std::vector<Value> documents;
    for (const auto& file : std::filesystem::directory_iterator(PLUMB_SOURCE_DIR "/crds")) {
      std::stringstream text;
      text << std::ifstream(file.path()).rdbuf();
      for (const auto& document : manifest::parse_yaml(text.str(), file.path().filename().string()).documents)
        documents.push_back(document.value);
    }
    auto made = schema::Registry::from_crds(documents);
    if (!made) throw std::runtime_error(made.error().message);
    registry_.emplace(std::move(*made));
  }
  std::vector<std::string> problems(const std::string& kind, const std::string& spec) {
    document_ = {{"apiVersion", "plumbline.dev/v1alpha1"}, {"kind", kind}, {"metadata", {{"name", "x"}}}};
    document_.get_object()["spec"] = manifest::parse_yaml(spec, "spec").documents.at(0).value;
    std::vector<std::string> texts;
    for (const auto& each : registry_->validate_and_default(document_))
      texts.push_back(each.pointer + ": " + each.message);
    return texts;
  }
  std::vector<std::string> integration(const std::string& more) {
    return problems("Integration", "{modelRef: {name: petstore}, " + more + "}");
  }

  std::optional<schema::Registry> registry_;
  Value document_;
};

TEST_F(IntegrationCrds, AnIntegrationNeedsOnlyItsModel) {
  EXPECT_THAT(problems("Integration", "{modelRef: {name: petstore}}"), IsEmpty());
  EXPECT_EQ(at(document_, "/spec/server"), nullptr);  // all of it is the model's
  EXPECT_EQ(int_at(document_, "/spec/timeoutMs"), 30000);
  EXPECT_EQ(bool_at(document_, "/spec/enabled"), true);
  EXPECT_EQ(bool_at(document_, "/spec/tls/enabled"), false);
  EXPECT_EQ(bool_at(document_, "/spec/tls/rejectUnauthorized"), true);
  EXPECT_EQ(text_at(document_, "/spec/tls/minimumVersion"), "1.2");
  EXPECT_EQ(bool_at(document_, "/spec/clusterOverride/enabled"), false);
  EXPECT_EQ(text_at(document_, "/spec/proxyOverride/executionMode"), "direct");
  EXPECT_EQ(int_at(document_, "/spec/limits/maxResponseBytes"), 16777216);
  EXPECT_EQ(int_at(document_, "/spec/circuitBreaker/openSeconds"), 30);
  EXPECT_EQ(text_at(document_, "/spec/probe/mode"), "Off");
  EXPECT_EQ(text_at(document_, "/spec/logging/level"), "info");
  // On a Platform another default holds, which is the IntegrationPlatform's.
  EXPECT_EQ(at(document_, "/spec/deletionPolicy"), nullptr);
}

TEST_F(IntegrationCrds, AServerIsAHostWithoutSchemePathAndSpaces) {
  EXPECT_THAT(integration("server: {protocol: https, host: '::1', port: 8088, basePath: /system/api}"), IsEmpty());
  EXPECT_THAT(integration("server: {host: api_1.corp.example}"), IsEmpty());
  for (const char* host : {"/v3", "https://a", "a/b", "a b", "''", "'[::1]'", "a:80:x", "'a?b'", "-a"})
    EXPECT_FALSE(integration(std::string("server: {host: ") + host + "}").empty()) << host;
  for (const char* port : {"0", "65536", "'80'"})
    EXPECT_FALSE(integration(std::string("server: {port: ") + port + "}").empty()) << port;
  EXPECT_FALSE(integration("server: {protocol: ftp}").empty());
  EXPECT_FALSE(integration("server: {basePath: '/a?b'}").empty());
}

TEST_F(IntegrationCrds, AnEnabledClusterOverrideNeedsTheCluster) {
  EXPECT_THAT(integration("clusterOverride: {enabled: true, clusterId: dc1}"), IsEmpty());
  EXPECT_THAT(integration("clusterOverride: {enabled: false}"), IsEmpty());
  EXPECT_THAT(integration("clusterOverride: {enabled: true}"),
              Contains("/spec/clusterOverride: the field \"clusterId\" is missing, because enabled is true"));
  EXPECT_FALSE(integration("clusterOverride: {enabled: true, clusterId: ''}").empty());
}

TEST_F(IntegrationCrds, ModeProxyNeedsAHostAndAPort) {
  EXPECT_THAT(integration("proxyOverride: {enabled: true, executionMode: proxy, proxy: {host: p, port: 3128}}"),
              IsEmpty());
  EXPECT_THAT(integration("proxyOverride: {enabled: true, executionMode: cluster_no_proxy}"), IsEmpty());
  EXPECT_THAT(integration("proxyOverride: {enabled: false, executionMode: proxy}"), IsEmpty());  // not in effect
  EXPECT_THAT(integration("proxyOverride: {enabled: true, executionMode: proxy}"),
              Contains(HasSubstr("the field \"proxy\" is missing, because enabled is true and executionMode is")));
  EXPECT_FALSE(integration("proxyOverride: {enabled: true, executionMode: proxy, proxy: {host: p}}").empty());
  EXPECT_FALSE(integration("proxyOverride: {enabled: true, executionMode: proxy, proxy: {host: p, port: 0}}").empty());
  EXPECT_FALSE(integration("proxyOverride: {executionMode: tunnel}").empty());
}

TEST_F(IntegrationCrds, ProxyAuthenticationHasTheFieldsOfItsMode) {
  const auto with = [&](const std::string& authentication) {
    return integration(
        "proxyOverride: {enabled: true, executionMode: proxy, proxy: {host: p, port: 1}, "
        "authentication: {" +
        authentication + "}}");
  };
  EXPECT_THAT(with("mode: none"), IsEmpty());
  EXPECT_THAT(with("mode: basic, username: u, passwordFrom: {env: P}"), IsEmpty());
  EXPECT_THAT(with("mode: secrets_manager, usernameKey: a, passwordKey: b"), IsEmpty());
  EXPECT_THAT(with("mode: basic, username: u"), Contains(HasSubstr("\"passwordFrom\" is missing, because mode is")));
  EXPECT_FALSE(with("mode: basic, passwordFrom: {env: P}").empty());
  EXPECT_FALSE(with("mode: secrets_manager, usernameKey: a").empty());
  EXPECT_THAT(with("mode: none, username: u"), Contains(HasSubstr("must not have \"username\"")));
  EXPECT_FALSE(with("username: u").empty());
  EXPECT_FALSE(with("mode: none, passwordFrom: {env: P}").empty());
  EXPECT_FALSE(with("mode: basic, username: u, passwordFrom: {env: P}, usernameKey: k").empty());
  EXPECT_FALSE(with("mode: secrets_manager, usernameKey: a, passwordKey: b, username: u").empty());
}

TEST_F(IntegrationCrds, TlsAndTimeoutAreTyped) {
  EXPECT_FALSE(integration("tls: {enabled: 'true'}").empty());
  EXPECT_FALSE(integration("tls: {verify: true}").empty());
  EXPECT_FALSE(integration("tls: {minimumVersion: '1.1'}").empty());
  EXPECT_FALSE(integration("tls: {ca: hello}").empty());
  EXPECT_FALSE(integration("timeoutMs: 0").empty());
}

TEST_F(IntegrationCrds, ASyslogLevelNeedsTheServer) {
  EXPECT_THAT(integration("logging: {level: DEBUG, syslog: {host: 127.0.0.1, level: warn}}"), IsEmpty());
  EXPECT_EQ(int_at(document_, "/spec/logging/syslog/port"), 514);
  EXPECT_EQ(text_at(document_, "/spec/logging/syslog/protocol"), "udp4");
  EXPECT_EQ(text_at(document_, "/spec/logging/syslog/level"), "warn");
  EXPECT_THAT(integration("logging: {syslog: {level: error}}"),
              Contains("/spec/logging/syslog: the field \"host\" is missing"));
  EXPECT_FALSE(integration("logging: {level: loud}").empty());
  EXPECT_FALSE(integration("logging: {syslog: {host: h, protocol: unix}}").empty());
}

TEST_F(IntegrationCrds, AProbeOfAnOperationNamesIt) {
  EXPECT_THAT(integration("probe: {mode: Operation, operationId: ping}"), IsEmpty());
  EXPECT_FALSE(integration("probe: {mode: Operation}").empty());
  EXPECT_FALSE(integration("probe: {intervalSeconds: 1}").empty());
}

TEST_F(IntegrationCrds, FreeJsonIsKept) {
  EXPECT_THAT(integration("advanced: {x: {deep: 1}, z: [null, true]}"), IsEmpty());
  EXPECT_EQ(int_at(document_, "/spec/advanced/x/deep"), 1);
  EXPECT_THAT(problems("IntegrationModel", "{document: {inline: {openapi: 3.0.3, x-anything: [1]}}}"), IsEmpty());
  EXPECT_EQ(int_at(document_, "/spec/document/inline/x-anything/0"), 1);
}

TEST_F(IntegrationCrds, AModelHasOneDocument) {
  EXPECT_THAT(problems("IntegrationModel", "{document: {file: apis/petstore.yaml}}"), IsEmpty());
  EXPECT_FALSE(problems("IntegrationModel", "{document: {}}").empty());
  EXPECT_FALSE(problems("IntegrationModel", "{document: {file: a.yaml, inline: {}}}").empty());
  EXPECT_FALSE(problems("IntegrationModel", "{document: {file: /etc/passwd}}").empty());
  const std::string sha(64, 'a');
  EXPECT_THAT(problems("IntegrationModel", "{document: {url: 'https://h/x', sha256: '" + sha + "'}}"), IsEmpty());
  EXPECT_FALSE(problems("IntegrationModel", "{document: {url: 'https://h/x'}}").empty());
}

TEST_F(IntegrationCrds, ACredentialHasTheMemberOfItsType) {
  EXPECT_THAT(problems("Credential", "{type: apiKey, apiKey: {valueFrom: {vault: {path: secret/crm, key: k}}}}"),
              IsEmpty());
  EXPECT_THAT(problems("Credential", "{type: apiKey, apiKey: {}}"), IsEmpty());
  EXPECT_THAT(problems("Credential",
                       "{type: basic, basic: {username: u, passwordFrom: {sops: {file: s.yaml, key: /a}}}, "
                       "rotation: {version: '2', intervalSeconds: 600}}"),
              IsEmpty());
  EXPECT_THAT(problems("Credential", "{type: bearer, bearer: {tokenFrom: {systemd: token}}}"), IsEmpty());
  EXPECT_THAT(
      problems("Credential", "{type: awsSigV4, awsSigV4: {accessKeyId: AKIDEXAMPLE, secretAccessKeyFrom: {env: S}}}"),
      IsEmpty());
  EXPECT_THAT(problems("Credential",
                       "{type: mutualTLS, mutualTLS: {certificateFrom: {file: /c}, keyFrom: "
                       "{file: /k}}}"),
              IsEmpty());
  EXPECT_THAT(problems("Credential", "{type: ldapBind, ldapBind: {username: a, passwordFrom: {systemd: pw}}}"),
              IsEmpty());
  EXPECT_FALSE(problems("Credential", "{type: basic, bearer: {tokenFrom: {env: T}}}").empty());
  EXPECT_FALSE(problems("Credential", "{type: basic, basic: {username: 'a:b', passwordFrom: {env: P}}}").empty());
  EXPECT_FALSE(problems("Credential", "{type: basic, basic: {username: a, passwordFrom: {env: P, file: /p}}}").empty());
  EXPECT_FALSE(problems("Credential", "{type: basic, basic: {username: a, passwordFrom: {value: x}}}").empty());
  EXPECT_FALSE(problems("Credential", "{type: awsSigV4, awsSigV4: {secretAccessKeyFrom: {env: S}}}").empty());
  EXPECT_FALSE(problems("Credential", "{type: bearer, bearer: {tokenFrom: {vault: {path: kv, key: k}}}}").empty());
}

TEST_F(IntegrationCrds, ABindingNamesRolesAndSubjects) {
  EXPECT_THAT(problems("RoleBinding",
                       "{modelRef: {name: m}, roles: [admin, get], subjects: [{kind: ServiceAccount, name: ci}]}"),
              IsEmpty());
  EXPECT_FALSE(problems("RoleBinding", "{modelRef: {name: m}, roles: [], subjects: [{kind: User, name: a}]}").empty());
  EXPECT_FALSE(
      problems("RoleBinding", "{modelRef: {name: m}, roles: [owner], subjects: [{kind: User, name: a}]}").empty());
  EXPECT_FALSE(
      problems("RoleBinding", "{modelRef: {name: m}, roles: [get], subjects: [{kind: Robot, name: a}]}").empty());
}

TEST_F(IntegrationCrds, AGatewayConfigurationIsComplete) {
  EXPECT_THAT(problems("GatewayConfiguration", "{}"), IsEmpty());
  EXPECT_EQ(text_at(document_, "/spec/executionMode"), "direct");
  EXPECT_FALSE(problems("GatewayConfiguration", "{executionMode: proxy}").empty());
  EXPECT_FALSE(problems("GatewayConfiguration", "{executionMode: cluster_no_proxy}").empty());
  EXPECT_THAT(problems("GatewayConfiguration", "{executionMode: cluster_no_proxy, cluster: dc1}"), IsEmpty());
}

TEST_F(IntegrationCrds, AConnectorNeedsNothing) {
  EXPECT_THAT(problems("Connector", "{}"), IsEmpty());
  EXPECT_EQ(bool_at(document_, "/spec/enabled"), true);
  EXPECT_EQ(bool_at(document_, "/spec/archived"), false);
  EXPECT_EQ(text_at(document_, "/spec/logLevel"), "info");
  EXPECT_EQ(text_at(document_, "/spec/deletionPolicy"), "Delete");
  EXPECT_EQ(at(document_, "/spec/group"), nullptr);
  EXPECT_THAT(problems("Connector", "{group: dc1, version: 1.4.2, keyRotation: {interval: 30d}}"), IsEmpty());
  EXPECT_FALSE(problems("Connector", "{group: -dc1}").empty());
  EXPECT_FALSE(problems("Connector", "{logLevel: trace}").empty());
  EXPECT_FALSE(problems("Connector", "{keyRotation: {interval: monthly}}").empty());
  EXPECT_FALSE(problems("Connector", "{labels: {site: a}}").empty());  // they are of the metadata
}

}  // namespace
}  // namespace plumb::test
