#include "controller/adapters/ldap/changes.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <boost/json/parse.hpp>

#include "controller/adapters/ldap/encode.h"
#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "controller/model/value.h"

namespace plumb::ldap {
namespace {

// Deleted objects go for good after the tombstone lifetime, of 60 days in the oldest forests (MS-ADTS 3.1.1.1.15).
constexpr Duration kOldestCursor = std::chrono::days(50);
// How far back a new cursor looks for its witness.
constexpr std::uint64_t kWitnessWithin = 100;
constexpr int kMostDirSyncPages = 100'000;
// Values that were added and removed instead of whole lists, which are read afterwards anyway.
constexpr int kIncrementalValues = static_cast<int>(LDAP_CONTROL_X_DIRSYNC_INCREMENTAL_VALUES);
// GUID_DELETED_OBJECTS_CONTAINER_W (MS-ADTS 6.1.1.4).
constexpr const char* kDeletedObjects = "<WKGUID=18E2EA80684F11D2B9AA00C04F79F805,{}>";
constexpr const char* kContainerItself = "(&(isDeleted=TRUE)(name=Deleted Objects))";
const std::vector<std::string> kOnlyId = {"objectGUID"};

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string id_filter(const std::string& id) {
  return "(objectGUID=" + filter_bytes(guid_bytes(id).value_or("")) + ")";
}

std::string class_filter(const ReadScope& scope) {
  if (scope.classes.empty()) return "(objectClass=*)";
  std::string any;
  for (const std::string& name : scope.classes) any += "(objectClass=" + filter_value(name) + ")";
  return "(|" + any + ")";
}

bool of_classes(const Entry& entry, const ReadScope& scope) {
  const auto classes = entry.attributes.find("objectClass");
  if (scope.classes.empty() || classes == entry.attributes.end()) return scope.classes.empty();
  return std::any_of(scope.classes.begin(), scope.classes.end(), [&](const std::string& wanted) {
    return std::any_of(classes->second.values.begin(), classes->second.values.end(),
                       [&](const std::string& name) { return equals_ignoring_case(name, wanted); });
  });
}

bool is_deleted(const Entry& entry) { return equals_ignoring_case(first_value(entry, "isDeleted"), "TRUE"); }

Result<std::uint64_t> highest_usn(Reader& reader) {
  static const std::vector<std::string> fetch = {"highestCommittedUSN"};
  PLUMB_TRY(const auto root, reader.root(fetch));
  const std::uint64_t usn = number(first_value(root, "highestCommittedUSN"));
  if (usn == 0) return fail(Fault::unavailable, "the server does not tell its highestCommittedUSN");
  return usn;
}

// A refusal, where the question is only whether we may.
template <class T>
Result<std::optional<T>> if_allowed(Result<T> answer) {
  if (answer) return std::optional<T>(std::move(*answer));
  const Fault fault = answer.error().fault;
  if (fault == Fault::denied || fault == Fault::not_found || fault == Fault::invalid) return std::optional<T>();
  return Failure(std::move(answer).error());
}

// The cookie that stands for now: the filter lets only one object through.
Result<std::string> walk_to_now(const Facts& facts, Reader& reader, int flags) {
  std::string cookie;
  for (int pages = 0; pages < kMostDirSyncPages; ++pages) {
    PLUMB_TRY(const auto page, reader.dirsync({facts.domain_dn, id_filter(facts.domain_id)}, kOnlyId, flags, cookie));
    cookie = page.cookie;
    if (!page.more) return cookie;
  }
  return fail(Fault::unavailable, "the pages of DirSync do not end");
}

// Whether DirSync shows us the container of deleted objects, and so what is in it; nothing if we may not use it at all.
// The right to use it is no proof: Samba leaves out what the account could not read otherwise.
Result<std::optional<bool>> deletions_by_dirsync(const Facts& facts, Reader& reader, int flags) {
  // An entry comes only for an attribute with metadata of its own.
  const std::vector<std::string> fetch = {"isDeleted"};
  bool seen = false;
  std::string cookie;
  for (int pages = 0; pages < kMostDirSyncPages; ++pages) {
    PLUMB_TRY(const auto page, if_allowed(reader.dirsync({facts.domain_dn, kContainerItself}, fetch, flags, cookie)));
    if (!page) return std::optional<bool>();
    seen = seen || !page->entries.empty();
    cookie = page->cookie;
    if (!page->more) return std::optional<bool>(seen);
  }
  return fail(Fault::unavailable, "the pages of DirSync do not end");
}

Result<void> choose_method(Facts& facts, Reader& reader, Options::Follow follow) {
  facts.sees_deletions = !facts.deleted_objects_id.empty();
  if (follow == Options::Follow::usn || (follow == Options::Follow::automatic && facts.sees_deletions)) return {};
  PLUMB_TRY(auto deletions, deletions_by_dirsync(facts, reader, 0));
  if (follow == Options::Follow::automatic && !deletions.value_or(false)) return {};
  facts.method = Method::dirsync;
  if (!deletions) {
    facts.dirsync_flags = LDAP_CONTROL_X_DIRSYNC_OBJECT_SECURITY;
    PLUMB_TRY(deletions, deletions_by_dirsync(facts, reader, facts.dirsync_flags));
  }
  facts.sees_deletions = deletions.value_or(false);
  return {};
}

// Why it cannot be gone on, whatever the method.
Result<void> check_facts(const Cursor& from, const Facts& facts, SystemTime now) {
  if (from.domain != facts.domain_id)
    return fail(Fault::conflict, "the cursor is of another domain than {}", facts.domain_dn);
  if (from.method != facts.method) return fail(Fault::conflict, "changes are followed in another way than before");
  if (from.sees_deletions != facts.sees_deletions)
    return fail(Fault::conflict, "{}",
                facts.sees_deletions ? "the account may see deleted objects, which it could not before"
                                     : "the account cannot see deleted objects any more");
  if (now - from.made > kOldestCursor)
    return fail(Fault::conflict, "the cursor is of {}: what was deleted since may be gone for good",
                format_time(from.made));
  return {};
}

Failure set_back(const Facts& facts, const std::string& evidence) {
  return fail(Fault::conflict,
              "the domain controller {} was restored from an old copy in a way that Active Directory does not know of: "
              "{}. Its numbers of changes cannot be trusted; it should be taken out of service",
              facts.server, evidence);
}

Result<void> check_number(const Facts& facts, std::uint64_t was, std::uint64_t is) {
  if (is >= was) return {};
  return set_back(facts, fmt::format("its highestCommittedUSN was {} and is {}", was, is));
}

// Sorts the entries of one search into what changed, what is gone, and what proves the rest.
class Sorting {
 public:
  Sorting(const Cursor& from, const ReadScope& scope, const Facts& facts) : from_(from), scope_(scope), facts_(facts) {}

