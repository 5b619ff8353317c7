#include "controller/adapters/ldap/reader.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include "controller/adapters/ldap/encode.h"
#include "controller/adapters/ldap/faults.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb::ldap {
namespace {

constexpr std::size_t kMostEntries = 4'000'000;
constexpr std::size_t kMostBytes = 8UL << 30;
constexpr int kMostEmptyPages = 1000;
constexpr std::size_t kValuesPerFilter = 200;
constexpr std::size_t kLookUpsInFlight = 64;
constexpr int kRangeAttempts = 5;
// LDAP_SERVER_DOMAIN_SCOPE_OID: leaves out the pointers to the configuration and DNS partitions, which every
// search from a domain's root would bring. Whatever pointer still comes means that something is missing.
constexpr const char* kDomainScope = "1.2.840.113556.1.4.1339";
constexpr const char* kNotification = "1.2.840.113556.1.4.528";
constexpr const char* kShowDeleted = "1.2.840.113556.1.4.417";
const std::vector<std::string> kAlways = {"objectGUID", "objectClass", "uSNChanged"};

bool asked_for(std::span<const std::string> fetch, std::string_view name) {
  return equals_ignoring_case(name, "objectClass") ||
         std::any_of(fetch.begin(), fetch.end(), [&](const auto& asked) { return equals_ignoring_case(asked, name); });
}

// A read that was refused for no stated reason is not known to be wrong: it is tried again.
Error read_fault(const Outcome& outcome, std::string_view base) {
  Error error = fault_of(outcome.code, outcome.diagnostic, fmt::format("searching {}", printable(base)));
  if (outcome.code == LDAP_OTHER || (outcome.code == LDAP_OPERATIONS_ERROR && error.fault != Fault::denied))
    error.fault = Fault::unavailable;
  return error;
}

Result<Control> plain_control(const char* oid, bool critical) {
  LDAPControl* made = nullptr;
  if (ldap_control_create(oid, critical ? 1 : 0, nullptr, 0, &made) != LDAP_SUCCESS)
    return fail(Fault::internal, "libldap makes no control");
  return Control(made);
}

std::string or_filter(const std::vector<std::string>& parts) {
  return parts.size() == 1 ? parts.front() : "(|" + join(parts, "") + ")";
}

}  // namespace

std::string first_value(const Entry& entry, std::string_view name) {
  const auto found = entry.attributes.find(name);
  return found == entry.attributes.end() || found->second.values.empty() ? std::string() : found->second.values.front();
}

Result<int> Reader::send(const Search& search, std::span<const std::string> fetch, const std::string* cookie) {
  std::vector<std::string> names = kAlways;
  for (const std::string& name : fetch) {
    if (options_.member_range != 0 && equals_ignoring_case(name, "member"))
      names.push_back(fmt::format("member;range=0-{}", options_.member_range - 1));
    else if (std::find(kAlways.begin(), kAlways.end(), name) == kAlways.end())
      names.push_back(name);
  }
  std::vector<Control> made;
  if (cookie != nullptr && !search.few) {
    berval value{cookie->size(), const_cast<char*>(cookie->data())};
    LDAPControl* page = nullptr;
    const int size = search.page_size != 0 ? search.page_size : options_.page_size;
    if (ldap_create_page_control(connection_.handle(), size, &value, 1, &page) != LDAP_SUCCESS)
      return fail(Fault::internal, "libldap makes no paging control");
    made.emplace_back(page);
  }
  if (cookie != nullptr) {
    PLUMB_TRY(made.emplace_back(), plain_control(kDomainScope, false));
  }
  if (search.deleted) {
    PLUMB_TRY(made.emplace_back(), plain_control(kShowDeleted, true));
  }
  return send_with(search, std::move(names), made);
}

Result<int> Reader::send_with(const Search& search, std::vector<std::string> names, const std::vector<Control>& made) {
  std::vector<char*> attributes;
  for (std::string& name : names) attributes.push_back(name.data());
  attributes.push_back(nullptr);
  std::vector<LDAPControl*> controls;
  for (const Control& control : made) controls.push_back(control.get());
  controls.push_back(nullptr);
  int id = 0;
  const int rc =
      ldap_search_ext(connection_.handle(), search.base.c_str(), search.scope, search.filter.c_str(), attributes.data(),
                      0, made.empty() ? nullptr : controls.data(), nullptr, nullptr, LDAP_NO_LIMIT, &id);
  if (rc == LDAP_FILTER_ERROR) return fail(Fault::internal, "not a filter: {}", printable(search.filter));
  if (rc != LDAP_SUCCESS) return Failure(connection_.sending_failed(rc));
  connection_.count_request();
  return id;
}

