#include "tests/support/fake_directory.h"

#include <algorithm>
#include <stdexcept>

#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb::test {
namespace {

std::uint64_t mix(std::uint64_t x) {  // splitmix64
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

std::string guid(std::uint64_t seed, std::uint64_t number) {
  const std::uint64_t a = mix(seed * 1000003 + number), b = mix(a ^ seed);
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xFFFF, a & 0xFFF, 0x8000 | (b >> 50),
                     b & 0xFFFFFFFFFFFF);
}

std::string place_key(std::string_view type, std::string_view value) { return fold_case(rdn_text(type, value)); }

bool is_guid(std::string_view text) { return text.size() == 36 && text[8] == '-' && text[13] == '-'; }

}  // namespace

FakeDirectory::FakeDirectory(std::uint64_t seed, std::string domain) : seed_(seed), domain_(std::move(domain)) {
  const std::uint64_t a = mix(seed ^ 0x51D);
  sid_ =
      fmt::format("S-1-5-21-{}-{}-{}", (a >> 32) % 4000000000U, (a & 0xFFFFFFFF) % 4000000000U, mix(a) % 4000000000U);
  renew_invocation_id();
  make_built_ins();
}

void FakeDirectory::renew_invocation_id() {
  invocation_id_ = guid(mix(seed_), 0xDC1 + hosts_.size());
  hosts_[invocation_id_] = host_;
}

void FakeDirectory::make_built_ins() {
  const Dn root = Dn::parse(domain_).value();
  Node domain;
  domain.key = next_key_++;
  domain.id = guid(seed_, domain.key);
  domain.rdn_type = "DC";
  domain.rdn_value = root.leaf().value;
  domain.class_bits = kDomain;
  domain.values = {{"objectClass", {"top", "domain", "domainDNS"}},
                   {"dc", {domain.rdn_value}},
                   {"objectSid", {sid_}},
                   {"isCriticalSystemObject", {"TRUE"}}};
  index(domain);
  nodes_.emplace(domain.key, domain);
  const Node nothing;
  touch(nodes_.at(domain.key), &nothing);

  const Values critical = {{"isCriticalSystemObject", {"TRUE"}}};
  const auto with = [&](Values values) {
    values.insert(critical.begin(), critical.end());
    return values;
  };
  const Key users = make("CN", "Users", domain.key, with({{"objectClass", {"top", "container"}}}));
  const Key builtin = make("CN", "Builtin", domain.key, with({{"objectClass", {"top", "builtinDomain"}}}));
  const Key controllers =
      make("OU", "Domain Controllers", domain.key, with({{"objectClass", {"top", "organizationalUnit"}}}));
  const std::vector<std::string> person = {"top", "person", "organizationalPerson", "user"};
  const auto user = [&](const std::string& name, const std::string& uac, std::uint64_t rid, const std::string& group) {
    return make("CN", name, users,
                with({{"objectClass", person},
                      {"sAMAccountName", {name}},
                      {"userAccountControl", {uac}},
                      {"primaryGroupID", {group}}}),
                rid);
  };
  const auto group = [&](const std::string& name, std::uint64_t rid, const std::string& type) {
    return make("CN", name, users,
                with({{"objectClass", {"top", "group"}}, {"sAMAccountName", {name}}, {"groupType", {type}}}), rid);
  };
  const Key administrator = user("Administrator", "66048", 500, "513");
  const Key guest = user("Guest", "66082", 501, "514");
  const Key krbtgt = user("krbtgt", "514", 502, "513");
  const std::string global = "-2147483646", universal = "-2147483640";
  const Key domain_admins = group("Domain Admins", 512, global);
  group("Domain Users", 513, global);
  const Key guests = group("Domain Guests", 514, global);
  group("Domain Computers", 515, global);
  const Key controller_group = group("Domain Controllers", 516, global);
  const Key schema_admins = group("Schema Admins", 518, universal);
  const Key enterprise_admins = group("Enterprise Admins", 519, universal);
  const Key administrators = make("CN", "Administrators", builtin,
                                  with({{"objectClass", {"top", "group"}},
                                        {"sAMAccountName", {"Administrators"}},
                                        {"groupType", {"-2147483643"}},
                                        {"objectSid", {"S-1-5-32-544"}}}));
  make("CN", "DC1", controllers,
       with({{"objectClass", {"top", "person", "organizationalPerson", "user", "computer"}},
             {"sAMAccountName", {"DC1$"}},
             {"userAccountControl", {"532480"}},
             {"primaryGroupID", {"516"}}}),
       1000);
  nodes_.at(guests).links["member"] = {};
  std::ignore = guest;
  for (const Key key : {domain_admins, schema_admins, enterprise_admins})
    nodes_.at(key).links["member"].insert(administrator), back_links_[administrator].insert({"member", key});
  for (const Key key : {administrator, domain_admins, enterprise_admins})
    nodes_.at(administrators).links["member"].insert(key), back_links_[key].insert({"member", administrators});
  for (const Key key :
       {administrator, krbtgt, domain_admins, controller_group, schema_admins, enterprise_admins, administrators})
    nodes_.at(key).values["adminCount"] = {"1"};
  const Key us = user("svc-plumbline", "66048", take_rid(), "513");
  nodes_.at(us).values.erase("isCriticalSystemObject");
  nodes_.at(us).password = "Passw0rd.svc";
  nodes_.at(administrator).password = "Passw0rd.1";
}

