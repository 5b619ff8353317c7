#pragma once

#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/model/value.h"
#include "controller/net/http_message.h"

namespace plumb::api {

net::Response json_answer(int status, const Value& value);
// As Kubernetes answers what went wrong (meta/v1 Status). `details` may be null.
net::Response problem(int status, std::string_view message, Value details = {});
// The status of a call that could not be made.
int status_of(Fault fault);

}  // namespace plumb::api
