#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "connector/install.h"

// What install() and uninstall() agree on. For these two.
namespace plumb::connector {

inline constexpr std::string_view kInstalledProgram = "/opt/plumbline-connector/plumbline-connector";
inline constexpr std::string_view kLink = "/usr/local/bin/plumbline-connector";  // so that people can just call it
inline constexpr std::string_view kUnit = "/etc/systemd/system/integration-connector.service";
inline constexpr std::string_view kDropIn = "/etc/systemd/system/integration-connector.service.d/storage.conf";
inline constexpr std::string_view kMark = "# Written by plumbline-connector.";
inline constexpr std::string_view kMarkerLine = "plumbline-connector";
inline constexpr std::string_view kUserComment = "Plumbline connector";

std::filesystem::path place_of(const InstallWorld& world, const std::filesystem::path& path);
// Whether the program folder has our marker.
bool is_ours(const InstallWorld& world);
// Whether the file begins with kMark, or with what setup writes.
bool has_mark(const InstallWorld& world, const std::filesystem::path& file);
// Folders that an installation made, besides its own: those above come first.
std::vector<std::filesystem::path> noted_folders(const InstallWorld& world);

}  // namespace plumb::connector
