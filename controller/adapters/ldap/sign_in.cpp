#include "controller/adapters/ldap/sign_in.h"

#include <algorithm>
#include <array>
#include <set>

#include "controller/adapters/ldap/connection.h"
#include "controller/adapters/ldap/connector.h"
#include "controller/adapters/ldap/faults.h"
#include "controller/adapters/ldap/reader.h"
#include "controller/adapters/ldap/server_url.h"
#include "controller/base/digest.h"
#include "controller/base/synchronized.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb::ldap {
namespace {

constexpr std::size_t kLongestLogin = 1024;  // bytes; userPrincipalName's upper limit in the schema
constexpr Duration kShunned = std::chrono::minutes(5);
const std::vector<std::string> kFetch = {"sAMAccountName", "userPrincipalName", "displayName", "mail"};

tl::unexpected<NotSignedIn> not_asked(Error error) {
  return tl::unexpected(NotSignedIn{std::nullopt, std::move(error)});
}

tl::unexpected<NotSignedIn> refused(SignInRefusal refusal, std::string message) {
  return tl::unexpected(NotSignedIn{refusal, Error{Fault::denied, std::move(message), {}}});
}

// `timeout` would mean that the password may have been tried, and be counted as a wrong one.
Error not_tried(Error error) {
  if (error.fault == Fault::timeout) error.fault = Fault::unavailable;
  return error;
}

// It becomes a part of a filter as it is.
bool is_attribute(std::string_view name) {
  return !name.empty() && name.size() <= 256 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
             std::string_view::npos;
}

// What the server says to the bind: nothing if it lets the person in.
std::optional<NotSignedIn> refusal_of(const Outcome& outcome, const std::string& account) {
  if (outcome.code == LDAP_SUCCESS) return {};
  Error error = bind_fault(outcome.code, outcome.diagnostic, account);
  if (outcome.code != LDAP_INVALID_CREDENTIALS) return NotSignedIn{std::nullopt, std::move(error)};
  return NotSignedIn{sign_in_refusal(outcome.diagnostic), std::move(error)};
}

class LdapSignIn final : public SignIn {
 public:
  LdapSignIn(Options options, SecretStore& secrets, const Clock& clock)
      : options_(std::move(options)), secrets_(secrets), clock_(clock) {
    prepare_process();
  }

  SignInAnswer sign_in(const SignInRequest& request, Deadline deadline) override {
    if (auto usable = check(request); !usable) return not_asked(std::move(usable).error());
    if (!request.find_only && (request.password == nullptr || request.password->empty()))
      return refused(SignInRefusal::empty_password, "the password is empty");
    std::string url;
    auto found =
        searching<std::vector<Entry>>(deadline, url, [&](Reader& reader) { return look_for(request, reader); });
    if (!found) return not_asked(not_tried(std::move(found).error()));
    const bool one = found->size() == 1;
    if (!request.find_only) {
      if (auto refusal = try_password(request, one ? found->front().dn : "", url, deadline))
        return tl::unexpected(std::move(*refusal));
    }
    if (found->empty()) return refused(SignInRefusal::unknown_user, "no account has this login");
    if (!one) return refused(SignInRefusal::ambiguous, "several accounts have this login");
    return known(request, found->front(), deadline);
  }

 private:
  struct Idle {
    std::unique_ptr<Connection> connection;
    std::string url;
  };
  struct State {
    Idle idle;
    std::string good;  // the server that answered last; empty: none
    std::optional<Error> refused;
    SteadyTime refused_until{};
  };

  Result<void> check(const SignInRequest& request) const {
    PLUMB_CHECK(check_options(options_));
    if (options_.tls == Options::Tls::none)
      return fail(Fault::invalid,
                  "people sign in over TLS only: without it everyone on the way could read the password");
    if (request.login_attributes.empty() || request.base_dns.empty())
      return fail(Fault::invalid, "there is no attribute, or no base DN, to look for an account by");
    for (const std::string& name : request.login_attributes)
      if (!is_attribute(name)) return fail(Fault::invalid, "\"{}\" is no name of an attribute", printable(name));
    return {};
  }

  // The accounts of the first attribute that any has the login in. All attributes are asked for whatever the first
  // ones say, so that the time does not tell whose login there is.
  static Result<std::vector<Entry>> look_for(const SignInRequest& request, Reader& reader) {
    std::vector<Entry> first;
    // No account has such a name; and a server may take what stands before a NUL for all of it.
    const bool name = !request.login.empty() && request.login.size() <= kLongestLogin;
    if (!name || printable(request.login) != request.login) return first;
    const std::string value = filter_value(request.login);
    for (const std::string& attribute : request.login_attributes) {
      std::vector<Entry> here;
      std::set<std::string> ids;  // base DNs may lie within each other
      for (const std::string& base : request.base_dns)
        PLUMB_CHECK(
            reader.search({base, fmt::format("(&(objectCategory=person)(objectClass=user)({}={}))", attribute, value)},
                          kFetch, [&](Entry entry) -> Result<void> {
                            if (ids.insert(entry.id).second) here.push_back(std::move(entry));
                            return {};
                          }));
      if (first.empty()) first = std::move(here);
    }
    return first;
  }

