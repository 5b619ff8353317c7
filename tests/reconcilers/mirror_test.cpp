#include "reconcilers/mirror.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>

#include "tests/reconcilers/world.h"
#include "tests/support/fake_directory_switch.h"
#include "tests/support/fake_state_store.h"

namespace plumb::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* kPeople = "OU=People,DC=ad,DC=test";
constexpr const char* kElsewhere = "OU=Elsewhere,DC=ad,DC=test";

class MirrorTest : public World {
 protected:
  MirrorTest() { restart(); }

  std::unique_ptr<Mirror> fresh() {
    auto settings = directory_settings(*snapshot.resources.at({"Directory", "default", "corp"}), snapshot);
    if (!settings) throw std::logic_error(settings.error().message);
    settings->page_size = 4;
    return std::make_unique<Mirror>(std::move(*settings), connection, clock,
                                    Mirror::Options{.target = "Directory/default/corp", .installation = "here"});
  }
  // A new process.
  void restart() {
    mirror = fresh();
    ASSERT_TRUE(mirror->restore(store));
  }
  void save() {
    ASSERT_TRUE(store.commit(mirror->unsaved(), {}));
    mirror->saved();
  }
  static Interest interest() { return {.attributes = {"title", "member", "manager"}}; }

  Observation look(const Interest& asked = interest()) {
    auto seen = mirror->observe(asked, Deadline::never());
    if (!seen) throw std::runtime_error(seen.error().message);
    return std::move(*seen);
  }
  // What `edit` did, as the next observation tells it.
  template <class Edit>
  std::vector<std::string> changed_by(Edit edit) {
    look();
    edit();
    const Observation seen = look();
    EXPECT_FALSE(seen.whole);
    expect_as_read();
    return seen.changed;
  }
  // One slice, and the observation that it asks for. False: it was the last.
  bool slice() {
    mirror->expect_scrubs();
    const auto scrubbed = mirror->scrub(Deadline::never());
    EXPECT_TRUE(scrubbed) << scrubbed.error().message;
    if (scrubbed && scrubbed->observe) {
      const Observation seen = look();
      EXPECT_FALSE(seen.whole);
      changed.insert(changed.end(), seen.changed.begin(), seen.changed.end());
      unreported.insert(unreported.end(), seen.unreported.begin(), seen.unreported.end());
    }
    return scrubbed && scrubbed->going;
  }
  // All slices of a scrub that is due, and what the observations told meanwhile.
  void scrub() {
    changed.clear();
    unreported.clear();
    int slices = 1;
    while (slice()) ASSERT_LT(++slices, 1000);
  }
  int operations(const Interest& asked = interest()) {
    const int before = directory.reads();
    look(asked);
    return directory.reads() - before;
  }

  static std::map<std::string, LiveObject> in_scope(const LiveSet& set) {
    std::map<std::string, LiveObject> all;
    set.for_each([&](const LiveSet::View& each) {
      if (each.in_scope()) all.emplace(each.id(), each.decoded());
    });
    return all;
  }
  // The mirror is what a full read gives.
  void expect_as_read() {
    const auto other = fresh();
    ASSERT_TRUE(other->observe(interest(), Deadline::never()));
    const auto is = in_scope(mirror->set()), should = in_scope(other->set());
    EXPECT_FALSE(should.empty());
    for (const auto& [id, object] : should) {
      ASSERT_TRUE(is.contains(id)) << object.handle << " is missing";
      const LiveObject& ours = is.at(id);
      EXPECT_EQ(ours.handle, object.handle);
      EXPECT_EQ(ours.protection, object.protection) << object.handle;
      for (const auto& [name, attribute] : object.attributes)
        EXPECT_EQ(ours.attributes.at(name).values, attribute.values) << object.handle << " " << name;
      EXPECT_TRUE(ours == object) << object.handle;
    }
    for (const auto& [id, object] : is) EXPECT_TRUE(should.contains(id)) << object.handle << " is too much";
  }

  FakeDirectorySwitch connection{directory};
  FakeStateStore store;
  std::unique_ptr<Mirror> mirror;
  std::vector<std::string> changed, unreported;
};

