#include "controller/openapi/document.h"

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/base/url.h"

namespace plumb::openapi {
namespace {

constexpr int kLongestChain = 32;           // of references to references
constexpr std::size_t kMostProblems = 200;  // that are told of one document

}  // namespace

Node Node::operator[](std::string_view member) const {
  Node below{nullptr, pointer + "/" + pointer_token(member)};
  if (const Object* const members = object()) below.value = members->if_contains(member);
  return below;
}

std::string Node::text(std::string_view member) const {
  const Node below = (*this)[member];
  return below.value != nullptr && below.value->is_string() ? std::string(below.value->get_string()) : std::string();
}

bool Node::flag(std::string_view member, bool otherwise) const {
  const Node below = (*this)[member];
  return below.value != nullptr && below.value->is_bool() ? below.value->get_bool() : otherwise;
}

std::string problem_of_reference(std::string_view reference) {
  if (reference == "#" || reference.starts_with("#/")) return "";
  if (reference.starts_with("#"))
    return fmt::format("$ref \"{}\": only JSON Pointers within the document are followed", printable(reference));
  return fmt::format(
      "$ref \"{}\" leads out of the document, which is never followed; bundle the documents into one first",
      printable(reference.substr(0, 200)));
}

std::string pointer_of_reference(std::string_view reference) {
  const std::string_view fragment = reference.substr(1);
  auto decoded = percent_decode(fragment);
  return decoded ? std::move(*decoded) : std::string(fragment);
}

Node Reading::resolved(Node node) {
  const Node start = node;
  for (int hops = 0; hops < kLongestChain; ++hops) {
    const Object* const members = node.object();
    const Value* const reference = members == nullptr ? nullptr : members->if_contains("$ref");
    if (reference == nullptr) return node;
    if (!reference->is_string()) {
      error(node, "$ref must be a text");
      return {nullptr, start.pointer};
    }
    const std::string text(reference->get_string());
    if (std::string problem = problem_of_reference(text); !problem.empty()) {
      error(node, std::move(problem));
      return {nullptr, start.pointer};
    }
    std::string pointer = pointer_of_reference(text);
    const Value* const target = at(root_, pointer);
    if (target == nullptr) {
      error(node, fmt::format("$ref \"{}\" leads to nothing", printable(text)));
      return {nullptr, start.pointer};
    }
    node = {target, std::move(pointer)};
  }
  error(start, "its references lead in a circle");
  return {nullptr, start.pointer};
}

void Reading::tell(Severity severity, const Node& node, std::string message) {
  if (diagnostics_.size() > kMostProblems) return;
  if (diagnostics_.size() == kMostProblems) message = "and more, which are not listed";
  diagnostics_.push_back({.severity = severity, .at = {}, .path = node.pointer, .message = std::move(message)});
}

}  // namespace plumb::openapi
