#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <plumb_embedded.h>

#include "controller/base/digest.h"
#include "controller/manifest/loader.h"
#include "controller/manifest/yaml.h"

namespace plumb::manifest {
namespace {

using ::testing::HasSubstr;

const schema::Registry& shipped() {
  static const schema::Registry registry = [] {
    std::vector<Value> crds;
    for (const auto& file : embedded::files())
      if (file.path.starts_with("crds/"))
        for (auto& document : parse_yaml(file.content, std::string(file.path)).documents)
          crds.push_back(std::move(document.value));
    return *schema::Registry::from_crds(crds);
  }();
  return registry;
}

ResourceKey user(const std::string& name) { return {"ADUser", "default", name}; }

std::string document(const std::string& kind, const std::string& name, const std::string& more = "") {
  return fmt::format(
      "---\napiVersion: plumbline.dev/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\nspec:\n  parentDN: DC=ad,DC=test\n{}",
      kind, name, more);
}

std::string crowd(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += document("ADUser", fmt::format("a{:05}", i));
  return text;
}

// All that a snapshot says, as text that shows where two differ.
std::string told(const Snapshot& snapshot) {
  std::string text = snapshot.revision + '\n';
  for (const auto& [key, resource] : snapshot.resources)
    text += fmt::format("{} {} {}\n", key, resource->digest, to_string(resource->at));
  for (const auto& key : snapshot.held) text += fmt::format("held {}\n", key);
  for (const auto& path : snapshot.broken_files) text += fmt::format("broken {}\n", path);
  for (const auto& diagnostic : snapshot.diagnostics) text += to_string(diagnostic) + '\n';
  for (const auto& [target, referrers] : snapshot.referrers)
    for (const auto& referrer : referrers) text += fmt::format("{} <- {}\n", target, referrer);
  return text;
}

// A tree of files and two loaders that follow it: one as it is meant to be, one that never takes the quick way.
class Followed {
 public:
  Followed() : quick_(shipped(), options(false)), thorough_(shipped(), options(true)) {}

  void write(const std::string& path, const std::string& text) {
    files_[path] = std::make_shared<const std::string>(text);
    delta_.changed.push_back({path, sha256(text), files_[path]});
  }
  void remove(const std::string& path) {
    if (files_.erase(path) > 0) delta_.removed.push_back(path);
  }
  void hide(const std::string& path) { delta_.unreadable.emplace_back(path, "no permission"); }
  // From now on the next delta is one of the whole tree.
  void forget() { delta_.whole = true; }

