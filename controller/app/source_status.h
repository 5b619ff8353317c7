#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/ports/state_store.h"

// What a controller that runs and the commands beside it tell each other of a source, through the store.
namespace plumb::app {

// The condition Ready of the source: whether it was read and its commit taken, and why not. Written only where
// something changed. `revision`: what is in use; empty: nothing yet.
Result<void> note_source(StateStore& store, const Resource& source, const std::string& revision,
                         const std::optional<Error>& problem, SystemTime now);

// A request to look now: at one Directory, or at the source and all of them where `directory` is empty.
StateStore::Put request_look(const std::string& directory, SystemTime now);
// The requests there are, which are gone then: names of Directories, and "" for everything.
Result<std::vector<std::string>> take_requests(StateStore& store);

}  // namespace plumb::app
