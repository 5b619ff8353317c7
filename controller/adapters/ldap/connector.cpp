#include "controller/adapters/ldap/connector.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <mutex>

#include "controller/adapters/ldap/server_url.h"
#include "controller/base/log.h"
#include "controller/base/text.h"

namespace plumb::ldap {
namespace {

// For how long a server that did not answer is asked after the others.
constexpr Duration kShunned = std::chrono::minutes(5);

}  // namespace

void prepare_process() {
  static std::once_flag once;
  std::call_once(once, [] {
    ::setenv("LDAPNOINIT", "1", 1);
    // libldap writes to sockets whose other end may be gone; that must not end the process.
    struct sigaction now {};
    if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
  });
}

// The servers as they are to be tried: a mere drop of an idle connection is no reason to read from another one,
// which may lag behind; one that accepts connections and does not answer must not be all that is ever tried.
std::vector<std::size_t> Connector::order() {
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

Result<std::unique_ptr<Connection>> Connector::connect(Deadline deadline) {
  PLUMB_CHECK(check_options(options_));
  std::vector<std::string> why;
  for (const std::size_t server : order()) {
    const std::string& url = options_.servers[server];
    const Deadline within{std::min(deadline.at, clock_.steady() + 3 * options_.connect_timeout)};
    auto opened = Connection::open(options_, url, secrets_, clock_, within);
    if (opened) {
      last_ = server;
      log::debug("ldap.connected", "connected to {}", printable(url));
      return opened;
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

}  // namespace plumb::ldap
