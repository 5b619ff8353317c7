#include "controller/adapters/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include "controller/base/text.h"

namespace plumb::sqlite {
namespace {

namespace fs = std::filesystem;

constexpr int kSchema = 1;
constexpr int kApplication = 0x504c4d42;  // "PLMB"
constexpr int kBusyMilliseconds = 5000;

// What the caller can do about an SQLite result code.
Fault fault_of(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR: return Fault::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Fault::invalid;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return Fault::denied;
    default: return Fault::internal;
  }
}

struct Finalizer {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalizer>;

struct Closer {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, Closer>;

std::string text_of(sqlite3_stmt* statement, int column) {
  const void* bytes = sqlite3_column_blob(statement, column);
  const int size = sqlite3_column_bytes(statement, column);
  return bytes == nullptr ? std::string()
                          : std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

void bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
  sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

class SqliteStore final : public StateStore {
 public:
  SqliteStore(fs::path file, Database database) : file_(std::move(file)), database_(std::move(database)) {}

  Result<void> open(bool read_only);

  Result<std::optional<Item>> get(std::string_view key) override;
  Result<std::vector<Item>> list(std::string_view prefix) override;
  Result<void> commit(std::span<const Put> puts, std::span<const Guard> guards) override;

 private:
  Failure failed(std::string_view attempted);
  Failure damaged(std::string_view why) const;
  Result<void> run(const char* sql);
  Result<Statement> prepare(const char* sql);
  Result<std::int64_t> number(const char* sql);
  Result<void> check_pages();
  Result<void> check_schema(bool read_only);
  Result<void> hold_guards(std::span<const Guard> guards);
  Result<void> write(std::span<const Put> puts);

  fs::path file_;
  Database database_;
  Statement get_, list_, put_, remove_, count_;
  bool read_only_ = false;
  // After a failed write or sync nothing is known about what the disk holds: a later success would
  // prove nothing (the kernel may have dropped the dirty page). The process must open the file anew.
  std::string broken_;
};

Failure SqliteStore::failed(std::string_view attempted) {
  const int code = sqlite3_extended_errcode(database_.get());
  const std::string why = printable(sqlite3_errmsg(database_.get()));
  if ((code & 0xff) == SQLITE_IOERR) broken_ = why;
  if ((code & 0xff) == SQLITE_CORRUPT) return damaged(why);
  return fail(fault_of(code), "state store {}: {}: {}", file_.string(), attempted, why);
}

Failure SqliteStore::damaged(std::string_view why) const {
  return fail(Fault::invalid, "state store {} is damaged ({}): restore it from a backup, or move it away to start anew",
              file_.string(), why);
}

Result<void> SqliteStore::run(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failed(sql);
  return {};
}

Result<Statement> SqliteStore::prepare(const char* sql) {
  sqlite3_stmt* made = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr) != SQLITE_OK)
    return failed(sql);
  return Statement(made);
}

Result<std::int64_t> SqliteStore::number(const char* sql) {
  PLUMB_TRY(const Statement statement, prepare(sql));
  if (sqlite3_step(statement.get()) != SQLITE_ROW) return failed(sql);
  return sqlite3_column_int64(statement.get(), 0);
}

Result<void> SqliteStore::check_pages() {
  PLUMB_TRY(const Statement statement, prepare("PRAGMA quick_check(3)"));
  std::string problems;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    const std::string line = text_of(statement.get(), 0);
    if (line != "ok") problems += (problems.empty() ? "" : "; ") + printable(line);
  }
  if (code != SQLITE_DONE) return failed("checking the file");
  if (!problems.empty()) return damaged(problems);
  return {};
}

Result<void> SqliteStore::check_schema(bool read_only) {
  PLUMB_TRY(const auto version, number("PRAGMA user_version"));
  PLUMB_TRY(const auto application, number("PRAGMA application_id"));
  PLUMB_TRY(const auto tables, number("SELECT count(*) FROM sqlite_schema"));
  if (version > kSchema && application == kApplication)
    return fail(Fault::invalid,
                "state store {} was written by a newer Plumbline (schema {}, this one knows {}): upgrade",
                file_.string(), version, kSchema);
  if (version == kSchema && application == kApplication) return {};
  if (tables != 0 || application != 0)
    return fail(Fault::invalid, "{} is not a state store of Plumbline", file_.string());
  if (read_only)
    return fail(Fault::not_found, "state store {} is empty: nothing was ever recorded in it", file_.string());
  // An empty file of an interrupted first start is as good as a new one.
  PLUMB_CHECK(run("BEGIN IMMEDIATE"));
  for (const char* sql :
       {"CREATE TABLE kv (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL, version INTEGER NOT NULL) STRICT, "
        "WITHOUT ROWID",
        "CREATE TABLE counter (id INTEGER PRIMARY KEY CHECK (id = 1), commits INTEGER NOT NULL) STRICT",
        "INSERT INTO counter VALUES (1, 0)", "PRAGMA application_id = 1347177794", "PRAGMA user_version = 1", "COMMIT"})
    PLUMB_CHECK(run(sql));
  static_assert(kApplication == 1347177794 && kSchema == 1);
  return {};
}

Result<void> SqliteStore::open(bool read_only) {
  read_only_ = read_only;
  sqlite3* database = database_.get();
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, kBusyMilliseconds);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  PLUMB_CHECK(run("PRAGMA cell_size_check = ON"));
  if (!read_only) {
    PLUMB_CHECK(run("PRAGMA journal_mode = WAL"));
    PLUMB_CHECK(run("PRAGMA synchronous = FULL"));
    PLUMB_CHECK(run("PRAGMA secure_delete = ON"));
  }
  PLUMB_CHECK(check_pages());
  PLUMB_CHECK(check_schema(read_only));
  PLUMB_TRY(get_, prepare("SELECT value, version FROM kv WHERE key = ?1"));
  PLUMB_TRY(list_, prepare("SELECT key, value, version FROM kv WHERE key >= ?1 ORDER BY key"));
  if (read_only) return {};
  PLUMB_TRY(put_, prepare("INSERT INTO kv VALUES (?1, ?2, ?3) "
                          "ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version"));
  PLUMB_TRY(remove_, prepare("DELETE FROM kv WHERE key = ?1"));
  PLUMB_TRY(count_, prepare("UPDATE counter SET commits = commits + 1 WHERE id = 1 RETURNING commits"));
  return {};
}

