#include "connector/bench.h"

#include <array>
#include <utility>

#include "controller/base/text.h"
#include "controller/link/directory_codec.h"

namespace plumb::connector {
namespace {

using link::Method;
using link::Reader;
using link::Writer;

constexpr std::size_t kMostWriting = 64, kMostPages = 16;
constexpr Duration kTurn = std::chrono::milliseconds(500);

constexpr std::array<std::string_view, 4> kKinds{"add", "modify", "move", "remove"};

const Error kUnreadable{Fault::invalid, "the question cannot be read", {}};

Result<void> whole(const Reader& in) {
  if (!in.at_end()) return Failure(kUnreadable);
  return {};
}

bool stream_entries(const std::vector<Entry>& entries, Reply& reply) {
  std::string stream;
  for (const Entry& entry : entries) {
    link::append_entry(stream, entry);
    if (stream.size() < link::kBodyLimit) continue;
    if (!reply.gather(stream)) return false;
    stream.clear();
  }
  return stream.empty() || reply.gather(stream);
}

// The controller looks every few seconds for what changed: that would be all that the site's log has.
bool is_worth_a_record(Method method) {
  return method == Method::read_all || method == Method::pages_begin || method == Method::history;
}

// The name is the controller's; the id is what the domain went by.
std::string object_of(const DirectoryWrite& write) {
  if (write.id.empty() || write.dn.empty()) return printable(write.dn.empty() ? write.id : write.dn);
  return fmt::format("{} ({})", printable(write.id), printable(write.dn));
}

Failure nobody_waits() { return fail(Fault::timeout, "nobody waited for it any more"); }

}  // namespace

Bench::~Bench() = default;

void Bench::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void Bench::add(Task task) {
  const std::scoped_lock lock(mutex_);
  tasks_.push_back(std::move(task));
  came_.notify_one();
}

void Bench::stop() {
  thread_.request_stop();
  std::deque<Task> left;
  {
    const std::scoped_lock lock(mutex_);
    left.swap(tasks_);
  }
  for (Task& task : left) {
    wipe(task.job.payload);
    task.reply->end(fail(Fault::unavailable, "it was closed before this was begun"));
  }
}

void Bench::join() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Bench::run(const std::stop_token& stop) {
  const auto more = [this] {
    const std::scoped_lock lock(mutex_);
    return !tasks_.empty();
  };
  while (!stop.stop_requested()) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      if (!came_.wait(lock, stop, [this] { return !tasks_.empty(); })) break;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    if (task.reply->is_over()) {
      task.reply->end(nobody_waits());
      continue;
    }
    work(std::move(task), stop, more);
  }
  // What was begun here and is not answered is left: to finish it would send what waits of it, after the link has
  // broken and somebody else may be at work.
  ended_ = true;
}

void DirectoryBench::work(Task task, const std::stop_token& stop, const std::function<bool()>& more) {
  Reader in(task.job.payload);
  in.u32();  // the handle
  if (task.job.method == Method::write) {
    begin_writing(in, std::move(task));
  } else {
    finish();
    auto answered = answer(task, stop);
    if (record_ && (!answered || is_worth_a_record(task.job.method)))
      record_({.request = task.job.request,
               .actor = task.job.actor,
               .operation = std::string(link::to_string(task.job.method)),
               .object = {},
               .result = answered ? "done" : std::string(to_string(answered.error().fault)),
               .message = answered ? "" : answered.error().message});
    task.reply->end(std::move(answered));
  }
  while (!writing_.empty() && (writing_.size() >= kMostWriting || !more())) finish_oldest();
}

void DirectoryBench::finish() {
  while (!writing_.empty()) finish_oldest();
}

void DirectoryBench::finish_oldest() {
  Writing oldest = std::move(writing_.front());
  writing_.pop_front();
  const auto answers = oldest.answers();
  for (std::size_t i = 0; record_ && i < answers.size() && i < oldest.records.size(); ++i) {
    WorkRecord& record = oldest.records[i];
    record.result = answers[i] ? "done" : std::string(to_string(answers[i].error().fault));
    if (!answers[i]) record.message = answers[i].error().message;
    record_(record);
  }
  Writer out;
  put(out, answers);
  oldest.task.reply->end(out.take());
}

void DirectoryBench::begin_writing(Reader& in, Task task) {
  auto writes = link::get_writes(in);
  const bool good = in.at_end();
  wipe(task.job.payload);
  if (!good) return task.reply->end(Failure(kUnreadable));
  std::vector<WorkRecord> records;
  for (const DirectoryWrite& write : writes)
    records.push_back({.request = task.job.request,
                       .actor = task.job.actor,
                       .operation = std::string(kKinds.at(static_cast<std::size_t>(write.kind))),
                       .object = object_of(write),
                       .result = {}});
  if (*gone_) return task.reply->end(nobody_waits());
  auto answers = directory_->begin_write(std::move(writes), Deadline{task.job.until});
  writing_.push_back({std::move(task), std::move(answers), std::move(records)});
}

