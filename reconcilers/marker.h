#pragma once

#include <string>
#include <string_view>

namespace plumb {

// This installation, as what it created knows it.
struct Installation {
  std::string id;   // empty: none, which never created anything
  std::string key;  // secret: who has it can make anything look as if it were created here
};

// The attribute of a created object that says by which installation and operation it was made:
// "plumbline:<installation>:<operation>:<signature>", the signature being the first half of an HMAC-SHA-256 over both.
std::string marker_text(const Installation& installation, std::string_view operation);

// The installation that a marker names, which need not have made it: "" if it is no marker.
std::string_view installation_in(std::string_view marker);

// The operation by which `installation` made the object: "" if the marker is another's, or not signed with its key.
std::string_view operation_in(std::string_view marker, const Installation& installation);

}  // namespace plumb
