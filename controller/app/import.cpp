#include "controller/app/import.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "controller/base/clock.h"
#include "controller/base/text.h"
#include "reconcilers/attributes.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

struct Field {
  std::string_view name, attribute;
};

constexpr Field kUserTexts[] = {{"givenName", "givenName"},
                                {"sn", "sn"},
                                {"initials", "initials"},
                                {"displayName", "displayName"},
                                {"mail", "mail"},
                                {"title", "title"},
                                {"department", "department"},
                                {"company", "company"},
                                {"employeeID", "employeeID"},
                                {"telephoneNumber", "telephoneNumber"},
                                {"mobile", "mobile"},
                                {"description", "description"},
                                {"office", "physicalDeliveryOfficeName"}};
constexpr Field kGroupTexts[] = {{"description", "description"}, {"displayName", "displayName"}, {"mail", "mail"}};
constexpr Field kOuTexts[] = {{"description", "description"}};
constexpr const char* kOtherAttributes[] = {"sAMAccountName", "userPrincipalName", "proxyAddresses",
                                            "manager",        "managedBy",         "member",
                                            "groupType",      "accountExpires",    "userAccountControl"};

// The objects chosen, with the names they get.
using Chosen = std::map<std::string, std::pair<ResourceKey, const LiveObject*>>;  // by id

// The only text of an attribute; nothing if it is absent, or cannot be said in a manifest (then noted).
class Reader {
 public:
  Reader(const LiveObject& object, std::vector<std::string>& notes) : object_(object), notes_(notes) {}

  std::vector<std::string> all(std::string_view attribute) {
    const auto found = object_.attributes.find(attribute);
    if (found == object_.attributes.end()) return {};
    if (!found->second.known()) {
      note(fmt::format("{} could not be read in full, and is left out", attribute));
      return {};
    }
    if (!std::ranges::all_of(found->second.values, [](const auto& value) { return is_utf8(value); })) {
      note(fmt::format("{} is not text, and is left out", attribute));
      return {};
    }
    return found->second.values;
  }

  std::optional<std::string> one(std::string_view attribute) {
    auto values = all(attribute);
    if (values.size() > 1)
      note(fmt::format("{} has {} values where one is meant, and is left out", attribute, values.size()));
    if (values.size() != 1) return std::nullopt;
    return std::move(values.front());
  }

  std::optional<std::int64_t> number(std::string_view attribute) {
    const auto text = one(attribute);
    if (!text) return std::nullopt;
    std::int64_t value = 0;
    const auto end = std::from_chars(text->data(), text->data() + text->size(), value);
    return end.ec == std::errc() ? std::optional(value) : std::nullopt;
  }

  void note(std::string_view text) { notes_.push_back(fmt::format("{}: {}", object_.handle, text)); }

 private:
  const LiveObject& object_;
  std::vector<std::string>& notes_;
};

bool wanted_kind(const std::string& kind, const ImportRequest& request) {
  return (kind == "ADUser" && request.users) || (kind == "ADGroup" && request.groups) ||
         (kind == "OrganizationalUnit" && request.ous);
}

std::string base_name(const LiveObject& object, const Dn& dn) {
  const auto account = object.attributes.find("sAMAccountName");
  if (object.kind != "OrganizationalUnit" && account != object.attributes.end() && account->second.values.size() == 1) {
    return resource_name(account->second.values.front());
  }
  return resource_name(dn.leaf().value);
}

