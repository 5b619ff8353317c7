#include <algorithm>
#include <array>
#include <sstream>

#include "connector/install.h"
#include "connector/install_places.h"
#include "connector/storage.h"
#include "connector/toml.h"
#include "connector/unit_file.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;

class Removal {
 public:
  explicit Removal(const InstallWorld& world) : world_(world) {}

  // Where the marker says so: stopped before the program goes, or systemd would start it again.
  Result<void> service() {
    if (!has_mark(world_, kUnit)) return {};
    if (world_.systemd_runs) {
      PLUMB_CHECK(world_.run({"systemctl", "disable", "--now", std::string(kService)}));
      removed_.push_back(fmt::format("stopped and disabled {}", kService));
    } else {
      std::ignore = world_.run({"systemctl", "disable", std::string(kService)});  // may not be there in an image
    }
    PLUMB_CHECK(remove(kUnit));
    if (has_mark(world_, kDropIn)) PLUMB_CHECK(remove(kDropIn));
    remove_empty(fs::path(kDropIn).parent_path());
    if (world_.systemd_runs) {
      PLUMB_CHECK(world_.run({"systemctl", "daemon-reload"}));
      std::ignore = world_.run({"systemctl", "reset-failed", std::string(kService)});  // an error where it did not fail
    }
    return {};
  }

  // Ours by name, never the whole folder: what somebody put there stays, and the folder with it.
  Result<void> program() {
    if (!is_ours(world_)) return {};
    const auto folders = noted_folders(world_);
    for (const char* name : {"plumbline-connector", "plumbline-connector.new", "plumbline-connector.old"})
      PLUMB_CHECK(remove(fs::path(kProgramFolder) / name));
    std::error_code error;
    if (fs::read_symlink(place_of(world_, kLink), error) == fs::path(kInstalledProgram)) PLUMB_CHECK(remove(kLink));
    PLUMB_CHECK(remove(fs::path(kProgramFolder) / kMarker));
    remove_empty(kProgramFolder);
    folders_ = folders;
    return {};
  }

  Result<void> purge() {
    const fs::path storage = storage_of_config();
    std::error_code error;
    if (fs::exists(place_of(world_, storage / kMarker), error)) {
      fs::remove_all(place_of(world_, storage), error);
      if (error) return fail(Fault::unavailable, "removing {}: {}", storage.string(), error.message());
      removed_.push_back(fmt::format("removed {}", storage.string()));
    }
    if (has_mark(world_, kConfigFile)) {
      for (const std::string& file :
           {std::string(kConfigFile), std::string(kConfigFile) + ".old", std::string(kPolicyFile)})
        PLUMB_CHECK(remove(file));
      remove_empty(fs::path(kConfigFile).parent_path());
    }
    if (const auto user = world_.user(); user && user->is_ours) {
      PLUMB_CHECK(world_.run({"userdel", std::string(kServiceUser)}));
      removed_.push_back(fmt::format("removed the user {}", kServiceUser));
    }
    return {};
  }

  // Last: what was in them is gone by then. The deepest first.
  void made_folders() {
    for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) remove_empty(*folder);
  }

  std::vector<std::string> removed() && { return std::move(removed_); }

 private:
  Result<void> remove(const fs::path& file) {
    std::error_code error;
    const bool was = fs::remove(place_of(world_, file), error);
    if (error) return fail(Fault::unavailable, "removing {}: {}", file.string(), error.message());
    if (was) removed_.push_back(fmt::format("removed {}", file.string()));
    return {};
  }
  void remove_empty(const fs::path& folder) {
    std::error_code ignored;
    if (fs::is_directory(place_of(world_, folder), ignored) && fs::remove(place_of(world_, folder), ignored))
      removed_.push_back(fmt::format("removed {}", folder.string()));
  }
  // By the config file, whatever else may be wrong with it.
  fs::path storage_of_config() const {
    const auto text = read_plain(place_of(world_, kConfigFile));
    const auto root = text ? parse_toml(*text, std::string(kConfigFile)) : Result<TomlValue>(TomlValue{});
    if (!root) return kStorage;
    const auto at = root->table.find("storage");
    const bool said = at != root->table.end() && at->second.text.starts_with('/');
    return said ? fs::path(at->second.text).lexically_normal() : fs::path(kStorage);
  }

  const InstallWorld& world_;
  std::vector<std::string> removed_;
  std::vector<fs::path> folders_;
};

}  // namespace

fs::path place_of(const InstallWorld& world, const fs::path& path) {
  return world.root.empty() ? path : world.root / path.relative_path();
}

bool is_ours(const InstallWorld& world) {
  const auto text = read_plain(place_of(world, fs::path(kProgramFolder) / kMarker));
  return text && text->starts_with(kMarkerLine);
}

bool has_mark(const InstallWorld& world, const fs::path& file) {
  const auto text = read_plain(place_of(world, file));
  // "# Written by plumbline-connector." and "# Written by plumbline-connector setup."
  return text && text->starts_with(kMark.substr(0, kMark.size() - 1));
}

std::vector<fs::path> noted_folders(const InstallWorld& world) {
  std::vector<fs::path> folders;
  const auto text = read_plain(place_of(world, fs::path(kProgramFolder) / kMarker));
  if (!text) return folders;
  std::istringstream in(*text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("made /")) folders.emplace_back(line.substr(5));
  }
  return folders;
}

Result<std::vector<std::string>> uninstall(const InstallWorld& world, bool purge) {
  std::error_code error;
  if (fs::exists(place_of(world, "/usr/bin/plumbline-connector"), error) && !is_ours(world))
    return fail(Fault::conflict, "the package is installed; remove it with apt {} plumbline-connector",
                purge ? "purge" : "remove");
  if (fs::exists(place_of(world, kProgramFolder), error) && !is_ours(world))
    return fail(Fault::conflict, "{} was not made by this program; nothing was removed", kProgramFolder);
  Removal removal(world);
  PLUMB_CHECK(removal.service());
  PLUMB_CHECK(removal.program());
  if (purge) PLUMB_CHECK(removal.purge());
  removal.made_folders();
  return std::move(removal).removed();
}

}  // namespace plumb::connector
