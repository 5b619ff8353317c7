#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"

namespace plumb {

// A person who wants to be known by the password that the directory has of them.
struct SignInRequest {
  std::vector<std::string> login_attributes;  // in order: the first that anybody has `login` in decides
  std::vector<std::string> base_dns;          // where accounts are looked for
  std::string login;                          // as it was typed
  std::shared_ptr<const Secret> password;
  bool with_groups = false;
  // Nothing is tried: only who has that login is told. So whoever asks can count wrong passwords by account, which goes
  // by many names, before one more is sent to the directory.
  bool find_only = false;
};

struct SignedIn {
  struct Group {
    std::string dn, account;  // sAMAccountName
    friend auto operator<=>(const Group&, const Group&) = default;
  };
  std::string id;  // objectGUID
  std::string dn, account, upn, display_name, mail;
  std::vector<Group> groups{};  // nested ones and the primary group too; sorted
};

// Why the directory did not let them in; in brackets what Active Directory says for it.
enum class SignInRefusal {
  unknown_user,          // 525, or nobody has that login
  wrong_password,        // 52e
  not_now,               // 530: outside of the hours in which the account may sign in
  not_here,              // 531
  password_expired,      // 532
  disabled,              // 533
  account_expired,       // 701
  must_change_password,  // 773
  locked,                // 775
  restricted,            // 52f, 568: another rule of the account, or too many groups
  ambiguous,             // several accounts have that login
  empty_password,        // nothing was sent: servers take such a bind for an anonymous one (RFC 4513, 5.1.2)
};
// "wrong_password", for records.
constexpr std::string_view to_string(SignInRefusal refusal) {
  switch (refusal) {
    case SignInRefusal::unknown_user: return "unknown_user";
    case SignInRefusal::wrong_password: return "wrong_password";
    case SignInRefusal::not_now: return "not_now";
    case SignInRefusal::not_here: return "not_here";
    case SignInRefusal::password_expired: return "password_expired";
    case SignInRefusal::disabled: return "disabled";
    case SignInRefusal::account_expired: return "account_expired";
    case SignInRefusal::must_change_password: return "must_change_password";
    case SignInRefusal::locked: return "locked";
    case SignInRefusal::restricted: return "restricted";
    case SignInRefusal::ambiguous: return "ambiguous";
    case SignInRefusal::empty_password: return "empty_password";
  }
  return "";
}

struct NotSignedIn {
  std::optional<SignInRefusal> refusal;  // nothing: the directory could not be asked
  // What happened, for records and not for whoever tries. Fault::timeout: the password may have been tried.
  Error error;
};
using SignInAnswer = tl::expected<SignedIn, NotSignedIn>;

// How people are known by their password. Thread-safe; calls block until the deadline at most. The password is neither
// kept nor told. A login that nobody has takes the same work as a wrong password.
class SignIn {
 public:
  virtual ~SignIn() = default;
  virtual SignInAnswer sign_in(const SignInRequest& request, Deadline deadline) = 0;
};

}  // namespace plumb
