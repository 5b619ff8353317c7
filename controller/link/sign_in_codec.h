#pragma once

#include <string>

#include "controller/base/result.h"
#include "controller/link/directory_codec.h"
#include "controller/ports/sign_in.h"

namespace plumb::link {

// SignIn (ports/sign_in.h) as one question: how the domain is reached, and who wants to be known. There are passwords
// in it: it is wiped after use.
struct SignInAsk {
  DirectoryOpening opening;
  SignInRequest request;
};
std::string encode(const DirectoryOpening& opening, const SignInRequest& request);
Result<SignInAsk> decode_sign_in(std::string_view payload);

// A refusal is an answer as well.
std::string encode_answer(const SignInAnswer& answer);
// An answer that cannot be read is one of a directory that could not be asked, after the password may have been tried.
SignInAnswer decode_sign_in_answer(std::string_view payload);

}  // namespace plumb::link
