#include "controller/openapi/document.h"

#include "controller/base/text.h"

namespace plumb::openapi {
namespace {

int hexadecimal(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view fragment) {
  std::string text;
  for (std::size_t i = 0; i < fragment.size(); ++i) {
    if (fragment[i] != '%') {
      text += fragment[i];
      continue;
    }
    if (i + 2 >= fragment.size()) return {};
    const int high = hexadecimal(fragment[i + 1]), low = hexadecimal(fragment[i + 2]);
    if (high < 0 || low < 0) return {};
    text += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return text;
}

bool stands_in_fragment(char c) {  // RFC 3986, 3.5
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~!$&'()*+,;=:@/?").find(c) != std::string_view::npos;
}

}  // namespace

Dialect dialect_of(const Value& document) {
  if (find(document, "swagger") != nullptr) return Dialect::swagger2;
  return text_of(document, "openapi").starts_with("3.0") ? Dialect::openapi30 : Dialect::openapi31;
}

const Value* find(const Value& value, std::string_view key) {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

Node child(const Node& node, std::string_view key) {
  const Value* value = node.value == nullptr ? nullptr : find(*node.value, key);
  if (value == nullptr) return {};
  return {value, node.pointer + '/' + pointer_token(key)};
}

Node item(const Node& node, std::size_t index) {
  return {&node.value->get_array()[index], fmt::format("{}/{}", node.pointer, index)};
}

bool is_true(const Value& value, std::string_view key) {
  const Value* found = find(value, key);
  return found != nullptr && found->is_bool() && found->get_bool();
}

std::string text_of(const Value& value, std::string_view key) {
  const Value* found = find(value, key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

std::optional<std::string_view> reference_in(const Value& value) {
  const Value* found = find(value, "$ref");
  if (found == nullptr || !found->is_string()) return {};
  return std::string_view(found->get_string());
}

Result<Node> resolve(const Value& document, std::string_view reference) {
  if (!reference.starts_with("#"))
    return fail(Fault::invalid,
                "$ref \"{}\" leads to another document, which is never fetched; put what it names into this one",
                printable(reference));
  if (!reference.starts_with("#/"))
    return fail(Fault::invalid, "$ref \"{}\" is no JSON Pointer (\"#/components/...\")", printable(reference));
  const auto pointer = decoded(reference.substr(1));
  if (!pointer) return fail(Fault::invalid, "$ref \"{}\" has a \"%\" that encodes nothing", printable(reference));
  const Value* found = at(document, *pointer);
  if (found == nullptr) return fail(Fault::not_found, "$ref \"{}\": there is no such place", printable(reference));
  return Node{found, *pointer};
}

Result<Node> follow(const Value& document, Node node) {
  for (std::size_t steps = 0; steps < kMaxChain; ++steps) {
    const auto reference = reference_in(*node.value);
    if (!reference) return node;
    PLUMB_TRY(node, resolve(document, *reference));
  }
  return fail(Fault::invalid, "$ref leads in a circle, or over more than {} others", kMaxChain);
}

std::string reference_to(std::string_view pointer) {
  std::string reference = "#";
  for (const char c : pointer) {
    if (stands_in_fragment(c)) {
      reference += c;
    } else {
      reference += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return reference;
}

}  // namespace plumb::openapi
