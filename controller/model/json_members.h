#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/value.h"

// How the files behind model/json.h write and read members. Not for use outside of them.
namespace plumb::json {

// A text, or {"base64": "..."} where the bytes are not UTF-8.
Value bytes(std::string_view bytes);
std::optional<std::string> bytes_from(const Value& value);

template <class Texts>
Value list(const Texts& texts) {
  Array array;
  array.reserve(texts.size());
  for (const auto& text : texts) array.push_back(bytes(text));
  return array;
}

// Takes the members of an object one by one; the first problem is kept and given by `finish`.
// Members that are absent leave their destination as it is, and every member must be asked for.
class Members {
 public:
  // `what` is for messages: "a change".
  Members(const Value& json, std::string_view what);

  // The member, for those that are read by hand; null if there is none.
  const Value* take(std::string_view name);
  void read(std::string_view name, std::string& to);
  void read(std::string_view name, bool& to);
  void read(std::string_view name, int& to);
  void read(std::string_view name, std::int64_t& to);
  void read(std::string_view name, std::uint64_t& to);
  void read(std::string_view name, std::vector<std::string>& to);
  void require(std::string_view name);
  void bad(std::string_view name, std::string_view why);

  // `parse` makes an optional of a text: enumerators, times, keys.
  template <class T, class Parse>
  void read_as(std::string_view name, T& to, Parse parse) {
    std::string text;
    if (!has(name)) return;
    read(name, text);
    if (auto parsed = parse(text)) {
      to = std::move(*parsed);
    } else {
      bad(name, "has an unknown value");
    }
  }
  // `from` makes a Result of one item of an array.
  template <class T, class From>
  void read_each(std::string_view name, std::vector<T>& to, From from) {
    const Value* array = take(name);
    if (array == nullptr) return;
    if (!array->is_array()) return bad(name, "is not an array");
    for (const Value& item : array->get_array()) {
      auto read = from(item);
      if (!read) return fail_with(std::move(read).error());
      to.push_back(std::move(*read));
    }
  }

  bool has(std::string_view name) const;
  void fail_with(Error error);
  // Fault::invalid if anything was wrong, or if there are members nobody asked for.
  Result<void> finish();

 private:
  const Object* object_ = nullptr;
  std::string what_;
  std::set<std::string, std::less<>> taken_;
  std::optional<Error> error_;
};

}  // namespace plumb::json
