#include "controller/adapters/ldap/ldap_directory.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <map>
#include <mutex>

#include "controller/adapters/ldap/connection.h"
#include "controller/adapters/ldap/encode.h"
#include "controller/adapters/ldap/reader.h"
#include "controller/adapters/ldap/writer.h"
#include "controller/base/log.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb::ldap {
namespace {

// For how long a server that did not answer is asked after the others.
constexpr Duration kShunned = std::chrono::minutes(5);

class LdapDirectory final : public Directory {
 public:
  LdapDirectory(Options options, SecretStore& secrets, const Clock& clock)
      : options_(std::move(options)), secrets_(secrets), clock_(clock) {}

  Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope, Deadline deadline) override {
    return reading<Complete<std::vector<Entry>>>(deadline, [&](Reader& reader) { return reader.read_all(scope); });
  }

  Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                  std::span<const std::string> fetch, Deadline deadline) override {
    if (values.empty()) return std::vector<Entry>{};
    return reading<std::vector<Entry>>(deadline, [&](Reader& reader) { return reader.find(attribute, values, fetch); });
  }

  std::vector<Result<std::string>> write(std::span<const DirectoryWrite> writes, Deadline deadline) override {
    if (writes.empty()) return {};
    if (auto ready = ensure_connected(deadline); !ready) {
      std::vector<Result<std::string>> answers;
      Error error = std::move(ready).error();
      // The port's `timeout` would mean that something may have been done.
      if (error.fault == Fault::timeout) error.fault = Fault::unavailable;
      for (const DirectoryWrite& write : writes)
        answers.emplace_back(in_context(fmt::format("{}: nothing was sent", printable(write.dn)), error));
      return answers;
    }
    Writer writer(*connection_, options_, clock_, deadline);
    auto answers = writer.write(writes);
    if (writer.broken()) drop();
    return answers;
  }

  Result<About> about(Deadline deadline) override {
    return reading<About>(deadline, [&](Reader& reader) { return describe(reader); });
  }

 private:
  template <class T, class F>
  Result<T> reading(Deadline deadline, F&& read) {
    const Deadline within{std::min(deadline.at, clock_.steady() + options_.read_timeout)};
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
        failed_[last_] = clock_.steady();
        return result;
      }
    }
  }

  // The servers as they are to be tried: a mere drop of an idle connection is no reason to read from another one,
  // which may lag behind; one that accepts connections and does not answer must not be all that is ever tried.
  std::vector<std::size_t> order() {
    const auto now = clock_.steady();
    std::erase_if(failed_, [&](const auto& each) { return now - each.second >= kShunned; });
    std::vector<std::size_t> servers;
    if (last_ < options_.servers.size()) servers.push_back(last_);
    for (std::size_t i = 0; i < options_.servers.size(); ++i)
      if (i != last_) servers.push_back(i);
    const auto when = [&](std::size_t i) {
      const auto found = failed_.find(i);
      return found == failed_.end() ? SteadyTime{} : found->second;
    };
    std::stable_sort(servers.begin(), servers.end(),
                     [&](std::size_t left, std::size_t right) { return when(left) < when(right); });
    return servers;
  }

  // Tries each server once.
  Result<void> ensure_connected(Deadline deadline) {
    if (connection_ && !connection_->closed_by_server()) return {};
    if (connection_) drop();
    PLUMB_CHECK(check_options(options_));
    std::vector<std::string> why;
    for (const std::size_t server : order()) {
      const std::string& url = options_.servers[server];
      const Deadline within{std::min(deadline.at, clock_.steady() + 3 * options_.connect_timeout)};
      auto opened = Connection::open(options_, url, secrets_, clock_, within);
      if (opened) {
        connection_ = std::move(*opened);
        last_ = server;
        log::debug("ldap.connected", "connected to {}", printable(url));
        return {};
      }
      const Fault fault = opened.error().fault;
      // Trying a wrong password on every server would lock the account.
      if (fault != Fault::unavailable && fault != Fault::timeout) return Failure(std::move(opened).error());
      why.push_back(opened.error().message);
      if (server == last_) last_ = kNone;
      if (deadline.left(clock_.steady()) <= Duration::zero()) {
        failed_[server] = clock_.steady();  // it took all the time, and must not take that of the next call
        break;
      }
    }
    return fail(Fault::unavailable, "{}", join(why, "; "));
  }

  void drop() { connection_.reset(); }

  Result<About> describe(Reader& reader) {
    About about;
    about.server = connection_->host();
    about.encrypted = connection_->encrypted();
    PLUMB_TRY(const auto root, reader.root());
    const auto first = [](const Entry& entry, std::string_view name) {
      const auto found = entry.attributes.find(name);
      return found == entry.attributes.end() || found->second.values.empty() ? std::string()
                                                                             : found->second.values.front();
    };
    if (const std::string name = first(root, "dnsHostName"); !name.empty()) about.server = name;
    about.domain_dn = first(root, "defaultNamingContext");
    if (about.domain_dn.empty())
      return fail(Fault::invalid, "{} does not name its domain: it is no domain controller of Active Directory",
                  printable(about.server));
    const std::vector<std::string> sid = {"objectSid"};
    PLUMB_TRY(const auto domain, reader.read_one(about.domain_dn, sid));
    about.domain_sid = first(domain, "objectSid");
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
  SecretStore& secrets_;
  const Clock& clock_;
  std::unique_ptr<Connection> connection_;
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t last_ = kNone;                  // the server last used
  std::map<std::size_t, SteadyTime> failed_;  // servers that did not answer, and when
};

}  // namespace

std::unique_ptr<Directory> make_directory(Options options, SecretStore& secrets, const Clock& clock) {
  // Before libldap is used for the first time: no ldap.conf, ldaprc or LDAP* variable has a say.
  static std::once_flag once;
  std::call_once(once, [] {
    ::setenv("LDAPNOINIT", "1", 1);
    // libldap writes to sockets whose other end may be gone; that must not end the process.
    struct sigaction now {};
    if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
  });
  options.page_size = std::clamp(options.page_size, 1, 5000);
  options.writes_in_flight = std::clamp<std::size_t>(options.writes_in_flight, 1, 256);
  return std::make_unique<LdapDirectory>(std::move(options), secrets, clock);
}

}  // namespace plumb::ldap
