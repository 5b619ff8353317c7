#include "controller/api/answers.h"

#include <boost/json/serialize.hpp>

namespace plumb::api {
namespace {

// Words of the Kubernetes API conventions for these status codes.
std::string_view reason_word(int status) {
  switch (status) {
    case 400: return "BadRequest";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "NotFound";
    case 405: return "MethodNotAllowed";
    case 409: return "Conflict";
    case 415: return "UnsupportedMediaType";
    case 429: return "TooManyRequests";
    case 503: return "ServiceUnavailable";
    case 504: return "Timeout";
    default: return "InternalError";
  }
}

// Nothing of an answer is to be run, framed, guessed at or kept.
const net::Headers kInert = {{"Cache-Control", "no-store"},
                             {"X-Content-Type-Options", "nosniff"},
                             {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"}};

}  // namespace

net::Response json_answer(int status, const Value& value) {
  return {
      .status = status, .body = boost::json::serialize(value), .content_type = "application/json", .headers = kInert};
}

net::Response problem(int status, std::string_view message, Value details) {
  Object body{{"kind", "Status"},
              {"apiVersion", "v1"},
              {"status", "Failure"},
              {"message", message},
              {"reason", reason_word(status)}};
  if (!details.is_null()) body["details"] = std::move(details);
  body["code"] = status;
  return json_answer(status, body);
}

int status_of(Fault fault) {
  switch (fault) {
    case Fault::invalid: return 400;
    case Fault::denied: return 403;
    case Fault::not_found: return 404;
    case Fault::conflict: return 409;
    case Fault::unavailable: return 503;
    case Fault::timeout: return 504;
    case Fault::internal: break;
  }
  return 500;
}

}  // namespace plumb::api
