#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/ports/state_store.h"

namespace plumb::runtime {

// A token of a service account, or of a person who signed in, as it is known afterwards.
struct AccessToken {
  std::string id;       // 16 hexadecimal digits; not secret
  std::string account;  // the service account, or the person
  bool admin = false;   // may everything that the API offers
  std::string description{};
  std::string created_by{};
  SystemTime created{}, expires{};
  std::string kind = "ServiceAccount";  // or "User"; as in RoleBinding's subjects
  std::vector<std::string> groups{};    // of a User, when the token was made
};

constexpr Duration kTokenLifetime = std::chrono::days(90), kLongestTokenLifetime = std::chrono::days(365);

// Tokens of the HTTP API: "plb_<id>_<secret>" with a secret of 256 random bits, of which the state has the SHA-256 at
// "runtime/access-token/<id>". A slow hash would protect nothing that has so many bits. One caller at a time; what
// another process creates or revokes is seen within a second.
class AccessTokens {
 public:
  // Both must outlive it.
  AccessTokens(StateStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  struct Wish {
    std::string account;
    Duration lifetime = kTokenLifetime;
    bool admin = false;
    std::string description{};
    std::string created_by{};
    std::string kind = "ServiceAccount";  // or "User", which is no admin
    std::vector<std::string> groups{};
  };
  struct Created {
    AccessToken token;
    Secret text;  // shown once
  };
  // Fault::invalid for an account that is no name, a lifetime beyond the longest, or a description that is not UTF-8.
  // A token of a User takes the place of what has expired of all, and of the person's oldest beyond ten.
  Result<Created> create(const Wish& wish);
  // By expiry; expired ones too.
  Result<std::vector<AccessToken>> list() const;
  // Fault::not_found if there is none.
  Result<void> revoke(const std::string& id);

  // Whose token it is. Nothing: nobody's, or it was revoked or has expired; which of these is not told to who asks.
  std::optional<AccessToken> verify(std::string_view text);

 private:
  struct Record {
    AccessToken token;
    std::string hash;
  };
  static std::optional<Record> parse(const StateStore::Item& item);
  void read_again();
  Result<std::vector<StateStore::Put>> outlived_by(const std::string& user) const;

  StateStore& store_;
  const Clock& clock_;
  std::map<std::string, Record, std::less<>> known_;
  std::optional<SteadyTime> read_at_;
};

}  // namespace plumb::runtime