// Leaves the statement free of values and of its read transaction.
struct Reset {
  sqlite3_stmt* statement;
  ~Reset() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

Result<std::optional<StateStore::Item>> SqliteStore::get(std::string_view key) {
  const Reset reset{get_.get()};
  bind_text(get_.get(), 1, key);
  const int code = sqlite3_step(get_.get());
  if (code == SQLITE_DONE) return std::optional<Item>();
  if (code != SQLITE_ROW) return failed(fmt::format("reading {}", printable(key)));
  return std::optional<Item>(
      Item{std::string(key), text_of(get_.get(), 0), static_cast<std::uint64_t>(sqlite3_column_int64(get_.get(), 1))});
}

Result<std::vector<StateStore::Item>> SqliteStore::list(std::string_view prefix) {
  const Reset reset{list_.get()};
  bind_text(list_.get(), 1, prefix);
  std::vector<Item> items;
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(list_.get())) == SQLITE_ROW) {
    Item item{text_of(list_.get(), 0), text_of(list_.get(), 1),
              static_cast<std::uint64_t>(sqlite3_column_int64(list_.get(), 2))};
    if (!item.key.starts_with(prefix)) return items;
    items.push_back(std::move(item));
  }
  if (code != SQLITE_DONE) return failed(fmt::format("listing {}", printable(prefix)));
  return items;
}

Result<void> SqliteStore::hold_guards(std::span<const Guard> guards) {
  for (const Guard& guard : guards) {
    PLUMB_TRY(const auto item, get(guard.key));
    const std::uint64_t version = item ? item->version : 0;
    if (version != guard.version)
      return fail(Fault::conflict, "state store {}: {} was changed by somebody else (version {}, expected {})",
                  file_.string(), printable(guard.key), version, guard.version);
  }
  return {};
}

Result<void> SqliteStore::write(std::span<const Put> puts) {
  std::int64_t version = 0;
  {
    const Reset reset{count_.get()};
    if (sqlite3_step(count_.get()) != SQLITE_ROW) return failed("counting the commit");
    version = sqlite3_column_int64(count_.get(), 0);
    // RETURNING hands out its row before the statement has ended.
    if (sqlite3_step(count_.get()) != SQLITE_DONE) return failed("counting the commit");
  }
  for (const Put& put : puts) {
    sqlite3_stmt* statement = put.value ? put_.get() : remove_.get();
    const Reset reset{statement};
    bind_text(statement, 1, put.key);
    if (put.value) {
      // A null pointer would bind NULL in place of an empty value.
      sqlite3_bind_blob64(statement, 2, put.value->empty() ? "" : put.value->data(), put.value->size(), SQLITE_STATIC);
      sqlite3_bind_int64(statement, 3, version);
    }
    if (sqlite3_step(statement) != SQLITE_DONE) return failed(fmt::format("writing {}", printable(put.key)));
  }
  return {};
}

