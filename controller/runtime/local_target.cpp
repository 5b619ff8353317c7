#include "controller/runtime/local_target.h"

#include <algorithm>
#include <utility>

#include "controller/base/assert.h"
#include "controller/model/flat.h"
#include "controller/runtime/conditions.h"

namespace plumb::runtime {
namespace {

// Which operation created an object; not among what a manifest can name.
constexpr std::string_view kOperation = "plumbline.operation";

class LocalTarget final : public Target {
 public:
  LocalTarget(std::string name, LocalTargetParts parts) : name_(std::move(name)), parts_(std::move(parts)) {}

  std::string_view name() const override { return name_; }
  std::vector<const Reconciler*> kinds() const override { return parts_.kinds; }
  std::string_view place() const override { return "in the runtime"; }
  Result<Observation> observe(const Interest& interest, Deadline deadline) override;
  Result<Observation> look_up(const Interest& interest, Deadline deadline) override;
  void note_revision(const std::string& revision) override { revision_ = revision; }
  std::vector<Condition> conditions(const ResourceKey& key, const Snapshot& declared) override {
    return conditions_of(key, declared, parts_, connectors_);
  }
  std::vector<Outcome> apply(std::span<const Change> changes, std::span<const std::string> operations,
                             Deadline deadline) override;
  std::string created_by(const LiveObject& object) const override {
    const auto found = object.attributes.find(kOperation);
    return found == object.attributes.end() || found->second.values.empty() ? "" : found->second.values.front();
  }

 private:
  LiveObject live_object(const Registered& object) const;
  std::vector<std::string> changed_objects(const RegistryView& now);
  struct Seen {
    std::optional<ProbeResult> probed;
    std::optional<bool> signed_in;
    std::optional<Rotation> rotation;
    std::vector<Condition> connector;
    std::string cluster;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  Seen look_at(const RegistryView& now, const Registered& object) const;
  void add_seen(const RegistryView& now, std::vector<std::string>& changed);
  Result<std::optional<Registry::Write>> write_for(const Change& change, const std::string& operation,
                                                   const RegistryView& now) const;
  Result<void> check_unused(const Change& change, std::span<const Change> together, const RegistryView& now) const;