FakeDirectory::Key FakeDirectory::make(std::string_view rdn_type, const std::string& rdn_value, Key parent,
                                       Values values, std::uint64_t rid) {
  Node node;
  node.key = next_key_++;
  node.parent = parent;
  node.id = guid(seed_, node.key);
  node.rdn_type = rdn_type;
  node.rdn_value = rdn_value;
  const auto& classes = values["objectClass"];
  const auto is = [&](std::string_view name) {
    return std::any_of(classes.begin(), classes.end(), [&](const auto& c) { return equals_ignoring_case(c, name); });
  };
  node.class_bits = is("user") ? kUser : is("group") ? kGroup : is("organizationalUnit") ? kUnit : kContainer;
  node.rid = rid;
  if (rid != 0) values["objectSid"] = {fmt::format("{}-{}", sid_, rid)};
  values[node.class_bits == kUnit ? "ou" : "cn"] = {rdn_value};
  if (node.class_bits == kUser) {
    for (const auto& [name, value] : Values{{"userAccountControl", {"546"}},
                                            {"primaryGroupID", {"513"}},
                                            {"accountExpires", {"9223372036854775807"}},
                                            {"pwdLastSet", {"0"}}})
      values.try_emplace(name, value);
  }
  if (node.class_bits == kGroup) values.try_emplace("groupType", std::vector<std::string>{"-2147483646"});
  node.values = std::move(values);
  index(node);
  const Key key = node.key;
  Node& made = nodes_.emplace(key, std::move(node)).first->second;
  const Node nothing;
  touch(made, &nothing);
  made.values["uSNCreated"] = {std::to_string(made.usn)};
  return key;
}

void FakeDirectory::index(const Node& node) {
  ids_[node.id] = node.key;
  places_[{node.parent, place_key(node.rdn_type, node.rdn_value)}] = node.key;
  if (const auto sam = node.values.find("sAMAccountName"); sam != node.values.end())
    accounts_[fold_case(sam->second.front())] = node.key;
  if (const auto upn = node.values.find("userPrincipalName"); upn != node.values.end())
    principal_names_[fold_case(upn->second.front())] = node.key;
}

// Takes out only what points to this node: one that was refused for its name never came in.
void FakeDirectory::unindex(const Node& node) {
  const auto take_out = [&](auto& index, const auto& key) {
    if (const auto found = index.find(key); found != index.end() && found->second == node.key) index.erase(found);
  };
  take_out(ids_, node.id);
  take_out(places_, std::make_pair(node.parent, place_key(node.rdn_type, node.rdn_value)));
  if (const auto sam = node.values.find("sAMAccountName"); sam != node.values.end())
    take_out(accounts_, fold_case(sam->second.front()));
  if (const auto upn = node.values.find("userPrincipalName"); upn != node.values.end())
    take_out(principal_names_, fold_case(upn->second.front()));
}

void FakeDirectory::erase(Key key) {
  const Node node = nodes_.at(key);
  for (const auto& [attribute, targets] : node.links)
    for (const Key target : targets) back_links_[target].erase({fold_case(attribute), key});
  for (const auto& [attribute, source] : back_links_[key]) {
    nodes_.at(source).links[attribute].erase(key);
  }
  back_links_.erase(key);
  by_usn_.erase(node.usn);
  unindex(node);
  nodes_.erase(key);
}

