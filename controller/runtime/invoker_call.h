#pragma once

#include "controller/runtime/invoker_live.h"

// For invoker.cpp only.
namespace plumb::runtime {

// What is to be sent, before anybody authorised it.
struct CallPlan {
  std::shared_ptr<const Live> live;
  HttpRequest request;
  bool authorised = false;  // the credentials go with it
  Duration timeout{};       // of everything together
  std::string operation{}, request_id{}, actor{};
};

// Sees one call through to its end: turn, circuit breaker, route, credentials, request, and again where that helps.
// Holds all that it needs, so that it ends with what it began with.
void run_call(std::shared_ptr<const InvokerParts> parts, CallPlan plan, Invoker::Done done);

// "GET https://api.example/pets?limit=3&api_key=***"
std::string request_line(const HttpRequest& request, const SecretPlaces& places);

}  // namespace plumb::runtime
