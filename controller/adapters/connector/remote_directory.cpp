#include "controller/adapters/connector/remote_directory.h"

#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include <fmt/ranges.h>

#include "controller/adapters/connector/opened.h"
#include "controller/base/text.h"

namespace plumb::remote {
namespace {

using link::Conversation;
using link::Method;
using link::Reader;
using link::Writer;

constexpr std::size_t kMostBytes = std::size_t{8} << 30U;  // of one read, as over libldap

const Error kUnreadable{Fault::internal, "the connector's answer cannot be read", {}};

// What an agent told is known by whose word it is: a cursor goes on from all that was read until then, and holds for as
// long as they are all good. Their identities, a bar, and the cursor that the agents know.
struct Told {
  std::set<std::string> by;
  std::string cursor;

  std::string text() const { return fmt::format("{}|{}", fmt::join(by, ","), cursor); }
  static std::optional<Told> parse(std::string_view text) {
    const auto bar = text.find('|');
    if (bar == std::string_view::npos || bar == 0) return std::nullopt;
    Told told{{}, std::string(text.substr(bar + 1))};
    std::string id;
    for (std::istringstream by{std::string(text.substr(0, bar))}; std::getline(by, id, ',');) told.by.insert(id);
    return told;
  }
};

class RemoteDirectory final : public Directory {
 public:
  RemoteDirectory(Options options, link::Asker& asker, SecretStore& secrets, const Clock& clock)
      : opened_(std::make_shared<Opened>(std::move(options), Method::open_directory, asker, secrets, clock)) {}

  Result<Complete<std::vector<Entry>>> read_all(const ReadScope& scope, Deadline deadline) override;
  std::unique_ptr<Pages> read_pages(ReadScope scope, std::size_t most) override;
  Result<std::vector<Entry>> find(std::string_view attribute, std::span<const std::string> values,
                                  std::span<const std::string> fetch, Deadline deadline) override;
  Result<std::string> cursor(Deadline deadline) override;
  Result<DirectoryChanges> changes_since(const std::string& cursor, const ReadScope& scope, Deadline deadline) override;
  Result<bool> continues(const std::string& cursor, Deadline deadline) override;
  Result<std::vector<AttributeHistory>> history(const std::string& id, Deadline deadline) override;
  Answers write(std::span<const DirectoryWrite> writes, Deadline deadline) override {
    return begin_write({writes.begin(), writes.end()}, deadline)();
  }
  std::function<Answers()> begin_write(std::vector<DirectoryWrite> writes, Deadline deadline) override;
  Result<About> about(Deadline deadline) override;

 private:
  class RemotePages;
  struct Read {
    std::vector<Entry> entries;
    std::string end;
  };
  // A read is asked once more where the link broke, or what was open is gone: nothing was changed by it.
  template <class T, class F>
  Result<T> reading(Deadline deadline, F&& read) {
    for (int attempt = 0;; ++attempt) {
      PLUMB_TRY(const bool fresh, opened_->ensure(deadline));
      bool broken = false;
      Result<T> result = read(broken);
      if (result) {
        heard_.insert(opened_->identity());
        return result;
      }
      // The agent binds with the password that it was given: another one takes another opening.
      const Fault fault = result.error().fault;
      if (broken) {
        opened_->drop();
      } else if (fault == Fault::unavailable || fault == Fault::denied) {
        opened_->close_elsewhere();  // else a session that lasts would keep what is of no more use
      }
      if (!broken || deadline.left(opened_->clock().steady()) == Duration::zero()) return result;
      // A link that breaks under what was just opened is no stale one.
      if (fresh || attempt > 0) {
        Error error = std::move(result).error();
        if (error.fault == Fault::timeout) error.fault = Fault::unavailable;
        return Failure(std::move(error));
      }
    }
  }
  // The whole answer to a question without entries.
  template <class T, class F>
  Result<T> ask(Method method, std::string_view payload, Deadline deadline, F&& decode) {
    return reading<T>(deadline, [&](bool& broken) -> Result<T> {
      Conversation conversation(opened_->asker(), opened_->clock(), opened_->ask(method, payload, deadline));
      auto answer = conversation.all(deadline);
      broken = !answer && !conversation.answered();
      PLUMB_CHECK(answer);
      Reader in(*answer);
      T decoded = decode(in);
      if (!in.at_end()) return Failure(kUnreadable);
      return decoded;
    });
  }
  Result<Read> read_entries(link::Ask ask, Deadline deadline, bool& broken);
  Result<Read> read_entries(Method method, std::string_view payload, Deadline deadline, bool& broken) {
    return read_entries(opened_->ask(method, payload, deadline), deadline, broken);
  }
  Result<bool> is_of(const std::string& cursor, Deadline deadline);
  Result<void> ready_to_write(Deadline deadline);