std::string FakeDirectory::dn_of(const Node& node) const {
  if (node.parent == 0) return domain_;
  return rdn_text(node.rdn_type, node.rdn_value) + "," + dn_of(nodes_.at(node.parent));
}

bool FakeDirectory::below(const Node& node, Key ancestor) const {
  for (const Node* at = &node;; at = &nodes_.at(at->parent)) {
    if (at->key == ancestor) return true;
    if (at->parent == 0) return false;
  }
}

bool FakeDirectory::has_children(Key key) const {
  const auto first = places_.lower_bound({key, ""});
  return first != places_.end() && first->first.first == key;
}

const FakeDirectory::Node* FakeDirectory::by_dn(std::string_view text) const {
  const auto dn = Dn::parse(text);
  if (!dn) return nullptr;
  const Dn root = Dn::parse(domain_).value();
  if (!dn->within(root)) return nullptr;
  Key at = 1;
  const auto& rdns = dn->rdns();
  for (std::size_t i = rdns.size() - root.rdns().size(); i-- > 0;) {
    const auto found = places_.find({at, place_key(rdns[i].attribute, rdns[i].value)});
    if (found == places_.end()) return nullptr;
    at = found->second;
  }
  return &nodes_.at(at);
}

const FakeDirectory::Node* FakeDirectory::find_node(std::string_view who) const {
  if (who.empty()) return nullptr;
  if (is_guid(who)) {
    const auto found = ids_.find(lower(who));
    if (found != ids_.end()) return &nodes_.at(found->second);
  }
  const auto account = accounts_.find(fold_case(who));
  return account != accounts_.end() ? &nodes_.at(account->second) : by_dn(who);
}

const FakeDirectory::Node& FakeDirectory::need(std::string_view who) const {
  const Node* node = find_node(who);
  if (node == nullptr) throw std::logic_error(fmt::format("the fake directory has no \"{}\"", who));
  return *node;
}
FakeDirectory::Node& FakeDirectory::need(std::string_view who) {
  return nodes_.at(static_cast<const FakeDirectory*>(this)->need(who).key);
}

const FakeDirectory::Node* FakeDirectory::resolve_link(std::string_view value) const {
  const LinkText link = parse_link(value);
  if (link.id.empty()) return by_dn(link.dn);
  const auto found = ids_.find(lower(link.id));
  return found == ids_.end() ? nullptr : &nodes_.at(found->second);
}

// Reading.

std::vector<std::string> FakeDirectory::read(const Node& node, const SchemaAttribute& attribute) const {
  std::vector<std::string> values;
  if (attribute.name == "objectGUID") return {node.id};
  if (attribute.name == "distinguishedName") return {dn_of(node)};
  if (attribute.name == "name") return {node.rdn_value};
  if (attribute.name == "uSNChanged") return {std::to_string(node.usn)};
  if (attribute.name == "unicodePwd") return {};
  if (attribute.syntax == Syntax::back_link) {
    if (const auto links = back_links_.find(node.key); links != back_links_.end())
      for (const auto& [name, source] : links->second)
        if (equals_ignoring_case(name, attribute.forward)) values.push_back(dn_of(nodes_.at(source)));
  } else if (attribute.syntax == Syntax::link) {
    if (const auto links = node.links.find(attribute.name); links != node.links.end())
      for (const Key target : links->second) values.push_back(dn_of(nodes_.at(target)));
  } else if (const auto found = node.values.find(attribute.name); found != node.values.end()) {
    values = found->second;
  }
  return values;
}

Entry FakeDirectory::shown(const Node& node, std::span<const std::string> fetch) const {
  Entry entry{node.id, dn_of(node), std::to_string(node.usn), {}};
  const auto show = [&](const std::string& name) {
    const SchemaAttribute* attribute = schema_attribute(name);
    if (attribute == nullptr || node.hidden_attributes.contains(name)) return;
    auto values = read(node, *attribute);
    if (values.empty()) return;
    Attribute& answer = entry.attributes[name];
    if (node.truncated.contains(name)) {
      values.resize(values.size() / 2);
      answer.reading = Reading::truncated;
    }
    answer.values = std::move(values);
  };
  show("objectClass");
  for (const std::string& name : fetch) show(name);
  return entry;
}

