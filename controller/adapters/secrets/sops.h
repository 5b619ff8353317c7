#pragma once

#include <string_view>
#include <vector>

#include "controller/adapters/secrets/age.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/model/value.h"

// Files that SOPS encrypted (https://getsops.io, "Encryption protocol"), with a data key that is wrapped by age.
namespace plumb::secrets::sops {

// The value at the RFC 6901 pointer, once the whole file holds: every value is authentic, and all of them together are
// what was encrypted. Texts as they are, numbers as SOPS writes them, booleans as true and false.
//
// Which values are encrypted is told by their form. The file's own rules (unencrypted_suffix, encrypted_regex and so
// on) need not be asked: whatever they say, a value counts that the file's authentication code covers, and no other.
// Under mac_only_encrypted that leaves out plain values, so these are not given.
//
// Fault::not_found: nothing is there. Fault::denied: no identity opens it. Fault::invalid: it is not of SOPS, was
// changed, or the pointer leads to no single value. Errors name the pointer; never a byte of a value.
Result<Secret> reveal(const Value& file, std::string_view pointer, const std::vector<age::Identity>& identities);

}  // namespace plumb::secrets::sops
