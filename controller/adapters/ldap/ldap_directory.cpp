#include "controller/adapters/ldap/ldap_directory.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <optional>

#include "controller/adapters/ldap/changes.h"
#include "controller/adapters/ldap/connector.h"
#include "controller/adapters/ldap/history.h"
#include "controller/adapters/ldap/reader.h"
#include "controller/adapters/ldap/writer.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb::ldap {
namespace {

// A page of large groups takes one search for each range of their members: what is complete by then is given.
constexpr Duration kLongestPage = std::chrono::milliseconds(100);

class LdapDirectory final : public Directory {
 public:
  LdapDirectory(Options options, SecretStore& secrets, const Clock& clock)
      : options_(std::move(options)), clock_(clock), connector_(options_, secrets, clock) {}

  Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope, Deadline deadline) override {
    return reading<Complete<std::vector<Entry>>>(deadline, [&](Reader& reader) { return reader.read_all(scope); });
  }

  std::unique_ptr<Pages> read_pages(ReadScope scope, std::size_t most) override {
    return std::make_unique<LdapPages>(*this, std::move(scope), static_cast<int>(std::min<std::size_t>(most, 5000)));
  }

  Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                  std::span<const std::string> fetch, Deadline deadline) override {
    if (values.empty()) return std::vector<Entry>{};
    return reading<std::vector<Entry>>(deadline, [&](Reader& reader) { return reader.find(attribute, values, fetch); });
  }

  std::vector<Result<std::string>> write(std::span<const DirectoryWrite> writes, Deadline deadline) override {
    return begin_write({writes.begin(), writes.end()}, deadline)();
  }

  std::function<Answers()> begin_write(std::vector<DirectoryWrite> writes, Deadline deadline) override {
    if (writes.empty()) return [] { return Answers{}; };
    if (auto ready = ready_to_write(deadline); !ready) {
      Answers answers;
      Error error = std::move(ready).error();
      // The port's `timeout` would mean that something may have been done.
      if (error.fault == Fault::timeout) error.fault = Fault::unavailable;
      for (const DirectoryWrite& write : writes)
        answers.emplace_back(in_context(fmt::format("{}: nothing was sent", printable(write.dn)), error));
      return [answers = std::move(answers)] { return answers; };
    }
    // The writer lives as long as anybody waits for it; once it is broken, it does not touch the connection.
    return [batch = writer_->begin(std::move(writes), deadline), writer = writer_] { return writer->finish(*batch); };
  }

  Result<About> about(Deadline deadline) override {
    return reading<About>(deadline, [&](Reader& reader) { return describe(reader); });
  }

  Result<std::string> cursor(Deadline deadline) override {
    return reading<std::string>(deadline, [&](Reader& reader) -> Result<std::string> {
      PLUMB_TRY(const Facts* const known, facts(reader));
      PLUMB_TRY(std::string cursor, new_cursor(*known, reader, clock_.now()));
      followed_ = known->invocation_id;
      return cursor;
    });
  }

  Result<DirectoryChanges> changes_since(const std::string& cursor, const ReadScope& scope,
                                         Deadline deadline) override {
    PLUMB_TRY(const auto from, Cursor::parse(cursor));
    auto changes = reading<DirectoryChanges>(deadline, [&](Reader& reader) -> Result<DirectoryChanges> {
      PLUMB_TRY(const Facts* const known, facts(reader));
      PLUMB_TRY(DirectoryChanges told, read_changes(from, cursor, scope, *known, reader, clock_.now()));
      followed_ = known->invocation_id;
      return told;
    });
    // What we knew of the server may be what does not hold any more.
    if (!changes && changes.error().fault == Fault::conflict) facts_.reset();
    return changes;
  }

  Result<bool> continues(const std::string& cursor, Deadline deadline) override {
    const auto from = Cursor::parse(cursor);
    if (!from) return false;
    return reading<bool>(deadline, [&](Reader& reader) -> Result<bool> {
      PLUMB_TRY(const Facts* const known, facts(reader));
      PLUMB_TRY(const bool same, goes_on(*from, *known, reader));
      if (same) followed_ = known->invocation_id;
      return same;
    });
  }

  Result<std::vector<AttributeHistory>> history(const std::string& id, Deadline deadline) override {
    using Histories = std::vector<AttributeHistory>;
    return reading<Histories>(deadline, [&](Reader& reader) { return read_history(id, reader, names_); });
  }

 private:
  // A cookie is good for the connection that it came on.
  class LdapPages final : public Pages {
   public:
    LdapPages(LdapDirectory& directory, ReadScope scope, int most) : directory_(directory) {
      sweep_.scope = std::move(scope);
      sweep_.search.page_size = most;
    }
    Result<std::optional<std::vector<Entry>>> next(Deadline deadline) override {
      using Entries = std::optional<std::vector<Entry>>;
      return directory_.reading<Entries>(deadline, [&](Reader& reader) -> Result<Entries> {
        if (connection_ == 0) connection_ = directory_.connections_;
        if (connection_ != directory_.connections_)
          return fail(Fault::conflict, "the connection on which the read began is gone");
        if (partial_.empty()) {
          PLUMB_TRY(Entries page, reader.read_page(sweep_, cookie_));
          if (!page) return page;
          partial_ = {std::move_iterator(page->begin()), std::move_iterator(page->end())};
        }
        return complete(reader);
      });
    }

   private:
    Result<std::optional<std::vector<Entry>>> complete(Reader& reader) {
      const SteadyTime until = directory_.clock_.steady() + kLongestPage;
      std::vector<Entry> entries;
      while (!partial_.empty() && (entries.empty() || directory_.clock_.steady() < until)) {
        PLUMB_CHECK(reader.complete_ranges(partial_.front()));
        entries.push_back(std::move(partial_.front()));
        partial_.pop_front();
      }
      return entries;
    }

    LdapDirectory& directory_;
    Sweep sweep_;
    std::string cookie_;
    std::uint64_t connection_ = 0;  // 0: not begun
    std::deque<Entry> partial_;     // of the last page, which may lack values
  };

  template <class T, class F>
  Result<T> reading(Deadline deadline, F&& read) {
    const Deadline within{std::min(deadline.at, clock_.steady() + options_.read_timeout)};
    settle_writes();
    while (true) {
      const bool reused = connection_ != nullptr;
      PLUMB_CHECK(ensure_connected(within));
      Reader reader(*connection_, options_, clock_, within);
      Result<T> result = read(reader);
      if (result) return result;
      const Fault fault = result.error().fault;
      if (fault != Fault::unavailable && fault != Fault::timeout) return result;
      // A connection that has been idle may be gone without our knowing: a read may be asked again.
      drop();
      if (!reused || fault == Fault::timeout) {
        connector_.failed();
        return result;
      }
    }
  }

  Result<void> ensure_connected(Deadline deadline) {
    if (connection_ && !connection_->closed_by_server()) return {};
    drop();
    PLUMB_TRY(connection_, connector_.connect(deadline));
    ++connections_;
    return {};
  }

  // A connection with answers on their way is not looked at: it would lose one.
  Result<void> ready_to_write(Deadline deadline) {
    if (writer_ && writer_->broken()) drop();
    if (!writer_ || writer_->idle()) {
      PLUMB_CHECK(ensure_connected(deadline));
      PLUMB_CHECK(check_followed(deadline));
    }
    if (!writer_) writer_ = std::make_shared<Writer>(*connection_, options_, clock_);
    return {};
  }

  // What is written was planned by what another domain controller knows, and this one may not.
  Result<void> check_followed(Deadline deadline) {
    if (followed_.empty()) return {};
    Reader reader(*connection_, options_, clock_, deadline);
    auto known = facts(reader);
    if (!known) {
      drop();
      return Failure(std::move(known).error());
    }
    if ((*known)->invocation_id == followed_) return {};
    return fail(
        Fault::unavailable,
        "{} is another domain controller than the one whose changes were followed; they are looked at there first",
        (*known)->server);
  }

  // Reads and writes do not share the connection at the same time.
  void settle_writes() {
    if (!writer_) return;
    writer_->finish_all();
    if (writer_->broken()) drop();
  }

  void drop() {
    if (writer_) writer_->finish_all();
    writer_.reset();
    connection_.reset();
    facts_.reset();
  }
  // What the server is, asked once a connection.
  Result<const Facts*> facts(Reader& reader) {
    if (!facts_) {
      PLUMB_TRY(facts_, learn_facts(*connection_, reader, options_));
    }
    return &*facts_;
  }

  Result<About> describe(Reader& reader) {
    About about;
    about.server = connection_->host();
    about.encrypted = connection_->encrypted();
    const std::vector<std::string> fetch = {"defaultNamingContext", "dnsHostName"};
    PLUMB_TRY(const auto root, reader.root(fetch));
    if (const std::string name = first_value(root, "dnsHostName"); !name.empty()) about.server = name;
    about.domain_dn = first_value(root, "defaultNamingContext");
    if (about.domain_dn.empty())
      return fail(Fault::invalid, "{} does not name its domain: it is no domain controller of Active Directory",
                  printable(about.server));
    const std::vector<std::string> sid = {"objectSid"};
    PLUMB_TRY(const auto domain, reader.read_one(about.domain_dn, sid));
    about.domain_sid = first_value(domain, "objectSid");
    PLUMB_TRY(const Facts* const known, facts(reader));
    about.server_id = known->invocation_id;
    about.sees_deletions = known->sees_deletions;
    PLUMB_TRY(const auto us, ourselves(reader));
    if (us.size() == 1) {
      about.bound_as_id = us.front().id;
      about.bound_as_dn = us.front().dn;
    }
    return about;
  }

  // Samba has no "who am I": the account is found by the name that we bind as.
  Result<std::vector<Entry>> ourselves(Reader& reader) {
    const std::string& name = options_.bind == Options::Bind::simple ? options_.username : options_.principal;
    const auto find = [&](std::string_view attribute, std::string value) {
      return reader.find(attribute, std::span(&value, 1), {});
    };
    if (options_.bind == Options::Bind::simple) {
      // A DN may hold a backslash, and no account name an equals sign.
      if (name.find('=') != std::string::npos && Dn::parse(name)) return find("distinguishedName", name);
      if (const auto slash = name.find('\\'); slash != std::string::npos)
        return find("sAMAccountName", name.substr(slash + 1));
    }
    const auto at = name.rfind('@');
    if (at == std::string::npos) return find("sAMAccountName", name);
    PLUMB_TRY(auto by_name, find("userPrincipalName", name));
    if (!by_name.empty()) return by_name;
    std::string account = name.substr(0, at);  // svc@REALM, where the suffix of its userPrincipalName is another
    if (const auto escaped = account.find("\\@"); escaped != std::string::npos) {
      account.erase(escaped, 1);  // an enterprise name: svc\@corp.example@REALM
      return find("userPrincipalName", account);
    }
    return find("sAMAccountName", account);
  }

  const Options options_;
  const Clock& clock_;
  Connector connector_;
  std::unique_ptr<Connection> connection_;
  std::uint64_t connections_ = 0;   // so far
  std::shared_ptr<Writer> writer_;  // over it, once something was written
  std::optional<Facts> facts_;      // of the server that we are connected to
  std::string followed_;            // invocationId of the one that a cursor was last asked of; empty: none
  Names names_;
};

}  // namespace

std::unique_ptr<Directory> make_directory(Options options, SecretStore& secrets, const Clock& clock) {
  prepare_process();
  options.page_size = std::clamp(options.page_size, 1, 5000);
  options.writes_in_flight = std::clamp<std::size_t>(options.writes_in_flight, 1, 256);
  return std::make_unique<LdapDirectory>(std::move(options), secrets, clock);
}

}  // namespace plumb::ldap
