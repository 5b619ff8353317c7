#include "connector/guarded_directory.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "connector/attributes.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

bool is_guid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !digit) return false;
  }
  return true;
}

// By its name, and nothing behind it.
bool names_all(const DirectoryWrite& write) {
  return std::ranges::all_of(write.changes,
                             [](const Modification& change) { return names_attribute(change.attribute); });
}

class GuardedDirectory final : public Directory {
 public:
  GuardedDirectory(std::unique_ptr<Directory> inner, const Policy& policy, const DirectoryRule& rule,
                   std::shared_ptr<const void> kept)
      : kept_(std::move(kept)), inner_(std::move(inner)), policy_(policy), rule_(rule) {}

  Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope, Deadline deadline) override {
    PLUMB_CHECK(may_read(scope));
    return inner_->read_all(scope, deadline);
  }
  std::unique_ptr<Pages> read_pages(ReadScope scope, std::size_t most) override {
    if (auto allowed = may_read(scope); !allowed) return std::make_unique<NoPages>(std::move(allowed).error());
    return inner_->read_pages(std::move(scope), most);
  }
  Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                  std::span<const std::string> fetch, Deadline deadline) override {
    PLUMB_CHECK(may_read_at_all());
    PLUMB_CHECK(may_read_attribute(attribute));
    PLUMB_CHECK(may_read_attributes(fetch));
    PLUMB_TRY(auto entries, inner_->find(attribute, values, fetch, deadline));
    leave_out_others(entries);
    return entries;
  }
  Result<std::string> cursor(Deadline deadline) override {
    PLUMB_CHECK(may_read_at_all());
    return inner_->cursor(deadline);
  }
  Result<DirectoryChanges> changes_since(const std::string& cursor, const ReadScope& scope,
                                         Deadline deadline) override {
    PLUMB_CHECK(may_read(scope));
    PLUMB_TRY(auto changes, inner_->changes_since(cursor, scope, deadline));
    leave_out_others(changes.changed);
    return changes;
  }
  Result<bool> continues(const std::string& cursor, Deadline deadline) override {
    PLUMB_CHECK(may_read_at_all());
    return inner_->continues(cursor, deadline);
  }
  Result<std::vector<AttributeHistory>> history(const std::string& id, Deadline deadline) override {
    if (!is_guid(id)) return fail(Fault::invalid, "\"{}\" is no objectGUID", printable(id));
    PLUMB_TRY(const auto found, find("objectGUID", std::span(&id, 1), {}, deadline));
    if (found.empty()) return fail(Fault::not_found, "{} is not there", id);
    return inner_->history(id, deadline);
  }
  Answers write(std::span<const DirectoryWrite> writes, Deadline deadline) override {
    return begin_write({writes.begin(), writes.end()}, deadline)();
  }
  std::function<Answers()> begin_write(std::vector<DirectoryWrite> writes, Deadline deadline) override;
  Result<About> about(Deadline deadline) override {
    PLUMB_CHECK(may_read_at_all());
    return inner_->about(deadline);
  }

 private:
  class NoPages final : public Pages {
   public:
    explicit NoPages(Error why) : why_(std::move(why)) {}
    Result<std::optional<std::vector<Entry>>> next(Deadline) override { return Failure(why_); }

   private:
    Error why_;
  };
  using Places = std::map<std::string, std::string, IgnoreCase>;  // id -> DN

  // Any base that it is allowed will do: the question is whether reading is.
  Result<void> may_read_at_all() const { return policy_.may_read(rule_, rule_.base_dns.front()); }
  Result<void> may_read(const ReadScope& scope) const;
  Result<void> may_read_attribute(std::string_view name) const;
  Result<void> may_read_attributes(std::span<const std::string> names) const;
  void leave_out_others(std::vector<Entry>& entries) const;
  Result<Places> places_of(const std::vector<DirectoryWrite>& writes, Deadline deadline);
  Result<void> may_write(const DirectoryWrite& write, const Places& places) const;
  Result<void> may_write_at(const Dn& place, const DirectoryWrite& write) const;
  Result<void> may_move(const Dn& place, const DirectoryWrite& write) const;

  const std::shared_ptr<const void> kept_;
  const std::unique_ptr<Directory> inner_;
  const Policy& policy_;
  const DirectoryRule& rule_;
};

Result<void> GuardedDirectory::may_read(const ReadScope& scope) const {
  PLUMB_CHECK(may_read_at_all());
  PLUMB_CHECK(may_read_attributes(scope.attributes));
  for (const std::string& base : scope.bases) {
    PLUMB_TRY(const Dn dn, Dn::parse(base));
    PLUMB_CHECK(policy_.may_read(rule_, dn));
  }
  return {};
}

Result<void> GuardedDirectory::may_read_attribute(std::string_view name) const {
  if (!names_attribute(name)) return fail(Fault::denied, "attributes are read by their names here");
  if (is_secret(name)) return fail(Fault::denied, "{} is not read through a connector: it holds a secret", name);
  return {};
}

Result<void> GuardedDirectory::may_read_attributes(std::span<const std::string> names) const {
  for (const std::string& name : names) PLUMB_CHECK(may_read_attribute(name));
  return {};
}

