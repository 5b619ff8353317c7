#pragma once

#include <memory>

#include "controller/ports/secret_store.h"

namespace plumb::secrets {

// "env:NAME", "file:/path" and "generate:<length>:/path". Files that others may write to are refused.
std::unique_ptr<SecretStore> make_secret_store();

// A random password of `length` (12 to 256) characters with lower and upper case letters, digits and
// signs, without look-alikes, from the operating system's generator.
Secret generate_password(std::size_t length);

}  // namespace plumb::secrets
