#include "controller/model/live.h"

#include <algorithm>
#include <array>

#include "controller/base/assert.h"
#include "controller/base/text.h"

namespace plumb {

using namespace slots;

namespace {

constexpr std::string_view kDistinguishedName = "distinguishedName";

// Whether values of the attribute are DNs that the directory keeps true when their target is renamed: the linked
// attributes of MS-ADTS 3.1.1.1.6 that a manifest or a plan may be about, and the others of the same syntax (2.5.5.1)
// that objects of our kinds have.
bool is_link(std::string_view attribute) {
  static constexpr std::array<std::string_view, 13> kNames = {
      "directReports", kDistinguishedName, "managedBy",    "managedObjects", "manager",   "member", "memberOf",
      "owner",         "publicDelegates",  "roleOccupant", "secretary",      "assistant", "seeAlso"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view name) { return equals_ignoring_case(name, attribute); });
}

std::string identity_key(const Identity& identity) {
  const bool name = equals_ignoring_case(identity.attribute, kDistinguishedName);
  return lower(identity.attribute) + '\n' + (name ? dn_key(identity.value) : fold_case(identity.value));
}

bool is_handle(const Identity& identity, const LiveObject& object) {
  return identity.value == object.handle && equals_ignoring_case(identity.attribute, kDistinguishedName);
}

// Names that are an attribute's value as well are kept once.
bool is_attribute(const Identity& identity, const LiveObject& object) {
  const auto found = object.attributes.find(identity.attribute);
  return found != object.attributes.end() && found->first == identity.attribute && !found->second.values.empty() &&
         found->second.values.front() == identity.value && !is_link(identity.attribute);
}

// The order in which parents come before what is below them, so that no name has to be made for one.
std::vector<std::size_t> from_the_top(std::span<const LiveObject> objects) {
  std::vector<std::size_t> order(objects.size()), depth(objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i) {
    order[i] = i;
    depth[i] = static_cast<std::size_t>(std::count(objects[i].handle.begin(), objects[i].handle.end(), ','));
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return depth[a] < depth[b]; });
  return order;
}

}  // namespace

LiveSet::Decoded& LiveSet::Decoded::operator=(const Decoded&) {
  of_slot.clear();
  return *this;
}

// ---- Reading

std::string LiveSet::View::id() const { return set_.id_of(slot_); }

std::string_view LiveSet::View::kind() const {
  Reader record(set_.slots_[slot_].record);
  record.text();
  record.id();
  record.byte();
  return set_.texts_[record.number()];
}

bool LiveSet::View::in_scope() const {
  Reader record(set_.slots_[slot_].record);
  record.text();
  record.id();
  return record.byte() != 0;
}

std::string_view LiveSet::View::protection() const {
  Reader record(set_.slots_[slot_].record);
  record.text();
  record.id();
  record.byte();
  record.number();
  return set_.texts_[record.number()];
}

std::uint32_t LiveSet::slot_of_id(std::string_view id) const {
  return ids_.find(hash_of(id), [&](std::uint32_t slot) { return id_of(slot) == id; });
}

std::uint32_t LiveSet::object_slot(std::string_view id) const {
  const std::uint32_t slot = slot_of_id(id);
  return slot != kNone && slots_[slot].state == State::object ? slot : kNone;
}

std::string_view LiveSet::rdn_of(std::uint32_t slot) const { return Reader(slots_[slot].record).text(); }

std::string LiveSet::id_of(std::uint32_t slot) const {
  Reader record(slots_[slot].record);
  record.text();
  return record.id();
}

std::string LiveSet::handle_of(std::uint32_t slot) const {
  std::string text(rdn_of(slot));
  for (slot = slots_[slot].parent; slot != kNone; slot = slots_[slot].parent) {
    text += ',';
    text += rdn_of(slot);
  }
  return text;
}

std::uint32_t LiveSet::resolve(std::uint32_t slot) const {
  while (slots_[slot].state == State::forward) slot = slots_[slot].parent;
  return slot;
}

const LiveObject& LiveSet::object(std::uint32_t slot) const {
  if (decoded_.of_slot.size() < slots_.size()) decoded_.of_slot.resize(slots_.size());
  auto& kept = decoded_.of_slot[slot];
  if (!kept) kept = std::make_unique<const LiveObject>(decode(slot));
  return *kept;
}

void LiveSet::release_decoded() const { std::vector<std::unique_ptr<const LiveObject>>().swap(decoded_.of_slot); }

const LiveObject* LiveSet::by_id(std::string_view id) const {
  const std::uint32_t slot = object_slot(id);
  return slot == kNone ? nullptr : &object(slot);
}

const LiveObject* LiveSet::by_handle(std::string_view handle) const {
  const std::uint32_t slot = find_place(handle);
  return slot == kNone || slots_[slot].state != State::object ? nullptr : &object(slot);
}

