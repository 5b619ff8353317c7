// Holds the layer table of docs/ARCHITECTURE.md against every #include, and against CMakeLists.txt.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

const fs::path kRoot = PLUMB_SOURCE_DIR;

// Folder -> the folders it may include, besides itself. The same as in docs/ARCHITECTURE.md.
const std::map<std::string, Names> kLayers = {
    {"base", {}},
    {"model", {"base"}},
    {"schema", {"base", "model"}},
    {"plan", {"base", "model"}},
    {"ports", {"base", "model"}},
    {"manifest", {"base", "model", "schema", "ports"}},
    {"policy", {"base", "model", "schema"}},
    {"engine", {"base", "model", "schema", "manifest", "plan", "policy", "ports"}},
    {"adapters/files", {"base", "model", "ports"}},
    {"adapters/git", {"base", "model", "ports"}},
    {"adapters/ldap", {"base", "model", "ports"}},
    {"adapters/connector", {"base", "model", "ports", "link"}},
    {"adapters/secrets", {"base", "model", "net", "ports"}},
    {"adapters/sqlite", {"base", "model", "ports"}},
    {"link", {"base", "model", "ports"}},
    {"net", {"base", "model", "ports"}},
    {"openapi", {"base", "model", "schema"}},
    {"runtime", {"base", "model", "net", "openapi", "ports", "schema"}},
    {"api", {"base", "model", "net", "openapi", "plan", "ports", "runtime"}},
    {"reconcilers", {"base", "model", "ports"}},
    {"connector", {"base", "model", "ports", "link", "net", "adapters/ldap"}},
    {"app",
     {"base",
      "model",
      "schema",
      "manifest",
      "plan",
      "policy",
      "ports",
      "engine",
      "reconcilers",
      "adapters/files",
      "adapters/git",
      "adapters/ldap",
      "adapters/secrets",
      "adapters/sqlite",
      "net",
      "openapi",
      "runtime",
      "api",
      "adapters/connector",
      "link"}},
};

// Beginning of the include -> the folders (or single files) that are its home.
const std::map<std::string, Names> kHomes = {
    {"yaml-cpp/", {"manifest"}},
    {"valijson/", {"schema"}},
    {"re2/", {"schema"}},
    {"ldap.h", {"adapters/ldap"}},
    {"lber.h", {"adapters/ldap"}},
    {"sasl/", {"adapters/ldap"}},
    {"krb5", {"adapters/ldap"}},
    {"sqlite3.h", {"adapters/sqlite"}},
    {"spdlog/", {"base/log.cpp"}},
    {"openssl/", {"adapters/secrets", "base/digest.cpp", "base/ed25519.cpp", "base/seal.cpp", "base/pem.cpp", "net"}},
    {"git2", {"adapters/git"}},
    {"boost/beast", {"net"}},
    {"boost/asio", {"net"}},
    {"CLI/", {"app", "connector/command_line.cpp"}},
    {"toml++/", {"connector/toml.cpp"}},
    {"systemd/", {"app"}},
    {"sys/inotify.h", {"adapters/files"}},
};

struct Include {
  fs::path file;       // relative to the root
  std::string folder;  // of the file, as in the table
  std::string header;
  bool ours = false;  // written with quotes
};

// "controller/adapters/ldap/x.cpp" -> "adapters/ldap"; "reconcilers/x.h" -> "reconcilers".
std::string folder_of(const fs::path& relative) {
  std::string parent = relative.parent_path().string();
  if (parent.starts_with("controller/")) parent.erase(0, std::string("controller/").size());
  return parent == "controller" ? "app" : parent;  // main.cpp belongs to app
}

std::vector<Include> includes() {
  static const std::regex pattern(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  std::vector<Include> all;
  for (const char* top : {"controller", "reconcilers", "connector"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp") continue;
      const fs::path relative = fs::relative(entry.path(), kRoot);
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) {
        std::smatch match;
        if (!std::regex_search(line, match, pattern)) continue;
        all.push_back({relative, folder_of(relative), match[2], match[1] == "\""});
      }
    }
  }
  return all;
}

TEST(Layers, EveryIncludeIsAllowedByTheTable) {
  std::size_t checked = 0;
  for (const auto& include : includes()) {
    if (!include.ours) continue;
    const fs::path header(include.header);
    if (include.header.starts_with("plumb_")) {  // made by the build: crds and policies, for the wiring only
      EXPECT_EQ(include.folder, "app") << include.file << " includes " << include.header;
      continue;
    }
    ASSERT_TRUE(fs::exists(kRoot / header))
        << include.file << " includes " << include.header << ": write paths from the root of the repository";
    const auto row = kLayers.find(include.folder);
    ASSERT_NE(row, kLayers.end()) << include.folder << " has no row in the layer table";
    const std::string used = folder_of(header);
    EXPECT_TRUE(used == include.folder || row->second.contains(used))
        << include.file << " includes " << include.header << ": " << include.folder << " may not use " << used;
    ++checked;
  }
  EXPECT_GT(checked, 100u);
}

