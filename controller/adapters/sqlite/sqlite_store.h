#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "controller/ports/lease.h"
#include "controller/ports/state_store.h"

namespace plumb::sqlite {

// The state store in one file (WAL, synchronous=FULL, one connection). The directory is made with mode
// 0700 and must belong to us. `read_only` never writes, and fails where there is no store yet.
Result<std::unique_ptr<StateStore>> open_store(const std::filesystem::path& file, bool read_only = false);

// The right to write, for controllers that share a state directory: a lock on a file in it that the
// kernel takes back when the process ends. The file names the holder (pid, host, since).
std::unique_ptr<Lease> make_file_lease(std::filesystem::path file, std::string holder);

}  // namespace plumb::sqlite
