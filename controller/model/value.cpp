#include "controller/model/value.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

namespace plumb {
namespace {

void write_canonical(const Value& value, std::string& to) {
  if (const auto* object = value.if_object()) {
    std::vector<const boost::json::key_value_pair*> members;
    members.reserve(object->size());
    for (const auto& member : *object) members.push_back(&member);
    std::sort(members.begin(), members.end(), [](auto* a, auto* b) { return a->key() < b->key(); });
    to += '{';
    for (const auto* member : members) {
      if (to.back() != '{') to += ',';
      to += boost::json::serialize(boost::json::string_view(member->key()));
      to += ':';
      write_canonical(member->value(), to);
    }
    to += '}';
  } else if (const auto* array = value.if_array()) {
    to += '[';
    for (const auto& item : *array) {
      if (to.back() != '[') to += ',';
      write_canonical(item, to);
    }
    to += ']';
  } else {
    to += boost::json::serialize(value);
  }
}

void write_pretty(const Value& value, std::string& to, std::size_t depth) {
  const std::string indent(depth * 2 + 2, ' ');
  bool first = true;
  const auto separate = [&] {
    to += first ? "\n" : ",\n";
    to += indent;
    first = false;
  };
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    to += '{';
    for (const auto& member : *object) {
      separate();
      to += boost::json::serialize(boost::json::string_view(member.key()));
      to += ": ";
      write_pretty(member.value(), to, depth + 1);
    }
    to += fmt::format("\n{}}}", indent.substr(2));
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    to += '[';
    for (const auto& item : *array) {
      separate();
      write_pretty(item, to, depth + 1);
    }
    to += fmt::format("\n{}]", indent.substr(2));
  } else {
    to += boost::json::serialize(value);
  }
}

const Value* member_at(const Object& object, std::string_view token) {
  if (token.find('~') == token.npos) return object.if_contains(token);
  std::string name;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      name += token[i];
      continue;
    }
    if (++i == token.size() || (token[i] != '0' && token[i] != '1')) return nullptr;
    name += token[i] == '0' ? '~' : '/';
  }
  return object.if_contains(name);
}

const Value* item_at(const Array& array, std::string_view token) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  const bool plain = !token.empty() && (token.size() == 1 || token.front() != '0');
  return plain && error == std::errc() && end == token.data() + token.size() ? array.if_contains(index) : nullptr;
}

}  // namespace

// Not find_pointer of Boost.JSON 1.81: to that, the "" of "/list//0" is the first item of the list.
const Value* at(const Value& document, std::string_view pointer) {
  const Value* here = &document;
  while (here != nullptr && !pointer.empty()) {
    if (pointer.front() != '/') return nullptr;
    const std::size_t end = pointer.find('/', 1);
    const std::string_view token = pointer.substr(1, end == pointer.npos ? end : end - 1);
    pointer.remove_prefix(std::min(end, pointer.size()));
    if (const auto* object = here->if_object()) {
      here = member_at(*object, token);
    } else if (const auto* array = here->if_array()) {
      here = item_at(*array, token);
    } else {
      here = nullptr;
    }
  }
  return here;
}

std::optional<std::string> text_at(const Value& document, std::string_view pointer) {
  const Value* found = at(document, pointer);
  if (found == nullptr || !found->is_string()) return {};
  return std::string(found->get_string());
}

std::optional<bool> bool_at(const Value& document, std::string_view pointer) {
  const Value* found = at(document, pointer);
  if (found == nullptr || !found->is_bool()) return {};
  return found->get_bool();
}

std::optional<std::int64_t> int_at(const Value& document, std::string_view pointer) {
  const Value* found = at(document, pointer);
  if (found == nullptr || !found->is_int64()) return {};
  return found->get_int64();
}

std::vector<std::string> texts_at(const Value& document, std::string_view pointer) {
  std::vector<std::string> texts;
  const Value* found = at(document, pointer);
  if (found == nullptr || !found->is_array()) return texts;
  for (const Value& item : found->get_array())
    if (item.is_string()) texts.emplace_back(item.get_string());
  return texts;
}

std::string pointer_token(std::string_view member) {
  std::string token;
  for (const char c : member) {
    if (c == '~') {
      token += "~0";
    } else if (c == '/') {
      token += "~1";
    } else {
      token += c;
    }
  }
  return token;
}

std::string canonical(const Value& document) {
  std::string text;
  write_canonical(document, text);
  return text;
}

std::string pretty(const Value& document) {
  std::string text;
  write_pretty(document, text, 0);
  text += '\n';
  return text;
}

}  // namespace plumb
