#include "controller/app/hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>

namespace plumb::app {

void harden_process() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // Neither can fail for a process that restricts itself.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
#endif
  ::signal(SIGPIPE, SIG_IGN);  // a reader of our output or a server that goes away is an error of a call
}

}  // namespace plumb::app
