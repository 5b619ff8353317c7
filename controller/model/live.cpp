#include "controller/model/live.h"

#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb {
namespace {

std::string identity_key(const Identity& identity) {
  const bool name = equals_ignoring_case(identity.attribute, "distinguishedName");
  return lower(identity.attribute) + '\n' + (name ? dn_key(identity.value) : fold_case(identity.value));
}

const LiveObject* look_up(const std::vector<LiveObject>& objects,
                          const std::unordered_map<std::string, std::size_t>& index, const std::string& key) {
  const auto found = index.find(key);
  return found == index.end() ? nullptr : &objects[found->second];
}

}  // namespace

void LiveSet::add(LiveObject object) {
  if (const auto known = ids_.find(object.id); known != ids_.end()) {
    LiveObject& old = objects_[known->second];
    // A name that another object has taken over meanwhile stays with that one.
    const auto forget = [&](Index& index, const std::string& key) {
      if (const auto found = index.find(key); found != index.end() && found->second == known->second)
        index.erase(found);
    };
    forget(handles_, dn_key(old.handle));
    for (const Identity& identity : old.identities) forget(identities_, identity_key(identity));
    old = std::move(object);
    handles_[dn_key(old.handle)] = known->second;
    for (const Identity& identity : old.identities) identities_[identity_key(identity)] = known->second;
    return;
  }
  const std::size_t index = objects_.size();
  ids_[object.id] = index;
  handles_[dn_key(object.handle)] = index;
  for (const Identity& identity : object.identities) identities_[identity_key(identity)] = index;
  objects_.push_back(std::move(object));
}

const LiveObject* LiveSet::by_id(std::string_view id) const { return look_up(objects_, ids_, std::string(id)); }

const LiveObject* LiveSet::by_handle(std::string_view handle) const {
  return look_up(objects_, handles_, dn_key(handle));
}

const LiveObject* LiveSet::by_identity(const Identity& identity) const {
  return look_up(objects_, identities_, identity_key(identity));
}

}  // namespace plumb