Result<Entry> Reader::decode(const Answer& answer, std::span<const std::string> fetch) {
  LDAP* const ldap = connection_.handle();
  BerElement* ber = nullptr;
  berval dn{0, nullptr};
  int rc = ldap_get_dn_ber(ldap, answer.message.get(), &ber, &dn);
  const std::unique_ptr<BerElement, void (*)(BerElement*)> owned(ber, [](BerElement* b) { ber_free(b, 0); });
  Entry entry;
  if (rc == LDAP_SUCCESS) entry.dn.assign(dn.bv_val, dn.bv_len);
  while (rc == LDAP_SUCCESS) {
    berval name{0, nullptr};
    BerVarray values = nullptr;
    rc = ldap_get_attribute_ber(ldap, answer.message.get(), ber, &name, &values);
    if (rc != LDAP_SUCCESS || name.bv_val == nullptr) break;
    const AttributeName parsed = parse_attribute_name({name.bv_val, name.bv_len});
    Attribute attribute;
    for (const berval* value = values; value != nullptr && value->bv_val != nullptr; ++value) {
      attribute.values.push_back(value_text(parsed.name, {value->bv_val, value->bv_len}));
      bytes_ += value->bv_len;
    }
    ber_memfree(values);
    // Beside a range the server names the attribute once more, without values.
    if (attribute.values.empty()) continue;
    if (parsed.ranged && parsed.last) attribute.reading = Reading::truncated;
    if (equals_ignoring_case(parsed.name, "objectGUID")) entry.id = attribute.values.front();
    if (equals_ignoring_case(parsed.name, "uSNChanged")) entry.version = attribute.values.front();
    if (asked_for(fetch, parsed.name)) entry.attributes[parsed.name] = std::move(attribute);
  }
  if (rc != LDAP_SUCCESS) return fail(Fault::unavailable, "{}: an answer cannot be decoded", connection_.host());
  if (bytes_ > kMostBytes) return fail(Fault::unavailable, "a read is larger than {} bytes", kMostBytes);
  return entry;
}

Result<Entry> Reader::parse(const Answer& answer, std::span<const std::string> fetch) {
  PLUMB_TRY(auto entry, decode(answer, fetch));
  if (entry.id.empty())
    return fail(Fault::denied, "{}: its objectGUID may not be read, which everything depends on", printable(entry.dn));
  return entry;
}

Result<Entry> Reader::root(std::span<const std::string> fetch) {
  return base_search({"", "(objectClass=*)", LDAP_SCOPE_BASE}, fetch);
}

Result<Entry> Reader::read_hidden(const std::string& base) {
  return base_search({base, "(objectClass=*)", LDAP_SCOPE_BASE, true}, {});
}

Result<Entry> Reader::base_search(const Search& search, std::span<const std::string> fetch) {
  PLUMB_TRY(const int id, send(search, fetch, nullptr));
  Entry entry;
  while (true) {
    PLUMB_TRY(const auto answer, connection_.next(id, deadline_));
    if (answer.type == LDAP_RES_SEARCH_ENTRY) {
      PLUMB_TRY(entry, decode(answer, fetch));
    } else if (answer.type == LDAP_RES_SEARCH_RESULT) {
      const Outcome outcome = connection_.outcome(answer);
      if (outcome.code != LDAP_SUCCESS)
        return Failure(read_fault(outcome, search.base.empty() ? "the rootDSE" : search.base));
      return entry;
    }
  }
}

Result<Reader::Page> Reader::receive_page(int id, const Search& search) {
  const std::string& base = search.base;
  Page page;
  while (true) {
    PLUMB_TRY(auto answer, connection_.next(id, deadline_));
    if (answer.type == LDAP_RES_SEARCH_ENTRY) {
      page.entries.push_back(std::move(answer));
    } else if (answer.type == LDAP_RES_SEARCH_REFERENCE) {
      return fail(Fault::unavailable, "searching {}: a part of it is said to be on another server", printable(base));
    } else if (answer.type == LDAP_RES_SEARCH_RESULT) {
      page.outcome = connection_.outcome(answer);
      if (search.few && page.outcome.code == LDAP_SIZELIMIT_EXCEEDED) return page;
      if (page.outcome.code != LDAP_SUCCESS) return Failure(read_fault(page.outcome, base));
      if (!page.outcome.paged && !search.few)
        return fail(Fault::unavailable, "searching {}: {} does not page its answers, so they may be cut short",
                    printable(base), printable(connection_.host()));
      return page;
    }
  }
}

