#pragma once

namespace plumb {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace plumb

// For what only a bug can bring about. Stays on in release builds.
#define PLUMB_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::plumb::assertion_failed(#condition, __FILE__, __LINE__))
