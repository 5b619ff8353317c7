#pragma once

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/openapi/model.h"

namespace plumb::openapi {

inline Value json(std::string_view text) { return boost::json::parse(text); }

// A document of OpenAPI 3.0 with these paths and components (the inside of the braces).
inline Value document(std::string_view paths, std::string_view components = "", std::string_view version = "3.0.3") {
  return json(fmt::format(R"({{"openapi": "{}", "info": {{"title": "T", "version": "1"}}, "paths": {{{}}},
                               "components": {{{}}}}})",
                          version, paths, components));
}

inline Model model_of(const Value& document) {
  Parsed parsed = parse_model(document);
  for (const Diagnostic& each : parsed.diagnostics) EXPECT_NE(each.severity, Severity::error) << to_string(each);
  return parsed.model ? std::move(*parsed.model) : Model();
}

// "/paths/~1pets/get: needs an operationId ..." for each problem, a line each.
inline std::string problems_of(const Value& document) {
  std::string all;
  for (const Diagnostic& each : parse_model(document).diagnostics) all += each.path + ": " + each.message + "\n";
  return all;
}

}  // namespace plumb::openapi
