#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/manifest/yaml.h"
#include "controller/manifest/yaml_text.h"

namespace plumb::manifest {

// Thrown when a document cannot be read on; its diagnostic is already recorded. Stays in this folder.
struct Abandoned {};

// Makes values of parse events, and is where the rules of every format are held: duplicate and
// non-text keys, depth, nodes, aliases, merge keys. Positions are byte offsets.
class Builder {
 public:
  struct Settings {
    const YamlLimits& limits;
    const std::string& file;
    const LineIndex& lines;
    Diagnostics& diagnostics;
  };
  explicit Builder(const Settings& settings) : settings_(settings) {}

  // `marks`: where to note positions; null: nowhere.
  void begin_document(Marks* marks);
  // Anchor 0: none.
  void add(std::size_t at, std::size_t anchor, Value value);
  void begin(std::size_t at, std::size_t anchor, bool object);
  void end();
  void alias(std::size_t at, std::size_t anchor);
  void merge_key(std::size_t at);
  bool expects_key() const { return !stack_.empty() && stack_.back().object && !stack_.back().has_key; }
  // An error at the value that comes next; the document can be read on.
  void problem(std::size_t at, std::string message);
  [[noreturn]] void abandon(std::size_t at, std::string message);

  bool has_document() const { return done_; }
  Value take() { return std::move(root_); }
  std::size_t first_node() const { return first_; }

 private:
  struct Frame {
    bool object = false, has_key = false, drop = false, merging = false, merged = false;
    std::size_t anchor = 0, at = 0, nodes = 1, depth = 1;
    std::string key;
    Object members;
    Array items;
    std::vector<Object> merges;
    std::string pointer;  // only with marks
  };
  struct Anchored {
    Value value;
    std::size_t nodes = 0, depth = 0;
    bool open = true;
  };

  void put(std::size_t at, Value value, std::size_t nodes, std::size_t depth);
  void put_key(std::size_t at, Value value);
  void put_merge(std::size_t at, Value value);
  void count(std::size_t at, std::size_t nodes);
  void mark(std::size_t at);
  std::string pointer() const;
  std::string pointer_of_next() const;

  Settings settings_;
  Marks* marks_ = nullptr;
  std::vector<Frame> stack_;
  std::unordered_map<std::size_t, Anchored> anchors_;
  Value root_;
  bool done_ = false;
  std::size_t first_ = 0, nodes_ = 0;
};

}  // namespace plumb::manifest
