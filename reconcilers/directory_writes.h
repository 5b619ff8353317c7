#pragma once

#include <span>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/plan.h"
#include "controller/ports/directory.h"
#include "controller/ports/secret_store.h"

namespace plumb {

// Values of one attribute that go into one write: a directory server holds a write in memory as a
// whole, and Active Directory's own advice is not to pass 5,000.
inline constexpr std::size_t kValuesPerWrite = 5000;

struct WriteContext {
  std::string marker;      // of a created object
  bool encrypted = false;  // the connection: passwords are sent over no other
};

// The writes that carry out a change, one after the other: add or modify first, with what is too much
// for one write in further ones, then the move. Empty for a change that only the inventory knows of.
// `id` and `dn` say which object it is; empty for a creation. A secret that cannot be read is the
// store's fault.
Result<std::vector<DirectoryWrite>> writes_for(const Change& change, const std::string& id, const std::string& dn,
                                               const WriteContext& context, SecretStore& secrets);

}  // namespace plumb