  void take(Entry entry) {
    if (entry.id == facts_.deleted_objects_id) {
      container_seen_ = true;
      return;
    }
    const std::uint64_t usn = number(entry.version);
    if (entry.id == from_.witness.id) witness_ = usn;
    if (usn > last_.usn) last_ = {entry.id, usn};
    // Once more because it changed again meanwhile: the next call tells of that.
    if (usn <= from_.usn || !of_classes(entry, scope_) || !seen_.insert(entry.id).second) return;
    if (is_deleted(entry)) {
      changes.removed.push_back(std::move(entry.id));
      return;
    }
    entry.attributes.erase("isDeleted");
    changes.changed.push_back(std::move(entry));
  }

  Result<void> check() const {
    if (facts_.sees_deletions && !container_seen_)
      return fail(Fault::conflict, "the account cannot see deleted objects any more");
    if (from_.witness.id.empty()) return {};
    if (witness_ && *witness_ < from_.witness.usn)
      return set_back(facts_, fmt::format("the object {} had uSNChanged {} and has {}", from_.witness.id,
                                          from_.witness.usn, *witness_));
    if (!witness_ && facts_.sees_deletions)
      return fail(Fault::conflict,
                  "the object {}, which was there with uSNChanged {}, is not there and was not deleted: the domain "
                  "controller {} was restored from an old copy, or rights have changed",
                  from_.witness.id, from_.witness.usn, facts_.server);
    return {};
  }

  Cursor::Witness witness() const { return last_.id.empty() ? from_.witness : last_; }
  DirectoryChanges changes;

