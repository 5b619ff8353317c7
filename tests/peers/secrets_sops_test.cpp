#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <boost/json/parse.hpp>

#include "controller/adapters/secrets/age.h"
#include "controller/adapters/secrets/secret_store.h"
#include "tests/support/samba.h"

namespace plumb::secrets {
namespace {

// The age program, and files as SOPS writes them made without a line of our code (secrets_sops_file.py, which opens a
// file that sops wrote).
class SopsPeersTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/plumbline-sops-peers.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    const auto missing = test::run_program(
        {"/bin/sh", "-c", "command -v age-keygen >/dev/null && /usr/bin/python3 -c 'import cryptography, yaml'"});
    if (missing.status == 0) return make_keys();
    if (std::getenv("PLUMBLINE_REQUIRE_SAMBA") != nullptr)
      FAIL() << "age, python3-cryptography or python3-yaml is missing";
    GTEST_SKIP() << "age, python3-cryptography or python3-yaml is missing";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void make_keys() {
    shell("umask 077; age-keygen -o keys; age-keygen -o other-keys");
    options_.age_key_file = folder_ + "/keys";
  }
  // Runs in the folder; $SOPS is the other implementation. Fails the test if the command does.
  std::string shell(const std::string& command) {
    const auto ran = test::run_program(
        {"/bin/sh", "-c",
         "set -e; cd " + folder_ + "; SOPS='/usr/bin/python3 " PLUMB_SOURCE_DIR "/tests/peers/secrets_sops_file.py'; " +
             command});
    EXPECT_EQ(ran.status, 0) << command << "\n" << ran.output;
    return ran.output;
  }
  void plain(const std::string& json) { std::ofstream(folder_ + "/plain.json") << json; }
  std::string fetch(const std::string& pointer) {
    const auto secret = make_secret_store(options_)->fetch("sops:" + folder_ + "/file.json#" + pointer);
    return secret ? std::string(secret->reveal()) : "(" + secret.error().message + ")";
  }

  std::string folder_;
  StoreOptions options_;
};

TEST_F(SopsPeersTest, TheOtherImplementationOpensAFileThatSopsWrote) {
  const std::string data = PLUMB_SOURCE_DIR "/tests/unit/adapters/sops/";
  const std::string read = shell(
      "/usr/bin/python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), "
      "sys.stdout)' < " +
      data + "flux.yaml | $SOPS read " + data + "flux.age.txt");
  EXPECT_NE(read.find("global-value"), std::string::npos);
}

TEST_F(SopsPeersTest, AKeyThatTheAgeProgramWrappedIsUnwrapped) {
  shell(
      "printf 'thirty-two bytes of a data key..' > plain; age-keygen -y other-keys > recipients;"
      "age-keygen -y keys >> recipients; age -a -R recipients -o wrapped plain");
  std::ifstream keys(folder_ + "/keys"), wrapped(folder_ + "/wrapped");
  const std::string identities{std::istreambuf_iterator<char>(keys), {}};
  const std::string file{std::istreambuf_iterator<char>(wrapped), {}};
  const auto opened = age::decrypt(file, *age::parse_identities(identities));
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->reveal(), "thirty-two bytes of a data key..");
}

TEST_F(SopsPeersTest, OurRecipientsAreThoseOfAgeKeygen) {
  for (int i = 0; i < 20; ++i) {
    std::filesystem::remove(folder_ + "/fresh");
    shell("age-keygen -o fresh");
    std::ifstream in(folder_ + "/fresh");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto identities = age::parse_identities(text);
    ASSERT_TRUE(identities);
    EXPECT_NE(text.find("public key: " + identities->front().recipient + "\n"), std::string::npos);
  }
}

TEST_F(SopsPeersTest, ValuesOfEveryTypeAndPlaceComeThrough) {
  plain(R"({"a": {"password": "p\u00fc\n ", "n": [1, 2.5, true, false, null, "x"]}, "empty": "", "big": 1e300,
            "small": 1.5e-300, "third": 0.3333333333333333, "free_unencrypted": [7, 0.1, true, "t"]})");
  shell("$SOPS write '{}' keys < plain.json > file.json");
  EXPECT_EQ(fetch("/a/password"), "p\xC3\xBC\n ");
  EXPECT_EQ(fetch("/a/n/0"), "1");
  EXPECT_EQ(fetch("/a/n/1"), "2.5");
  EXPECT_EQ(fetch("/a/n/2"), "true");
  EXPECT_EQ(fetch("/a/n/5"), "x");
  EXPECT_EQ(fetch("/third"), "0.3333333333333333");
  EXPECT_EQ(fetch("/free_unencrypted/1"), "0.1");
}

TEST_F(SopsPeersTest, EveryRuleForWhatIsEncryptedIsUnderstood) {
  plain(R"({"db": {"password": "secret", "host": "h"}, "note": "n"})");
  for (const std::string rule : {R"({"encrypted_regex": "^password$"})", R"({"unencrypted_regex": "^(host|note)$"})",
                                 R"({"encrypted_suffix": "word"})", R"({"unencrypted_suffix": "ost"})",
                                 R"({"encrypted_regex": "^password$", "mac_only_encrypted": true})"}) {
    shell("$SOPS write '" + rule + "' keys < plain.json > file.json");
    EXPECT_EQ(fetch("/db/password"), "secret") << rule;
    shell("sed -i 's/ENC.AES256_GCM,data:/&AAAA/' file.json");
    EXPECT_NE(fetch("/db/password").find("was changed"), std::string::npos) << rule;
  }
}

TEST_F(SopsPeersTest, AFileForAnotherKeyIsDenied) {
  plain(R"({"a": "b"})");
  shell("$SOPS write '{}' other-keys < plain.json > file.json");
  EXPECT_NE(fetch("/a").find("none of the 1 age identities"), std::string::npos);
}

}  // namespace
}  // namespace plumb::secrets
