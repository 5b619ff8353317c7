#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/base/secret.h"

// Files that decide what the agent does or that it must keep to itself.
namespace plumb::connector {

// Whose the file is that something is made for; -1: nobody else's than the process's own.
struct Owner {
  uid_t user = static_cast<uid_t>(-1);
  gid_t group = static_cast<gid_t>(-1);
};

// All of a file that nobody but root and the process's own user can have written: it belongs to one of them, and
// neither its group nor others may write to it or exchange it (the folder it is in). Fault::not_found if there is
// none, Fault::denied with what to do. At most 1 MiB.
Result<std::string> read_trusted(const std::filesystem::path& file);
// The same for a secret, which others must not be able to read either. Without one newline at the end.
Result<Secret> read_secret(const std::filesystem::path& file);
// Of a file that we wrote and that says nothing about what we do.
Result<std::string> read_plain(const std::filesystem::path& file);

// All or nothing: a new file beside it, on the disk, then in its place.
Result<void> write_file(const std::filesystem::path& file, std::string_view content, mode_t mode, Owner owner = {});
Result<void> write_secret(const std::filesystem::path& file, const Secret& content, Owner owner = {});
// With those above it, which are 0755. Whether it was made now; what is there stays as it is.
Result<bool> make_folder(const std::filesystem::path& folder, mode_t mode, Owner owner = {});

}  // namespace plumb::connector
