#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/model/dn.h"
#include "controller/model/value.h"
#include "controller/ports/directory.h"

namespace plumb::app {

// One thing that was tried with a directory.
struct DirectoryTried {
  std::string step;  // "bind", "search", "create", ...
  bool good = false;
  Duration took{};
  std::string text;  // what was seen, or why not
};
Value described(const DirectoryTried& tried);

// Signs in and finds each base. Stops at the first thing that fails.
std::vector<DirectoryTried> try_reading(Directory& directory, const std::vector<Dn>& bases, const Clock& clock,
                                        Duration limit);
// What the kinds do with people, on an account that is made for it below `scratch` and named so that nobody takes it
// for a person: create, password (where the connection is encrypted), enable, update, disable, remove. It is removed
// whatever fails, and the last step compares all below `scratch` with what was there before.
std::vector<DirectoryTried> try_writing(Directory& directory, const Dn& scratch, const Clock& clock, Duration limit);

}  // namespace plumb::app
