#pragma once

#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/net/http_client.h"
#include "controller/net/loop.h"

namespace plumb::app {

// Requests to an address that the operator named on the command line: the egress rules, which are for what manifests
// name, have no say. One caller at a time; calls block.
class OperatorWay {
 public:
  // `ca`: PEM of the authorities that vouch for it; empty: the system's.
  explicit OperatorWay(const std::string& ca);
  ~OperatorWay();
  OperatorWay(const OperatorWay&) = delete;
  OperatorWay& operator=(const OperatorWay&) = delete;

  Result<HttpResponse> call(HttpRequest request, Deadline deadline);

 private:
  RealClock clock_;
  net::Loop loop_;
  net::HttpClient client_;
  std::shared_ptr<const HttpRoute> route_;
};

// The content of a PEM file that `option` names; empty where `file` is.
Result<std::string> authorities_in(const std::string& option, const std::string& file);

}  // namespace plumb::app
