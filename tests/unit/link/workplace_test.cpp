// What a site keeps of the questions that come to nothing there.
#include "connector/workplace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "controller/adapters/connector/remote_directory.h"
#include "tests/contract/directory_samba_world.h"
#include "tests/support/linked_agent.h"

namespace plumb::test {
namespace {

struct Records {  // outlives the test: the site's threads write there
  std::mutex mutex;
  std::vector<std::string> all;
};

TEST(Workplace, AnOpeningThatTheSiteDoesNotAllowIsOnItsRecord) {
  LinkWorld world;
  world.declare({"a"});
  auto& site = world.site("a");
  const auto records = std::make_shared<Records>();
  site.skills.directory = [](const link::DirectoryOpening&, connector::Skills::Gone) {
    return Result<std::unique_ptr<Directory>>(fail(Fault::denied, "not here"));
  };
  site.skills.record = [records](const connector::WorkRecord& record) {
    const std::scoped_lock lock(records->mutex);
    records->all.push_back(fmt::format("{} {}: {} {} for {}", record.operation, record.object, record.result,
                                       record.message, record.actor));
  };
  ASSERT_TRUE(world.dial(site));
  TableOfSecrets secrets;
  link::LoopAsker asker(world.loop, *world.hub);
  remote::Options options;
  options.group = "default/site";
  options.opening.servers = {"ldaps://dc.example"};
  options.opening.base_dn = "DC=ad,DC=test";
  options.actor = "Directory/default/corp";
  const auto answer = remote::make_directory(options, asker, secrets, world.clock)
                          ->about(Deadline::in(world.clock, std::chrono::seconds(20)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::denied);
  EXPECT_EQ(world.on_loop([&] { return site.place->served(); }), 1U);
  const std::scoped_lock lock(records->mutex);
  EXPECT_THAT(records->all, testing::ElementsAre("open_directory DC=ad,DC=test at ldaps://dc.example: denied not here "
                                                 "for Directory/default/corp"));
}

}  // namespace
}  // namespace plumb::test