TEST_F(MirrorTest, WhatDidNotChangeCostsOneOperation) {
  directory.add_group("staff", kPeople, {directory.add_user("ann", kPeople), directory.add_user("far", kElsewhere)});
  EXPECT_TRUE(look().whole);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(operations(), 1);
  EXPECT_THAT(look().changed, IsEmpty());
  EXPECT_FALSE(look().whole);
}

TEST_F(MirrorTest, NamesThatAreNotThereAreNotAskedForAgain) {
  Interest asked = interest();
  asked.identities = {{"sAMAccountName", "nobody"}};
  asked.handles = {"CN=nobody,DC=ad,DC=test"};
  look(asked);
  EXPECT_EQ(operations(asked), 1);
  directory.add_user("nobody", kElsewhere);
  look(asked);
  EXPECT_NE(mirror->set().by_identity({"sAMAccountName", "nobody"}), nullptr);
}

TEST_F(MirrorTest, AChangedObjectIsToldAndReplaced) {
  const std::string ann = directory.add_user("ann", kPeople);
  EXPECT_THAT(changed_by([&] { directory.set("ann", "title", {"Chief"}); }), ElementsAre(ann));
  EXPECT_EQ(mirror->set().by_id(ann)->attributes.at("title").values, std::vector<std::string>{"Chief"});
}

TEST_F(MirrorTest, ADeletedObjectGoesAndSoDoLinksToIt) {
  const std::string ann = directory.add_user("ann", kPeople);
  const std::string group = directory.add_group("staff", kPeople, {ann});
  EXPECT_THAT(changed_by([&] { directory.remove("ann"); }), ElementsAre(ann));
  EXPECT_EQ(mirror->set().by_id(ann), nullptr);
  EXPECT_THAT(mirror->set().by_id(group)->attributes.at("member").values, IsEmpty());
}

TEST_F(MirrorTest, ARenamedUserIsRenamedInGroupsThatNobodyReports) {
  const std::string ann = directory.add_user("ann", kPeople);
  const std::string group = directory.add_group("staff", kPeople, {ann});
  EXPECT_THAT(changed_by([&] { directory.move("ann", "CN=anna"); }), ElementsAre(ann));
  EXPECT_THAT(mirror->set().by_id(group)->attributes.at("member").values,
              ElementsAre("CN=anna,OU=People,DC=ad,DC=test"));
}

TEST_F(MirrorTest, AMemberOutsideOfTheScopeIsFollowedToo) {
  const std::string far = directory.add_user("far", kElsewhere);
  directory.add_group("staff", kPeople, {far});
  EXPECT_THAT(changed_by([&] { directory.move("far", "CN=farther"); }), IsEmpty());
  EXPECT_THAT(changed_by([&] { directory.move(kElsewhere, "OU=Nowhere"); }), IsEmpty());
  EXPECT_THAT(changed_by([&] { directory.move("far", "CN=near", kPeople); }), ElementsAre(far));
  EXPECT_THAT(changed_by([&] { directory.move("far", "CN=far", "OU=Nowhere,DC=ad,DC=test"); }), ElementsAre(far));
  EXPECT_THAT(changed_by([&] { directory.remove("far"); }), ElementsAre(far));
}

TEST_F(MirrorTest, AMovedOuTakesItsChildrenAlongWhoAreToldToo) {
  const std::string sales = directory.add_ou("Sales", kPeople),
                    inner = directory.add_ou("Inner", directory.entry(sales)->dn);
  const std::string ann = directory.add_user("ann", directory.entry(inner)->dn);
  directory.add_ou("New", kPeople);
  directory.add_group("staff", kPeople, {ann});
  EXPECT_THAT(changed_by([&] { directory.move(sales, "OU=Selling", std::string("OU=New,") + kPeople); }),
              UnorderedElementsAre(sales, inner, ann));
}

TEST_F(MirrorTest, AnOuThatComesIntoTheScopeBringsItsChildren) {
  const std::string sales = directory.add_ou("Sales", kElsewhere);
  const std::string ann = directory.add_user("ann", directory.entry(sales)->dn);
  EXPECT_THAT(changed_by([&] { directory.move(sales, "OU=Sales", kPeople); }), UnorderedElementsAre(sales, ann));
  EXPECT_THAT(changed_by([&] { directory.move(sales, "OU=Sales", kElsewhere); }), UnorderedElementsAre(sales, ann));
  EXPECT_FALSE(mirror->set().by_id(ann)->in_scope);
  directory.set("ann", "title", {"x"});
  directory.add_user("bob", directory.entry(sales)->dn);
  EXPECT_THAT(changed_by([&] { directory.move(sales, "OU=Sales", kPeople); }), Contains(directory.id_of("bob")));
}

