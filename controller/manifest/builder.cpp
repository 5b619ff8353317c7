#include "controller/manifest/builder.h"

#include <algorithm>

#include "controller/base/assert.h"
#include "controller/base/text.h"

namespace plumb::manifest {
namespace {

std::string_view type_name(const Value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "a boolean";
  if (value.is_number()) return "a number";
  return value.is_object() ? "a mapping" : "a list";
}

}  // namespace

void Builder::begin_document(Marks* marks) {
  marks_ = marks;
  stack_.clear();
  anchors_.clear();
  root_ = nullptr;
  done_ = false;
}

std::string Builder::pointer() const {
  std::string text;
  for (std::size_t i = 0; i < stack_.size(); ++i) {
    const Frame& frame = stack_[i];
    if (frame.object && !frame.has_key) break;
    text += '/';
    text += frame.object ? pointer_token(frame.key) : std::to_string(frame.items.size());
  }
  return text;
}

void Builder::problem(std::size_t at, std::string message) {
  settings_.diagnostics.push_back(
      {Severity::error, settings_.lines.locate(at, settings_.file), pointer(), std::move(message)});
}

void Builder::abandon(std::size_t at, std::string message) {
  problem(at, std::move(message));
  throw Abandoned{};
}

void Builder::count(std::size_t at, std::size_t nodes) {
  nodes_ += nodes;
  if (nodes_ > settings_.limits.nodes)
    abandon(at,
            fmt::format("more than {} values in one file, aliases expanded; split the file", settings_.limits.nodes));
}

std::string Builder::pointer_of_next() const {
  if (stack_.empty()) return {};
  const Frame& frame = stack_.back();
  return frame.pointer + '/' + (frame.object ? pointer_token(frame.key) : std::to_string(frame.items.size()));
}

// Members are marked at their keys, which come first.
void Builder::mark(std::size_t at) {
  if (marks_ == nullptr) return;
  marks_->emplace(pointer_of_next(), settings_.lines.locate(at, settings_.file));
}

void Builder::put_key(std::size_t at, Value value) {
  Frame& frame = stack_.back();
  frame.has_key = true;
  frame.drop = false;
  frame.merging = false;
  if (!value.is_string()) {
    frame.key.clear();
    frame.drop = true;
    frame.has_key = false;
    problem(at, value.is_structured()
                    ? "a key must be a text, not a mapping or a list"
                    : fmt::format("the key is {}; keys are texts: put it in quotes", type_name(value)));
    frame.has_key = true;
    return;
  }
  frame.key = value.get_string();
  mark(at);
  if (frame.members.contains(frame.key)) {
    frame.drop = true;
    problem(at, fmt::format("the key \"{}\" stands twice in this mapping", printable(frame.key)));
  }
}

void Builder::put_merge(std::size_t at, Value value) {
  Frame& frame = stack_.back();
  if (auto* object = value.if_object()) {
    frame.merges.push_back(std::move(*object));
    return;
  }
  auto* array = value.if_array();
  const bool usable =
      array != nullptr && std::all_of(array->begin(), array->end(), [](auto& v) { return v.is_object(); });
  if (!usable) return problem(at, "a merge key (<<) takes a mapping or a list of mappings");
  for (Value& item : *array) frame.merges.push_back(std::move(item.get_object()));
}

void Builder::put(std::size_t at, Value value, std::size_t nodes, std::size_t depth) {
  if (stack_.empty()) {
    if (marks_ != nullptr) marks_->emplace("", settings_.lines.locate(at, settings_.file));
    first_ = at;
    root_ = std::move(value);
    done_ = true;
    return;
  }
  Frame& frame = stack_.back();
  frame.nodes += nodes;
  frame.depth = std::max(frame.depth, depth + 1);
  if (stack_.size() + depth > settings_.limits.depth)
    abandon(at, fmt::format("nested more than {} deep", settings_.limits.depth));
  if (!frame.object) {
    mark(at);
    frame.items.push_back(std::move(value));
    return;
  }
  if (!frame.has_key) return put_key(at, std::move(value));
  if (frame.merging) {
    put_merge(at, std::move(value));
  } else if (!frame.drop) {
    frame.members.emplace(frame.key, std::move(value));
  }
  frame.has_key = false;
  frame.merging = false;
}

void Builder::add(std::size_t at, std::size_t anchor, Value value) {
  count(at, 1);
  if (anchor != 0) anchors_[anchor] = {value, 1, 0, false};
  put(at, std::move(value), 1, 0);
}

void Builder::begin(std::size_t at, std::size_t anchor, bool object) {
  count(at, 1);
  if (stack_.size() >= settings_.limits.depth)
    abandon(at, fmt::format("nested more than {} deep", settings_.limits.depth));
  std::string path;
  if (marks_ != nullptr) {
    if (stack_.empty()) marks_->emplace("", settings_.lines.locate(at, settings_.file));
    if (!stack_.empty() && !stack_.back().object) mark(at);
    path = pointer_of_next();
  }
  if (anchor != 0) anchors_[anchor] = {};
  Frame frame;
  frame.object = object;
  frame.anchor = anchor;
  frame.at = at;
  frame.pointer = std::move(path);
  stack_.push_back(std::move(frame));
}

void Builder::end() {
  PLUMB_ASSERT(!stack_.empty());
  Frame frame = std::move(stack_.back());
  stack_.pop_back();
  for (Object& merge : frame.merges) {
    count(frame.at, merge.size());  // their keys; the values were counted with the alias
    for (auto& member : merge)
      if (!frame.members.contains(member.key())) frame.members.emplace(member.key(), std::move(member.value()));
  }
  Value value = frame.object ? Value(std::move(frame.members)) : Value(std::move(frame.items));
  if (frame.anchor != 0) {
    count(frame.at, frame.nodes);  // kept as a copy, so it counts twice
    anchors_[frame.anchor] = {value, frame.nodes, frame.depth, false};
  }
  put(frame.at, std::move(value), frame.nodes, frame.depth);
}

void Builder::alias(std::size_t at, std::size_t anchor) {
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end() || found->second.open) abandon(at, "this alias stands inside of what it refers to");
  const Anchored& anchored = found->second;
  count(at, anchored.nodes);
  put(at, anchored.value, anchored.nodes, anchored.depth);
}

void Builder::merge_key(std::size_t at) {
  count(at, 1);
  Frame& frame = stack_.back();
  frame.key = "<<";
  frame.has_key = true;
  frame.drop = false;
  frame.merging = true;
  if (frame.merged) problem(at, "the merge key (<<) stands twice in this mapping; give it a list");
  frame.merged = true;
}

}  // namespace plumb::manifest