// Names that are unique for each kind: the plain one where nobody else wants it, else with the parent's
// in front, else with a part of the id, so that a name does not depend on the order of reading.
Chosen choose(const LiveSet& live, const ImportRequest& request, std::vector<std::string>& notes) {
  struct Candidate {
    const LiveObject* object;
    std::vector<std::string> names;
  };
  std::vector<Candidate> candidates;
  std::vector<const LiveObject*> objects;
  live.for_each([&](const LiveSet::View& each) {
    if (wanted_kind(std::string(each.kind()), request)) objects.push_back(&each.object());
  });
  for (const LiveObject* const each : objects) {
    const LiveObject& object = *each;
    const auto dn = Dn::parse(object.handle);
    if (!dn || dn->empty()) continue;
    if (std::ranges::none_of(request.from, [&](const Dn& root) { return dn->within(root); })) continue;
    if (!object.protection.empty()) {
      notes.push_back(fmt::format("{}: skipped, it is protected: {}", object.handle, object.protection));
      continue;
    }
    if (!object.in_scope) {
      notes.push_back(fmt::format("{}: skipped, it is outside of the managedScope", object.handle));
      continue;
    }
    if (request.managed.contains(object.id)) {
      notes.push_back(fmt::format("{}: skipped, manifests declare it already", object.handle));
      continue;
    }
    const std::string base = base_name(object, *dn);
    const Dn parent = dn->parent();
    candidates.push_back({&object,
                          {base, parent.empty() ? base : resource_name(parent.leaf().value + "-" + base),
                           base + "-" + object.id.substr(0, 8), base + "-" + object.id}});
  }
  std::ranges::sort(candidates, {}, [](const Candidate& c) { return c.object->id; });
  Chosen chosen;
  std::set<ResourceKey> taken = request.taken;
  for (std::size_t round = 0; !candidates.empty() && round < 4; ++round) {
    std::map<ResourceKey, int> wanted;
    const auto key_of = [&](const Candidate& c) {
      return ResourceKey{c.object->kind, request.directory.ns, c.names[round]};
    };
    for (const auto& candidate : candidates) ++wanted[key_of(candidate)];
    std::erase_if(candidates, [&](const Candidate& candidate) {
      const auto key = key_of(candidate);
      if (wanted[key] > 1 || taken.contains(key)) return false;
      chosen.emplace(candidate.object->id, std::pair(key, candidate.object));
      return true;
    });
    for (const auto& [id, choice] : chosen) taken.insert(choice.first);
  }
  return chosen;
}

class Converter {
 public:
  Converter(const LiveSet& live, const ImportRequest& request, const Chosen& chosen, std::vector<std::string>& notes)
      : live_(live), request_(request), chosen_(chosen), notes_(notes) {}

  Value document(const ResourceKey& key, const LiveObject& object) {
    Reader reader(object, notes_);
    Object spec{{"directoryRef", Object{{"name", request_.directory.name}}}};
    const Dn dn = *Dn::parse(object.handle);  // `choose` has parsed it
    if (object.kind == "ADUser") user(reader, dn, spec);
    if (object.kind == "ADGroup") group(reader, dn, spec);
    if (object.kind == "OrganizationalUnit") unit(reader, dn, spec);
    further(object, reader, spec);
    spec["adoption"] = "Adopt";
    Object metadata{{"name", key.name}};
    if (key.ns != "default") metadata["namespace"] = key.ns;
    metadata["annotations"] = Object{{"plumbline.dev/object-guid", object.id}};
    return Object{{"apiVersion", "plumbline.dev/v1alpha1"},
                  {"kind", key.kind},
                  {"metadata", std::move(metadata)},
                  {"spec", std::move(spec)}};
  }

 private:
  template <std::size_t N>
  static void texts(Reader& reader, const Field (&fields)[N], Object& spec) {
    for (const auto& field : fields) {
      if (const auto text = reader.one(field.attribute)) spec[field.name] = *text;
    }
  }

  const ResourceKey* key_of(const LinkText& link) const {
    const LiveObject* object = link.id.empty() ? live_.by_handle(link.dn) : live_.by_id(link.id);
    if (object == nullptr) return nullptr;
    const auto found = chosen_.find(object->id);
    return found == chosen_.end() ? nullptr : &found->second.first;
  }

  void place(const Dn& dn, std::string_view reference, Object& spec) const {
    const auto* parent = key_of({.id = {}, .dn = dn.parent().text()});
    if (parent != nullptr && parent->kind == "OrganizationalUnit") {
      spec[reference] = Object{{"name", parent->name}};
    } else {
      spec["parentDN"] = dn.parent().text();
    }
  }

