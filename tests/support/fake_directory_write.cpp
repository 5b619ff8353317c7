// The write rules of the fake directory: what Windows refuses, and with which result code.
#include <algorithm>
#include <charconv>

#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "tests/support/fake_directory.h"

namespace plumb::test {
namespace {

constexpr std::uint32_t kDisabled = 0x2, kLockedOut = 0x10, kNoPassword = 0x20, kExpired = 0x800000;

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || text.empty()) return {};
  return value;
}

bool complex_enough(std::string_view password) {
  if (password.size() < 7) return false;
  int kinds[4] = {};
  for (const char c : password) {
    if (c >= 'a' && c <= 'z')
      kinds[0] = 1;
    else if (c >= 'A' && c <= 'Z')
      kinds[1] = 1;
    else if (c >= '0' && c <= '9')
      kinds[2] = 1;
    else
      kinds[3] = 1;
  }
  return kinds[0] + kinds[1] + kinds[2] + kinds[3] >= 3;
}

Result<void> check_account_name(std::string_view name, bool user) {
  if (name.empty() || (user && name.size() > 20))
    return fail(Fault::invalid, "sAMAccountName must have 1 to 20 characters: unwillingToPerform (53)");
  if (name.find_first_of("\"/\\[]:;|=,+*?<>") != std::string_view::npos || name.back() == '.')
    return fail(Fault::invalid, "sAMAccountName contains an invalid character: constraintViolation (19)");
  return {};
}

}  // namespace

std::vector<Result<std::string>> FakeDirectory::write(std::span<const DirectoryWrite> writes, Deadline) {
  ++write_calls_;
  std::vector<Result<std::string>> answers;
  bool dropped = down;
  for (const DirectoryWrite& one : writes) {
    if (!dropped && dropping_write_.hit()) dropped = true;
    if (dropped) {
      answers.emplace_back(fail(Fault::unavailable, "{}: no server answers; nothing was sent", printable(one.dn)));
      continue;
    }
    if (crash_point) crash_point(Moment::before_write, one);
    if (failing_write_.hit()) {
      answers.emplace_back(fail(failing_write_.fault, "{}: refused", printable(one.dn)));
    } else {
      answers.push_back(apply(one));
      if (answers.back() && silent_write_.hit())
        answers.back() = fail(Fault::timeout, "{}: no answer in time; the outcome is unknown", printable(one.dn));
    }
    if (crash_point) crash_point(Moment::after_write, one);
  }
  return answers;
}

Result<std::string> FakeDirectory::apply(const DirectoryWrite& write) {
  switch (write.kind) {
    case DirectoryWrite::Kind::add: return apply_add(write);
    case DirectoryWrite::Kind::modify: return apply_modify(write);
    case DirectoryWrite::Kind::move: return apply_move(write);
    case DirectoryWrite::Kind::remove: return apply_remove(write);
  }
  return fail(Fault::internal, "no such kind of write");
}

Result<FakeDirectory::Node*> FakeDirectory::target_of(const DirectoryWrite& write) {
  const auto found = ids_.find(lower(write.id));
  if (found == ids_.end() || nodes_.at(found->second).hidden)
    return fail(Fault::not_found, "{}: noSuchObject (32): no object has the id {}", printable(write.dn), write.id);
  Node& node = nodes_.at(found->second);
  if (node.read_only) return fail(Fault::denied, "{}: insufficientAccessRights (50)", printable(write.dn));
  return &node;
}

