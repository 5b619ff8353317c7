#include "controller/openapi/draft7.h"

#include <algorithm>
#include <deque>
#include <map>
#include <span>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/openapi/document.h"

namespace plumb::openapi {
namespace {

constexpr int kDeepest = 100;                 // of schemas in schemas
constexpr std::size_t kMostSchemas = 50'000;  // of one operation, with all that it refers to

constexpr std::string_view kAsTheyAre[] = {"enum",          "const",         "multipleOf", "minLength",
                                           "maxLength",     "minItems",      "maxItems",   "uniqueItems",
                                           "minProperties", "maxProperties", "minimum",    "maximum"};
constexpr std::string_view kSchemas[] = {"additionalItems", "not", "if", "then", "else", "contains", "propertyNames"};
constexpr std::string_view kLists[] = {"allOf", "anyOf", "oneOf"};
constexpr std::string_view kTypes[] = {"string", "number", "integer", "boolean", "object", "array", "null"};

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

class Converter {
 public:
  Converter(const Value& document, bool with_patterns) : document_(document), with_patterns_(with_patterns) {}

  Result<Value> run(const Value& schema) {
    Value converted = convert(schema, 0);
    Object definitions;
    while (!open_.empty() && problem_.empty()) {
      const auto [name, target] = open_.front();
      open_.pop_front();
      definitions.emplace(name, convert(*target, 0));
    }
    if (!problem_.empty()) return fail(Fault::invalid, "{}", problem_);
    if (!converted.is_object()) return converted;
    if (!definitions.empty()) converted.get_object()["definitions"] = std::move(definitions);
    return converted;
  }

 private:
  Value convert(const Value& schema, int depth) {
    if (!schema.is_object()) return schema.is_bool() ? schema : Value(Object());
    if (depth > kDeepest || ++schemas_ > kMostSchemas) {
      if (problem_.empty()) problem_ = "the schema is too large or too deep to be worked with";
      return Object();
    }
    const Object& given = schema.get_object();
    Object result;
    if (const Value* const reference = given.if_contains("$ref"); reference != nullptr && reference->is_string()) {
      result.emplace("$ref", definition_of(std::string(reference->get_string())));
      // What stands beside a reference counts since OpenAPI 3.1.
      Object beside = given;
      beside.erase("$ref");
      Value rest = convert(beside, depth + 1);
      if (!rest.get_object().empty()) result = Object{{"allOf", Array{std::move(result), std::move(rest)}}};
      return result;
    }
    for (const auto& [key, value] : given) add(key, value, given, depth, result);
    make_nullable(given, result);
    return result;
  }

  void add(std::string_view key, const Value& value, const Object& given, int depth, Object& result) {
    if (is_one_of(key, kAsTheyAre)) {
      add_plain(key, value, given, result);
    } else if (key == "type") {
      add_type(value, result);
    } else if (key == "pattern" && value.is_string()) {
      if (with_patterns_) result[key] = value;
    } else if (key == "format" && value.is_string()) {
      if (value.get_string() == "date" || value.get_string() == "date-time") result[key] = value;
    } else if (key == "exclusiveMinimum" || key == "exclusiveMaximum") {
      add_bound(key, value, given, result);
    } else if (key == "properties" && value.is_object()) {
      Object properties;
      for (const auto& [name, each] : value.get_object()) properties.emplace(name, convert(each, depth + 1));
      result[key] = std::move(properties);
    } else if (key == "additionalProperties") {
      // With patternProperties, which is left out, it speaks of less than all the others.
      if (!given.contains("patternProperties")) result[key] = convert(value, depth + 1);
    } else if (key == "required" && value.is_array()) {
      add_required(value.get_array(), given, result);
    } else if (key == "items" && !given.contains("prefixItems")) {
      result[key] = value.is_array() ? convert_list(value.get_array(), depth) : convert(value, depth + 1);
    } else if (key == "prefixItems" && value.is_array()) {
      result["items"] = convert_list(value.get_array(), depth);
      if (const Value* const others = given.if_contains("items"))
        result["additionalItems"] = convert(*others, depth + 1);
    } else if (is_one_of(key, kSchemas)) {
      result[key] = convert(value, depth + 1);
    } else if (is_one_of(key, kLists) && value.is_array() && !value.get_array().empty()) {
      result[key] = convert_list(value.get_array(), depth);
    } else if (key == "dependentRequired" && value.is_object()) {
      result["dependencies"] = value;
    }
  }