const LiveObject* LiveSet::by_identity(const Identity& identity) const {
  const std::string key = identity_key(identity);
  const auto holds = [&](const LiveObject& object) {
    return std::any_of(object.identities.begin(), object.identities.end(),
                       [&](const Identity& each) { return identity_key(each) == key; });
  };
  const std::uint32_t slot =
      identities_.find(hash_of(key), [&](std::uint32_t candidate) { return holds(object(candidate)); });
  if (slot != kNone) return &object(slot);
  if (!equals_ignoring_case(identity.attribute, kDistinguishedName)) return nullptr;
  const LiveObject* const there = by_handle(identity.value);
  return there != nullptr && holds(*there) ? there : nullptr;
}

std::vector<std::uint32_t> LiveSet::below(std::uint32_t slot) const {
  std::vector<std::uint32_t> objects, open;
  if (slot != kNone) open.push_back(slot);
  while (!open.empty()) {
    const std::uint32_t parent = open.back();
    open.pop_back();
    for (std::uint32_t child = slots_[parent].first_child; child != kNone; child = slots_[child].next) {
      if (slots_[child].state == State::object) objects.push_back(child);
      if (slots_[child].first_child != kNone) open.push_back(child);
    }
  }
  return objects;
}

bool LiveSet::holds_others(std::string_view id) const { return !below(object_slot(id)).empty(); }

LiveObject LiveSet::decode(std::uint32_t slot) const {
  Reader record(slots_[slot].record);
  LiveObject object;
  record.text();
  object.handle = handle_of(slot);
  object.id = record.id();
  object.in_scope = record.byte() != 0;
  object.kind = texts_[record.number()];
  object.protection = texts_[record.number()];
  object.version = record.text();
  const std::uint64_t identities = record.number();
  object.identities.reserve(identities);
  std::array<bool, 8> from_attribute{};  // more of them are kept as text
  for (std::uint64_t i = 0; i < identities; ++i) {
    Identity identity{texts_[record.number()], ""};
    const unsigned source = record.byte();
    if (source == kIdentityText) identity.value = record.text();
    if (source == kIdentityHandle) identity.value = object.handle;
    if (source == kIdentityAttribute) from_attribute[i] = true;
    object.identities.push_back(std::move(identity));
  }
  decode_attributes(record, object);
  for (std::size_t i = 0; i < std::min(identities, from_attribute.size()); ++i)
    if (from_attribute[i])
      object.identities[i].value = object.attributes.at(object.identities[i].attribute).values.front();
  return object;
}

void LiveSet::decode_attributes(Reader& record, LiveObject& object) const {
  const std::uint64_t attributes = record.number();
  object.attributes.reserve(attributes);
  for (std::uint64_t i = 0; i < attributes; ++i) {
    Attribute& attribute = object.attributes[texts_[record.number()]];
    const unsigned head = record.byte();
    attribute.reading = static_cast<Reading>(head & kReadingBits);
    const std::uint64_t values = record.number();
    attribute.values.reserve(values);
    for (std::uint64_t value = 0; value < values; ++value) {
      if ((head & kLinkBit) == 0) {
        attribute.values.emplace_back(record.text());
      } else if (const std::uint32_t target = resolve(record.slot()); slots_[target].state != State::gone) {
        attribute.values.push_back(handle_of(target));
      }
    }
    if (values != 0 && attribute.values.empty() && attribute.reading == Reading::present)
      attribute.reading = Reading::empty;
  }
}

// ---- Changing

void LiveSet::touch(std::uint32_t slot) {
  if (slots_[slot].touched) return;
  slots_[slot].touched = true;
  touched_.push_back(slot);
}

std::uint32_t LiveSet::text_number(std::string_view text) {
  const auto known = text_numbers_.find(std::string(text));
  if (known != text_numbers_.end()) return known->second;
  const auto number = static_cast<std::uint32_t>(texts_.size());
  texts_.emplace_back(text);
  text_numbers_.emplace(text, number);
  return number;
}

// The record of a placed object. Counts as a use of every link's target.
std::string LiveSet::encode(std::uint32_t slot, const LiveObject& object) {
  std::string bytes;
  Writer record(bytes);
  record.text(rdn_of(slot));
  record.id(object.id);
  record.byte(object.in_scope ? 1 : 0);
  record.number(text_number(object.kind));
  record.number(text_number(object.protection));
  record.text(object.version);
  record.number(object.identities.size());
  for (std::size_t i = 0; i < object.identities.size(); ++i) {
    const Identity& identity = object.identities[i];
    record.number(text_number(identity.attribute));
    const unsigned source = is_handle(identity, object)               ? kIdentityHandle
                            : i < 8 && is_attribute(identity, object) ? kIdentityAttribute
                                                                      : kIdentityText;
    record.byte(source);
    if (source == kIdentityText) record.text(identity.value);
  }
  record.number(object.attributes.size());
  std::vector<DnPart> parts;
  for (const auto& [name, attribute] : object.attributes) {
    const bool links = is_link(name);
    record.number(text_number(name));
    record.byte(static_cast<unsigned>(attribute.reading) | (links ? kLinkBit : 0));
    record.number(attribute.values.size());
    for (const std::string& value : attribute.values) {
      if (!links) {
        record.text(value);
        continue;
      }
      dn_parts(value, parts);
      const std::uint32_t target = make_place(parts);
      ++slots_[target].uses;
      record.slot(target);
    }
  }
  bytes.shrink_to_fit();
  return bytes;
}

