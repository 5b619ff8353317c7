#include "controller/schema/explain.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <re2/re2.h>
#include <boost/json/serialize.hpp>

#include "controller/base/text.h"
#include "controller/schema/compiled.h"

namespace plumb::schema {
namespace {

constexpr std::size_t kShown = 60;         // bytes of a value in a message
constexpr std::size_t kDescription = 160;  // a longer first sentence is not repeated in a message
constexpr std::size_t kAlternatives = 20;  // that a message lists

const Value* member(const Value& schema, std::string_view key) {
  const auto* object = schema.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

bool is_true(const Value& schema, std::string_view key) {
  const Value* value = member(schema, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::string_view type_of(const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: return "null";
    case boost::json::kind::bool_: return "boolean";
    case boost::json::kind::int64:
    case boost::json::kind::uint64: return "integer";
    case boost::json::kind::double_: return "number";
    case boost::json::kind::string: return "string";
    case boost::json::kind::array: return "array";
    case boost::json::kind::object: return "object";
  }
  return "";
}

std::string_view spoken_type(std::string_view type) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"null", "null"},     {"boolean", "true or false"}, {"integer", "an integer"}, {"number", "a number"},
      {"string", "a text"}, {"array", "a list"},          {"object", "a mapping"},
  };
  for (const auto& [name, spoken] : kTypes)
    if (name == type) return spoken;
  return type;
}

std::optional<double> number_in(const Value* value) {
  if (value == nullptr || !value->is_number()) return {};
  return value->to_number<double>();
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string first_sentence(const Value& schema) {
  const auto description = text_at(schema, "/description");
  if (!description) return {};
  std::string sentence = description->substr(0, description->find(". "));
  while (!sentence.empty() && (sentence.back() == '.' || sentence.back() == '\n')) sentence.pop_back();
  return sentence.size() > kDescription ? std::string() : sentence;
}

class Explainer {
 public:
  Explainer(std::vector<Problem>& problems, bool structural) : problems_(problems), structural_(structural) {}

  void look(const Value& schema, const Value& value, const std::string& pointer) {
    if (schema.is_bool()) {
      if (!schema.get_bool()) say(pointer, "is not allowed here");
      return;
    }
    if (!schema.is_object()) return;
    if (value.is_null() && is_true(schema, "nullable")) return;
    if (!check_type(schema, value, pointer)) return;  // all else would follow from it
    check_choice(schema, value, pointer);
    if (const auto* text = value.if_string()) check_text(schema, *text, pointer);
    if (value.is_number()) check_number(schema, value, pointer);
    if (const auto* array = value.if_array()) check_array(schema, *array, pointer);
    if (const auto* object = value.if_object()) check_object(schema, *object, pointer);
    check_composition(schema, value, pointer);
  }

 private:
  void say(const std::string& pointer, std::string message) { problems_.push_back({pointer, std::move(message)}); }

  bool check_type(const Value& schema, const Value& value, const std::string& pointer) {
    std::vector<std::string> types = texts_at(schema, "/type");
    if (const auto type = text_at(schema, "/type")) types.push_back(*type);
    if (is_true(schema, "x-kubernetes-int-or-string")) types = {"integer", "string"};
    const std::string_view actual = type_of(value);
    const bool fits = types.empty() || std::any_of(types.begin(), types.end(), [&](const std::string& type) {
                        return type == actual || (type == "number" && actual == "integer");
                      });
    if (fits) return true;
    std::vector<std::string> spoken;
    for (const std::string& type : types) spoken.emplace_back(spoken_type(type));
    std::string hint;
    if (types.front() == "string" && (value.is_number() || value.is_bool())) hint = "; put it in quotes";
    if (types.front() != "string" && value.is_string() && !value.get_string().empty() && types.size() == 1 &&
        types.front() != "array" && types.front() != "object")
      hint = "; write it without quotes if it is one";
    if (value.is_null()) {
      say(pointer, fmt::format("has no value, but must be {}; remove the field or give it one", join(spoken, " or ")));
    } else {
      say(pointer,
          fmt::format("{} is {}, but must be {}{}", shown(value), spoken_type(actual), join(spoken, " or "), hint));
    }
    return false;
  }

  void check_choice(const Value& schema, const Value& value, const std::string& pointer) {
    if (const Value* constant = member(schema, "const"); constant != nullptr && *constant != value)
      say(pointer, fmt::format("{} must be {}", shown(value), shown(*constant)));
    const Value* choices = member(schema, "enum");
    if (choices == nullptr || !choices->is_array()) return;
    const Array& allowed = choices->get_array();
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
    std::vector<std::string> names, listed;
    for (const Value& choice : allowed) {
      if (choice.is_string()) names.emplace_back(choice.get_string());
      if (listed.size() < kAlternatives) listed.push_back(choice.is_string() ? names.back() : shown(choice));
    }
    if (allowed.size() > kAlternatives) listed.emplace_back("...");
    const std::string hint = value.is_string() ? did_you_mean(std::string(value.get_string()), names) : std::string();
    say(pointer, fmt::format("{} is not one of {}{}", shown(value), join(listed, ", "), hint));
  }

  void check_text(const Value& schema, std::string_view text, const std::string& pointer) {
    const std::size_t length = code_points(text);
    const Value whole(text);
    if (const auto least = number_in(member(schema, "minLength")); least && static_cast<double>(length) < *least)
      say(pointer, length == 0
                       ? std::string("must not be empty")
                       : fmt::format("{} has {} characters, but must have at least {}", shown(whole), length, *least));
    if (const auto most = number_in(member(schema, "maxLength")); most && static_cast<double>(length) > *most)
      say(pointer, fmt::format("{} has {} characters, but at most {} are allowed", shown(whole), length, *most));
    if (const auto pattern = text_at(schema, "/pattern"); pattern && !text.empty()) {
      RE2::Options options;
      options.set_log_errors(false);
      const RE2 expression(*pattern, options);
      const std::string purpose = first_sentence(schema);
      if (!RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), expression))
        say(pointer, fmt::format("{} does not match {}{}", shown(whole), *pattern,
                                 purpose.empty() ? "" : fmt::format(" ({})", purpose)));
    }
    if (const auto format = text_at(schema, "/format"); format && !has_format(*format, text))
      say(pointer, fmt::format("{} is not a valid {}", shown(whole), *format));
  }

