// Several domain controllers of one domain: copies of the fake directory that replicate.
#include <algorithm>

#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "tests/support/fake_directory.h"

namespace plumb::test {

FakeDirectory FakeDirectory::replica(const std::string& host) const {
  FakeDirectory other = *this;
  other.host_ = host;
  other.hosts_.insert(hosts_.begin(), hosts_.end());
  // Objects made there get ids, RIDs and USNs that the ones made here do not have.
  other.seed_ = seed_ + 7919 * hosts_.size();
  other.next_rid_ = next_rid_ + 500;
  other.renew_invocation_id();
  other.log_.clear();
  other.referee = nullptr;
  other.crash_point = nullptr;
  other.reads_ = other.write_calls_ = 0;
  other.usn_ = usn_ + 9000;
  other.by_usn_.clear();
  for (auto& [key, node] : other.nodes_) other.touch(node);
  for (auto& [id, tombstone] : other.tombstones_) tombstone.usn = ++other.usn_;
  return other;
}

void FakeDirectory::receive(const FakeDirectory& from) {
  hosts_.insert(from.hosts_.begin(), from.hosts_.end());
  for (const auto& [id, tombstone] : from.tombstones_) {
    if (tombstones_.contains(id)) continue;
    if (const auto found = ids_.find(id); found != ids_.end()) remove(id);
    tombstones_[id] = tombstone;
    tombstones_[id].usn = ++usn_;
  }
  for (const auto& [key, theirs] : from.nodes_) {
    const bool known = ids_.contains(theirs.id);
    const Key ours = adopt(from, theirs);
    if (ours == 0) continue;
    Node& node = nodes_.at(ours);
    unindex(node);
    bool changed = merge_values(theirs, node);
    changed = merge_place(from, theirs, node) || changed || !known;
    index(node);
    if (changed) touch(node);
  }
  for (const auto& [key, theirs] : from.nodes_)
    if (const auto ours = ids_.find(theirs.id); ours != ids_.end())
      if (Node& node = nodes_.at(ours->second); merge_links(from, theirs, node)) touch(node);
}

// The object of ours that is theirs, made if it is new; 0 if it, or where it is to be, was deleted here.
FakeDirectory::Key FakeDirectory::adopt(const FakeDirectory& from, const Node& theirs) {
  if (const auto found = ids_.find(theirs.id); found != ids_.end()) return found->second;
  if (tombstones_.contains(theirs.id)) return 0;
  const Key parent = adopt(from, from.nodes_.at(theirs.parent));
  if (parent == 0) return 0;
  Node node;
  node.key = next_key_++;
  node.parent = parent;
  node.id = theirs.id;
  node.rid = theirs.rid;
  node.class_bits = theirs.class_bits;
  node.rdn_type = theirs.rdn_type;
  node.rdn_value = places_.contains({parent, fold_case(rdn_text(theirs.rdn_type, theirs.rdn_value))})
                       ? theirs.rdn_value + "\nCNF:" + theirs.id
                       : theirs.rdn_value;
  node.values["objectClass"] = theirs.values.at("objectClass");
  const Key key = node.key;
  index(node);
  nodes_.emplace(key, std::move(node));
  return key;
}

bool FakeDirectory::merge_values(const Node& theirs, Node& ours) {
  bool changed = false;
  for (const auto& [name, stamp] : theirs.stamps) {
    if (name == "name" || name == "cn" || name == "ou" || name == "uSNCreated" || stamp <= ours.stamps[name]) continue;
    ours.stamps[name] = stamp;
    const auto value = theirs.values.find(name);
    if (name == "unicodePwd")
      ours.password = theirs.password;
    else if (value == theirs.values.end())
      ours.values.erase(name);
    else
      ours.values[name] = value->second;
    changed = true;
  }
  return changed;
}

bool FakeDirectory::merge_place(const FakeDirectory& from, const Node& theirs, Node& ours) {
  const auto moved = theirs.stamps.find("name");
  if (theirs.parent == 0 || moved == theirs.stamps.end() || moved->second <= ours.stamps["name"]) return false;
  const auto parent = ids_.find(from.nodes_.at(theirs.parent).id);
  if (parent == ids_.end()) return false;
  ours.stamps["name"] = moved->second;
  ours.parent = parent->second;
  ours.rdn_value = theirs.rdn_value;
  if (places_.contains({ours.parent, fold_case(rdn_text(ours.rdn_type, ours.rdn_value))}))
    ours.rdn_value += "\nCNF:" + ours.id;
  ours.values[ours.class_bits == kUnit ? "ou" : "cn"] = {ours.rdn_value};
  return true;
}

bool FakeDirectory::merge_links(const FakeDirectory& from, const Node& theirs, Node& ours) {
  bool changed = false;
  for (const auto& [which, link] : theirs.link_stamps) {
    const auto target = from.nodes_.find(which.second);
    const auto known = target == from.nodes_.end() ? ids_.end() : ids_.find(target->second.id);
    if (known == ids_.end()) continue;
    LinkStamp& had = ours.link_stamps[{which.first, known->second}];
    if (link.stamp <= had.stamp) continue;
    had = link;
    auto& targets = ours.links[std::string(schema_attribute(which.first)->name)];
    if (link.present) {
      targets.insert(known->second);
      back_links_[known->second].insert({which.first, ours.key});
    } else {
      targets.erase(known->second);
      back_links_[known->second].erase({which.first, ours.key});
    }
    changed = true;
  }
  return changed;
}

}  // namespace plumb::test
