#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "controller/adapters/ldap/connection.h"

namespace plumb::ldap {

// Before libldap is used for the first time: no ldap.conf, ldaprc or LDAP* variable has a say, and a server that goes
// away does not end the process. Does it once.
void prepare_process();

// Opens connections to one of several servers. The one last used comes first, then the others in order of preference;
// one that just failed to answer comes last for five minutes. One caller at a time.
class Connector {
 public:
  Connector(const Options& options, SecretStore& secrets, const Clock& clock)
      : options_(options), secrets_(secrets), clock_(clock) {}

  // Tries each server once. Fault::denied at the first that does not accept our credentials.
  Result<std::unique_ptr<Connection>> connect(Deadline deadline);
  // The server last used did not answer.
  void failed() { failed_[last_] = clock_.steady(); }

 private:
  std::vector<std::size_t> order();

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  const Options& options_;
  SecretStore& secrets_;
  const Clock& clock_;
  std::size_t last_ = kNone;                  // the server last used
  std::map<std::size_t, SteadyTime> failed_;  // servers that did not answer, and when
};

}  // namespace plumb::ldap
