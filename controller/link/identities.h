#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/link/greeting.h"
#include "controller/model/resource.h"
#include "controller/ports/state_store.h"

namespace plumb::link {

constexpr Duration kTokenLifetime = std::chrono::minutes(15), kLongestTokenLifetime = std::chrono::hours(24);

// Who an agent is to us: the key that it signs with, for one Connector.
struct Identity {
  std::string id;  // 32 hexadecimal digits
  ResourceKey connector;
  std::string public_key, next_key{};  // 32 bytes; `next_key` is good as well, and the only one once it was used
  std::uint64_t counter = 0;           // of the session that is or was the last; the next hello names it
  std::uint64_t pending = 0;           // that a welcome gave and the agent has not said it kept; 0: none
  std::string held{};                  // why nobody may use it until a person has decided; empty: it is good
  std::string token{};                 // id of the token it was made with, until the agent has said that it kept it
  SystemTime enrolled{}, renewed{};
  friend bool operator==(const Identity&, const Identity&) = default;
};

// A token that makes an identity, once: it belongs to the first key that came with it, and is used up once the agent
// with that key has said that it kept what it was given. So a link that breaks meanwhile costs nothing.
struct EnrolmentToken {
  std::string id;  // 16 hexadecimal digits; not secret
  ResourceKey connector;
  SystemTime created{}, expires{};
  std::string created_by{};
};

// Identities and tokens in the state: "connector/identity/<id>" and "connector/token/<id>". Of a token the state has
// the SHA-256 alone. Whatever is written raises "connector/changes", by which the hub of another process sees it within
// a second without reading all. One caller at a time.
class Identities {
 public:
  // Both must outlive it.
  Identities(StateStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  struct Created {
    EnrolmentToken token;
    Secret text;  // "plc_<id>_<secret>", shown once
  };
  // Fault::invalid for a lifetime beyond the longest.
  Result<Created> create_token(const ResourceKey& connector, Duration lifetime, const std::string& created_by);
  Result<std::vector<EnrolmentToken>> tokens() const;  // by expiry; expired ones too
  Result<void> revoke_token(const std::string& id);    // Fault::not_found
  // The token, if it may be used now. Fault::denied: it may not, whatever the reason.
  Result<EnrolmentToken> check_token(std::string_view text) const;
  // An identity with this key; the one that was made before, where the same key comes with it again. Fault::denied if
  // the token is another key's.
  Result<Identity> enrol(const EnrolmentToken& token, std::string_view public_key);
  // Saves it, in place of those that the connector had, and uses up its token.
  Result<void> confirm(Identity& identity);

  Result<std::optional<Identity>> find(const std::string& id) const;
  Result<std::vector<Identity>> all() const;
  // Fault::conflict if it was changed since it was found.
  Result<void> save(const Identity& identity);
  // Of a Connector: nobody is it any more, and its tokens are void. How many identities that were.
  Result<std::size_t> revoke(const ResourceKey& connector);
  // Another number than before: something was written, by whatever process.
  Result<std::uint64_t> changes() const;

  // Grows with every call, for ever: which hub came later.
  Result<std::uint64_t> next_epoch();

 private:
  Result<void> commit(std::vector<StateStore::Put> puts, std::vector<StateStore::Guard> guards);
  struct Found {
    Identity identity;
    std::uint64_t version = 0;
  };
  static std::optional<Identity> parse(const StateStore::Item& item);
  Result<std::vector<Identity>> of(const ResourceKey& connector) const;

  StateStore& store_;
  const Clock& clock_;
  mutable std::map<std::string, std::uint64_t> versions_;  // of what was found
};

}  // namespace plumb::link
