// What the fake directory tells of changes: USNs, tombstones, cursors and the metadata of attributes. The cursor holds
// what the adapter's over libldap holds, and is refused for the same reasons.
#include <algorithm>

#include <boost/json/parse.hpp>

#include "controller/base/text.h"
#include "tests/support/fake_directory.h"

namespace plumb::test {

void FakeDirectory::touch(Node& node, const Node* before) {
  by_usn_.erase(node.usn);
  node.usn = ++usn_;
  by_usn_[node.usn] = node.key;
  if (before != nullptr) stamp_changes(node, *before);
}

void FakeDirectory::stamp_changes(Node& node, const Node& before) {
  const auto changed = [&](const std::string& name) { node.stamps[name] = next(node.stamps[name]); };
  for (const auto& [name, values] : node.values) {
    const auto was = before.values.find(name);
    if (was == before.values.end() || was->second != values) changed(name);
  }
  for (const auto& [name, values] : before.values)
    if (!node.values.contains(name)) changed(name);
  if (node.parent != before.parent || node.rdn_value != before.rdn_value) changed("name");
  if (node.password != before.password) changed("unicodePwd");
  const auto value_changed = [&](const std::string& name, Key target, bool present) {
    LinkStamp& link = node.link_stamps[{fold_case(name), target}];
    link = {next(link.stamp), present};
  };
  for (const auto& [name, targets] : node.links) {
    const auto was = before.links.find(name);
    for (const Key target : targets)
      if (was == before.links.end() || !was->second.contains(target)) value_changed(name, target, true);
  }
  for (const auto& [name, targets] : before.links) {
    const auto is = node.links.find(name);
    for (const Key target : targets)
      if (is == node.links.end() || !is->second.contains(target)) value_changed(name, target, false);
  }
}

// Who held links to it is not touched: the directory takes the values out on every domain controller by itself.
void FakeDirectory::bury(Key key) {
  const Node& node = nodes_.at(key);
  tombstones_[node.id] = {++usn_, node.values.at("objectClass"), {1, now, invocation_id_}};
  erase(key);
}

bool FakeDirectory::of_classes(const std::vector<std::string>& classes, const ReadScope& scope) const {
  return scope.classes.empty() || std::any_of(classes.begin(), classes.end(), [&](const std::string& name) {
           return std::any_of(scope.classes.begin(), scope.classes.end(),
                              [&](const auto& wanted) { return equals_ignoring_case(wanted, name); });
         });
}

std::string FakeDirectory::cursor_now() const {
  // The last object that was changed: one that has an older USN some day has been set back.
  Object witness;
  if (!by_usn_.empty()) {
    const Node& last = nodes_.at(by_usn_.rbegin()->second);
    witness = {{"id", last.id}, {"usn", last.usn}};
  }
  return canonical(Object{{"server", invocation_id_},
                          {"usn", usn_},
                          {"domain", nodes_.at(1).id},
                          {"deletions", !hide_deletions},
                          {"epoch", epoch_},
                          {"witness", witness}});
}

Result<std::string> FakeDirectory::cursor(Deadline) {
  ++reads_;
  if (down) return fail(Fault::unavailable, "no server answers");
  if (failing_read_.hit()) return fail(failing_read_.fault, "reading the rootDSE ended half way");
  return cursor_now();
}

Result<DirectoryChanges> FakeDirectory::changes_since(const std::string& text, const ReadScope& scope, Deadline) {
  ++reads_;
  if (down) return fail(Fault::unavailable, "no server answers");
  if (failing_read_.hit()) return fail(failing_read_.fault, "searching ended half way");
  boost::system::error_code fault;
  const Value json = boost::json::parse(text, fault);
  const auto usn = fault ? std::nullopt : int_at(json, "/usn");
  if (!usn) return fail(Fault::conflict, "this is no cursor of this directory");
  const auto same = [&](const char* where, const std::string& value) { return text_at(json, where) == value; };
  if (!same("/domain", nodes_.at(1).id)) return fail(Fault::conflict, "the cursor is of another domain");
  if (!same("/server", invocation_id_))
    return fail(Fault::conflict, "{} is not the domain controller that the cursor is of, or was restored", host_);
  if (bool_at(json, "/deletions") == hide_deletions)
    return fail(Fault::conflict, "what we may see of deleted objects has changed since");
  if (int_at(json, "/epoch") != static_cast<std::int64_t>(epoch_))
    return fail(Fault::conflict, "the server does not know the cursor any more");
  const auto since = static_cast<std::uint64_t>(*usn);
  if (usn_ < since)
    return fail(Fault::conflict, "{} has been set back to an old copy: its highest USN was {} and is {}", host_, since,
                usn_);
  DirectoryChanges changes;
  changes.cursor = usn_ == since ? text : cursor_now();
  if (usn_ == since) return changes;
  if (is_older(json))
    return fail(Fault::conflict, "{} has been set back to an old copy: {} is older than it was", host_,
                *text_at(json, "/witness/id"));
  for (auto at = by_usn_.upper_bound(since); at != by_usn_.end(); ++at)
    if (const Node& node = nodes_.at(at->second); !node.hidden && of_classes(node.values.at("objectClass"), scope))
      changes.changed.push_back(shown(node, scope.attributes));
  for (const auto& [id, tombstone] : tombstones_)
    if (!hide_deletions && tombstone.usn > since && of_classes(tombstone.classes, scope)) changes.removed.push_back(id);
  return changes;
}

// Whether the witness of a cursor is not what it was.
bool FakeDirectory::is_older(const Value& cursor) const {
  const auto id = text_at(cursor, "/witness/id");
  if (!id) return false;
  const auto found = ids_.find(*id);
  return found != ids_.end()
             ? nodes_.at(found->second).usn < static_cast<std::uint64_t>(*int_at(cursor, "/witness/usn"))
             : !hide_deletions && !tombstones_.contains(*id);
}

Result<bool> FakeDirectory::continues(const std::string& text, Deadline) {
  ++reads_;
  if (down) return fail(Fault::unavailable, "no server answers");
  if (failing_read_.hit()) return fail(failing_read_.fault, "searching ended half way");
  boost::system::error_code fault;
  const Value json = boost::json::parse(text, fault);
  if (fault || text_at(json, "/server") != invocation_id_) return false;
  const auto usn = static_cast<std::uint64_t>(int_at(json, "/usn").value_or(0));
  return usn_ == usn || (usn_ > usn && !is_older(json));
}

Result<std::vector<AttributeHistory>> FakeDirectory::history(const std::string& id, Deadline) {
  ++reads_;
  if (down) return fail(Fault::unavailable, "no server answers");
  if (failing_read_.hit()) return fail(failing_read_.fault, "searching ended half way");
  const auto found = ids_.find(lower(id));
  if (found == ids_.end() || nodes_.at(found->second).hidden)
    return fail(Fault::not_found, "no object has the id {}", printable(id));
  const Node& node = nodes_.at(found->second);
  const auto tell = [&](std::string attribute, std::string value, bool removed, const Stamp& stamp) {
    const auto host = hosts_.find(stamp.server);
    return AttributeHistory{std::move(attribute), std::move(value), removed,
                            stamp.version,        stamp.at,         host == hosts_.end() ? stamp.server : host->second};
  };
  std::vector<AttributeHistory> all;
  for (const auto& [name, stamp] : node.stamps) all.push_back(tell(name, "", false, stamp));
  for (const auto& [which, link] : node.link_stamps)
    if (const auto target = nodes_.find(which.second); target != nodes_.end())
      all.push_back(
          tell(std::string(schema_attribute(which.first)->name), dn_of(target->second), !link.present, link.stamp));
  return all;
}

void FakeDirectory::restore(const FakeDirectory& backup, Restored how) {
  const FakeDirectory was = *this;
  *this = backup;
  std::tie(log_, referee, crash_point) = std::tie(was.log_, was.referee, was.crash_point);
  std::tie(down, without_sid, hide_deletions, now) = std::tie(was.down, was.without_sid, was.hide_deletions, was.now);
  std::tie(reads_, write_calls_) = std::tie(was.reads_, was.write_calls_);
  std::tie(failing_read_, failing_write_, silent_write_, dropping_write_) =
      std::tie(was.failing_read_, was.failing_write_, was.silent_write_, was.dropping_write_);
  std::tie(host_, hosts_, invocation_id_, epoch_) = std::tie(was.host_, was.hosts_, was.invocation_id_, was.epoch_);
  // Ids are never used twice, USNs and RIDs are.
  next_key_ = std::max(next_key_, was.next_key_);
  if (how == Restored::properly) renew_invocation_id();
}

Result<bool> FakeDirectoryWatch::wait(Deadline, std::stop_token stop) {
  if (stop.stop_requested()) return false;
  if (directory_.down) return fail(Fault::unavailable, "no server answers");
  return std::exchange(seen_, directory_.highest_usn()) != directory_.highest_usn();
}

}  // namespace plumb::test
