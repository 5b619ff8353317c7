#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

// Distinguished names (RFC 4514) as values; no code joins their texts by hand.
namespace plumb {

struct Rdn {
  std::string attribute;  // "CN"; multi-valued RDNs ("CN=a+OU=b") are refused: AD has none
  std::string value;      // unescaped, UTF-8
};

class Dn {
 public:
  Dn() = default;  // the root, ""
  static Result<Dn> parse(std::string_view text);

  bool empty() const { return rdns_.empty(); }
  const std::vector<Rdn>& rdns() const { return rdns_; }  // leaf first
  const Rdn& leaf() const { return rdns_.front(); }       // not on the root
  Dn parent() const;
  Dn child(std::string attribute, std::string value) const;

  // RFC 4514 text with the attribute types as given: "CN=Doe\, Jane,OU=People,DC=ad,DC=test".
  std::string text() const;
  // Two names are of the same object iff their keys are equal: types and values case-folded.
  std::string key() const;
  // Whether this is `ancestor` or below it.
  bool within(const Dn& ancestor) const;

 private:
  std::vector<Rdn> rdns_;
};

// The key of a DN's text; the folded text itself if it is not a DN.
std::string dn_key(std::string_view text);
// One RDN of a DN's text: as written, and what it is compared by.
struct DnPart {
  std::string_view text;  // a view of the text given
  std::string key;
};
// The parts of a DN's text, leaf first; their keys joined by "," are its dn_key. A text that is not a DN
// is one part. `parts` is cleared first; handing it over lets a caller with many names keep the memory.
void dn_parts(std::string_view text, std::vector<DnPart>& parts);
// "CN=Doe\, Jane": one RDN as text.
std::string rdn_text(std::string_view attribute, std::string_view value);

// The extended form in which plans hold links to objects that exist (MS-ADTS 3.1.1.3.4.1.5):
// "<GUID=5f0c...>;CN=Jane,DC=ad,DC=test". A plain DN stands for one that has no id yet.
struct LinkText {
  std::string id;  // may be empty
  std::string dn;
};
LinkText parse_link(std::string_view text);
std::string to_string(const LinkText& link);

// A value inside a search filter (RFC 4515): "*", "(", ")", "\" and NUL escaped.
std::string filter_value(std::string_view value);

}  // namespace plumb
