#include "controller/runtime/secret_cache.h"

#include <utility>

#include "controller/base/text.h"

namespace plumb::runtime {

SecretCache::SecretCache(SecretStore& store, EventLoop& loop, const Clock& clock, SecretCacheOptions options)
    : store_(store), loop_(loop), clock_(clock), options_(options), thread_([this] { work(); }) {}

SecretCache::~SecretCache() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void SecretCache::get(const std::string& reference, Done done) {
  const auto known = table_->known.find(reference);
  if (known != table_->known.end() && clock_.steady() < known->second.until) {
    done(known->second.answer);
    return;
  }
  const auto [waiting, first] = table_->waiting.try_emplace(reference);
  if (first && table_->waiting.size() > options_.most) {
    table_->waiting.erase(waiting);
    done(fail(Fault::unavailable, "secret {}: too many secrets are being fetched", printable(reference)));
    return;
  }
  waiting->second.push_back(std::move(done));
  if (!first) return;
  {
    const std::scoped_lock lock(mutex_);
    queue_.push_back(reference);
  }
  wake_.notify_one();
}

void SecretCache::forget(const std::string& reference) {
  table_->known.erase(reference);
  if (table_->waiting.contains(reference)) table_->stale[reference] = true;
}

void SecretCache::work() {
  for (;;) {
    std::string reference;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      reference = std::move(queue_.front());
      queue_.pop_front();
    }
    auto fetched = store_.fetch(reference);
    Answer answer = fetched ? Answer(std::make_shared<const Secret>(std::move(*fetched)))
                            : Answer(tl::unexpected(std::move(fetched).error()));
    const SteadyTime until = clock_.steady() + (answer ? options_.keep : options_.keep_failure);
    loop_.post(
        [table = table_, reference, answer = std::move(answer), until] { take(*table, reference, answer, until); });
  }
}

void SecretCache::take(Table& table, const std::string& reference, Answer answer, SteadyTime until) {
  auto waiting = table.waiting.extract(reference);
  if (table.stale.erase(reference) == 0) table.known.insert_or_assign(reference, Known{answer, until});
  if (waiting.empty()) return;
  for (const Done& done : waiting.mapped()) done(answer);
}

}  // namespace plumb::runtime