Result<std::string> FakeDirectory::apply_add(const DirectoryWrite& write) {
  const auto dn = Dn::parse(write.dn);
  if (!dn || dn->empty()) return fail(Fault::invalid, "{}: invalidDNSyntax (34)", printable(write.dn));
  const Node* parent = by_dn(dn->parent().text());
  if (parent == nullptr || parent->hidden)
    return fail(Fault::not_found, "{}: noSuchObject (32): the parent does not exist", printable(write.dn));
  if (parent->read_only) return fail(Fault::denied, "{}: insufficientAccessRights (50)", printable(write.dn));
  if (by_dn(write.dn) != nullptr) return fail(Fault::conflict, "{}: entryAlreadyExists (68)", printable(write.dn));
  std::string made;
  for (const Modification& change : write.changes) {
    if (change.op != Modification::Op::add) return fail(Fault::invalid, "an add takes only values to add");
    if (equals_ignoring_case(change.attribute, "objectClass") && !change.values.empty()) made = change.values.back();
  }
  const bool user = equals_ignoring_case(made, "user"), group = equals_ignoring_case(made, "group"),
             unit = equals_ignoring_case(made, "organizationalUnit");
  if (!user && !group && !unit && !equals_ignoring_case(made, "container"))
    return fail(Fault::invalid, "{}: objectClassViolation (65): objectClass \"{}\"", printable(write.dn),
                printable(made));
  if (!equals_ignoring_case(dn->leaf().attribute, unit ? "OU" : "CN"))
    return fail(Fault::invalid, "{}: namingViolation (64)", printable(write.dn));
  const unsigned places = unit ? kUnit | kDomain : kUnit | kDomain | kContainer;
  if ((parent->class_bits & places) == 0)
    return fail(Fault::invalid, "{}: namingViolation (64): not possible below that parent", printable(write.dn));

  if (referee) referee(write, std::nullopt);
  const auto [key_before, rid_before, usn_before] = std::make_tuple(next_key_, next_rid_, usn_);
  const auto classes = user    ? std::vector<std::string>{"top", "person", "organizationalPerson", "user"}
                       : group ? std::vector<std::string>{"top", "group"}
                               : std::vector<std::string>{"top", made};
  const Key key = make(unit ? "OU" : "CN", dn->leaf().value, parent->key, {{"objectClass", classes}},
                       user || group ? take_rid() : 0);
  const Node made_before = nodes_.at(key);
  const auto finish = [&]() -> Result<void> {
    Node& node = nodes_.at(key);
    unindex(node);
    // What the directory fills in by itself gives way to what the request says.
    for (Modification change : write.changes) {
      if (equals_ignoring_case(change.attribute, "objectClass")) continue;
      for (const std::string_view name : {"userAccountControl", "accountExpires", "pwdLastSet", "groupType"})
        if (equals_ignoring_case(change.attribute, name)) change.op = Modification::Op::replace;
      PLUMB_CHECK(this->change(node, change, true));
    }
    if ((user || group) && !node.values.contains("sAMAccountName"))
      node.values["sAMAccountName"] = {fmt::format("${:06X}-{}", node.rid, node.id.substr(0, 12))};
    PLUMB_CHECK(check(node, nullptr));
    PLUMB_CHECK(check_unique(node));
    index(node);
    stamp_changes(node, made_before);
    return {};
  };
  if (auto done = finish(); !done) {
    erase(key);
    std::tie(next_key_, next_rid_, usn_) = std::make_tuple(key_before, rid_before, usn_before);
    return in_context(printable(write.dn), std::move(done).error());
  }
  const Node& node = nodes_.at(key);
  log_.push_back({write, node.id, "", dn_of(node)});
  return node.id;
}

Result<std::string> FakeDirectory::apply_modify(const DirectoryWrite& write) {
  PLUMB_TRY(Node * target, target_of(write));
  if (referee) referee(write, everything(*target));
  const Node before = *target;
  unindex(*target);
  const auto all = [&]() -> Result<void> {
    for (const bool removing : {true, false})  // in the order in which the adapter sends them
      for (const Modification& change : write.changes)
        if ((change.op == Modification::Op::remove) == removing) PLUMB_CHECK(this->change(*target, change, false));
    PLUMB_CHECK(check(*target, &before));
    return check_unique(*target);
  };
  if (auto done = all(); !done) {
    const auto mirror = [this](const Node& node, bool there) {
      for (const auto& [attribute, targets] : node.links)
        for (const Key other : targets) {
          if (there)
            back_links_[other].insert({fold_case(attribute), node.key});
          else
            back_links_[other].erase({fold_case(attribute), node.key});
        }
    };
    mirror(*target, false);
    *target = before;
    mirror(*target, true);
    index(*target);
    return in_context(printable(dn_of(before)), std::move(done).error());
  }
  if (target->values != before.values || target->links != before.links || target->password != before.password)
    touch(*target, &before);
  index(*target);
  log_.push_back({write, target->id, dn_of(*target), dn_of(*target)});
  return target->id;
}

