#include "controller/schema/structural.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "controller/schema/explain.h"

namespace plumb::schema {
namespace {

constexpr std::string_view kKeywords[] = {"type",
                                          "properties",
                                          "items",
                                          "additionalProperties",
                                          "required",
                                          "enum",
                                          "pattern",
                                          "format",
                                          "minimum",
                                          "maximum",
                                          "exclusiveMinimum",
                                          "exclusiveMaximum",
                                          "multipleOf",
                                          "minLength",
                                          "maxLength",
                                          "minItems",
                                          "maxItems",
                                          "minProperties",
                                          "maxProperties",
                                          "description",
                                          "title",
                                          "default",
                                          "example",
                                          "externalDocs",
                                          "nullable",
                                          "allOf",
                                          "anyOf",
                                          "oneOf",
                                          "not",
                                          "x-kubernetes-int-or-string",
                                          "x-kubernetes-preserve-unknown-fields",
                                          "x-kubernetes-list-type",
                                          "x-kubernetes-list-map-keys",
                                          "x-kubernetes-map-type"};
// Not inside of allOf, anyOf, oneOf and not: values are described once, outside.
constexpr std::string_view kOutsideOnly[] = {"type",    "description", "title",
                                             "default", "nullable",    "additionalProperties"};
constexpr std::string_view kTypes[] = {"object", "array", "string", "integer", "number", "boolean"};

template <class List>
bool contains(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

bool flag(const Value& schema, std::string_view key) {
  const Value* value = schema.is_object() ? schema.get_object().if_contains(key) : nullptr;
  return value != nullptr && value->is_bool() && value->get_bool();
}

class StructuralCheck {
 public:
  std::vector<Problem> problems;

  void look(const Value& schema, const std::string& pointer, bool inside) {
    if (!schema.is_object()) return say(pointer, "a schema must be a mapping");
    for (const auto& [key, value] : schema.get_object()) {
      if (key == "x-kubernetes-validations") {
        say(pointer, "x-kubernetes-validations (CEL) is not supported");
      } else if (!contains(kKeywords, key)) {
        say(pointer, fmt::format("\"{}\" is no keyword of a structural schema", std::string_view(key)));
      } else if (inside && contains(kOutsideOnly, key)) {
        say(pointer, fmt::format("\"{}\" does not stand inside of allOf, anyOf, oneOf or not", std::string_view(key)));
      }
    }
    if (!inside) check_type(schema, pointer);
    look_below(schema, pointer, inside);
    for (const std::string_view key : {"allOf", "anyOf", "oneOf"})
      if (const Value* branches = at(schema, fmt::format("/{}", key)); branches != nullptr && branches->is_array())
        for (std::size_t i = 0; i < branches->get_array().size(); ++i)
          look(branches->get_array()[i], fmt::format("{}/{}/{}", pointer, key, i), true);
    if (const Value* excluded = at(schema, "/not")) look(*excluded, pointer + "/not", true);
    check_required(schema, pointer, inside);
    if (const Value* preset = at(schema, "/default"))
      for (const Problem& problem : explain(schema, *preset, true))
        say(pointer + "/default" + problem.pointer, problem.message);
  }

 private:
  void say(const std::string& pointer, std::string message) { problems.push_back({pointer, std::move(message)}); }

  void check_type(const Value& schema, const std::string& pointer) {
    const auto type = text_at(schema, "/type");
    if (type && !contains(kTypes, *type)) say(pointer, fmt::format("\"{}\" is no type", *type));
    if (!type && !flag(schema, "x-kubernetes-int-or-string") && !flag(schema, "x-kubernetes-preserve-unknown-fields"))
      say(pointer, "the type is missing");
    if (type == "array" && at(schema, "/items") == nullptr) say(pointer, "an array needs \"items\"");
    if (at(schema, "/properties") != nullptr && at(schema, "/additionalProperties") != nullptr)
      say(pointer, "\"properties\" and \"additionalProperties\" exclude each other");
  }

  void look_below(const Value& schema, const std::string& pointer, bool inside) {
    if (const Value* properties = at(schema, "/properties"); properties != nullptr && properties->is_object())
      for (const auto& [name, property] : properties->get_object())
        look(property, fmt::format("{}/properties/{}", pointer, pointer_token(name)), inside);
    if (const Value* items = at(schema, "/items")) look(*items, pointer + "/items", inside);
    if (const Value* additional = at(schema, "/additionalProperties"); additional != nullptr && !additional->is_bool())
      look(*additional, pointer + "/additionalProperties", inside);
    if (flag(schema, "additionalProperties")) say(pointer, "\"additionalProperties: true\" is not structural");
  }

  void check_required(const Value& schema, const std::string& pointer, bool inside) {
    const Value* properties = at(schema, "/properties");
    if (inside || properties == nullptr) return;
    for (const std::string& name : texts_at(schema, "/required"))
      if (!properties->get_object().contains(name))
        say(pointer, fmt::format("\"{}\" is required but not among the properties", name));
  }
};

Array draft7_of_all(const Value& schemas) {
  Array result;
  for (const Value& schema : schemas.as_array()) result.push_back(to_draft7(schema));
  return result;
}

Object draft7_of_members(const Value& schemas) {
  Object result;
  for (const auto& [name, schema] : schemas.as_object()) result.emplace(name, to_draft7(schema));
  return result;
}

// OpenAPI says "minimum: 1, exclusiveMinimum: true" for what draft 7 calls "exclusiveMinimum: 1".
void convert_bound(Object& schema, std::string_view bound, std::string_view exclusive) {
  const Value* open = schema.if_contains(exclusive);
  if (open == nullptr || !open->is_bool()) return;
  const bool is_open = open->get_bool();
  schema.erase(exclusive);
  const Value* limit = schema.if_contains(bound);
  if (!is_open || limit == nullptr) return;
  Value copy = *limit;
  schema.erase(bound);
  schema.emplace(exclusive, std::move(copy));
}

bool is_empty(const Extras& extras) {
  return extras.defaults.empty() && extras.members.empty() && !extras.items && !extras.additional &&
         extras.list == Extras::ListType::atomic;
}

// What makes an item of a list its own: its value, or its keys.
std::string identity(const Extras& extras, const Value& item) {
  if (extras.list == Extras::ListType::set) return canonical(item);
  Object keys;
  for (const std::string& key : extras.list_keys)
    if (const Value* value = item.is_object() ? item.get_object().if_contains(key) : nullptr) keys.emplace(key, *value);
  return canonical(keys);
}

}  // namespace

std::vector<Problem> check_structural(const Value& schema) {
  StructuralCheck check;
  check.look(schema, "", false);
  return std::move(check.problems);
}

Value to_draft7(const Value& schema) {
  if (!schema.is_object()) return schema;
  Object result;
  bool described = false;  // outside of allOf and the like, where objects are closed
  for (const auto& [key, value] : schema.get_object()) {
    if (key == "properties") {
      result.emplace(key, draft7_of_members(value));
    } else if (key == "items" || key == "additionalProperties" || key == "not") {
      result.emplace(key, to_draft7(value));
    } else if (key == "allOf" || key == "anyOf" || key == "oneOf") {
      result.emplace(key, draft7_of_all(value));
    } else if (!key.starts_with("x-kubernetes-") && key != "nullable" && key != "default" && key != "example") {
      result.emplace(key, value);
    }
    described = described || key == "type";
  }
  convert_bound(result, "minimum", "exclusiveMinimum");
  convert_bound(result, "maximum", "exclusiveMaximum");
  if (flag(schema, "x-kubernetes-int-or-string")) result["type"] = Array{"integer", "string"};
  if (described && result.contains("properties") && !flag(schema, "x-kubernetes-preserve-unknown-fields"))
    result.emplace("additionalProperties", false);
  if (flag(schema, "nullable")) {
    Value type = result.contains("type") ? result["type"] : Value(nullptr);
    if (type.is_string()) result["type"] = Array{type, "null"};
    if (type.is_array()) result["type"].as_array().emplace_back("null");
    if (Value* choices = result.if_contains("enum")) choices->as_array().push_back(nullptr);
  }
  return result;
}

std::unique_ptr<Extras> extras_of(const Value& schema) {
  auto extras = std::make_unique<Extras>();
  if (const Value* properties = at(schema, "/properties"); properties != nullptr && properties->is_object()) {
    for (const auto& [name, property] : properties->get_object()) {
      if (const Value* preset = at(property, "/default")) extras->defaults.emplace_back(name, *preset);
      if (auto below = extras_of(property)) extras->members.emplace_back(name, std::move(below));
    }
  }
  if (const Value* items = at(schema, "/items")) extras->items = extras_of(*items);
  if (const Value* additional = at(schema, "/additionalProperties")) extras->additional = extras_of(*additional);
  const auto list = text_at(schema, "/x-kubernetes-list-type");
  if (list == "set") extras->list = Extras::ListType::set;
  if (list == "map") extras->list = Extras::ListType::map;
  extras->list_keys = texts_at(schema, "/x-kubernetes-list-map-keys");
  if (is_empty(*extras)) return nullptr;
  return extras;
}

void apply_defaults(const Extras& extras, Value& value) {
  if (auto* array = value.if_array()) {
    for (Value& item : *array)
      if (extras.items) apply_defaults(*extras.items, item);
  }
  auto* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& [name, preset] : extras.defaults)
    if (!object->contains(name)) object->emplace(name, preset);
  for (const auto& [name, below] : extras.members)
    if (Value* member = object->if_contains(name)) apply_defaults(*below, *member);
  if (!extras.additional) return;
  for (auto& member : *object) apply_defaults(*extras.additional, member.value());
}

void check_lists(const Extras& extras, const Value& value, const std::string& pointer, std::vector<Problem>& problems) {
  if (const auto* array = value.if_array()) {
    std::map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < array->size(); ++i) {
      const std::string item = fmt::format("{}/{}", pointer, i);
      if (extras.list != Extras::ListType::atomic) {
        const auto [first, fresh] = seen.emplace(identity(extras, (*array)[i]), i);
        if (!fresh)
          problems.push_back({item, fmt::format("{} stands twice in this list, first at {}/{}", first->first, pointer,
                                                first->second)});
      }
      if (extras.items) check_lists(*extras.items, (*array)[i], item, problems);
    }
  }
  const auto* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& [name, below] : extras.members)
    if (const Value* member = object->if_contains(name))
      check_lists(*below, *member, pointer + '/' + pointer_token(name), problems);
  if (!extras.additional) return;
  for (const auto& [name, member] : *object)
    check_lists(*extras.additional, member, pointer + '/' + pointer_token(name), problems);
}

}  // namespace plumb::schema