Result<std::string> DirectoryBench::answer(const Task& task, const std::stop_token& stop) {
  Reader in(task.job.payload);
  in.u32();
  const Deadline deadline{task.job.until};
  Writer out;
  switch (task.job.method) {
    case Method::read_all: return read_all(in, task, stop);
    case Method::pages_begin: {
      ReadScope scope = link::get_scope(in);
      const std::uint32_t most = in.u32();
      PLUMB_CHECK(whole(in));
      if (pages_.size() >= kMostPages) pages_.erase(pages_.begin());
      pages_[next_pages_] = directory_->read_pages(std::move(scope), most);
      return out.u32(next_pages_++).take();
    }
    case Method::pages_next: return read_page(in, task);
    case Method::pages_end: {
      pages_.erase(in.u32());
      return out.take();
    }
    case Method::find: return find(in, task);
    case Method::cursor: {
      PLUMB_TRY(const std::string cursor, directory_->cursor(deadline));
      return out.text(cursor).take();
    }
    case Method::changes_since: return changes(in, task);
    case Method::continues: {
      const std::string cursor = in.string();
      PLUMB_CHECK(whole(in));
      PLUMB_TRY(const bool same, directory_->continues(cursor, deadline));
      return out.flag(same).take();
    }
    case Method::history: {
      const std::string id = in.string();
      PLUMB_CHECK(whole(in));
      PLUMB_TRY(const auto history, directory_->history(id, deadline));
      put(out, history);
      return out.take();
    }
    case Method::about: {
      PLUMB_TRY(const auto about, directory_->about(deadline));
      put(out, about);
      return out.take();
    }
    default: return fail(Fault::invalid, "a directory cannot be asked \"{}\"", link::to_string(task.job.method));
  }
}

// Page by page, so that a domain of any size takes little memory here. The last page is the proof of all.
Result<std::string> DirectoryBench::read_all(Reader& in, const Task& task, const std::stop_token& stop) {
  constexpr std::size_t kPage = 1000;
  ReadScope scope = link::get_scope(in);
  PLUMB_CHECK(whole(in));
  const auto pages = directory_->read_pages(std::move(scope), kPage);
  std::uint64_t count = 0;
  while (true) {
    PLUMB_TRY(const auto page, pages->next(Deadline{task.job.until}));
    if (!page) break;
    count += page->size();
    if (stop.stop_requested() || !stream_entries(*page, *task.reply)) return nobody_waits();
  }
  return Writer().u64(count).text("every page of each base was read to its end").take();
}

Result<std::string> DirectoryBench::read_page(Reader& in, const Task& task) {
  const auto found = pages_.find(in.u32());
  PLUMB_CHECK(whole(in));
  if (found == pages_.end()) return fail(Fault::conflict, "this read cannot be gone on with");
  auto page = found->second->next(Deadline{task.job.until});
  if (!page || !*page) {
    pages_.erase(found);
    PLUMB_CHECK(page);
    return Writer().flag(false).u64(0).take();
  }
  if (!stream_entries(**page, *task.reply)) return nobody_waits();
  return Writer().flag(true).u64((*page)->size()).take();
}

Result<std::string> DirectoryBench::find(Reader& in, const Task& task) {
  const std::string attribute = in.string();
  const auto values = in.texts(), fetch = in.texts();
  PLUMB_CHECK(whole(in));
  PLUMB_TRY(const auto entries, directory_->find(attribute, values, fetch, Deadline{task.job.until}));
  if (!stream_entries(entries, *task.reply)) return nobody_waits();
  return Writer().u64(entries.size()).take();
}

Result<std::string> DirectoryBench::changes(Reader& in, const Task& task) {
  const std::string cursor = in.string();
  const ReadScope scope = link::get_scope(in);
  PLUMB_CHECK(whole(in));
  PLUMB_TRY(const auto told, directory_->changes_since(cursor, scope, Deadline{task.job.until}));
  if (!stream_entries(told.changed, *task.reply)) return nobody_waits();
  Writer removed;
  for (const std::string& id : told.removed) removed.text(id);
  std::string end = Writer().u64(told.changed.size()).text(told.cursor).text(removed.out()).take();
  if (end.size() > link::kBodyLimit)
    return fail(Fault::conflict, "{} objects were deleted since: all is to be read again", told.removed.size());
  return end;
}

void WatchBench::work(Task task, const std::stop_token& stop, const std::function<bool()>&) {
  // In short turns: a question that was cancelled is noticed in between.
  Result<bool> told = false;
  while (!stop.stop_requested() && !task.reply->is_over()) {
    const auto turn = std::chrono::steady_clock::now() + kTurn;
    told = watch_->wait(Deadline{std::min(task.job.until, turn)}, stop);
    if (!told || *told || std::chrono::steady_clock::now() >= task.job.until) break;
  }
  if (!told) return task.reply->end(tl::unexpected(told.error()));
  task.reply->end(Writer().flag(*told).take());
}

}  // namespace plumb::connector
