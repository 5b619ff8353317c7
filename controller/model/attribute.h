#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/base/text.h"

namespace plumb {

// What a reader knows of an attribute. Only `present` and `empty` may be acted on.
enum class Reading { present, empty, truncated, unreadable };

struct Attribute {
  std::vector<std::string> values;  // bytes; order has no meaning unless the rule says so
  Reading reading = Reading::present;

  bool known() const { return reading == Reading::present || reading == Reading::empty; }
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

// By attribute name, whatever its case; the name is kept as first written. As std::map in what is here, but in one
// block, sorted: there are few to an object and very many objects. Adding or erasing invalidates iterators and
// references.
class Attributes {
 public:
  using value_type = std::pair<std::string, Attribute>;
  using iterator = std::vector<value_type>::iterator;
  using const_iterator = std::vector<value_type>::const_iterator;

  Attributes() = default;
  Attributes(std::initializer_list<value_type> items);

  iterator begin() { return items_.begin(); }
  iterator end() { return items_.end(); }
  const_iterator begin() const { return items_.begin(); }
  const_iterator end() const { return items_.end(); }
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  void clear() { items_.clear(); }
  void reserve(std::size_t count) { items_.reserve(count); }

  iterator lower_bound(std::string_view name);
  const_iterator lower_bound(std::string_view name) const;
  iterator find(std::string_view name);
  const_iterator find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != end(); }
  const Attribute& at(std::string_view name) const;  // throws std::out_of_range
  Attribute& at(std::string_view name);
  Attribute& operator[](std::string_view name);

  // Does nothing where the name is there.
  std::pair<iterator, bool> try_emplace(std::string_view name, Attribute attribute = {});
  std::pair<iterator, bool> emplace(std::string_view name, Attribute attribute) {
    return try_emplace(name, std::move(attribute));
  }
  std::pair<iterator, bool> insert_or_assign(std::string_view name, Attribute attribute);
  iterator erase(const_iterator where) { return items_.erase(where); }
  std::size_t erase(std::string_view name);
  template <class Predicate>
  friend std::size_t erase_if(Attributes& attributes, Predicate predicate) {
    return std::erase_if(attributes.items_, predicate);
  }

  friend bool operator==(const Attributes&, const Attributes&) = default;

 private:
  std::vector<value_type> items_;
};

// How two values of an attribute are told apart.
enum class Compare {
  exact,        // by bytes
  ignore_case,  // directory strings (caseIgnoreMatch); a difference in case alone is still written
                // when the manifest asks for it, but values that differ in case are one value
  integer,      // by number
  boolean,      // TRUE/FALSE
  flags,        // bits of a 32-bit integer; wanted values are "+<mask>" and "-<mask>", other bits are kept
  expiry,       // FILETIME where 0 and 9223372036854775807 both mean never
  link,         // names another object; compared by that object's id (see LinkText)
};

struct AttributeRule {
  std::string_view name;
  Compare compare = Compare::ignore_case;
  bool multi_valued = false;       // a set: only the difference is written
  bool immutable = false;          // may be set at creation only
  bool sensitive = false;          // never shown; written, never read
  std::uint32_t disable_mask = 0;  // flags: the bit whose being set means "disabled"
};

// The rule for a name that has none: a single directory string.
AttributeRule rule_for(std::span<const AttributeRule> rules, std::string_view name);

}  // namespace plumb
