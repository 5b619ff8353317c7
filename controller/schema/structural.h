#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/schema/registry.h"

// Structural schemas: what apiextensions.k8s.io/v1 allows in a CRD.
namespace plumb::schema {

// What is not structural about a CRD's schema: pointers into it.
std::vector<Problem> check_structural(const Value& schema);

// The same schema in draft 7: objects closed, `nullable`, int-or-string and boolean bounds put in its
// terms.
Value to_draft7(const Value& schema);

// What a schema asks of a document beyond validation, only where it asks something.
struct Extras {
  enum class ListType { atomic, set, map };

  std::vector<std::pair<std::string, Value>> defaults;  // of absent members
  std::vector<std::pair<std::string, std::unique_ptr<Extras>>> members;
  std::unique_ptr<Extras> items, additional;  // of the array; of members that `members` does not name
  ListType list = ListType::atomic;
  std::vector<std::string> list_keys;
};
// Null where there is nothing.
std::unique_ptr<Extras> extras_of(const Value& schema);

// Inside of objects that exist, as Kubernetes does; of a valid value.
void apply_defaults(const Extras& extras, Value& value);
// Items that stand twice in lists that are sets or maps.
void check_lists(const Extras& extras, const Value& value, const std::string& pointer, std::vector<Problem>& problems);

}  // namespace plumb::schema
