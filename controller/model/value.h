#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

// The project's document type, from manifest to audit.
namespace plumb {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

// The member at an RFC 6901 pointer, or null where there is none.
const Value* at(const Value& document, std::string_view pointer);
// The text, boolean or integer there; nothing if absent or of another type.
std::optional<std::string> text_at(const Value& document, std::string_view pointer);
std::optional<bool> bool_at(const Value& document, std::string_view pointer);
std::optional<std::int64_t> int_at(const Value& document, std::string_view pointer);
// The texts of an array of texts; empty if absent or of another type.
std::vector<std::string> texts_at(const Value& document, std::string_view pointer);

// One member as part of a pointer: "a/b" becomes "a~1b".
std::string pointer_token(std::string_view member);

// Members in byte order, no white space: equal documents have equal texts.
std::string canonical(const Value& document);
// For people: two spaces, members in the order they have.
std::string pretty(const Value& document);

}  // namespace plumb
