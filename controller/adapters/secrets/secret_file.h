#pragma once

#include <string>

#include "controller/base/descriptor.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"

namespace plumb::secrets {

// What errno says, as a fault.
Failure system_fault(const std::string& reference, std::string_view doing);

struct FileRules {
  bool everyone_may_read = false;  // it is of no use to them: encrypted
  std::size_t limit = 64 << 10;    // bytes; a secret is a password or a key, not a document
};
// All of the file, as it is. Fault::denied where others could have written it, or could read what they must not.
// Errors name `reference`.
Result<Secret> read_file(const std::string& path, const std::string& reference, const FileRules& rules = {});

// Without one newline at the end.
Secret without_newline(Secret secret);

}  // namespace plumb::secrets
