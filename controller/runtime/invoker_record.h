#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/model/value.h"
#include "controller/ports/http_sender.h"

namespace plumb::runtime {

// What became of one call, for logs and metrics (FEATURES I7). Nothing in it is secret.
struct CallRecord {
  struct Attempt {
    std::string request_line;  // "GET https://api.example/pets?api_key=***"
    HttpHeaders headers{};     // masked; only where the integration's level is debug or below
    std::string outcome{};     // "503 Service Unavailable", "connect: connection refused"
    HttpTiming timing{};
  };
  ResourceKey integration;
  std::string operation;  // empty: a probe by HEAD
  std::string request_id, actor;
  std::string routing{};  // "direct", "cluster dmz, proxy squid:3128"
  std::vector<Attempt> attempts{};
  bool ok = false, reached = false;
  bool detailed = false;          // the integration's level is debug or below
  int status = 0;                 // of the last answer; 0: none
  Fault fault = Fault::internal;  // where `error` is not empty
  std::string error{};            // the string result
  Value result{};                 // what the caller is given, where it is not `ok`
  std::chrono::microseconds took{};
};

}  // namespace plumb::runtime
