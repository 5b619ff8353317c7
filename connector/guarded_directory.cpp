#include "connector/guarded_directory.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "controller/base/text.h"

namespace plumb::connector {
namespace {

// What sets a password, or stands for one (MS-ADTS 3.1.1.3.1.5, MS-ADA).
constexpr std::array<std::string_view, 14> kPasswords{"msDS-KeyCredentialLink",
                                                      "altSecurityIdentities",
                                                      "ms-Mcs-AdmPwd",
                                                      "msLAPS-Password",
                                                      "msLAPS-EncryptedPassword",
                                                      "msLAPS-EncryptedDSRMPassword",

                                                      "unicodePwd",
                                                      "userPassword",
                                                      "clearTextPassword",
                                                      "dBCSPwd",
                                                      "lmPwdHistory",
                                                      "ntPwdHistory",
                                                      "supplementalCredentials",
                                                      "msDS-ManagedPassword"};

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

bool sets_password(const DirectoryWrite& write) {
  return std::ranges::any_of(write.changes, [](const Modification& change) {
    // "unicodePwd;binary" is the same attribute (RFC 4512, 2.5).
    const std::string_view name = std::string_view(change.attribute).substr(0, change.attribute.find(';'));
    return change.secret != nullptr ||
           std::ranges::any_of(kPasswords, [&](std::string_view each) { return equals_ignoring_case(each, name); });
  });
}

// By its name: a number (an OID) stands for any attribute.
bool names_all(const DirectoryWrite& write) {
  return std::ranges::all_of(write.changes, [](const Modification& change) {
    const std::string_view name = change.attribute;
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !name.empty() && letter(name.front()) && name.find('.') == std::string_view::npos;
  });
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
  void leave_out_others(std::vector<Entry>& entries) const;
  Result<bool> whole_domain_is_writable(Deadline deadline);
  Result<Places> places_of(const std::vector<DirectoryWrite>& writes, Deadline deadline);
  Result<void> may_write(const DirectoryWrite& write, const std::optional<Places>& places) const;
  Result<void> may_write_at(const std::string& dn, bool password) const;

  const std::shared_ptr<const void> kept_;
  const std::unique_ptr<Directory> inner_;
  const Policy& policy_;
  const DirectoryRule& rule_;
  std::optional<bool> whole_;
};

Result<void> GuardedDirectory::may_read(const ReadScope& scope) const {
  PLUMB_CHECK(may_read_at_all());
  for (const std::string& base : scope.bases) {
    PLUMB_TRY(const Dn dn, Dn::parse(base));
    PLUMB_CHECK(policy_.may_read(rule_, dn));
  }
  return {};
}

void GuardedDirectory::leave_out_others(std::vector<Entry>& entries) const {
  std::erase_if(entries, [&](const Entry& entry) {
    const auto dn = Dn::parse(entry.dn);
    return !dn || std::ranges::none_of(rule_.base_dns, [&](const Dn& base) { return dn->within(base); });
  });
}

// Then an id says enough: there is nowhere else. The domain says itself what it is.
Result<bool> GuardedDirectory::whole_domain_is_writable(Deadline deadline) {
  if (!whole_) {
    PLUMB_TRY(const auto about, inner_->about(deadline));
    PLUMB_TRY(const Dn domain, Dn::parse(about.domain_dn));
    whole_ = std::ranges::any_of(rule_.write_dns, [&](const Dn& place) { return domain.within(place); });
  }
  return *whole_;
}

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

Result<void> GuardedDirectory::may_write_at(const std::string& dn, bool password) const {
  PLUMB_TRY(const Dn parsed, Dn::parse(dn));
  PLUMB_CHECK(policy_.may_write(rule_, parsed));
  return password ? policy_.may_set_password(rule_, parsed) : Result<void>();
}

// `places`: nothing, where any place will do.
Result<void> GuardedDirectory::may_write(const DirectoryWrite& write, const std::optional<Places>& places) const {
  if (!names_all(write)) return fail(Fault::denied, "attributes are written by their names here");
  const bool password = sets_password(write);
  if (write.kind == DirectoryWrite::Kind::add) return may_write_at(write.dn, password);
  if (!is_guid(write.id)) return fail(Fault::invalid, "\"{}\" is no objectGUID", printable(write.id));
  std::string place = rule_.write_dns.empty() ? write.dn : rule_.write_dns.front().text();
  if (places) {
    const auto found = places->find(write.id);
    if (found == places->end()) return fail(Fault::not_found, "{} is not there", write.id);
    place = found->second;
  }
  PLUMB_CHECK(may_write_at(place, password));
  if (write.kind != DirectoryWrite::Kind::move) return {};
  const auto comma = write.new_parent.empty() ? Dn::parse(place) : Dn::parse("CN=x," + write.new_parent);
  PLUMB_TRY(const Dn there, std::move(comma));
  return policy_.may_write(rule_, there);
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
  std::optional<Places> places;
  if (!rule_.write_dns.empty()) {
    const auto whole = whole_domain_is_writable(deadline);
    if (!whole) return refuse_all(whole.error());
    if (!*whole) {
      auto found = places_of(writes, deadline);
      if (!found) return refuse_all(found.error());
      places = std::move(*found);
    }
  }
  std::vector<std::optional<Error>> refused(writes.size());
  std::vector<DirectoryWrite> allowed;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    if (auto may = may_write(writes[i], places); !may) {
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
