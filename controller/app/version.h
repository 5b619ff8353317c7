#pragma once

#include <string_view>

// Given by CMake as definitions of this folder.
namespace plumb::app {

#ifdef PLUMB_VERSION
inline constexpr std::string_view kVersion = PLUMB_VERSION;
#else
inline constexpr std::string_view kVersion = "unknown";
#endif
#ifdef PLUMB_COMMIT
inline constexpr std::string_view kCommit = PLUMB_COMMIT;
#else
inline constexpr std::string_view kCommit = "";
#endif
#ifdef PLUMB_LIBRARIES
inline constexpr std::string_view kLibraries = PLUMB_LIBRARIES;
#else
inline constexpr std::string_view kLibraries = "";
#endif
#ifdef __clang__
inline constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
inline constexpr std::string_view kCompiler = "g++ " __VERSION__;
#endif
#ifdef NDEBUG
inline constexpr std::string_view kBuildType = "release";
#else
inline constexpr std::string_view kBuildType = "with checks (not a release build)";
#endif

}  // namespace plumb::app
