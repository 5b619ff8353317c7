#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "controller/model/plan.h"

namespace plumb::testing {

// Plans with every member set to something, from a seed: for properties that hold for all plans.
class RandomPlan {
 public:
  explicit RandomPlan(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }
  bool coin() { return below(2) == 0; }

  // Any bytes: letters, separators of every format, control characters, and what is not UTF-8.
  std::string text() {
    static const std::vector<std::string> parts = {
        "a", "B",   "7",  " ", "\"", "\\", "/",        "<",    "&",  "\n",   "\x1b", "\xff", "\xc3", "ü", "名", "|",
        "`", "]]>", "\t", "=", ",",  "%",  "<script>", "\x7f", "{}", "\x01", "~1",   "é",    "::",   "'", "#",  "-->"};
    std::string made;
    for (std::size_t i = below(9); i > 0; --i) made += parts[below(parts.size())];
    return made;
  }
  std::string word() {
    std::string made;
    for (std::size_t i = 1 + below(8); i > 0; --i) made += static_cast<char>('a' + below(26));
    return made;
  }
  std::vector<std::string> texts(std::size_t most) {
    std::vector<std::string> made;
    for (std::size_t i = below(most + 1); i > 0; --i) made.push_back(text());
    return made;
  }
  ResourceKey key() { return {word(), word(), text()}; }
  Location location() {
    if (coin()) return {};
    return {text(), static_cast<int>(below(5)), static_cast<int>(below(5))};
  }
  SystemTime time() { return SystemTime(Duration(static_cast<std::int64_t>(below(4'000'000'000'000)))); }

  FieldChange field() {
    FieldChange made;
    made.name = word();
    made.removed = texts(3);
    made.added = texts(3);
    made.multi_valued = coin();
    made.sensitive = below(4) == 0;
    made.link = coin();
    made.blind = coin();
    if (coin()) made.once = word();
    return made;
  }
  Owned owned() {
    Owned made;
    if (coin()) return made;
    made.key = key();
    made.id = text();
    made.handle = text();
    if (coin()) made.identity = {word(), text()};
    made.created = coin();
    made.operation = text();
    for (const std::string& each : texts(3)) made.attributes.insert(each);
    if (coin()) made.links[word()] = {text(), text()};
    if (coin()) made.once[word()] = text();
    made.deletion.mode = static_cast<Deletion::Mode>(below(3));
    made.deletion.remove_after = Duration(static_cast<std::int64_t>(below(1'000'000'000)));
    if (coin()) made.deletion.strip_after = Duration(7);
    if (coin()) made.deletion.quarantine = text();
    made.digest = word();
    made.file = text();
    if (coin()) made.removed_at = time();
    made.disabled_by_us = coin();
    return made;
  }
  Drift drift() {
    Drift made;
    made.key = key();
    made.at = location();
    made.id = text();
    made.handle = text();
    made.field = field();
    made.mode = static_cast<DriftMode>(below(3));
    made.put_back = coin();
    if (coin()) made.held_until = time();
    made.reason = text();
    if (coin()) made.changed = time();
    made.changed_on = text();
    return made;
  }
  AccessChange access() { return {text(), text(), coin(), texts(3), coin() ? text() : "", key(), coin()}; }
  Change change() {
    Change made;
    made.key = key();
    for (std::size_t i = 0; i < 8; ++i)
      if (below(3) == 0) made.actions.push_back(static_cast<Action>(i));
    if (made.actions.empty()) made.actions.push_back(Action::update);
    made.id = text();
    made.handle = text();
    made.handle_after = text();
    made.live_version = text();
    for (std::size_t i = below(5); i > 0; --i) made.fields.push_back(field());
    made.cause = static_cast<Cause>(below(5));
    made.reason = text();
    made.one_way = text();
    made.at = location();
    made.after = owned();
    return made;
  }
  Plan plan() {
    Plan made;
    made.target = text();
    made.revision = text();
    made.digest = word();
    for (std::size_t i = below(4); i > 0; --i) {
      made.levels.emplace_back();
      for (std::size_t j = below(5); j > 0; --j) made.levels.back().push_back(change());
    }
    for (std::size_t i = below(3); i > 0; --i) made.blocked.push_back({key(), location(), word(), text()});
    for (std::size_t i = below(3); i > 0; --i) made.drift.push_back(drift());
    for (std::size_t i = below(3); i > 0; --i) made.access.push_back(access());
    made.access_more = below(3);
    for (std::size_t i = below(3); i > 0; --i) {
      Verdict verdict{word(), static_cast<Effect>(below(3)), {key(), key()}, text(), coin()};
      std::sort(verdict.keys.begin(), verdict.keys.end());
      made.verdicts.push_back(verdict);
    }
    made.unchanged = below(100'000);
    for (std::size_t i = below(3); i > 0; --i)
      made.diagnostics.push_back({coin() ? Severity::error : Severity::warning, location(), text(), text()});
    return made;
  }

 private:
  std::mt19937 random_;
};

}  // namespace plumb::testing
