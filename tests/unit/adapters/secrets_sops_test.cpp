#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include <boost/json/parse.hpp>

#include "controller/adapters/secrets/secret_store.h"
#include "controller/adapters/secrets/sops.h"
#include "controller/manifest/yaml.h"

namespace plumb::secrets {
namespace {

std::string data(const std::string& name) {
  std::ifstream in(PLUMB_SOURCE_DIR "/tests/unit/adapters/sops/" + name);
  EXPECT_TRUE(in) << name;
  return {std::istreambuf_iterator<char>(in), {}};
}

Result<Value> parse_yaml(std::string_view text) {
  auto file = manifest::parse_yaml(text, "file");
  if (file.documents.size() != 1) return fail(Fault::invalid, "not one document");
  return std::move(file.documents.front().value);
}

Value parsed(const std::string& text) { return boost::json::parse(text); }

std::string reveal(const Value& file, std::string_view pointer, const std::string& keys = "made.age.txt") {
  const auto identities = age::parse_identities(data(keys));
  if (!identities) return "(" + identities.error().message + ")";
  const auto secret = sops::reveal(file, pointer, *identities);
  return secret ? std::string(secret->reveal()) : "(" + secret.error().message + ")";
}

std::string made(std::string_view pointer) { return reveal(parsed(data("made.json")), pointer); }

// The fault of a file after a change.
Fault fault_of(const std::function<void(Object&)>& change, std::string_view pointer = "/user",
               const std::string& name = "made.json") {
  Value file = parsed(data(name));
  change(file.get_object());
  const auto secret = sops::reveal(file, pointer, *age::parse_identities(data("made.age.txt")));
  EXPECT_FALSE(secret);
  if (secret) return Fault::internal;
  EXPECT_EQ(secret.error().message.find("hunter2"), std::string::npos);
  EXPECT_EQ(secret.error().message.find("svc-crm"), std::string::npos);
  return secret.error().fault;
}

TEST(Sops, AFileThatSopsWroteIsOpened) {
  const auto file = parse_yaml(data("flux.yaml"));
  ASSERT_TRUE(file);
  EXPECT_EQ(reveal(*file, "/stringData/key", "flux.age.txt"), "global-value");
  EXPECT_EQ(reveal(*file, "/metadata/name", "flux.age.txt"), "global-age-secret") << "plain, and covered by the code";
}

TEST(Sops, GivesEachTypeAsItWasWritten) {
  EXPECT_EQ(made("/user"), "svc-crm");
  EXPECT_EQ(made("/password"), "hunter2 = \xC3\xBC \"x\"");
  EXPECT_EQ(made("/port"), "8443");
  EXPECT_EQ(made("/big"), "-9007199254740993");
  EXPECT_EQ(made("/ratio"), "0.5");
  EXPECT_EQ(made("/on"), "true");
  EXPECT_EQ(made("/off"), "false");
  EXPECT_EQ(made("/empty"), "");
  EXPECT_EQ(made("/multi"), "line 1\nline 2\n");
  EXPECT_EQ(made("/note_unencrypted"), "plain");
  EXPECT_EQ(made("/flag_unencrypted"), "true");
}

TEST(Sops, FindsValuesInListsAndUnderEscapedNames) {
  EXPECT_EQ(made("/list/0/key"), "first");
  EXPECT_EQ(made("/list/1/key"), "second");
  EXPECT_EQ(made("/list/2"), "bare");
  EXPECT_EQ(made("/list/3/1"), "2");
  EXPECT_EQ(made("/deep/a~1b/c~0d"), "escaped");
}

TEST(Sops, SaysWhenThereIsNoValueThere) {
  const auto nothing = [](Object&) {};
  EXPECT_EQ(fault_of(nothing, "/missing"), Fault::not_found);
  EXPECT_EQ(fault_of(nothing, "/nothing"), Fault::not_found);
  EXPECT_EQ(fault_of(nothing, "/sops/mac"), Fault::not_found) << "no part of the content";
  EXPECT_EQ(fault_of(nothing, "/list"), Fault::invalid);
  EXPECT_EQ(fault_of(nothing, "/list/0"), Fault::invalid);
  EXPECT_EQ(fault_of(nothing, ""), Fault::not_found);
}

TEST(Sops, NothingIsGivenOfAFileThatWasChanged) {
  EXPECT_EQ(fault_of([](Object& file) { file["note_unencrypted"] = "other"; }), Fault::invalid);
  EXPECT_EQ(fault_of([](Object& file) { file["port_unencrypted"] = 98; }), Fault::invalid);
  EXPECT_EQ(fault_of([](Object& file) { file.erase("password"); }), Fault::invalid);
  EXPECT_EQ(fault_of([](Object& file) { file["added"] = "x"; }), Fault::invalid);
  EXPECT_EQ(fault_of([](Object& file) { file["user"] = file["password"]; }), Fault::invalid) << "moved";
  EXPECT_EQ(fault_of([](Object& file) { file["user"] = "in clear"; }), Fault::invalid);
  EXPECT_EQ(fault_of([](Object& file) { file["sops"].get_object()["lastmodified"] = "2026-11-27T10:00:01Z"; }),
            Fault::invalid);
  EXPECT_EQ(fault_of([](Object& file) { file["sops"].get_object()["mac_only_encrypted"] = true; }), Fault::invalid);
  EXPECT_EQ(fault_of([](Object& file) { file["sops"].get_object().erase("mac"); }), Fault::invalid);
  EXPECT_EQ(fault_of([](Object& file) { file["list"].get_array()[1] = file["list"].get_array()[0]; }), Fault::invalid);
  EXPECT_EQ(fault_of([](Object& file) {
              auto& list = file["list"].get_array();
              std::swap(list[0], list[1]);
            }),
            Fault::invalid)
      << "the code is over the order too";
}

TEST(Sops, AChangedByteOfAnEncryptedValueIsNoticedAndNamedByItsPointer) {
  Value file = parsed(data("made.json"));
  std::string text(file.at("password").get_string());
  text[text.find("data:") + 5] = text[text.find("data:") + 5] == 'A' ? 'B' : 'A';
  file.as_object()["password"] = text;
  EXPECT_EQ(reveal(file, "/user"), "(/password: the value was changed, or moved here)");
}

TEST(Sops, WithACodeOverEncryptedValuesOnlyPlainOnesAreNotGiven) {
  const Value file = parsed(data("only_encrypted.json"));
  EXPECT_EQ(reveal(file, "/db/password"), "p1");
  EXPECT_NE(reveal(file, "/db/host").find("not protected"), std::string::npos);
  EXPECT_NE(reveal(file, "/blank/password").find("not protected"), std::string::npos);

  Value changed = file;
  changed.as_object()["other"] = "anything";
  EXPECT_EQ(reveal(changed, "/db/password"), "p1");
  changed.as_object()["db"].as_object()["password"] = "in clear";
  EXPECT_NE(reveal(changed, "/db/password").find("sops.mac"), std::string::npos);
}

TEST(Sops, AFileForSomebodyElseIsDenied) {
  const auto secret = sops::reveal(parsed(data("made.json")), "/user", *age::parse_identities(data("flux.age.txt")));
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().fault, Fault::denied);
}

TEST(Sops, ARecipientThatIsNotOursDoesNotMatterNextToOneThatIs) {
  Value file = parsed(data("made.json"));
  const auto flux = parse_yaml(data("flux.yaml"));
  Array& recipients = file.at_pointer("/sops/age").as_array();
  recipients.insert(recipients.begin(), *at(*flux, "/sops/age/0"));
  EXPECT_EQ(reveal(file, "/user"), "svc-crm");
}

TEST(Sops, KeyGroupsAreTakenIfThereIsOne) {
  Value file = parsed(data("made.json"));
  Object& metadata = file.as_object()["sops"].as_object();
  metadata["key_groups"] = Array{Object{{"age", metadata["age"]}}};
  metadata.erase("age");
  EXPECT_EQ(reveal(file, "/user"), "svc-crm");
  metadata["key_groups"].as_array().push_back(Object{});
  EXPECT_NE(reveal(file, "/user").find("2 key groups"), std::string::npos);
}

TEST(Sops, WhatIsNoFileOfSopsIsInvalid) {
  EXPECT_EQ(fault_of([](Object& file) { file.erase("sops"); }), Fault::invalid);
  EXPECT_EQ(fault_of([](Object& file) { file["sops"].get_object().erase("age"); }), Fault::invalid);
  EXPECT_NE(reveal(Value(3), "/user").find("not a file of SOPS"), std::string::npos);
}

class OneDocument final : public DocumentStore {
 public:
  std::string put(Content) override { return ""; }
  Result<Content> get(const std::string& digest) override {
    if (digest != "abc123") return fail(Fault::not_found, "no document {}", digest);
    return std::make_shared<const std::string>(data("made.json"));
  }
};

class SopsReferenceTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/plumbline-sops.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    file("keys", data("made.age.txt"), 0600);
    file("made.json", data("made.json"), 0644);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void file(const std::string& name, const std::string& content, mode_t mode) {
    std::ofstream(folder_ + "/" + name) << content;
    ASSERT_EQ(::chmod((folder_ + "/" + name).c_str(), mode), 0);
  }
  std::unique_ptr<SecretStore> store() {
    StoreOptions options;
    options.age_key_file = folder_ + "/keys";
    options.documents = &documents_;
    return make_secret_store(std::move(options));
  }
  std::string fetch(const std::string& reference) {
    const auto secret = store()->fetch(reference);
    return secret ? std::string(secret->reveal()) : "(" + secret.error().message + ")";
  }

