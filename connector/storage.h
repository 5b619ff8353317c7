#pragma once

#include <filesystem>
#include <string_view>

#include "connector/config.h"
#include "connector/files.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"

// The folder of the agent's own: its identity, its token until it is used, status, log and audit.
namespace plumb::connector {

// A file that says that a folder is ours, so that nothing else is ever taken over or removed.
inline constexpr std::string_view kMarker = ".plumbline-connector";

// Makes the folder, or takes one that is ours or empty: 0700, with the marker and log/ in it. Whether it was made now.
// Fault::conflict for a folder with something else in it.
Result<bool> prepare_storage(const std::filesystem::path& storage, Owner owner = {});

// The token that setup left, and the end of it once the agent has an identity. Fault::not_found: there is none.
Result<Secret> read_token(const Config& config);
Result<void> forget_token(const Config& config);

// A secret that only this site has, by the name in "connector:NAME": a file of the secrets folder. Fault::invalid for a
// name that could be another path, Fault::denied for a file that everyone may read or others may write to.
Result<Secret> local_secret(const Config& config, std::string_view name);

}  // namespace plumb::connector
