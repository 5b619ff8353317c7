#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/model/value.h"

// How a document is found one's way in. For the files of this folder.
namespace plumb::openapi {

// What `$ref` siblings, `nullable` and boolean bounds mean depends on it.
enum class Dialect { swagger2, openapi30, openapi31 };
// By "swagger" or "openapi"; openapi31 for what is neither.
Dialect dialect_of(const Value& document);

// Nothing in a document may be nested deeper: what works on schemas is recursive.
inline constexpr std::size_t kMaxDepth = 200;
// References that lead to a reference, one after the other.
inline constexpr std::size_t kMaxChain = 64;

// A value and where it stands.
struct Node {
  const Value* value = nullptr;
  std::string pointer{};
  explicit operator bool() const { return value != nullptr; }
};

// A member; null where `value` is no object or has none of the name.
const Value* find(const Value& value, std::string_view key);
Node child(const Node& node, std::string_view key);
Node item(const Node& node, std::size_t index);  // `node` is an array that has it

bool is_true(const Value& value, std::string_view key);
std::string text_of(const Value& value, std::string_view key);  // empty: absent or no text

// The `$ref` of an object, if it has one.
std::optional<std::string_view> reference_in(const Value& value);
// Where "#/components/schemas/Pet" leads in the document. Fault::invalid: another document, or a name in place of a
// pointer; Fault::not_found.
Result<Node> resolve(const Value& document, std::string_view reference);
// The same until there is no reference. Fault::invalid: they go in a circle, or on for too long.
Result<Node> follow(const Value& document, Node node);
// The inverse of resolve: the pointer as a fragment.
std::string reference_to(std::string_view pointer);

}  // namespace plumb::openapi
