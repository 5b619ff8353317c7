#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/model/resource.h"
#include "controller/ports/secret_reader.h"
#include "controller/ports/state_store.h"
#include "controller/ports/token_store.h"
#include "controller/runtime/registry.h"

// When the secrets of a Credential are read again although the rest of its manifest is the same (spec.rotation): at
// once where it has another `version`, and whenever `intervalSeconds` have passed.
namespace plumb::runtime {

struct Rotation {
  std::string version;  // empty: none is declared
  SystemTime last{};
  std::optional<SystemTime> next;  // nothing: there is no interval
  friend bool operator==(const Rotation&, const Rotation&) = default;
};
// What the state has of a Credential that declares a rotation; nothing: it declares none, or has not rotated yet.
Result<std::optional<Rotation>> read_rotation(StateStore& store, const ResourceKey& credential, const Value& spec);

// Drops what was got with a Credential when its rotation is due: secrets, what is in use of it, and tokens in the
// store. What a person signed in for is kept as far as nobody but that person could get it again: the access token goes
// and the refresh token stays; one without a refresh token goes with another version alone, never by the interval. The
// last rotation is in the state ("runtime/rotation/<namespace>/<name>"), so that one that fell due while nothing ran is
// made up for. On the loop's thread.
class Rotations {
 public:
  // Which must outlive it.
  struct Parts {
    StateStore& store;
    SecretReader& secrets;
    TokenStore& tokens;
    const Clock& clock;
    // What holds tokens of an Integration in memory lets go of them; see Authenticator::drop.
    std::function<void(const ResourceKey& integration)> drop;
  };
  explicit Rotations(Parts parts) : parts_(std::move(parts)) {}
  // What is declared from now on. To be told before those who work with it. True: something was rotated.
  bool publish(std::shared_ptr<const RegistryView> view);
  // Those whose interval is over. To be called from time to time.
  bool look();

 private:
  struct Known {
    std::string version;
    SystemTime last;
  };
  enum class Why { version, interval };
  void rotate(const Registered& credential, Why why);
  // That it is as of now.
  Known remember(const Registered& credential);
  void drop_token(const Value& credential, const std::string& name, Why why) const;
  void forget_removed();

  Parts parts_;
  std::shared_ptr<const RegistryView> view_;
  std::map<ResourceKey, Known> known_;
};

}  // namespace plumb::runtime
