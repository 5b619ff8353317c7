#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "controller/adapters/ldap/reader.h"
#include "controller/ports/directory.h"

// Following the changes of a domain, by uSNChanged or by DirSync.
//
// uSNChanged (MS-ADTS 3.1.1.1.9): each domain controller numbers what it writes; the number of the last write is
// highestCommittedUSN of its rootDSE, and its database has a name, the invocationId. Both together say whether the
// numbers of a cursor still mean what they meant:
//
//   invocationId     | highestCommittedUSN |
//   the same         | the same            | nothing changed
//   the same         | higher              | search for what has a higher uSNChanged
//   the same         | lower               | the server was set back to an old copy of its disk
//   another          |                     | another server, or one that was restored properly
//
// One that was set back and has gone on beyond the cursor's number since looks as if nothing had happened. So a cursor
// also names a witness: the object with the highest uSNChanged that was seen, which can only rise.
// The search has the Deleted Objects container in its answer for as long as we may see what is deleted.
namespace plumb::ldap {

enum class Method { usn, dirsync };

// What holds for a server while we are connected to it.
struct Facts {
  std::string server;         // its name, for messages
  std::string invocation_id;  // empty: it does not tell
  std::string domain_dn, domain_id;
  std::string deleted_objects_id;  // of the container; empty: we may not see what is deleted
  Method method = Method::usn;
  int dirsync_flags = 0;
  bool sees_deletions = false;
};
Result<Facts> learn_facts(const Connection& connection, Reader& reader, const Options& options);

struct Cursor {
  Method method = Method::usn;
  std::string domain;  // objectGUID of its root
  bool sees_deletions = false;
  SystemTime made;
  std::string server;     // invocationId
  std::uint64_t usn = 0;  // highestCommittedUSN there
  struct Witness {
    std::string id;  // empty: none
    std::uint64_t usn = 0;
  } witness;
  // Of DirSync: what the server gave, and the highest number of each server it was used with.
  std::string cookie;
  std::map<std::string, std::uint64_t> servers;

  std::string text() const;  // canonical JSON
  // Fault::conflict if it is not what text() makes.
  static Result<Cursor> parse(const std::string& text);
};

// Directory::continues.
Result<bool> goes_on(const Cursor& from, const Facts& facts, Reader& reader);
Result<std::string> new_cursor(const Facts& facts, Reader& reader, SystemTime now);
// Directory::changes_since. `text` is what `from` was parsed from.
Result<DirectoryChanges> read_changes(const Cursor& from, const std::string& text, const ReadScope& scope,
                                      const Facts& facts, Reader& reader, SystemTime now);

}  // namespace plumb::ldap