Result<std::string> FakeDirectory::apply_move(const DirectoryWrite& write) {
  PLUMB_TRY(Node * target, target_of(write));
  const std::string was = dn_of(*target);
  if (target->values.contains("isCriticalSystemObject"))
    return fail(Fault::invalid, "{}: unwillingToPerform (53): a system object", printable(was));
  const auto rdn = Dn::parse(write.new_rdn.empty() ? rdn_text(target->rdn_type, target->rdn_value) : write.new_rdn);
  if (!rdn || rdn->rdns().size() != 1)
    return fail(Fault::invalid, "{}: invalidDNSyntax (34): new name {}", printable(was), printable(write.new_rdn));
  if (!equals_ignoring_case(rdn->leaf().attribute, target->rdn_type) || rdn->leaf().value.size() > 64)
    return fail(Fault::invalid, "{}: namingViolation (64): new name {}", printable(was), printable(write.new_rdn));
  const Node* parent = write.new_parent.empty() ? &nodes_.at(target->parent) : resolve_link(write.new_parent);
  if (parent == nullptr || parent->hidden)
    return fail(Fault::not_found, "{}: other (80): the new parent {} does not exist", printable(was),
                printable(write.new_parent));
  if (parent->read_only) return fail(Fault::denied, "{}: insufficientAccessRights (50)", printable(was));
  const unsigned places = target->class_bits == kUnit ? kUnit | kDomain : kUnit | kDomain | kContainer;
  // MS-ADTS 3.1.1.5.4.1.2.
  if (below(*parent, target->key))
    return fail(Fault::invalid, "{}: unwillingToPerform (53): {} is below it", printable(was),
                printable(write.new_parent));
  if ((parent->class_bits & places) == 0)
    return fail(Fault::invalid, "{}: namingViolation (64): not possible below {}", printable(was),
                printable(write.new_parent));
  const auto taken = places_.find({parent->key, fold_case(rdn_text(target->rdn_type, rdn->leaf().value))});
  if (taken != places_.end() && taken->second != target->key)
    return fail(Fault::conflict, "{}: entryAlreadyExists (68): {} in {}", printable(was), printable(rdn->text()),
                printable(dn_of(*parent)));
  if (referee) referee(write, everything(*target));
  move(target->id, rdn->text(), dn_of(*parent));
  log_.push_back({write, target->id, was, dn_of(*target)});
  return target->id;
}

Result<std::string> FakeDirectory::apply_remove(const DirectoryWrite& write) {
  PLUMB_TRY(Node * target, target_of(write));
  const std::string was = dn_of(*target), id = target->id;
  if (has_children(target->key))
    return fail(Fault::conflict, "{}: notAllowedOnNonLeaf (66): there is something below it", printable(was));
  if (target->values.contains("isCriticalSystemObject"))
    return fail(Fault::invalid, "{}: unwillingToPerform (53): a system object", printable(was));
  if (referee) referee(write, everything(*target));
  bury(target->key);
  log_.push_back({write, id, was, ""});
  return id;
}

Result<void> FakeDirectory::change(Node& node, const Modification& change, bool adding) {
  const std::string& name = change.attribute;
  const SchemaAttribute* attribute = schema_attribute(name);
  if (attribute == nullptr)
    return fail(Fault::invalid, "attribute '{}' was not found in the schema: noSuchAttribute (16)", printable(name));
  if (attribute->syntax == Syntax::back_link)
    return fail(Fault::invalid, "'{}' must not be modified directly: unwillingToPerform (53)", name);
  if (equals_ignoring_case(name, "cn") || equals_ignoring_case(name, "ou") || attribute->name == "name") {
    if (adding && change.values == std::vector<std::string>{node.rdn_value}) return {};
    return fail(Fault::invalid, "'{}' is the name itself: notAllowedOnRDN (67)", name);
  }
  if (attribute->system)
    return fail(Fault::invalid, "'{}' can only be modified as system: constraintViolation (19)", name);
  if (equals_ignoring_case(name, "objectClass"))
    return fail(Fault::invalid, "the structural class cannot be changed: objectClassViolation (65)");
  if ((attribute->classes & node.class_bits) == 0)
    return fail(Fault::invalid, "'{}' is not of the object's classes: objectClassViolation (65)", name);
  if (attribute->name == "unicodePwd") return set_password(node, change);
  if (change.secret) return fail(Fault::invalid, "'{}' does not take a secret", name);
  if (change.op != Modification::Op::remove && change.op != Modification::Op::replace && change.values.empty())
    return fail(Fault::invalid, "'{}': no value to add: constraintViolation (19)", name);
  for (const std::string& value : change.values) {
    if (value.empty() || (attribute->longest != 0 && value.size() > attribute->longest) ||
        (attribute->syntax == Syntax::integer && !number(value)) ||
        (attribute->syntax == Syntax::boolean && value != "TRUE" && value != "FALSE") ||
        (attribute->syntax == Syntax::text && (!is_utf8(value) || value.find('\0') != std::string::npos)))
      return fail(Fault::invalid, "'{}' contains an invalid value: invalidAttributeSyntax (21)", name);
  }
  if (attribute->name == "pwdLastSet" && change.op != Modification::Op::remove) {
    if (change.values != std::vector<std::string>{"0"} && change.values != std::vector<std::string>{"-1"})
      return fail(Fault::invalid, "pwdLastSet may only be set to 0 or -1: other (80)");
    Modification set = change;
    if (set.values.front() == "-1") set.values = {std::to_string(133000000000000000 + static_cast<std::int64_t>(usn_))};
    return change_values(node, *attribute, set);
  }
  return attribute->syntax == Syntax::link ? change_links(node, *attribute, change)
                                           : change_values(node, *attribute, change);
}

