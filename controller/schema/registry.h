#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/value.h"

namespace plumb::schema {

// One thing wrong with a document, at an RFC 6901 pointer into it.
struct Problem {
  std::string pointer;
  std::string message;
};

struct PrinterColumn {
  std::string name, type, json_path, description;
  int priority = 0;
};

// One kind at one version, as its CRD describes it.
struct KindInfo {
  std::string kind, plural, singular, group, version;
  std::vector<std::string> short_names, categories;
  std::string description;
  std::vector<PrinterColumn> columns;
};

// The kinds of this program, made from their CustomResourceDefinitions (apiextensions.k8s.io/v1).
// Immutable after construction; all const members are thread-safe.
class Registry {
 public:
  // Fault::invalid names what is wrong with which CRD.
  static Result<Registry> from_crds(const std::vector<Value>& crds);
  ~Registry();
  Registry(Registry&&) noexcept;
  Registry& operator=(Registry&&) noexcept;

  const std::vector<KindInfo>& kinds() const;  // sorted by kind
  // By kind, plural, singular or short name, whatever the case; null if there is none.
  const KindInfo* find(std::string_view name) const;

  // Everything wrong with the document, unknown fields included (with "did you mean"); sets defaults
  // where nothing is wrong. `document` is a whole manifest; an unknown kind or apiVersion is a Problem.
  std::vector<Problem> validate_and_default(Value& document) const;

  // The schema at "ADUser" or "ADUser.spec.initialPassword"; for `plumbline explain`. Kind by any name.
  Result<Value> schema_at(std::string_view path) const;

 private:
  struct State;
  explicit Registry(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A JSON Schema (draft 7, no remote references) that documents can be held against: policy rules.
// Thread-safe.
class DocumentSchema {
 public:
  static Result<DocumentSchema> compile(const Value& schema);
  ~DocumentSchema();
  DocumentSchema(DocumentSchema&&) noexcept;
  DocumentSchema& operator=(DocumentSchema&&) noexcept;
  std::vector<Problem> check(const Value& document) const;

 private:
  struct State;
  explicit DocumentSchema(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace plumb::schema
