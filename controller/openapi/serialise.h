#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/base/result.h"
#include "controller/openapi/model.h"

// Values as OpenAPI's table of styles writes them (3.0.4, 4.8.12.3; RFC 6570). For the files of this folder.
namespace plumb::openapi {

// Unreserved characters and those of `keep` as they are, all else as %XX.
std::string encoded(std::string_view text, std::string_view keep = "");

// A text, number or boolean without its quotes; numbers exactly. Nothing for null, lists and mappings.
std::optional<std::string> plain_text(const Value& value);
// JSON with numbers as people write them (3.5, not 3.5E0).
std::string json_text(const Value& value);

using Pairs = std::vector<std::pair<std::string, std::string>>;

// All of these: Fault::invalid where the value cannot be written in the style and read back.
// For the place of "{name}" in a path.
Result<std::string> path_text(const Parameter& parameter, const Value& value);
// "name=value", percent-encoded, each to be joined with "&".
Result<std::vector<std::string>> query_texts(const Parameter& parameter, const Value& value);
Result<std::string> header_text(const Parameter& parameter, const Value& value);
Result<Pairs> cookie_pairs(const Parameter& parameter, const Value& value);
// Like query_texts, with "+" for spaces.
Result<std::vector<std::string>> form_texts(const Parameter& parameter, const Value& value);

}  // namespace plumb::openapi
