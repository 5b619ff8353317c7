#pragma once

#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "controller/base/clock.h"
#include "controller/ports/directory.h"
#include "controller/ports/state_store.h"

// What benchmarks/gitops.cpp is made of: ports that count, a clock that can be in the past, percentiles.
namespace plumb::bench {

using Instant = std::chrono::steady_clock::time_point;
inline Instant now() { return std::chrono::steady_clock::now(); }
inline double milliseconds(Instant from, Instant to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

[[noreturn]] inline void stop(std::string_view why) {
  std::cerr << "gitops: " << why << '\n';
  std::exit(1);
}
inline void need(bool condition, std::string_view what) {
  if (!condition) stop(what);
}
template <class T>
T need(Result<T> result) {
  if (!result) stop(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Runs as the real one does, shifted: what is done "three days ago" is not counted by policies of the last day.
class ShiftedClock final : public Clock {
 public:
  SystemTime now() const override { return real_.now() + by; }
  SteadyTime steady() const override { return real_.steady(); }
  Duration by{};

 private:
  RealClock real_;
};

// Passes on, and counts calls: each is at least one LDAP operation.
class CountingDirectory final : public Directory {
 public:
  explicit CountingDirectory(Directory& inner) : inner_(inner) {}
  std::size_t reads = 0, full_reads = 0, write_calls = 0, writes = 0;
  Instant last_write{};

  Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope, Deadline deadline) override {
    ++reads, ++full_reads;
    return inner_.read_all(scope, deadline);
  }
  std::unique_ptr<Pages> read_pages(ReadScope scope, std::size_t most) override {
    return inner_.read_pages(std::move(scope), most);
  }
  Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                  std::span<const std::string> fetch, Deadline deadline) override {
    ++reads;
    return inner_.find(attribute, values, fetch, deadline);
  }
  Result<std::string> cursor(Deadline deadline) override {
    ++reads;
    return inner_.cursor(deadline);
  }
  Result<DirectoryChanges> changes_since(const std::string& cursor, const ReadScope& scope,
                                         Deadline deadline) override {
    ++reads;
    return inner_.changes_since(cursor, scope, deadline);
  }
  Result<bool> continues(const std::string& cursor, Deadline deadline) override {
    ++reads;
    return inner_.continues(cursor, deadline);
  }
  Result<std::vector<AttributeHistory>> history(const std::string& id, Deadline deadline) override {
    ++reads;
    return inner_.history(id, deadline);
  }
  std::vector<Result<std::string>> write(std::span<const DirectoryWrite> all, Deadline deadline) override {
    ++write_calls;
    writes += all.size();
    auto results = inner_.write(all, deadline);
    last_write = now();
    return results;
  }
  Result<About> about(Deadline deadline) override {
    ++reads;
    return inner_.about(deadline);
  }

 private:
  Directory& inner_;
};

// Passes on, and notes when something was made durable. In a round with a change the first commit is that of the
// intents: the plan is made and reviewed then.
class CountingStore final : public StateStore {
 public:
  explicit CountingStore(StateStore& inner) : inner_(inner) {}
  std::size_t commits = 0, puts = 0;
  std::optional<Instant> first_commit;

  Result<std::optional<Item>> get(std::string_view key) override { return inner_.get(key); }
  Result<std::vector<Item>> list(std::string_view prefix) override { return inner_.list(prefix); }
  Result<void> commit(std::span<const Put> all, std::span<const Guard> guards) override {
    if (!first_commit) first_commit = now();
    ++commits;
    puts += all.size();
    return inner_.commit(all, guards);
  }

 private:
  StateStore& inner_;
};

// Many measurements of one thing, in milliseconds.
class Series {
 public:
  void add(double value) { values_.push_back(value); }
  double percentile(double part) {
    std::sort(values_.begin(), values_.end());
    const double at = part * static_cast<double>(values_.size());
    return values_.empty() ? 0 : values_[std::min(values_.size() - 1, static_cast<std::size_t>(at))];
  }
  std::string json() {
    return fmt::format("{{\"p50\": {:.3f}, \"p99\": {:.3f}, \"max\": {:.3f}, \"n\": {}}}", percentile(0.5),
                       percentile(0.99), percentile(1), values_.size());
  }

 private:
  std::vector<double> values_;
};

}  // namespace plumb::bench
