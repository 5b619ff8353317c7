#pragma once

#include <string>
#include <vector>

#include "controller/app/connector_rows.h"
#include "controller/link/archive.h"
#include "controller/model/value.h"
#include "controller/runtime/connector_list.h"

namespace plumb::app {

struct ConnectorOutcome {
  ResourceKey connector;
  bool done = false;
  std::string message;  // what happened, or why nothing did
};

struct ConnectorActing {
  StateStore& store;
  const Clock& clock;
  std::string actor;
};

// Each by itself: what cannot be done of one keeps no other from being done. Archived: no agent connects, lists leave
// it out, and its history stays. Restored: no longer, unless its manifest archives it. Deleted: its identity, its
// tokens and what was collected of it are gone; one that is connected only with `force`. A manifest that is still there
// lists it as Pending then: what is declared is Git's to take back.
std::vector<ConnectorOutcome> act(const ConnectorActing& by, const ConnectorsSeen& seen,
                                  runtime::ConnectorAction action, const std::vector<ResourceKey>& connectors,
                                  bool force);
Value described(const ConnectorOutcome& outcome);  // {namespace, name, done, message}

}  // namespace plumb::app