Entry FakeDirectory::everything(const Node& node) const {
  std::vector<std::string> names;
  for (const auto& [name, values] : node.values) names.push_back(name);
  for (const auto& [name, targets] : node.links) names.push_back(name);
  for (const char* name : {"memberOf", "directReports", "managedObjects", "name"}) names.emplace_back(name);
  Node plain = node;
  plain.hidden_attributes.clear();
  plain.truncated.clear();
  return shown(plain, names);
}

Result<Complete<std::vector<Entry>>> FakeDirectory::read_all(const ReadScope& scope, Deadline) {
  ++reads_;
  if (down) return fail(Fault::unavailable, "no server answers");
  if (failing_read_.hit()) return fail(failing_read_.fault, "reading ended half way");
  Key from = 0;
  PLUMB_TRY(std::vector<Entry> entries, page(scope, from, nodes_.size()));
  const auto count = entries.size();
  return Complete<std::vector<Entry>>::proven(
      std::move(entries), fmt::format("{} entries below {} bases, each read to its end", count, scope.bases.size()));
}

// Those from `from` on, which becomes the first of the next page.
Result<std::vector<Entry>> FakeDirectory::page(const ReadScope& scope, Key& from, std::size_t most) const {
  std::set<Key> bases;
  for (const std::string& base : scope.bases) {
    const Node* node = by_dn(base);
    if (node == nullptr || node->hidden)
      return fail(Fault::not_found, "search base {}: noSuchObject (32)", printable(base));
    bases.insert(node->key);
  }
  std::vector<Entry> entries;
  for (auto each = nodes_.lower_bound(from); each != nodes_.end() && entries.size() < most; ++each) {
    const auto& [key, node] = *each;
    from = key + 1;
    if (node.hidden || std::none_of(bases.begin(), bases.end(), [&](Key base) { return below(node, base); })) continue;
    const auto& classes = node.values.at("objectClass");
    const bool wanted = scope.classes.empty() || bases.contains(key) ||
                        std::any_of(classes.begin(), classes.end(), [&](const std::string& name) {
                          return std::any_of(scope.classes.begin(), scope.classes.end(),
                                             [&](const auto& c) { return equals_ignoring_case(c, name); });
                        });
    if (wanted) entries.push_back(shown(node, scope.attributes));
  }
  return entries;
}

class FakeDirectory::FakePages final : public Pages {
 public:
  FakePages(FakeDirectory& directory, ReadScope scope, std::size_t most)
      : directory_(directory), scope_(std::move(scope)), most_(most) {}
  Result<std::optional<std::vector<Entry>>> next(Deadline) override {
    if (ended_) return std::nullopt;
    ++directory_.reads_;
    if (directory_.down) return fail(Fault::unavailable, "no server answers");
    if (directory_.failing_read_.hit()) return fail(directory_.failing_read_.fault, "reading a page ended half way");
    PLUMB_TRY(std::vector<Entry> entries, directory_.page(scope_, next_, most_));
    ended_ = entries.size() < most_;
    return entries;
  }

 private:
  FakeDirectory& directory_;
  ReadScope scope_;
  std::size_t most_;
  Key next_ = 0;
  bool ended_ = false;
};

std::unique_ptr<Directory::Pages> FakeDirectory::read_pages(ReadScope scope, std::size_t most) {
  std::unique_ptr<Pages> pages = std::make_unique<FakePages>(*this, std::move(scope), most);
  return wrap_pages ? wrap_pages(std::move(pages)) : std::move(pages);
}

