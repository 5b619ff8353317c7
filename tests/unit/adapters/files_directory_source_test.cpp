#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/adapters/files/directory_source.h"

namespace plumb::files {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() {
    std::string name = (fs::temp_directory_path() / "plumb-files-XXXXXX").string();
    base_ = ::mkdtemp(name.data());
    root_ = base_ / "tree";
    fs::create_directory(root_);
  }
  ~FilesTest() override { fs::remove_all(base_); }

  void write(const fs::path& path, const std::string& text = "a: 1\n") const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  static std::vector<std::string> paths(const TreeDelta& delta) {
    std::vector<std::string> all;
    for (const SourceFile& file : delta.changed) all.push_back(file.path);
    return all;
  }

  fs::path base_, root_;
  RealClock clock_;
};

using DirectorySource = FilesTest;

TEST_F(DirectorySource, GivesTheManifestsOfTheTreeAndThenWhatChanged) {
  write("a.yaml");
  write("d/b.yml", "b: 1\n");
  write("d/c.json", "{}");
  write("readme.txt");
  write(".git/x.yaml");
  const auto source = make_directory_source({root_});
  const auto first = source->read("", Deadline::never());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->whole);
  EXPECT_THAT(paths(*first), ElementsAre("a.yaml", "d/b.yml", "d/c.json"));
  EXPECT_EQ(*first->changed[1].content, "b: 1\n");
  EXPECT_EQ(*source->head(Deadline::never()), first->revision);

  write("a.yaml", "a: 2\n");
  fs::remove(root_ / "d/b.yml");
  EXPECT_NE(*source->head(Deadline::never()), first->revision);
  const auto second = source->read(first->revision, Deadline::never());
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->whole);
  EXPECT_THAT(paths(*second), ElementsAre("a.yaml"));
  EXPECT_THAT(second->removed, ElementsAre("d/b.yml"));
  EXPECT_TRUE(source->read("unknown", Deadline::never())->whole);
}

TEST_F(DirectorySource, EmptyOrVanishedRootIsAFault) {
  const auto source = make_directory_source({root_});
  EXPECT_EQ(source->read("", Deadline::never()).error().fault, Fault::unavailable);
  EXPECT_THAT(source->head(Deadline::never()).error().message,
              HasSubstr("refusing to treat an empty directory as \"delete everything\""));
  fs::remove_all(root_);
  EXPECT_EQ(source->head(Deadline::never()).error().fault, Fault::unavailable);
}

TEST_F(DirectorySource, LinksAreFollowedOnlyInsideOfTheTree) {
  write("real.yaml");
  std::ofstream(base_ / "secret.yaml") << "s: 1\n";
  fs::create_symlink("real.yaml", root_ / "inside.yaml");
  fs::create_symlink("../secret.yaml", root_ / "out.yaml");
  fs::create_symlink("nowhere.yaml", root_ / "broken.yaml");
  fs::create_symlink("..", root_ / "loop");
  const auto delta = make_directory_source({root_})->read("", Deadline::never());
  ASSERT_TRUE(delta);
  EXPECT_THAT(paths(*delta), ElementsAre("inside.yaml", "real.yaml"));
  ASSERT_EQ(delta->unreadable.size(), 3U);
  EXPECT_EQ(delta->unreadable[2].first, "out.yaml");
}

TEST_F(DirectorySource, ReadsConfigMapVolumes) {
  write("..2026_1/a.yaml", "a: 1\n");
  fs::create_directory_symlink("..2026_1", root_ / "..data");
  fs::create_symlink("..data/a.yaml", root_ / "a.yaml");
  const auto source = make_directory_source({root_});
  const auto first = source->read("", Deadline::never());
  ASSERT_TRUE(first);
  EXPECT_THAT(paths(*first), ElementsAre("a.yaml"));
  write("..2026_2/a.yaml", "a: 2\n");
  fs::create_directory_symlink("..2026_2", root_ / "..tmp");
  fs::rename(root_ / "..tmp", root_ / "..data");
  const auto second = source->read(first->revision, Deadline::never());
  ASSERT_TRUE(second);
  ASSERT_EQ(second->changed.size(), 1U);
  EXPECT_EQ(*second->changed[0].content, "a: 2\n");
}

TEST_F(DirectorySource, WhatCannotBeReadIsNeitherChangedNorRemoved) {
  write("a.yaml");
  write("b.yaml");
  const auto source = make_directory_source({.root = root_, .file_limit = 10});
  const auto first = source->read("", Deadline::never());
  ASSERT_TRUE(first);
  write("b.yaml", "much more than ten bytes\n");
  const auto second = source->read(first->revision, Deadline::never());
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->changed.empty());
  EXPECT_TRUE(second->removed.empty());
  ASSERT_EQ(second->unreadable.size(), 1U);
  EXPECT_THAT(second->unreadable[0].second, HasSubstr("larger than 10 bytes"));
  write("b.yaml");
  EXPECT_THAT(paths(*source->read(second->revision, Deadline::never())), ElementsAre("b.yaml"));
}

