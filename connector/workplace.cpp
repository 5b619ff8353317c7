#include "connector/workplace.h"

#include <algorithm>
#include <utility>

#include "controller/base/assert.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

using link::Job;
using link::Method;

constexpr std::size_t kMostBenches = 64, kMostRoutes = 256;

// A question that blocks and is of no handle.
class OneTask final : public Bench {
 public:
  using Work = std::function<Result<std::string>(const Task&)>;
  explicit OneTask(Work work) : work_(std::move(work)) {}
  ~OneTask() override { join(); }

 private:
  void work(Task task, const std::stop_token&, const std::function<bool()>&) override {
    task.reply->end(work_(task));
    wipe(task.job.payload);
    stop();
  }
  const Work work_;
};

std::string opened(const link::DirectoryOpening& opening) {
  return printable(fmt::format("{} at {}", opening.base_dn, join(opening.servers, ", ")));
}

}  // namespace

void Yard::add(std::shared_ptr<Bench> bench) {
  bench->stop();
  benches_.push_back(std::move(bench));
}

void Yard::reap() {
  std::erase_if(benches_, [](const auto& bench) { return bench->has_ended(); });
}

void Yard::wait() { benches_.clear(); }

struct Workplace::Shared {
  Workplace* place = nullptr;  // of the loop's thread; null: gone
};

Workplace::Workplace(Parts parts, link::Agent& agent)
    : parts_(parts), agent_(agent), shared_(std::make_shared<Shared>(Shared{this})) {}

Workplace::~Workplace() {
  shared_->place = nullptr;
  for (auto& [request, reply] : replies_) reply->give_up();
  for (auto& [handle, bench] : benches_) parts_.yard.add(std::move(bench));
}

std::shared_ptr<Reply> Workplace::reply_to(std::uint64_t request) {
  auto wake = [shared = shared_, request, &loop = parts_.loop] {
    loop.post([shared, request] {
      if (shared->place != nullptr) shared->place->flush(request);
    });
  };
  return replies_[request] = std::make_shared<Reply>(request, std::move(wake));
}

void Workplace::flush(std::uint64_t request) {
  const auto found = replies_.find(request);
  if (found == replies_.end() || !found->second->flush(agent_)) return;
  replies_.erase(found);
  ++served_;
}

void Workplace::credited(std::uint64_t request) { flush(request); }

void Workplace::cancelled(std::uint64_t request) {
  const auto found = replies_.find(request);
  if (found == replies_.end()) return;
  found->second->give_up();
  flush(request);  // its end may be there already
}

void Workplace::refuse(std::uint64_t request, const Error& error) {
  replies_.erase(request);
  agent_.failed(request, error);
  ++served_;
}

// What the site does not allow is nowhere else to be seen there.
void Workplace::refuse_opening(const Job& job, std::string object, const Error& error) {
  if (parts_.skills.record)
    parts_.skills.record({.request = job.request,
                          .actor = job.actor,
                          .operation = std::string(link::to_string(job.method)),
                          .object = std::move(object),
                          .result = std::string(to_string(error.fault)),
                          .message = error.message});
  refuse(job.request, error);
}

void Workplace::work(Job job) {
  parts_.yard.reap();
  switch (job.method) {
    case Method::open_directory:
    case Method::open_watch: return open(std::move(job));
    case Method::close_handle: {
      close(job.payload);
      ++served_;
      return agent_.done(job.request, {});
    }
    case Method::http_send: return send_http(std::move(job));
    case Method::sign_in:
    case Method::logs:
    case Method::follow_logs:
    case Method::test_targets: return do_other(std::move(job));
    default: return on_bench(std::move(job));
  }
}

