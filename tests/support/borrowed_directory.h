#pragma once

#include "controller/ports/directory.h"

namespace plumb::test {

// Stands for a Directory that outlives its handle.
class BorrowedDirectory final : public Directory {
 public:
  explicit BorrowedDirectory(Directory& inner) : inner_(inner) {}
  Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope, Deadline deadline) override {
    return inner_.read_all(scope, deadline);
  }
  std::unique_ptr<Pages> read_pages(ReadScope scope, std::size_t most) override {
    return inner_.read_pages(std::move(scope), most);
  }
  Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                  std::span<const std::string> fetch, Deadline deadline) override {
    return inner_.find(attribute, values, fetch, deadline);
  }
  Result<std::string> cursor(Deadline deadline) override { return inner_.cursor(deadline); }
  Result<DirectoryChanges> changes_since(const std::string& cursor, const ReadScope& scope,
                                         Deadline deadline) override {
    return inner_.changes_since(cursor, scope, deadline);
  }
  Result<bool> continues(const std::string& cursor, Deadline deadline) override {
    return inner_.continues(cursor, deadline);
  }
  Result<std::vector<AttributeHistory>> history(const std::string& id, Deadline deadline) override {
    return inner_.history(id, deadline);
  }
  Answers write(std::span<const DirectoryWrite> writes, Deadline deadline) override {
    return inner_.write(writes, deadline);
  }
  Result<About> about(Deadline deadline) override { return inner_.about(deadline); }

 private:
  Directory& inner_;
};

}  // namespace plumb::test
