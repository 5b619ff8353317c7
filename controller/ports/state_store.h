#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace plumb {

// Small, durable, ordered by key. One caller at a time. Implemented over SQLite, and in memory for
// tests; both pass tests/contract/state_store_contract.h.
class StateStore {
 public:
  struct Item {
    std::string key, value;
    std::uint64_t version = 0;  // grows with every write of the key
  };
  struct Put {
    std::string key;
    std::optional<std::string> value;  // nothing: remove
  };
  struct Guard {
    std::string key;
    std::uint64_t version = 0;  // 0: must not exist
  };

  virtual ~StateStore() = default;
  virtual Result<std::optional<Item>> get(std::string_view key) = 0;
  // In key order.
  virtual Result<std::vector<Item>> list(std::string_view prefix) = 0;
  // All of it or none; durable when it returns. Fault::conflict if a guard does not hold.
  virtual Result<void> commit(std::span<const Put> puts, std::span<const Guard> guards = {}) = 0;
};

}  // namespace plumb
