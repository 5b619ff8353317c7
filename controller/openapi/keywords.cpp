#include "controller/openapi/keywords.h"

#include <algorithm>
#include <iterator>

namespace plumb::openapi {
namespace {

constexpr Keyword kKeywords[] = {{"additionalItems", Shape::schema},
                                 {"additionalProperties", Shape::schema},
                                 {"allOf", Shape::schemas, true},
                                 {"anyOf", Shape::schemas, true},
                                 {"const", Shape::any},
                                 {"contains", Shape::schema},
                                 {"dependentRequired", Shape::dependents},
                                 {"dependentSchemas", Shape::members, true},
                                 {"else", Shape::schema, true},
                                 {"enum", Shape::list},
                                 {"exclusiveMaximum", Shape::bound},
                                 {"exclusiveMinimum", Shape::bound},
                                 {"format", Shape::text},
                                 {"if", Shape::schema, true},
                                 {"items", Shape::schema_or_list},
                                 {"maxItems", Shape::count},
                                 {"maxLength", Shape::count},
                                 {"maxProperties", Shape::count},
                                 {"maximum", Shape::number},
                                 {"minItems", Shape::count},
                                 {"minLength", Shape::count},
                                 {"minProperties", Shape::count},
                                 {"minimum", Shape::number},
                                 {"multipleOf", Shape::divisor},
                                 {"not", Shape::schema, true},
                                 {"nullable", Shape::flag},
                                 {"oneOf", Shape::schemas, true},
                                 {"pattern", Shape::text},
                                 {"patternProperties", Shape::members},
                                 {"prefixItems", Shape::schemas},
                                 {"properties", Shape::members},
                                 {"propertyNames", Shape::schema},
                                 {"readOnly", Shape::flag},
                                 {"required", Shape::names},
                                 {"then", Shape::schema, true},
                                 {"type", Shape::type},
                                 {"uniqueItems", Shape::flag},
                                 {"x-nullable", Shape::flag}};

bool is_text(const Value& value) { return value.is_string(); }

bool is_list_of_texts(const Value& value) {
  const auto* array = value.if_array();
  return array != nullptr && std::all_of(array->begin(), array->end(), is_text);
}

}  // namespace

const Keyword* keyword(std::string_view name) {
  const auto* found = std::lower_bound(std::begin(kKeywords), std::end(kKeywords), name,
                                       [](const Keyword& k, std::string_view n) { return k.name < n; });
  return found != std::end(kKeywords) && found->name == name ? found : nullptr;
}

bool is_type(std::string_view name) {
  constexpr std::string_view kTypes[] = {"string", "integer", "number", "boolean", "object", "array", "null", "file"};
  return std::find(std::begin(kTypes), std::end(kTypes), name) != std::end(kTypes);
}

bool has_shape(const Value& value, Shape shape) {
  switch (shape) {
    case Shape::schema: return value.is_object() || value.is_bool();
    case Shape::schemas: return value.is_array() && !value.get_array().empty();
    case Shape::schema_or_list: return value.is_object() || value.is_bool() || value.is_array();
    case Shape::members: return value.is_object();
    case Shape::type:
      return (value.is_string() && is_type(value.get_string())) ||
             (is_list_of_texts(value) && !value.get_array().empty() &&
              std::all_of(value.get_array().begin(), value.get_array().end(),
                          [](const Value& name) { return is_type(name.get_string()); }));
    case Shape::flag: return value.is_bool();
    case Shape::count: return value.is_int64() && value.get_int64() >= 0;
    case Shape::number: return value.is_number();
    case Shape::bound: return value.is_number() || value.is_bool();
    case Shape::divisor: return value.is_number() && value.to_number<double>() > 0;
    case Shape::text: return value.is_string();
    case Shape::list: return value.is_array() && !value.get_array().empty();
    case Shape::names: return is_list_of_texts(value);
    case Shape::dependents:
      return value.is_object() && std::all_of(value.get_object().begin(), value.get_object().end(),
                                              [](const auto& member) { return is_list_of_texts(member.value()); });
    case Shape::any: return true;
  }
  return false;
}

}  // namespace plumb::openapi
