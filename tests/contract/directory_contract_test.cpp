#include "tests/contract/directory_contract.h"

#include "tests/contract/directory_changes_contract.h"
#include "tests/contract/directory_samba_world.h"
#include "tests/support/fake_directory.h"

namespace plumb::test {
namespace {

struct FakeWorld {
  static constexpr const char* kName = "f";
  void SetUp() {}
  Directory& directory() { return fake_; }
  std::string domain() { return fake_.domain(); }
  bool accepts(const std::string& principal, const std::string& password) {
    const std::vector<std::string> names = {principal};
    const auto found = fake_.find("userPrincipalName", names, {}, Deadline::never());
    return found && found->size() == 1 && fake_.password(found->front().id) == password;
  }

 private:
  FakeDirectory fake_;
};

// Pages and ranges are small, so that there are many of them.
template <ldap::Options::Follow kFollow>
struct SambaWorld {
  static constexpr const char* kName = kFollow == ldap::Options::Follow::dirsync ? "d" : "s";
  void SetUp() {
    PLUMB_NEED_SAMBA();
    secrets_ = samba_secrets();
    ldap::Options options = samba_options();
    options.page_size = 7;
    options.member_range = 700;
    options.follow = kFollow;
    directory_ = ldap::make_directory(options, secrets_, clock_);
  }
  Directory& directory() { return *directory_; }
  std::string domain() { return samba().base; }
  bool accepts(const std::string& principal, const std::string& password) {
    TableOfSecrets secrets;
    secrets.table["theirs"] = password;
    ldap::Options options = samba_options();
    options.username = principal;
    options.password_from = "theirs";
    return ldap::make_directory(options, secrets, clock_)
        ->about(Deadline::in(clock_, std::chrono::seconds(20)))
        .has_value();
  }

 private:
  RealClock clock_;
  TableOfSecrets secrets_;
  std::unique_ptr<Directory> directory_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Fake, DirectoryContract, FakeWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(Samba, DirectoryContract, SambaWorld<ldap::Options::Follow::automatic>);
INSTANTIATE_TYPED_TEST_SUITE_P(Fake, DirectoryChangesContract, FakeWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(Samba, DirectoryChangesContract, SambaWorld<ldap::Options::Follow::automatic>);
INSTANTIATE_TYPED_TEST_SUITE_P(SambaByDirSync, DirectoryChangesContract, SambaWorld<ldap::Options::Follow::dirsync>);

}  // namespace
}  // namespace plumb::test
