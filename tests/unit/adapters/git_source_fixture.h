#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/adapters/git/git_source.h"
#include "controller/adapters/secrets/secret_store.h"
#include "tests/support/git_world.h"

namespace plumb::git {

// A source over the remote of a GitWorld.
class GitSourceFixture : public ::testing::Test {
 protected:
  GitSourceFixture() {
    settings_.url = world_.url();
    settings_.key = {"GitRepository", "default", "company"};
  }

  // As after a restart: a new object over the same state directory.
  void open() {
    source_.reset();
    auto opened = GitSource::open(settings_, {world_.base() / "state"}, *secrets_);
    if (!opened) throw std::runtime_error(opened.error().message);
    source_ = std::move(*opened);
  }
  Result<TreeDelta> read(const std::string& since = "") {
    if (source_ == nullptr) open();
    return source_->read(since, Deadline::never());
  }
  // The message of what must be refused.
  std::string refused(const std::string& since = "") {
    const auto delta = read(since);
    return delta ? "it was taken" : delta.error().message;
  }
  static std::vector<std::string> paths(const TreeDelta& delta) {
    std::vector<std::string> all;
    for (const SourceFile& file : delta.changed) all.push_back(file.path);
    return all;
  }

  test::GitWorld world_;
  std::unique_ptr<SecretStore> secrets_ = secrets::make_secret_store();
  Settings settings_;
  std::unique_ptr<GitSource> source_;
};

}  // namespace plumb::git