TEST_F(MirrorTest, WhatIsMovedIntoAProtectedPlaceIsProtected) {
  directory.add_ou("Tier0", kPeople);
  const std::string sales = directory.add_ou("Sales", kPeople);
  const std::string ann = directory.add_user("ann", directory.entry(sales)->dn);
  changed_by([&] { directory.move(sales, "OU=Sales", std::string("OU=Tier0,") + kPeople); });
  EXPECT_THAT(mirror->set().by_id(ann)->protection, HasSubstr("protected.distinguishedNames"));
}

TEST_F(MirrorTest, WhoBecomesPrivilegedThroughANestedGroupIsProtectedAndToldOf) {
  const std::string ann = directory.add_user("ann", kPeople), admins = directory.add_group("admins", kPeople);
  EXPECT_THAT(changed_by([&] { directory.set("Domain Admins", "member", {directory.entry(admins)->dn}); }),
              UnorderedElementsAre(admins));
  EXPECT_THAT(changed_by([&] { directory.set("admins", "member", {directory.entry(ann)->dn}); }),
              UnorderedElementsAre(admins, ann));
  EXPECT_THAT(mirror->set().by_id(ann)->protection, HasSubstr("privileged"));
  EXPECT_THAT(changed_by([&] { directory.set("Domain Admins", "member", {}); }), UnorderedElementsAre(admins, ann));
  EXPECT_EQ(mirror->set().by_id(ann)->protection, "");
}

TEST_F(MirrorTest, ARefusedCursorMeansAFullReadThatTakesNothingOver) {
  const std::string ann = directory.add_user("ann", kPeople);
  look();
  FakeDirectory backup = directory;
  directory.set("ann", "title", {"x"});
  look();
  directory.restore(backup, FakeDirectory::Restored::as_a_copy);
  const Observation seen = look();
  EXPECT_TRUE(seen.whole);
  EXPECT_THAT(mirror->set().by_id(ann)->attributes.at("title").values, IsEmpty());
  expect_as_read();
}

TEST_F(MirrorTest, AnotherDomainControllerIsReadFromTheBeginning) {
  directory.add_user("ann", kPeople);
  look();
  FakeDirectory other = directory.replica("dc2.ad.test");
  other.remove("ann");
  connection.connect_to(other);
  EXPECT_TRUE(look().whole);
  EXPECT_EQ(mirror->set().by_identity({"sAMAccountName", "ann"}), nullptr);
}

TEST_F(MirrorTest, AnAttributeNotAskedForSoFarIsReadOfAll) {
  const std::string ann = directory.add_user("ann", kPeople, {{"mail", {"ann@ad.test"}}});
  look();
  Interest more = interest();
  more.attributes.insert("mail");
  EXPECT_TRUE(look(more).whole);
  EXPECT_EQ(mirror->set().by_id(ann)->attributes.at("mail").values.front(), "ann@ad.test");
  EXPECT_EQ(operations(), 1) << "fewer attributes are no reason to read";
}

TEST_F(MirrorTest, WhereDeletionsAreNotSeenTheyAreFoundByAScrubThatComesMoreOften) {
  directory.hide_deletions = true;
  const std::string ann = directory.add_user("ann", kPeople);
  look();
  directory.remove("ann");
  EXPECT_EQ(operations(), 1);
  scrub();
  EXPECT_THAT(changed, IsEmpty());
  clock.advance(std::chrono::minutes(10));
  scrub();
  EXPECT_THAT(changed, ElementsAre(ann));
  EXPECT_EQ(mirror->set().by_id(ann), nullptr);
}

TEST_F(MirrorTest, WhatAFailedObservationLearnedIsToldByTheNext) {
  const std::string ann = directory.add_user("ann", kPeople);
  look();
  directory.set("ann", "title", {"x"});
  directory.fail_read(2);
  Interest asked = interest();
  asked.handles = {"CN=nobody,DC=ad,DC=test"};
  EXPECT_FALSE(mirror->observe(asked, Deadline::never()));
  EXPECT_THAT(look(asked).changed, ElementsAre(ann));
  directory.down = true;
  EXPECT_FALSE(mirror->observe(asked, Deadline::never()));
}

