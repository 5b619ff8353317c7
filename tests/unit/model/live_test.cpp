#include "controller/model/live.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

LiveObject object(const std::string& id, const std::string& dn, Attributes attributes = {}) {
  LiveObject made;
  made.kind = dn.starts_with("OU=") ? "OrganizationalUnit" : "ADUser";
  made.id = id;
  made.handle = dn;
  made.version = "17";
  made.identities = {{"distinguishedName", dn}, {"sAMAccountName", id}};
  made.attributes = std::move(attributes);
  made.attributes["sAMAccountName"] = {{id}};
  return made;
}

Attributes members(std::vector<std::string> dns) { return {{"member", {std::move(dns)}}}; }

std::vector<std::string> member_of(const LiveSet& set, const std::string& id) {
  return set.by_id(id)->attributes.at("member").values;
}

TEST(LiveSetTree, WhatIsReadIsWhatWasAdded) {
  LiveObject jane = object("0f5c1a2b-0001-4cde-8fff-0123456789ab", "CN=Doe\\, Jane,OU=People,DC=ad,DC=test");
  jane.attributes["title"] = {{"Chief, \xC3\x84rztin"}};
  jane.attributes["description"] = {{"CN=not a link,DC=ad"}};
  jane.attributes["mail"] = {{}, Reading::empty};
  jane.attributes["member"] = {{"CN=a,DC=ad,DC=test"}, Reading::truncated};
  jane.attributes["thumbnailPhoto"] = {{}, Reading::unreadable};
  jane.attributes["url"] = {{std::string("\0\xFF", 2), ""}};
  jane.identities.push_back({"userPrincipalName", "jane@ad.test"});
  jane.protection = "it is built in";
  jane.in_scope = false;

  LiveSet set;
  set.add(jane);

  EXPECT_EQ(*set.by_id(jane.id), jane);
  EXPECT_EQ(*set.by_handle("cn=DOE\\2C jane, ou=people,dc=AD,dc=test"), jane);
  EXPECT_EQ(*set.by_identity({"userprincipalname", "JANE@ad.test"}), jane);
  EXPECT_EQ(*set.by_identity({"distinguishedName", "cn=doe\\, jane,ou=people,dc=ad,dc=test"}), jane);
}

TEST(LiveSetTree, AMoveOfAnOuMovesAllBelowItAndEveryLinkToThat) {
  LiveSet set;
  set.add(object("group", "CN=group,DC=ad", members({"CN=ann,OU=Sales,OU=People,DC=ad"})));
  set.add(object("ann", "CN=ann,OU=Sales,OU=People,DC=ad"));
  set.add(object("sales", "OU=Sales,OU=People,DC=ad"));

  EXPECT_THAT(set.update(std::vector{object("sales", "OU=Selling,OU=New,DC=ad")}), ElementsAre("sales"));

  EXPECT_EQ(set.by_id("ann")->handle, "CN=ann,OU=Selling,OU=New,DC=ad");
  EXPECT_EQ(set.by_handle("CN=ann,OU=Sales,OU=People,DC=ad"), nullptr);
  EXPECT_EQ(set.by_handle("CN=ann,OU=Selling,OU=New,DC=ad")->id, "ann");
  EXPECT_THAT(member_of(set, "group"), ElementsAre("CN=ann,OU=Selling,OU=New,DC=ad"));
  EXPECT_TRUE(set.holds_others("sales"));
  EXPECT_FALSE(set.holds_others("ann"));
}

