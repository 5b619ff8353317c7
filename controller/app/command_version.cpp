#include <array>
#include <ostream>

#include <boost/version.hpp>

#include "controller/app/commands.h"
#include "controller/app/version.h"

namespace plumb::app {
namespace {

// Given by CMake to this file.
constexpr std::string_view kCommit = PLUMB_COMMIT, kLibraries = PLUMB_LIBRARIES;
#ifdef __clang__
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "g++ " __VERSION__;
#endif
#ifdef NDEBUG
constexpr std::string_view kBuildType = "release";
#else
constexpr std::string_view kBuildType = "with checks (not a release build)";
#endif

}  // namespace

Result<int> version_command(const GlobalOptions& options, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  const std::array<std::pair<const char*, std::string>, 5> facts = {{
      {"version", std::string(kVersion)},
      {"commit", std::string(kCommit)},
      {"build", std::string(kBuildType)},
      {"compiler", std::string(kCompiler)},
      {"libraries",
       fmt::format("Boost {}.{}.{}, fmt {}.{}.{}, {}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000,
                   BOOST_VERSION % 100, FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100, kLibraries)},
  }};
  if (options.output == "json") {
    Object document;
    for (const auto& [name, value] : facts) document[name] = value;
    console.out << pretty(document) << '\n';
    return kOk;
  }
  console.out << "plumbline " << kVersion << '\n';
  for (std::size_t i = 1; i < facts.size(); ++i) {
    if (!facts[i].second.empty()) console.out << fmt::format("{:<10} {}\n", facts[i].first, facts[i].second);
  }
  return kOk;
}

}  // namespace plumb::app