  void check_number(const Value& schema, const Value& value, const std::string& pointer) {
    const double number = value.to_number<double>();
    const auto bound = [&](std::string_view keyword, auto holds, std::string_view wording) {
      const auto limit = number_in(member(schema, keyword));
      if (limit && !holds(number, *limit)) say(pointer, fmt::format("{} must be {} {}", shown(value), wording, *limit));
    };
    const bool open_low = is_true(schema, "exclusiveMinimum"), open_high = is_true(schema, "exclusiveMaximum");
    bound(
        "minimum", [=](double x, double y) { return open_low ? x > y : x >= y; }, open_low ? "more than" : "at least");
    bound(
        "maximum", [=](double x, double y) { return open_high ? x < y : x <= y; }, open_high ? "less than" : "at most");
    bound("exclusiveMinimum", std::greater<>(), "more than");
    bound("exclusiveMaximum", std::less<>(), "less than");
    bound(
        "multipleOf", [](double x, double y) { return std::remainder(x, y) == 0; }, "a multiple of");
  }

  void check_count(const Value& schema, std::size_t count, std::string_view least, std::string_view most,
                   std::string_view what, const std::string& pointer) {
    if (const auto bound = number_in(member(schema, least)); bound && static_cast<double>(count) < *bound)
      say(pointer, fmt::format("has {} {}, but must have at least {}", count, what, *bound));
    if (const auto bound = number_in(member(schema, most)); bound && static_cast<double>(count) > *bound)
      say(pointer, fmt::format("has {} {}, but at most {} are allowed", count, what, *bound));
  }

  void check_array(const Value& schema, const Array& array, const std::string& pointer) {
    check_count(schema, array.size(), "minItems", "maxItems", "items", pointer);
    const Value* items = member(schema, "items");
    for (std::size_t i = 0; items != nullptr && i < array.size(); ++i) {
      if (items->is_array() && i >= items->get_array().size()) break;
      look(items->is_array() ? items->get_array()[i] : *items, array[i], fmt::format("{}/{}", pointer, i));
    }
  }

  void check_object(const Value& schema, const Object& object, const std::string& pointer) {
    check_count(schema, object.size(), "minProperties", "maxProperties", "members", pointer);
    const Value* properties = member(schema, "properties");
    const Value* additional = member(schema, "additionalProperties");
    const Value* names_schema = member(schema, "propertyNames");
    const bool closed = properties != nullptr && additional == nullptr && structural_ &&
                        !is_true(schema, "x-kubernetes-preserve-unknown-fields");
    std::vector<std::string> known;
    if (properties != nullptr && properties->is_object())
      for (const auto& property : properties->get_object()) known.emplace_back(property.key());
    for (const std::string& required : texts_at(schema, "/required"))
      if (!object.contains(required)) say(pointer, fmt::format("the field \"{}\" is missing", required));
    for (const auto& [key, value] : object) {
      const std::string below = pointer + '/' + pointer_token(key);
      if (names_schema != nullptr) look(*names_schema, Value(key), below);
      if (const Value* property = properties == nullptr ? nullptr : member(*properties, key)) {
        look(*property, value, below);
      } else if (closed || (additional != nullptr && additional->is_bool() && !additional->get_bool())) {
        say(below, fmt::format("unknown field \"{}\"{}", printable(key), did_you_mean(key, known)));
      } else if (additional != nullptr) {
        look(*additional, value, below);
      }
    }
  }