  std::shared_ptr<const Snapshot> snapshot() {
    delta_.revision = std::to_string(++revision_);
    if (delta_.whole) {
      delta_.changed.clear();
      delta_.removed.clear();
      for (const auto& [path, content] : files_) delta_.changed.push_back({path, sha256(*content), content});
    }
    std::erase_if(delta_.changed, [&](const SourceFile& file) {
      return std::any_of(delta_.unreadable.begin(), delta_.unreadable.end(),
                         [&](const auto& hidden) { return file.path.starts_with(hidden.first); });
    });
    std::sort(delta_.changed.begin(), delta_.changed.end(),
              [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
    std::sort(delta_.removed.begin(), delta_.removed.end());
    const auto made = quick_.apply(delta_);
    expected_ = told(*thorough_.apply(delta_));
    delta_ = {};
    return made;
  }
  const std::string& expected() const { return expected_; }
  const std::map<std::string, std::shared_ptr<const std::string>>& files() const { return files_; }

 private:
  LoaderOptions options(bool always_rebuild) {
    return {.references = {{"ADUser", "/spec/managerRef/name", "ADUser"},
                           {"ADUser", "/spec/memberOf/*/name", "ADGroup"},
                           {"ADGroup", "/spec/members/*/name", ""}},
            .threads = 1,
            .read_again =
                [this](const std::string& path) {
                  const auto found = files_.find(path);
                  return found == files_.end() ? nullptr : found->second;
                },
            .always_rebuild = always_rebuild};
  }

  std::map<std::string, std::shared_ptr<const std::string>> files_;
  TreeDelta delta_;
  int revision_ = 0;
  Loader quick_, thorough_;
  std::string expected_;
};

class Author {
 public:
  // Every other one writes each name in one file only, and seldom anything broken.
  Author(unsigned seed, Followed& tree) : careful_(seed % 2 == 0), random_(seed), tree_(tree) {}

  void edit() {
    std::set<std::string> edited;
    for (unsigned i = 0, count = 1 + below(2); i < count; ++i) {
      const std::string path = fmt::format("{}f{}.yaml", below(4) == 0 ? "d/" : "", below(8));
      if (!edited.insert(path).second) continue;
      own_ = 2 * static_cast<unsigned>(path[path.size() - 6] - '0') + (path[0] == 'd' ? 16 : 0);
      if (below(6) == 0) {
        tree_.remove(path);
      } else {
        tree_.write(path, text());
      }
    }
    if (below(careful_ ? 60 : 25) == 0) tree_.hide("d");
    if (below(15) == 0) tree_.forget();
  }

 private:
  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }
  std::string name() { return fmt::format("u{}", below(careful_ ? 34 : 14)); }
  std::string new_name() { return careful_ ? fmt::format("u{}", own_++) : name(); }

  std::string text() {
    const unsigned kind = below(careful_ ? 200 : 30);
    if (kind == 0) return "";
    if (kind == 1) return document("ADUser", new_name()) + "---\nx: [\n";
    if (kind == 2) return "# nothing\n";
    std::string all(below(3), '\n');
    for (unsigned i = 0, count = 1 + below(2); i < count; ++i) all += object();
    return all;
  }

  std::string object() {
    const unsigned kind = below(careful_ ? 100 : 24);
    if (kind == 0) return document("ADUser", new_name(), "  titel: x\n");
    if (kind == 1) return document("ADUsr", new_name());
    if (kind < 6)
      return document("ADGroup", fmt::format("g{}", careful_ ? own_++ / 2 : below(4)),
                      fmt::format("  members: [{{name: {}}}, {{kind: ADGroup, name: g{}}}]\n", name(), below(4)));
    std::string more = fmt::format("  title: t{}\n", below(3));
    if (below(3) == 0) more += fmt::format("  managerRef: {{name: {}}}\n", name());
    if (below(3) == 0) more += fmt::format("  memberOf:\n    - {{name: g{}}}\n    - {{name: g{}}}\n", below(3), 3);
    return document("ADUser", new_name(), more);
  }

  const bool careful_;
  unsigned own_ = 0;  // the next name of the file
  std::mt19937 random_;
  Followed& tree_;
};

TEST(Increment, SaysWhatARebuildSaysAfterAnyEdits) {
  int quick = 0, steps = 0, clean = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Followed tree;
    Author author(seed, tree);
    tree.write("crowd.yaml", crowd(600));
    std::shared_ptr<const Snapshot> last = tree.snapshot();
    for (int step = 0; step < 50; ++step, ++steps) {
      author.edit();
      const auto snapshot = tree.snapshot();
      ASSERT_EQ(told(*snapshot), tree.expected()) << "seed " << seed << ", step " << step;
      // Only what is shared stands at the same place.
      if (&*snapshot->resources.find(user("a00300")) == &*last->resources.find(user("a00300"))) ++quick;
      if (snapshot->diagnostics.empty()) ++clean;
      last = snapshot;
    }
  }
  EXPECT_GT(quick, steps / 4);
  EXPECT_GT(clean, 0);
  EXPECT_LT(clean, steps);
}

TEST(Increment, LeavesEarlierSnapshotsAsTheyWere) {
  Followed tree;
  tree.write("crowd.yaml", crowd(1'000));
  tree.write("f.yaml", document("ADUser", "u1", "  managerRef: {name: a00500}\n"));
  const auto before = tree.snapshot();
  const std::string then = told(*before);
  tree.write("f.yaml", document("ADUser", "u2", "  managerRef: {name: a00700}\n"));
  const auto after = tree.snapshot();
  EXPECT_EQ(told(*before), then);
  EXPECT_EQ(told(*after), tree.expected());
  std::vector<std::string> changed;
  for_each_difference(before->resources, after->resources, [&](const auto* a, const auto* b) {
    changed.push_back((a != nullptr ? "-" : "+") + to_string(a != nullptr ? a->first : b->first));
  });
  EXPECT_EQ(changed, (std::vector<std::string>{"-ADUser/default/u1", "+ADUser/default/u2"}));
}

TEST(Increment, TellsTheExactPlaceOfAReferenceThatDanglesSinceAnotherFileChanged) {
  Followed tree;
  tree.write("boss.yaml", document("ADUser", "boss"));
  tree.write("a.yaml", document("ADUser", "a", "  title: x\n  managerRef: {name: boss}\n"));
  ASSERT_TRUE(tree.snapshot()->complete());
  tree.remove("boss.yaml");
  const auto snapshot = tree.snapshot();
  ASSERT_EQ(snapshot->diagnostics.size(), 1U);
  EXPECT_THAT(to_string(snapshot->diagnostics[0]), HasSubstr("a.yaml:8:16: /spec/managerRef/name: there is no ADUser"));
}

TEST(Increment, ManyDanglingReferencesOfOneFileAreEachToldAtTheirLine) {
  Followed tree;
  std::string members = "  members:\n";
  for (int i = 0; i < 5'000; ++i) members += fmt::format("    - {{name: nobody{}}}\n", i);
  tree.write("g.yaml", document("ADGroup", "g", members));
  const auto snapshot = tree.snapshot();
  ASSERT_EQ(snapshot->diagnostics.size(), 5'000U);
  EXPECT_EQ(snapshot->diagnostics.back().at, (Location{"g.yaml", 5'007, 8}));
}

}  // namespace
}  // namespace plumb::manifest
