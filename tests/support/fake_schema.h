#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace plumb::test {

// What the fake directory knows of Active Directory's schema: enough to refuse what Windows refuses.
enum class Syntax { text, exact, integer, boolean, link, back_link };

enum ClassBits : unsigned { kUser = 1, kGroup = 2, kUnit = 4, kContainer = 8, kDomain = 16, kAnyClass = 31 };

struct SchemaAttribute {
  std::string_view name;
  Syntax syntax = Syntax::text;
  bool multi_valued = false;
  unsigned classes = kAnyClass;
  std::size_t longest = 0;     // in bytes; 0: no limit
  bool system = false;         // only the directory writes it
  std::string_view forward{};  // back links: the attribute they mirror
};

// Null if the schema has no such attribute (any case of letters).
const SchemaAttribute* schema_attribute(std::string_view name);

// Text under which two values of the attribute are equal.
std::string match_key(const SchemaAttribute& attribute, std::string_view value);

}  // namespace plumb::test
