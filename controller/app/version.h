#pragma once

#include <string_view>

namespace plumb::app {

extern const std::string_view kVersion;  // Plumbline's own: "0.1.0"

// For command_version.cpp alone, to which CMake gives them.
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
