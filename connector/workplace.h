#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connector/bench.h"
#include "connector/reply.h"
#include "controller/base/clock.h"
#include "controller/link/agent.h"
#include "controller/link/directory_codec.h"
#include "controller/link/http_codec.h"
#include "controller/ports/directory.h"
#include "controller/ports/directory_watch.h"
#include "controller/ports/event_loop.h"
#include "controller/ports/http_sender.h"

namespace plumb::connector {

// What an agent can do, as its site lets it. Called on threads of benches, but for `http` and what sends it.
struct Skills {
  // `gone` becomes true when the session ends: what was not sent then must not be sent any more.
  using Gone = std::shared_ptr<const std::atomic<bool>>;
  std::function<Result<std::unique_ptr<Directory>>(const link::DirectoryOpening&, Gone gone)> directory{};
  std::function<Result<std::unique_ptr<DirectoryWatch>>(const link::DirectoryOpening&)> watch{};
  // Whether the site lets this be sent, and by whose certificates: it changes the route. On the loop's thread.
  std::function<Result<void>(const HttpRequest&, HttpRoute&)> may_send{};
  HttpSender* http = nullptr;
  // Blocks; each on a thread of its own. What is streamed meanwhile goes to the reply.
  std::function<Result<std::string>(const link::Job&, Reply&)> other{};
  std::function<void(const WorkRecord&)> record{};
};

// Where the requests of one session are worked on. On the loop's thread. Once it is gone nothing of the session is
// begun any more; what is under way ends by itself on its thread, and is waited for in reap() of the Yard.
class Yard {
 public:
  ~Yard() { wait(); }
  void add(std::shared_ptr<Bench> bench);
  void reap();  // those that have ended
  void wait();  // for all
  std::size_t size() const { return benches_.size(); }

 private:
  std::vector<std::shared_ptr<Bench>> benches_;
};

class Workplace {
 public:
  // All of which outlive it.
  struct Parts {
    EventLoop& loop;
    const Clock& clock;
    const Skills& skills;
    Yard& yard;
  };
  Workplace(Parts parts, link::Agent& agent);
  ~Workplace();
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  void work(link::Job job);
  void cancelled(std::uint64_t request);
  void credited(std::uint64_t request);
  std::uint64_t served() const { return served_; }

 private:
  struct Shared;  // what other threads may still know of it
  std::shared_ptr<Reply> reply_to(std::uint64_t request);
  void flush(std::uint64_t request);
  void open(link::Job job);
  void on_bench(link::Job job);
  void close(std::string_view payload);
  void send_http(link::Job job);
  void do_other(link::Job job);
  void refuse(std::uint64_t request, const Error& error);
  void refuse_opening(const link::Job& job, std::string object, const Error& error);

  Parts parts_;
  link::Agent& agent_;
  std::shared_ptr<Shared> shared_;
  std::map<std::uint64_t, std::shared_ptr<Reply>> replies_;
  std::map<std::uint32_t, std::shared_ptr<Bench>> benches_;
  std::map<std::string, std::shared_ptr<const HttpRoute>> routes_;  // by digest, so that connections are shared
  std::uint32_t next_handle_ = 1;
  std::uint64_t served_ = 0;
};

}  // namespace plumb::connector
