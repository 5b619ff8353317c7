#include "controller/app/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>

#include "controller/base/assert.h"

namespace plumb::app {

Signals::Signals(std::function<void()> stop, std::function<void()> reload)
    : stop_(std::move(stop)), reload_(std::move(reload)) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  if (reload_) sigaddset(&set, SIGHUP);
  PLUMB_ASSERT(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  PLUMB_ASSERT(signals_ >= 0 && wake_ >= 0);
  thread_ = std::thread([this] { listen(); });
}

Signals::~Signals() {
  const std::uint64_t one = 1;
  PLUMB_ASSERT(::write(wake_, &one, sizeof one) == sizeof one);
  thread_.join();
  ::close(wake_);
  ::close(signals_);
}

void Signals::listen() {
  bool stopping = false;
  for (;;) {
    std::array<pollfd, 2> ends = {{{signals_, POLLIN, 0}, {wake_, POLLIN, 0}}};
    if (::poll(ends.data(), ends.size(), -1) < 0) continue;
    if (ends[1].revents != 0) return;
    signalfd_siginfo about{};
    if (::read(signals_, &about, sizeof about) != static_cast<ssize_t>(sizeof about)) continue;
    if (about.ssi_signo == SIGHUP) {
      reload_();
    } else if (!stopping) {
      stopping = true;
      stop_();
    } else {
      ::_exit(128 + static_cast<int>(about.ssi_signo));
    }
  }
}

}  // namespace plumb::app
