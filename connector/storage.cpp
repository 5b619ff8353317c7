#include "connector/storage.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "controller/base/text.h"

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;

Result<void> take_over(const fs::path& folder, Owner owner) {
  std::error_code error;
  const bool empty = fs::is_empty(folder, error);
  if (error) return fail(Fault::denied, "{} cannot be read: {}", printable(folder.string()), error.message());
  if (!empty && !fs::exists(folder / kMarker, error))
    return fail(Fault::conflict,
                "{} has files in it that are not the connector's; name another folder, or an empty one",
                printable(folder.string()));
  if (owner.user != static_cast<uid_t>(-1) && ::chown(folder.c_str(), owner.user, owner.group) != 0)
    return fail(Fault::denied, "giving away {}: {}", printable(folder.string()), std::strerror(errno));
  if (::chmod(folder.c_str(), 0700) != 0)
    return fail(Fault::denied, "setting the mode of {}: {}", printable(folder.string()), std::strerror(errno));
  return {};
}

}  // namespace

Result<bool> prepare_storage(const fs::path& storage, Owner owner) {
  PLUMB_TRY(const bool made, make_folder(storage, 0700, owner));
  if (!made) PLUMB_CHECK(take_over(storage, owner));
  std::error_code error;
  if (!fs::exists(storage / kMarker, error))
    PLUMB_CHECK(
        write_file(storage / kMarker, "Storage of plumbline-connector; removed by uninstall --purge.\n", 0600, owner));
  PLUMB_CHECK(make_folder(storage / "log", 0700, owner));
  return made;
}

Result<Secret> read_token(const Config& config) {
  auto token = read_secret(config.token_file);
  if (!token && token.error().fault == Fault::not_found)
    return fail(Fault::not_found,
                "there is no token in {}; have one made (plumbline connector token create) and run plumbline-connector "
                "setup",
                config.token_file.string());
  return token;
}

Result<void> forget_token(const Config& config) {
  if (::unlink(config.token_file.c_str()) == 0 || errno == ENOENT) return {};
  // One that systemd or a person handed over is not ours to remove. It was good once: it opens nothing any more.
  if (config.token_file != config.storage / "token") return {};
  return fail(Fault::denied, "removing {}: {}", config.token_file.string(), std::strerror(errno));
}

Result<Secret> local_secret(const Config& config, std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  if (name.empty() || name.size() > 128 || name.front() == '.' ||
      name.find_first_not_of(kAllowed) != std::string_view::npos)
    return fail(Fault::invalid, "\"{}\" is no name of a local secret: letters, digits, - _ and . after the first",
                printable(name));
  auto secret = read_secret(config.secrets_directory / name);
  if (!secret && secret.error().fault == Fault::not_found)
    return fail(Fault::not_found, "this site has no secret {}: there is no such file in {}", name,
                config.secrets_directory.string());
  return secret;
}

}  // namespace plumb::connector
