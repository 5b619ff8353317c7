#pragma once

#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/base/secret.h"

namespace plumb {

// Keeps secrets where others may read the bytes: AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits, and a
// key that is HMAC-SHA-256 of `label` under `key`, so that what is sealed for one purpose cannot be opened for another.
// `context` is not in the result, and has to be the same when it is opened: it binds the secret to its place.
// Text; begins with the version of the format, "plb1.".
std::string seal(std::string_view key, std::string_view label, std::string_view context, const Secret& secret);
// Fault::denied: it was changed, or sealed with another key, label or context.
Result<Secret> unseal(std::string_view key, std::string_view label, std::string_view context, std::string_view sealed);

}  // namespace plumb
