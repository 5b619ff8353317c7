#include "controller/app/state.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "controller/adapters/sqlite/sqlite_store.h"
#include "controller/base/digest.h"

namespace plumb::app {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kInstanceItem = "instance";
constexpr std::size_t kKeyText = 64;  // 32 bytes in hexadecimal

// Written aside and linked into place, so that two first runs agree on one key and a crash leaves none.
Result<void> make_key(const fs::path& file) {
  const std::string aside = file.string() + "." + std::to_string(::getpid());
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Fault::unavailable, "making {}: {}", file.string(), std::strerror(errno));
  const std::string text = random_hex(kKeyText / 2) + "\n";
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const int reason = errno;
  ::close(fd);
  const bool linked = written && (::link(aside.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const int link_reason = errno;
  ::unlink(aside.c_str());
  if (!linked)
    return fail(Fault::unavailable, "making {}: {}", file.string(), std::strerror(written ? link_reason : reason));
  return {};
}

}  // namespace

Result<std::optional<StateStore::Item>> SharedStore::get(std::string_view key) {
  const std::scoped_lock lock(mutex_);
  return inner_.get(key);
}

Result<std::vector<StateStore::Item>> SharedStore::list(std::string_view prefix) {
  const std::scoped_lock lock(mutex_);
  return inner_.list(prefix);
}

Result<void> SharedStore::commit(std::span<const Put> puts, std::span<const Guard> guards) {
  const std::scoped_lock lock(mutex_);
  return inner_.commit(puts, guards);
}

Result<void> SharedLease::hold(Deadline deadline) {
  const std::scoped_lock lock(mutex_);
  return inner_.hold(deadline);
}

bool SharedLease::held_for(std::chrono::milliseconds margin) const {
  const std::scoped_lock lock(mutex_);
  return inner_.held_for(margin);
}

Result<void> make_state_directory(const fs::path& directory) {
  std::error_code error;
  if (fs::is_directory(directory, error)) return {};
  if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), error);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Fault::unavailable, "making the state directory {}: {}; choose another with --state",
                directory.string(), std::strerror(errno));
  }
  return {};
}

std::string current_actor() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const passwd* user = ::getpwuid(::geteuid());  // one thread yet: called while the process is set up
  return fmt::format("{}@{}", user != nullptr ? user->pw_name : std::to_string(::geteuid()), host.data());
}

Result<std::unique_ptr<State>> State::open(const fs::path& directory, Access access, std::string_view purpose,
                                           const Clock& clock) {
  PLUMB_CHECK(make_state_directory(directory));
  std::unique_ptr<State> state(new State());
  state->actor_ = current_actor();
  state->lease_ = sqlite::make_file_lease(directory / "lock", std::string(purpose));
  if (access == Access::write) PLUMB_CHECK(state->lease_->hold(Deadline::in(clock, std::chrono::seconds(1))));
  const fs::path file = directory / "plumbline.db";
  std::error_code error;
  if (fs::exists(file, error) && !fs::exists(directory / "instance.key", error)) {
    // A new key would make a new installation, to which nothing in the database belongs.
    return fail(Fault::invalid, "{} is there, but instance.key is not; restore it from the backup of this state",
                file.string());
  }
  PLUMB_CHECK(state->load_key(directory / "instance.key"));
  const bool read_only = access == Access::look && fs::exists(file, error);
  PLUMB_TRY(state->store_, sqlite::open_store(file, read_only));
  PLUMB_CHECK(state->check_instance(!read_only));
  state->shared_lease_ = std::make_unique<SharedLease>(*state->lease_);
  state->shared_store_ = std::make_unique<SharedStore>(*state->store_);
  PLUMB_TRY(state->audit_, state->open_audit(clock));
  return state;
}

Result<engine::AuditLog> State::open_audit(const Clock& clock) {
  return engine::AuditLog::open(*shared_store_, clock, actor_);
}

Result<void> State::load_key(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) PLUMB_CHECK(make_key(file));
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0) {
    return fail(Fault::unavailable, "reading {}: {}", file.string(), std::strerror(errno));
  }
  if ((about.st_mode & 077U) != 0) {
    return fail(Fault::denied, "{} can be read by others, who could forge plan files and markers with it; chmod 600 it",
                file.string());
  }
  std::ifstream in(file);
  in >> key_;
  if (!in || key_.size() != kKeyText || key_.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return fail(Fault::invalid, "{} does not hold a key of {} hexadecimal digits; restore it from a backup",
                file.string(), kKeyText);
  }
  instance_ = sha256(key_).substr(0, 16);
  return {};
}

// What was created carries the instance in its marker: with another key nothing of it would be found again.
Result<void> State::check_instance(bool may_write) {
  PLUMB_TRY(const auto item, store_->get(kInstanceItem));
  if (item && item->value != instance_) {
    return fail(Fault::invalid,
                "instance.key is not the one that this state was made with (instance {}, the key says {}); restore "
                "the key or the database, so that both are of one installation",
                item->value, instance_);
  }
  if (item || !may_write) return {};
  const std::vector<StateStore::Put> puts = {{std::string(kInstanceItem), instance_}};
  const std::vector<StateStore::Guard> guards = {{std::string(kInstanceItem), 0}};
  if (auto stored = store_->commit(puts, guards); !stored && stored.error().fault != Fault::conflict) return stored;
  return {};
}

Result<std::unique_ptr<State>> open_beside(const fs::path& directory, std::string_view purpose, const Clock& clock) {
  std::error_code error;
  if (!fs::exists(directory / "plumbline.db", error))
    return fail(Fault::not_found, "there is no state in {}; name it with --state or PLUMBLINE_STATE",
                directory.string());
  PLUMB_TRY(auto state, State::open(directory, State::Access::note, purpose, clock));
  PLUMB_CHECK(state->audit().refresh());
  return state;
}

}  // namespace plumb::app