// A page that comes twice may have come in place of another.
Result<void> Reader::search(const Search& search, std::span<const std::string> fetch, const Take& take) {
  std::unordered_map<std::string, std::string> seen;  // id -> version
  std::string cookie;
  PLUMB_TRY(int id, send(search, fetch, &cookie));
  for (int empty_pages = 0; empty_pages < kMostEmptyPages;) {
    PLUMB_TRY(const auto page, receive_page(id, search));
    if (page.outcome.code == LDAP_SIZELIMIT_EXCEEDED) {
      Search in_pages = search;
      in_pages.few = false;
      return this->search(in_pages, fetch, take);
    }
    cookie = page.outcome.page_cookie;
    // The server works on the next page while this one is decoded.
    if (!cookie.empty()) {
      PLUMB_TRY(id, send(search, fetch, &cookie));
    }
    for (const Answer& answer : page.entries) {
      PLUMB_TRY(auto entry, search.skip_nameless ? decode(answer, fetch) : parse(answer, fetch));
      if (entry.id.empty()) continue;
      const auto [before, fresh] = seen.emplace(entry.id, entry.version);
      if (!fresh && !(search.changing && before->second != entry.version))
        return fail(Fault::unavailable, "searching {}: {} came twice; something moved while it was read",
                    printable(search.base), printable(entry.dn));
      before->second = entry.version;
      PLUMB_CHECK(take(std::move(entry)));
    }
    if (cookie.empty()) return {};
    empty_pages = page.entries.empty() ? empty_pages + 1 : 0;
  }
  return fail(Fault::unavailable, "searching {}: pages without entries do not end", printable(search.base));
}

Result<DirSyncPage> Reader::dirsync(const Search& search, std::span<const std::string> fetch, int flags,
                                    const std::string& cookie) {
  berval value{cookie.size(), const_cast<char*>(cookie.data())};
  LDAPControl* control = nullptr;
  if (ldap_create_dirsync_control(connection_.handle(), flags, std::numeric_limits<int>::max(), &value, &control) !=
      LDAP_SUCCESS)
    return fail(Fault::internal, "libldap makes no DirSync control");
  std::vector<Control> made;
  made.emplace_back(control);
  control->ldctl_iscritical = 1;  // without it the answer would be the whole domain, as an ordinary search
  PLUMB_TRY(const int id, send_with(search, {fetch.begin(), fetch.end()}, made));
  DirSyncPage page;
  while (true) {
    PLUMB_TRY(const auto answer, connection_.next(id, deadline_));
    if (answer.type == LDAP_RES_SEARCH_ENTRY) {
      PLUMB_TRY(auto entry, parse(answer, fetch));
      page.entries.push_back(std::move(entry));
    } else if (answer.type == LDAP_RES_SEARCH_REFERENCE) {
      // The control is about the one partition that the base is the root of. It goes with no other control that would
      // leave out the pointers to those below, and nothing is taken for gone because it does not come.
      continue;
    } else if (answer.type == LDAP_RES_SEARCH_RESULT) {
      const Outcome outcome = connection_.outcome(answer);
      if (outcome.code != LDAP_SUCCESS) return Failure(read_fault(outcome, search.base));
      if (!outcome.synced)
        return fail(Fault::unavailable, "searching {}: {} ignores the DirSync control", printable(search.base),
                    printable(connection_.host()));
      page.cookie = outcome.sync_cookie;
      page.more = outcome.sync_more;
      return page;
    }
  }
}

// Only this filter is taken (MS-ADTS 3.1.1.3.4.1.9).
Result<int> Reader::notify(const std::string& domain_dn) {
  std::vector<Control> made;
  PLUMB_TRY(made.emplace_back(), plain_control(kNotification, true));
  PLUMB_TRY(made.emplace_back(), plain_control(kShowDeleted, true));
  return send_with({domain_dn}, {"objectGUID"}, made);
}

