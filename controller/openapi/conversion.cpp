#include "controller/openapi/conversion.h"

#include <algorithm>
#include <set>

#include "controller/openapi/keywords.h"
#include "controller/schema/compiled.h"

namespace plumb::openapi {

namespace {

constexpr std::size_t kMaxInlinedDepth = 48;  // of a schema with all it refers to; deeper ones go along the value
constexpr std::size_t kMaxInPlace = 100;      // schemas that one value is held against, one inside of the other
constexpr std::size_t kMaxAlong = 100'000;    // values of a schema along a value
constexpr std::size_t kMaxBundle = 100'000;
constexpr std::size_t kShownChoices = 50;     // of an enumeration that does not have the value
constexpr std::size_t kMaxPairs = 1000;       // items that are compared with each other by valijson
constexpr std::size_t kMaxName = 200;         // bytes of a member's name that is worth a "did you mean"
constexpr std::size_t kMaxStrangers = 20;     // members without a property that are told of one by one
constexpr std::size_t kMaxDescription = 300;  // bytes

bool is_readable_pattern(const Value& pattern) {
  return schema::Compiled::make(Object{{"pattern", pattern}}).has_value();
}

bool is_read_only(const Value& document, const Value& schema) {
  if (is_true(schema, "readOnly")) return true;
  const auto target = follow(document, Node{&schema, ""});
  return target && is_true(*target->value, "readOnly");
}

bool has_duplicate(const Array& list) {
  std::set<std::string> seen;
  return !std::all_of(list.begin(), list.end(),
                      [&](const Value& value) { return seen.insert(canonical(value)).second; });
}

}  // namespace

class Converter {
 public:
  enum class Mode { whole, along, bundle };
  Converter(const Value& document, Mode mode, std::size_t most)
      : document_(document), dialect_(dialect_of(document)), mode_(mode), left_(most) {}

  struct Depth {
    std::size_t whole = 0, in_place = 0;
    Depth inside() const { return {whole + 1, 0}; }
    Depth beside() const { return {whole + 1, in_place + 1}; }
  };

  // `value`: what it is held against, in Mode::along.
  Value convert(const Value& schema, const Value* value, Depth depth) {
    const bool is_deep = mode_ == Mode::whole ? depth.whole > kMaxInlinedDepth : depth.in_place > kMaxInPlace;
    if (is_deep || !charge(1)) {
      failed_ = true;
      return true;
    }
    if (schema.is_bool()) return schema;
    if (!schema.is_object()) return true;
    const auto reference = reference_in(schema);
    if (!reference) return convert_object(schema.get_object(), value, depth);
    Value target = convert_reference(*reference, value, depth);
    if (dialect_ != Dialect::openapi31 || schema.get_object().size() == 1) return target;
    Value beside = convert_object(schema.get_object(), value, depth);
    if (beside.get_object().empty()) return target;
    return Object{{"allOf", Array{std::move(target), std::move(beside)}}};
  }

  bool has_failed() const { return failed_; }
  std::size_t left() const { return left_; }
  Bundle* bundle = nullptr;  // of Mode::bundle

 private:
  bool charge(std::size_t values) {
    if (values > left_) return false;
    left_ -= values;
    return true;
  }

  Value convert_reference(std::string_view reference, const Value* value, Depth depth) {
    const auto target = resolve(document_, reference);
    if (!target) {
      lossy_ = true;
      return true;
    }
    if (mode_ != Mode::bundle) return convert(*target->value, value, depth.beside());
    const auto [place, fresh] = bundle->names_.try_emplace(target->value);
    if (fresh) {
      const auto slash = target->pointer.rfind('/');
      std::string name = slash == std::string::npos ? target->pointer : target->pointer.substr(slash + 1);
      const std::size_t count = ++bundle->taken_[name];
      if (count > 1) name += fmt::format("-{}", count);
      place->second = name;
      bundle->open_.push_back({name, target->value});
    }
    return Object{{"$ref", reference_to("/definitions/" + pointer_token(place->second))}};
  }

  Value convert_object(const Object& schema, const Value* value, Depth depth) {
    Object result;
    convert_annotations(schema, result);
    convert_plain(schema, value, result);
    convert_bounds(schema, result);
    if (value == nullptr || value->is_object()) convert_members(schema, value, depth, result);
    if (value == nullptr || value->is_array()) convert_items(schema, value, depth, result);
    convert_composition(schema, value, depth, result);
    return with_null(schema, std::move(result));
  }

  static const Value* take(const Object& schema, std::string_view key) {
    const Value* value = schema.if_contains(key);
    return value != nullptr && has_shape(*value, keyword(key)->shape) ? value : nullptr;
  }

