#include "controller/engine/access.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb::engine {
namespace {

constexpr std::string_view kGroup = "ADGroup", kMember = "member";

const std::vector<std::string>& member_names(const LiveObject& group) {
  static const std::vector<std::string> kNone;
  const auto found = group.attributes.find(kMember);
  return found == group.attributes.end() ? kNone : found->second.values;
}

// Groups that everybody is in, and those that another installation merely looks after, give no rights.
std::string why_privileged(const LiveObject& group) {
  if (group.kind != kGroup || group.protection.empty()) return {};
  if (group.protection.starts_with("it belongs to another Plumbline installation")) return {};
  const auto sid = group.attributes.find("objectSid");
  if (sid == group.attributes.end() || sid->second.values.empty()) return group.protection;
  // Domain Users, Domain Guests, Domain Computers; Users, Guests (MS-DTYP 2.4.2.4).
  for (const std::string_view rid : {"-513", "-514", "-515", "-32-545", "-32-546"})
    if (sid->second.values.front().ends_with(rid)) return {};
  return group.protection;
}

using Number = std::size_t;

// The part of the directory that the plan reaches, before and after. Nodes are numbered as they are met.
class Reach {
 public:
  enum class When { before, after };

  Reach(const LiveSet& live, Nesting& nesting) : live_(live), nesting_(nesting) {}

  Number node(const std::string& handle) {
    const auto [found, fresh] = numbers_.try_emplace(dn_key(handle), nodes_.size());
    if (!fresh) return found->second;
    Node node;
    node.handle = handle;
    if (const LiveObject* live = live_.by_handle(handle)) {
      node.handle = live->handle;
      node.id = live->id;
      node.group = live->kind == kGroup;
      node.privileged = why_privileged(*live);
    }
    nodes_.push_back(std::move(node));
    return found->second;
  }
  Number of_link(const std::string& value) {
    const LinkText link = parse_link(value);
    const LiveObject* live = link.id.empty() ? nullptr : live_.by_id(link.id);
    return node(live != nullptr ? live->handle : link.dn.empty() ? value : link.dn);
  }
  Number of_change(const Change& change) {
    const LiveObject* live = change.id.empty() ? nullptr : live_.by_id(change.id);
    const Number number = node(live != nullptr ? live->handle : change.handle);
    nodes_[number].group = nodes_[number].group || change.key.kind == kGroup;
    return number;
  }

  void add(Number member, Number group) {
    nodes_[member].up_more.insert(group);
    nodes_[group].down_more.insert(member);
  }
  void take(Number member, Number group) {
    nodes_[member].up_less.insert(group);
    nodes_[group].down_less.insert(member);
  }

  const std::string& handle(Number number) const { return nodes_[number].handle; }
  const std::string& privileged(Number number) const { return nodes_[number].privileged; }
  bool is_group(Number number) const { return nodes_[number].group; }

