#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/attribute.h"
#include "controller/model/dn.h"
#include "controller/model/live_slots.h"
#include "controller/model/wanted.h"

namespace plumb {

// Proof that a reader saw everything: only a reader that did may make one, by
// `Complete<T>::proven(value, evidence)`. Code that removes takes a Complete<T>, so that it cannot be
// handed a partial read. `evidence` says in words what was checked, for the audit.
template <class T>
class Complete {
 public:
  static Complete proven(T value, std::string evidence) { return Complete(std::move(value), std::move(evidence)); }
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }
  T take() && { return std::move(value_); }
  const std::string& evidence() const { return evidence_; }

 private:
  Complete(T value, std::string evidence) : value_(std::move(value)), evidence_(std::move(evidence)) {}
  T value_;
  std::string evidence_;
};

// What the target holds, in the same terms as Wanted.
struct LiveObject {
  std::string kind;     // "ADUser", "ADGroup", "OrganizationalUnit"; empty: of no kind of ours
  std::string id;       // never changes (objectGUID)
  std::string handle;   // where it is now (a DN)
  std::string version;  // uSNChanged, ETag; may be empty
  std::vector<Identity> identities;
  Attributes attributes;
  std::string protection;  // not empty: must never be written, and why
  bool in_scope = true;    // false: outside of what we may write
  friend bool operator==(const LiveObject&, const LiveObject&) = default;
};

// Live objects that can be asked by id, handle and identity, kept small for as long as the process runs: a user of 13
// attributes takes about half a kB, all indexes included. An object is decoded when it is asked for.
//
// It is a model of the directory's tree, not a list of texts. An object is kept as its RDN below its parent, and the
// value of a link (member, memberOf, manager, managedBy, ...) as the object that it names. So a rename or a move
// changes the handle of everything below and every link to it at once, as it does in AD, which raises the uSNChanged of
// neither (MS-ADTS 3.1.1.1.5, 3.1.1.1.6). What becomes of a link when its target
//   is erased               it is gone: AD drops links to deleted objects by itself
//   leaves, but lives on    it stays, and names the place that was told last
//   was never in the set    it stays as it was read; when the target comes in under that name, or under the id that
//                           `meet` told, it is a link to that
//
// One thread at a time, readers too: reading fills the cache of decoded objects.
class LiveSet {
 public:
  // One object of the set, decoded as far as asked. Valid until the set changes.
  class View {
   public:
    std::string id() const;
    std::string handle() const { return set_.handle_of(slot_); }
    std::string_view kind() const;
    std::string_view protection() const;
    bool in_scope() const;
    LiveObject decoded() const { return set_.decode(slot_); }        // a copy that nobody keeps
    const LiveObject& object() const { return set_.object(slot_); }  // kept as those of by_id are

   private:
    friend class LiveSet;
    View(const LiveSet& set, std::uint32_t slot) : set_(set), slot_(slot) {}
    const LiveSet& set_;
    std::uint32_t slot_;
  };

  std::size_t size() const { return objects_; }

