#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/base/result.h"
#include "controller/openapi/model.h"

namespace plumb::openapi {

// A value as the parameter's style writes it (OpenAPI 3.0.3, "Style Values" and its examples). Fault::invalid where the
// style cannot hold the value: only deepObject and media types hold values within values.

// In place of "{name}" in a path; percent-encoded. Never empty, and never more than one segment.
Result<std::string> in_path(const Parameter& parameter, const Value& value);
// "name=a&name=b"; percent-encoded; empty where there is nothing to send.
Result<std::string> in_query(const Parameter& parameter, const Value& value);
// Not encoded; control characters are refused.
Result<std::string> in_header(const Parameter& parameter, const Value& value);
// Name and value of each cookie.
using Cookies = std::vector<std::pair<std::string, std::string>>;
Result<Cookies> in_cookie(const Parameter& parameter, const Value& value);

// A text, a number, a boolean or null as text: "3", "true", "".
Result<std::string> plain_text(const Value& value);

}  // namespace plumb::openapi
