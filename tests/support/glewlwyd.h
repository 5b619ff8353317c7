#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

#include "controller/ports/http_sender.h"

namespace plumb::test {

// One exchange over a plain socket with a server on the loopback, for tests of what sends through an HttpSender.
// Blocks.
HttpSender::Answer exchange(const HttpRequest& request);

// A throwaway OpenID provider (see glewlwyd.py for its users and clients), ended with the object.
class Glewlwyd {
 public:
  // Empty: it can be started here. Else what is missing.
  static std::string missing();
  // Throws with what it said if it does not start.
  Glewlwyd();
  ~Glewlwyd();
  Glewlwyd(const Glewlwyd&) = delete;
  Glewlwyd& operator=(const Glewlwyd&) = delete;
  // "http://127.0.0.1:4593/api/oidc"
  std::string issuer() const;
  // "http://127.0.0.1:4593/api"
  std::string api() const;

 private:
  void stop();
  std::filesystem::path directory_;
  int port_ = 0, input_ = -1;
  pid_t pid_ = -1;
};

}  // namespace plumb::test
