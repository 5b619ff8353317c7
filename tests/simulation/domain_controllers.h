#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fake_directory_switch.h"

namespace plumb::simulation {

using test::FakeDirectory;

// The domain as our process sees it: two domain controllers that replicate when `replicate` says so, and it is
// connected to one of them. Besides, its reads may be answered by one that is behind.
class DomainControllers final : public Directory {
 public:
  explicit DomainControllers(FakeDirectory& first) : first_(first) {}
  void begin() { second_.emplace(first_.replica("dc2.ad.test")); }

  std::optional<FakeDirectory> stale;  // reads are answered by it

  FakeDirectory& first() { return first_; }
  FakeDirectory& second() { return *second_; }
  std::array<FakeDirectory*, 2> all() { return {&first_, &*second_}; }
  FakeDirectory& connected() { return on_second_ ? *second_ : first_; }
  void fail_over() { on_second_ = !on_second_; }
  void connect_to_first() { on_second_ = false; }

  // Both know all that either knows.
  void replicate() {
    first_.receive(*second_);
    second_->receive(first_);
    first_.receive(*second_);
  }

  Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope, Deadline deadline) override {
    return source().read_all(scope, deadline);
  }
  std::unique_ptr<Pages> read_pages(ReadScope scope, std::size_t most) override {
    return std::make_unique<test::ConnectedPages>([this]() -> FakeDirectory& { return source(); }, std::move(scope),
                                                  most);
  }
  Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                  std::span<const std::string> fetch, Deadline deadline) override {
    return source().find(attribute, values, fetch, deadline);
  }
  std::vector<Result<std::string>> write(std::span<const DirectoryWrite> writes, Deadline deadline) override {
    if (followed_ == &connected()) return connected().write(writes, deadline);
    const Error error{Fault::unavailable, "another domain controller than the one that was followed", {}};
    return std::vector<Result<std::string>>(writes.size(), Failure(error));
  }
  Result<About> about(Deadline deadline) override { return source().about(deadline); }
  Result<std::string> cursor(Deadline deadline) override { return follow(source().cursor(deadline)); }
  Result<DirectoryChanges> changes_since(const std::string& cursor, const ReadScope& scope,
                                         Deadline deadline) override {
    return follow(source().changes_since(cursor, scope, deadline));
  }
  Result<bool> continues(const std::string& cursor, Deadline deadline) override {
    return source().continues(cursor, deadline);
  }
  Result<std::vector<AttributeHistory>> history(const std::string& id, Deadline deadline) override {
    return source().history(id, deadline);
  }

 private:
  FakeDirectory& source() { return stale ? *stale : connected(); }
  template <class T>
  Result<T> follow(Result<T> answer) {
    if (answer) followed_ = &connected();
    return answer;
  }
  FakeDirectory& first_;
  std::optional<FakeDirectory> second_;
  bool on_second_ = false;
  FakeDirectory* followed_ = nullptr;  // writes go only to it
};

}  // namespace plumb::simulation