  // A bind on a connection of its own; without a DN as nobody with a password of nobody, so that it takes the same.
  std::optional<NotSignedIn> try_password(const SignInRequest& request, const std::string& dn, const std::string& url,
                                          Deadline deadline) const {
    const bool nobody = dn.empty();
    const std::string name = nobody ? fmt::format("CN={},{}", random_hex(8), request.base_dns.front()) : dn;
    const Secret other(random_hex(8));
    auto connection = Connection::open_unbound(options_, url, clock_, deadline);
    if (!connection) return NotSignedIn{std::nullopt, not_tried(std::move(connection).error())};
    auto outcome = (*connection)->bind_as(name, nobody ? other : *request.password, deadline);
    if (!outcome) {
      Error error = std::move(outcome).error();
      error.fault = Fault::timeout;  // it may have been counted there
      return NotSignedIn{std::nullopt, std::move(error)};
    }
    if (nobody) return {};
    return refusal_of(*outcome, dn);
  }

  SignInAnswer known(const SignInRequest& request, const Entry& entry, Deadline deadline) {
    SignedIn who{.id = entry.id,
                 .dn = entry.dn,
                 .account = first_value(entry, "sAMAccountName"),
                 .upn = first_value(entry, "userPrincipalName"),
                 .display_name = first_value(entry, "displayName"),
                 .mail = first_value(entry, "mail")};
    if (!request.with_groups || request.find_only) return who;
    std::string url;
    auto groups = searching<std::vector<SignedIn::Group>>(deadline, url,
                                                          [&](Reader& reader) { return groups_of(entry.dn, reader); });
    if (!groups) return not_asked(not_tried(std::move(groups).error()));
    who.groups = std::move(*groups);
    return who;
  }

  // By the SIDs that a domain controller would put into the account's token: nested groups and the primary one too
  // (MS-ADTS 3.1.1.4.5.19). There is always one, so that none at all means that we may not read them.
  static Result<std::vector<SignedIn::Group>> groups_of(const std::string& dn, Reader& reader) {
    const std::vector<std::string> token = {"tokenGroups"}, name = {"sAMAccountName"};
    PLUMB_TRY(const Entry account, reader.read_one(dn, token));
    const auto sids = account.attributes.find("tokenGroups");
    if (sids == account.attributes.end() || sids->second.values.empty())
      return fail(Fault::denied,
                  "the groups of {} may not be read (tokenGroups): the account that looks has to be a member of "
                  "\"Windows Authorization Access Group\"",
                  printable(dn));
    PLUMB_TRY(const auto entries, reader.find("objectSid", sids->second.values, name));
    std::vector<SignedIn::Group> groups;
    for (const Entry& entry : entries) groups.push_back({entry.dn, first_value(entry, "sAMAccountName")});
    std::ranges::sort(groups);
    return groups;
  }

  // With the connection that is kept, or a new one; another is made where the kept one turns out to be gone.
  template <class T, class F>
  Result<T> searching(Deadline deadline, std::string& url, F&& read) {
    const Deadline within{std::min(deadline.at, clock_.steady() + options_.read_timeout)};
    while (true) {
      Idle used = state_.with([](State& state) { return std::exchange(state.idle, Idle{}); });
      const bool reused = used.connection != nullptr && !used.connection->closed_by_server();
      if (!reused) {
        PLUMB_TRY(used, connect(within));
      }
      Reader reader(*used.connection, options_, clock_, within);
      Result<T> result = read(reader);
      const bool broken =
          !result && (result.error().fault == Fault::unavailable || result.error().fault == Fault::timeout);
      if (broken && reused && result.error().fault == Fault::unavailable) continue;
      url = used.url;
      if (!broken) used = state_.with([&](State& state) { return std::exchange(state.idle, std::move(used)); });
      return result;
    }
  }

  // Tries each server once, beginning with the one that answered last.
  Result<Idle> connect(Deadline deadline) {
    std::vector<std::string> servers = options_.servers;
    const SteadyTime now = clock_.steady();
    const auto refused = state_.with([&](const State& state) {
      std::ranges::stable_partition(servers, [&](const std::string& url) { return url == state.good; });
      return now < state.refused_until ? state.refused : std::nullopt;
    });
    if (refused) return Failure(*refused);
    std::vector<std::string> why;
    for (const std::string& url : servers) {
      const Deadline within{std::min(deadline.at, clock_.steady() + 3 * options_.connect_timeout)};
      auto opened = Connection::open(options_, url, secrets_, clock_, within);
      if (opened) {
        state_.with([&](State& state) { state.good = url; });
        return Idle{std::move(*opened), url};
      }
      const Error& error = opened.error();
      if (error.fault != Fault::unavailable && error.fault != Fault::timeout) {
        state_.with([&](State& state) {
          state.refused = error;
          state.refused_until = clock_.steady() + kShunned;
        });
        return Failure(error);
      }
      why.push_back(error.message);
    }
    return fail(Fault::unavailable, "{}", join(why, "; "));
  }

  const Options options_;
  SecretStore& secrets_;
  const Clock& clock_;
  Synchronized<State> state_;
};

}  // namespace

std::unique_ptr<SignIn> make_sign_in(Options options, SecretStore& secrets, const Clock& clock) {
  return std::make_unique<LdapSignIn>(std::move(options), secrets, clock);
}

}  // namespace plumb::ldap
