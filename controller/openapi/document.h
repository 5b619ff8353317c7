#pragma once

#include <string>
#include <string_view>

#include "controller/model/resource.h"
#include "controller/model/value.h"

namespace plumb::openapi {

// Where something stands in a document.
struct Node {
  const Value* value = nullptr;  // null: it is not there
  std::string pointer{};

  const Object* object() const { return value == nullptr ? nullptr : value->if_object(); }
  const Array* array() const { return value == nullptr ? nullptr : value->if_array(); }
  bool has(std::string_view member) const { return object() != nullptr && object()->contains(member); }
  Node operator[](std::string_view member) const;
  // The text there; empty where there is none, or it is no text.
  std::string text(std::string_view member) const;
  bool flag(std::string_view member, bool otherwise = false) const;
};

// A document that is being read: follows references within it and collects what is wrong.
class Reading {
 public:
  Reading(const Value& root, Diagnostics& diagnostics) : root_(root), diagnostics_(diagnostics) {}

  Node root() const { return {&root_, ""}; }
  // What `$ref` leads to, over several of them; the node itself where it has none. Without a value, and told, where it
  // leads nowhere, in a circle, or out of the document.
  Node resolved(Node node);
  void error(const Node& node, std::string message) { tell(Severity::error, node, std::move(message)); }
  void warning(const Node& node, std::string message) { tell(Severity::warning, node, std::move(message)); }

 private:
  void tell(Severity severity, const Node& node, std::string message);

  const Value& root_;
  Diagnostics& diagnostics_;
};

// Why a reference cannot be followed within a document; empty: it begins with "#", and is a JSON Pointer.
std::string problem_of_reference(std::string_view reference);
// "#/components/schemas/Pet%20x" as the pointer "/components/schemas/Pet x".
std::string pointer_of_reference(std::string_view reference);

}  // namespace plumb::openapi
