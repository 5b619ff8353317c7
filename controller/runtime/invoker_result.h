#pragma once

#include <string>

#include "controller/runtime/invoker.h"

// For the files of Invoker only: what its results say.
namespace plumb::runtime {

// A string: the call could not be made.
Invoked refusal(Fault fault, std::string why);
Invoked refusal(const Error& error);

// "timeout after 200 ms: GET https://api.example/pets" (FEATURES E2), "GET https://...: TLS: certificate has expired".
std::string failure_text(const HttpFailure& failure, std::string_view request_line, Duration timeout);
std::string timeout_text(std::string_view request_line, Duration timeout);
// "connect: connection refused", for the record of an attempt.
std::string outcome_text(const HttpFailure& failure);
std::string outcome_text(const HttpResponse& response);

// An object: the target answered. `url` is masked already; so is what a Location header says of secrets.
Invoked answered(std::string method, std::string url, HttpResponse response, const SecretPlaces& places);
// A token endpoint, or where a key comes from, answered badly: its answer, with `phase` and `operation` (the request
// that it was for) at the end (FEATURES C40, J16). A string where it did not answer, or answered well with what is of
// no use: that answer may hold a token.
Invoked unauthorised(AuthFailure failure, std::string_view request_line);

// All that is wrong with arguments or settings in one text.
std::string text_of(const std::vector<schema::Problem>& problems);

}  // namespace plumb::runtime