Result<std::vector<Entry>> FakeDirectory::find(std::string_view attribute, std::span<const std::string> values,
                                               std::span<const std::string> fetch, Deadline) {
  ++reads_;
  if (down) return fail(Fault::unavailable, "no server answers");
  if (failing_read_.hit()) return fail(failing_read_.fault, "searching ended half way");
  const SchemaAttribute* rule = schema_attribute(attribute);
  if (rule == nullptr) return std::vector<Entry>{};
  std::set<Key> found;
  if (equals_ignoring_case(attribute, "distinguishedName")) {
    for (const std::string& value : values)
      if (const Node* node = resolve_link(value)) found.insert(node->key);
  } else if (equals_ignoring_case(attribute, "objectGUID") || equals_ignoring_case(attribute, "sAMAccountName")) {
    const auto& index = equals_ignoring_case(attribute, "objectGUID") ? ids_ : accounts_;
    for (const std::string& value : values)
      if (const auto at = index.find(fold_case(value)); at != index.end()) found.insert(at->second);
  } else {
    const bool link = rule->syntax == Syntax::link || rule->syntax == Syntax::back_link;
    const auto key_of = [&](const std::string& value) { return link ? dn_key(value) : match_key(*rule, value); };
    std::set<std::string> wanted;
    for (const std::string& value : values) wanted.insert(key_of(value));
    for (const auto& [key, node] : nodes_) {
      const auto has = read(node, *rule);
      if (std::any_of(has.begin(), has.end(), [&](const auto& value) { return wanted.contains(key_of(value)); }))
        found.insert(key);
    }
  }
  std::vector<Entry> entries;
  for (const Key key : found)
    if (const Node& node = nodes_.at(key); !node.hidden) entries.push_back(shown(node, fetch));
  return entries;
}

Result<Directory::About> FakeDirectory::about(Deadline) {
  ++reads_;
  if (down) return fail(Fault::unavailable, "no server answers");
  if (failing_read_.hit()) return fail(failing_read_.fault, "reading the rootDSE ended half way");
  const Node* us = find_node("svc-plumbline");
  if (us != nullptr && us->hidden) us = nullptr;
  return About{host_, domain_,        without_sid ? "" : sid_, us ? us->id : "", us ? dn_of(*us) : "",
               true,  invocation_id_, !hide_deletions};
}

// Seeding, direct edits, looking.

std::string FakeDirectory::add_ou(const std::string& name, const std::string& parent, Values attributes) {
  attributes["objectClass"] = {"top", "organizationalUnit"};
  const Key key = make("OU", name, parent.empty() ? 1 : need(parent).key, {{"objectClass", {"organizationalUnit"}}});
  const std::string id = nodes_.at(key).id;
  for (auto& [attribute, values] : attributes) set(id, attribute, values);
  return id;
}

std::string FakeDirectory::add_user(const std::string& sam, const std::string& parent, Values attributes) {
  std::string cn = sam;
  if (const auto given = attributes.extract("cn")) cn = given.mapped().front();
  const Key key = make("CN", cn, parent.empty() ? need("CN=Users," + domain_).key : need(parent).key,
                       {{"objectClass", {"top", "person", "organizationalPerson", "user"}},
                        {"userAccountControl", {"512"}},
                        {"pwdLastSet", {"133000000000000000"}}},
                       take_rid());
  nodes_.at(key).password = "Passw0rd." + sam;
  nodes_.at(key).stamps["unicodePwd"] = next({});
  const std::string id = nodes_.at(key).id;
  set(id, "sAMAccountName", {sam});
  for (auto& [attribute, values] : attributes) set(id, attribute, values);
  return id;
}

std::string FakeDirectory::add_group(const std::string& sam, const std::string& parent,
                                     const std::vector<std::string>& members, Values attributes) {
  std::string cn = sam;
  if (const auto given = attributes.extract("cn")) cn = given.mapped().front();
  const Key key = make("CN", cn, parent.empty() ? need("CN=Users," + domain_).key : need(parent).key,
                       {{"objectClass", {"top", "group"}}}, take_rid());
  const std::string id = nodes_.at(key).id;
  set(id, "sAMAccountName", {sam});
  if (!members.empty()) set(id, "member", members);
  for (auto& [attribute, values] : attributes) set(id, attribute, values);
  return id;
}

void FakeDirectory::set(std::string_view who, const std::string& attribute, std::vector<std::string> values) {
  const SchemaAttribute* rule = schema_attribute(attribute);
  if (rule == nullptr) throw std::logic_error(fmt::format("the schema has no attribute \"{}\"", attribute));
  Node& node = need(who);
  const Node before = node;
  if (rule->syntax == Syntax::link) {
    auto& links = node.links[attribute];
    for (const Key target : links) back_links_[target].erase({fold_case(attribute), node.key});
    links.clear();
    for (const std::string& value : values) {
      const Node* target =
          is_guid(value) || value.find('=') == std::string::npos ? find_node(value) : resolve_link(value);
      if (target == nullptr) throw std::logic_error(fmt::format("no \"{}\" to link to", value));
      links.insert(target->key);
      back_links_[target->key].insert({fold_case(attribute), node.key});
    }
    return touch(node, &before);
  }
  unindex(node);
  if (values.empty())
    node.values.erase(attribute);
  else
    node.values[attribute] = std::move(values);
  index(node);
  touch(node, &before);
}