TEST_F(MirrorTest, ADoubtedObjectIsReadAgain) {
  const std::string ann = directory.add_user("ann", kPeople);
  look();
  mirror->doubt(ann);
  EXPECT_EQ(operations(), 2);
  EXPECT_EQ(operations(), 1);
}

TEST_F(MirrorTest, AScrubFindsAndRepairsWhatNobodyReported) {
  const std::string ann = directory.add_user("ann", kPeople), bob = directory.add_user("bob", kPeople);
  look();
  const auto first = mirror->verified_at();
  directory.hide("ann");
  directory.set("bob", "title", {"reported"});
  clock.advance(std::chrono::hours(23));
  scrub();
  EXPECT_THAT(look().changed, ElementsAre(bob));
  EXPECT_EQ(mirror->verified_at(), first);
  clock.advance(std::chrono::hours(1));
  scrub();
  EXPECT_THAT(changed, ElementsAre(ann));
  EXPECT_THAT(unreported, ElementsAre(ann));
  EXPECT_EQ(mirror->verified_at(), clock.now());
  EXPECT_EQ(operations(), 1);
  expect_as_read();
}

TEST_F(MirrorTest, AScrubWithoutDifferencesReadsItsPagesAndNothingElse) {
  std::vector<std::string> members;
  for (int i = 0; i < 20; ++i) members.push_back(directory.add_user("u" + std::to_string(i), kPeople));
  members.push_back(directory.add_user("far", kElsewhere));
  directory.add_group("staff", kPeople, members, {{"managedBy", {members[0]}}});
  look();
  clock.advance(std::chrono::hours(24));
  const int before = directory.reads();
  scrub();
  const int pages = (22 + 1) / 4 + 1, ends = 2;  // two observations: who is privileged, the strangers
  EXPECT_LE(directory.reads() - before, pages + 8 * ends);
  EXPECT_THAT(changed, IsEmpty());
  EXPECT_EQ(mirror->verified_at(), clock.now());
}

TEST_F(MirrorTest, WhatComesAndGoesWhileAScrubIsUnderWayIsNoDifference) {
  std::vector<std::string> users;
  for (int i = 0; i < 12; ++i) users.push_back(directory.add_user("u" + std::to_string(i), kPeople));
  const std::string far = directory.add_user("far", kElsewhere);
  look();
  clock.advance(std::chrono::hours(24));
  ASSERT_TRUE(slice());
  ASSERT_TRUE(slice());
  // Its page was read before it came, and those of the others before they changed, or after.
  directory.move("far", "CN=near", kPeople);
  directory.set("u0", "title", {"x"});
  directory.set("u11", "title", {"y"});
  directory.remove("u1");
  directory.remove("u10");
  look();
  scrub();
  EXPECT_THAT(changed, IsEmpty()) << "all of it was reported";
  EXPECT_NE(mirror->set().by_id(far), nullptr);
  expect_as_read();
}

TEST_F(MirrorTest, AScrubSaysUntilWhenAllIsVerified) {
  for (int i = 0; i < 12; ++i) directory.add_user("u" + std::to_string(i), kPeople);
  look();
  clock.advance(std::chrono::hours(24));
  const SystemTime began = clock.now();
  ASSERT_TRUE(slice());
  clock.advance(std::chrono::minutes(3));
  EXPECT_NE(mirror->verified_at(), began);
  scrub();
  EXPECT_EQ(mirror->verified_at(), began);
  EXPECT_EQ(mirror->scrub_due(), began + std::chrono::hours(24));
}

TEST_F(MirrorTest, AScrubThatFailsChangesNothingAndBeginsAnew) {
  const std::string ann = directory.add_user("ann", kPeople);
  for (int i = 0; i < 12; ++i) directory.add_user("u" + std::to_string(i), kPeople);
  look();
  const auto verified = mirror->verified_at();
  clock.advance(std::chrono::hours(24));
  ASSERT_TRUE(slice());
  directory.fail_read(1);
  EXPECT_FALSE(mirror->scrub(Deadline::never()));
  EXPECT_THAT(look().changed, IsEmpty());
  EXPECT_EQ(mirror->verified_at(), verified);
  directory.hide("ann");  // its page was read before the failure
  scrub();
  EXPECT_THAT(unreported, ElementsAre(ann));
}

