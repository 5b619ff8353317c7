#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/model/live.h"
#include "controller/ports/directory.h"
#include "reconcilers/directory_settings.h"

namespace plumb {

// Attributes that every read asks for: what tells kinds apart, names an object, or shows that it must
// not be written.
const std::vector<std::string>& identifying_attributes();

// RIDs of the groups whose members the directory itself guards (AdminSDHolder), relative to the domain.
const std::vector<std::uint32_t>& privileged_domain_rids();
// The same groups of the Builtin domain, as SIDs.
const std::vector<std::string>& privileged_builtin_sids();

// What else an entry is judged by.
struct Surroundings {
  const DirectorySettings* settings = nullptr;  // not null
  std::string installation;                     // its id
  std::string bound_as_id;
  // Ids of objects that are in a privileged group, directly or not -> that group's name.
  std::map<std::string, std::string, std::less<>> privileged;
};

// An entry in the terms of the engine. `asked` are the attributes that were asked for: one that did
// not come is empty, or unreadable where the entry lacks what every object of its kind has.
LiveObject live_object(Entry entry, const std::set<std::string, IgnoreCase>& asked, const Surroundings& surroundings);
// Whether it may be written, as far as that hangs on its surroundings and its place: sets `in_scope` and `protection`.
void judge(LiveObject& object, const Surroundings& surroundings);

// Whether a subtree that must not be written holds the name; the configured ones only.
bool in_protected_subtree(const Dn& dn, const DirectorySettings& settings);

// Whether the account is known to be disabled.
bool is_disabled(const LiveObject& object);

// The last part of a SID; 0 if it is not one.
std::uint32_t rid_of(std::string_view sid);

}  // namespace plumb
