// Paths in the JSON of a Platform, and its values as texts of attributes.
#include <algorithm>
#include <span>
#include <tuple>

#include <fmt/format.h>
#include <boost/json/parse.hpp>

#include "controller/runtime/platform_shape.h"

namespace plumb::runtime {
namespace {

// Blocks that stay where nothing is left in them.
constexpr std::string_view kKeptBlocks[] = {"authentication", "server", "tls", "variables"};

// As deep as documents are read: a list may hold anything.
Value parsed(const std::string& text, boost::system::error_code& error) {
  boost::json::parse_options options;
  options.max_depth = 1024;
  return boost::json::parse(text, error, {}, options);
}

void add_leaves(const Value& value, std::vector<std::string>& path, std::map<std::string, std::string>& into) {
  if (!value.is_object() || value.get_object().empty()) {
    if (!path.empty()) into[dotted(path)] = attribute_text(value);
    return;
  }
  for (const auto& [key, each] : value.get_object()) {
    path.emplace_back(key);
    add_leaves(each, path, into);
    path.pop_back();
  }
}

void erase_below(Value& value, std::span<const std::string> path) {
  if (!value.is_object()) return;
  Object& object = value.get_object();
  const auto found = object.find(path.front());
  if (found == object.end()) return;
  if (path.size() == 1) {
    object.erase(found);
    return;
  }
  erase_below(found->value(), path.subspan(1));
  const bool kept = std::ranges::find(kKeptBlocks, path.front()) != std::end(kKeptBlocks);
  if (!kept && found->value().is_object() && found->value().get_object().empty()) object.erase(found);
}

}  // namespace

std::string dotted(const std::vector<std::string>& members) {
  std::string path;
  for (const std::string& member : members) {
    if (&member != members.data()) path += '.';
    for (const char each : member) {
      if (each == '.' || each == '%') {
        path += fmt::format("%{:02X}", static_cast<unsigned>(each));
      } else {
        path += each;
      }
    }
  }
  return path;
}

std::vector<std::string> undotted(std::string_view path) {
  std::vector<std::string> members;
  while (true) {
    std::string member(path.substr(0, path.find('.')));
    const bool last = member.size() == path.size();
    if (!last) path.remove_prefix(member.size() + 1);
    for (const auto& [code, plain] : {std::pair{"%2E", "."}, std::pair{"%25", "%"}})
      for (std::size_t at = member.find(code); at != std::string::npos; at = member.find(code, at + 1))
        member.replace(at, 3, plain);
    members.push_back(std::move(member));
    if (last) return members;
  }
}

// A text that could be taken for other JSON, or that is empty, is written in quotes.
std::string attribute_text(const Value& value) {
  if (!value.is_string()) return canonical(value);
  const std::string text(value.get_string());
  boost::system::error_code error;
  std::ignore = parsed(text, error);
  return text.empty() || !error ? canonical(value) : text;
}

Value attribute_value(const std::string& text) {
  boost::system::error_code error;
  Value value = parsed(text, error);
  return error ? Value(text) : value;
}

std::map<std::string, std::string> leaves(const Value& settings) {
  std::map<std::string, std::string> all;
  std::vector<std::string> path;
  add_leaves(settings, path, all);
  return all;
}

void set_path(Value& document, std::string_view path, Value value) {
  Value* at = &document;
  for (const std::string& member : undotted(path)) {
    if (!at->is_object()) *at = Object();
    at = &at->get_object()[member];
  }
  *at = std::move(value);
}

void erase_path(Value& document, std::string_view path) { erase_below(document, undotted(path)); }

const Value* find_path(const Value& document, std::string_view path) {
  const Value* at = &document;
  for (const std::string& member : undotted(path)) {
    if (!at->is_object()) return nullptr;
    at = at->get_object().if_contains(member);
    if (at == nullptr) return nullptr;
  }
  return at;
}

bool is_platform_secret(std::string_view member) {
  constexpr std::string_view kNames[] = {"value",        "password",    "client_secret", "secretAccessKey",
                                         "sessionToken", "key",         "access_token",  "refresh_token",
                                         "ca",           "certificate", "accessKeyId"};
  return std::ranges::find(kNames, member) != std::end(kNames);
}

}  // namespace plumb::runtime
