#pragma once

#include <map>
#include <string>

#include "controller/base/result.h"
#include "controller/model/resource.h"

namespace plumb::engine {

// What became of one change of a plan.
struct ChangeResult {
  enum class Fate {
    done,
    failed,   // refused by the target: nothing was written
    unknown,  // no answer: it is looked at before anything else is done
    skipped,  // not tried: held, waiting for another change, in backoff
  };
  Fate fate = Fate::skipped;
  Error error;         // failed, unknown
  std::string reason;  // skipped: for status conditions, CamelCase
  std::string message;
  std::string id;  // done: of the object, where it is known
};
// A change that is in none has not had its turn yet.
using ChangeResults = std::map<ResourceKey, ChangeResult>;

}  // namespace plumb::engine
