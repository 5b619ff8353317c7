#include "connector/install.h"

#include <algorithm>
#include <tuple>

#include "connector/install_places.h"
#include "connector/storage.h"
#include "connector/unit_file.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;

// Steps that are taken back, the last first, unless all went well.
class Undo {
 public:
  ~Undo() {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) (*step)();
  }
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  void keep() { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

// One installation under way.
class Installation {
 public:
  Installation(const InstallWorld& world, const InstallOptions& options) : world_(world), options_(options) {}

  Result<std::vector<std::string>> run(const SetupAnswers* answers) {
    PLUMB_CHECK(make_user());
    PLUMB_CHECK(copy_program());
    PLUMB_CHECK(link_program());
    if (answers != nullptr) PLUMB_CHECK(set_up(*answers));
    PLUMB_CHECK(write_unit());
    PLUMB_CHECK(note_folders());
    PLUMB_CHECK(start());
    undo_.keep();
    std::error_code ignored;
    fs::remove(at(kInstalledProgram).string() + ".old", ignored);
    return std::move(done_);
  }

 private:
  fs::path at(const fs::path& path) const { return place_of(world_, path); }

  Result<void> make_user() {
    if (world_.user()) return {};
    PLUMB_CHECK(
        world_.run({"useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell",
                    "/usr/sbin/nologin", "--comment", std::string(kUserComment), std::string(kServiceUser)}));
    undo_.add([this] { std::ignore = world_.run({"userdel", std::string(kServiceUser)}); });  // no more can be done
    done_.push_back(fmt::format("user     {}", kServiceUser));
    return {};
  }

  Result<void> make_folders(const fs::path& folder, mode_t mode) {
    std::error_code error;
    if (fs::exists(at(folder), error)) return {};
    PLUMB_CHECK(make_folders(folder.parent_path(), 0755));
    PLUMB_CHECK(make_folder(at(folder), mode));
    made_folders_.push_back(folder);
    undo_.add([this, folder] { forget(folder); });
    return {};
  }

  // A folder only where it is empty.
  void forget(const fs::path& path) const {
    std::error_code ignored;
    fs::remove(at(path), ignored);
  }

  Result<void> write(const fs::path& file, std::string_view content, mode_t mode) {
    PLUMB_CHECK(make_folders(file.parent_path(), 0755));
    const auto before = read_plain(at(file));
    PLUMB_CHECK(write_file(at(file), content, mode));
    if (before) {
      undo_.add([this, file, mode, was = *before] { std::ignore = write_file(at(file), was, mode); });
    } else {
      undo_.add([this, file] { forget(file); });
    }
    return {};
  }

  // Beside it first, then in its place: the old one may be running.
  Result<void> copy_program() {
    PLUMB_CHECK(make_folders(kProgramFolder, 0755));
    const fs::path program = at(kInstalledProgram), fresh = program.string() + ".new", old = program.string() + ".old";
    std::error_code error;
    if (fs::equivalent(options_.program, program, error)) return {};  // set up again by itself
    fs::copy_file(options_.program, fresh, fs::copy_options::overwrite_existing, error);
    if (!error) fs::permissions(fresh, fs::perms(0755), error);
    undo_.add([fresh] {
      std::error_code ignored;
      fs::remove(fresh, ignored);
    });
    std::error_code absent;
    fs::rename(program, old, absent);
    undo_.add([program, old] {
      std::error_code ignored;
      fs::remove(program, ignored);
      fs::rename(old, program, ignored);
    });
    if (!error) fs::rename(fresh, program, error);
    if (error)
      return fail(Fault::unavailable, "copying {} to {}: {}", options_.program.string(), program.string(),
                  error.message());
    done_.push_back(fmt::format("program  {}", kInstalledProgram));
    return {};
  }

  // What somebody has put there stays.
  Result<void> link_program() {
    std::error_code error;
    if (fs::exists(fs::symlink_status(at(kLink), error))) return {};
    PLUMB_CHECK(make_folders(fs::path(kLink).parent_path(), 0755));
    fs::create_symlink(kInstalledProgram, at(kLink), error);
    if (error) return fail(Fault::unavailable, "making the link {}: {}", kLink, error.message());
    undo_.add([this] { forget(kLink); });
    done_.push_back(fmt::format("link     {}", kLink));
    return {};
  }

  Result<void> set_up(const SetupAnswers& answers) {
    SetupPlaces places{.root = world_.root};
    if (const auto user = world_.user()) {
      places.owner = user->owner;
    } else if (world_.root.empty()) {
      return Failure(user.error());
    }
    undo_setup({std::string(kConfigFile), std::string(kConfigFile) + ".old", std::string(kPolicyFile)},
               answers.storage);
    PLUMB_TRY(const SetupDone setup, write_setup(answers, places));
    for (const auto& path : setup.made) {
      if (fs::is_directory(at(path)) && path != setup.config.storage) made_folders_.push_back(path);
    }
    done_.push_back(fmt::format("config   {}", kConfigFile));
    done_.push_back(fmt::format("storage  {}", setup.config.storage.string()));
    if (setup.config.storage == kStorage) return {};
    return write(kDropIn, storage_drop_in(setup.config.storage, kMark), 0644);
  }

  // Before anything is written, so that half of it is taken back too.
  void undo_setup(const std::vector<std::string>& files, const fs::path& storage) {
    std::error_code error;
    std::vector<fs::path> absent;  // folders, the deepest first
    for (const fs::path& start : {fs::path(kConfigFile).parent_path(), storage.parent_path()}) {
      for (fs::path folder = start; !fs::exists(at(folder), error); folder = folder.parent_path())
        absent.push_back(folder);
    }
    undo_.add([this, absent] {
      for (const fs::path& folder : absent) forget(folder);
    });
    for (const std::string& file : files) {
      const auto before = read_plain(at(file));
      undo_.add([this, file, before] {
        if (before) {
          std::ignore = write_file(at(file), *before, 0644);  // no more can be done
        } else {
          forget(file);
        }
      });
    }
    if (fs::exists(at(storage), error)) return;
    undo_.add([this, storage] {
      std::error_code ignored;
      fs::remove_all(at(storage), ignored);
    });
  }

  Result<void> write_unit() {
    updating_ = has_mark(world_, kUnit);
    // Run last of all, when the files are as before.
    if (world_.systemd_runs) {
      undo_.add([this] {
        std::ignore = world_.run({"systemctl", "daemon-reload"});
        if (updating_) std::ignore = world_.run({"systemctl", "restart", "--no-block", std::string(kService)});
      });
    }
    PLUMB_CHECK(write(kUnit, unit_for(kInstalledProgram, kMark), 0644));
    done_.push_back(fmt::format("service  {}", kUnit));
    return {};
  }

  // The marker, which says what else was made so that uninstall can take it away again. Folders of an earlier
  // installation stay noted.
  Result<void> note_folders() {
    std::string text = fmt::format("{} {}\n", kMarkerLine, options_.version);
    for (const fs::path& folder : noted_folders(world_)) text += fmt::format("made {}\n", folder.string());
    for (const fs::path& folder : made_folders_) {
      if (folder != kProgramFolder) text += fmt::format("made {}\n", folder.string());
    }
    return write(fs::path(kProgramFolder) / kMarker, text, 0644);
  }

  Result<void> start() {
    if (!world_.systemd_runs) {
      // In an image that is being built the service is enabled all the same, where systemctl is there.
      const auto enabled = world_.run({"systemctl", "enable", std::string(kService)});
      done_.push_back(enabled ? "enabled; systemd does not run here, so it is not started"
                              : "systemd does not run here: the service is neither enabled nor started");
      return {};
    }
    PLUMB_CHECK(world_.run({"systemctl", "daemon-reload"}));
    if (!updating_)
      undo_.add([this] { std::ignore = world_.run({"systemctl", "disable", "--now", std::string(kService)}); });
    PLUMB_CHECK(world_.run({"systemctl", "enable", std::string(kService)}));
    if (!options_.start) return {};
    PLUMB_CHECK(world_.run({"systemctl", "restart", "--no-block", std::string(kService)}));
    done_.push_back("enabled and started");
    return {};
  }

  const InstallWorld& world_;
  const InstallOptions& options_;
  std::vector<std::string> done_;
  std::vector<fs::path> made_folders_;
  bool updating_ = false;
  Undo undo_;  // first to go: its steps use the rest
};

}  // namespace

