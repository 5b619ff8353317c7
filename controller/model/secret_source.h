#pragma once

#include <string>

#include "controller/base/result.h"
#include "controller/model/value.h"

namespace plumb {

// The reference for a SecretStore that a secret source of a manifest stands for: {env: NAME}, {file: /path},
// {systemd: NAME}, {sops: {file, key, sha256}} ("sops:<sha256>#<pointer>"), {vault: {path, key, version?}}
// ("vault:<path>#<key>?version=<n>"). Exactly one of them; Fault::invalid says what is wrong, with a JSON Pointer into
// the source.
Result<std::string> secret_reference(const Value& source);
// Of the source at `pointer` of a spec; empty where there is none. Faults name the pointer.
Result<std::string> secret_reference_at(const Value& spec, const std::string& pointer);

}  // namespace plumb