  bool holds(const Value& schema, const Value& value) {
    std::vector<Problem> problems;
    Explainer inner(problems, false);
    inner.look(schema, value, "");
    return problems.empty();
  }

  // The names of branches that each only ask for one member: the usual "exactly one of".
  static std::vector<std::string> required_names(const Array& branches) {
    std::vector<std::string> names;
    for (const Value& branch : branches) {
      const auto required = texts_at(branch, "/required");
      if (required.size() != 1 || branch.as_object().size() != 1) return {};
      names.push_back(fmt::format("\"{}\"", required.front()));
    }
    return names;
  }

  void check_composition(const Value& schema, const Value& value, const std::string& pointer) {
    if (const Value* all = member(schema, "allOf"); all != nullptr && all->is_array())
      for (const Value& branch : all->get_array()) look_inside(branch, value, pointer);
    if (const Value* any = member(schema, "anyOf"); any != nullptr && any->is_array())
      check_branches(any->get_array(), value, pointer, false);
    if (const Value* one = member(schema, "oneOf"); one != nullptr && one->is_array())
      check_branches(one->get_array(), value, pointer, true);
    if (const Value* excluded = member(schema, "not"); excluded != nullptr && holds(*excluded, value)) {
      const auto required = texts_at(*excluded, "/required");
      say(pointer, required.empty()       ? fmt::format("{} is what the schema excludes", shown(value))
                   : required.size() == 1 ? fmt::format("must not have \"{}\"", required.front())
                                          : fmt::format("must not have {} together", join(required, ", ")));
    }
    if (const Value* condition = member(schema, "if")) {
      const Value* then = member(schema, holds(*condition, value) ? "then" : "else");
      if (then != nullptr) look_inside(*then, value, pointer);
    }
  }

  // A branch that only says when another one does not apply: values of members, and which are there.
  static bool is_condition(const Value& branch) {
    if (!branch.is_object()) return false;
    for (const auto& [key, schema] : branch.get_object()) {
      if (key == "required" || key == "not") continue;
      if (key != "properties" || !schema.is_object()) return false;
      for (const auto& property : schema.get_object())
        if (member(property.value(), "enum") == nullptr || property.value().as_object().size() != 1) return false;
    }
    return true;
  }

  // "Unless this, or this, that": what is wrong is that, and why it is asked for.
  void say_requirement(const Array& branches, const Value& value, const std::string& pointer) {
    std::vector<Problem> problems;
    Explainer(problems, false).look(branches.back(), value, "");
    std::vector<std::string> reasons;
    for (std::size_t i = 0; i + 1 < branches.size(); ++i) {
      const Value* properties = member(branches[i], "properties");
      if (properties == nullptr) continue;
      for (const auto& property : properties->as_object())
        if (const Value* there = member(value, property.key()))
          reasons.push_back(fmt::format("{} is {}", std::string_view(property.key()), shown(*there)));
    }
    const std::string why = reasons.empty() ? "" : fmt::format(", because {}", join(reasons, " and "));
    for (Problem& problem : problems) say(pointer + problem.pointer, problem.message + why);
  }

  void look_inside(const Value& schema, const Value& value, const std::string& pointer) {
    Explainer inner(problems_, false);  // branches name some fields, not all
    inner.look(schema, value, pointer);
  }

  void check_branches(const Array& branches, const Value& value, const std::string& pointer, bool exactly_one) {
    const auto count = std::count_if(branches.begin(), branches.end(), [&](const Value& b) { return holds(b, value); });
    if (count == 1 || (count > 1 && !exactly_one)) return;
    const std::string_view wanted = exactly_one ? "exactly one" : "at least one";
    if (const auto names = branches.empty() ? std::vector<std::string>() : required_names(branches); !names.empty()) {
      std::vector<std::string> given;
      for (const std::string& name : names)
        if (value.is_object() && value.get_object().contains(name.substr(1, name.size() - 2))) given.push_back(name);
      return say(pointer,
                 fmt::format("needs {} of {}; {}", wanted, join(names, ", "),
                             given.empty() ? "none is given" : fmt::format("given are {}", join(given, " and "))));
    }
    if (count == 0 && branches.size() == 1) return look_inside(branches.front(), value, pointer);
    if (!exactly_one && std::all_of(branches.begin(), branches.end() - 1, is_condition))
      return say_requirement(branches, value, pointer);
    say(pointer, fmt::format("{} fits {} of the {} allowed forms, but must fit {}", shown(value), count,
                             branches.size(), wanted));
  }

  std::vector<Problem>& problems_;
  bool structural_;
};

}  // namespace

std::string shown(const Value& value) {
  std::string text = boost::json::serialize(value);
  if (text.size() > kShown) text = std::string(beginning(text, kShown)) + "...";
  return printable(text);
}

std::vector<Problem> explain(const Value& schema, const Value& value, bool structural) {
  std::vector<Problem> problems;
  Explainer(problems, structural).look(schema, value, "");
  return problems;
}

}  // namespace plumb::schema
