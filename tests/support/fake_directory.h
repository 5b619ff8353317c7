#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/model/value.h"
#include "controller/ports/directory.h"
#include "controller/ports/directory_watch.h"
#include "tests/support/fake_schema.h"

namespace plumb::test {

// An Active Directory domain in memory that behaves like Windows where Samba is laxer. Deterministic:
// ids come from the seed and the order of creation. Copyable (a copy is a backup of the domain, hooks
// and log included). One caller at a time; it has no clock and ignores deadlines.
//
// A new one holds DC=ad,DC=test with CN=Users, CN=Builtin, OU=Domain Controllers, the well-known
// accounts and groups (Administrator, Guest, krbtgt, Domain Admins, ...), the domain controller DC1$
// and svc-plumbline, the account that we are bound as. Objects made later have RIDs above 1103.
//
// "who" below is a DN, a sAMAccountName or an id. Hooks and direct edits throw std::logic_error on a
// name that does not exist, so a mistake in a test is seen.
//
// It is one domain controller: it has an invocationId and USNs of its own. `replica` makes another of the same
// domain, `receive` replicates; FakeDirectorySwitch (fake_directory_switch.h) is what a client is connected to.
class FakeDirectory final : public Directory {
 public:
  explicit FakeDirectory(std::uint64_t seed = 1, std::string domain = "DC=ad,DC=test");