Result<std::vector<Entry>> Reader::look_up(std::span<const std::string> bases, std::span<const std::string> fetch) {
  std::map<int, std::size_t> in_flight;  // request -> which base
  std::map<std::size_t, Entry> found;
  for (std::size_t sent = 0; sent < bases.size() || !in_flight.empty();) {
    if (sent < bases.size() && in_flight.size() < kLookUpsInFlight) {
      PLUMB_TRY(const int id, send({bases[sent], "(objectClass=*)", LDAP_SCOPE_BASE}, fetch, nullptr));
      in_flight.emplace(id, sent++);
      continue;
    }
    PLUMB_TRY(const auto answer, connection_.next(LDAP_RES_ANY, deadline_));
    const auto which = in_flight.find(answer.id);
    if (which == in_flight.end()) continue;
    if (answer.type == LDAP_RES_SEARCH_ENTRY) {
      PLUMB_TRY(auto entry, parse(answer, fetch));
      found.insert_or_assign(which->second, std::move(entry));
    } else if (answer.type == LDAP_RES_SEARCH_RESULT) {
      const Outcome outcome = connection_.outcome(answer);
      // Also what is not a name at all, or is in no partition of this server, is simply not there.
      const bool absent = outcome.code == LDAP_NO_SUCH_OBJECT || outcome.code == LDAP_INVALID_DN_SYNTAX ||
                          outcome.code == LDAP_REFERRAL;
      if (outcome.code != LDAP_SUCCESS && !absent) return Failure(read_fault(outcome, bases[which->second]));
      in_flight.erase(which);
    }
  }
  std::vector<Entry> entries;
  for (auto& [index, entry] : found) entries.push_back(std::move(entry));
  return entries;
}

Result<Entry> Reader::read_one(const std::string& base, std::span<const std::string> fetch) {
  PLUMB_TRY(auto found, look_up(std::span(&base, 1), fetch));
  if (found.empty()) return fail(Fault::not_found, "{}: noSuchObject (32)", printable(base));
  return std::move(found.front());
}

Result<void> Reader::read_range(Entry& entry, const std::string& name) {
  const std::string base = fmt::format("<GUID={}>", entry.id);
  for (int attempt = 0; attempt < kRangeAttempts; ++attempt) {
    std::vector<std::string> values;
    std::string version;
    bool whole = false, moved = false;
    while (!whole && !moved) {
      const std::string description =
          options_.member_range == 0
              ? fmt::format("{};range={}-*", name, values.size())
              : fmt::format("{};range={}-{}", name, values.size(), values.size() + options_.member_range - 1);
      Reading reading = Reading::empty;
      PLUMB_TRY(const int id, send({base, "(objectClass=*)", LDAP_SCOPE_BASE}, std::span(&description, 1), nullptr));
      for (bool ended = false; !ended;) {
        PLUMB_TRY(const auto answer, connection_.next(id, deadline_));
        if (answer.type == LDAP_RES_SEARCH_ENTRY) {
          PLUMB_TRY(auto part, parse(answer, std::span(&name, 1)));
          moved = !version.empty() && part.version != version;
          version = part.version;
          if (const auto found = part.attributes.find(name); found != part.attributes.end()) {
            reading = found->second.reading;
            std::move(found->second.values.begin(), found->second.values.end(), std::back_inserter(values));
          }
        } else if (answer.type == LDAP_RES_SEARCH_RESULT) {
          const Outcome outcome = connection_.outcome(answer);
          if (outcome.code != LDAP_SUCCESS) return Failure(read_fault(outcome, entry.dn));
          ended = true;
        }
      }
      whole = reading != Reading::truncated;
    }
    // Values shift when some are added or removed in between: only parts of one version make a whole.
    if (moved) continue;
    entry.version = version;
    entry.attributes[name] = Attribute{std::move(values), Reading::present};
    return {};
  }
  return fail(Fault::unavailable, "{}: {} changes faster than it can be read", printable(entry.dn), name);
}

Result<void> Reader::complete_ranges(Entry& entry) {
  std::vector<std::string> partial;
  for (const auto& [name, attribute] : entry.attributes)
    if (attribute.reading == Reading::truncated) partial.push_back(name);
  for (const std::string& name : partial) PLUMB_CHECK(read_range(entry, name));
  return {};
}

Result<void> Reader::begin_base(Sweep& sweep) {
  const std::string& base = sweep.scope.bases[sweep.base];
  auto root = read_one(base, {});
  if (!root) return in_context(fmt::format("search base {}", printable(base)), std::move(root).error());
  std::vector<std::string> parts;
  for (const std::string& name : sweep.scope.classes) parts.push_back("(objectClass=" + filter_value(name) + ")");
  if (!parts.empty()) parts.push_back("(objectGUID=" + filter_bytes(guid_bytes(root->id).value_or("")) + ")");
  sweep.root = root->id;
  sweep.search.base = base;
  sweep.search.filter = parts.empty() ? "(objectClass=*)" : or_filter(parts);
  return {};
}

