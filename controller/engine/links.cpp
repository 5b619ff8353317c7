#include "controller/engine/links.h"

#include <algorithm>

#include "controller/model/dn.h"

namespace plumb::engine {
namespace {

// Links to objects that exist carry an id; a plain name is of one that is to be created.
bool names(const std::string& value, std::string_view handle) {
  const LinkText link = parse_link(value);
  return link.id.empty() && dn_key(link.dn) == dn_key(handle);
}

}  // namespace

bool leave_out_link(Change& change, std::string_view handle) {
  bool left_out = false;
  for (FieldChange& field : change.fields) {
    if (!field.link) continue;
    const std::size_t count = field.added.size();
    std::erase_if(field.added, [&](const std::string& value) { return names(value, handle); });
    if (field.added.size() == count) continue;
    left_out = true;
    if (change.after.links.contains(field.name))
      std::erase_if(change.after.links[field.name], [&](const std::string& value) { return names(value, handle); });
    // A single link is replaced as a whole, or not at all.
    if (!field.multi_valued) field.removed.clear();
  }
  if (!left_out) return false;
  std::erase_if(change.fields,
                [](const FieldChange& field) { return field.link && field.added.empty() && field.removed.empty(); });
  change.after.digest.clear();  // not applied in full
  return true;
}

}  // namespace plumb::engine
