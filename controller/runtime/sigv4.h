#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/ports/http_sender.h"

// AWS Signature Version 4 ("Signing AWS API requests" of the IAM user guide), in the Authorization header. Pure.
namespace plumb::runtime {

struct AwsScope {
  std::string region, service;
};

struct AwsKeys {
  std::string_view access_key_id, secret_access_key;
  std::string_view session_token{};  // empty: none
};

// What differs among services.
struct AwsRules {
  bool normalize_path = true;   // "/a/../b//c" is signed as "/b/c"; not so for S3
  bool encode_path = true;      // what is sent is percent-encoded once more; not so for S3
  bool content_header = false;  // X-Amz-Content-Sha256; S3 needs it
};
AwsRules aws_rules(std::string_view service);

// Region and service of a host of AWS: "<service>.<region>.amazonaws.com[.cn]", "<id>.execute-api.<region>...", the
// forms of S3, and services that have one endpoint for all regions. Nothing where the host does not say.
std::optional<AwsScope> aws_scope_of(std::string_view host);

// Task 1 of the procedure; `request` has all headers that are signed but Host, which is that of its URL.
std::string aws_canonical_request(const HttpRequest& request, const AwsRules& rules);
// Puts X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-Sha256 and Authorization on the request.
void aws_sign(HttpRequest& request, const AwsKeys& keys, const AwsScope& scope, const AwsRules& rules, SystemTime now);

}  // namespace plumb::runtime