Result<bool> Reader::take(Sweep& sweep, const Entry& entry) {
  if (!sweep.here.insert(entry.id).second)
    return fail(Fault::unavailable, "searching {}: {} came twice; something moved while it was read",
                printable(sweep.search.base), printable(entry.dn));
  if (sweep.seen.size() >= kMostEntries) return fail(Fault::unavailable, "more than {} entries", kMostEntries);
  return sweep.seen.insert(entry.id).second;
}

Result<void> Reader::end_base(Sweep& sweep) {
  if (!sweep.here.contains(sweep.root))
    return fail(Fault::unavailable, "searching {}: it is not itself in the answer, so others may be missing too",
                printable(sweep.search.base));
  sweep.here.clear();
  sweep.root.clear();
  ++sweep.base;
  return {};
}

Result<Complete<std::vector<Entry>>> Reader::read_all(const ReadScope& scope) {
  std::vector<Entry> entries;
  Sweep sweep{.scope = scope};
  while (sweep.base < scope.bases.size()) {
    PLUMB_CHECK(begin_base(sweep));
    PLUMB_CHECK(search(sweep.search, scope.attributes, [&](Entry entry) -> Result<void> {
      PLUMB_TRY(const bool fresh, take(sweep, entry));
      if (fresh) entries.push_back(std::move(entry));
      return {};
    }));
    PLUMB_CHECK(end_base(sweep));
  }
  for (Entry& entry : entries) PLUMB_CHECK(complete_ranges(entry));
  const auto count = entries.size();
  return Complete<std::vector<Entry>>::proven(
      std::move(entries),
      fmt::format("{} entries below {} bases from {}: each base in its own answer, every page and range read to its "
                  "end, no limit and no referral",
                  count, scope.bases.size(), connection_.host()));
}

Result<std::optional<std::vector<Entry>>> Reader::read_page(Sweep& sweep, std::string& cookie) {
  if (sweep.base == sweep.scope.bases.size()) return std::nullopt;
  if (sweep.root.empty()) PLUMB_CHECK(begin_base(sweep));
  PLUMB_TRY(const int id, send(sweep.search, sweep.scope.attributes, &cookie));
  PLUMB_TRY(const Page page, receive_page(id, sweep.search));
  std::vector<Entry> entries;
  for (const Answer& answer : page.entries) {
    PLUMB_TRY(Entry entry, parse(answer, sweep.scope.attributes));
    PLUMB_TRY(const bool fresh, take(sweep, entry));
    if (fresh) entries.push_back(std::move(entry));
  }
  cookie = page.outcome.page_cookie;
  if (cookie.empty()) PLUMB_CHECK(end_base(sweep));
  return entries;
}

Result<std::vector<Entry>> Reader::find(std::string_view attribute, std::span<const std::string> values,
                                        std::span<const std::string> fetch) {
  std::vector<Entry> entries;
  if (equals_ignoring_case(attribute, "distinguishedName")) {
    PLUMB_TRY(entries, look_up(values, fetch));
  } else {
    const bool guid = equals_ignoring_case(attribute, "objectGUID");
    for (std::size_t next = 0; next < values.size();) {
      std::vector<std::string> parts;
      for (; next < values.size() && parts.size() < kValuesPerFilter; ++next) {
        const auto bytes = guid ? guid_bytes(values[next]) : std::nullopt;
        if (guid && !bytes) continue;  // not an id: nothing has it
        parts.push_back(fmt::format("({}={})", attribute, guid ? filter_bytes(*bytes) : filter_value(values[next])));
      }
      if (parts.empty()) continue;
      PLUMB_CHECK(search({.base = options_.base_dn, .filter = or_filter(parts), .few = guid}, fetch,
                         [&](Entry entry) -> Result<void> {
                           entries.push_back(std::move(entry));
                           return {};
                         }));
    }
  }
  std::set<std::string> seen;
  std::erase_if(entries, [&](const Entry& entry) { return !seen.insert(entry.id).second; });
  for (Entry& entry : entries) PLUMB_CHECK(complete_ranges(entry));
  return entries;
}

}  // namespace plumb::ldap
