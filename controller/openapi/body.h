#pragma once

#include <string>

#include "controller/base/result.h"
#include "controller/openapi/model.h"

namespace plumb::openapi {

struct WrittenBody {
  std::string content_type;
  std::string bytes;
};

// A value in the form of its media type: JSON, urlencoded and multipart forms, texts; of any other type the value is a
// text with the bytes in base64. Fault::invalid says what does not fit.
Result<WrittenBody> written_body(const MediaType& media, const Value& value);

// "application/json", "application/problem+json; charset=utf-8"
bool is_json(std::string_view media_type);
// Without parameters, in lower case: "text/html; charset=x" is "text/html".
std::string essence_of(std::string_view media_type);

}  // namespace plumb::openapi