  // Groups that have it as a member. Of what is no group, this looks through all of the directory.
  std::vector<Number> holders_before(Number number) {
    std::vector<Number> found;
    if (nodes_[number].id.empty()) return found;
    if (nodes_[number].group) {
      for (const std::string& id : nesting_.holders_of(live_, nodes_[number].id)) add_live(id, found);
      return found;
    }
    const std::string key = dn_key(nodes_[number].handle);
    for (const std::string& id : live_.holders_of(nodes_[number].handle)) {
      const LiveObject* object = live_.by_id(id);
      if (object == nullptr || object->kind != kGroup) continue;
      const auto& names = member_names(*object);  // it may name it as its manager alone
      if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return dn_key(name) == key; }))
        add_live(id, found);
    }
    return found;
  }

  // All groups that it is in by being in `first`, with the one below each on a shortest way from there.
  const std::map<Number, Number>& above(Number first, When when) {
    auto [found, fresh] = above_.try_emplace({first, when});
    if (!fresh) return found->second;
    std::map<Number, Number> seen = {{first, first}};
    std::vector<Number> queue = {first};
    for (std::size_t i = 0; i < queue.size(); ++i)
      for (const Number up : ups(queue[i], when))
        if (seen.emplace(up, queue[i]).second) queue.push_back(up);
    return above_[{first, when}] = std::move(seen);
  }

  // All that is in the group, groups and others, directly or not.
  std::vector<Number> inside(Number group, When when) {
    std::set<Number> seen = {group};
    std::vector<Number> queue = {group};
    for (std::size_t i = 0; i < queue.size(); ++i) {
      if (!nodes_[queue[i]].group) continue;
      const std::set<Number> below = members(queue[i], when);
      for (const Number each : below)
        if (seen.insert(each).second) queue.push_back(each);
    }
    queue.erase(queue.begin());
    return queue;
  }

  bool is_in(Number member, Number group, When when) {
    if (when == When::before && nodes_[group].id.empty()) return false;
    for (const Number each : groups_below(group, when))
      if (has(each, member, when)) return true;
    return false;
  }

  const std::set<Number>& taken_from(Number group) { return nodes_[group].down_less; }
  std::set<Number> members(Number group, When when) {
    std::set<Number> found;
    if (const LiveObject* live = nodes_[group].id.empty() ? nullptr : live_.by_id(nodes_[group].id)) {
      const std::vector<std::string> names = member_names(*live);
      for (const std::string& name : names) found.insert(node(name));
    }
    if (when == When::before) return found;
    for (const Number each : nodes_[group].down_less) found.erase(each);
    found.insert(nodes_[group].down_more.begin(), nodes_[group].down_more.end());
    return found;
  }

 private:
  struct Node {
    std::string handle, id, privileged;
    bool group = false;
    std::set<Number> up_more, up_less, down_more, down_less;
  };

  void add_live(const std::string& id, std::vector<Number>& to) {
    if (const LiveObject* object = live_.by_id(id)) to.push_back(node(object->handle));
  }

  std::vector<Number> ups(Number number, When when) {
    std::vector<Number> found;
    if (nodes_[number].group) found = holders_before(number);
    if (when == When::before) return found;
    std::erase_if(found, [&](Number each) { return nodes_[number].up_less.contains(each); });
    found.insert(found.end(), nodes_[number].up_more.begin(), nodes_[number].up_more.end());
    return found;
  }

  // The group and the groups inside of it.
  const std::vector<Number>& groups_below(Number group, When when) {
    const auto found = below_.find({group, when});
    if (found != below_.end()) return found->second;
    std::set<Number> seen = {group};
    std::vector<Number> queue = {group};
    for (std::size_t i = 0; i < queue.size(); ++i) {
      const Number at = queue[i];
      std::vector<Number> downs;
      if (!nodes_[at].id.empty()) {
        const std::set<std::string> ids = nesting_.groups_in(live_, nodes_[at].id);
        for (const std::string& id : ids) add_live(id, downs);
      }
      if (when == When::after) {
        std::erase_if(downs, [&](Number each) { return nodes_[at].down_less.contains(each); });
        for (const Number each : nodes_[at].down_more)
          if (nodes_[each].group) downs.push_back(each);
      }
      for (const Number each : downs)
        if (seen.insert(each).second) queue.push_back(each);
    }
    return below_[{group, when}] = std::move(queue);
  }

  // Whether it is named by the group itself.
  bool has(Number group, Number member, When when) {
    const Node& node = nodes_[group];
    // What the plan adds was not there, and what it takes was: most plans need not look into the group.
    if (node.down_more.contains(member)) return when == When::after;
    if (node.down_less.contains(member)) return when == When::before;
    if (node.id.empty()) return false;
    const auto [found, fresh] = names_.try_emplace(group);
    if (fresh)
      if (const LiveObject* live = live_.by_id(node.id))
        for (const std::string& name : member_names(*live)) found->second.insert(dn_key(name));
    return found->second.contains(dn_key(nodes_[member].handle));
  }

  const LiveSet& live_;
  Nesting& nesting_;
  std::vector<Node> nodes_;
  std::unordered_map<std::string, Number> numbers_;
  std::map<std::pair<Number, When>, std::map<Number, Number>> above_;
  std::map<std::pair<Number, When>, std::vector<Number>> below_;
  std::unordered_map<Number, std::unordered_set<std::string>> names_;
};

struct Link {
  Number member, group;
  const Change* by;
};

class Teller {
 public:
  Teller(Plan& plan, const LiveSet& live, Nesting& nesting, const AccessLimits& limits)
      : plan_(plan), limits_(limits), reach_(live, nesting) {}

  void run() {
    std::vector<const Change*> removals;
    for (const auto& level : plan_.levels) {
      for (const Change& change : level) {
        if (change.does(Action::remove)) removals.push_back(&change);
        for (const FieldChange& field : change.fields)
          if (field.link && equals_ignoring_case(field.name, kMember)) take(change, field);
      }
    }
    for (const Change* change : removals) take_away(*change);
    for (const Link& link : added_) reach_.add(link.member, link.group);
    for (const Link& link : removed_) reach_.take(link.member, link.group);
    for (const Link& link : added_) tell(link, true, false);
    for (const Link& link : removed_) tell(link, false, false);
    for (const Link& link : added_) tell(link, true, true);
    for (const Link& link : removed_) tell(link, false, true);
    // What matters most comes first.
    std::sort(plan_.access.begin(), plan_.access.end(), [](const AccessChange& a, const AccessChange& b) {
      const auto rank = [](const AccessChange& each) {
        return std::tuple(each.privileged.empty(), !each.gained, each.nested);
      };
      if (rank(a) != rank(b)) return rank(a) < rank(b);
      return std::tie(a.group, a.member, a.by) < std::tie(b.group, b.member, b.by);
    });
  }

 private:
  void take(const Change& change, const FieldChange& field) {
    const Number group = reach_.of_change(change);
    for (const std::string& value : field.added) added_.push_back({reach_.of_link(value), group, &change});
    for (const std::string& value : field.removed) removed_.push_back({reach_.of_link(value), group, &change});
  }

