#include "controller/runtime/registry.h"

#include <gmock/gmock.h>
#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"

namespace plumb::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kPets = R"({"openapi": "3.0.3", "info": {"title": "Pets", "version": "1"},
    "paths": {"/pets": {"get": {"operationId": "listPets", "responses": {"200": {"description": "ok"}}}}}})";

class RegistryTest : public ::testing::Test {
 protected:
  std::unique_ptr<Registry> open() {
    auto opened = Registry::open({.store = store, .documents = documents, .clock = clock, .read_document = read});
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  static Result<Value> read(const std::string& content) {
    boost::system::error_code error;
    Value value = boost::json::parse(content, error);
    if (error) return fail(Fault::invalid, "no JSON");
    return value;
  }
  std::string put(const std::string& content) { return documents.put(std::make_shared<const std::string>(content)); }
  static Registry::Write write(const std::string& kind, const std::string& name, const std::string& spec,
                               std::string expected = "") {
    return {.key = {kind, "default", name},
            .spec = boost::json::parse(spec),
            .expected = std::move(expected),
            .revision = "r1",
            .operation = "op-" + name};
  }
  static Registry::Write model(const std::string& name, const std::string& digest, std::string expected = "") {
    return write("IntegrationModel", name, R"({"document": {"sha256": ")" + digest + "\"}}", std::move(expected));
  }
  static std::string digest_of(const Registry& registry, const ResourceKey& key) {
    const auto view = registry.view();
    const Registered* const found = view->find(key);
    return found == nullptr ? "" : found->digest;
  }
  std::size_t stored_documents() { return store.list("runtime/document/")->size(); }

  test::FakeClock clock;
  test::FakeStateStore store;
  Documents documents;
};

TEST_F(RegistryTest, WhatWasAppliedIsThereAfterARestart) {
  {
    const auto registry = open();
    const std::vector<Registry::Write> writes = {model("pets", put(kPets)),
                                                 write("Integration", "a", R"({"modelRef": {"name": "pets"}})")};
    ASSERT_TRUE(registry->apply(writes));
    EXPECT_EQ(registry->view()->models.size(), 1U);
  }
  Documents forgotten;
  auto again = Registry::open({.store = store, .documents = forgotten, .clock = clock, .read_document = read});
  ASSERT_TRUE(again) << again.error().message;
  const auto view = (*again)->view();
  EXPECT_EQ(view->objects.size(), 2U);
  EXPECT_EQ(text_at(view->find({"Integration", "default", "a"})->spec, "/modelRef/name"), "pets");
  EXPECT_EQ(view->find({"Integration", "default", "a"})->revision, "r1");
  EXPECT_EQ((*again)->operation({"Integration", "default", "a"}), "op-a");
  ASSERT_TRUE(view->models.contains({"IntegrationModel", "default", "pets"}));
  EXPECT_EQ(view->models.begin()->second->model().version_id(), "Pets:1");
}

TEST_F(RegistryTest, AWriteAgainstSomethingElseIsAConflict) {
  const auto registry = open();
  const std::vector<Registry::Write> first = {write("Integration", "a", R"({"timeoutMs": 1})")};
  ASSERT_TRUE(registry->apply(first));
  EXPECT_EQ(registry->apply(first).error().fault, Fault::conflict);
  const std::vector<Registry::Write> stale = {write("Integration", "a", R"({"timeoutMs": 2})", "another")};
  EXPECT_EQ(registry->apply(stale).error().fault, Fault::conflict);
  const std::vector<Registry::Write> good = {
      write("Integration", "a", R"({"timeoutMs": 2})", digest_of(*registry, {"Integration", "default", "a"}))};
  EXPECT_TRUE(registry->apply(good));
}

TEST_F(RegistryTest, NothingOfASetOfWritesIsThereIfOneCannotBe) {
  const auto registry = open();
  const std::vector<Registry::Write> writes = {write("Integration", "a", "{}"),
                                               write("Integration", "b", "{}", "not so")};
  EXPECT_FALSE(registry->apply(writes));
  EXPECT_THAT(registry->view()->objects, IsEmpty());
  store.fault = [](std::size_t, auto) { return test::FakeStateStore::Fate::refused; };
  const std::vector<Registry::Write> one = {write("Integration", "a", "{}")};
  EXPECT_EQ(registry->apply(one).error().fault, Fault::unavailable);
  EXPECT_THAT(registry->view()->objects, IsEmpty());
  EXPECT_THAT(open()->view()->objects, IsEmpty());
}

