#include "controller/runtime/platform_target.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/runtime/platform_objects.h"
#include "controller/runtime/platform_writer.h"

namespace plumb::runtime {
namespace {

void add_to(Interest& interest, const Interest& more) {
  interest.attributes.insert(more.attributes.begin(), more.attributes.end());
  interest.identities.insert(interest.identities.end(), more.identities.begin(), more.identities.end());
  interest.ids.insert(interest.ids.end(), more.ids.begin(), more.ids.end());
}

class Platform final : public Target {
 public:
  Platform(PlatformSettings settings, PlatformParts parts)
      : name_(to_string(settings.key)),
        parts_(std::move(parts)),
        reader_{settings.key.name, parts_.operation_in, parts_.secret_key, tag_key_of(parts_.secret_key, name_)},
        client_(std::move(settings), parts_.send, parts_.secrets, parts_.clock),
        writer_(client_, reader_, parts_) {}

  std::string_view name() const override { return name_; }
  std::vector<const Reconciler*> kinds() const override { return parts_.kinds; }
  std::string_view place() const override { return "on the Platform"; }
  Result<Observation> observe(const Interest& interest, Deadline deadline) override;
  Result<Observation> look_up(const Interest& interest, Deadline deadline) override;
  std::vector<Outcome> apply(std::span<const Change> changes, std::span<const std::string> operations,
                             Deadline deadline) override;
  std::string created_by(const LiveObject& object) const override {
    const auto found = object.attributes.find(kPlatformMark);
    return found == object.attributes.end() || found->second.values.empty() ? "" : found->second.values.front();
  }

 private:
  Result<void> read_documents(Deadline deadline);
  Result<void> read_document(const std::string& version_id, Deadline deadline);
  Observation build();
  Result<void> authorise(const Change& change) const;

  std::string name_;
  PlatformParts parts_;
  PlatformReader reader_;
  PlatformClient client_;
  PlatformWriter writer_;

  Interest interest_;
  std::optional<Complete<std::vector<Value>>> integrations_, models_;
  std::map<std::string, Value> documents_;  // of models that are ours or asked for
  std::set<std::string> ours_;              // models that carried our marker when last seen
  std::optional<Complete<LiveSet>> live_;
  SystemTime since_{};
};

Result<Observation> Platform::observe(const Interest& interest, Deadline deadline) {
  PLUMB_TRY(auto models, client_.models(deadline));
  PLUMB_TRY(auto integrations, client_.integrations(deadline));
  models_ = std::move(models);
  integrations_ = std::move(integrations);
  interest_ = interest;
  documents_.clear();
  since_ = parts_.clock.now();
  PLUMB_CHECK(read_documents(deadline));
  return build();
}

Result<Observation> Platform::look_up(const Interest& interest, Deadline deadline) {
  if (!models_) return fail(Fault::internal, "{} was not observed yet", name_);
  add_to(interest_, interest);
  PLUMB_CHECK(read_documents(deadline));
  return build();
}

Result<void> Platform::read_document(const std::string& version_id, Deadline deadline) {
  if (documents_.contains(version_id) || version_id.find('/') != std::string::npos) return {};
  auto document = client_.document(version_id, deadline);
  if (!document && document.error().fault == Fault::not_found)
    return fail(Fault::conflict, "model {} went away while the models were read", version_id);
  if (!document) return Failure(std::move(document).error());
  if (!reader_.operation_of_model(&*document).empty()) ours_.insert(version_id);
  documents_[version_id] = std::move(*document);
  return {};
}

// A model is known by what its document carries. Those that nobody asked for are not read, unless one of ours is not
// among those that were.
Result<void> Platform::read_documents(Deadline deadline) {
  std::set<std::string> asked = ours_;
  for (const Identity& each : interest_.identities)
    if (each.attribute == "model") asked.insert(each.value);
  std::set<std::string> missing;
  for (const std::string& id : interest_.ids)
    if (id.starts_with("model:")) missing.insert(id);
  std::vector<std::string> rest;
  for (const Value& model : **models_) {
    const std::string version_id = text_at(model, "/versionId").value_or("");
    if (!asked.contains(version_id)) {
      rest.push_back(version_id);
      missing.erase("model:" + version_id);
      continue;
    }
    PLUMB_CHECK(read_document(version_id, deadline));
    missing.erase(reader_.model_id(version_id, &documents_[version_id]));
  }
  if (missing.empty()) return {};
  for (const std::string& version_id : rest) PLUMB_CHECK(read_document(version_id, deadline));
  return {};
}

Observation Platform::build() {
  std::set<std::string> named(interest_.ids.begin(), interest_.ids.end()), folded;
  for (const Identity& each : interest_.identities) {
    named.insert(each.attribute + ':' + each.value);
    folded.insert(fold_case(each.attribute + ':' + each.value));
  }
  // Names of a Platform that differ in case alone are two, and one to a LiveSet: whoever has nearly the name that is
  // asked for is left out, so that it is not taken for it.
  const auto nearly = [&](std::string_view kind, const std::string& name) {
    return folded.contains(fold_case(fmt::format("{}:{}", kind, name)));
  };
  std::vector<LiveObject> others, wanted;
  for (const Value& model : **models_) {
    const std::string version_id = text_at(model, "/versionId").value_or("");
    const auto document = documents_.find(version_id);
    const bool asked = document != documents_.end();
    if (!asked && nearly("model", version_id)) continue;
    (asked ? wanted : others).push_back(reader_.model(version_id, asked ? &document->second : nullptr));
  }
  for (const Value& service : **integrations_) {
    const std::string id = reader_.integration_id(service);
    const std::string name = text_at(service, "/name").value_or("");
    const bool asked = named.contains(id) || named.contains("integration:" + name) ||
                       !reader_.operation_of_integration(service).empty();
    if (!asked && nearly("integration", name)) continue;
    (asked ? wanted : others).push_back(reader_.integration(service, asked));
  }
  LiveSet set;
  set.add(reader_.root());
  for (const LiveObject& each : others) set.add(each);
  for (const LiveObject& each : wanted) set.add(each);
  live_ = Complete<LiveSet>::proven(std::move(set), models_->evidence() + "; " + integrations_->evidence());
  return {.live = &*live_, .since = since_};
}

Result<void> Platform::authorise(const Change& change) const {
  if (change.id.empty()) return {};
  const LiveObject* const object = live_ ? (*live_)->by_id(change.id) : nullptr;
  if (object == nullptr) return fail(Fault::denied, "{}: its object was not seen in the last observation", change.key);
  if (object->kind != change.key.kind)
    return fail(Fault::denied, "{}: {} is of kind {}", change.key, object->handle, object->kind);
  return {};
}

std::vector<Outcome> Platform::apply(std::span<const Change> changes, std::span<const std::string> operations,
                                     Deadline deadline) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    if (change.actions.size() == 1 && change.does(Action::forget)) {
      outcomes.push_back({change.id});
    } else if (auto allowed = authorise(change); !allowed) {
      outcomes.push_back({Failure(std::move(allowed).error())});
    } else {
      outcomes.push_back(writer_.write(change, operations[i], deadline));
    }
  }
  return outcomes;
}

}  // namespace

std::unique_ptr<Target> make_platform_target(PlatformSettings settings, PlatformParts parts) {
  return std::make_unique<Platform>(std::move(settings), std::move(parts));
}

}  // namespace plumb::runtime