  void convert_annotations(const Object& schema, Object& result) const {
    const Value* description = schema.if_contains("description");
    const bool is_short = description != nullptr && description->is_string() &&
                          (mode_ == Mode::bundle || description->get_string().size() <= kMaxDescription);
    if (is_short) result.emplace("description", *description);
    if (mode_ != Mode::bundle) return;
    for (const std::string_view key : {"title", "default", "writeOnly", "deprecated", "examples"})
      if (const Value* kept = schema.if_contains(key)) result.emplace(key, *kept);
  }

  // Keywords that mean the same in draft 7.
  void convert_plain(const Object& schema, const Value* value, Object& result) {
    for (const std::string_view key :
         {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "const"})
      if (const Value* kept = take(schema, key)) result.emplace(key, *kept);
    if (const Value* type = take(schema, "type")) {
      const bool is_file = type->is_string() && type->get_string() == "file";
      result.emplace("type", is_file ? Value("string") : *type);
    }
    if (const Value* divisor = take(schema, "multipleOf")) {
      // valijson divides doubles with an error, and 0.01 is none of two.
      if (divisor->is_int64()) result.emplace("multipleOf", *divisor);
      lossy_ = lossy_ || !divisor->is_int64();
    }
    if (const Value* format = take(schema, "format")) {
      const std::string_view name = format->get_string();
      if (mode_ == Mode::bundle || name == "date" || name == "date-time") result.emplace("format", *format);
    }
    if (const Value* pattern = take(schema, "pattern");
        pattern != nullptr && (value == nullptr || value->is_string())) {
      const bool readable = mode_ == Mode::bundle || is_readable_pattern(*pattern);
      if (readable) result.emplace("pattern", *pattern);
      lossy_ = lossy_ || !readable;
    }
    if (const Value* choices = take(schema, "enum")) convert_choices(choices->get_array(), value, result);
  }

  void convert_choices(const Array& choices, const Value* value, Object& result) {
    if (!charge(mode_ == Mode::along ? std::min(choices.size(), kShownChoices) : choices.size())) failed_ = true;
    if (failed_) return;
    if (mode_ != Mode::along) {
      result.emplace("enum", choices);
      return;
    }
    if (std::find(choices.begin(), choices.end(), *value) != choices.end()) return;
    const auto count = static_cast<std::ptrdiff_t>(std::min(choices.size(), kShownChoices));
    result.emplace("enum", Array(choices.begin(), choices.begin() + count));
  }

  // 3.0 says "minimum: 1, exclusiveMinimum: true" for what draft 7 calls "exclusiveMinimum: 1".
  static void convert_bounds(const Object& schema, Object& result) {
    constexpr std::pair<std::string_view, std::string_view> kBounds[] = {{"minimum", "exclusiveMinimum"},
                                                                         {"maximum", "exclusiveMaximum"}};
    for (const auto& [bound, exclusive] : kBounds) {
      const Value* limit = take(schema, bound);
      const Value* open = take(schema, exclusive);
      const bool is_flag = open != nullptr && open->is_bool();
      if (limit != nullptr) result.emplace(is_flag && open->get_bool() ? exclusive : bound, *limit);
      if (open != nullptr && !is_flag) result.emplace(exclusive, *open);
    }
  }

  void convert_members(const Object& schema, const Value* value, Depth depth, Object& result) {
    const Object* given = value == nullptr ? nullptr : &value->get_object();
    const Value* properties = take(schema, "properties");
    const Value* additional = take(schema, "additionalProperties");
    if (take(schema, "patternProperties") != nullptr) {
      lossy_ = true;  // which members the others are cannot be told
      additional = nullptr;
    }
    convert_required(schema, properties, result);
    Object members;
    const bool is_closed = additional != nullptr && additional->is_bool() && !additional->get_bool();
    const Strangers strangers = is_closed && given != nullptr ? strangers_of(*given, properties) : Strangers{};
    if (properties != nullptr) convert_properties(properties->get_object(), given, strangers, depth, members);
    if (is_closed && strangers.count <= kMaxStrangers && !strangers.is_long) {
      result.emplace("additionalProperties", false);
    } else if (is_closed) {  // not told of one by one: each would be compared with every name there is
      result["maxProperties"] = static_cast<std::int64_t>(given->size() - strangers.count);
    }
    if (additional != nullptr && !additional->is_bool()) {
      if (given == nullptr) result.emplace("additionalProperties", convert(*additional, nullptr, depth.inside()));
      for (std::size_t i = 0; given != nullptr && i < given->size() && !failed_; ++i) {
        const auto& member = *(given->begin() + static_cast<std::ptrdiff_t>(i));
        if (properties == nullptr || !properties->get_object().contains(member.key()))
          members.emplace(member.key(), convert(*additional, &member.value(), depth.inside()));
      }
    }
    if (!members.empty()) result.emplace("properties", std::move(members));
    if (const Value* names = take(schema, "propertyNames")) {
      const Value a_text("");
      const bool is_along = mode_ == Mode::along;  // keys are texts: no part of a schema is for a part of one
      Converter plain(document_, is_along ? Mode::whole : mode_, left_);
      plain.bundle = bundle;
      result.emplace("propertyNames", plain.convert(*names, nullptr, depth.inside()));
      if (plain.failed_ || !charge(left_ - plain.left_)) failed_ = true;
    }
    convert_dependents(schema, value, depth, result);
  }

