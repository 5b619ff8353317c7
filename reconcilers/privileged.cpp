#include "reconcilers/privileged.h"

#include <algorithm>

#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "reconcilers/live_objects.h"

namespace plumb {
namespace {

std::string first(const Entry& entry, std::string_view name) {
  const auto found = entry.attributes.find(name);
  return found == entry.attributes.end() || found->second.values.empty() ? entry.dn : found->second.values.front();
}

bool is_group(const Entry& entry) {
  const auto classes = entry.attributes.find("objectClass");
  return classes != entry.attributes.end() &&
         std::any_of(classes->second.values.begin(), classes->second.values.end(),
                     [](const std::string& each) { return equals_ignoring_case(each, "group"); });
}

// Names that are still to be looked at, each with the guarded group that it is in.
class Expansion {
 public:
  void take(const Entry& entry, const std::string& group, Privileged& found) {
    seen_.insert(dn_key(entry.dn));
    const auto member = entry.attributes.find("member");
    if (is_group(entry) || member != entry.attributes.end()) found.groups.insert(entry.id);
    if (member == entry.attributes.end()) return;
    for (const std::string& dn : member->second.values) next_.emplace_back(dn, group);
  }

  std::vector<std::string> names() {
    std::vector<std::string> names;
    group_of_.clear();
    for (const auto& [dn, group] : next_) {
      std::string key = dn_key(dn);
      if (!seen_.insert(key).second) continue;
      group_of_.emplace(std::move(key), group);
      names.push_back(dn);
    }
    next_.clear();
    return names;
  }
  const std::string& group_of(const std::string& dn) { return group_of_[dn_key(dn)]; }

 private:
  std::set<std::string> seen_;  // keys of names
  std::vector<std::pair<std::string, std::string>> next_;
  std::map<std::string, std::string> group_of_;
};

}  // namespace

Result<Privileged> find_privileged(Directory& directory, const Directory::About& about, std::string_view target,
                                   Deadline deadline) {
  std::vector<std::string> sids = privileged_builtin_sids();
  for (const std::uint32_t rid : privileged_domain_rids()) sids.push_back(fmt::format("{}-{}", about.domain_sid, rid));
  const std::vector<std::string> fetch = {"member", "objectClass", "objectSid", "sAMAccountName"};
  PLUMB_TRY(const std::vector<Entry> groups, directory.find("objectSid", sids, fetch, deadline));
  // These two are in every domain: where one is not seen, its members are not either.
  for (const std::string& sid : {std::string("S-1-5-32-544"), fmt::format("{}-512", about.domain_sid)})
    if (std::none_of(groups.begin(), groups.end(), [&](const Entry& each) { return first(each, "objectSid") == sid; }))
      return fail(Fault::denied,
                  "{}: the group {} ({}) cannot be read, so it cannot be told which accounts are privileged; let the "
                  "account of the Credential read it",
                  target, sid, sid.ends_with("-512") ? "Domain Admins" : "Administrators");
  Privileged found;
  Expansion expansion;
  for (const Entry& group : groups) expansion.take(group, first(group, "sAMAccountName"), found);
  for (;;) {
    const std::vector<std::string> names = expansion.names();
    if (names.empty()) return found;
    PLUMB_TRY(const std::vector<Entry> members, directory.find("distinguishedName", names, fetch, deadline));
    for (const Entry& member : members) {
      const std::string group = expansion.group_of(member.dn);
      found.members.emplace(member.id, group);
      expansion.take(member, group, found);
    }
  }
}

}  // namespace plumb
