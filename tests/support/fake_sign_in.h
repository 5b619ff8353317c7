#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controller/ports/sign_in.h"

namespace plumb::test {

// A directory whose people sign in, in memory. Thread-safe once its people are there.
class FakeSignIn final : public SignIn {
 public:
  struct Person {
    std::string account, password;
    std::vector<std::string> other_logins{};
    std::vector<std::string> groups{};
    std::optional<SignInRefusal> refusal{};  // of the right password
  };
  std::vector<Person> people;
  std::optional<NotSignedIn> down;       // every question
  std::optional<NotSignedIn> bind_lost;  // every password
  // Passwords that were tried, by account; of nobody at "".
  std::map<std::string, int> tried() const {
    const std::scoped_lock lock(mutex_);
    return tried_;
  }

  SignInAnswer sign_in(const SignInRequest& request, Deadline) override {
    const std::scoped_lock lock(mutex_);
    if (down) return tl::unexpected(*down);
    const Person* found = nullptr;
    for (const Person& each : people) {
      const bool is = each.account == request.login ||
                      std::ranges::find(each.other_logins, request.login) != each.other_logins.end();
      if (is) found = &each;
    }
    if (!request.find_only) {
      ++tried_[found == nullptr ? "" : found->account];
      if (bind_lost) return tl::unexpected(*bind_lost);
    }
    if (found == nullptr) return refuse(SignInRefusal::unknown_user);
    SignedIn who{.id = "id-" + found->account,
                 .dn = "CN=" + found->account,
                 .account = found->account,
                 .upn = found->account + "@ad.test",
                 .display_name = "The " + found->account,
                 .mail = ""};
    if (request.find_only) return who;
    if (request.password->reveal() != found->password) return refuse(SignInRefusal::wrong_password);
    if (found->refusal) return refuse(*found->refusal);
    for (const std::string& group : found->groups) who.groups.push_back({"CN=" + group, group});
    return who;
  }

 private:
  static SignInAnswer refuse(SignInRefusal refusal) {
    return tl::unexpected(NotSignedIn{refusal, Error{Fault::denied, "as the test says", {}}});
  }
  mutable std::mutex mutex_;
  std::map<std::string, int> tried_;
};

}  // namespace plumb::test
