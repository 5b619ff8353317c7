#pragma once

#include <memory>

#include "controller/app/options.h"
#include "controller/base/result.h"
#include "controller/ports/document_store.h"
#include "controller/ports/secret_store.h"

namespace plumb::app {

// Every secret that manifests may name, as far as --allow-secrets goes: with Vault and the age identities of the
// options. `documents` has the SOPS files of the source; null: there are none. It must outlive the store.
// Fault::invalid where the options do not fit together.
Result<std::unique_ptr<SecretStore>> open_secrets(const GlobalOptions& options, DocumentStore* documents);

// Those that the operator names, on the command line or in the file of --source: without SOPS, whose files would be in
// the source, and whatever --allow-secrets says of manifests.
Result<std::unique_ptr<SecretStore>> operator_secrets(const GlobalOptions& options);

}  // namespace plumb::app
