// A Directory through a connector: the same contract as over libldap, and what only a link can do to it.
#include <gtest/gtest.h>

#include "connector/guarded_directory.h"
#include "connector/policy.h"
#include "controller/adapters/connector/remote_directory.h"
#include "tests/contract/directory_changes_contract.h"
#include "tests/contract/directory_contract.h"
#include "tests/contract/directory_samba_world.h"
#include "tests/support/borrowed_directory.h"
#include "tests/support/fake_directory.h"
#include "tests/support/linked_agent.h"

namespace plumb::test {
namespace {

remote::Options remote_options() {
  remote::Options options;
  options.group = "default/site";
  options.opening.servers = {"ldaps://dc.example"};
  options.opening.base_dn = "DC=ad,DC=test";
  options.actor = "test";
  return options;
}

// As an agent's site has it, where it allows everything.
std::unique_ptr<Directory> guarded(std::unique_ptr<Directory> directory, const std::string& base) {
  const auto policy = std::make_shared<const connector::Policy>(
      connector::parse_policy(
          fmt::format("[[directory]]\nservers = [\"ldaps://dc.example\"]\nbase_dns = [\"{0}\"]\nwrite_dns = [\"{0}\"]\n"
                      "operations = [\"read\", \"write\", \"password\", \"rights\"]\n",
                      base),
          "/policy.toml")
          .value());
  return connector::guard(std::move(directory), *policy, policy->directories.front(), policy);
}

struct RemoteFakeWorld {
  static constexpr const char* kName = "r";
  void SetUp() {
    links_.declare({"a"});
    auto& site = links_.site("a");
    site.skills.directory = [this](const link::DirectoryOpening&, connector::Skills::Gone) {
      return guarded(std::make_unique<BorrowedDirectory>(fake_), fake_.domain());
    };
    ASSERT_TRUE(links_.dial(site));
    directory_ = remote::make_directory(remote_options(), asker_, secrets_, links_.clock);
  }
  Directory& directory() { return *directory_; }
  std::string domain() { return fake_.domain(); }
  bool accepts(const std::string& principal, const std::string& password) {
    const std::vector<std::string> names = {principal};
    const auto found = fake_.find("userPrincipalName", names, {}, Deadline::never());
    return found && found->size() == 1 && fake_.password(found->front().id) == password;
  }

 private:
  FakeDirectory fake_;
  LinkWorld links_;
  TableOfSecrets secrets_;
  link::LoopAsker asker_{links_.loop, *links_.hub};
  std::unique_ptr<Directory> directory_;
};

struct RemoteSambaWorld {
  static constexpr const char* kName = "q";
  void SetUp() {
    PLUMB_NEED_SAMBA();
    secrets_ = samba_secrets();
    links_.declare({"a"});
    auto& site = links_.site("a");
    site.skills.directory = [this](const link::DirectoryOpening&, connector::Skills::Gone) {
      ldap::Options options = samba_options();
      options.page_size = 7;
      options.member_range = 700;
      return guarded(ldap::make_directory(options, secrets_, links_.clock), samba().base);
    };
    ASSERT_TRUE(links_.dial(site));
    directory_ = remote::make_directory(remote_options(), asker_, secrets_, links_.clock);
  }
  Directory& directory() { return *directory_; }
  std::string domain() { return samba().base; }
  bool accepts(const std::string& principal, const std::string& password) {
    auto options = samba_options();
    options.username = principal;
    options.password_from = "theirs";
    secrets_.table["theirs"] = password;
    return ldap::make_directory(options, secrets_, links_.clock)
        ->about(Deadline::in(links_.clock, std::chrono::seconds(20)))
        .has_value();
  }

 private:
  TableOfSecrets secrets_;
  LinkWorld links_;
  link::LoopAsker asker_{links_.loop, *links_.hub};
  std::unique_ptr<Directory> directory_;
};

TEST(RemoteDirectory, AMemberThatCannotOpenTheDomainIsTakenLast) {
  FakeDirectory fake;
  LinkWorld links;
  links.declare({"a", "b"});
  for (const bool good : {false, true}) {
    auto& site = links.site(good ? "a" : "b");
    site.skills.directory = [&fake, good](const link::DirectoryOpening&,
                                          connector::Skills::Gone) -> Result<std::unique_ptr<Directory>> {
      if (!good) return fail(Fault::unavailable, "no way to the domain from here");
      return std::make_unique<BorrowedDirectory>(fake);
    };
    ASSERT_TRUE(links.dial(site));
  }
  TableOfSecrets secrets;
  link::LoopAsker asker(links.loop, *links.hub);
  int failed = 0;
  for (int i = 0; i < 10; ++i) {
    const auto directory = remote::make_directory(remote_options(), asker, secrets, links.clock);
    failed += directory->about(Deadline::in(links.clock, std::chrono::seconds(20))) ? 0 : 1;
  }
  links.stop();
  EXPECT_LE(failed, 1) << "whose turn it was the first time";
}

INSTANTIATE_TYPED_TEST_SUITE_P(RemoteFake, DirectoryContract, RemoteFakeWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(RemoteFake, DirectoryChangesContract, RemoteFakeWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(RemoteSamba, DirectoryContract, RemoteSambaWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(RemoteSamba, DirectoryChangesContract, RemoteSambaWorld);

}  // namespace
}  // namespace plumb::test
