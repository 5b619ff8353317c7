#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/synchronized.h"
#include "controller/model/resource.h"
#include "controller/ports/event_loop.h"
#include "controller/ports/sign_in.h"
#include "controller/runtime/attempt_limit.h"

namespace plumb::runtime {

// A Directory whose people may sign in.
struct SignInDirectory {
  ResourceKey key;
  std::shared_ptr<SignIn> sign_in;  // null: it is not there now
  std::string problem;              // why not
  std::vector<std::string> login_attributes, base_dns;
  Duration token_lifetime = std::chrono::hours(8);
  // In front of the names of its people and groups, where they are not alone: "corp/". Ends with what no name has in
  // it.
  std::string prefix;
  int wrong_passwords = 3;  // in a row for one account; less than what the domain locks it for
};

struct SignInAttempt {
  std::string login;
  std::shared_ptr<const Secret> password;
  std::string directory;  // "namespace/name"; empty: the only one
  std::string network;    // where it comes from, as attempts are counted by
};

struct SignInOutcome {
  enum class Kind {
    signed_in,
    refused,        // for a reason that only who knows the password is told
    wrong,          // for any other; nothing more is told
    too_many,       // wrong ones before, from that address or for that name
    not_served,     // there is no such Directory, or none
    which,          // there are several, and none was named
    busy,           // others are being signed in
    not_available,  // the directory could not be asked
  };
  Kind kind = Kind::not_available;
  std::string message;              // for whoever tries
  std::string record;               // for the audit log; empty: nothing that is worth one
  ResourceKey directory;            // where one was asked
  std::string user;                 // signed_in: with the prefix; else the account that was tried, if there is one
  std::vector<std::string> groups;  // signed_in: names with the prefix
  std::string display_name;
  Duration lifetime{};     // signed_in: of the token
  Duration retry_after{};  // too_many, busy
};

struct SignInsOptions {
  std::size_t at_once = 2;  // threads
  std::size_t waiting = 16;
  Duration longest = std::chrono::seconds(20);  // of one attempt; as long may it wait before
  int wrong_by_address = 20;                    // of any account
  Duration address_window = std::chrono::minutes(10);
};

// Signs people in by the Directories of `publish`, on threads of its own that begin with the first attempt. What can be
// tried is limited by address, by what was typed, and by the account that is found for it, whatever name was typed: so
// nobody has an account locked out in the domain by trying here. A name that nobody has costs the same work, and is
// limited the same, as a wrong password.
class SignIns {
 public:
  // Both must outlive it. Its end waits for attempts under way; what waits is dropped.
  SignIns(EventLoop& loop, const Clock& clock, SignInsOptions options = {});
  ~SignIns();
  SignIns(const SignIns&) = delete;
  SignIns& operator=(const SignIns&) = delete;

  using Directories = std::vector<SignInDirectory>;
  // From now on. Thread-safe. Of those with the same prefix none is served: their names could not be told apart.
  void publish(Directories directories);

  using Done = std::function<void(SignInOutcome)>;
  // On the loop's thread, which `done` is called on.
  void begin(SignInAttempt attempt, Done done);
  // The same on this thread, which it blocks.
  SignInOutcome try_now(const SignInAttempt& attempt);

 private:
  struct Waiting {
    SignInAttempt attempt;
    Done done;
    SteadyTime since;
  };
  void work();
  std::shared_ptr<const SignInDirectory> choose(const std::string& name, SignInOutcome& otherwise) const;
  SignInOutcome try_in(const SignInDirectory& directory, const SignInAttempt& attempt);
  SignInOutcome not_available(const SignInDirectory& directory, const std::string& why);

  EventLoop& loop_;
  const Clock& clock_;
  const SignInsOptions options_;
  AttemptLimit by_network_, by_login_, by_account_;
  Synchronized<std::vector<std::shared_ptr<const SignInDirectory>>> directories_;
  Synchronized<std::map<ResourceKey, SteadyTime>> told_;  // when it was recorded that a directory cannot be asked

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Waiting> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;  // last: they work on the others
};

}  // namespace plumb::runtime
