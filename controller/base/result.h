#pragma once

#include <chrono>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include <fmt/format.h>

namespace plumb {

// What the caller can do about a failure. `conflict`, `unavailable` and `timeout` are worth another
// try with backoff; after `timeout` the outcome of a write is unknown, so observe first. `invalid`,
// `denied` and `not_found` wait for a change of the input. `internal` is a bug of ours.
enum class Fault { invalid, denied, not_found, conflict, unavailable, timeout, internal };

std::string_view to_string(Fault fault);

struct Error {
  Fault fault = Fault::internal;
  std::string message;                      // for a person: what, on what, why; never holds a secret
  std::chrono::milliseconds retry_after{};  // zero: the caller's own backoff
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  using tl::expected<T, Error>::operator=;
};

using Failure = tl::unexpected<Error>;

template <class... Args>
Failure fail(Fault fault, fmt::format_string<Args...> format, Args&&... args) {
  return Failure(Error{fault, fmt::format(format, std::forward<Args>(args)...), {}});
}

// The same error with what was attempted in front: "reading policies/x.yaml: no such file".
inline Failure in_context(std::string_view attempted, Error error) {
  error.message = fmt::format("{}: {}", attempted, error.message);
  return Failure(std::move(error));
}

}  // namespace plumb

// NOLINTBEGIN(cppcoreguidelines-macro-usage): the only way to return from the caller.
#define PLUMB_CONCAT_(a, b) a##b
#define PLUMB_CONCAT(a, b) PLUMB_CONCAT_(a, b)
// PLUMB_TRY(const auto x, f()): x is the value of f(), or the error is returned.
#define PLUMB_TRY(declaration, ...)                                                 \
  auto PLUMB_CONCAT(plumb_try_, __LINE__) = (__VA_ARGS__);                          \
  if (!PLUMB_CONCAT(plumb_try_, __LINE__))                                          \
    return ::plumb::Failure(std::move(PLUMB_CONCAT(plumb_try_, __LINE__)).error()); \
  declaration = std::move(*PLUMB_CONCAT(plumb_try_, __LINE__))
#define PLUMB_CHECK(...)                                                                                            \
  do {                                                                                                              \
    if (auto plumb_check_ = (__VA_ARGS__); !plumb_check_) return ::plumb::Failure(std::move(plumb_check_).error()); \
  } while (false)
// NOLINTEND(cppcoreguidelines-macro-usage)
