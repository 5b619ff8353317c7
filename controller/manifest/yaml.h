#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/model/value.h"

namespace plumb::manifest {

struct YamlLimits {
  std::size_t bytes = 4 << 20;     // of one file
  std::size_t depth = 64;          // of nesting
  std::size_t nodes = 200'000;     // of one file, aliases and merges expanded
  std::size_t documents = 10'000;  // of one file
};

// Where each value of a document stands: JSON Pointer -> position of the value (of the key for members).
using Marks = std::map<std::string, Location>;

struct YamlDocument {
  Value value;
  Location at;  // of its first node
};

struct YamlFile {
  std::vector<YamlDocument> documents;  // those without an error; empty ones are null
  Diagnostics diagnostics;              // all that is wrong; errors mean the file is not to be used
};

// A strict subset of YAML 1.2 (JSON included): see docs/manifests.md for what is refused and why.
YamlFile parse_yaml(std::string_view text, const std::string& file, const YamlLimits& limits = {});

// The positions in each of the documents that parse_yaml gives for the text. Slower than that by half: for
// diagnostics and explanations.
std::vector<Marks> marks_of(std::string_view text, const std::string& file);

// `value` as a YAML document that parse_yaml reads back as the same value: block style, members in
// the order they have, texts quoted where they would read as something else.
std::string write_yaml(const Value& value);

}  // namespace plumb::manifest