TEST(LiveSetTree, LinksToWhatIsErasedAreGoneAndToWhatLeftStay) {
  LiveSet set;
  set.add(object("group", "CN=group,DC=ad", members({"CN=ann,DC=ad", "CN=bob,DC=ad", "CN=far,DC=other"})));
  set.add(object("ann", "CN=ann,DC=ad"));
  set.add(object("bob", "CN=bob,DC=ad"));

  EXPECT_TRUE(set.erase("ann"));
  EXPECT_TRUE(set.leave("bob", "CN=robert,OU=Elsewhere,DC=ad"));

  EXPECT_THAT(member_of(set, "group"), ElementsAre("CN=robert,OU=Elsewhere,DC=ad", "CN=far,DC=other"));
  EXPECT_EQ(set.by_id("bob"), nullptr);
  EXPECT_EQ(set.by_handle("CN=robert,OU=Elsewhere,DC=ad"), nullptr);
  EXPECT_EQ(set.size(), 1U);
  EXPECT_TRUE(set.leave("bob", "CN=rob,OU=Elsewhere,DC=ad"));
  EXPECT_THAT(member_of(set, "group"), ElementsAre("CN=rob,OU=Elsewhere,DC=ad", "CN=far,DC=other"));
  EXPECT_TRUE(set.erase("group"));
  EXPECT_FALSE(set.leave("bob", "CN=rob,DC=ad")) << "nothing names it any more";
}

TEST(LiveSetTree, AnAttributeWhoseLinksAreAllGoneIsEmpty) {
  LiveSet set;
  set.add(object("group", "CN=group,DC=ad", members({"CN=ann,DC=ad"})));
  set.add(object("ann", "CN=ann,DC=ad"));
  set.erase("ann");
  EXPECT_EQ(set.by_id("group")->attributes.at("member"), (Attribute{{}, Reading::empty}));
}

TEST(LiveSetTree, ANameMadeAgainIsAnotherObject) {
  LiveSet set;
  set.add(object("group", "CN=group,DC=ad", members({"CN=ann,DC=ad"})));
  set.add(object("ann", "CN=ann,DC=ad"));
  set.erase("ann");
  set.add(object("ann2", "CN=ann,DC=ad"));
  EXPECT_THAT(member_of(set, "group"), IsEmpty());
  EXPECT_EQ(set.by_handle("CN=ann,DC=ad")->id, "ann2");
}

TEST(LiveSetTree, NamesSwappedInOneUpdateStayApart) {
  LiveSet set;
  set.add(object("a", "CN=one,DC=ad"));
  set.add(object("b", "CN=two,DC=ad"));
  set.add(object("group", "CN=group,DC=ad", members({"CN=one,DC=ad"})));
  // b became a member as well, which only its new name tells.
  const std::vector<LiveObject> now = {object("group", "CN=group,DC=ad", members({"CN=one,DC=ad"})),
                                       object("a", "CN=two,DC=ad"), object("b", "CN=one,DC=ad")};
  EXPECT_THAT(set.update(now), UnorderedElementsAre("a", "b", "group"));
  set.add(object("b", "CN=three,DC=ad"));
  EXPECT_THAT(member_of(set, "group"), ElementsAre("CN=three,DC=ad"));
}

TEST(LiveSetTree, WhatIsAsItWasIsNotSaidToHaveChanged) {
  LiveSet set;
  const std::vector<LiveObject> all = {object("g", "CN=g,DC=ad", members({"CN=a,DC=ad"})), object("a", "CN=a,DC=ad")};
  set.update(all);
  set.kept();
  EXPECT_THAT(set.update(all), IsEmpty());
  EXPECT_THAT(set.unkept(), IsEmpty());
}

TEST(LiveSetTree, ACopyLivesOnItsOwn) {
  LiveSet set;
  set.add(object("a", "CN=a,DC=ad"));
  LiveSet copy = set;
  set.erase("a");
  EXPECT_EQ(copy.by_id("a")->handle, "CN=a,DC=ad");
  EXPECT_EQ(set.by_id("a"), nullptr);
}

