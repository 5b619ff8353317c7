#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <filesystem>
#include <fstream>

#include "controller/adapters/sqlite/sqlite_store.h"
#include "tests/contract/state_store_contract.h"
#include "tests/support/fake_state_store.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;

// A directory of its own for each test, gone afterwards.
struct Scratch {
  Scratch() { fs::create_directories(path.parent_path()); }
  ~Scratch() { fs::remove_all(path); }
  static std::string unique() {
    static std::atomic<int> count{0};
    return std::to_string(::getpid()) + "-" + std::to_string(++count);
  }
  fs::path path = fs::temp_directory_path() / ("plumb-store-" + unique());
  fs::path file() const { return path / "plumbline.db"; }
};

struct MakeFake {
  FakeStateStore store;
  StateStore* empty() { return &store; }
  StateStore* reopened() { return &store; }
};

struct MakeSqlite {
  Scratch scratch;
  std::unique_ptr<StateStore> store;
  StateStore* reopened() {
    store.reset();
    auto opened = sqlite::open_store(scratch.file());
    EXPECT_TRUE(opened) << opened.error().message;
    store = std::move(*opened);
    return store.get();
  }
  StateStore* empty() { return reopened(); }
};

using Stores = testing::Types<MakeFake, MakeSqlite>;
INSTANTIATE_TYPED_TEST_SUITE_P(Stores, StateStoreContract, Stores);

mode_t mode_of(const fs::path& path) {
  struct stat about {};
  EXPECT_EQ(::stat(path.c_str(), &about), 0) << path;
  return about.st_mode & 0777;
}

Result<void> put(StateStore& store, const std::string& key, const std::string& value) {
  const std::vector<StateStore::Put> puts{{key, value}};
  return store.commit(puts);
}

TEST(SqliteStore, DirectoryAndFilesAreForTheirOwnerOnly) {
  const Scratch scratch;
  auto store = sqlite::open_store(scratch.file());
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE(put(**store, "k", "v"));

  EXPECT_EQ(mode_of(scratch.path), 0700U);
  EXPECT_EQ(mode_of(scratch.file()), 0600U);
  EXPECT_EQ(mode_of(scratch.file().string() + "-wal"), 0600U);
}

TEST(SqliteStore, ADirectoryThatOthersMayWriteIsRefused) {
  const Scratch scratch;
  fs::create_directory(scratch.path);
  fs::permissions(scratch.path, fs::perms::all);

  const auto store = sqlite::open_store(scratch.file());

  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find("chmod 700"), std::string::npos) << store.error().message;
}

TEST(SqliteStore, ALinkInPlaceOfTheFileIsRefused) {
  const Scratch scratch;
  fs::create_directory(scratch.path);
  fs::permissions(scratch.path, fs::perms::owner_all);
  fs::create_symlink("/etc/hostname", scratch.file());

  EXPECT_FALSE(sqlite::open_store(scratch.file()));
}

TEST(SqliteStore, ReadOnlyFailsWithoutAStoreAndMakesNone) {
  const Scratch scratch;

  const auto store = sqlite::open_store(scratch.file(), true);

  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().fault, Fault::not_found);
  EXPECT_FALSE(fs::exists(scratch.path));
}

TEST(SqliteStore, ReadOnlySeesWhatAWriterCommitsMeanwhileAndCannotWrite) {
  const Scratch scratch;
  auto writer = sqlite::open_store(scratch.file());
  ASSERT_TRUE(writer) << writer.error().message;
  auto reader = sqlite::open_store(scratch.file(), true);
  ASSERT_TRUE(reader) << reader.error().message;

  ASSERT_TRUE(put(**writer, "k", "v"));

  const auto seen = (*reader)->get("k");
  ASSERT_TRUE(seen && *seen);
  EXPECT_EQ((*seen)->value, "v");
  EXPECT_FALSE(put(**reader, "k", "w"));
}

TEST(SqliteStore, ADamagedFileIsRefusedAndLeftAsItIs) {
  const Scratch scratch;
  {
    auto store = sqlite::open_store(scratch.file());
    ASSERT_TRUE(store) << store.error().message;
    std::vector<StateStore::Put> many;
    for (int i = 0; i < 200; ++i) many.push_back({"key" + std::to_string(i), std::string(500, 'x')});
    ASSERT_TRUE((*store)->commit(many));
  }
  {
    std::fstream file(scratch.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3 * 4096 + 1);
    file << std::string(3000, '\x7f');
  }

  const auto store = sqlite::open_store(scratch.file());

  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().fault, Fault::invalid);
  EXPECT_NE(store.error().message.find("damaged"), std::string::npos) << store.error().message;
  EXPECT_GT(fs::file_size(scratch.file()), 4096U * 4);
}

TEST(SqliteStore, AFileThatIsNoDatabaseIsRefused) {
  const Scratch scratch;
  fs::create_directory(scratch.path);
  fs::permissions(scratch.path, fs::perms::owner_all);
  std::ofstream(scratch.file()) << std::string(5000, 'n');

  const auto store = sqlite::open_store(scratch.file());

  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().fault, Fault::invalid) << store.error().message;
}

TEST(SqliteStore, AStoreOfANewerVersionIsRefused) {
  const Scratch scratch;
  ASSERT_TRUE(sqlite::open_store(scratch.file()));
  {
    // The schema version is the big-endian number at offset 60 of the header (fileformat2, 1.3).
    std::fstream file(scratch.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(63);
    file.put('\x09');
  }

  const auto store = sqlite::open_store(scratch.file());

  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message.find("newer"), std::string::npos) << store.error().message;
}

TEST(FileLease, OneHolderAtATimeAndTheOtherIsNamed) {
  const Scratch scratch;
  fs::create_directory(scratch.path);
  const auto first = sqlite::make_file_lease(scratch.path / "lock", "plumbline run");
  const auto second = sqlite::make_file_lease(scratch.path / "lock", "plumbline apply");

  ASSERT_TRUE(first->hold(Deadline::never()));
  const auto refused = second->hold(Deadline::never());

  EXPECT_TRUE(first->hold(Deadline::never()));
  EXPECT_TRUE(first->held_for(std::chrono::hours(1)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::conflict);
  EXPECT_NE(refused.error().message.find("plumbline run (pid " + std::to_string(::getpid())), std::string::npos)
      << refused.error().message;
  EXPECT_FALSE(second->held_for(std::chrono::milliseconds(0)));
}

TEST(FileLease, IsFreeOnceItsHolderIsGone) {
  const Scratch scratch;
  fs::create_directory(scratch.path);
  auto first = sqlite::make_file_lease(scratch.path / "lock", "plumbline run");
  ASSERT_TRUE(first->hold(Deadline::never()));
  first.reset();

  const auto second = sqlite::make_file_lease(scratch.path / "lock", "plumbline apply");

  EXPECT_FALSE(second->held_for(std::chrono::milliseconds(0)));
  EXPECT_TRUE(second->hold(Deadline::never()));
}

TEST(FileLease, ALockFileThatWasRemovedIsTakenAgain) {
  const Scratch scratch;
  fs::create_directory(scratch.path);
  const auto first = sqlite::make_file_lease(scratch.path / "lock", "plumbline run");
  ASSERT_TRUE(first->hold(Deadline::never()));
  fs::remove(scratch.path / "lock");

  ASSERT_TRUE(first->hold(Deadline::never()));

  EXPECT_FALSE(sqlite::make_file_lease(scratch.path / "lock", "other")->hold(Deadline::never()));
}

}  // namespace
}  // namespace plumb::test
