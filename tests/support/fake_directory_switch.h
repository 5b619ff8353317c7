#pragma once

#include "tests/support/fake_directory.h"

namespace plumb::test {

// Pages of what is connected to: they end when that is another one.
class ConnectedPages final : public Directory::Pages {
 public:
  using Connected = std::function<FakeDirectory&()>;
  ConnectedPages(Connected connected, ReadScope scope, std::size_t most)
      : connected_(std::move(connected)), from_(&connected_()), pages_(from_->read_pages(std::move(scope), most)) {}
  Result<std::optional<std::vector<Entry>>> next(Deadline deadline) override {
    if (&connected_() != from_) return fail(Fault::conflict, "the connection on which the read began is gone");
    return pages_->next(deadline);
  }

 private:
  Connected connected_;
  FakeDirectory* from_;
  std::unique_ptr<Directory::Pages> pages_;
};

// What a client is connected to: one domain controller of several. It outlives none of them.
//
//   FakeDirectory dc1, dc2 = dc1.replica("dc2.ad.test");
//   FakeDirectorySwitch directory(dc1);
//   dc1.set("ann", "title", {"x"});       // dc2 has not heard of it
//   directory.connect_to(dc2);            // cursors of dc1 are refused from now on
//   dc2.receive(dc1);                     // now it has
class FakeDirectorySwitch final : public Directory {
 public:
  explicit FakeDirectorySwitch(FakeDirectory& first) : to_(&first) {}
  void connect_to(FakeDirectory& other) { to_ = &other; }
  FakeDirectory& connected_to() { return *to_; }

  Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope, Deadline deadline) override {
    return to_->read_all(scope, deadline);
  }
  std::unique_ptr<Pages> read_pages(ReadScope scope, std::size_t most) override {
    return std::make_unique<ConnectedPages>([this]() -> FakeDirectory& { return *to_; }, std::move(scope), most);
  }
  Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                  std::span<const std::string> fetch, Deadline deadline) override {
    return to_->find(attribute, values, fetch, deadline);
  }
  std::vector<Result<std::string>> write(std::span<const DirectoryWrite> writes, Deadline deadline) override {
    if (followed_ == nullptr || followed_ == to_) return to_->write(writes, deadline);
    const Error error{Fault::unavailable, "another domain controller than the one that was followed", {}};
    return std::vector<Result<std::string>>(writes.size(), Failure(error));
  }
  Result<About> about(Deadline deadline) override { return to_->about(deadline); }
  Result<std::string> cursor(Deadline deadline) override { return follow(to_->cursor(deadline)); }
  Result<DirectoryChanges> changes_since(const std::string& cursor, const ReadScope& scope,
                                         Deadline deadline) override {
    return follow(to_->changes_since(cursor, scope, deadline));
  }
  Result<bool> continues(const std::string& cursor, Deadline deadline) override {
    return to_->continues(cursor, deadline);
  }
  Result<std::vector<AttributeHistory>> history(const std::string& id, Deadline deadline) override {
    return to_->history(id, deadline);
  }

 private:
  template <class T>
  Result<T> follow(Result<T> answer) {
    if (answer) followed_ = to_;
    return answer;
  }

  FakeDirectory* to_;
  FakeDirectory* followed_ = nullptr;
};

}  // namespace plumb::test