void FakeDirectory::move(std::string_view who, const std::string& new_rdn, const std::string& new_parent) {
  Node& node = need(who);
  const Key parent = new_parent.empty() ? node.parent : need(new_parent).key;
  if (below(nodes_.at(parent), node.key)) throw std::logic_error("moved below itself: " + dn_of(node));
  const Dn rdn = Dn::parse(new_rdn).value();
  const Node before = node;
  unindex(node);
  node.parent = parent;
  node.rdn_type = rdn.leaf().attribute;
  node.rdn_value = rdn.leaf().value;
  node.values[node.class_bits == kUnit ? "ou" : "cn"] = {node.rdn_value};
  index(node);
  touch(node, &before);
}

void FakeDirectory::remove(std::string_view who) {
  const Key key = need(who).key;
  std::vector<Key> doomed;
  for (const auto& [other, node] : nodes_)
    if (below(node, key)) doomed.push_back(other);
  for (const Key other : doomed) bury(other);
}

std::optional<Entry> FakeDirectory::entry(std::string_view who) const {
  const Node* node = find_node(who);
  if (node == nullptr) return {};
  return everything(*node);
}

std::vector<std::string> FakeDirectory::values(std::string_view who, std::string_view attribute) const {
  const SchemaAttribute* rule = schema_attribute(attribute);
  if (rule == nullptr) throw std::logic_error(fmt::format("the schema has no attribute \"{}\"", attribute));
  return read(need(who), *rule);
}

std::string FakeDirectory::value(std::string_view who, std::string_view attribute) const {
  const auto all = values(who, attribute);
  return all.empty() ? "" : all.front();
}

std::string FakeDirectory::id_of(std::string_view who) const { return need(who).id; }

std::vector<std::string> FakeDirectory::ids() const {
  std::vector<std::string> all;
  for (const auto& [key, node] : nodes_) all.push_back(node.id);
  return all;
}

std::optional<std::string> FakeDirectory::password(std::string_view who) const { return need(who).password; }

std::string FakeDirectory::dump(std::string_view base) const {
  static const std::set<std::string, IgnoreCase> kVolatile = {"objectSid", "uSNCreated", "pwdLastSet",
                                                              "adminDescription"};
  const Key root = base.empty() ? 1 : need(base).key;
  std::map<std::string, std::string> lines;  // by folded DN
  for (const auto& [key, node] : nodes_) {
    if (!below(node, root)) continue;
    std::string text = dn_of(node) + "\n";
    for (auto [name, attribute] : everything(node).attributes) {
      if (kVolatile.contains(name)) continue;
      std::sort(attribute.values.begin(), attribute.values.end());
      text += fmt::format("  {}: {}\n", name, join(attribute.values, " | "));
    }
    if (node.password) text += "  password: set\n";
    lines.emplace(fold_case(dn_of(node)), std::move(text));
  }
  std::string all;
  for (const auto& [dn, text] : lines) all += text;
  return all;
}

// Faults.

void FakeDirectory::fail_read(int nth, Fault fault) { failing_read_ = {nth, fault}; }
void FakeDirectory::fail_write(int nth, Fault fault) { failing_write_ = {nth, fault}; }
void FakeDirectory::timeout_after_write(int nth) { silent_write_ = {nth, Fault::timeout}; }
void FakeDirectory::drop_connection_at_write(int nth) { dropping_write_ = {nth, Fault::unavailable}; }
void FakeDirectory::hide(std::string_view who) { need(who).hidden = true; }
void FakeDirectory::hide_attribute(std::string_view who, const std::string& name) {
  need(who).hidden_attributes.insert(name);
}
void FakeDirectory::truncate(std::string_view who, const std::string& attribute) {
  need(who).truncated.insert(attribute);
}
void FakeDirectory::deny_writes(std::string_view who) { need(who).read_only = true; }
void FakeDirectory::reveal(std::string_view who) {
  Node& node = need(who);
  node.hidden = node.read_only = false;
  node.hidden_attributes.clear();
  node.truncated.clear();
}

}  // namespace plumb::test