Result<void> FakeDirectory::change_links(Node& node, const SchemaAttribute& attribute, const Modification& change) {
  const std::string name(attribute.name);
  auto& links = node.links[name];
  std::set<Key> named;
  for (const std::string& value : change.values) {
    const LinkText link = parse_link(value);
    if (link.id.empty() && !Dn::parse(link.dn))
      return fail(Fault::invalid, "'{}' is not a distinguished name: invalidDNSyntax (34)", printable(value));
    // The object itself is out of the indexes while it is written.
    const bool itself = link.id.empty() ? dn_key(link.dn) == dn_key(dn_of(node)) : lower(link.id) == node.id;
    const Node* target = itself ? &node : resolve_link(value);
    if (target == nullptr)
      return fail(Fault::conflict, "{}: {}: the object named does not exist (32)", name, printable(value));
    named.insert(target->key);
  }
  const auto link = [&](Key target) {
    links.insert(target);
    back_links_[target].insert({fold_case(name), node.key});
  };
  const auto unlink = [&](Key target) {
    links.erase(target);
    back_links_[target].erase({fold_case(name), node.key});
  };
  if (change.op == Modification::Op::add) {
    for (const Key target : named) {
      const Node& other = nodes_.at(target);
      const auto primary = other.values.find("primaryGroupID");
      const bool is_primary = name == "member" && primary != other.values.end() && node.rid != 0 &&
                              primary->second.front() == std::to_string(node.rid);
      if (links.contains(target) || is_primary)
        return fail(Fault::conflict, "{}: {} is there already: entryAlreadyExists (68)", name, printable(dn_of(other)));
      link(target);
    }
  } else {
    const bool all = change.op == Modification::Op::replace || change.values.empty();
    if (change.op == Modification::Op::remove && all && links.empty())
      return fail(Fault::conflict, "'{}': nothing to remove: noSuchAttribute (16)", name);
    if (change.op == Modification::Op::remove)
      for (const Key target : named)
        if (!links.contains(target))
          return fail(Fault::conflict, "{}: {} is not there: unwillingToPerform (53)", name,
                      printable(dn_of(nodes_.at(target))));
    for (const Key target : all ? std::set<Key>(links) : named) unlink(target);
    if (change.op == Modification::Op::replace)
      for (const Key target : named) link(target);
  }
  if (!attribute.multi_valued && links.size() > 1)
    return fail(Fault::conflict, "'{}' takes one value: attributeOrValueExists (20)", name);
  return {};
}

Result<void> FakeDirectory::change_values(Node& node, const SchemaAttribute& attribute, const Modification& change) {
  const std::string& name = change.attribute;
  auto values = node.values.contains(name) ? node.values[name] : std::vector<std::string>{};
  const auto position = [&](const std::string& value) {
    return std::find_if(values.begin(), values.end(), [&](const std::string& have) {
      return match_key(attribute, have) == match_key(attribute, value);
    });
  };
  switch (change.op) {
    case Modification::Op::add:
      for (const std::string& value : change.values) {
        if (position(value) != values.end() || (!attribute.multi_valued && !values.empty()))
          return fail(Fault::conflict, "'{}' has a value already: attributeOrValueExists (20)", name);
        values.push_back(value);
      }
      break;
    case Modification::Op::remove:
      if (values.empty()) return fail(Fault::conflict, "'{}': no such attribute to remove: noSuchAttribute (16)", name);
      for (const std::string& value : change.values) {
        const auto at = position(value);
        if (at == values.end())
          return fail(Fault::conflict, "'{}': no matching value to remove: noSuchAttribute (16)", name);
        values.erase(at);
      }
      if (change.values.empty()) values.clear();
      break;
    case Modification::Op::replace:
      values = change.values;
      if (!attribute.multi_valued && values.size() > 1)
        return fail(Fault::invalid, "'{}' takes one value: attributeOrValueExists (20)", name);
      break;
  }
  if (values.empty())
    node.values.erase(name);
  else
    node.values[std::string(attribute.name)] = std::move(values);
  return {};
}

