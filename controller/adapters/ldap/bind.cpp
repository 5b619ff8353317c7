// How a connection signs in.
#include <sasl/sasl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "controller/adapters/ldap/connection.h"
#include "controller/adapters/ldap/faults.h"
#include "controller/base/text.h"

namespace plumb::ldap {
namespace {

// MIT Kerberos takes these from the environment only. One bind at a time in the process, and everything is put
// back; a memory credential cache keeps the user's own tickets out.
class KerberosEnvironment {
 public:
  explicit KerberosEnvironment(const Options& options) : lock_(mutex()) {
    static std::atomic<unsigned> number{0};
    set("KRB5_CLIENT_KTNAME", "FILE:" + options.keytab_file);
    set("KRB5CCNAME", fmt::format("MEMORY:plumbline-{}", number++));
    if (!options.krb5_config_file.empty()) set("KRB5_CONFIG", options.krb5_config_file);
  }
  ~KerberosEnvironment() {
    for (const auto& [name, was] : before_) {
      if (was)
        ::setenv(name.c_str(), was->c_str(), 1);
      else
        ::unsetenv(name.c_str());
    }
  }
  KerberosEnvironment(const KerberosEnvironment&) = delete;
  KerberosEnvironment& operator=(const KerberosEnvironment&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex only;
    return only;
  }
  void set(const std::string& name, const std::string& value) {
    const char* was = std::getenv(name.c_str());
    before_.emplace_back(name, was == nullptr ? std::nullopt : std::optional<std::string>(was));
    ::setenv(name.c_str(), value.c_str(), 1);
  }

  std::scoped_lock<std::mutex> lock_;
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

// GSSAPI asks nothing that could be answered.
int no_interaction(LDAP*, unsigned, void*, void* prompts) {
  for (auto* prompt = static_cast<sasl_interact_t*>(prompts); prompt->id != SASL_CB_LIST_END; ++prompt) {
    prompt->result = "";
    prompt->len = 0;
  }
  return LDAP_SUCCESS;
}

}  // namespace

Result<Outcome> Connection::bind_as(const std::string& name, const Secret& password, Deadline deadline) {
  if (!encrypted_) return fail(Fault::internal, "a simple bind is about to be sent in clear");
  // An empty password is an unauthenticated bind (RFC 4513, 5.1.2), which servers may answer with success.
  if (password.empty()) return fail(Fault::denied, "binding as {}: the password is empty", printable(name));
  berval credentials{password.size(), const_cast<char*>(password.reveal().data())};
  int id = 0;
  const int rc = ldap_sasl_bind(ldap_, name.c_str(), LDAP_SASL_SIMPLE, &credentials, nullptr, nullptr, &id);
  if (rc != LDAP_SUCCESS) return Failure(sending_failed(rc));
  PLUMB_TRY(const auto answer, next(id, deadline));
  return outcome(answer);
}

Result<void> Connection::bind_simple(SecretStore& secrets, Deadline deadline) {
  PLUMB_TRY(const auto password, secrets.fetch(options_.password_from));
  PLUMB_TRY(const Outcome result, bind_as(options_.username, password, deadline));
  if (result.code != LDAP_SUCCESS) return Failure(bind_fault(result.code, result.diagnostic, options_.username));
  return {};
}

Result<void> Connection::bind_kerberos(Deadline deadline) {
  if (::access(options_.keytab_file.c_str(), R_OK) != 0)
    return fail(Fault::invalid, "keytab {}: {}", printable(options_.keytab_file), std::strerror(errno));
  const KerberosEnvironment environment(options_);
  int id = 0, rc = LDAP_SASL_BIND_IN_PROGRESS;
  const char* mechanism = nullptr;
  Answer answer;
  while (rc == LDAP_SASL_BIND_IN_PROGRESS) {
    rc = ldap_sasl_interactive_bind(ldap_, nullptr, "GSSAPI", nullptr, nullptr, LDAP_SASL_QUIET, no_interaction,
                                    nullptr, answer.message.get(), &mechanism, &id);
    if (rc != LDAP_SASL_BIND_IN_PROGRESS) break;
    PLUMB_TRY(answer, next(id, deadline));
  }
  if (rc != LDAP_SUCCESS) {
    const std::string why = last_diagnostic();
    if (why.find("Cannot contact any KDC") != std::string::npos) return Failure(unreachable(host_, printable(why)));
    if (rc == LDAP_LOCAL_ERROR || rc == LDAP_INVALID_CREDENTIALS)
      return fail(Fault::denied, "binding as {} by Kerberos: {}", printable(options_.principal), printable(why));
    return Failure(bind_fault(rc, why, options_.principal));
  }
  char* name = nullptr;
  ber_len_t strength = 0;
  ldap_get_option(ldap_, LDAP_OPT_X_SASL_USERNAME, &name);
  const std::string bound = name == nullptr ? "" : name;
  ldap_memfree(name);
  if (!options_.principal.empty() && !equals_ignoring_case(bound, options_.principal))
    return fail(Fault::denied, "keytab {} is for {}, not for {}", printable(options_.keytab_file), printable(bound),
                printable(options_.principal));
  if (options_.tls == Options::Tls::none) {
    ldap_get_option(ldap_, LDAP_OPT_X_SASL_SSF, &strength);
    if (strength < 56) return fail(Fault::denied, "{} does not encrypt the connection", printable(host_));
    encrypted_ = true;
  }
  return {};
}

std::string Connection::last_diagnostic() const {
  char* text = nullptr;
  ldap_get_option(ldap_, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
  std::string copy = text == nullptr ? "" : text;
  ldap_memfree(text);
  return copy;
}

}  // namespace plumb::ldap