  void link(Reader& reader, std::string_view attribute, std::string_view field, bool groups_too, Object& spec) const {
    const auto text = reader.one(attribute);
    if (!text) return;
    const auto target = parse_link(*text);
    const auto* key = key_of(target);
    if (key == nullptr || (key->kind != "ADUser" && !(groups_too && key->kind == "ADGroup"))) {
      reader.note(fmt::format("{} is {}, which is not imported, and is left out", attribute, target.dn));
      return;
    }
    Object reference{{"name", key->name}};
    if (key->kind != "ADUser") reference["kind"] = key->kind;
    spec[field] = std::move(reference);
  }

  void user(Reader& reader, const Dn& dn, Object& spec) const {
    const auto account = reader.one("sAMAccountName");
    if (account) spec["sAMAccountName"] = *account;
    // Without one the default would be written; an empty one says that it stays without.
    spec["userPrincipalName"] = reader.one("userPrincipalName").value_or("");
    texts(reader, kUserTexts, spec);
    const auto display = spec.if_contains("displayName");
    if (dn.leaf().value != (display != nullptr ? std::string(display->as_string()) : account.value_or(""))) {
      spec["name"] = dn.leaf().value;
    }
    place(dn, "organizationalUnitRef", spec);
    if (auto addresses = reader.all("proxyAddresses"); !addresses.empty()) {
      std::ranges::sort(addresses);
      spec["proxyAddresses"] = Array(addresses.begin(), addresses.end());
    }
    link(reader, "manager", "managerRef", false, spec);
    if (const auto flags = reader.number("userAccountControl")) {
      spec["enabled"] = (*flags & kAccountDisable) == 0;
      Array set;
      for (const auto& name : account_flag_names()) {
        if ((*flags & account_flag(name).value_or(0)) != 0) set.emplace_back(name);
      }
      if (!set.empty()) spec["userAccountControl"] = Object{{"set", std::move(set)}};
    }
    expiry(reader, spec);
  }

  static void expiry(Reader& reader, Object& spec) {
    constexpr std::int64_t kNever = 9223372036854775807, kPerMillisecond = 10'000, kTo1970 = 11'644'473'600'000;
    const auto filetime = reader.number("accountExpires");
    if (!filetime || *filetime == 0 || *filetime == kNever) return;
    const SystemTime time{std::chrono::milliseconds(*filetime / kPerMillisecond - kTo1970)};
    if (*filetime % kPerMillisecond != 0 || time < SystemTime{}) {
      reader.note("accountExpires cannot be said to the millisecond, and is left out");
      return;
    }
    spec["accountExpires"] = format_time(time);
  }

  void group(Reader& reader, const Dn& dn, Object& spec) {
    const auto account = reader.one("sAMAccountName");
    if (account) spec["sAMAccountName"] = *account;
    if (dn.leaf().value != account.value_or("")) spec["name"] = dn.leaf().value;
    place(dn, "organizationalUnitRef", spec);
    const std::int64_t type = reader.number("groupType").value_or(2);
    spec["scope"] = (type & 8) != 0 ? "Universal" : (type & 4) != 0 ? "DomainLocal" : "Global";
    spec["type"] = (type & 0x80000000) != 0 ? "Security" : "Distribution";
    texts(reader, kGroupTexts, spec);
    link(reader, "managedBy", "managedByRef", true, spec);
    Array members;
    std::vector<std::pair<std::string, Object>> sorted;
    for (const auto& text : reader.all("member")) {
      const auto target = parse_link(text);
      const auto* key = key_of(target);
      if (key != nullptr && (key->kind == "ADUser" || key->kind == "ADGroup")) {
        sorted.emplace_back(key->kind + key->name, Object{{"kind", key->kind}, {"name", key->name}});
      } else {
        sorted.emplace_back("~" + dn_key(target.dn), Object{{"distinguishedName", target.dn}});
      }
    }
    std::ranges::sort(sorted, {}, [](const auto& entry) { return entry.first; });
    for (auto& [order, member] : sorted) members.push_back(std::move(member));
    if (!members.empty()) spec["members"] = std::move(members);
  }

