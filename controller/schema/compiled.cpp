#include "controller/schema/compiled.h"

#include <algorithm>

#include <re2/re2.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wrestrict"  // false alarm of g++ 12 on `"[" + text` in valijson (GCC bug 105651)
#endif
#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/constraint_builder.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "controller/base/clock.h"

static_assert(VALIJSON_USE_EXCEPTIONS, "without it, valijson aborts on every schema error");

namespace plumb::schema {
namespace {

using valijson::adapters::BoostJsonAdapter;

constexpr std::string_view kPattern = "x-plumb-pattern";
constexpr std::string_view kFormat = "x-plumb-format";

// A constraint on texts that valijson does not have. `Test` is copyable and answers for one text.
template <class Test>
class TextConstraint final : public valijson::constraints::PolyConstraint {
 public:
  explicit TextConstraint(Test test) : test_(std::move(test)) {}

  bool validate(const valijson::adapters::Adapter& target, const std::vector<std::string>& context,
                valijson::ValidationResults* results) const override {
    std::string text;
    if (!target.isString() || !target.asString(text)) return true;
    if (test_(text)) return true;
    if (results != nullptr) results->pushError(context, test_.complaint());
    return false;
  }

 private:
  valijson::constraints::Constraint* cloneInto(void* memory) const override {
    return new (memory) TextConstraint(*this);
  }
  std::size_t sizeOf() const override { return sizeof(TextConstraint); }

  Test test_;
};

struct PatternTest {
  std::shared_ptr<const RE2> expression;
  bool operator()(const std::string& text) const { return RE2::PartialMatch(text, *expression); }
  std::string complaint() const { return fmt::format("does not match the pattern {}", expression->pattern()); }
};

struct FormatTest {
  std::string format;
  bool operator()(const std::string& text) const { return has_format(format, text); }
  std::string complaint() const { return fmt::format("is not of the format {}", format); }
};

std::shared_ptr<const RE2> compile_pattern(const std::string& pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  auto expression = std::make_shared<const RE2>(pattern, options);
  if (!expression->ok())
    throw std::runtime_error(fmt::format("the pattern {} cannot be read by RE2: {}", pattern, expression->error()));
  return expression;
}

class PatternBuilder final : public valijson::ConstraintBuilder {
  valijson::constraints::Constraint* make(const valijson::adapters::Adapter& pattern) const override {
    return new TextConstraint<PatternTest>({compile_pattern(pattern.asString())});
  }
};
class FormatBuilder final : public valijson::ConstraintBuilder {
  valijson::constraints::Constraint* make(const valijson::adapters::Adapter& format) const override {
    return new TextConstraint<FormatTest>({format.asString()});
  }
};

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Value renamed(const Value& schema);

Value renamed_members(const Value& schemas) {
  if (!schemas.is_object()) return schemas;
  Object result;
  for (const auto& member : schemas.get_object()) result.emplace(member.key(), renamed(member.value()));
  return result;
}

// The schema with the names of our own constraints; also below, wherever a schema may stand.
Value renamed(const Value& schema) {
  if (const auto* list = schema.if_array()) {
    Array result;
    for (const Value& item : *list) result.push_back(renamed(item));
    return result;
  }
  if (!schema.is_object()) return schema;
  Object result;
  for (const auto& [key, value] : schema.get_object()) {
    if (key == "patternProperties")  // valijson would compile a std::regex for every document
      throw std::runtime_error("patternProperties is not supported; use propertyNames");
    if (key == "pattern" || key == "format") {
      if (!value.is_string()) throw std::runtime_error(fmt::format("{} must be a text", std::string_view(key)));
      result.emplace(key == "pattern" ? kPattern : kFormat, value);
    } else if (is_one_of(key, {"properties", "definitions", "dependencies"})) {
      result.emplace(key, renamed_members(value));
    } else if (is_one_of(key, {"additionalProperties", "items", "additionalItems", "not", "if", "then", "else",
                               "contains", "propertyNames", "allOf", "anyOf", "oneOf"})) {
      result.emplace(key, renamed(value));
    } else if (!is_one_of(key, {"description", "title", "default", "examples", "$comment"})) {
      result.emplace(key, value);
    }
  }
  return result;
}

// ["<root>", "[spec]", "[members]", "[1]"] as a pointer.
std::string pointer_of(const std::vector<std::string>& context) {
  std::string pointer;
  for (const std::string& part : context)
    if (part.size() >= 2 && part.front() == '[')
      pointer.append(1, '/').append(pointer_token(part.substr(1, part.size() - 2)));
  return pointer;
}

// "Failed to validate against schema ..." only repeats that something further in is wrong.
bool is_repetition(std::string_view complaint) {
  return complaint.starts_with("Failed to validate against schema ass");
}

}  // namespace

bool has_format(std::string_view format, std::string_view text) {
  const bool has_time = text.find_first_of("Tt ") != text.npos;
  if (format == "date-time") return has_time && parse_time(text).has_value();
  if (format == "date") return !has_time && parse_time(text).has_value();
  if (format == "duration") return parse_duration(text).has_value();
  return true;
}

struct Compiled::State {
  valijson::Schema schema;
};

Compiled::Compiled(std::unique_ptr<State> state) : state_(std::move(state)) {}
Compiled::~Compiled() = default;
Compiled::Compiled(Compiled&&) noexcept = default;
Compiled& Compiled::operator=(Compiled&&) noexcept = default;

Result<Compiled> Compiled::make(const Value& schema) {
  try {
    const Value ready = renamed(schema);
    auto state = std::make_unique<State>();
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.addConstraintBuilder(std::string(kPattern), new PatternBuilder);
    parser.addConstraintBuilder(std::string(kFormat), new FormatBuilder);
    parser.populateSchema(BoostJsonAdapter(ready), state->schema);
    return Compiled(std::move(state));
  } catch (const std::exception& error) {
    return fail(Fault::invalid, "{}", error.what());
  }
}

bool Compiled::accepts(const Value& document) const {
  try {
    valijson::Validator validator;
    return validator.validate(state_->schema, BoostJsonAdapter(document), nullptr);
  } catch (const std::exception&) {
    return false;
  }
}

std::vector<Problem> Compiled::complaints(const Value& document) const {
  std::vector<Problem> problems;
  try {
    valijson::Validator validator;
    valijson::ValidationResults results;
    validator.validate(state_->schema, BoostJsonAdapter(document), &results);
    for (const auto& error : results)
      if (!is_repetition(error.description)) problems.push_back({pointer_of(error.context), error.description});
  } catch (const std::exception& error) {
    problems.push_back({"", fmt::format("cannot be validated: {}", error.what())});
  }
  return problems;
}

}  // namespace plumb::schema
