#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/model/attribute.h"
#include "controller/model/drift.h"
#include "controller/model/resource.h"

namespace plumb {

// A natural name by which an object is known before its id is: unique in the target.
struct Identity {
  std::string attribute;  // "sAMAccountName", "distinguishedName"
  std::string value;
  friend auto operator<=>(const Identity&, const Identity&) = default;
};

// Another object, either declared (key) or known only to the target (handle, a DN).
struct Link {
  ResourceKey key;
  std::string handle;  // used where key is empty
  bool declared() const { return !key.kind.empty(); }
  friend auto operator<=>(const Link&, const Link&) = default;
};

// The wanted links of one attribute.
struct WantedLinks {
  std::vector<Link> links;
  // true: exactly these. false: at least these; a link goes only if it was added by us before.
  bool authoritative = false;
};

// Where an object should be: "CN=<name>" below a parent.
struct Place {
  std::string rdn_attribute;  // "CN", "OU"
  std::string name;
  Link parent;
};

// Something done once for each new token, and never compared with what the target holds.
struct OnceWrite {
  std::string name;          // "initialPassword", "unlock"
  std::string token;         // the declared generation; a new one asks for the write again
  bool at_creation = true;   // also part of creating the object
  bool on_adoption = false;  // false: adopting an object counts the token as done without writing
  // The attributes written, as they will be in the request. A value of a sensitive attribute is a
  // reference for the SecretStore ("env:NAME", "file:/path", "generate:..."), never a secret.
  Attributes writes;
  bool sensitive = false;
  // Tokens are numbers, and only a higher one asks for the write again: going back to an earlier revision
  // of the manifests does not.
  bool only_higher = false;
  // Written only if the live object differs from `writes` (unlock of an account that is not locked
  // is nothing to do).
  bool only_if_different = false;
};

enum class Adoption { never, adopt };

// What becomes of an object whose manifest went away.
struct Deletion {
  enum class Mode { disable, orphan, remove };
  Mode mode = Mode::disable;
  // For Mode::remove, each counted from the moment the removal was first seen.
  Duration strip_after{};       // links to it are taken away
  Duration quarantine_after{};  // moved to `quarantine`, where that is set
  Duration remove_after{};
  std::string quarantine;  // handle of the place; empty: stays where it is
  friend bool operator==(const Deletion&, const Deletion&) = default;
};

// What a resource asks of its target, in the target's terms. Pure function of the manifests.
struct Wanted {
  ResourceKey key;
  Identity identity;
  std::vector<Identity> also_unique;  // other names that nothing else may have (userPrincipalName)
  std::string pinned_id;              // the author named the object by id; empty: found by identity
  Adoption adoption = Adoption::never;
  std::optional<Place> place;
  Attributes attributes;     // owned: compared, and cleared when dropped later
  Attributes creation_only;  // sent when the object is made, not owned afterwards
  std::map<std::string, WantedLinks, IgnoreCase> links;
  std::vector<OnceWrite> once;
  Deletion deletion;
  DriftRules drift;
  std::vector<ResourceKey> needs;  // must exist before this can be created or changed
  std::string problem;             // not empty: cannot be applied as declared, and why
  std::string creation_problem;    // not empty: cannot be created (an existing one can be changed)
  std::string digest;              // of the resource, and all else that it was projected from
  Location at;
};

}  // namespace plumb
