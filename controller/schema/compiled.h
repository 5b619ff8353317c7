#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "controller/schema/registry.h"

namespace plumb::schema {

// A JSON Schema (draft 7) made ready for valijson. `pattern` is RE2 (linear time, bounded stack),
// `format` is checked where the project knows it: std::regex can overflow the stack on long texts, and
// valijson throws on a `format` of anything but a text.
// Immutable; thread-safe.
class Compiled {
 public:
  static Result<Compiled> make(const Value& schema);
  ~Compiled();
  Compiled(Compiled&&) noexcept;
  Compiled& operator=(Compiled&&) noexcept;

  bool accepts(const Value& document) const;
  // Why not, in valijson's words: the innermost causes only.
  std::vector<Problem> complaints(const Value& document) const;

 private:
  struct State;
  explicit Compiled(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether a text has a `format`; formats that are not known hold for every text.
bool has_format(std::string_view format, std::string_view text);

}  // namespace plumb::schema
