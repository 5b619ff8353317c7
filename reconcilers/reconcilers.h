#pragma once

#include <span>
#include <vector>

#include "controller/model/resource.h"
#include "controller/ports/target.h"

namespace plumb {

// Every kind that describes an object of a directory, written out. Valid for the life of the program.
std::vector<const Reconciler*> directory_kinds();

// Every place in a manifest that names another resource.
std::vector<ReferenceRule> reference_rules();

// The Directory that a resource belongs to: its spec.directoryRef, or the only one of its namespace.
// Fault::invalid says what to write where that is not clear.
Result<const Resource*> directory_of(const Resource& resource, const Snapshot& snapshot);

}  // namespace plumb
