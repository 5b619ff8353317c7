#pragma once

#include <memory>

#include "controller/runtime/authenticator.h"

namespace plumb::runtime {

// An API key that is fetched by a request of its own (x-itential-dynamic-retrieval), kept until the target answers 401
// or 403, and then fetched once more. A value in the Credential is ignored (C4 to C9).
Result<std::unique_ptr<Authenticator>> make_dynamic_key(const AuthSettings& settings, const AuthParts& parts);

}  // namespace plumb::runtime