// Nothing is connected yet: the first question does that. What the site does not allow is refused here.
void Workplace::open(Job job) {
  auto opening = link::decode_opening(job.payload);
  wipe(job.payload);
  if (!opening) return refuse(job.request, opening.error());
  if (benches_.size() + parts_.yard.size() >= kMostBenches)
    return refuse(job.request, {Fault::unavailable, "this connector has too many domains open", {}});
  const Skills& skills = parts_.skills;
  std::shared_ptr<Bench> bench;
  if (job.method == Method::open_directory) {
    const auto gone = std::make_shared<std::atomic<bool>>(false);
    auto made = skills.directory(*opening, gone);
    if (!made) return refuse_opening(job, opened(*opening), made.error());
    bench = std::make_shared<DirectoryBench>(std::move(*made), skills.record, gone);
  } else {
    auto made = skills.watch(*opening);
    if (!made) return refuse_opening(job, opened(*opening), made.error());
    bench = std::make_shared<WatchBench>(std::move(*made));
  }
  bench->start();
  const std::uint32_t handle = next_handle_++;
  benches_.emplace(handle, std::move(bench));
  agent_.done(job.request, link::encode_handle(handle));
  ++served_;
}

void Workplace::on_bench(Job job) {
  link::Reader in(job.payload);
  const auto found = benches_.find(in.u32());
  if (!in.good() || found == benches_.end())
    return refuse(job.request, {Fault::unavailable, "that was not opened in this session", {}});
  auto reply = reply_to(job.request);
  found->second->add({std::move(job), std::move(reply)});
}

void Workplace::close(std::string_view payload) {
  const auto found = benches_.find(link::Reader(payload).u32());
  if (found == benches_.end()) return;
  parts_.yard.add(std::move(found->second));
  benches_.erase(found);
}

void Workplace::send_http(Job job) {
  auto ask = link::decode_http_ask(job.payload);
  wipe(job.payload);
  if (!ask) return refuse(job.request, ask.error());
  WorkRecord record{.request = job.request,
                    .actor = job.actor,
                    .operation = "http_send",
                    .object = fmt::format("{} {}://{}{}", ask->request.method, ask->request.url.scheme,
                                          ask->request.url.authority(), ask->request.url.path),
                    .result = "done"};
  const auto keep = [&skills = parts_.skills](const WorkRecord& done) {
    if (skills.record) skills.record(done);
  };
  if (const auto allowed = parts_.skills.may_send(ask->request, ask->route); !allowed) {
    record.result = to_string(allowed.error().fault);
    record.message = allowed.error().message;
    keep(record);
    const HttpFailure failure{HttpFailure::Stage::site, false, allowed.error()};
    ++served_;
    return agent_.done(job.request, link::encode_end(tl::unexpected(failure)));
  }
  if (routes_.size() > kMostRoutes) routes_.clear();
  auto& route = routes_[link::route_digest(ask->route)];
  if (route == nullptr) route = std::make_shared<const HttpRoute>(std::move(ask->route));
  const auto left = Deadline{job.until}.left(parts_.clock.steady());
  ask->limits.timeout = std::min(ask->limits.timeout, left);
  auto reply = reply_to(job.request);
  parts_.skills.http->send(std::move(ask->request), route, ask->limits,
                           [reply, record, keep](HttpSender::Answer answer) mutable {
                             if (!answer) {
                               record.result = to_string(answer.error().error.fault);
                               record.message = answer.error().error.message;
                             } else {
                               record.message = std::to_string(answer->status);
                             }
                             keep(record);
                             // It was read whole, within the limit of the request: it does not wait for room.
                             if (answer) reply->put(std::exchange(answer->body, {}));
                             reply->end(link::encode_end(answer));
                           });
}

void Workplace::do_other(Job job) {
  std::erase_if(benches_, [](const auto& each) { return each.second->has_ended(); });
  if (!parts_.skills.other) return refuse(job.request, {Fault::invalid, "this connector cannot do that", {}});
  if (benches_.size() + parts_.yard.size() >= kMostBenches)
    return refuse(job.request, {Fault::unavailable, "this connector has too much to do", {}});
  auto reply = reply_to(job.request);
  auto bench = std::make_shared<OneTask>(
      [&skills = parts_.skills](const Task& task) { return skills.other(task.job, *task.reply); });
  bench->start();
  bench->add({std::move(job), std::move(reply)});
  const std::uint32_t handle = next_handle_++;
  benches_.emplace(handle, bench);
  std::erase_if(benches_, [](const auto& each) { return each.second->has_ended(); });
}

}  // namespace plumb::connector
