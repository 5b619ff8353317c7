#pragma once

#include <string>

#include "controller/base/result.h"
#include "controller/model/value.h"

namespace plumb::runtime {

// The reference for the SecretReader that a secret source of a manifest stands for: {env: NAME}, {file: /path},
// {systemd: NAME}, {sops: {file, key, sha256}} ("sops:<sha256>#<pointer>"), {vault: {path, key, version?}}
// ("vault:<path>#<key>?version=<n>"). Exactly one of them; Fault::invalid says what is wrong, with a JSON Pointer into
// the source.
Result<std::string> secret_reference(const Value& source);

}  // namespace plumb::runtime