  // The port.
  Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope, Deadline deadline) override;
  std::unique_ptr<Pages> read_pages(ReadScope scope, std::size_t most) override;
  Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                  std::span<const std::string> fetch, Deadline deadline) override;
  std::vector<Result<std::string>> write(std::span<const DirectoryWrite> writes, Deadline deadline) override;
  Result<About> about(Deadline deadline) override;
  Result<std::string> cursor(Deadline deadline) override;
  Result<DirectoryChanges> changes_since(const std::string& cursor, const ReadScope& scope, Deadline deadline) override;
  Result<bool> continues(const std::string& cursor, Deadline deadline) override;
  Result<std::vector<AttributeHistory>> history(const std::string& id, Deadline deadline) override;

  // Seeding, and edits by "someone else": they raise uSNChanged, and are neither logged nor seen by hooks.
  using Values = std::map<std::string, std::vector<std::string>, IgnoreCase>;
  // Each returns the id. Names are RDN values; a user is enabled (512) and has a password unless told
  // otherwise by the attributes. Ids and DNs are accepted as values of links.
  std::string add_ou(const std::string& name, const std::string& parent = "", Values attributes = {});
  std::string add_user(const std::string& sam, const std::string& parent = "", Values attributes = {});
  std::string add_group(const std::string& sam, const std::string& parent = "",
                        const std::vector<std::string>& members = {}, Values attributes = {});
  void set(std::string_view who, const std::string& attribute, std::vector<std::string> values);  // also system's
  void clear(std::string_view who, const std::string& attribute) { set(who, attribute, {}); }
  void move(std::string_view who, const std::string& new_rdn, const std::string& new_parent = "");
  void remove(std::string_view who);  // with everything below it

  // What there is.
  std::optional<Entry> entry(std::string_view who) const;  // all attributes; hidden ones too
  std::vector<std::string> values(std::string_view who, std::string_view attribute) const;
  std::string value(std::string_view who, std::string_view attribute) const;  // the first; empty if none
  bool exists(std::string_view who) const { return find_node(who) != nullptr; }
  std::string id_of(std::string_view who) const;
  std::vector<std::string> ids() const;                             // of all entries, in order of creation
  std::optional<std::string> password(std::string_view who) const;  // as set through unicodePwd
  std::uint64_t highest_usn() const { return usn_; }
  const std::string& domain() const { return domain_; }
  // Everything below a base as text, without what differs from run to run (ids, SIDs, USNs): equal for equal content.
  std::string dump(std::string_view base = "") const;

  // Every write that was applied through the port, in order.
  struct Applied {
    DirectoryWrite write;
    std::string id;
    std::string dn_before, dn_after;  // empty: was not there, is no more
  };
  const std::vector<Applied>& log() const { return log_; }
  void clear_log() { log_.clear(); }
  // Port calls so far.
  int reads() const { return reads_; }
  int write_calls() const { return write_calls_; }

  // Faults. Counted from now, 1 is the next; each happens once.
  void fail_read(int nth, Fault fault = Fault::unavailable);   // read_all, a page, find or about as a whole
  void fail_write(int nth, Fault fault = Fault::unavailable);  // that single write is not applied
  void timeout_after_write(int nth);                           // that single write is applied and answers timeout
  void drop_connection_at_write(int nth);  // it and all later ones of its call: unavailable, not applied
  bool down = false;                       // every call answers unavailable
  bool without_sid = false;                // about() does not tell the SID of the domain
  bool hide_deletions = false;             // as if we could not read the Deleted Objects
  // Following changes.
  SystemTime now{};                                      // the clock of this domain controller
  void bump(std::string_view who) { touch(need(who)); }  // uSNChanged rises, nothing else does (as at a logon)
  void bump_usn(std::uint64_t by = 1) { usn_ += by; }  // highestCommittedUSN rises for something outside of the domain
  void forget_cursors() { ++epoch_; }                  // every cursor handed out so far is refused: Fault::conflict
  // Becomes what the backup was: objects, tombstones, USNs. Hooks, log and counters stay. Brought back as it should be
  // it has a new invocationId; as the copy of a disk it has the old one, and uses USNs again that it used already.
  enum class Restored { properly, as_a_copy };
  void restore(const FakeDirectory& backup, Restored how);
  // Another domain controller of the same domain, up to date, with an invocationId, USNs and RIDs of its own; without
  // hooks and log.
  FakeDirectory replica(const std::string& host) const;
  // Inbound replication: this one learns all that `from` knows; of two changes of one attribute the one with the
  // higher version wins, then the later. Of two objects of one name one becomes "name CNF:id".
  void receive(const FakeDirectory& from);
  const std::string& host() const { return host_; }
  const std::string& invocation_id() const { return invocation_id_; }
  // Answers of the port only, until `reveal`.
  void hide(std::string_view who);                                     // as if its ACL forbade to see it
  void hide_attribute(std::string_view who, const std::string& name);  // left out of answers
  void truncate(std::string_view who, const std::string& attribute);   // half of the values, Reading::truncated
  void deny_writes(std::string_view who);                              // LDAP 50
  void reveal(std::string_view who);

  // May stand between a reader of pages and these.
  std::function<std::unique_ptr<Pages>(std::unique_ptr<Pages>)> wrap_pages;
  // Called with every write that is about to be applied, and the entry it is for as it is (nothing: add).
  using Referee = std::function<void(const DirectoryWrite&, const std::optional<Entry>&)>;
  Referee referee;
  // Called around every single write, also refused ones; may throw, as a crash of our process does.
  enum class Moment { before_write, after_write };
  std::function<void(Moment, const DirectoryWrite&)> crash_point;

 private:
  using Key = std::uint64_t;  // order of creation
  // The last originating change of an attribute, or of one value of a link.
  struct Stamp {
    std::uint64_t version = 0;
    SystemTime at{};
    std::string server;  // invocationId
    friend auto operator<=>(const Stamp&, const Stamp&) = default;
  };
  struct LinkStamp {
    Stamp stamp;
    bool present = true;
  };
  struct Tombstone {
    std::uint64_t usn = 0;
    std::vector<std::string> classes;
    Stamp stamp;
  };
  struct Node {
    Key key = 0, parent = 0;
    std::string id, rdn_type, rdn_value;
    unsigned class_bits = 0;
    Values values;
    std::map<std::string, std::set<Key>, IgnoreCase> links;
    std::uint64_t usn = 0, rid = 0;
    std::map<std::string, Stamp, IgnoreCase> stamps;  // "name" stands for the place too
    std::map<std::pair<std::string, Key>, LinkStamp> link_stamps;
    std::optional<std::string> password;
    bool hidden = false, read_only = false;
    std::set<std::string, IgnoreCase> hidden_attributes, truncated;
  };
  struct Countdown {
    int left = 0;  // 0: off
    Fault fault = Fault::unavailable;
    bool hit() { return left > 0 && --left == 0; }
  };

  class FakePages;
  Result<std::vector<Entry>> page(const ReadScope& scope, Key& from, std::size_t most) const;
  void make_built_ins();
  void renew_invocation_id();
  Key make(std::string_view rdn_type, const std::string& rdn_value, Key parent, Values values, std::uint64_t rid = 0);
  void index(const Node& node);
  void unindex(const Node& node);
  void erase(Key key);
  void bury(Key key);  // erases it and leaves a tombstone
  // It was changed: a new USN, and stamps for whatever differs from `before`.
  void touch(Node& node, const Node* before = nullptr);
  void stamp_changes(Node& node, const Node& before);
  Stamp next(const Stamp& stamp) const { return {stamp.version + 1, now, invocation_id_}; }
  bool of_classes(const std::vector<std::string>& classes, const ReadScope& scope) const;
  std::string cursor_now() const;
  bool is_older(const Value& cursor) const;
  // Parts of `receive`.
  Key adopt(const FakeDirectory& from, const Node& theirs);
  bool merge_values(const Node& theirs, Node& ours);
  bool merge_place(const FakeDirectory& from, const Node& theirs, Node& ours);
  bool merge_links(const FakeDirectory& from, const Node& theirs, Node& ours);
  Key take_rid() { return next_rid_++; }

  const Node* find_node(std::string_view who) const;
  const Node* by_dn(std::string_view dn) const;
  Node& need(std::string_view who);
  const Node& need(std::string_view who) const;
  const Node* resolve_link(std::string_view value) const;
  std::string dn_of(const Node& node) const;
  bool below(const Node& node, Key ancestor) const;
  bool has_children(Key key) const;

  std::vector<std::string> read(const Node& node, const SchemaAttribute& attribute) const;
  Entry shown(const Node& node, std::span<const std::string> fetch) const;
  Entry everything(const Node& node) const;

  Result<std::string> apply(const DirectoryWrite& write);
  Result<std::string> apply_add(const DirectoryWrite& write);
  Result<std::string> apply_modify(const DirectoryWrite& write);
  Result<std::string> apply_move(const DirectoryWrite& write);
  Result<std::string> apply_remove(const DirectoryWrite& write);
  Result<Node*> target_of(const DirectoryWrite& write);
  Result<void> change(Node& node, const Modification& change, bool adding);
  Result<void> change_links(Node& node, const SchemaAttribute& attribute, const Modification& change);
  Result<void> change_values(Node& node, const SchemaAttribute& attribute, const Modification& change);
  Result<void> set_password(Node& node, const Modification& change);
  Result<void> check(const Node& node, const Node* before) const;
  Result<void> check_account(const Node& node, const Node* before) const;
  Result<void> check_unique(const Node& node) const;

  std::uint64_t seed_;
  std::string domain_, sid_;
  Key next_key_ = 1, next_rid_ = 1103;
  std::uint64_t usn_ = 3000, epoch_ = 0;
  std::string host_ = "dc1.ad.test", invocation_id_;
  std::map<std::string, std::string> hosts_;  // invocationId -> name of every domain controller it knows
  std::map<std::uint64_t, Key> by_usn_;
  std::map<std::string, Tombstone> tombstones_;  // by id
  std::map<Key, Node> nodes_;
  std::map<std::string, Key, std::less<>> ids_, accounts_;           // accounts: folded sAMAccountName
  std::map<std::string, Key, std::less<>> principal_names_;          // folded UPN
  std::map<std::pair<Key, std::string>, Key> places_;                // (parent, folded RDN)
  std::map<Key, std::set<std::pair<std::string, Key>>> back_links_;  // target -> (folded attribute, source)
  std::vector<Applied> log_;
  int reads_ = 0, write_calls_ = 0;
  Countdown failing_read_, failing_write_, silent_write_, dropping_write_;
};

// Steps with the test: says at once whether the domain controller's highest USN has changed since it was last asked,
// and never waits. `directory` must outlive it.
class FakeDirectoryWatch final : public DirectoryWatch {
 public:
  explicit FakeDirectoryWatch(const FakeDirectory& directory) : directory_(directory) {}
  Result<bool> wait(Deadline deadline, std::stop_token stop) override;

 private:
  const FakeDirectory& directory_;
  std::uint64_t seen_ = 0;
};

}  // namespace plumb::test
