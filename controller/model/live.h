#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/model/attribute.h"
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
};

// A set of live objects that can be asked by id, handle and identity.
class LiveSet {
 public:
  void add(LiveObject object);  // one with the id of an earlier one replaces it

  const std::vector<LiveObject>& objects() const { return objects_; }
  const LiveObject* by_id(std::string_view id) const;
  const LiveObject* by_handle(std::string_view handle) const;  // DN, compared as such
  const LiveObject* by_identity(const Identity& identity) const;

 private:
  using Index = std::unordered_map<std::string, std::size_t>;
  std::vector<LiveObject> objects_;
  Index ids_, handles_, identities_;
};

}  // namespace plumb
