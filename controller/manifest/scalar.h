#pragma once

#include <string>
#include <string_view>

#include "controller/model/value.h"

namespace plumb::manifest {

// How a plain (unquoted) scalar is read. The table is in docs/manifests.md.
struct PlainScalar {
  enum class Kind {
    text,
    null,
    boolean,
    integer,
    real,
    ambiguous,  // YAML 1.1 and YAML 1.2 read it differently
    unusable,   // no JSON value: .inf, .nan, integers beyond 64 bits
  };
  Kind kind = Kind::text;
  Value value;                // of null, boolean, integer and real
  std::string_view yaml_1_1;  // of ambiguous: what each version makes of it
  std::string_view yaml_1_2;
};

PlainScalar read_plain(std::string_view text);

// The value of a JSON number (RFC 8259) that is already known to be one. False: not representable.
bool read_number(std::string_view text, Value& value);

}  // namespace plumb::manifest
