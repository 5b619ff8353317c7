#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/model/attribute.h"
#include "controller/model/live.h"

namespace plumb {

// One entry of a directory. Binary attributes are given in their text form: objectGUID as
// "5f0c1a2b-...", objectSid as "S-1-5-...".
struct Entry {
  std::string id;  // objectGUID
  std::string dn;
  std::string version;    // uSNChanged
  Attributes attributes;  // only those asked for; an attribute without values is left out
};

// What to read: everything of some classes below some entries.
struct ReadScope {
  std::vector<std::string> bases;       // DNs; each must exist, and is itself part of the answer
  std::vector<std::string> classes;     // objectClass values; empty: all
  std::vector<std::string> attributes;  // besides objectGUID, objectClass and uSNChanged
};

// What changed since a cursor was made.
struct DirectoryChanges {
  std::vector<Entry> changed;        // as they are now, whole, wherever in the domain they are now
  std::vector<std::string> removed;  // ids of deleted objects; some may never have been seen
  std::string cursor;                // for the next call
};

// When one attribute of an object was last changed by whom, of the domain's replication metadata (MS-ADTS 3.1.1.1.9).
// Values of links are told one by one.
struct AttributeHistory {
  std::string attribute;      // by its LDAP name; "1.2.840..." or a number where that is not known
  std::string value;          // of a link that is kept value by value: the DN it names; else empty
  bool removed = false;       // that value was taken out then
  std::uint64_t version = 0;  // counts the changes
  SystemTime changed;         // of the last originating change, by that server's clock, in seconds
  std::string server;         // where it was made: the domain controller's name, or its invocationId where unknown
};

struct Modification {
  enum class Op { add, remove, replace };
  Op op = Op::replace;
  std::string attribute;
  std::vector<std::string> values;  // remove without values: all of them
  // In place of `values`: sent as the value, never printed. The adapter encodes unicodePwd.
  std::shared_ptr<const Secret> secret;
};

// One write. Modify, move and remove are addressed by id, never by name.
struct DirectoryWrite {
  enum class Kind { add, modify, move, remove };
  Kind kind = Kind::modify;
  std::string id;                     // empty for add
  std::string dn;                     // add: of the new entry; else where it is thought to be
  std::vector<Modification> changes;  // add: Op::add only, objectClass included
  std::string new_rdn;                // move: "CN=Jane Doe"
  std::string new_parent;             // move: DN; empty: stays below the same parent
};

// What the controller needs from an LDAP directory: one Active Directory domain. Implemented over
// libldap and in memory for tests; both pass tests/contract/directory_contract.h.
// One caller at a time. Calls block until the deadline at most.
//
// Faults: unavailable (no server answers; nothing was done), timeout (a write may have been done),
// conflict (a value to remove was not there, a value to add was: LDAP 16, 20; name taken: 68),
// not_found (32), denied (50, 49), invalid (schema, policy: 19, 21, 34, 53, 64, 65), internal.
class Directory {
 public:
  virtual ~Directory() = default;

  // All entries of the scope, or an error: never a part of them. Proof is a success on the last
  // page of each base, no referral or limit, the base entry itself in its answer, and every
  // ranged attribute read to its end.
  virtual Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope, Deadline deadline) = 0;

  // The same entries a page at a time, by somebody who has time and does other things in between. Must not outlive the
  // directory.
  class Pages {
   public:
    virtual ~Pages() = default;
    // Nothing: all pages were given, and that was all, by the proof of read_all. Until then, and after an error, what
    // was given is a part of nobody knows what. Fault::conflict: it cannot be gone on with, as another server may
    // answer by now.
    virtual Result<std::optional<std::vector<Entry>>> next(Deadline deadline) = 0;
  };
  // Nothing is asked yet. `most` entries to a page.
  virtual std::unique_ptr<Pages> read_pages(ReadScope scope, std::size_t most) = 0;

  // Entries anywhere in the domain whose `attribute` equals one of `values`; those that are not
  // there are left out. Asked for in batches inside. "objectGUID" and "distinguishedName" work as
  // attributes.
  virtual Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                          std::span<const std::string> fetch, Deadline deadline) = 0;

  // Following what changes. The cursor is text to be kept and given back as it is; it outlives the process.
  //
  // The cursor that stands for now. Take it before read_all: what changes during the read is then reported again.
  virtual Result<std::string> cursor(Deadline deadline) = 0;
  // The objects of scope.classes, anywhere in the domain (scope.bases do not matter), that changed since the cursor was
  // made, each with all of scope.attributes read to their end. The same may come more than once, and objects may
  // come that did not change in what was asked for; the cursor is then another one. Costs one search when nothing
  // changed; the cursor is then the same.
  //
  // What is never reported, because no server knows it as a change:
  // - the children of an object that was renamed or moved: their DNs follow (MS-ADTS 3.1.1.1.5);
  // - a holder of links when an object that it names is renamed, moved or removed, and all back links (memberOf);
  // - objects that can be read no more, or from now on, because somebody changed a right;
  // - deletions, if About::sees_deletions is false.
  //
  // Fault::conflict: it cannot be gone on from this cursor (made by another server, by one that was restored from an
  // old copy since, for another domain, or of no use for another reason, which the message tells). Everything is to be
  // read again.
  virtual Result<DirectoryChanges> changes_since(const std::string& cursor, const ReadScope& scope,
                                                 Deadline deadline) = 0;
  // Whether who answers now is the domain controller that the cursor is of, as it went on from there: it knows whatever
  // was written to it since. Another one may not have heard of that yet, and one that was set back to an old copy has
  // forgotten it.
  virtual Result<bool> continues(const std::string& cursor, Deadline deadline) = 0;
  // Who changed what of one object. Empty if we may not know; Fault::not_found if it is not there.
  virtual Result<std::vector<AttributeHistory>> history(const std::string& id, Deadline deadline) = 0;

  // Many writes in flight; the caller takes care that none depends on another of the same call.
  // Each is done as a whole or not at all; modify is compare-and-swap: a value to remove must be
  // there and a value to add must not. The answers are in the order of the writes. For add, the
  // result is the new entry's id (empty: not known, look it up); else the id as given.
  // Once changes are followed, writes go only to the domain controller of the last cursor(), changes_since() or
  // continues() that said yes, by which they were planned: where another one is connected now, they are unavailable,
  // and nothing is done.
  using Answers = std::vector<Result<std::string>>;
  virtual Answers write(std::span<const DirectoryWrite> writes, Deadline deadline) = 0;
  // The same, for a caller that has something else to do while the server works: sends what can be sent without
  // waiting. What is returned is called once, on the same thread, for the answers. Before that more writes may be
  // begun, none of which may depend on these; any other call waits for them. If it is never called, nobody knows
  // what became of the writes.
  virtual std::function<Answers()> begin_write(std::vector<DirectoryWrite> writes, Deadline deadline) {
    return [answers = write(writes, deadline)] { return answers; };
  }

  // What the server says of itself and of us; also the cheapest test of a connection.
  struct About {
    std::string server;       // host that answered
    std::string domain_dn;    // defaultNamingContext
    std::string domain_sid;   // "S-1-5-21-..."; empty if it cannot be read
    std::string bound_as_id;  // objectGUID of the account we are bound as; empty: unknown
    std::string bound_as_dn;
    bool encrypted = false;       // TLS, or SASL with a security layer
    std::string server_id;        // its invocationId: another one after a restore; empty if it cannot be read
    bool sees_deletions = false;  // changes_since reports them; else only reading everything shows what is gone
  };
  virtual Result<About> about(Deadline deadline) = 0;
};

}  // namespace plumb