bool is_set_up(const InstallWorld& world) {
  std::error_code error;
  return fs::exists(place_of(world, kConfigFile), error);
}

Result<void> can_install(const InstallWorld& world) {
  std::error_code error;
  for (const std::string_view path :
       {"/usr/bin/plumbline-connector", "/lib/systemd/system/integration-connector.service"}) {
    if (fs::exists(place_of(world, path), error))
      return fail(Fault::conflict,
                  "{} is there: the package is installed. Update it with apt, or remove it first: apt "
                  "remove plumbline-connector",
                  path);
  }
  if (fs::exists(place_of(world, kProgramFolder), error) && !is_ours(world))
    return fail(Fault::conflict, "{} is there and was not made by this program; move it away", kProgramFolder);
  if (fs::exists(place_of(world, kUnit), error) && !has_mark(world, kUnit))
    return fail(Fault::conflict, "{} is there and was not made by this program; move it away", kUnit);
  return {};
}

Result<std::vector<std::string>> install(const InstallWorld& world, const InstallOptions& options,
                                         const SetupAnswers* answers) {
  PLUMB_CHECK(can_install(world));
  return Installation(world, options).run(answers);
}

Result<void> write_storage_drop_in(const InstallWorld& world, const fs::path& storage) {
  std::error_code error;
  if (storage == kStorage) {
    if (has_mark(world, kDropIn)) fs::remove(place_of(world, kDropIn), error);
    return {};
  }
  PLUMB_CHECK(make_folder(place_of(world, fs::path(kDropIn).parent_path()), 0755));
  PLUMB_CHECK(write_file(place_of(world, kDropIn), storage_drop_in(storage, kMark), 0644));
  if (world.systemd_runs) return world.run({"systemctl", "daemon-reload"});
  return {};
}

}  // namespace plumb::connector