  void unit(Reader& reader, const Dn& dn, Object& spec) const {
    spec["name"] = dn.leaf().value;
    place(dn, "parentRef", spec);
    texts(reader, kOuTexts, spec);
  }

  void further(const LiveObject& object, Reader& reader, Object& spec) const {
    Object attributes;
    for (const auto& name : request_.attributes) {
      auto values = reader.all(name);
      if (values.empty()) continue;
      if (const auto allowed = check_attribute_name(object.kind, name); !allowed) {
        reader.note(allowed.error().message);
        continue;
      }
      const auto kinds = directory_kinds();
      const auto kind = std::ranges::find(kinds, object.kind, [](const Reconciler* one) { return one->kind(); });
      const bool multi = kind != kinds.end() && rule_for((*kind)->rules(), name).multi_valued;
      std::ranges::sort(values);
      if (values.size() == 1 && !multi) {
        attributes[name] = values.front();
      } else {
        attributes[name] = Array(values.begin(), values.end());
      }
    }
    if (!attributes.empty()) spec["attributes"] = std::move(attributes);
  }

  const LiveSet& live_;
  const ImportRequest& request_;
  const Chosen& chosen_;
  std::vector<std::string>& notes_;
};

// Leaves out the member of spec that each problem is in; false if the document cannot be made valid so.
bool mend(Value& document, const std::string& handle, const schema::Registry& kinds, std::vector<std::string>& notes) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    Value copy = document;
    const auto problems = kinds.validate_and_default(copy);
    if (problems.empty()) return true;
    for (const auto& problem : problems) {
      constexpr std::string_view kSpec = "/spec/";
      const std::string_view pointer = problem.pointer;
      const std::string_view inside = pointer.starts_with(kSpec) ? pointer.substr(kSpec.size()) : std::string_view();
      const std::string field(inside.substr(0, inside.find('/')));
      notes.push_back(fmt::format("{}: {}: {}", handle, problem.pointer, problem.message));
      if (field.empty() || field == "sAMAccountName" || field == "parentDN") return false;
      document.at("spec").as_object().erase(field);
    }
  }
  return false;
}

}  // namespace

std::string resource_name(std::string_view text) {
  std::string name;
  for (const char c : lower(text)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
    if (plain || (!name.empty() && name.back() != '-')) name += plain ? c : '-';
  }
  constexpr std::size_t kLongest = 200;  // room for a suffix below Kubernetes' 253
  if (name.size() > kLongest) name.resize(kLongest);
  const auto begin = name.find_first_not_of("-.");
  if (begin == std::string::npos) return "object";
  const auto end = name.find_last_not_of("-.");
  return name.substr(begin, end - begin + 1);
}

std::set<std::string, IgnoreCase> import_attributes(const ImportRequest& request) {
  std::set<std::string, IgnoreCase> names(std::begin(kOtherAttributes), std::end(kOtherAttributes));
  for (const auto& field : kUserTexts) names.emplace(field.attribute);
  for (const auto& field : kGroupTexts) names.emplace(field.attribute);
  for (const auto& field : kOuTexts) names.emplace(field.attribute);
  names.insert(request.attributes.begin(), request.attributes.end());
  return names;
}

Imported import_objects(const LiveSet& live, const ImportRequest& request, const schema::Registry& kinds) {
  Imported imported;
  const Chosen chosen = choose(live, request, imported.notes);
  Converter converter(live, request, chosen, imported.notes);
  for (const auto& [id, choice] : chosen) {
    const auto& [key, object] = choice;
    Value document = converter.document(key, *object);
    if (!mend(document, object->handle, kinds, imported.notes)) {
      imported.notes.push_back(fmt::format("{}: skipped, it cannot be declared as a {}", object->handle, key.kind));
      continue;
    }
    const auto* kind = kinds.find(key.kind);
    imported.files.push_back(
        {(kind != nullptr ? kind->plural : key.kind) + "/" + key.name + ".yaml", std::move(document)});
  }
  std::ranges::sort(imported.files, {}, &ImportedFile::path);
  return imported;
}

}  // namespace plumb::app
