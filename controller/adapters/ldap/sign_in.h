#pragma once

#include <memory>

#include "controller/adapters/ldap/ldap_directory.h"
#include "controller/base/clock.h"
#include "controller/ports/secret_store.h"
#include "controller/ports/sign_in.h"

namespace plumb::ldap {

// Looks for the account as `options` sign in, and then binds as the account found, on a connection of its own to the
// same server. Over LDAPS or StartTLS alone: with Tls::none nothing is sent, and the error says so. The connection for
// looking is kept; `secrets` and `clock` must outlive it. Where the domain refuses the account that it looks with, it
// is not tried again for five minutes: whoever may try to sign in could else have it locked out.
// Groups are those of the account's token (tokenGroups), which is security groups only.
std::unique_ptr<SignIn> make_sign_in(Options options, SecretStore& secrets, const Clock& clock);

}  // namespace plumb::ldap
