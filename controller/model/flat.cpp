#include "controller/model/flat.h"

#include <algorithm>
#include <set>
#include <tuple>

#include <boost/json/parse.hpp>

namespace plumb {
namespace {

bool is_step(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// Attributes are told apart whatever their case.
bool has_steps(const Object& object) {
  std::set<std::string> names;
  return !object.empty() && std::all_of(object.begin(), object.end(), [&](const auto& member) {
    return is_step(member.key()) && names.insert(lower(member.key())).second;
  });
}

// As deep as manifests may be, and more.
Value parsed(std::string_view text, boost::system::error_code& error) {
  boost::json::parse_options options;
  options.max_depth = 1024;
  return boost::json::parse(text, error, {}, options);
}

bool is_json(std::string_view text) {
  boost::system::error_code error;
  std::ignore = parsed(text, error);
  return !error;
}

std::string text_of(const Value& value) {
  const auto* text = value.if_string();
  if (text == nullptr || text->empty()) return canonical(value);
  // What begins as no JSON text does is none.
  const bool suspicious = std::string_view("\"{[-0123456789tfn \t\r\n").find(text->front()) != std::string_view::npos;
  return suspicious && is_json(*text) ? canonical(value) : std::string(*text);
}

class Flattener {
 public:
  Flattener(std::span<const std::string_view> opaque, Attributes& to) : opaque_(opaque), to_(to) {}

  void add(const Value& value, const std::string& path) {
    const auto* object = value.if_object();
    const bool inner =
        object != nullptr && has_steps(*object) && std::find(opaque_.begin(), opaque_.end(), path) == opaque_.end();
    if (!inner) {
      to_[path] = {.values = {text_of(value)}};
      return;
    }
    for (const auto& [name, member] : *object)
      add(member, path.empty() ? std::string(name) : path + "." + std::string(name));
  }

 private:
  std::span<const std::string_view> opaque_;
  Attributes& to_;
};

Value value_of(const std::string& text) {
  boost::system::error_code error;
  Value value = parsed(text, error);
  if (error) return Value(boost::json::string_view(text));
  return value;
}

}  // namespace

Attributes flattened(const Value& document, std::span<const std::string_view> opaque) {
  Attributes attributes;
  const auto* object = document.if_object();
  if (object == nullptr || !object->empty()) Flattener(opaque, attributes).add(document, "");
  return attributes;
}

Value unflattened(const Attributes& attributes) {
  Value document = Object();
  for (const auto& [path, attribute] : attributes) {
    if (attribute.values.empty()) continue;
    Value* at = &document;
    for (std::size_t from = 0; !path.empty() && from <= path.size();) {
      const std::size_t dot = std::min(path.find('.', from), path.size());
      if (!at->is_object()) *at = Object();
      at = &at->get_object()[path.substr(from, dot - from)];
      from = dot + 1;
    }
    *at = value_of(attribute.values.front());
  }
  return document;
}

}  // namespace plumb
