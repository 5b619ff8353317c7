// The policy that the example gives to a site serves what the example's manifests ask of it.
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector/policy.h"

namespace plumb::connector {
namespace {

std::string content(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

TEST(ConnectorExample, ItsPolicyAllowsWhatItsManifestsNeed) {
  const std::filesystem::path folder = std::filesystem::path(PLUMB_SOURCE_DIR) / "examples" / "connector";
  const auto policy = parse_policy(content(folder / "policy.toml"), folder / "policy.toml");
  ASSERT_TRUE(policy) << policy.error().message;
  const std::string directory = content(folder / "manifests" / "directory.yaml");
  EXPECT_THAT(directory, testing::HasSubstr("servers: [\"ldaps://dc1.ad.test\"]"));
  EXPECT_THAT(directory, testing::HasSubstr("baseDNs: [\"DC=ad,DC=test\"]"));
  const auto rule = policy->directory({"ldaps://dc1.ad.test"});
  ASSERT_TRUE(rule) << rule.error().message;
  EXPECT_TRUE(policy->may_read(**rule, Dn::parse("DC=ad,DC=test").value()));
  const Dn person = Dn::parse("CN=x,OU=Users,OU=Corp,DC=ad,DC=test").value();
  EXPECT_TRUE(policy->may_write(**rule, person));
  EXPECT_TRUE(policy->may_set_password(**rule, person));
  EXPECT_FALSE(policy->may_set_rights(**rule, person));
}

}  // namespace
}  // namespace plumb::connector