  // Members that a closed schema has no property for.
  struct Strangers {
    std::size_t count = 0;
    bool is_long = false;  // the name of one
  };
  static Strangers strangers_of(const Object& given, const Value* properties) {
    Strangers strangers;
    for (const auto& member : given) {
      if (properties != nullptr && properties->get_object().contains(member.key())) continue;
      ++strangers.count;
      strangers.is_long = strangers.is_long || member.key().size() > kMaxName;
    }
    return strangers;
  }

  void convert_required(const Object& schema, const Value* properties, Object& result) {
    const Value* required = take(schema, "required");
    if (required == nullptr) return;
    Array names;
    for (const Value& name : required->get_array()) {
      const Value* property = properties == nullptr ? nullptr : find(*properties, name.get_string());
      if (property != nullptr && is_read_only(document_, *property)) {
        lossy_ = true;
      } else {
        names.push_back(name);
      }
    }
    if (!names.empty()) result.emplace("required", std::move(names));
  }

  void convert_properties(const Object& properties, const Object* given, const Strangers& strangers, Depth depth,
                          Object& members) {
    // The names that are not given are for "did you mean".
    const bool is_hint = strangers.count > 0 && strangers.count <= kMaxStrangers && !strangers.is_long &&
                         charge(strangers.count * properties.size());
    for (const auto& property : properties) {
      if (failed_) return;
      const Value* value = given == nullptr ? nullptr : given->if_contains(property.key());
      if (mode_ != Mode::along || value != nullptr) {
        if (mode_ == Mode::whole && property.key().size() > kMaxName) failed_ = true;
        members.emplace(property.key(), convert(property.value(), value, depth.inside()));
      } else if (is_hint && property.key().size() <= kMaxName) {
        members.emplace(property.key(), true);
      }
    }
  }

  void convert_dependents(const Object& schema, const Value* value, Depth depth, Object& result) {
    Object dependencies;
    if (const Value* names = take(schema, "dependentRequired"))
      for (const auto& member : names->get_object()) dependencies.emplace(member.key(), member.value());
    if (const Value* schemas = take(schema, "dependentSchemas"))
      for (const auto& member : schemas->get_object())
        dependencies.insert_or_assign(member.key(), convert(member.value(), value, depth.beside()));
    if (!dependencies.empty()) result.emplace("dependencies", std::move(dependencies));
  }

  void convert_items(const Object& schema, const Value* value, Depth depth, Object& result) {
    const Value* items = take(schema, "items");
    const Value* first = take(schema, "prefixItems");
    const Value* rest = first != nullptr ? items : nullptr;
    if (first == nullptr && items != nullptr && items->is_array()) {  // draft 7's own tuples
      first = items;
      rest = take(schema, "additionalItems");
    }
    const Array* given = value == nullptr ? nullptr : &value->get_array();
    if (given != nullptr) {
      convert_items_along(*given, first, first == nullptr ? items : rest, depth, result);
    } else if (first != nullptr) {
      Array list;
      for (const Value& entry : first->get_array()) list.push_back(convert(entry, nullptr, depth.inside()));
      result.emplace("items", std::move(list));
      if (rest != nullptr) result.emplace("additionalItems", convert(*rest, nullptr, depth.inside()));
    } else if (items != nullptr) {
      result.emplace("items", convert(*items, nullptr, depth.inside()));
    }
    convert_contains(schema, given, depth, result);
    const Value* unique = take(schema, "uniqueItems");
    if (unique == nullptr || !unique->get_bool()) return;
    if (given == nullptr || given->size() <= kMaxPairs) {
      result.emplace("uniqueItems", true);
    } else if (has_duplicate(*given)) {
      result.emplace("maxItems", static_cast<std::int64_t>(given->size()) - 1);  // as many as can be different
    }
  }

  void convert_items_along(const Array& given, const Value* first, const Value* rest, Depth depth, Object& result) {
    Array list;
    const std::size_t count = first == nullptr ? 0 : first->get_array().size();
    for (std::size_t i = 0; i < given.size() && !failed_; ++i) {
      const Value* entry = i < count ? &first->get_array()[i] : rest;
      if (entry == nullptr) break;
      list.push_back(convert(*entry, &given[i], depth.inside()));
    }
    if (!list.empty()) result.emplace("items", std::move(list));
  }

