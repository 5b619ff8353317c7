#pragma once

#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/ports/sign_in.h"

// What a server's answer means to the caller.
namespace plumb::ldap {

// The error for a result code (RFC 4511, appendix A, or a negative one of libldap) and the server's diagnostic
// text, which is shortened and made printable. `attempted` says on what: "modify CN=...".
Error fault_of(int code, std::string_view diagnostic, std::string_view attempted);

// The error for a refused bind: the "data 52e" in Active Directory's text, in words.
Error bind_fault(int code, std::string_view diagnostic, std::string_view account);

// The same for a person: a refusal whose reason is not known is a wrong password.
SignInRefusal sign_in_refusal(std::string_view diagnostic);

// "noSuchObject (32)"
std::string code_name(int code);

// For a server that could not be reached at all.
Error unreachable(const std::string& host, std::string_view why);

}  // namespace plumb::ldap