TEST_F(MirrorTest, NothingIsTakenForGoneBeforeAllPagesWereRead) {
  const std::string ann = directory.add_user("ann", kPeople);
  for (int i = 0; i < 12; ++i) directory.add_user("u" + std::to_string(i), kPeople);
  look();
  directory.hide("ann");
  clock.advance(std::chrono::hours(24));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(slice());
  EXPECT_NE(mirror->set().by_id(ann), nullptr);
  directory.reveal("ann");
  scrub();
  EXPECT_THAT(changed, IsEmpty()) << "it was in no page, and is there when it is asked for";
  EXPECT_NE(mirror->set().by_id(ann), nullptr);
}

TEST_F(MirrorTest, AScrubEndsWithTheConnectionThatItBeganOn) {
  for (int i = 0; i < 12; ++i) directory.add_user("u" + std::to_string(i), kPeople);
  look();
  clock.advance(std::chrono::hours(24));
  ASSERT_TRUE(slice());
  FakeDirectory other = directory.replica("dc2.ad.test");
  connection.connect_to(other);
  EXPECT_FALSE(mirror->scrub(Deadline::never()));
  EXPECT_TRUE(look().whole);
  EXPECT_EQ(mirror->verified_at(), clock.now());
}

TEST_F(MirrorTest, WhereNoSlicesAreExpectedEverythingIsReadAnewOnceADay) {
  directory.add_user("ann", kPeople);
  look();
  directory.hide("ann");
  clock.advance(std::chrono::hours(24));
  EXPECT_TRUE(look().whole);
  EXPECT_EQ(mirror->verified_at(), clock.now());
  expect_as_read();
}

TEST_F(MirrorTest, WhoBecamePrivilegedUnseenIsFoundByAScrub) {
  const std::string ann = directory.add_user("ann", kPeople);
  const std::string admins = directory.add_group("admins", kElsewhere, {ann});
  directory.set("Domain Admins", "member", {directory.entry(admins)->dn});
  directory.hide("admins");
  look();
  EXPECT_EQ(mirror->set().by_id(ann)->protection, "");
  directory.reveal("admins");
  clock.advance(std::chrono::hours(24));
  scrub();
  EXPECT_THAT(mirror->set().by_id(ann)->protection, HasSubstr("privileged"));
}

TEST_F(MirrorTest, ANewProcessGoesOnFromWhatWasSaved) {
  const std::string ann = directory.add_user("ann", kPeople), bob = directory.add_user("bob", kPeople);
  directory.add_group("staff", kPeople, {ann, bob});
  look();
  save();
  EXPECT_THAT(mirror->unsaved(), IsEmpty());
  directory.move("ann", "CN=anna");
  look();
  save();
  directory.remove("bob");

  restart();
  const int before = directory.reads();
  EXPECT_TRUE(look().whole) << "a new process knows of nothing that it told";
  EXPECT_EQ(directory.reads() - before, 2) << "who we are, and what changed";
  expect_as_read();
}

TEST_F(MirrorTest, NothingIsWrittenWhereNothingChanged) {
  directory.add_user("ann", kPeople);
  look();
  save();
  for (int i = 0; i < 10; ++i) {
    look();
    EXPECT_THAT(mirror->unsaved(), IsEmpty());
  }
}

TEST_F(MirrorTest, RecordsThatDoNotFitAreNotUsed) {
  directory.add_user("ann", kPeople);
  look();
  save();
  const auto good = store.items();
  int tried = 0;
  for (const auto& [key, item] : good) {
    if (!key.starts_with("mirror")) continue;
    store.items() = good;
    store.items().at(key).value.resize(item.value.size() / 2);
    restart();
    EXPECT_FALSE(mirror->observed()) << key;
    store.items().erase(key);
    restart();
    EXPECT_FALSE(mirror->observed()) << key << " missing";
    ++tried;
  }
  EXPECT_GT(tried, 3);
  EXPECT_TRUE(look().whole);
  save();
  restart();
  EXPECT_TRUE(mirror->observed());
  look();
  expect_as_read();
}

