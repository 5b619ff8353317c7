#pragma once

#include <map>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/ports/state_store.h"

namespace plumb::link {

// Who put a Connector away, and when.
struct PutAway {
  std::string by;
  SystemTime when{};
  friend bool operator==(const PutAway&, const PutAway&) = default;
};
using PutAwayConnectors = std::map<ResourceKey, PutAway>;

// Connectors that a person put away at the controller, many at once and without a commit; it counts beside
// `spec.archived` of the manifest. In the state at "connector/archived/<namespace>/<name>". One caller at a time.
class Archive {
 public:
  explicit Archive(StateStore& store) : store_(store) {}  // which must outlive it

  // What cannot be read is put away: a Connector must not come back because a record is broken.
  Result<PutAwayConnectors> all() const;
  // False: it was already.
  Result<bool> put_away(const ResourceKey& connector, const PutAway& by);
  // False: it was not there.
  Result<bool> take_back(const ResourceKey& connector);

 private:
  StateStore& store_;
};

}  // namespace plumb::link