// What a directory holds, told naively; the set is told what a directory reports, and must come to the same.
class Domain {
 public:
  explicit Domain(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 6; ++i) make("OU");
  }

  // Some edits, and their report.
  void edit(LiveSet& set) {
    std::set<std::string> erased;
    for (std::uint64_t n = pick(6) + 1; n > 0; --n) {
      switch (pick(8)) {
        case 0: make("OU"); break;
        case 1:
        case 2: make("CN"); break;
        case 3: move(); break;
        case 4: rename(); break;
        case 5: link(); break;
        case 6: swap(); break;
        default: erase(erased); break;
      }
    }
    for (const std::string& id : erased) set.erase(id);
    std::vector<LiveObject> report;
    for (const std::string& id : changed_)
      if (nodes_.contains(id)) report.push_back(shown(id));
    set.update(report);
    changed_.clear();
  }

  void expect_equal(const LiveSet& set) {
    ASSERT_EQ(set.size(), nodes_.size());
    for (const auto& [id, node] : nodes_) {
      const LiveObject truth = shown(id);
      const LiveObject* const seen = set.by_id(id);
      ASSERT_NE(seen, nullptr) << id;
      ASSERT_EQ(seen->handle, truth.handle);
      ASSERT_EQ(seen->attributes.at("member").values, truth.attributes.at("member").values) << id;
      ASSERT_TRUE(*seen == truth) << id;
      const LiveObject* const by_name = set.by_handle(upper(truth.handle));
      ASSERT_TRUE(by_name != nullptr && by_name->id == id) << truth.handle;
      const LiveObject* const by_account = set.by_identity({"samaccountname", upper(node.account)});
      ASSERT_TRUE(by_account != nullptr && by_account->id == id) << node.account;
      const bool holds = std::ranges::any_of(nodes_, [&](const auto& each) { return each.second.parent == id; });
      ASSERT_EQ(set.holds_others(id), holds) << truth.handle;
    }
  }

 private:
  struct Node {
    std::string type, name, parent, account;
    std::vector<std::string> links;
  };

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  static std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  }
  std::string dn(const std::string& id) const {
    if (id.empty()) return "OU=Managed,DC=ad,DC=test";
    const Node& node = nodes_.at(id);
    return rdn_text(node.type, node.name) + "," + dn(node.parent);
  }
  LiveObject shown(const std::string& id) const {
    const Node& node = nodes_.at(id);
    LiveObject made = object(id, dn(id));
    made.identities[1].value = node.account;
    made.attributes["sAMAccountName"] = {{node.account}};
    Attribute& member = made.attributes["member"];
    for (const std::string& link : node.links) member.values.push_back(nodes_.contains(link) ? dn(link) : link);
    if (member.values.empty()) member.reading = Reading::empty;
    return made;
  }
  std::string any(const std::string& type = "") {
    std::vector<std::string> ids;
    for (const auto& [id, node] : nodes_)
      if (type.empty() || node.type == type) ids.push_back(id);
    return ids.empty() ? "" : ids[pick(ids.size())];
  }
  bool taken(const std::string& type, const std::string& name, const std::string& parent) const {
    return std::ranges::any_of(nodes_, [&](const auto& each) {
      return each.second.type == type && each.second.name == name && each.second.parent == parent;
    });
  }
  std::string free_name(const std::string& type, const std::string& parent) {
    for (;;) {
      static const char* const kNames[] = {"a", "b", "Doe, Jane", "c d", "\xC3\xBC", "x=y"};
      std::string name = kNames[pick(6)];
      if (pick(3) == 0) name += std::to_string(pick(5));
      if (!taken(type, name, parent)) return name;
      if (pick(4) == 0) return "n" + std::to_string(++names_);
    }
  }
  bool within(std::string id, const std::string& above) const {
    for (; !id.empty(); id = nodes_.at(id).parent)
      if (id == above) return true;
    return false;
  }

  void make(const std::string& type) {
    const std::string id = "id" + std::to_string(++ids_);
    const std::string parent = pick(4) == 0 ? "" : any("OU");
    nodes_[id] = {type, free_name(type, parent), parent, "account" + std::to_string(ids_), {}};
    changed_.insert(id);
  }
  void move() {
    const std::string id = any(), to = any("OU");
    if (id.empty() || within(to, id)) return;
    Node& node = nodes_.at(id);
    node.name = free_name(node.type, to);
    node.parent = to;
    changed_.insert(id);
  }
  void rename() {
    const std::string id = any();
    if (id.empty()) return;
    Node& node = nodes_.at(id);
    node.name = free_name(node.type, node.parent);
    changed_.insert(id);
  }
  void link() {
    const std::string from = any(), to = any();
    if (from.empty()) return;
    std::vector<std::string>& links = nodes_.at(from).links;
    if (const auto there = std::ranges::find(links, to); there != links.end()) {
      links.erase(there);
    } else {
      links.push_back(pick(5) == 0 ? "CN=foreign" + std::to_string(++names_) + ",DC=other" : to);
    }
    changed_.insert(from);
  }
  void swap() {
    const std::string a = any(), b = any();
    if (a.empty() || a == b || nodes_.at(a).type != nodes_.at(b).type || within(a, b) || within(b, a)) return;
    std::swap(nodes_.at(a).name, nodes_.at(b).name);
    std::swap(nodes_.at(a).parent, nodes_.at(b).parent);
    std::swap(nodes_.at(a).account, nodes_.at(b).account);
    changed_.insert({a, b});
  }
  void erase(std::set<std::string>& erased) {
    const std::string top = any();
    if (top.empty()) return;
    std::vector<std::string> all;
    for (const auto& [id, node] : nodes_)
      if (within(id, top)) all.push_back(id);
    for (const std::string& id : all) {
      nodes_.erase(id);
      erased.insert(id);
    }
    for (auto& [id, node] : nodes_)
      std::erase_if(node.links, [&](const std::string& link) { return erased.contains(link); });
  }

  std::mt19937_64 random_;
  std::map<std::string, Node> nodes_;
  std::set<std::string> changed_;
  int ids_ = 0, names_ = 0;
};