  // Pointers are valid until the set changes, or `release_decoded`.
  const LiveObject* by_id(std::string_view id) const;
  const LiveObject* by_handle(std::string_view handle) const;  // DN, compared as such
  const LiveObject* by_identity(const Identity& identity) const;
  bool contains(std::string_view id) const { return object_slot(id) != slots::kNone; }
  // Whether an object of the set is below the one of that id, at any depth.
  bool holds_others(std::string_view id) const;

  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
      if (slots_[slot].state == State::object) visit(View(*this, slot));
  }
  // Those below the object of that id, at any depth. The set must not be changed meanwhile.
  template <class Visit>
  void for_each_below(std::string_view id, Visit visit) const {
    for (const std::uint32_t slot : below(object_slot(id))) visit(View(*this, slot));
  }

  // One with the id of an earlier one replaces it. What had its handle or an identity of it before is not found by that
  // any more.
  void add(const LiveObject& object) { update({&object, 1}); }
  // Many at one go, as they are at one time: names may have been swapped between them. The ids of those that are new or
  // not as they were.
  std::vector<std::string> update(std::span<const LiveObject> objects);
  // It was deleted. False: it was not there.
  bool erase(std::string_view id);
  // It is not of the set any more, but lives on as `handle`: links to it keep its name, and follow it as long as the
  // set is told. False: nothing of the set has to do with it.
  bool leave(std::string_view id, std::string_view handle);

  // Links whose targets are not of the set, and of which nobody told the id: their handles. Once `meet` tells it, such
  // a link follows its target as the others do. False: nothing links to that handle, or the id is known.
  std::vector<std::string> unknown_targets() const;
  bool meet(std::string_view id, std::string_view handle);
  // Ids of the objects that link to what has that handle.
  std::vector<std::string> holders_of(std::string_view handle) const;
  // Ids of what is followed only because something links to it (see `leave`, `meet`).
  std::vector<std::string> strangers() const;

  void release_decoded() const;
  std::size_t bytes() const;  // of memory, without what is decoded; what the allocator adds is guessed

  // For keeping it between runs: numbered records, which make sense together with `texts` only.
  struct Record {
    std::uint32_t number = 0;
    std::optional<std::string> bytes;  // nothing: it is not used any more
  };
  std::vector<Record> unkept() const;  // what differs since `kept`; in a new set, all of it
  void kept();
  const std::vector<std::string>& texts() const { return texts_; }
  std::uint32_t numbers() const { return static_cast<std::uint32_t>(slots_.size()); }  // above all numbers
  // A set of all the records that were kept. Fault::invalid: they do not fit together.
  static Result<LiveSet> from_kept(std::vector<std::string> texts, std::uint32_t numbers, std::span<const Record> all);

 private:
  // In records: where the value of an identity is, and what is beside the Reading of an attribute.
  static constexpr unsigned kIdentityText = 0, kIdentityHandle = 1, kIdentityAttribute = 2;
  static constexpr unsigned kReadingBits = 3, kLinkBit = 4;

  // free: unused. name: a place that something in the set names, of which no more is known. stranger: the same, with
  // the id of the object there. gone: deleted, and still named by links. forward: it turned out to be what `parent` is.
  enum class State : std::uint8_t { free, name, stranger, object, gone, forward };
  struct Slot {
    std::string record;  // begins with the RDN
    std::uint32_t parent = slots::kNone;
    std::uint32_t first_child = slots::kNone, next = slots::kNone, previous = slots::kNone;  // siblings
    std::uint32_t uses = 0;  // children, links and forwards; what is not an object and has none is freed
    State state = State::free;
    bool placed = false;   // is found by its handle
    bool touched = false;  // since kept()
  };
  // Copies of a set begin without decoded objects, and nothing in one points into another.
  struct Decoded {
    Decoded() = default;
    Decoded(const Decoded&) {}
    Decoded(Decoded&&) = default;
    Decoded& operator=(const Decoded&);
    Decoded& operator=(Decoded&&) = default;
    std::vector<std::unique_ptr<const LiveObject>> of_slot;
  };

  static std::uint32_t place_hash(std::uint32_t parent, std::string_view key);
  std::uint32_t object_slot(std::string_view id) const;
  std::uint32_t slot_of_id(std::string_view id) const;
  std::uint32_t find_child(std::uint32_t parent, std::string_view key) const;
  std::uint32_t find_place(std::string_view handle) const;
  std::uint32_t make_place(std::span<const DnPart> parts);
  std::uint32_t resolve(std::uint32_t slot) const;
  std::string_view rdn_of(std::uint32_t slot) const;
  std::string handle_of(std::uint32_t slot) const;
  std::string id_of(std::uint32_t slot) const;
  std::vector<std::uint32_t> below(std::uint32_t slot) const;
  LiveObject decode(std::uint32_t slot) const;
  const LiveObject& object(std::uint32_t slot) const;
  void decode_attributes(slots::Reader& record, LiveObject& object) const;

  std::uint32_t allocate(State state);
  void touch(std::uint32_t slot);
  void release(std::uint32_t slot);  // one use less
  void free_if_unused(std::uint32_t slot);
  void attach(std::uint32_t slot, std::uint32_t parent);
  void detach(std::uint32_t slot);
  void unplace(std::uint32_t slot);
  void place(std::uint32_t slot, std::string_view handle);
  void index_place(std::uint32_t slot);
  void merge(std::uint32_t from, std::uint32_t to);
  void adopt_children(std::uint32_t from, std::uint32_t to);
  void set_rdn(std::uint32_t slot, std::string_view rdn);
  std::string encode(std::uint32_t slot, const LiveObject& object);
  bool replace(std::uint32_t slot, const LiveObject& object);
  std::string take_content(std::uint32_t slot);
  void index_identities(std::uint32_t slot, const LiveObject& object);
  void forget_identities(std::uint32_t slot);
  void drop_links(std::string_view record);
  std::uint32_t text_number(std::string_view text);
  template <class Visit>
  static void for_each_link(std::string_view record, Visit visit);
  Result<void> check(std::uint32_t slot) const;
  Result<void> rebuild();

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_, touched_;
  std::vector<std::string> texts_ = {""};  // names of attributes, kinds, protections
  std::unordered_map<std::string, std::uint32_t> text_numbers_ = {{"", 0}};
  slots::Table ids_, places_, identities_;
  std::size_t objects_ = 0;
  mutable Decoded decoded_;
};

template <class Visit>
void LiveSet::for_each_link(std::string_view record, Visit visit) {
  if (record.empty()) return;
  slots::Reader reader(record);
  reader.text();
  reader.id();
  reader.byte();
  reader.number();
  reader.number();
  reader.text();
  for (std::uint64_t left = reader.number(); left > 0; --left) {
    reader.number();
    if (reader.byte() == kIdentityText) reader.text();
  }
  for (std::uint64_t left = reader.number(); left > 0 && !reader.broken(); --left) {
    reader.number();
    const bool links = (reader.byte() & kLinkBit) != 0;
    for (std::uint64_t values = reader.number(); values > 0 && !reader.broken(); --values) {
      if (links) {
        visit(reader.slot());
      } else {
        reader.text();
      }
    }
  }
}

}  // namespace plumb
