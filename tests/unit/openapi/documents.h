#pragma once

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/openapi/model.h"
#include "controller/openapi/request.h"

// Small documents and what tests ask of them.
namespace plumb::openapi {

inline Value json(std::string_view text) { return boost::json::parse({text.data(), text.size()}); }

// A document of one version with `members` after its info.
inline Value document(std::string_view version, std::string_view members) {
  const std::string head = version == "2.0" ? R"("swagger": "2.0")" : fmt::format(R"("openapi": "{}")", version);
  return json(fmt::format(R"({{{}, "info": {{"title": "Pets", "version": "1"}}, {}}})", head, members));
}

// A 3.0 document whose only operation, GET `path`, has these members besides its operationId "op".
inline Value one_operation(std::string_view path, std::string_view members, std::string_view more = "") {
  return document("3.0.3", fmt::format(R"("paths": {{"{}": {{"get": {{"operationId": "op", {}}}}}}}{})", path, members,
                                       more.empty() ? "" : fmt::format(", {}", more)));
}

inline std::string told(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& d : diagnostics)
    text += fmt::format("{} {}: {}\n", d.severity == Severity::error ? "error" : "warning", d.path, d.message);
  return text;
}

inline std::shared_ptr<const Model> model_of(const Value& document) {
  Parsed parsed = parse_model(document);
  EXPECT_TRUE(parsed.model) << told(parsed.diagnostics);
  return parsed.model ? std::make_shared<const Model>(std::move(*parsed.model)) : nullptr;
}

// All that is said of a document that is refused.
inline std::string refusal(const Value& document) {
  const Parsed parsed = parse_model(document);
  EXPECT_FALSE(parsed.model) << "is accepted";
  return told(parsed.diagnostics);
}

inline std::string told(const std::vector<schema::Problem>& problems) {
  std::string text;
  for (const auto& problem : problems) text += fmt::format("{}: {}\n", problem.pointer, problem.message);
  return text;
}

}  // namespace plumb::openapi
