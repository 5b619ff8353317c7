#pragma once

#include "controller/ports/target.h"

// The kinds of objects in a directory, one file each; the list is in reconcilers.cpp.
namespace plumb {

const Reconciler& ad_user();
const Reconciler& ad_group();
const Reconciler& organizational_unit();

}  // namespace plumb
