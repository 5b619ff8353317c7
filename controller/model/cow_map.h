#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace plumb {

// A sorted sequence in leaves that copies share: a copy costs one pointer a leaf, a change one leaf. For snapshots of
// many items of which few differ. A leaf that only this object holds is changed in place, any other is copied first;
// so a copy may be read by one thread while its original is changed by another, and one object has the thread rule of
// a std::map. References and iterators are good until the next change of this object; keys are never to be changed.
template <class Item, class Key, const Key& (*KeyOf)(const Item&)>
class CowTree {
  using Leaf = std::vector<Item>;  // never empty
  static constexpr std::size_t kMost = 256, kBulk = 192, kMerge = 128;

 public:
  using value_type = Item;
  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using pointer = const Item*;
    using reference = const Item&;

    const_iterator() = default;
    reference operator*() const { return (**leaf_)[at_]; }
    pointer operator->() const { return &(**leaf_)[at_]; }
    const_iterator& operator++() {
      if (++at_ == (*leaf_)->size()) {
        ++leaf_;
        at_ = 0;
      }
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const const_iterator&, const const_iterator&) = default;

   private:
    friend class CowTree;
    const_iterator(const std::shared_ptr<Leaf>* leaf, std::size_t at) : leaf_(leaf), at_(at) {}
    const std::shared_ptr<Leaf>* leaf_ = nullptr;
    std::size_t at_ = 0;
  };
  using iterator = const_iterator;

  CowTree() = default;
  CowTree(std::initializer_list<Item> items) {
    for (const Item& item : items) put(item);
  }

  const_iterator begin() const { return {leaves_.data(), 0}; }
  const_iterator end() const { return {leaves_.data() + leaves_.size(), 0}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // The first item whose key is not before `key`.
  const_iterator lower_bound(const Key& key) const {
    const Place place = place_of(key);
    if (place.leaf < leaves_.size() && place.at == leaves_[place.leaf]->size())
      return {leaves_.data() + place.leaf + 1, 0};
    return {leaves_.data() + place.leaf, place.at};
  }
  const_iterator find(const Key& key) const {
    const const_iterator found = lower_bound(key);
    return found != end() && !(key < KeyOf(*found)) ? found : end();
  }
  bool contains(const Key& key) const { return find(key) != end(); }

  // Adds the item, or takes the place of the one with its key.
  Item& put(Item item) {
    const Place place = place_of(KeyOf(item));
    if (is_at(place, KeyOf(item))) return own(place.leaf)[place.at] = std::move(item);
    return insert_at(place, std::move(item));
  }
  // Adds an item whose key is after all others. Leaves room in the leaf, as for a whole to be built.
  void append(Item item) {
    if (leaves_.empty() || leaves_.back()->size() >= kBulk) {
      leaves_.push_back(std::make_shared<Leaf>());
      leaves_.back()->reserve(kBulk);
    }
    own(leaves_.size() - 1).push_back(std::move(item));
    ++size_;
  }
  // Gives back the room that append left over.
  void trim() {
    if (!leaves_.empty()) own(leaves_.size() - 1).shrink_to_fit();
    leaves_.shrink_to_fit();
  }
  // How many were removed: 0 or 1.
  std::size_t erase(const Key& key) {
    const Place place = place_of(key);
    if (!is_at(place, key)) return 0;
    Leaf& leaf = own(place.leaf);
    leaf.erase(leaf.begin() + static_cast<std::ptrdiff_t>(place.at));
    --size_;
    if (leaf.empty()) {
      leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(place.leaf));
    } else if (place.leaf + 1 < leaves_.size() && leaf.size() + leaves_[place.leaf + 1]->size() <= kMerge) {
      leaf.insert(leaf.end(), leaves_[place.leaf + 1]->begin(), leaves_[place.leaf + 1]->end());
      leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(place.leaf) + 1);
    }
    return 1;
  }
  void clear() {
    leaves_.clear();
    size_ = 0;
  }

  // Calls `each(before, after)` for every key that is in only one of them or differs, in order; the pointer to what is
  // not there is null. Leaves that both share are passed over unseen.
  template <class Each>
  friend void for_each_difference(const CowTree& a, const CowTree& b, Each each) {
    a.differ(b, each);
  }

  friend bool operator==(const CowTree& a, const CowTree& b) {
    if (a.size_ != b.size_) return false;
    bool equal = true;
    for_each_difference(a, b, [&](const Item*, const Item*) { equal = false; });
    return equal;
  }

  template <class Predicate>
  friend std::size_t erase_if(CowTree& tree, Predicate matches) {
    CowTree kept;
    for (const Item& item : tree)
      if (!matches(item)) kept.append(item);
    const std::size_t erased = tree.size() - kept.size();
    if (erased > 0) tree = std::move(kept);
    return erased;
  }

 protected:
  struct Place {
    std::size_t leaf = 0, at = 0;  // `at` may be the end of the leaf
  };

  template <class Each>
  void differ(const CowTree& other, Each& each) const {
    const_iterator i = begin(), j = other.begin();
    while (i != end() || j != other.end()) {
      if (i != end() && j != other.end() && i.at_ == 0 && j.at_ == 0 && *i.leaf_ == *j.leaf_) {
        ++i.leaf_;
        ++j.leaf_;
      } else if (j == other.end() || (i != end() && KeyOf(*i) < KeyOf(*j))) {
        each(&*i++, static_cast<const Item*>(nullptr));
      } else if (i == end() || KeyOf(*j) < KeyOf(*i)) {
        each(static_cast<const Item*>(nullptr), &*j++);
      } else {
        if (!(*i == *j)) each(&*i, &*j);
        ++i;
        ++j;
      }
    }
  }

  // Where the key is, or would be inserted.
  Place place_of(const Key& key) const {
    const auto after = std::upper_bound(leaves_.begin(), leaves_.end(), key,
                                        [](const Key& k, const auto& leaf) { return k < KeyOf(leaf->front()); });
    if (after == leaves_.begin()) return {};
    const Leaf& leaf = **std::prev(after);
    const auto at =
        std::lower_bound(leaf.begin(), leaf.end(), key, [](const Item& item, const Key& k) { return KeyOf(item) < k; });
    return {static_cast<std::size_t>(after - leaves_.begin()) - 1, static_cast<std::size_t>(at - leaf.begin())};
  }
  bool is_at(const Place& place, const Key& key) const {
    return place.leaf < leaves_.size() && place.at < leaves_[place.leaf]->size() &&
           !(key < KeyOf((*leaves_[place.leaf])[place.at]));
  }
  Leaf& own(std::size_t leaf) {
    if (leaves_[leaf].use_count() > 1) leaves_[leaf] = std::make_shared<Leaf>(*leaves_[leaf]);
    return *leaves_[leaf];
  }
  Item& insert_at(Place place, Item item) {
    ++size_;
    if (leaves_.empty()) {
      leaves_.push_back(std::make_shared<Leaf>());
      return leaves_.back()->emplace_back(std::move(item));
    }
    if (leaves_[place.leaf]->size() >= kMost) {
      const Leaf& full = *leaves_[place.leaf];
      const auto middle = full.begin() + static_cast<std::ptrdiff_t>(full.size() / 2);
      auto second = std::make_shared<Leaf>(middle, full.end());
      leaves_[place.leaf] = std::make_shared<Leaf>(full.begin(), middle);
      const std::size_t half = leaves_[place.leaf]->size();
      leaves_.insert(leaves_.begin() + static_cast<std::ptrdiff_t>(place.leaf) + 1, std::move(second));
      if (place.at > half) place = {place.leaf + 1, place.at - half};
    }
    Leaf& leaf = own(place.leaf);
    return *leaf.insert(leaf.begin() + static_cast<std::ptrdiff_t>(place.at), std::move(item));
  }

  std::vector<std::shared_ptr<Leaf>> leaves_;
  std::size_t size_ = 0;
};