TEST_F(RegistryTest, ADocumentNobodyPutIsAConflict) {
  const auto registry = open();
  const std::vector<Registry::Write> writes = {model("pets", std::string(64, 'a'))};
  const auto applied = registry->apply(writes);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().fault, Fault::conflict);
  EXPECT_THAT(applied.error().message, HasSubstr("not in the manifests any more"));
}

TEST_F(RegistryTest, DocumentsGoWithTheLastWhoNamesThem) {
  const auto registry = open();
  const std::string digest = put(kPets);
  const std::vector<Registry::Write> two = {model("a", digest), model("b", digest)};
  ASSERT_TRUE(registry->apply(two));
  EXPECT_EQ(stored_documents(), 1U);
  const ResourceKey a{"IntegrationModel", "default", "a"}, b{"IntegrationModel", "default", "b"};
  const std::vector<Registry::Write> one = {{.key = a, .spec = {}, .expected = digest_of(*registry, a)}};
  ASSERT_TRUE(registry->apply(one));
  EXPECT_EQ(stored_documents(), 1U);
  documents.declared({});
  EXPECT_TRUE(documents.has(digest));  // b is in use
  const std::vector<Registry::Write> none = {{.key = b, .spec = {}, .expected = digest_of(*registry, b)}};
  ASSERT_TRUE(registry->apply(none));
  EXPECT_EQ(stored_documents(), 0U);
  documents.declared({});
  EXPECT_FALSE(documents.has(digest));
}

TEST_F(RegistryTest, ADocumentThatIsNoModelLeavesTheModelWithoutOperations) {
  const auto registry = open();
  const std::vector<Registry::Write> writes = {model("pets", put("not JSON"))};
  ASSERT_TRUE(registry->apply(writes));
  EXPECT_THAT(registry->view()->models, IsEmpty());
  EXPECT_THAT(registry->problem({"IntegrationModel", "default", "pets"}), HasSubstr("cannot be read: no JSON"));
}

TEST_F(RegistryTest, WhoSubscribesIsToldOfEachView) {
  const auto registry = open();
  std::vector<std::size_t> sizes;
  registry->subscribe([&](std::shared_ptr<const RegistryView> view) { sizes.push_back(view->objects.size()); });
  const std::vector<Registry::Write> writes = {write("Integration", "a", "{}")};
  ASSERT_TRUE(registry->apply(writes));
  EXPECT_THAT(sizes, ::testing::ElementsAre(0U, 1U));
}

TEST_F(RegistryTest, AnOldViewStaysAsItWas) {
  const auto registry = open();
  const auto before = registry->view();
  const std::vector<Registry::Write> writes = {write("Integration", "a", "{}")};
  ASSERT_TRUE(registry->apply(writes));
  EXPECT_THAT(before->objects, IsEmpty());
}

TEST_F(RegistryTest, ADamagedRecordIsSaid) {
  const auto registry = open();
  const std::vector<Registry::Write> writes = {write("Integration", "a", R"({"timeoutMs": 1})")};
  ASSERT_TRUE(registry->apply(writes));
  auto& value = store.items().at("runtime/Integration/default/a").value;
  value.replace(value.find("\"timeoutMs\":1"), 13, "\"timeoutMs\":2");
  const auto opened = Registry::open({.store = store, .documents = documents, .clock = clock, .read_document = read});
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("damaged"));
}

TEST(Documents, NamedDocumentsAreThoseOfModelsAndSopsFiles) {
  EXPECT_THAT(documents_named_in(boost::json::parse(R"({"document": {"sha256": "a", "file": "x"}})")),
              ::testing::ElementsAre("a"));
  EXPECT_THAT(documents_named_in(boost::json::parse(
                  R"({"basic": {"passwordFrom": {"sops": {"file": "s", "key": "/k", "sha256": "b"}}},
                      "advanced": {"sops": {"sha256": "no"}}})")),
              ::testing::ElementsAre("b"));
}

}  // namespace
}  // namespace plumb::runtime
