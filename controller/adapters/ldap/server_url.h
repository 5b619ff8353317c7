#pragma once

#include <string>

#include "controller/adapters/ldap/ldap_directory.h"
#include "controller/base/result.h"

namespace plumb::ldap {

// The parts of "ldaps://host:636". Fault::invalid if it is none.
struct ServerUrl {
  bool ldaps = false;
  std::string host;
  int port = 0;
};
Result<ServerUrl> parse_server_url(const std::string& url);

// What cannot work or would not be safe, before anything is sent.
Result<void> check_options(const Options& options);

}  // namespace plumb::ldap