void GuardedDirectory::leave_out_others(std::vector<Entry>& entries) const {
  std::erase_if(entries, [&](const Entry& entry) {
    const auto dn = Dn::parse(entry.dn);
    return !dn || std::ranges::none_of(rule_.base_dns, [&](const Dn& base) { return dn->within(base); });
  });
}

// Where objects are is asked anew for each write: an id alone may be of another partition of the server.
Result<GuardedDirectory::Places> GuardedDirectory::places_of(const std::vector<DirectoryWrite>& writes,
                                                             Deadline deadline) {
  std::vector<std::string> ids;
  for (const DirectoryWrite& write : writes)
    if (write.kind != DirectoryWrite::Kind::add && is_guid(write.id)) ids.push_back(write.id);
  Places places;
  if (ids.empty()) return places;
  PLUMB_TRY(auto found, inner_->find("objectGUID", ids, {}, deadline));
  for (Entry& entry : found) places[entry.id] = std::move(entry.dn);
  return places;
}

Result<void> GuardedDirectory::may_write_at(const Dn& place, const DirectoryWrite& write) const {
  PLUMB_CHECK(policy_.may_write(rule_, place));
  if (sets_password(write)) PLUMB_CHECK(policy_.may_set_password(rule_, place));
  return sets_rights(write) ? policy_.may_set_rights(rule_, place) : Result<void>();
}

// The name that it gets has to be allowed as well: one that is itself in write_dns cannot be renamed out of it.
Result<void> GuardedDirectory::may_move(const Dn& place, const DirectoryWrite& write) const {
  PLUMB_TRY(Dn rdn, Dn::parse(write.new_rdn.empty() ? write.dn : write.new_rdn));
  if (rdn.empty() || (!write.new_rdn.empty() && rdn.rdns().size() != 1))
    return fail(Fault::invalid, "\"{}\" is not one part of a name", printable(write.new_rdn));
  Dn parent = place.parent();
  if (!write.new_parent.empty()) {
    PLUMB_TRY(parent, Dn::parse(write.new_parent));
  }
  return policy_.may_write(rule_, parent.child(rdn.leaf().attribute, rdn.leaf().value));
}

Result<void> GuardedDirectory::may_write(const DirectoryWrite& write, const Places& places) const {
  if (!names_all(write)) return fail(Fault::denied, "attributes are written by their names here");
  if (write.kind == DirectoryWrite::Kind::add) {
    PLUMB_TRY(const Dn place, Dn::parse(write.dn));
    return may_write_at(place, write);
  }
  if (!is_guid(write.id)) return fail(Fault::invalid, "\"{}\" is no objectGUID", printable(write.id));
  // Where nothing may be written, that is the answer, not whether it is there.
  if (rule_.write_dns.empty()) return policy_.may_write(rule_, rule_.base_dns.front());
  const auto found = places.find(write.id);
  if (found == places.end()) return fail(Fault::not_found, "{} is not there", write.id);
  PLUMB_TRY(const Dn place, Dn::parse(found->second));
  PLUMB_CHECK(may_write_at(place, write));
  return write.kind == DirectoryWrite::Kind::move ? may_move(place, write) : Result<void>();
}

std::function<Directory::Answers()> GuardedDirectory::begin_write(std::vector<DirectoryWrite> writes,
                                                                  Deadline deadline) {
  // Nothing was sent yet: what fails here is known not to have been done.
  const auto refuse_all = [&](Error error) {
    if (error.fault == Fault::timeout) error.fault = Fault::unavailable;
    Answers answers;
    for (std::size_t i = 0; i < writes.size(); ++i) answers.emplace_back(Failure(error));
    return [answers = std::move(answers)] { return answers; };
  };
  Places places;
  if (!rule_.write_dns.empty()) {
    auto found = places_of(writes, deadline);
    if (!found) return refuse_all(found.error());
    places = std::move(*found);
  }
  std::vector<std::optional<Error>> refused(writes.size());
  std::vector<DirectoryWrite> allowed;
  std::set<std::string, IgnoreCase> moved;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    auto may = may_write(writes[i], places);
    // Where the second one takes it would follow from the first.
    if (may && writes[i].kind == DirectoryWrite::Kind::move && !moved.insert(writes[i].id).second)
      may = fail(Fault::invalid, "{} is moved twice at a time", writes[i].id);
    if (!may) {
      refused[i] = std::move(may).error();
    } else {
      allowed.push_back(std::move(writes[i]));
    }
  }
  auto rest = inner_->begin_write(std::move(allowed), deadline);
  return [refused = std::move(refused), rest = std::move(rest)] {
    Answers answers, done = rest();
    std::size_t next = 0;
    for (const auto& error : refused) {
      if (error) {
        answers.emplace_back(Failure(*error));
      } else {
        answers.push_back(std::move(done.at(next++)));
      }
    }
    return answers;
  };
}

}  // namespace

std::unique_ptr<Directory> guard(std::unique_ptr<Directory> inner, const Policy& policy, const DirectoryRule& rule,
                                 std::shared_ptr<const void> kept) {
  return std::make_unique<GuardedDirectory>(std::move(inner), policy, rule, std::move(kept));
}

}  // namespace plumb::connector
