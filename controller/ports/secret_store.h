#pragma once

#include <string>

#include "controller/base/result.h"
#include "controller/base/secret.h"

namespace plumb {

// Where secret material comes from. A reference is a URI-like text: "env:NAME",
// "file:/path/to/file" (one trailing newline is not part of the secret), or "generate:<length>:/path"
// (made and delivered to that file on the first call; what the file holds on every later one, until it is handed
// over: then Fault::conflict, as the next who asks may be somebody else). Thread-safe.
// Messages of errors name the reference, never a byte of the secret.
class SecretStore {
 public:
  virtual ~SecretStore() = default;
  virtual Result<Secret> fetch(const std::string& reference) = 0;
  // Hands over a secret that was made here: writes it to a file that must not exist yet, mode 0600.
  // `reference` is "file:/path". Fault::conflict if it exists.
  virtual Result<void> deliver(const std::string& reference, const Secret& secret) = 0;
  // The secret of a "generate:" reference is in use now. Nothing happens for any other reference.
  virtual Result<void> handed_over(const std::string& reference) = 0;
};

}  // namespace plumb
