// Public test suites, where they are at hand (PLUMBLINE_CORPORA, or ../shared/corpora).
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>
#include <boost/json/stream_parser.hpp>

#include "controller/manifest/yaml.h"

namespace plumb::manifest {
namespace {

std::filesystem::path corpus(const std::string& name) {
  const char* named = std::getenv("PLUMBLINE_CORPORA");
  return (named != nullptr ? std::filesystem::path(named)
                           : std::filesystem::path(PLUMB_SOURCE_DIR) / "../shared/corpora") /
         name;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::vector<Value> json_values(const std::string& text) {
  std::vector<Value> values;
  boost::json::stream_parser parser;
  for (std::size_t at = 0; at < text.size();) {
    boost::system::error_code error;
    at += parser.write_some(text.data() + at, text.size() - at, error);
    if (error) break;
    if (!parser.done()) continue;
    values.push_back(parser.release());
    parser.reset();
    at = std::min(text.find_first_not_of(" \r\n\t", at), text.size());
  }
  return values;
}

// yaml-cpp takes these for YAML and they have one meaning, so that taking them harms nobody.
const std::map<std::string, std::string> kTakenThoughWrong = {
    {"9C9N", "flow list that is not indented"},
    {"9JBA", "comment right after a list"},
    {"9MAG", "comma too many"},
    {"9MMA", "directive without a document"},
    {"B63P", "directive without a document"},
    {"CTN5", "comma too many"},
    {"CVW2", "comment right after a comma"},
    {"DK95/01", "tab in a quoted text"},
    {"EB22", "directive without an end of document before it"},
    {"G5U8", "dash as a text in a flow list"},
    {"G9HC", "anchor that is not indented"},
    {"H7J7", "tag that is not indented"},
    {"HRE5", "backslash and apostrophe in double quotes"},
    {"MUS6/01", "directive without a document"},
    {"QB6E", "quoted text that is not indented"},
    {"RHX7", "directive without an end of document before it"},
    {"S98Z", "block text with more indented blank lines"},
    {"SU5Z", "comment right after a quoted text"},
    {"X4QW", "comment right after a block indicator"},
    {"Y79Y/003", "tab in a flow list"},
    {"YJV2", "dash as a text in a flow list"},
};
// yaml-cpp reads these otherwise than the suite, without telling.
const std::map<std::string, std::string> kReadDifferently = {
    {"JEF9/02", "blank lines at the end of a block text that ends without a newline"},
    {"L24T/01", "blank line at the end of a block text that ends without a newline"},
    {"NAT4", "quoted text of blank lines only"},
};

TEST(YamlTestSuite, WhatIsWrongIsRefusedAndWhatIsTakenIsReadRight) {
  const auto root = corpus("yaml-test-suite");
  if (!std::filesystem::exists(root)) GTEST_SKIP() << root << " is not there";
  std::size_t cases = 0, equal = 0, refused_valid = 0, refused_wrong = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().filename() != "in.yaml") continue;
    ++cases;
    const auto directory = entry.path().parent_path();
    const std::string name = std::filesystem::relative(directory, root).string();
    const YamlFile file = parse_yaml(read_file(entry.path()), "in.yaml");
    const bool accepted = file.diagnostics.empty();
    if (std::filesystem::exists(directory / "error")) {
      refused_wrong += accepted ? 0 : 1;
      EXPECT_EQ(accepted, kTakenThoughWrong.contains(name)) << name << "\n" << read_file(entry.path());
    } else if (!accepted) {
      ++refused_valid;
    } else if (std::filesystem::exists(directory / "in.json")) {
      std::string ours, theirs;
      for (const YamlDocument& document : file.documents) ours += canonical(document.value) + '\n';
      for (const Value& value : json_values(read_file(directory / "in.json"))) theirs += canonical(value) + '\n';
      equal += ours == theirs ? 1 : 0;
      EXPECT_EQ(ours != theirs, kReadDifferently.contains(name)) << name << "\n"
                                                                 << read_file(entry.path()) << "\nours:\n"
                                                                 << ours << "theirs:\n"
                                                                 << theirs;
    }
  }
  RecordProperty("cases", static_cast<int>(cases));
  std::cout << cases << " cases: " << equal << " read as the suite says, " << refused_wrong << " wrong ones refused, "
            << refused_valid << " valid ones refused\n";
  EXPECT_GE(cases, 350U);
  EXPECT_GE(equal, 100U);
}

TEST(JsonTestSuite, JsonFilesAreReadAsTheStandardSays) {
  const auto root = corpus("json-test-suite/test_parsing");
  if (!std::filesystem::exists(root)) GTEST_SKIP() << root << " is not there";
  // Duplicate keys, NUL in texts and integers beyond 64 bits are JSON, but no manifest.
  const std::map<std::string, std::string> refused = {
      {"y_object_duplicated_key.json", "duplicate"},
      {"y_object_duplicated_key_and_value.json", "duplicate"},
      {"y_object_escaped_null_in_key.json", "NUL"},
      {"y_string_null_escape.json", "NUL"},
      {"y_string_unescaped_char_delete.json", "control character"},
      {"y_string_with_del_character.json", "control character"},
  };
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    const bool accepted = parse_yaml(read_file(entry.path()), "x.json").diagnostics.empty();
    ++cases;
    if (name.starts_with("y_")) {
      EXPECT_EQ(accepted, !refused.contains(name)) << name << ": " << read_file(entry.path());
    } else if (name.starts_with("n_")) {
      EXPECT_FALSE(accepted) << name << ": " << read_file(entry.path());
    }
  }
  EXPECT_GE(cases, 300U);
}

}  // namespace
}  // namespace plumb::manifest
