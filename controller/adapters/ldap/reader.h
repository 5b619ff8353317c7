#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "controller/adapters/ldap/connection.h"
#include "controller/ports/directory.h"

// Searches over one connection.
namespace plumb::ldap {

// What a search asks for besides its attributes.
struct Search {
  std::string base, filter = "(objectClass=*)";
  int scope = LDAP_SCOPE_SUBTREE;
  bool deleted = false;        // shows deleted objects too (1.2.840.113556.1.4.417)
  bool skip_nameless = false;  // leaves out entries whose objectGUID we may not read, which are an error else
  bool changing = false;       // an entry may come again because it was changed during the search; else an error
  int page_size = 0;           // 0: as the options say
  // There cannot be many entries, so they are asked for without pages first; in pages where the server says that they
  // are too many. Samba fetches each entry of a page by its id, which takes ten times as long.
  bool few = false;
};

// A read of everything, and how far it has come.
struct Sweep {
  ReadScope scope;
  std::size_t base = 0;              // which of scope.bases
  std::string root;                  // the id of its own entry; empty: not begun
  Search search{};                   // below it
  std::set<std::string> here, seen;  // ids: below it, and in all
};

struct FreeControl {
  void operator()(LDAPControl* control) const { ldap_control_free(control); }
};
using Control = std::unique_ptr<LDAPControl, FreeControl>;

// One answer to a search with the DirSync control (MS-ADTS 3.1.1.3.4.1.3).
struct DirSyncPage {
  std::vector<Entry> entries;  // only what changed of each
  std::string cookie;
  bool more = false;
};

// The first value of an attribute; empty if it has none.
std::string first_value(const Entry& entry, std::string_view name);

class Reader {
 public:
  Reader(Connection& connection, const Options& options, const Clock& clock, Deadline deadline)
      : connection_(connection), options_(options), clock_(clock), deadline_(deadline) {}

  Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope);
  // The next page of a sweep; `cookie` is empty at the beginning, and again at the end of each base.
  // Nothing: that was all. Values beyond the first range are not read yet.
  Result<std::optional<std::vector<Entry>>> read_page(Sweep& sweep, std::string& cookie);
  Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                  std::span<const std::string> fetch);
  // The rootDSE: what the server says of itself. It has no id.
  Result<Entry> root(std::span<const std::string> fetch);
  // One entry; Fault::not_found if there is none (any more).
  Result<Entry> read_one(const std::string& base, std::span<const std::string> fetch);
  // The same of an entry that may be deleted, or hidden from us: then it has no id.
  Result<Entry> read_hidden(const std::string& base);

  using Take = std::function<Result<void>(Entry)>;
  // All pages of a search. An error unless the server says at the end that this was all.
  Result<void> search(const Search& search, std::span<const std::string> fetch, const Take& take);
  Result<DirSyncPage> dirsync(const Search& search, std::span<const std::string> fetch, int flags,
                              const std::string& cookie);
  // Asks to be told of every change below the domain's root, deletions included: the request's id. One answer
  // a change, without end.
  Result<int> notify(const std::string& domain_dn);
  // Reads the rest of every attribute that the server gave in part.
  Result<void> complete_ranges(Entry& entry);

 private:
  struct Page {
    std::vector<Answer> entries;  // not decoded yet
    Outcome outcome;
  };
  Result<Page> receive_page(int id, const Search& search);
  Result<void> begin_base(Sweep& sweep);
  // False: it is also below a base that was read before.
  static Result<bool> take(Sweep& sweep, const Entry& entry);
  static Result<void> end_base(Sweep& sweep);
  // Base searches, many in flight; entries that do not exist are left out.
  Result<std::vector<Entry>> look_up(std::span<const std::string> bases, std::span<const std::string> fetch);
  Result<int> send(const Search& search, std::span<const std::string> fetch, const std::string* cookie);
  Result<int> send_with(const Search& search, std::vector<std::string> names, const std::vector<Control>& controls);
  Result<Entry> base_search(const Search& search, std::span<const std::string> fetch);
  Result<Entry> decode(const Answer& answer, std::span<const std::string> fetch);
  // Decodes an entry that must have an id.
  Result<Entry> parse(const Answer& answer, std::span<const std::string> fetch);
  Result<void> read_range(Entry& entry, const std::string& attribute);

  Connection& connection_;
  const Options& options_;
  const Clock& clock_;
  Deadline deadline_;
  std::size_t bytes_ = 0;
};

}  // namespace plumb::ldap