class FilesWatcher : public FilesTest {
 protected:
  FilesWatcher() { write("a.yaml"); }
  void start(const fs::path& root) {
    auto made = watch(root, clock_);
    ASSERT_TRUE(made);
    watcher_ = std::move(*made);
  }
  bool changed() { return watcher_->wait(10ms, Deadline::in(clock_, 10s), {}); }
  bool quiet() { return !watcher_->wait(1ms, Deadline::in(clock_, 50ms), {}); }
  std::unique_ptr<Watcher> watcher_;
};

TEST_F(FilesWatcher, SeesWritesAtomicSavesAndRemovals) {
  start(root_);
  EXPECT_TRUE(quiet());
  write("a.yaml", "a: 2\n");
  EXPECT_TRUE(changed());
  std::ofstream(root_ / "sedX1") << "a: 3\n";
  fs::rename(root_ / "sedX1", root_ / "a.yaml");
  EXPECT_TRUE(changed());
  fs::remove(root_ / "a.yaml");
  EXPECT_TRUE(changed());
  EXPECT_TRUE(quiet());
}

TEST_F(FilesWatcher, IgnoresEditorsFilesAndGit) {
  fs::create_directory(root_ / ".git");
  start(root_);
  std::ofstream(root_ / ".a.yaml.swp") << "x";
  std::ofstream(root_ / ".git/index") << "x";
  EXPECT_TRUE(quiet());
}

TEST_F(FilesWatcher, SeesIntoNewMovedAndRenamedDirectories) {
  start(root_);
  fs::create_directories(root_ / "new/deep");
  EXPECT_TRUE(changed());
  write("new/deep/b.yaml");
  EXPECT_TRUE(changed());
  fs::create_directories(base_ / "outside/x");
  fs::rename(base_ / "outside", root_ / "moved");
  EXPECT_TRUE(changed());
  write("moved/x/c.yaml");
  EXPECT_TRUE(changed());
  fs::rename(root_ / "moved", root_ / "renamed");
  EXPECT_TRUE(changed());
  write("renamed/x/c.yaml", "c: 2\n");
  EXPECT_TRUE(changed());
  fs::rename(root_ / "renamed", base_ / "gone");
  EXPECT_TRUE(changed());
  std::ofstream(base_ / "gone/x/c.yaml") << "x";
  EXPECT_TRUE(quiet());
}

TEST_F(FilesWatcher, SeesSwappedLinksOfConfigMapsAndOfTheRoot) {
  write("..1/m.yaml");
  fs::create_directory_symlink("..1", root_ / "..data");
  fs::create_directory_symlink("tree", base_ / "current");
  fs::create_directory(base_ / "next");
  start(base_ / "current");
  fs::create_directory_symlink("..2", root_ / "..tmp");
  fs::rename(root_ / "..tmp", root_ / "..data");
  EXPECT_TRUE(changed());
  fs::create_directory_symlink("next", base_ / "swap");
  fs::rename(base_ / "swap", base_ / "current");
  EXPECT_TRUE(changed());
  std::ofstream(base_ / "next/n.yaml") << "n: 1\n";
  EXPECT_TRUE(changed());
}

TEST_F(FilesWatcher, SeesARootThatVanishesAndComesBack) {
  start(root_);
  fs::remove_all(root_);
  EXPECT_TRUE(changed());
  write("a.yaml");
  EXPECT_TRUE(changed());
  write("a.yaml", "a: 5\n");
  EXPECT_TRUE(changed());
}

TEST_F(FilesWatcher, OverflowCountsAsAChangeAndTheWatchGoesOn) {
  start(root_);
  for (int i = 0; i < 20'000; ++i)
    fs::rename(root_ / (i % 2 == 0 ? "a.yaml" : "b.yaml"), root_ / (i % 2 == 0 ? "b.yaml" : "a.yaml"));
  EXPECT_TRUE(changed());
  EXPECT_TRUE(quiet());
  write("a.yaml", "a: 6\n");
  EXPECT_TRUE(changed());
}

TEST_F(FilesWatcher, StopRequestEndsTheWaitAtOnce) {
  start(root_);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(watcher_->wait(1ms, Deadline::never(), stop.get_token()));
}

}  // namespace
}  // namespace plumb::files