TEST(Layers, HeavyLibrariesStayInTheirHomes) {
  std::size_t found = 0;
  for (const auto& include : includes()) {
    for (const auto& [library, homes] : kHomes) {
      if (include.ours || !include.header.starts_with(library)) continue;
      const std::string in_controller = fs::relative(include.file, "controller").string();
      EXPECT_TRUE(homes.contains(include.folder) || homes.contains(in_controller) ||
                  homes.contains(include.file.string()))
          << include.file << " includes <" << include.header << ">";
      ++found;
    }
  }
  EXPECT_GT(found, 10u);
}

TEST(Layers, NoHeaderOutsideOfAHomeNamesALibraryButFmtExpectedAndBoostJson) {
  const Names allowed = {"fmt/format.h", "tl/expected.hpp"};
  std::size_t headers = 0;
  for (const auto& include : includes()) {
    if (include.ours || include.file.extension() != ".h") continue;
    ++headers;
    // A header of the standard library has no directory and no ".h".
    const bool standard = include.header.find('/') == std::string::npos && !include.header.ends_with(".h");
    const bool library_at_home = std::ranges::any_of(kHomes, [&](const auto& home) {
      return include.header.starts_with(home.first) && home.second.contains(include.folder);
    });
    EXPECT_TRUE(standard || library_at_home || allowed.contains(include.header) ||
                include.header.starts_with("boost/json/") || include.header.starts_with("sys/"))
        << include.file << " includes <" << include.header << ">";
  }
  EXPECT_GT(headers, 50u);
}

TEST(Layers, CMakeLinksByTheSameTable) {
  std::ifstream in(kRoot / "CMakeLists.txt");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  static const std::regex pattern(R"(plumb_library\((\S+)\s+USES([a-z/\s]*))");
  std::map<std::string, Names> linked;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), pattern); match != std::sregex_iterator(); ++match) {
    std::istringstream words((*match)[2]);
    linked[(*match)[1]] = Names(std::istream_iterator<std::string>(words), {});
  }
  EXPECT_EQ(linked, kLayers);
}

TEST(Layers, TheTableInTheDocumentIsTheSame) {
  std::ifstream in(kRoot / "docs/ARCHITECTURE.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  for (const auto& [folder, uses] : kLayers) {
    if (folder == "app") continue;  // "all"
    std::string row = "| " + folder + " | ";
    for (const auto& used : uses) row += (row.ends_with("| ") ? "" : ", ") + used;
    if (uses.empty()) row += "–";
    EXPECT_THAT(text, testing::HasSubstr(row + " |")) << "docs/ARCHITECTURE.md lacks the row";
  }
}

TEST(Layers, OnlyTheWorldIsAbstract) {
  // Interfaces exist only in ports/ (and where a factory hides a library): "= 0" elsewhere is looked at here.
  const Names allowed = {"controller/base/clock.h", "controller/adapters/files/directory_source.h",
                         "controller/runtime/authenticator.h",  // one implementation a scheme
                         "controller/link/asker.h",             // a hub of this process, or of another one
                         "controller/net/web_socket.h"};        // what is behind it takes long to compile
  std::size_t ports = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "controller")) {
    if (entry.path().extension() != ".h") continue;
    std::ifstream in(entry.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!std::regex_search(text, std::regex(R"(virtual [^;]*= 0;)"))) continue;
    const std::string relative = fs::relative(entry.path(), kRoot).string();
    if (relative.starts_with("controller/ports/")) {
      ++ports;
    } else {
      EXPECT_TRUE(allowed.contains(relative)) << relative << " declares an interface; those live in controller/ports";
    }
  }
  EXPECT_GE(ports, 5u);
}

TEST(Layers, EveryTestFileIsInAFolderThatCMakeReads) {
  std::ifstream in(kRoot / "tests/CMakeLists.txt");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  static const std::regex pattern(R"(plumb_test\(\w+ ([\w/]+))");
  Names folders;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), pattern); match != std::sregex_iterator(); ++match) {
    folders.insert((*match)[1]);
  }
  std::size_t tests = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "tests")) {
    if (!entry.path().filename().string().ends_with("_test.cpp")) continue;
    ++tests;
    const std::string folder = fs::relative(entry.path().parent_path(), kRoot / "tests").string();
    EXPECT_TRUE(folders.contains(folder)) << entry.path() << " is compiled into no test program";
  }
  EXPECT_GT(tests, 5u);
}

TEST(Layers, FilesStaySmall) {
  std::size_t files = 0;
  for (const char* top : {"controller", "reconcilers", "connector"}) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / top)) {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp") continue;
      ++files;
      std::ifstream in(entry.path());
      const auto lines = std::count(std::istreambuf_iterator<char>(in), {}, '\n');
      EXPECT_LE(lines, 600) << entry.path() << ": look for the second idea in it";
    }
  }
  EXPECT_GT(files, 50u);
}

}  // namespace