Result<void> FakeDirectory::set_password(Node& node, const Modification& change) {
  if (!change.secret || change.op == Modification::Op::remove)
    return fail(Fault::invalid, "unicodePwd takes a secret, added or replaced: unwillingToPerform (53)");
  if (!complex_enough(change.secret->reveal()))
    return fail(Fault::invalid, "unicodePwd: 0000052D: does not meet the password policy: constraintViolation (19)");
  node.password = std::string(change.secret->reveal());
  node.values["pwdLastSet"] = {std::to_string(133000000000000000 + static_cast<std::int64_t>(usn_))};
  return {};
}

Result<void> FakeDirectory::check(const Node& node, const Node* before) const {
  const auto changed = [&](const char* name) {
    const auto is = node.values.find(name);
    if (is == node.values.end()) return before != nullptr && before->values.contains(name);
    if (before == nullptr) return true;
    const auto then = before->values.find(name);
    return then == before->values.end() || then->second != is->second;
  };
  if (node.rdn_value.size() > 64)
    return fail(Fault::invalid, "a name has at most 64 characters: constraintViolation (19)");
  if (changed("sAMAccountName")) {
    const auto name = node.values.find("sAMAccountName");
    if ((node.class_bits & (kUser | kGroup)) != 0 && name == node.values.end())
      return fail(Fault::invalid, "sAMAccountName cannot be removed: unwillingToPerform (53)");
    if (name != node.values.end() && !name->second.front().starts_with('$'))
      PLUMB_CHECK(check_account_name(name->second.front(), node.class_bits == kUser));
  }
  if (changed("lockoutTime") && node.values.contains("lockoutTime") && node.values.at("lockoutTime").front() != "0")
    return fail(Fault::invalid, "lockoutTime may only be set to 0: unwillingToPerform (53)");
  if (changed("primaryGroupID") && before != nullptr) {
    const auto& group = node.values.find("primaryGroupID");
    const auto links = back_links_.find(node.key);
    const bool member =
        group != node.values.end() && links != back_links_.end() &&
        std::any_of(links->second.begin(), links->second.end(), [&](const auto& link) {
          return link.first == "member" && std::to_string(nodes_.at(link.second).rid) == group->second.front();
        });
    if (!member) return fail(Fault::invalid, "primaryGroupID: not a member of it: unwillingToPerform (53)");
  }
  return node.class_bits == kUser ? check_account(node, before) : Result<void>{};
}

Result<void> FakeDirectory::check_account(const Node& node, const Node* before) const {
  const auto control = node.values.find("userAccountControl");
  if (control == node.values.end())
    return fail(Fault::invalid, "userAccountControl cannot be removed: unwillingToPerform (53)");
  const auto flags = static_cast<std::uint32_t>(number(control->second.front()).value_or(0));
  if ((flags & (0x200 | 0x800 | 0x1000 | 0x2000)) == 0 || (flags & (kLockedOut | kExpired)) != 0)
    return fail(Fault::invalid, "userAccountControl {} is not possible: unwillingToPerform (53)", flags);
  if ((flags & (kDisabled | kNoPassword)) == 0 && !node.password &&
      (before == nullptr || control->second != before->values.at("userAccountControl")))
    return fail(Fault::invalid, "0000052D: an account without a password cannot be enabled: unwillingToPerform (53)");
  return {};
}

Result<void> FakeDirectory::check_unique(const Node& node) const {
  const auto taken = [&](const auto& index, const char* name) {
    const auto value = node.values.find(name);
    return value != node.values.end() && index.contains(fold_case(value->second.front()));
  };
  if (taken(accounts_, "sAMAccountName"))
    return fail(Fault::conflict, "samldb: sAMAccountName '{}' is already in use: entryAlreadyExists (68)",
                printable(node.values.at("sAMAccountName").front()));
  if (taken(principal_names_, "userPrincipalName"))
    return fail(Fault::invalid, "userPrincipalName '{}' is already in use: constraintViolation (19)",
                printable(node.values.at("userPrincipalName").front()));
  return {};
}

}  // namespace plumb::test