  // A list contains a thing: not each of its items is none.
  void convert_contains(const Object& schema, const Array* given, Depth depth, Object& result) {
    const Value* contained = take(schema, "contains");
    if (contained == nullptr) return;
    if (given == nullptr) {
      result.emplace("contains", convert(*contained, nullptr, depth.inside()));
      return;
    }
    Array list;
    for (const Value& entry : *given) {
      if (failed_) return;
      list.push_back(Object{{"not", convert(*contained, &entry, depth.inside())}});
    }
    result.emplace("allOf", Array{Object{{"not", Object{{"items", std::move(list)}}}}});
  }

  // Converts a part of which nothing may be left out without a change of its meaning. False: something was.
  template <class Work>
  bool exactly(Work work) {
    const bool before = std::exchange(lossy_, false);
    work();
    const bool is_exact = !lossy_;
    lossy_ = lossy_ || before;
    return is_exact;
  }

  void convert_composition(const Object& schema, const Value* value, Depth depth, Object& result) {
    for (const std::string_view key : {"allOf", "anyOf", "oneOf"}) {
      const Value* schemas = take(schema, key);
      if (schemas == nullptr) continue;
      Array list;
      const bool is_exact = exactly([&] {
        for (const Value& branch : schemas->get_array())
          if (!failed_) list.push_back(convert(branch, value, depth.beside()));
      });
      append(result,
             key == "oneOf" && mode_ != Mode::bundle && (!is_exact || schema.contains("discriminator")) ? "anyOf" : key,
             std::move(list));
    }
    if (const Value* excluded = take(schema, "not")) {
      Value inner;
      if (exactly([&] { inner = convert(*excluded, value, depth.beside()); })) result.emplace("not", std::move(inner));
    }
    const Value* condition = take(schema, "if");
    if (condition == nullptr) return;
    Value inner;
    if (!exactly([&] { inner = convert(*condition, value, depth.beside()); })) return;
    result.emplace("if", std::move(inner));
    for (const std::string_view key : {"then", "else"})
      if (const Value* branch = take(schema, key)) result.emplace(key, convert(*branch, value, depth.beside()));
  }

  // Two of a key (anyOf, and oneOf made to anyOf) must both hold.
  static void append(Object& result, std::string_view key, Array list) {
    if (key == "allOf" && result.contains("allOf")) {
      for (Value& entry : list) result["allOf"].as_array().push_back(std::move(entry));
    } else if (result.contains(key)) {
      Value both = Object{{key, std::move(list)}};
      append(result, "allOf", Array{std::move(both)});
    } else {
      result.emplace(key, std::move(list));
    }
  }

  Value with_null(const Object& schema, Object result) const {
    const auto is_set = [&](std::string_view key) {
      const Value* flag = take(schema, key);
      return flag != nullptr && flag->get_bool();
    };
    if (dialect_ == Dialect::openapi31 || (!is_set("nullable") && !is_set("x-nullable"))) return result;
    const bool is_plain = result.contains("type") && !result.contains("enum") && !result.contains("allOf") &&
                          !result.contains("anyOf") && !result.contains("oneOf") && !result.contains("not");
    if (!is_plain) return Object{{"anyOf", Array{Object{{"type", "null"}}, std::move(result)}}};
    Value& type = result["type"];
    if (type.is_string())
      type = Array{type, "null"};
    else
      type.as_array().emplace_back("null");
    return result;
  }

  const Value& document_;
  Dialect dialect_;
  Mode mode_;
  std::size_t left_;
  bool failed_ = false;
  bool lossy_ = false;  // something was left out
};

std::optional<Inlined> inlined(const Value& document, const Value& schema, std::size_t most) {
  Converter converter(document, Converter::Mode::whole, most);
  Inlined result;
  result.schema = converter.convert(schema, nullptr, {});
  if (converter.has_failed()) return {};
  result.values = most - converter.left();
  return result;
}

Result<Value> inlined_along(const Value& document, const Value& schema, const Value& value) {
  Converter converter(document, Converter::Mode::along, kMaxAlong);
  Value result = converter.convert(schema, &value, {});
  if (converter.has_failed())
    return fail(Fault::invalid, "is too large to be held against its schema, which has more than {} parts for it",
                kMaxAlong);
  return result;
}

Value Bundle::add(const Value& schema) {
  Converter converter(document_, Converter::Mode::bundle, kMaxBundle - values_);
  converter.bundle = this;
  Value result = converter.convert(schema, nullptr, {});
  values_ = kMaxBundle - converter.left();
  return result;
}

Object Bundle::definitions() {
  Object definitions;
  while (!open_.empty()) {
    const Target target = std::move(open_.front());
    open_.pop_front();
    definitions.insert_or_assign(target.name, add(*target.schema));
  }
  return definitions;
}

}  // namespace plumb::openapi
