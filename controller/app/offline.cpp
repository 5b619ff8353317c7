#include "controller/app/offline.h"

#include <set>
#include <utility>

#include <boost/json/parse.hpp>

#include "controller/model/value.h"
#include "reconcilers/active_directory.h"
#include "reconcilers/directory_settings.h"
#include "reconcilers/mirror.h"

namespace plumb::app {
namespace {

using Names = std::set<std::string, IgnoreCase>;

Failure not_asked() { return fail(Fault::unavailable, "the domain is not asked: only its last mirror is looked at"); }

class NoDirectory final : public Directory {
 public:
  class NoPages final : public Pages {
    Result<std::optional<std::vector<Entry>>> next(Deadline) override { return not_asked(); }
  };
  Result<Complete<std::vector<Entry>>> read_all(const ReadScope&, Deadline) override { return not_asked(); }
  std::unique_ptr<Pages> read_pages(ReadScope, std::size_t) override { return std::make_unique<NoPages>(); }
  Result<std::vector<Entry>> find(std::string_view, std::span<const std::string>, std::span<const std::string>,
                                  Deadline) override {
    return not_asked();
  }
  Result<std::string> cursor(Deadline) override { return not_asked(); }
  Result<DirectoryChanges> changes_since(const std::string&, const ReadScope&, Deadline) override {
    return not_asked();
  }
  Result<bool> continues(const std::string&, Deadline) override { return not_asked(); }
  Result<std::vector<AttributeHistory>> history(const std::string&, Deadline) override { return not_asked(); }
  std::vector<Result<std::string>> write(std::span<const DirectoryWrite> writes, Deadline) override {
    return std::vector<Result<std::string>>(writes.size(), not_asked());
  }
  Result<About> about(Deadline) override { return not_asked(); }
};

// What the last mirror holds, as a target that answers and takes nothing.
class MirrorTarget final : public Target {
 public:
  MirrorTarget(std::unique_ptr<Target> domain, LiveSet set, Names asked, std::string evidence)
      : domain_(std::move(domain)),
        asked_(std::move(asked)),
        evidence_(std::move(evidence)),
        live_(Complete<LiveSet>::proven(std::move(set), evidence_)) {}

  std::string_view name() const override { return domain_->name(); }
  std::vector<const Reconciler*> kinds() const override { return domain_->kinds(); }
  Result<Observation> observe(const Interest& interest, Deadline) override {
    mark_what_was_not_asked(interest.attributes);
    return Observation{.live = &live_, .whole = true, .changed = {}};
  }
  Result<Observation> look_up(const Interest&, Deadline) override {
    return Observation{.live = &live_, .whole = false, .changed = {}};
  }
  std::vector<Outcome> apply(std::span<const Change> changes, std::span<const std::string>, Deadline) override {
    return std::vector<Outcome>(changes.size(), Outcome{Result<std::string>(not_asked())});
  }
  std::string created_by(const LiveObject& object) const override { return domain_->created_by(object); }

 private:
  // An attribute that nobody read is not an empty one.
  void mark_what_was_not_asked(const Names& wanted) {
    Names news;
    for (const std::string& name : wanted)
      if (name != "unicodePwd" && !asked_.contains(name)) news.insert(name);
    if (news.empty()) return;
    asked_.insert(news.begin(), news.end());
    std::vector<LiveObject> objects;
    live_->for_each([&](const LiveSet::View& each) {
      objects.push_back(each.decoded());
      for (const std::string& name : news)
        objects.back().attributes.try_emplace(name, {.values = {}, .reading = Reading::unreadable});
    });
    LiveSet set = std::move(live_).take();
    set.update(objects);
    live_ = Complete<LiveSet>::proven(std::move(set), evidence_);
  }

  std::unique_ptr<Target> domain_;
  Names asked_;
  std::string evidence_;
  Complete<LiveSet> live_;
};

Names asked_of(StateStore& store, const std::string& target) {
  const auto head = store.get("mirror-head/" + target);
  if (!head || !*head) return {};
  boost::system::error_code error;
  const Value json = boost::json::parse((*head)->value, error);
  const auto names = error ? std::vector<std::string>() : texts_at(json, "/attributes");
  return {names.begin(), names.end()};
}

}  // namespace

std::unique_ptr<Directory> no_directory() { return std::make_unique<NoDirectory>(); }

Result<OfflineLane> build_offline_lane(const ResourceKey& key, const Snapshot& snapshot,
                                       std::vector<policy::Policy> policies, const LaneParts& parts) {
  const Resource* resource = snapshot.find(key);
  if (resource == nullptr || snapshot.held.contains(key))
    return fail(Fault::invalid, "{} is held: its manifest, or one it refers to, has errors", key);
  auto settings = directory_settings(*resource, snapshot);
  if (!settings) return in_context(to_string(key), std::move(settings).error());
  OfflineLane offline;
  offline.lane = std::make_unique<DomainLane>();
  DomainLane& lane = *offline.lane;
  lane.key = key;
  lane.policies = std::move(policies);
  PLUMB_TRY(lane.audit, parts.state.open_audit(parts.clock));
  lane.directory = no_directory();

  Mirror mirror(*settings, *lane.directory, parts.clock,
                {.target = to_string(key), .installation = parts.state.instance()});
  PLUMB_CHECK(mirror.restore(parts.state.store()));
  if (!mirror.observed() || !mirror.verified_at())
    return fail(Fault::unavailable,
                "{}: there is no mirror of its domain in this state that fits its settings; a round of `plumbline run` "
                "or `plumbline apply` makes one",
                key);
  offline.verified = *mirror.verified_at();
  offline.objects = mirror.set().size();
  PLUMB_TRY(const auto inventory, engine::read_inventory(parts.state.store(), to_string(key)));
  for (const auto& [name, owned] : inventory)
    if (!owned.id.empty() && !mirror.set().contains(owned.id)) ++offline.unseen;
  const std::string evidence = fmt::format("the last mirror, verified in full at {}", format_time(offline.verified));
  engine::LaneOptions options = parts.options;
  options.belongs = [key](const Resource& each) {
    return each.key.ns == key.ns && text_at(each.spec, "/directoryRef/name").value_or(key.name) == key.name;
  };
  auto domain = make_active_directory(std::move(*settings), *lane.directory, parts.secrets, parts.clock,
                                      parts.state.installation());
  lane.target = std::make_unique<MirrorTarget>(std::move(domain), mirror.set(),
                                               asked_of(parts.state.store(), to_string(key)), evidence);
  lane.lane = std::make_unique<engine::Lane>(*lane.target, parts.state.store(), *lane.audit, parts.state.lease(),
                                             parts.clock, lane.policies, std::move(options));
  return offline;
}

}  // namespace plumb::app