// Records as a store keeps them.
struct Kept {
  std::map<std::uint32_t, std::string> records;
  void save(LiveSet& set) {
    for (auto& record : set.unkept()) {
      if (record.bytes) {
        records[record.number] = *record.bytes;
      } else {
        records.erase(record.number);
      }
    }
    set.kept();
  }
  Result<LiveSet> load(const LiveSet& like) const {
    std::vector<LiveSet::Record> all;
    for (const auto& [number, bytes] : records) all.push_back({number, bytes});
    return LiveSet::from_kept(like.texts(), like.numbers(), all);
  }
};

class LiveSetOfADomain : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(LiveSetOfADomain, IsTheDomainAfterWhateverWasReported) {
  Domain domain(GetParam());
  LiveSet set;
  domain.edit(set);
  for (int i = 0; i < 150; ++i) {
    domain.edit(set);
    if (i % 10 == 0) domain.expect_equal(set);
  }
  domain.expect_equal(set);
}

TEST_P(LiveSetOfADomain, GoesOnFromItsRecordsAsIfNothingHadBeen) {
  Domain domain(GetParam());
  auto set = std::make_unique<LiveSet>();
  Kept kept;
  for (int i = 0; i < 100; ++i) {
    domain.edit(*set);
    kept.save(*set);
    if (i % 7 != 0) continue;
    auto again = kept.load(*set);
    ASSERT_TRUE(again) << again.error().message;
    set = std::make_unique<LiveSet>(std::move(*again));
    domain.expect_equal(*set);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LiveSetOfADomain, ::testing::Range<std::uint64_t>(1, 41));

TEST(LiveSetRecords, ThatAreDamagedOrMissingAreRefused) {
  LiveSet set;
  set.update(std::vector{object("g", "CN=g,OU=x,DC=ad", members({"CN=a,DC=ad"})), object("a", "CN=a,DC=ad")});
  Kept kept;
  kept.save(set);
  ASSERT_TRUE(kept.load(set));
  int refused = 0;
  for (const auto& [number, bytes] : kept.records) {
    Kept damaged = kept;
    damaged.records[number].back() ^= 1;
    EXPECT_FALSE(damaged.load(set));
    damaged.records[number] = bytes.substr(0, bytes.size() - 1);
    EXPECT_FALSE(damaged.load(set));
    damaged.records.erase(number);
    refused += damaged.load(set) ? 0 : 1;
  }
  EXPECT_EQ(refused, 3) << "the group itself nothing names";
}

}  // namespace
}  // namespace plumb
