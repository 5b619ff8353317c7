#pragma once

#include <deque>
#include <optional>
#include <unordered_map>

#include "controller/base/result.h"
#include "controller/openapi/document.h"

// Schemas of a document as JSON Schema draft 7, which controller/schema can hold values against. `nullable`, boolean
// bounds, `prefixItems` and the like are converted; what requests do not send (required members that are readOnly) is
// not asked for. What cannot be checked is left out, and what it is part of errs on the side of allowing: patterns that
// RE2 cannot read, patternProperties, unevaluatedProperties, formats other than date and date-time.
namespace plumb::openapi {

struct Inlined {
  Value schema;
  std::size_t values = 0;  // that it consists of
};

// Everything that the schema refers to put in its place. Nothing where that has no end or more than `most` values.
std::optional<Inlined> inlined(const Value& document, const Value& schema, std::size_t most);

// Only what concerns `value`, each part of the schema for one part of the value: for schemas that are large or refer to
// themselves. Fault::invalid where that is more than can be tried.
Result<Value> inlined_along(const Value& document, const Value& schema, const Value& value);

// For people and forms: references are kept, what they lead to is in one set of definitions.
class Bundle {
 public:
  explicit Bundle(const Value& document) : document_(document) {}
  Value add(const Value& schema);
  // Of all that was added. Call once, last.
  Object definitions();

 private:
  friend class Converter;
  struct Target {
    std::string name;
    const Value* schema;
  };

  const Value& document_;
  std::unordered_map<const Value*, std::string> names_;
  std::unordered_map<std::string, std::size_t> taken_;
  std::deque<Target> open_;
  std::size_t values_ = 0;
};

}  // namespace plumb::openapi