namespace cow {
template <class Key>
const Key& same(const Key& item) {
  return item;
}
template <class Key, class T>
const Key& first(const std::pair<Key, T>& item) {
  return item.first;
}
}  // namespace cow

template <class Key>
class CowSet : public CowTree<Key, Key, &cow::same<Key>> {
 public:
  using CowTree<Key, Key, &cow::same<Key>>::CowTree;
  // Whether it was not there before.
  bool insert(Key key) {
    const auto place = this->place_of(key);
    if (this->is_at(place, key)) return false;
    this->insert_at(place, std::move(key));
    return true;
  }
};

template <class Key, class T>
class CowMap : public CowTree<std::pair<Key, T>, Key, &cow::first<Key, T>> {
 public:
  using CowTree<std::pair<Key, T>, Key, &cow::first<Key, T>>::CowTree;
  const T& at(const Key& key) const {
    const auto found = this->find(key);
    if (found == this->end()) throw std::out_of_range("CowMap::at: no such key");
    return found->second;
  }
  // Makes an empty value if there is none; what is shared is copied for it.
  T& operator[](const Key& key) {
    const auto place = this->place_of(key);
    if (this->is_at(place, key)) return this->own(place.leaf)[place.at].second;
    return this->insert_at(place, {key, T{}}).second;
  }
  void set(const Key& key, T value) { this->put({key, std::move(value)}); }
  // Whether it was added: a value that is there stays.
  bool emplace(const Key& key, T value) {
    const auto place = this->place_of(key);
    if (this->is_at(place, key)) return false;
    this->insert_at(place, {key, std::move(value)});
    return true;
  }
};

}  // namespace plumb
