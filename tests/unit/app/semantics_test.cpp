#include "controller/app/semantics.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/app/workspace.h"
#include "controller/base/digest.h"
#include "controller/manifest/loader.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string document(const std::string& kind, const std::string& name, const std::string& spec) {
  return "---\napiVersion: plumbline.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec:\n" + spec;
}
std::string directory(const std::string& name, const std::string& scope) {
  return document("Directory", name,
                  "  servers: ['ldaps://dc1.test']\n  baseDNs: ['DC=a,DC=test']\n  managedScope: ['" + scope +
                      "']\n  credentialRef: {name: bind}\n");
}
std::string credential() {
  return document("Credential", "bind",
                  "  type: ldapBind\n  ldapBind: {username: svc@A.TEST, passwordFrom: {env: X}}\n");
}

std::vector<std::string> told(Diagnostics diagnostics) {
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : diagnostics) lines.push_back(to_string(diagnostic));
  std::sort(lines.begin(), lines.end());
  return lines;
}

class Semantics : public testing::Test {
 protected:
  Semantics() : kinds_(*builtin_kinds()), loader_(kinds_, {.references = reference_rules(), .threads = 1}) {}

  void write(const std::string& path, const std::string& text) {
    delta_.changed.push_back({path, sha256(text), std::make_shared<const std::string>(text)});
  }
  void remove(const std::string& path) { delta_.removed.push_back(path); }
  std::shared_ptr<const Snapshot> snapshot() {
    delta_.revision = std::to_string(++revision_);
    auto made = loader_.apply(delta_);
    delta_ = {};
    return made;
  }

  schema::Registry kinds_;
  manifest::Loader loader_;
  SemanticCheck check_;
  TreeDelta delta_;
  int revision_ = 0;
};

TEST_F(Semantics, ADirectoryBehindConnectorsNeedsOneOfItsGroup) {
  write("credential.yaml", credential());
  write("d.yaml", directory("d", "OU=P,DC=a,DC=test") + "  connectorGroup: dc1\n");
  const std::string missing =
      "d.yaml:2:1: /spec/connectorGroup: Directory/default/d: no Connector of namespace \"default\" is in group "
      "\"dc1\"";
  EXPECT_THAT(told(check_.update(snapshot())), ElementsAre(missing));
  write("c.yaml", document("Connector", "edge", "  group: dc2\n"));
  EXPECT_THAT(told(check_.update(snapshot())), ElementsAre(missing + " (did you mean \"dc2\"?)"));
  write("c.yaml", document("Connector", "edge", "  group: dc1\n"));
  EXPECT_THAT(told(check_.update(snapshot())), IsEmpty());
  write("c.yaml", document("Connector", "edge", "  group: dc1\n  archived: true\n"));
  EXPECT_THAT(told(check_.update(snapshot())), ElementsAre(missing));
  write("c.yaml", document("Connector", "dc1", "  enabled: false\n"));
  EXPECT_THAT(told(check_.update(snapshot())), IsEmpty());
  write("c.yaml", document("Connector", "dc1", "  unheard: of\n"));
  EXPECT_THAT(told(check_.update(snapshot())), IsEmpty());  // what it would say is not known
}

TEST_F(Semantics, FollowingSnapshotsFindsWhatALookAtEachAloneFinds) {
  std::size_t most = 0;
  for (unsigned seed = 1; seed <= 12; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned end) { return static_cast<unsigned>(random() % end); };
    const auto pick = [&](const char* prefix, unsigned end) { return fmt::format("{}{}", prefix, below(end)); };
    write("credential.yaml", credential());
    write("d0.yaml", directory("d0", "OU=P,DC=a,DC=test"));
    for (int i = 0; i < 200; ++i)
      write(fmt::format("crowd{}.yaml", i), document("ADUser", fmt::format("crowd{}", i),
                                                     "  directoryRef: {name: d0}\n  parentDN: 'OU=P,DC=a,DC=test'\n"));
    for (int step = 0; step < 60; ++step) {
      const std::string name = pick("", 8);
      const std::string domain = below(4) == 0 ? "" : fmt::format("  directoryRef: {{name: d{}}}\n", below(8) / 7);
      const std::string place =
          below(3) == 0 ? "  parentDN: 'OU=Q,DC=a,DC=test'\n" : "  parentDN: 'OU=P,DC=a,DC=test'\n";
      switch (below(12)) {
        case 0: write("d1.yaml", directory("d1", below(3) == 0 ? "OU=P,DC=a,DC=test" : "OU=Q,DC=a,DC=test")); break;
        case 1: remove("d1.yaml"); break;
        case 2:
        case 3: remove(pick("u", 8) + ".yaml"); break;
        case 4: remove(pick("ou", 4) + ".yaml"); break;
        case 5:
        case 6: {
          const std::string parent = below(2) == 0 ? place : fmt::format("  parentRef: {{name: ou{}}}\n", below(4));
          const std::string unit = pick("ou", 4);
          write(unit + ".yaml",
                document("OrganizationalUnit", unit, domain + parent + "  name: " + pick("N", 3) + "\n"));
          break;
        }
        case 7:
          write("g.yaml", document("ADGroup", "g",
                                   domain + place + "  sAMAccountName: " + pick("s", 5) +
                                       "\n  members: [{name: u1}, {name: u2}]\n"));
          break;
        default: {
          const std::string where =
              below(2) == 0 ? place : fmt::format("  organizationalUnitRef: {{name: ou{}}}\n", below(4));
          write("u" + name + ".yaml",
                std::string(below(3), '\n') + document("ADUser", "u" + name,
                                                       domain + where + "  sAMAccountName: " + pick("s", 5) +
                                                           "\n  userPrincipalName: " + pick("p", 9) + "@a.test\n"));
        }
      }
      const auto now = snapshot();
      const auto expected = told(SemanticCheck().update(now));
      most = std::max(most, expected.size());
      ASSERT_EQ(told(check_.update(now)), expected) << "seed " << seed << ", step " << step;
    }
    for (int i = 0; i < 8; ++i) remove(fmt::format("u{}.yaml", i));
  }
  EXPECT_GT(most, 3U);
}

TEST_F(Semantics, TheThirdThatClaimsANameIsToldOfTheFirst) {
  write("c.yaml", credential() + directory("d0", "OU=P,DC=a,DC=test"));
  for (const char* name : {"a", "b"})
    write(std::string(name) + ".yaml",
          document("ADUser", name, "  parentDN: 'OU=P,DC=a,DC=test'\n  sAMAccountName: jdoe\n"));
  EXPECT_EQ(check_.update(snapshot()).size(), 2U);
  write("x.yaml", document("ADUser", "x", "  parentDN: 'OU=P,DC=a,DC=test'\n  sAMAccountName: JDoe\n"));
  const auto three = told(check_.update(snapshot()));
  ASSERT_EQ(three.size(), 3U);
  EXPECT_THAT(three[2], HasSubstr("samaccountname \"jdoe\" is also declared by ADUser/default/a in a.yaml"));
  remove("a.yaml");
  remove("b.yaml");
  EXPECT_TRUE(check_.update(snapshot()).empty());
}

}  // namespace
}  // namespace plumb::app
