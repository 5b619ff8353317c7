// The OpenAPI Initiative's example documents, where they are at hand (PLUMBLINE_CORPORA, or ../shared/corpora).
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "controller/manifest/yaml.h"
#include "tests/unit/openapi/documents.h"

namespace plumb::openapi {
namespace {

std::filesystem::path corpus() {
  const char* named = std::getenv("PLUMBLINE_CORPORA");
  return (named != nullptr ? std::filesystem::path(named)
                           : std::filesystem::path(PLUMB_SOURCE_DIR) / "../shared/corpora") /
         "openapi-examples";
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

constexpr const char* kNoId = "\"operationId\" is missing";

// What is refused, and why; all else must become a model.
const std::map<std::string, std::string> kRefused = {
    {"v2.0/yaml/petstore-minimal.yaml", kNoId},
    {"v2.0/yaml/petstore-separate/spec/swagger.yaml", "leads to another document"},
    {"v2.0/yaml/uber.yaml", kNoId},
    {"v3.0/callback-example.json", kNoId},
    {"v3.0/callback-example.yaml", kNoId},
    {"v3.1/non-oauth-scopes.json", kNoId},
    {"v3.1/non-oauth-scopes.yaml", kNoId},
    {"v3.2/3.2-tags-example.json", kNoId},
    {"v3.2/3.2-tags-example.yaml", kNoId},
};

// The document with an operationId for each operation, so that all else in it is looked at.
Value with_ids(Value document) {
  for (auto& path : document.as_object()["paths"].as_object())
    for (auto& operation : path.value().as_object())
      if (operation.value().is_object())
        operation.value().as_object().emplace(
            "operationId", fmt::format("{} {}", std::string_view(operation.key()), std::string_view(path.key())));
  return document;
}

TEST(Corpora, ExampleDocumentsBecomeModelsOrAreRefusedForAReason) {
  const auto root = corpus();
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "missing: " << root;
  int documents = 0;
  std::set<std::string> refused;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string extension = entry.path().extension();
    if (extension != ".yaml" && extension != ".json") continue;
    const std::string name = std::filesystem::relative(entry.path(), root);
    const auto file = manifest::parse_yaml(read_file(entry.path()), name);
    ASSERT_EQ(file.documents.size(), 1u) << name << (file.diagnostics.empty() ? "" : file.diagnostics[0].message);
    const Value& value = file.documents[0].value;
    if (!value.as_object().contains("openapi") && !value.as_object().contains("swagger")) continue;  // a part of one
    ++documents;
    const Parsed parsed = parse_model(value);
    const auto expected = kRefused.find(name);
    EXPECT_EQ(parsed.model.has_value(), expected == kRefused.end()) << name << '\n' << told(parsed.diagnostics);
    if (expected == kRefused.end() || parsed.model) continue;
    refused.insert(name);
    EXPECT_THAT(told(parsed.diagnostics), testing::HasSubstr(expected->second)) << name;
    EXPECT_EQ(expected->second == kNoId, parse_model(with_ids(value)).model.has_value()) << name;
  }
  EXPECT_GE(documents, 20);
  EXPECT_EQ(refused.size(), kRefused.size());
}

// What is the same in JSON and YAML, and in 2.0 and 3.0, is the same model.
TEST(Corpora, PetstoresHaveTheSameOperationsInEveryVersion) {
  const auto root = corpus();
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "missing: " << root;
  std::set<std::string> forms;
  for (const char* name : {"v2.0/yaml/petstore.yaml", "v3.0/petstore.yaml", "v3.0/petstore.json"}) {
    const auto file = manifest::parse_yaml(read_file(root / name), name);
    const auto model = model_of(file.documents.at(0).value);
    ASSERT_TRUE(model);
    std::string form = model->servers.at(0).url;
    for (const auto& [id, operation] : model->operations) {
      form += fmt::format("\n{} {} {}", id, operation.method, operation.path);
      for (const Parameter& parameter : operation.parameters) form += fmt::format(" {}", parameter.name);
    }
    forms.insert(form);
  }
  EXPECT_EQ(forms, std::set<std::string>{"http://petstore.swagger.io/v1\ncreatePets POST /pets\nlistPets GET /pets "
                                         "limit\nshowPetById GET /pets/{petId} petId"});
}

}  // namespace
}  // namespace plumb::openapi