  Value convert_list(const Array& list, int depth) {
    Array converted;
    for (const Value& each : list) converted.push_back(convert(each, depth + 1));
    return converted;
  }

  static void add_plain(std::string_view key, const Value& value, const Object& given, Object& result) {
    const auto excluded = [&](std::string_view bound) {
      const Value* const exclusive = given.if_contains(bound);
      return exclusive != nullptr && exclusive->is_bool() && exclusive->get_bool();
    };
    if ((key == "minimum" && excluded("exclusiveMinimum")) || (key == "maximum" && excluded("exclusiveMaximum")))
      return;
    if (key == "enum" && (!value.is_array() || value.get_array().empty())) return;
    result[key] = value;
  }

  // A boolean beside the bound until OpenAPI 3.0, the bound itself since.
  static void add_bound(std::string_view key, const Value& value, const Object& given, Object& result) {
    if (value.is_number()) {
      result[key] = value;
    } else if (value.is_bool() && value.get_bool()) {
      if (const Value* const bound = given.if_contains(key == "exclusiveMinimum" ? "minimum" : "maximum"))
        result[key] = *bound;
    }
  }

  static void add_type(const Value& value, Object& result) {
    if (value.is_string() && value.get_string() == "file") {
      result["type"] = "string";
    } else if (value.is_string() && is_one_of(value.get_string(), kTypes)) {
      result["type"] = value;
    } else if (value.is_array()) {
      Array types;
      for (const Value& each : value.get_array())
        if (each.is_string() && is_one_of(each.get_string(), kTypes)) types.push_back(each);
      if (!types.empty()) result["type"] = std::move(types);
    }
  }

  void add_required(const Array& names, const Object& given, Object& result) const {
    const Value* const properties = given.if_contains("properties");
    Array kept;
    for (const Value& name : names) {
      if (!name.is_string()) continue;
      const Value* const property = properties != nullptr && properties->is_object()
                                        ? properties->get_object().if_contains(name.get_string())
                                        : nullptr;
      if (property == nullptr || !bool_at(*property, "/readOnly").value_or(false)) kept.push_back(name);
    }
    if (!kept.empty()) result["required"] = std::move(kept);
  }

  static void make_nullable(const Object& given, Object& result) {
    const Value* const nullable = given.if_contains("nullable");
    if (nullable == nullptr || !nullable->is_bool() || !nullable->get_bool()) return;
    Object null{{"type", "null"}};
    result = Object{{"anyOf", Array{std::move(result), std::move(null)}}};
  }

  std::string definition_of(const std::string& reference) {
    const auto wrong = [&](std::string problem) {
      if (problem_.empty()) problem_ = std::move(problem);
      return std::string("#/definitions/none");
    };
    if (std::string problem = problem_of_reference(reference); !problem.empty()) return wrong(std::move(problem));
    const std::string pointer = pointer_of_reference(reference);
    if (const auto known = definitions_.find(pointer); known != definitions_.end())
      return "#/definitions/" + known->second;
    const Value* const target = at(document_, pointer);
    if (target == nullptr) return wrong(fmt::format("$ref \"{}\" leads to nothing", printable(reference)));
    const std::string name = fmt::format("d{}", definitions_.size());
    definitions_.emplace(pointer, name);
    open_.emplace_back(name, target);
    return "#/definitions/" + name;
  }

  const Value& document_;
  bool with_patterns_;
  std::size_t schemas_ = 0;
  std::string problem_;
  std::map<std::string, std::string> definitions_;  // pointer -> name
  std::deque<std::pair<std::string, const Value*>> open_;
};

}  // namespace

Result<Value> to_draft7(const Value& schema, const Value& document, bool with_patterns) {
  return Converter(document, with_patterns).run(schema);
}

}  // namespace plumb::openapi
