#pragma once

#include <memory>
#include <string>

#include "controller/ports/directory.h"
#include "controller/ports/secret_store.h"
#include "controller/ports/target.h"
#include "reconcilers/directory_settings.h"
#include "reconcilers/marker.h"

namespace plumb {

// An Active Directory domain as a Target: reads entries into live objects, knows which must never be
// written, and turns changes into compare-and-swap writes. One caller at a time; `directory`,
// `secrets` and `clock` must outlive it. What it read it keeps and follows (see Mirror).
// `installation` signs the marker of created objects. `scrub_every`: how old what is kept may be when it is compared
// with the domain.
std::unique_ptr<Target> make_active_directory(DirectorySettings settings, Directory& directory, SecretStore& secrets,
                                              const Clock& clock, Installation installation,
                                              Duration scrub_every = std::chrono::hours(24));

}  // namespace plumb
