#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ldap.h>

#include "controller/adapters/ldap/ldap_directory.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb::ldap {

// One answer of the server to one request.
struct Answer {
  struct Free {
    void operator()(LDAPMessage* message) const { ldap_msgfree(message); }
  };
  std::unique_ptr<LDAPMessage, Free> message;
  int id = 0;
  int type = 0;  // LDAP_RES_...
};

// The final result that an answer carries.
struct Outcome {
  int code = LDAP_OTHER;
  std::string diagnostic;
  std::string page_cookie;  // of the paged results control
  bool paged = false;       // whether that control was there
  std::string sync_cookie;  // of the DirSync control
  bool synced = false, sync_more = false;
};

// An open, authenticated connection to one server. Once a call fails with anything but an answer of the server,
// it is broken and must be thrown away. One caller at a time.
class Connection {
 public:
  // Tries one server: connects, makes it secure, binds. Fault::denied if the server does not accept our credentials.
  static Result<std::unique_ptr<Connection>> open(const Options& options, const std::string& url, SecretStore& secrets,
                                                  const Clock& clock, Deadline deadline);
  // The same without a bind: only made secure. What it says of itself is nobody's until `bind_as`.
  static Result<std::unique_ptr<Connection>> open_unbound(const Options& options, const std::string& url,
                                                          const Clock& clock, Deadline deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  LDAP* handle() const { return ldap_; }
  const std::string& host() const { return host_; }
  bool encrypted() const { return encrypted_; }
  // One request was sent.
  void count_request() const {
    if (options_.requests != nullptr) ++*options_.requests;
  }

  // A simple bind with a password that is not empty, over TLS alone: what the server answers, whatever that is.
  Result<Outcome> bind_as(const std::string& name, const Secret& password, Deadline deadline);

  // Whether the server has closed it while nothing was asked; no waiting.
  bool closed_by_server();
  // Waits for an answer to the request, or until `interrupt` (a descriptor) is readable: nothing then, and at the
  // deadline. Without a limit of its own: for a search that goes on for ever.
  Result<std::optional<Answer>> wait(int id, int interrupt, Deadline deadline);
  // The next answer to the request, or to any (LDAP_RES_ANY). Fault::timeout at `deadline`, or when nothing comes
  // for Options::operation_timeout; Fault::unavailable when the connection is gone.
  Result<Answer> next(int id, Deadline deadline);
  // Takes the final result out of an answer.
  Outcome outcome(const Answer& answer) const;
  // The error for a request that could not be sent.
  Error sending_failed(int code) const;

 private:
  Connection(const Options& options, const Clock& clock) : options_(options), clock_(clock) {}
  Result<void> connect(const std::string& url, Deadline deadline);
  // The answer that ldap_result gave, if there is one.
  Result<std::optional<Answer>> taken(int type, LDAPMessage* message) const;
  Result<void> configure();
  Result<void> secure(Deadline deadline);
  Result<void> bind_simple(SecretStore& secrets, Deadline deadline);
  Result<void> bind_kerberos(Deadline deadline);
  std::string last_diagnostic() const;

  const Options& options_;
  const Clock& clock_;
  LDAP* ldap_ = nullptr;
  int socket_ = -1;
  std::string host_;
  bool encrypted_ = false;
};

}  // namespace plumb::ldap
