#pragma once

#include <initializer_list>
#include <memory>
#include <set>
#include <type_traits>
#include <utility>

namespace plumb {

// A set or map that copies share until one of them is changed, for records of which most hold the same. Empty costs
// nothing. Copies may be used by several threads, one object has the thread rule of what it holds; changes invalidate
// its iterators and references.
template <class T>
class Shared {
 public:
  using value_type = typename T::value_type;
  using key_type = typename T::key_type;
  using const_iterator = typename T::const_iterator;
  using iterator = const_iterator;

  Shared() = default;
  Shared(T held) : held_(held.empty() ? nullptr : std::make_shared<T>(std::move(held))) {}
  Shared(std::initializer_list<value_type> items) : Shared(T(items)) {}

  const T& get() const {
    static const T kEmpty;
    return held_ ? *held_ : kEmpty;
  }
  // To be changed: nobody else holds it.
  T& own() {
    if (!held_) {
      held_ = std::make_shared<T>();
    } else if (held_.use_count() > 1) {
      held_ = std::make_shared<T>(*held_);
    }
    return *held_;
  }
  // Holds the same as `other`, if that is equal.
  void share(const Shared& other) {
    if (*this == other) held_ = other.held_;
  }
  bool shares(const Shared& other) const { return held_ == other.held_; }

  const_iterator begin() const { return get().begin(); }
  const_iterator end() const { return get().end(); }
  bool empty() const { return get().empty(); }
  std::size_t size() const { return get().size(); }
  template <class Key>
  const_iterator find(const Key& key) const {
    return get().find(key);
  }
  template <class Key>
  bool contains(const Key& key) const {
    return get().contains(key);
  }
  const auto& at(const key_type& key) const { return get().at(key); }

  void clear() { held_.reset(); }
  void erase(const key_type& key) {
    if (contains(key)) own().erase(key);
  }
  void insert(const value_type& item) {
    if (!is_there(item)) own().insert(item);
  }
  template <class Iterator>
  void insert(Iterator first, Iterator last) {
    for (; first != last; ++first) insert(*first);
  }
  auto& operator[](const key_type& key) { return own()[key]; }

  friend bool operator==(const Shared& a, const Shared& b) { return a.held_ == b.held_ || a.get() == b.get(); }

 private:
  bool is_there(const value_type& item) const {
    if constexpr (std::is_same_v<value_type, key_type>) {
      return contains(item);
    } else {
      return contains(item.first);
    }
  }
  std::shared_ptr<T> held_;
};

// Lets equal values that were made apart become one.
template <class T>
class SharedPool {
 public:
  void share(Shared<T>& value) {
    if (value.empty()) return;
    const auto [same, fresh] = values_.insert(value);
    if (!fresh) value = *same;
  }

 private:
  struct Less {
    bool operator()(const Shared<T>& a, const Shared<T>& b) const { return a.get() < b.get(); }
  };
  std::set<Shared<T>, Less> values_;
};

}  // namespace plumb