 private:
  const Cursor& from_;
  const ReadScope& scope_;
  const Facts& facts_;
  bool container_seen_ = false;
  std::optional<std::uint64_t> witness_;
  Cursor::Witness last_;
  std::set<std::string> seen_;
};

Result<DirectoryChanges> by_usn(const Cursor& from, Cursor next, const ReadScope& scope, const Facts& facts,
                                Reader& reader) {
  std::string filter = fmt::format("(|(&(uSNChanged>={}){})", from.usn + 1, class_filter(scope));
  if (facts.sees_deletions) filter += id_filter(facts.deleted_objects_id);
  if (!from.witness.id.empty()) filter += id_filter(from.witness.id);
  Search search{facts.domain_dn, filter + ")"};
  search.deleted = true;
  search.skip_nameless = true;
  search.changing = true;
  std::vector<std::string> fetch = scope.attributes;
  fetch.emplace_back("isDeleted");
  Sorting sorting(from, scope, facts);
  PLUMB_CHECK(reader.search(search, fetch, [&](Entry entry) -> Result<void> {
    sorting.take(std::move(entry));
    return {};
  }));
  PLUMB_CHECK(sorting.check());
  for (Entry& entry : sorting.changes.changed) {
    auto whole = reader.complete_ranges(entry);
    // Gone since the search: the next call tells.
    if (!whole && whole.error().fault == Fault::not_found)
      return fail(Fault::unavailable, "{} is gone while it is read", printable(entry.dn));
    if (!whole) return Failure(std::move(whole).error());
  }
  next.witness = sorting.witness();
  sorting.changes.cursor = next.text();
  return std::move(sorting.changes);
}

Result<DirectoryChanges> by_dirsync(Cursor next, const ReadScope& scope, const Facts& facts, Reader& reader) {
  // Only what one of these attributes changed is told; isDeleted is what a deletion changes, name a move.
  std::vector<std::string> watched = scope.attributes;
  for (const char* name : {"name", "isDeleted", "objectGUID"}) watched.emplace_back(name);
  DirectoryChanges changes;
  std::set<std::string> changed, removed;
  bool more = true;
  for (int pages = 0; more && pages < kMostDirSyncPages; ++pages) {
    auto page = reader.dirsync({facts.domain_dn, class_filter(scope)}, watched,
                               facts.dirsync_flags | kIncrementalValues, next.cookie);
    if (!page && (page.error().fault == Fault::invalid || page.error().fault == Fault::denied))
      return fail(Fault::conflict, "the server does not go on from the cookie: {}", page.error().message);
    if (!page) return Failure(std::move(page).error());
    for (const Entry& entry : page->entries) (is_deleted(entry) ? removed : changed).insert(entry.id);
    next.cookie = page->cookie;
    more = page->more;
  }
  if (more) return fail(Fault::unavailable, "the pages of DirSync do not end");
  for (const std::string& id : removed) changed.erase(id);
  changes.removed.assign(removed.begin(), removed.end());
  // Whoever is not found was deleted since, which the next call tells, or cannot be seen.
  PLUMB_TRY(changes.changed,
            reader.find("objectGUID", std::vector<std::string>(changed.begin(), changed.end()), scope.attributes));
  std::erase_if(changes.changed, [&](const Entry& entry) { return !of_classes(entry, scope); });
  changes.cursor = next.text();
  return changes;
}

}  // namespace

Result<Facts> learn_facts(const Connection& connection, Reader& reader, const Options& options) {
  const std::vector<std::string> fetch = {"defaultNamingContext", "dnsHostName", "dsServiceName"};
  PLUMB_TRY(const auto root, reader.root(fetch));
  Facts facts;
  facts.server = printable(first_value(root, "dnsHostName"));
  if (facts.server.empty()) facts.server = printable(connection.host());
  facts.domain_dn = first_value(root, "defaultNamingContext");
  if (facts.domain_dn.empty())
    return fail(Fault::invalid, "{} does not name its domain: it is no domain controller of Active Directory",
                facts.server);
  PLUMB_TRY(const auto domain, reader.read_one(facts.domain_dn, {}));
  facts.domain_id = domain.id;
  if (const std::string service = first_value(root, "dsServiceName"); !service.empty()) {
    const std::vector<std::string> name = {"invocationId"};
    PLUMB_TRY(const auto settings, if_allowed(reader.read_one(service, name)));
    if (settings) facts.invocation_id = first_value(*settings, "invocationId");
  }
  PLUMB_TRY(const auto container, if_allowed(reader.read_hidden(fmt::format(kDeletedObjects, facts.domain_dn))));
  if (container) facts.deleted_objects_id = container->id;
  PLUMB_CHECK(choose_method(facts, reader, options.follow));
  return facts;
}

std::string Cursor::text() const {
  Object object{{"method", method == Method::usn ? "usn" : "dirsync"},
                {"domain", domain},
                {"deletions", sees_deletions},
                {"made", format_time(made)},
                {"server", server},
                {"usn", usn}};
  if (!witness.id.empty()) object["witness"] = Object{{"id", witness.id}, {"usn", witness.usn}};
  if (method == Method::dirsync) {
    object["cookie"] = base64(cookie);
    Object numbers;
    for (const auto& [id, highest] : servers) numbers[id] = highest;
    object["servers"] = std::move(numbers);
  }
  return canonical(object);
}

Result<Cursor> Cursor::parse(const std::string& text) {
  const auto refused = [] { return fail(Fault::conflict, "this is no cursor of a directory"); };
  boost::system::error_code fault;
  const Value json = boost::json::parse(text, fault);
  if (fault) return refused();
  const auto method = text_at(json, "/method"), domain = text_at(json, "/domain"), made = text_at(json, "/made"),
             server = text_at(json, "/server");
  const auto deletions = bool_at(json, "/deletions");
  const auto usn = int_at(json, "/usn");
  if (!method || !domain || !made || !server || !deletions || !usn || *usn < 1) return refused();
  const auto time = parse_time(*made);
  if ((*method != "usn" && *method != "dirsync") || !time) return refused();
  Cursor cursor{*method == "usn" ? Method::usn : Method::dirsync,
                *domain,
                *deletions,
                *time,
                *server,
                static_cast<std::uint64_t>(*usn),
                {},
                "",
                {}};
  if (const auto id = text_at(json, "/witness/id")) {
    const auto number = int_at(json, "/witness/usn");
    if (!guid_bytes(*id) || !number || *number < 1) return refused();
    cursor.witness = {*id, static_cast<std::uint64_t>(*number)};
  }
  if (cursor.method == Method::usn) return cursor;
  const auto cookie = from_base64(text_at(json, "/cookie").value_or(""));
  const Value* servers = at(json, "/servers");
  if (!cookie || cookie->empty() || servers == nullptr || !servers->is_object()) return refused();
  cursor.cookie = *cookie;
  for (const auto& [id, highest] : servers->get_object()) {
    const auto number = int_at(json, "/servers/" + pointer_token(id));
    if (!number || *number < 1) return refused();
    cursor.servers[std::string(id)] = static_cast<std::uint64_t>(*number);
  }
  return cursor;
}

Result<std::string> new_cursor(const Facts& facts, Reader& reader, SystemTime now) {
  if (facts.invocation_id.empty())
    return fail(Fault::denied, "{} does not let us read its invocationId, without which changes cannot be followed",
                facts.server);
  PLUMB_TRY(const auto usn, highest_usn(reader));
  Cursor cursor{facts.method, facts.domain_id, facts.sees_deletions, now, facts.invocation_id, usn, {}, "", {}};
  if (facts.method == Method::dirsync) {
    PLUMB_TRY(cursor.cookie, walk_to_now(facts, reader, facts.dirsync_flags));
    cursor.servers[facts.invocation_id] = usn;
    return cursor.text();
  }
  const std::uint64_t since = usn > kWitnessWithin ? usn - kWitnessWithin : 1;
  Search search{facts.domain_dn, fmt::format("(uSNChanged>={})", since)};
  search.deleted = true;
  search.skip_nameless = true;
  search.changing = true;
  PLUMB_CHECK(reader.search(search, {}, [&](const Entry& entry) -> Result<void> {
    if (const auto version = number(entry.version); version > cursor.witness.usn) cursor.witness = {entry.id, version};
    return {};
  }));
  return cursor.text();
}

Result<bool> goes_on(const Cursor& from, const Facts& facts, Reader& reader) {
  if (from.domain != facts.domain_id || from.server != facts.invocation_id) return false;
  PLUMB_TRY(const auto usn, highest_usn(reader));
  if (usn <= from.usn || from.witness.id.empty()) return usn >= from.usn;
  Search search{facts.domain_dn, id_filter(from.witness.id)};
  search.deleted = true;
  search.skip_nameless = true;
  std::optional<std::uint64_t> witness;
  PLUMB_CHECK(reader.search(search, {}, [&](const Entry& entry) -> Result<void> {
    witness = number(entry.version);
    return {};
  }));
  return witness ? *witness >= from.witness.usn : !facts.sees_deletions;
}

Result<DirectoryChanges> read_changes(const Cursor& from, const std::string& text, const ReadScope& scope,
                                      const Facts& facts, Reader& reader, SystemTime now) {
  PLUMB_CHECK(check_facts(from, facts, now));
  const bool same_server = from.server == facts.invocation_id;
  if (!same_server && from.method == Method::usn)
    return fail(Fault::conflict,
                "the cursor is not of {}: it is another domain controller than the last time, or was restored",
                facts.server);
  PLUMB_TRY(const auto usn, highest_usn(reader));
  if (same_server && usn == from.usn) return DirectoryChanges{{}, {}, text};
  if (same_server) PLUMB_CHECK(check_number(facts, from.usn, usn));
  Cursor next = from;
  next.made = now;
  next.server = facts.invocation_id;
  next.usn = usn;
  if (from.method == Method::usn) return by_usn(from, std::move(next), scope, facts, reader);
  if (const auto known = from.servers.find(facts.invocation_id); known != from.servers.end())
    PLUMB_CHECK(check_number(facts, known->second, usn));
  next.servers[facts.invocation_id] = usn;
  return by_dirsync(std::move(next), scope, facts, reader);
}

}  // namespace plumb::ldap