  // What is deleted is in nothing any more, and nothing is in it.
  void take_away(const Change& change) {
    const Number gone = reach_.of_change(change);
    for (const Number group : reach_.holders_before(gone)) removed_.push_back({gone, group, &change});
    if (!reach_.is_group(gone)) return;
    for (const Number member : reach_.members(gone, Reach::When::before)) removed_.push_back({member, gone, &change});
  }

  void tell(const Link& link, bool gained, bool nested) {
    using When = Reach::When;
    const When here = gained ? When::after : When::before, there = gained ? When::before : When::after;
    if (nested && !reach_.is_group(link.member)) return;
    const std::vector<Number> members = nested ? reach_.inside(link.member, here) : std::vector<Number>{link.member};
    const std::map<Number, Number> groups = reach_.above(link.group, here);
    for (const auto& [group, below] : groups) {
      for (const Number member : members) {
        if (member == group || reach_.is_in(member, group, there)) continue;
        const bool first = told_.emplace(member, group, gained).second;
        // Each change that lets somebody in by name is told: a policy has to hold all of them.
        if (first || (!nested && !reach_.privileged(group).empty())) keep(link, member, group, groups, gained, nested);
      }
    }
  }

  void keep(const Link& link, Number member, Number group, const std::map<Number, Number>& groups, bool gained,
            bool nested) {
    const std::string& privileged = reach_.privileged(group);
    const bool always = !nested && gained && !privileged.empty();
    if (plan_.access.size() >= limits_.most && !always) {
      ++plan_.access_more;
      return;
    }
    AccessChange change;
    change.member = reach_.handle(member);
    change.group = reach_.handle(group);
    change.gained = gained;
    for (Number at = group; at != link.group;) {
      at = groups.at(at);
      change.via.insert(change.via.begin(), reach_.handle(at));
    }
    if (nested) change.via.insert(change.via.begin(), reach_.handle(link.member));
    change.privileged = privileged;
    change.by = link.by->key;
    change.nested = nested;
    plan_.access.push_back(std::move(change));
  }

  Plan& plan_;
  const AccessLimits& limits_;
  Reach reach_;
  std::vector<Link> added_, removed_;
  std::set<std::tuple<Number, Number, bool>> told_;
};

}  // namespace

void tell_access(Plan& plan, const LiveSet& live, Nesting& nesting, const AccessLimits& limits) {
  plan.access.clear();
  plan.access_more = 0;
  Teller(plan, live, nesting, limits).run();
}

void Nesting::forget() {
  made_ = false;
  known_.clear();
  holders_.clear();
  inside_.clear();
}

void Nesting::make(const LiveSet& live) {
  if (made_) return;
  made_ = true;
  std::unordered_map<std::string, std::string> ids;  // by the key of the name
  live.for_each([&](const LiveSet::View& each) {
    if (each.kind() == kGroup) ids.emplace(dn_key(each.handle()), each.id());
  });
  live.for_each([&](const LiveSet::View& each) {
    if (each.kind() != kGroup) return;
    const LiveObject group = each.decoded();
    known_.insert(group.id);
    for (const std::string& name : member_names(group)) {
      const auto inside = ids.find(dn_key(name));
      if (inside == ids.end()) continue;
      holders_[inside->second].insert(group.id);
      inside_[group.id].insert(inside->second);
    }
  });
}

void Nesting::empty(const std::string& group) {
  const auto inside = inside_.find(group);
  if (inside == inside_.end()) return;
  for (const std::string& each : inside->second) holders_[each].erase(group);
  inside_.erase(inside);
}

void Nesting::look_into(const LiveSet& live, const LiveObject& group) {
  const std::vector<std::string> names = member_names(group);
  for (const std::string& name : names) {
    const LiveObject* inside = live.by_handle(name);
    if (inside == nullptr || inside->kind != kGroup) continue;
    holders_[inside->id].insert(group.id);
    inside_[group.id].insert(inside->id);
  }
}

// A group that has come: others may have named it before.
void Nesting::learn(const LiveSet& live, const std::string& group) {
  if (!known_.insert(group).second) return;
  const LiveObject* object = live.by_id(group);
  if (object == nullptr) return;
  look_into(live, *object);
  for (const std::string& id : live.holders_of(object->handle))
    if (const LiveObject* holder = live.by_id(id); holder != nullptr && holder->kind == kGroup)
      look_into(live, *holder);
}

void Nesting::note(const LiveSet& live, std::span<const std::string> changed) {
  if (!made_) return;
  for (const std::string& id : changed) {
    empty(id);
    const LiveObject* object = live.by_id(id);
    if (object == nullptr || object->kind != kGroup) {
      known_.erase(id);
      continue;
    }
    look_into(live, *object);
    learn(live, id);
  }
}

const std::set<std::string>& Nesting::holders_of(const LiveSet& live, const std::string& group) {
  make(live);
  learn(live, group);
  return holders_[group];
}

const std::set<std::string>& Nesting::groups_in(const LiveSet& live, const std::string& group) {
  make(live);
  learn(live, group);
  return inside_[group];
}

}  // namespace plumb::engine