Result<void> SqliteStore::commit(std::span<const Put> puts, std::span<const Guard> guards) {
  if (read_only_) return fail(Fault::denied, "state store {} is open for reading only", file_.string());
  if (!broken_.empty())
    return fail(Fault::unavailable, "state store {} failed before ({}): restart", file_.string(), broken_);
  PLUMB_CHECK(run("BEGIN IMMEDIATE"));
  Result<void> done = hold_guards(guards);
  if (done) done = write(puts);
  if (done) done = run("COMMIT");
  // Some errors have rolled back by themselves.
  if (!done && sqlite3_get_autocommit(database_.get()) == 0)
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  return done;
}

Result<void> check_directory(const fs::path& directory, bool read_only) {
  struct stat about {};
  if (::stat(directory.c_str(), &about) != 0) {
    if (read_only) return fail(Fault::not_found, "there is no state in {}", directory.string());
    std::error_code error;
    if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), error);
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
      return fail(Fault::denied, "creating state directory {}: {}", directory.string(), std::strerror(errno));
    if (::stat(directory.c_str(), &about) != 0)
      return fail(Fault::denied, "reading state directory {}: {}", directory.string(), std::strerror(errno));
  }
  if (!S_ISDIR(about.st_mode)) return fail(Fault::invalid, "{} is not a directory", directory.string());
  if (about.st_uid != ::geteuid())
    return fail(Fault::denied, "state directory {} belongs to user {}, not to {}: run as its owner", directory.string(),
                about.st_uid, ::geteuid());
  if ((about.st_mode & 0022) != 0)
    return fail(Fault::denied, "state directory {} can be written by others: chmod 700 {}", directory.string(),
                directory.string());
  return {};
}

// The file, or one that SQLite puts beside it. Not opened here: closing a descriptor of the database
// would drop the locks that another connection of this process holds.
Result<bool> check_file(const fs::path& file) {
  struct stat about {};
  if (::lstat(file.c_str(), &about) != 0) {
    if (errno == ENOENT) return false;
    return fail(Fault::denied, "{}: {}", file.string(), std::strerror(errno));
  }
  if (!S_ISREG(about.st_mode)) return fail(Fault::denied, "{} is not a regular file (a link?)", file.string());
  if (about.st_uid != ::geteuid())
    return fail(Fault::denied, "{} belongs to user {}, not to {}: run as its owner", file.string(), about.st_uid,
                ::geteuid());
  if ((about.st_mode & 0077) != 0 && ::chmod(file.c_str(), 0600) != 0)
    return fail(Fault::denied, "{} can be read by others: chmod 600 {}", file.string(), file.string());
  return true;
}

}  // namespace

Result<std::unique_ptr<StateStore>> open_store(const fs::path& file, bool read_only) {
  const fs::path directory = file.has_parent_path() ? file.parent_path() : fs::path(".");
  PLUMB_CHECK(check_directory(directory, read_only));
  for (const char* suffix : {"-wal", "-shm", "-journal"}) PLUMB_CHECK(check_file(file.string() + suffix));
  PLUMB_TRY(const bool exists, check_file(file));
  if (!exists) {
    if (read_only) return fail(Fault::not_found, "there is no state store {} yet", file.string());
    const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0) return fail(Fault::denied, "creating {}: {}", file.string(), std::strerror(errno));
    ::close(descriptor);
  }
  sqlite3* opened = nullptr;
  const int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_PRIVATECACHE;
  const int code = sqlite3_open_v2(file.c_str(), &opened, flags, nullptr);
  Database database(opened);
  if (code != SQLITE_OK) return fail(fault_of(code), "opening state store {}: {}", file.string(), sqlite3_errstr(code));
  auto store = std::make_unique<SqliteStore>(file, std::move(database));
  PLUMB_CHECK(store->open(read_only));
  return std::unique_ptr<StateStore>(std::move(store));
}

}  // namespace plumb::sqlite
