#pragma once

#include <string>
#include <utility>
#include <vector>

#include "controller/model/value.h"

namespace plumb::openapi {

// What was received, for the normalised form of FEATURES table J.
struct Received {
  std::string method;  // as sent
  std::string url;     // as sent, secrets masked
  int status = 0;
  std::string reason{};  // empty: IANA's phrase is taken
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
};

// {ok, method, url, status, statusText, headers, body | text + parseError}, in that order (J3 to J15).
Value normalised(const Received& received);

}  // namespace plumb::openapi
