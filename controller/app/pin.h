#pragma once

#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/ports/state_store.h"

// The commit that a person rolled back to, in the store at "pin": until it is released, the objects of that commit are
// worked with, under the settings (Directories, Credentials, Policies) of the source as it is.
namespace plumb::app {

struct Pin {
  std::string commit;  // full id
  std::string reason, actor;
  SystemTime at{};
  friend bool operator==(const Pin&, const Pin&) = default;
};

// Fault::invalid if it cannot be read: then nothing may be done, because what is wanted cannot be told.
Result<std::optional<Pin>> read_pin(StateStore& store);
StateStore::Put put_of(const Pin& pin);
StateStore::Put removal_of_pin();

}  // namespace plumb::app
