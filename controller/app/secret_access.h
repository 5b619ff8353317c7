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

}  // namespace plumb::app
