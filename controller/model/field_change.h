#pragma once

#include <string>
#include <vector>

namespace plumb {

// "`removed` out, `added` in", in one write; a single-valued attribute has at most one of each, a
// set has only its difference. Values are the target's texts; links are LinkTexts; the value of a
// sensitive field is a reference ("env:X") and is shown as (sensitive).
struct FieldChange {
  std::string name{};
  std::vector<std::string> removed{}, added{};
  bool multi_valued = false;
  bool sensitive = false;
  bool link = false;
  // Set the value whatever it was: for what cannot be compared (a password, lockoutTime).
  bool blind = false;
  std::string once{};  // name of the OnceWrite it belongs to; empty: none
  friend bool operator==(const FieldChange&, const FieldChange&) = default;
};

}  // namespace plumb