TEST_F(MirrorTest, OtherSettingsMeanAFullRead) {
  directory.add_user("x", kElsewhere);
  look();
  save();
  declare({"Directory", "default", "corp"}, R"({"servers": ["ldaps://dc1.ad.test"], "baseDNs": ["DC=ad,DC=test"],
      "credentialRef": {"name": "bind"}, "managedScope": ["OU=People,DC=ad,DC=test", "OU=Elsewhere,DC=ad,DC=test"]})");
  restart();
  EXPECT_FALSE(mirror->observed());
  look();
  EXPECT_NE(mirror->set().by_identity({"sAMAccountName", "x"}), nullptr);
}

TEST_F(MirrorTest, TheEvidenceSaysWhatTheMirrorRestsOn) {
  directory.add_user("ann", kPeople);
  look();
  directory.set("ann", "title", {"x"});
  EXPECT_THAT(look().live->evidence(),
              ::testing::AllOf(HasSubstr("full read at 2026-11-20"), HasSubstr("1 changes since")));
}

// Edits by many hands, in and around the scope.
class RandomEdits : public MirrorTest, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  void edit() {
    const std::string who = any();
    const std::string name = "n" + std::to_string(++names_);
    try {
      switch (random_() % 9) {
        case 0: mine_.push_back(directory.add_user(name, place())); break;
        case 1: mine_.push_back(directory.add_group(name, place(), {any()})); break;
        case 2: mine_.push_back(directory.add_ou(name, place())); break;
        case 3: directory.move(who, rdn(who) + name); break;
        case 4:
        case 5: move(who, name); break;
        case 6: directory.set(who, "description", {name}); break;
        case 7: link(); break;
        default:
          if (random_() % 3 == 0) directory.remove(who);
      }
    } catch (const std::logic_error&) {
      // Not possible as things are: below itself, a member that is there.
    }
    std::erase_if(mine_, [&](const std::string& id) { return !directory.exists(id); });
  }
  void move(const std::string& who, const std::string& name) {
    const std::string to = place();
    if (Dn::parse(to)->within(*Dn::parse(directory.entry(who)->dn))) return;
    directory.move(who, rdn(who) + name, to);
  }
  std::string any() {
    if (mine_.empty()) mine_.push_back(directory.add_user("n" + std::to_string(++names_), kPeople));
    return mine_[random_() % mine_.size()];
  }
  std::string rdn(const std::string& who) { return directory.entry(who)->dn.substr(0, 3); }
  std::string place() {
    std::vector<std::string> places = {kPeople, kPeople, kElsewhere, std::string("OU=Tier0,") + kPeople};
    for (const std::string& id : mine_)
      if (rdn(id) == "OU=") places.push_back(directory.entry(id)->dn);
    return places[random_() % places.size()];
  }
  void link() {
    const std::string group = random_() % 6 == 0 ? directory.id_of("Domain Admins") : any();
    const auto entry = directory.entry(group);
    if (!entry->attributes.contains("groupType")) return directory.set(group, "manager", {directory.entry(any())->dn});
    auto members = directory.values(group, "member");
    if (!members.empty() && random_() % 3 == 0) {
      members.erase(members.begin());
    } else if (const std::string dn = directory.entry(any())->dn; std::ranges::find(members, dn) == members.end()) {
      members.push_back(dn);
    }
    directory.set(group, "member", members);
  }

  std::mt19937_64 random_{GetParam()};
  std::vector<std::string> mine_;
  int names_ = 0;
};

TEST_P(RandomEdits, LeaveTheMirrorAsAFullReadWouldFindIt) {
  directory.add_ou("Tier0", kPeople);
  look();
  for (int round = 0; round < 60; ++round) {
    for (std::uint64_t n = random_() % 8; n > 0; --n) edit();
    if (random_() % 4 == 0) directory.fail_read(static_cast<int>(random_() % 4) + 1);
    if (!mirror->observe(interest(), Deadline::never())) look();
    directory.fail_read(0);
    if (random_() % 5 == 0) save();
    if (random_() % 10 == 0) restart(), look();
    if (random_() % 6 == 0) clock.advance(std::chrono::hours(24));
    for (std::uint64_t n = random_() % 4; n > 0; --n) slice();
    look();
    expect_as_read();
    if (HasFailure()) FAIL() << "in round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomEdits, ::testing::Range<std::uint64_t>(1, 21));

}  // namespace
}  // namespace plumb::test
