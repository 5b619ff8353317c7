#pragma once

#include <string_view>

#include "controller/model/value.h"

namespace plumb::openapi {

// What a keyword of JSON Schema holds; of OpenAPI's too, where they constrain a value.
enum class Shape {
  schema,          // not, additionalProperties: a schema or a boolean
  schemas,         // allOf: a list of schemas
  schema_or_list,  // items
  members,         // properties: names and schemas
  type,            // a name of a type, or several
  flag,
  count,       // minLength: an integer from 0
  number,      // minimum
  bound,       // exclusiveMinimum: a number, or a boolean beside `minimum` (3.0)
  divisor,     // multipleOf: more than 0
  text,        // pattern
  list,        // enum: not empty
  names,       // required
  dependents,  // dependentRequired: names and lists of names
  any
};

struct Keyword {
  std::string_view name;
  Shape shape;
  bool in_place = false;  // its schemas are held against the same value, not against a part of it
};

// Null for what is no keyword, or none that constrains a value.
const Keyword* keyword(std::string_view name);
bool is_type(std::string_view name);
// Whether the value is what the keyword holds.
bool has_shape(const Value& value, Shape shape);

}  // namespace plumb::openapi
