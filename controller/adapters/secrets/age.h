#pragma once

#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/base/secret.h"

// The file encryption format age-encryption.org/v1 (https://c2sp.org/age), as far as SOPS needs it to wrap a key:
// recipients of the type X25519, in armour. Passphrases (scrypt), SSH keys, hardware and hybrid keys are not known.
namespace plumb::secrets::age {

struct Identity {
  Secret key;             // X25519 scalar, 32 bytes
  std::string recipient;  // "age1...", of its public key
};

// One "AGE-SECRET-KEY-1..." a line; empty lines and those that begin with "#" are left out. Errors name the line by
// its number, never what it says.
Result<std::vector<Identity>> parse_identities(std::string_view text);

// The content of an armoured file that was encrypted to one of the identities. Fault::denied: to none of them.
// Fault::invalid: it is no such file, or was changed. At most 64 KiB of content.
Result<Secret> decrypt(std::string_view armored, const std::vector<Identity>& identities);

}  // namespace plumb::secrets::age