  OneDocument documents_;
  std::string folder_;
};

TEST_F(SopsReferenceTest, LeadsToADocumentOfTheSourceOrToAFile) {
  EXPECT_EQ(fetch("sops:abc123#/user"), "svc-crm");
  EXPECT_EQ(fetch("sops:" + folder_ + "/made.json#/list/1/key"), "second");
}

TEST_F(SopsReferenceTest, IsNamedByErrors) {
  EXPECT_EQ(fetch("sops:ffff#/user"), "(secret sops:ffff#/user: no document ffff)");
  EXPECT_EQ(fetch("sops:abc123#/no"), "(secret sops:abc123#/no: there is nothing at /no)");
  EXPECT_NE(fetch("sops:abc123").find("expected sops:"), std::string::npos);
  EXPECT_NE(fetch("sops:abc123#user").find("expected sops:"), std::string::npos);
  EXPECT_NE(fetch("sops:#/user").find("expected sops:"), std::string::npos);
}

TEST_F(SopsReferenceTest, AnEncryptedFileMayBeReadByEveryoneButWrittenByNobodyElse) {
  EXPECT_EQ(fetch("sops:" + folder_ + "/made.json#/user"), "svc-crm");
  file("made.json", data("made.json"), 0646);
  EXPECT_NE(fetch("sops:" + folder_ + "/made.json#/user").find("others may write"), std::string::npos);
}

TEST_F(SopsReferenceTest, TheIdentitiesMustBeOursAlone) {
  file("keys", data("made.age.txt"), 0644);
  EXPECT_NE(fetch("sops:abc123#/user").find("everyone may read it"), std::string::npos);
  file("keys", "nonsense", 0600);
  EXPECT_NE(fetch("sops:abc123#/user").find("line 1"), std::string::npos);
  EXPECT_EQ(fetch("sops:abc123#/user").find("nonsense"), std::string::npos);
}

TEST_F(SopsReferenceTest, SaysWhatIsNotConfigured) {
  const auto secret = make_secret_store()->fetch("sops:abc123#/user");
  ASSERT_FALSE(secret);
  EXPECT_NE(secret.error().message.find("--age-key-file"), std::string::npos);
}

}  // namespace
}  // namespace plumb::secrets