void LiveSet::drop_links(std::string_view bytes) {
  for_each_link(bytes, [&](std::uint32_t target) { release(target); });
}

void LiveSet::forget_identities(std::uint32_t slot) {
  for (const Identity& identity : decode(slot).identities) identities_.erase(hash_of(identity_key(identity)), slot);
}

void LiveSet::index_identities(std::uint32_t slot, const LiveObject& object) {
  for (const Identity& identity : object.identities) {
    if (is_handle(identity, object)) continue;
    const std::string key = identity_key(identity);
    const std::uint32_t hash = hash_of(key);
    const std::uint32_t other = identities_.find(hash, [&](std::uint32_t candidate) {
      const LiveObject holder = decode(candidate);
      return std::any_of(holder.identities.begin(), holder.identities.end(),
                         [&](const Identity& each) { return identity_key(each) == key; });
    });
    if (other != kNone) identities_.erase(hash, other);
    identities_.insert(hash, slot);
  }
}

std::vector<std::string> LiveSet::update(std::span<const LiveObject> objects) {
  release_decoded();
  std::vector<std::uint32_t> taken;
  taken.reserve(objects.size());
  std::vector<bool> found;
  // All leave their places before any takes one: what is found meanwhile is where it will be.
  for (const LiveObject& object : objects) {
    std::uint32_t slot = slot_of_id(object.id);
    if (slot == kNone) {
      slot = allocate(State::stranger);
      Writer record(slots_[slot].record);
      record.text("");
      record.id(object.id);
      ids_.insert(hash_of(object.id), slot);
    }
    ++slots_[slot].uses;
    found.push_back(slots_[slot].placed);
    unplace(slot);
    taken.push_back(slot);
  }
  std::vector<bool> moved(objects.size());
  for (const std::size_t i : from_the_top(objects)) {
    const std::uint32_t parent = slots_[taken[i]].parent;
    const std::string rdn(rdn_of(taken[i]));
    place(taken[i], objects[i].handle);
    moved[i] = parent != slots_[taken[i]].parent || rdn != rdn_of(taken[i]);
    if (!found[i]) touch(taken[i]);
  }
  std::vector<std::string> changed;
  for (std::size_t i = 0; i < objects.size(); ++i)
    if (replace(taken[i], objects[i]) || moved[i]) changed.push_back(objects[i].id);
  for (const std::uint32_t slot : taken) release(slot);
  return changed;
}

// Gives a placed slot its content. False: it had it.
bool LiveSet::replace(std::uint32_t slot, const LiveObject& object) {
  std::string record = encode(slot, object);
  const bool was_object = slots_[slot].state == State::object;
  if (was_object) forget_identities(slot);
  record.swap(slots_[slot].record);  // the old one
  slots_[slot].state = State::object;
  index_identities(slot, object);
  const bool differs = !was_object || record != slots_[slot].record;
  if (differs) touch(slot);
  if (was_object) {
    drop_links(record);
  } else {
    ++objects_;
  }
  return differs;
}

// What an object leaves behind when it is one no more: its links count no longer, and its names are free.
std::string LiveSet::take_content(std::uint32_t slot) {
  if (slots_[slot].state != State::object) return "";
  forget_identities(slot);
  --objects_;
  return std::move(slots_[slot].record);
}

bool LiveSet::erase(std::string_view id) {
  const std::uint32_t slot = slot_of_id(id);
  if (slot == kNone) return false;
  release_decoded();
  const bool was_object = slots_[slot].state == State::object;
  unplace(slot);
  ids_.erase(hash_of(id), slot);
  ++slots_[slot].uses;
  if (slots_[slot].first_child != kNone) {
    // What is below will be reported too. Until then it needs a place.
    const std::uint32_t name = allocate(State::name);
    set_rdn(name, rdn_of(slot));
    ++slots_[name].uses;
    attach(name, slots_[slot].parent);
    index_place(name);
    adopt_children(slot, name);
    release(name);
  }
  const std::string content = take_content(slot);
  slots_[slot].state = State::gone;
  slots_[slot].record = {};
  touch(slot);
  detach(slot);
  drop_links(content);
  release(slot);
  return was_object;
}

bool LiveSet::leave(std::string_view id, std::string_view handle) {
  const std::uint32_t slot = slot_of_id(id);
  if (slot == kNone) return false;
  release_decoded();
  ++slots_[slot].uses;
  place(slot, handle);
  touch(slot);
  if (slots_[slot].state == State::object) {
    std::string name;
    Writer record(name);
    record.text(rdn_of(slot));
    record.id(id);
    const std::string content = take_content(slot);
    slots_[slot].state = State::stranger;
    slots_[slot].record = std::move(name);
    touch(slot);
    drop_links(content);
  }
  release(slot);
  return true;
}

}  // namespace plumb