  const std::shared_ptr<Opened> opened_;  // shared with those who wait for writes
  std::set<std::string> heard_;           // identities whose word was taken since cursor()
  std::string followed_;                  // the agents' cursor whose domain controller the writes go to
  std::uint64_t checked_ = 0;  // the opening in which whoever has it open writes only to that domain controller
};

Result<RemoteDirectory::Read> RemoteDirectory::read_entries(link::Ask ask, Deadline deadline, bool& broken) {
  Conversation conversation(opened_->asker(), opened_->clock(), std::move(ask));
  Read read;
  link::EntryStream stream;
  std::size_t bytes = 0;
  while (true) {
    auto part = conversation.next(deadline);
    // A conflict that no agent told is the hub's: nobody was asked.
    broken = !part && !conversation.answered() && part.error().fault != Fault::conflict;
    PLUMB_CHECK(part);
    if (!*part) break;
    bytes += (*part)->size();
    if (bytes > kMostBytes) return fail(Fault::invalid, "the connector sent more than {} bytes", kMostBytes);
    PLUMB_CHECK(stream.add(**part, read.entries));
  }
  if (!stream.at_boundary()) return Failure(kUnreadable);
  read.end = conversation.end();
  return read;
}

Result<Complete<std::vector<Entry>>> RemoteDirectory::read_all(const ReadScope& scope, Deadline deadline) {
  Writer payload;
  put(payload, scope);
  return reading<Complete<std::vector<Entry>>>(deadline, [&](bool& broken) -> Result<Complete<std::vector<Entry>>> {
    PLUMB_TRY(Read read, read_entries(Method::read_all, payload.out(), deadline, broken));
    // What the agent counted must be what came: an end that says nothing proves nothing.
    Reader in(read.end);
    const std::uint64_t count = in.u64();
    const std::string evidence = printable(in.text());
    if (!in.at_end() || evidence.empty() || count != read.entries.size()) return Failure(kUnreadable);
    return Complete<std::vector<Entry>>::proven(std::move(read.entries),
                                                fmt::format("through a connector: {}", evidence));
  });
}

class RemoteDirectory::RemotePages final : public Pages {
 public:
  RemotePages(RemoteDirectory& directory, ReadScope scope, std::size_t most) : directory_(directory) {
    put(scope_, scope);
    scope_.u32(static_cast<std::uint32_t>(std::min<std::size_t>(most, 100'000)));
  }
  ~RemotePages() override {
    if (began_ && !ended_ && directory_.opened_->is_open(opening_))
      directory_.opened_->tell(Method::pages_end, Writer().u32(pages_).take());
  }
  RemotePages(const RemotePages&) = delete;
  RemotePages& operator=(const RemotePages&) = delete;

  Result<std::optional<std::vector<Entry>>> next(Deadline deadline) override {
    if (ended_) return std::nullopt;
    if (!began_) {
      PLUMB_TRY(pages_, directory_.ask<std::uint32_t>(Method::pages_begin, scope_.out(), deadline,
                                                      [](Reader& in) { return in.u32(); }));
      began_ = true;
      opening_ = directory_.opened_->generation();
    }
    if (!directory_.opened_->is_open(opening_))
      return fail(Fault::conflict, "the link on which the read began is gone");
    bool broken = false;
    auto read = directory_.read_entries(Method::pages_next, Writer().u32(pages_).take(), deadline, broken);
    if (broken) {
      directory_.opened_->drop();
      return fail(Fault::conflict, "the link on which the read began is gone: {}", read.error().message);
    }
    PLUMB_CHECK(read);
    Reader in(read->end);
    const bool more = in.flag();
    const std::uint64_t count = in.u64();
    if (!in.at_end() || count != read->entries.size()) return Failure(kUnreadable);
    ended_ = !more;
    if (ended_) return std::nullopt;
    return std::move(read->entries);
  }

 private:
  RemoteDirectory& directory_;
  Writer scope_;
  bool began_ = false, ended_ = false;
  std::uint32_t pages_ = 0;
  std::uint64_t opening_ = 0;
};

std::unique_ptr<Directory::Pages> RemoteDirectory::read_pages(ReadScope scope, std::size_t most) {
  return std::make_unique<RemotePages>(*this, std::move(scope), most);
}

Result<std::vector<Entry>> RemoteDirectory::find(std::string_view attribute, std::span<const std::string> values,
                                                 std::span<const std::string> fetch, Deadline deadline) {
  if (values.empty()) return std::vector<Entry>{};
  Writer payload;
  payload.text(attribute).texts({values.begin(), values.end()}).texts({fetch.begin(), fetch.end()});
  return reading<std::vector<Entry>>(deadline, [&](bool& broken) -> Result<std::vector<Entry>> {
    PLUMB_TRY(Read read, read_entries(Method::find, payload.out(), deadline, broken));
    if (Reader in(read.end); in.u64() != read.entries.size() || !in.at_end()) return Failure(kUnreadable);
    return std::move(read.entries);
  });
}

Result<std::string> RemoteDirectory::cursor(Deadline deadline) {
  heard_.clear();  // whoever goes on from here reads everything
  PLUMB_TRY(followed_, ask<std::string>(Method::cursor, {}, deadline, [](Reader& in) { return in.string(); }));
  checked_ = opened_->generation();
  return Told{heard_, followed_}.text();
}

Result<DirectoryChanges> RemoteDirectory::changes_since(const std::string& cursor, const ReadScope& scope,
                                                        Deadline deadline) {
  auto from = Told::parse(cursor);
  if (!from) return fail(Fault::conflict, "this is no cursor of a directory behind connectors");
  Writer payload;
  payload.text(from->cursor);
  put(payload, scope);
  auto changes = reading<DirectoryChanges>(deadline, [&](bool& broken) -> Result<DirectoryChanges> {
    link::Ask ask = opened_->ask(Method::changes_since, payload.out(), deadline);
    ask.rests_on = {from->by.begin(), from->by.end()};
    PLUMB_TRY(Read read, read_entries(std::move(ask), deadline, broken));
    Reader in(read.end);
    DirectoryChanges told{.changed = std::move(read.entries), .removed = {}, .cursor = {}};
    const std::uint64_t count = in.u64();
    told.cursor = in.string();
    Reader removed(in.text());
    while (removed.good() && !removed.at_end()) told.removed.push_back(removed.string());
    if (!in.at_end() || !removed.good() || count != told.changed.size()) return Failure(kUnreadable);
    return told;
  });
  if (changes) {
    followed_ = changes->cursor;
    checked_ = opened_->generation();
    from->by.insert(heard_.begin(), heard_.end());
    changes->cursor = Told{std::move(from->by), followed_}.text();
  }
  return changes;
}

Result<bool> RemoteDirectory::continues(const std::string& cursor, Deadline deadline) {
  const auto told = Told::parse(cursor);
  return told ? is_of(told->cursor, deadline) : Result<bool>(false);
}

Result<bool> RemoteDirectory::is_of(const std::string& cursor, Deadline deadline) {
  return ask<bool>(Method::continues, Writer().text(cursor).take(), deadline, [](Reader& in) { return in.flag(); });
}

Result<std::vector<AttributeHistory>> RemoteDirectory::history(const std::string& id, Deadline deadline) {
  return ask<std::vector<AttributeHistory>>(Method::history, Writer().text(id).take(), deadline,
                                            [](Reader& in) { return link::get_history(in); });
}

Result<Directory::About> RemoteDirectory::about(Deadline deadline) {
  return ask<About>(Method::about, {}, deadline, [](Reader& in) { return link::get_about(in); });
}

// Another agent, or the same one anew, may reach another domain controller than the one that was followed.
Result<void> RemoteDirectory::ready_to_write(Deadline deadline) {
  PLUMB_CHECK(opened_->ensure(deadline));
  if (followed_.empty() || checked_ == opened_->generation()) return {};
  PLUMB_TRY(const bool same, is_of(followed_, deadline));
  if (!same)
    return fail(Fault::unavailable,
                "the connector reaches another domain controller than the one whose changes were followed; they are "
                "looked at there first");
  checked_ = opened_->generation();
  return {};
}

std::function<Directory::Answers()> RemoteDirectory::begin_write(std::vector<DirectoryWrite> writes,
                                                                 Deadline deadline) {
  if (writes.empty()) return [] { return Answers{}; };
  const auto all_failed = [count = writes.size()](const Error& error) {
    Answers answers;
    for (std::size_t i = 0; i < count; ++i) answers.emplace_back(Failure(error));
    return answers;
  };
  if (auto ready = ready_to_write(deadline); !ready) {
    Error error = std::move(ready).error();
    // The port's `timeout` would mean that something may have been done.
    if (error.fault == Fault::timeout) error.fault = Fault::unavailable;
    error.message = "nothing was sent: " + error.message;
    return [answers = all_failed(error)] { return answers; };
  }
  Writer payload;
  put(payload, std::span<const DirectoryWrite>(writes));
  auto conversation = std::make_shared<Conversation>(opened_->asker(), opened_->clock(),
                                                     opened_->ask(Method::write, payload.out(), deadline));
  wipe(payload.out());
  return [opened = opened_, conversation, deadline, all_failed, count = writes.size()]() -> Answers {
    const auto answer = conversation->all(deadline);
    if (!answer) {
      // Where it was not the agent who said so, nobody knows what it has done.
      if (!conversation->answered()) opened->drop();
      return all_failed(answer.error());
    }
    Reader in(*answer);
    Answers answers = link::get_answers(in);
    if (!in.at_end() || answers.size() != count)
      return all_failed(
          {Fault::timeout, "the connector's answer cannot be read; what it has written is not known", {}});
    return answers;
  };
}

}  // namespace

std::unique_ptr<Directory> make_directory(Options options, link::Asker& asker, SecretStore& secrets,
                                          const Clock& clock) {
  return std::make_unique<RemoteDirectory>(std::move(options), asker, secrets, clock);
}

}  // namespace plumb::remote
