#include "controller/net/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "controller/base/text.h"

namespace plumb::net {
namespace {

constexpr std::size_t kMostThreads = 8;
constexpr std::size_t kMostWaiting = 1000;  // names

}  // namespace

// Outlives the Resolver as long as a thread is in a look-up.
struct Resolver::Shared : std::enable_shared_from_this<Shared> {
  Shared(EventLoop& on, Lookup how) : loop(&on), lookup(std::move(how)) {}

  void work() {
    std::unique_lock lock(mutex);
    while (loop != nullptr && !queue.empty()) {
      const std::string host = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      auto found = lookup(host);
      lock.lock();
      if (loop == nullptr) break;
      // Under the lock: the loop outlives the Resolver, which takes itself off under it.
      loop->post([self = shared_from_this(), host, found = std::move(found)] { self->answer(host, found); });
    }
    --threads;
  }

  void answer(const std::string& host, const Result<Addresses>& found) {
    std::vector<Done> asked;
    {
      const std::lock_guard lock(mutex);
      if (loop == nullptr) return;
      const auto at = waiting.find(host);
      if (at == waiting.end()) return;
      asked = std::move(at->second);
      waiting.erase(at);
    }
    for (const auto& done : asked) done(found);
  }

  std::mutex mutex;
  EventLoop* loop;  // null: the Resolver is gone
  const Lookup lookup;
  std::deque<std::string> queue;
  std::map<std::string, std::vector<Done>> waiting;
  std::size_t threads = 0;
};

Result<Resolver::Addresses> Resolver::system(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &wanted, &found);
  if (code != 0)
    return fail(Fault::unavailable, "the name {} cannot be resolved: {}", printable(host), gai_strerror(code));
  Addresses addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
      continue;
    if (std::find(addresses.begin(), addresses.end(), text.data()) == addresses.end())
      addresses.emplace_back(text.data());
  }
  freeaddrinfo(found);
  if (addresses.empty()) return fail(Fault::unavailable, "the name {} has no address", printable(host));
  return addresses;
}

Resolver::Resolver(EventLoop& loop, Lookup lookup) : shared_(std::make_shared<Shared>(loop, std::move(lookup))) {}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->loop = nullptr;
  shared_->queue.clear();
  shared_->waiting.clear();
}

void Resolver::resolve(const std::string& host, Done done) {
  const std::lock_guard lock(shared_->mutex);
  const auto refuse = [&](const char* why) {
    shared_->loop->post(
        [done, host, why] { done(fail(Fault::unavailable, "the name {} cannot be resolved: {}", host, why)); });
  };
  if (const auto at = shared_->waiting.find(host); at != shared_->waiting.end()) {
    at->second.push_back(std::move(done));
    return;
  }
  if (shared_->waiting.size() >= kMostWaiting) return refuse("too many others are being resolved");
  if (shared_->threads < kMostThreads) {
    try {
      std::thread([shared = shared_] { shared->work(); }).detach();
      ++shared_->threads;
    } catch (const std::system_error&) {
      if (shared_->threads == 0) return refuse("no thread can be started");
    }
  }
  shared_->waiting[host].push_back(std::move(done));
  shared_->queue.push_back(host);
}

}  // namespace plumb::net