  std::string name_;
  LocalTargetParts parts_;
  std::string revision_;
  std::shared_ptr<const RegistryView> seen_;  // null: nothing was observed yet
  std::map<ResourceKey, Seen> last_seen_;     // as last told
  ConnectorsNow connectors_;                  // as of the last observation
  std::optional<Complete<LiveSet>> live_;
};

LiveObject LocalTarget::live_object(const Registered& object) const {
  LiveObject live;
  live.kind = object.key.kind;
  live.id = live.handle = to_string(object.key);
  live.version = object.digest;
  live.identities = {{"name", live.handle}};
  live.attributes = flattened(object.spec, parts_.free_form);
  if (const std::string operation = parts_.registry.operation(object.key); !operation.empty())
    live.attributes[kOperation] = {.values = {operation}};
  return live;
}

// Brings the set up to date.
std::vector<std::string> LocalTarget::changed_objects(const RegistryView& now) {
  std::vector<std::string> changed;
  LiveSet set = live_ ? std::move(*live_).take() : LiveSet();
  if (seen_ != nullptr) {
    for (const auto& [key, object] : seen_->objects) {
      if (now.find(key) != nullptr) continue;
      changed.push_back(to_string(key));
      set.erase(changed.back());
    }
  }
  std::vector<LiveObject> fresh;
  for (const auto& [key, object] : now.objects) {
    if (seen_ != nullptr && seen_->find(key) == object.get()) continue;
    fresh.push_back(live_object(*object));
    changed.push_back(fresh.back().id);
  }
  set.update(fresh);
  live_ = Complete<LiveSet>::proven(std::move(set), "the registry of this process, which was read in full");
  return changed;
}

// What conditions say of the world, which changes without anything being written here.
LocalTarget::Seen LocalTarget::look_at(const RegistryView& now, const Registered& object) const {
  Seen seen;
  if (object.key.kind == "Integration") {
    if (parts_.probe) seen.probed = parts_.probe(object.key);
    const std::string token = parts_.signed_in ? consent_needed(now, object) : std::string();
    if (!token.empty()) seen.signed_in = parts_.signed_in(token);
    if (parts_.connectors) seen.cluster = cluster_problem(now, object, connectors_);
  }
  if (object.key.kind == "Credential" && parts_.rotation) seen.rotation = parts_.rotation(object);
  if (object.key.kind == "Connector" && parts_.connectors) seen.connector = connector_conditions(object, connectors_);
  return seen;
}

void LocalTarget::add_seen(const RegistryView& now, std::vector<std::string>& changed) {
  std::map<ResourceKey, Seen> all;
  for (const auto& [key, object] : now.objects) {
    Seen seen = look_at(now, *object);
    const auto before = last_seen_.find(key);
    if (seen == Seen()) {
      if (before != last_seen_.end()) changed.push_back(to_string(key));
      continue;
    }
    if (before == last_seen_.end() || before->second != seen) changed.push_back(to_string(key));
    all.emplace(key, std::move(seen));
  }
  last_seen_ = std::move(all);
}

Result<Observation> LocalTarget::observe(const Interest&, Deadline) {
  const auto now = parts_.registry.view();
  Observation seen;
  seen.whole = seen_ == nullptr;
  if (now != seen_) seen.changed = changed_objects(*now);
  seen_ = now;
  if (parts_.connectors) connectors_ = parts_.connectors();
  add_seen(*now, seen.changed);
  std::sort(seen.changed.begin(), seen.changed.end());
  seen.changed.erase(std::unique(seen.changed.begin(), seen.changed.end()), seen.changed.end());
  seen.live = &*live_;
  return seen;
}

// All there is was observed.
Result<Observation> LocalTarget::look_up(const Interest& interest, Deadline deadline) {
  if (!live_) return observe(interest, deadline);
  return Observation{.live = &*live_, .whole = false, .changed = {}};
}

// What others that stay use must not go.
Result<void> LocalTarget::check_unused(const Change& change, std::span<const Change> together,
                                       const RegistryView& now) const {
  const std::string handle = to_string(change.key);
  for (const auto& [key, object] : now.objects) {
    const auto kind = std::find_if(parts_.kinds.begin(), parts_.kinds.end(),
                                   [&, &of = key](const Reconciler* each) { return each->kind() == of.kind; });
    if (kind == parts_.kinds.end() || std::any_of(together.begin(), together.end(), [&, &of = key](const Change& each) {
          return each.key == of && each.does(Action::remove);
        }))
      continue;
    const auto uses = (*kind)->uses(live_object(*object));
    if (std::find(uses.begin(), uses.end(), handle) != uses.end())
      return fail(Fault::conflict, "{}: {} still uses it", change.key, key);
  }
  return {};
}

// Nothing: the change writes nothing. Every value that is replaced must be what the plan was made against.
Result<std::optional<Registry::Write>> LocalTarget::write_for(const Change& change, const std::string& operation,
                                                              const RegistryView& now) const {
  const bool writes = std::any_of(change.actions.begin(), change.actions.end(),
                                  [](Action action) { return action != Action::forget && action != Action::adopt; });
  if (!writes) return std::nullopt;
  if (std::none_of(parts_.kinds.begin(), parts_.kinds.end(),
                   [&](const Reconciler* each) { return each->kind() == change.key.kind; }))
    return fail(Fault::denied, "{} is of no kind of the runtime", change.key);
  const Registered* const there = now.find(change.key);
  Registry::Write write{.key = change.key, .spec = {}, .expected = {}, .revision = revision_};
  if (change.does(Action::create)) {
    if (there != nullptr) return fail(Fault::conflict, "{} is in use already", change.key);
    write.operation = operation;
  } else {
    if (there == nullptr) return fail(Fault::conflict, "{} is not in use any more", change.key);
    write.expected = there->digest;
  }
  if (change.does(Action::remove)) {
    if (there->digest != change.live_version) return fail(Fault::conflict, "{} was changed since", change.key);
    return write;
  }
  Attributes attributes = there == nullptr ? Attributes() : flattened(there->spec, parts_.free_form);
  for (const FieldChange& field : change.fields) {
    const auto found = attributes.find(field.name);
    const auto& values = found == attributes.end() ? std::vector<std::string>() : found->second.values;
    if (!field.blind && values != field.removed)
      return fail(Fault::conflict, "{}: {} is not as it was when the plan was made", change.key, field.name);
    if (found != attributes.end()) attributes.erase(found);
  }
  for (const FieldChange& field : change.fields)
    if (!field.added.empty()) attributes[field.name] = {.values = field.added};
  write.spec = unflattened(attributes);
  return write;
}

std::vector<Outcome> LocalTarget::apply(std::span<const Change> changes, std::span<const std::string> operations,
                                        Deadline) {
  PLUMB_ASSERT(changes.size() == operations.size());
  const auto now = parts_.registry.view();
  std::vector<Outcome> outcomes;
  std::vector<Registry::Write> writes;
  std::vector<std::size_t> written;  // the change of each write
  for (std::size_t i = 0; i < changes.size(); ++i) {
    outcomes.push_back({Result<std::string>(to_string(changes[i].key))});
    auto write = write_for(changes[i], operations[i], *now);
    const Result<void> unused =
        changes[i].does(Action::remove) ? check_unused(changes[i], changes, *now) : Result<void>();
    if (!write || !unused) {
      outcomes.back().id = Failure(write ? unused.error() : write.error());
    } else if (*write) {
      writes.push_back(std::move(**write));
      written.push_back(i);
    }
  }
  if (writes.empty()) return outcomes;
  if (parts_.registry.apply(writes)) return outcomes;
  // One that cannot be written must not keep the others from it.
  for (std::size_t i = 0; i < writes.size(); ++i)
    if (const auto alone = parts_.registry.apply({&writes[i], 1}); !alone)
      outcomes[written[i]].id = Failure(alone.error());
  return outcomes;
}

}  // namespace

std::unique_ptr<Target> make_local_target(std::string name, LocalTargetParts parts) {
  return std::make_unique<LocalTarget>(std::move(name), std::move(parts));
}

}  // namespace plumb::runtime
