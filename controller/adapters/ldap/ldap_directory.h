#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/ports/directory.h"
#include "controller/ports/directory_watch.h"
#include "controller/ports/secret_store.h"

namespace plumb::ldap {

struct Options {
  std::vector<std::string> servers;           // "ldaps://host[:port]" or "ldap://host[:port]", in order of preference
  enum class Tls { ldaps, start_tls, none };  // none: only with gssapi, which then signs and seals
  Tls tls = Tls::ldaps;
  std::string ca_file;      // PEM; empty: the system's
  std::string server_name;  // that the certificate must name; empty: the host of the URL
  enum class Bind { simple, gssapi };
  Bind bind = Bind::simple;
  std::string username, password_from;                   // simple; a SecretStore reference
  std::string principal, keytab_file, krb5_config_file;  // gssapi
  std::string base_dn;                                   // the domain: root of `find`
  Duration connect_timeout = std::chrono::seconds(5);
  Duration operation_timeout = std::chrono::seconds(30);  // of one answer
  Duration read_timeout = std::chrono::seconds(120);      // of one whole read
  int page_size = 1000;
  std::size_t writes_in_flight = 32;
  // Asks for `member` in parts of this many values, however many the server would give; 0: as the server likes.
  // For tests: Samba gives all of them at once.
  std::size_t member_range = 0;
  // How changes are followed. `usn`: by uSNChanged, deleted objects included where the account may read the Deleted
  // Objects container. `dirsync`: by the DirSync control; where the right "Replicating Directory Changes" is missing
  // with the flag that leaves out what the account may not read. `automatic`: usn, unless deletions are seen only by
  // DirSync. (On Windows the right shows them. Samba hides also from DirSync what the account may not read.)
  enum class Follow { automatic, usn, dirsync };
  Follow follow = Follow::automatic;
  // Once true, no write that waits is sent any more: each is `unavailable`, and known not to have been done. Null:
  // never.
  std::shared_ptr<const std::atomic<bool>> sends_no_more{};
  // Counts the requests that are sent, binds left out. For tests and measurements; must outlive what it is given to.
  std::atomic<std::uint64_t>* requests = nullptr;
};

// An Active Directory domain over libldap. Connects at the first call and keeps the connection. Once
// that is gone, the server last used is tried first, then the others in order of preference; one that just failed to
// answer comes last for five minutes. A call that finds no server has tried each once. Everything that waits has a
// deadline. The password is fetched anew for each bind, so a rotated one is picked up. `secrets` and `clock` must
// outlive it.
// The first call is made before other threads look at the environment: it switches off ldap.conf and LDAP* variables
// (LDAPNOINIT), and ignores SIGPIPE where nobody handles it. A Kerberos bind sets KRB5_* variables while it lasts.
std::unique_ptr<Directory> make_directory(Options options, SecretStore& secrets, const Clock& clock);

// Change notification (1.2.840.113556.1.4.528, MS-ADTS 3.1.1.3.4.1.9) for the whole domain, on a connection of its own
// that is made at the first `wait`. A domain controller keeps at most five on a connection. When the server ends it, or
// is gone, it is set up again within `wait`, after pauses that grow to a minute. `wait` itself is bounded by its
// deadline, connecting by Options::connect_timeout besides: a stop during that is noticed after it.
std::unique_ptr<DirectoryWatch> make_watch(Options options, SecretStore& secrets, const Clock& clock);

}  // namespace plumb::ldap
