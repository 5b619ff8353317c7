#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "controller/ports/target.h"

namespace plumb::test {

// Makes a target that always answers with everything say what changed since the last time, as one that keeps what it
// saw would. For tests of what an engine makes of that.
class DiffingTarget final : public Target {
 public:
  explicit DiffingTarget(std::unique_ptr<Target> real) : real_(std::move(real)) {}
  std::string_view name() const override { return real_->name(); }
  std::vector<const Reconciler*> kinds() const override { return real_->kinds(); }
  std::vector<Outcome> apply(std::span<const Change> changes, std::span<const std::string> operations,
                             Deadline deadline) override {
    return real_->apply(changes, operations, deadline);
  }
  std::string created_by(const LiveObject& object) const override { return real_->created_by(object); }

  Result<Observation> observe(const Interest& interest, Deadline deadline) override {
    const bool grew = remember(interest);
    PLUMB_TRY(Observation seen, real_->observe(so_far_, deadline));
    seen.whole = !known_ || grew;
    std::map<std::string, std::string> now = texts_of(**seen.live);
    for (const auto& [id, text] : now)
      if (const auto before = last_.find(id); before == last_.end() || before->second != text)
        seen.changed.push_back(id);
    for (const auto& [id, text] : last_)
      if (!now.contains(id)) seen.changed.push_back(id);
    last_ = std::move(now);
    known_ = true;
    return seen;
  }
  Result<Observation> look_up(const Interest& interest, Deadline deadline) override {
    remember(interest);
    PLUMB_TRY(Observation seen, real_->look_up(interest, deadline));
    for (auto& [id, text] : texts_of(**seen.live)) last_.emplace(id, std::move(text));
    return seen;
  }

 private:
  bool remember(const Interest& interest) {
    const std::size_t before = so_far_.attributes.size();
    so_far_.attributes.insert(interest.attributes.begin(), interest.attributes.end());
    const auto add = [](auto& to, const auto& from) {
      for (const auto& each : from)
        if (std::find(to.begin(), to.end(), each) == to.end()) to.push_back(each);
    };
    add(so_far_.identities, interest.identities);
    add(so_far_.ids, interest.ids);
    add(so_far_.handles, interest.handles);
    return so_far_.attributes.size() != before;
  }
  static std::map<std::string, std::string> texts_of(const LiveSet& set) {
    std::map<std::string, std::string> texts;
    set.for_each([&](const auto& view) {
      const LiveObject object = view.decoded();
      std::string text = fmt::format("{} {} {} {}", object.kind, object.handle, object.protection, object.in_scope);
      for (const auto& [name, attribute] : object.attributes)
        text += fmt::format("\n{} {}: {}", name, static_cast<int>(attribute.reading), join(attribute.values, "|"));
      texts[object.id] = std::move(text);
    });
    return texts;
  }

  std::unique_ptr<Target> real_;
  Interest so_far_;
  std::map<std::string, std::string> last_;
  bool known_ = false;
};

}  // namespace plumb::test
