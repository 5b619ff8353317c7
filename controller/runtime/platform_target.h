#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/ports/document_store.h"
#include "controller/ports/secret_store.h"
#include "controller/ports/target.h"
#include "controller/runtime/platform_client.h"
#include "controller/runtime/platform_settings.h"

namespace plumb::runtime {

struct PlatformParts {
  BlockingSend send;         // over the route that settings.tls asks for
  SecretStore& secrets;      // asked when something is applied, and at sign-in
  DocumentStore& documents;  // has the canonical text of every document that a change names
  const Clock& clock;
  std::vector<const Reconciler*> kinds;                              // PlatformKinds::kinds()
  std::function<bool(const ResourceKey& model)> may_recreate;        // PlatformKinds::may_recreate
  std::function<std::string(std::string_view operation)> mark;       // marker_text of this installation
  std::function<std::string(std::string_view marker)> operation_in;  // its inverse; empty: not of this installation
  std::string secret_key;  // for keyed hashes of secrets; of this installation, and secret
};

// An Itential Platform as a Target. Reads lists in full; writes what a change names and nothing else: it reads the
// object anew, compares it with what the plan was made from (Fault::conflict where it differs), keeps what it does not
// know, and reads back what became of it. What it did not make it neither removes nor makes anew. One caller at a time;
// the references in `parts` must outlive it.
std::unique_ptr<Target> make_platform_target(PlatformSettings settings, PlatformParts parts);

}  // namespace plumb::runtime
