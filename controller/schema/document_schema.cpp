#include "controller/schema/compiled.h"
#include "controller/schema/explain.h"
#include "controller/schema/registry.h"

namespace plumb::schema {
namespace {

// valijson takes what is no schema for one that allows everything.
Result<void> check_form(const Value& schema) {
  if (!schema.is_object() && !schema.is_bool()) return fail(Fault::invalid, "a schema must be a mapping");
  if (const Value* ref = at(schema, "/$ref"); ref != nullptr && ref->is_string() && !ref->get_string().starts_with("#"))
    return fail(Fault::invalid, "$ref {}: only references within the schema (#/definitions/...) are followed",
                shown(*ref));
  if (const auto* object = schema.if_object())
    for (const auto& [key, value] : *object)
      if (value.is_object() && key != "const" && key != "default") PLUMB_CHECK(check_form(value));
  return {};
}

}  // namespace

struct DocumentSchema::State {
  Value schema;
  Compiled compiled;
};

DocumentSchema::DocumentSchema(std::unique_ptr<State> state) : state_(std::move(state)) {}
DocumentSchema::~DocumentSchema() = default;
DocumentSchema::DocumentSchema(DocumentSchema&&) noexcept = default;
DocumentSchema& DocumentSchema::operator=(DocumentSchema&&) noexcept = default;

Result<DocumentSchema> DocumentSchema::compile(const Value& schema) {
  PLUMB_CHECK(check_form(schema));
  PLUMB_TRY(auto compiled, Compiled::make(schema));
  return DocumentSchema(std::make_unique<State>(State{schema, std::move(compiled)}));
}

std::vector<Problem> DocumentSchema::check(const Value& document) const {
  if (state_->compiled.accepts(document)) return {};
  auto problems = explain(state_->schema, document, false);
  if (problems.empty()) problems = state_->compiled.complaints(document);
  if (problems.empty()) problems.push_back({"", "does not fit the schema"});
  return problems;
}

}  // namespace plumb::schema
