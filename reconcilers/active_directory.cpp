#include "reconcilers/active_directory.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "controller/base/assert.h"
#include "controller/base/log.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "reconcilers/attributes.h"
#include "reconcilers/directory_writes.h"
#include "reconcilers/live_objects.h"
#include "reconcilers/mirror.h"
#include "reconcilers/reconcilers.h"
#include "reconcilers/spec.h"

namespace plumb {
namespace {

// What is kept of an observation: enough to say whether an object may be written.
struct Seen {
  std::string kind, handle, protection;
  bool in_scope = false;
};

// A change on its way.
struct Job {
  std::size_t index = 0;  // of the change
  std::string id;         // empty: not created yet
  std::vector<DirectoryWrite> steps;
  std::string password{};  // the reference of the one that the first step sets
};

std::string password_reference(const Change& change) {
  for (const FieldChange& field : change.fields)
    if (equals_ignoring_case(field.name, "unicodePwd") && !field.added.empty()) return field.added.front();
  return "";
}

class ActiveDirectory final : public Target {
 public:
  ActiveDirectory(DirectorySettings settings, Directory& directory, SecretStore& secrets, const Clock& clock,
                  Installation installation, Duration scrub_every)
      : settings_(std::move(settings)),
        directory_(directory),
        secrets_(secrets),
        name_(to_string(settings_.key)),
        installation_(std::move(installation)),
        mirror_(settings_, directory, clock,
                {.target = name_, .installation = installation_.id, .scrub_every = scrub_every}) {}

  std::string_view name() const override { return name_; }
  std::vector<const Reconciler*> kinds() const override { return directory_kinds(); }
  Result<Observation> observe(const Interest& interest, Deadline deadline) override;
  Result<Observation> look_up(const Interest& interest, Deadline deadline) override {
    return mirror_.look_up(interest, deadline);
  }
  Result<std::vector<LastChange>> last_changes(const std::string& id, Deadline deadline) override;
  Result<Scrubbed> scrub(Deadline deadline) override { return mirror_.scrub(deadline); }
  std::optional<SystemTime> scrub_due() const override { return mirror_.scrub_due(); }
  void expect_scrubs() override { mirror_.expect_scrubs(); }
  std::optional<SystemTime> verified_up_to() const override { return mirror_.verified_at(); }
  Result<void> restore(StateStore& store) override { return mirror_.restore(store); }
  std::vector<StateStore::Put> unsaved() override { return mirror_.unsaved(); }
  void saved() override { mirror_.saved(); }
  void doubt(const std::string& id) override { mirror_.doubt(id); }
  std::string vantage() const override { return mirror_.vantage(); }
  Result<bool> continues(const std::string& vantage, Deadline deadline) override {
    return mirror_.continues(vantage, deadline);
  }
  std::vector<Outcome> apply(std::span<const Change> changes, std::span<const std::string> operations,
                             Deadline deadline) override;
  std::function<std::vector<Outcome>()> begin(std::span<const Change> changes, std::span<const std::string> operations,
                                              Deadline deadline) override;
  std::string created_by(const LiveObject& object) const override;

 private:
  // Changes whose first writes are on their way.
  struct Begun {
    std::span<const Change> changes;
    std::vector<Outcome> outcomes;
    std::vector<Job> jobs;
    std::vector<std::string> names;  // what each job writes, for messages
    std::function<Directory::Answers()> answers;
  };

  // What an object is like after the writes since the last observation.
  std::optional<Seen> seen(const std::string& id) const;

  Result<void> authorise(const Change& change, const std::string& id) const;
  Result<void> authorise_creation(const Change& change) const;
  Result<void> authorise_place(const ResourceKey& key, const std::string& handle) const;
  Result<Job> prepare(const Change& change, std::size_t index, const std::string& operation);
  void confirm(std::span<const Change> changes, std::vector<Job>& jobs, std::vector<Outcome>& outcomes,
               Deadline deadline);
  Result<void> confirm_one(const Change& change, const Job& job, const std::vector<Entry>& fresh) const;
  void hand_over(const Job& job);
  std::function<Directory::Answers()> begin_step(std::size_t step, Begun& begun, Deadline deadline);
  void end_step(std::size_t step, Begun& begun);
  std::vector<Outcome> end(Begun& begun, Deadline deadline);
  void note(const Change& change, const Outcome& outcome);
  void moved(const std::string& id, const std::string& handle_after);

  DirectorySettings settings_;
  Directory& directory_;
  SecretStore& secrets_;
  std::string name_;
  Installation installation_;

  Mirror mirror_;
  // Of the writes since the last observation: what they made of objects (nothing: it was removed), OUs that took
  // along what is below them, and the ids of what was created.
  std::map<std::string, std::optional<Seen>, std::less<>> written_;
  std::vector<std::pair<Dn, Dn>> moves_;
  std::map<ResourceKey, std::string> created_;
};

Result<Observation> ActiveDirectory::observe(const Interest& interest, Deadline deadline) {
  PLUMB_TRY(Observation seen, mirror_.observe(interest, deadline));
  written_.clear();
  moves_.clear();
  created_.clear();
  return seen;
}

// Of links each value has a change of its own.
Result<std::vector<LastChange>> ActiveDirectory::last_changes(const std::string& id, Deadline deadline) {
  PLUMB_TRY(auto rows, directory_.history(id, deadline));
  std::vector<LastChange> changes;
  changes.reserve(rows.size());
  for (AttributeHistory& row : rows) changes.push_back({std::move(row.attribute), row.changed, std::move(row.server)});
  return changes;
}

// `dn` as it is once `before` has become `after`.
std::string rebased(const std::string& handle, const Dn& before, const Dn& after) {
  const auto dn = Dn::parse(handle);
  if (!dn || !dn->within(before)) return handle;
  Dn moved = after;
  for (std::size_t i = dn->rdns().size() - before.rdns().size(); i-- > 0;)
    moved = moved.child(dn->rdns()[i].attribute, dn->rdns()[i].value);
  return moved.text();
}

std::optional<Seen> ActiveDirectory::seen(const std::string& id) const {
  if (const auto written = written_.find(id); written != written_.end()) return written->second;
  const LiveObject* const object = mirror_.observed() ? mirror_.set().by_id(id) : nullptr;
  if (object == nullptr) return {};
  Seen as{object->kind, object->handle, object->protection, object->in_scope};
  for (const auto& [before, after] : moves_) as.handle = rebased(as.handle, before, after);
  return as;
}

Result<void> ActiveDirectory::authorise_place(const ResourceKey& key, const std::string& handle) const {
  PLUMB_TRY(const Dn dn, Dn::parse(handle));
  if (!spec::in_scope(dn, settings_.managed_scope))
    return fail(Fault::denied, "{}: {} is outside of the managedScope of {}", key, handle, name_);
  if (in_protected_subtree(dn, settings_))
    return fail(Fault::denied, "{}: {} is in a subtree that {} protects", key, handle, name_);
  return {};
}

Result<void> ActiveDirectory::authorise_creation(const Change& change) const {
  if (!change.id.empty()) return fail(Fault::denied, "{}: it exists already", change.key);
  return authorise_place(change.key, change.handle);
}

// The one gate in front of every write of something that exists. What is not known is refused.
Result<void> ActiveDirectory::authorise(const Change& change, const std::string& id) const {
  const auto object = id.empty() ? std::nullopt : seen(id);
  if (!object) return fail(Fault::denied, "{}: its object was not seen in the last observation", change.key);
  if (!object->protection.empty())
    return fail(Fault::denied, "{}: {} is protected: {}", change.key, object->handle, object->protection);
  if (!object->in_scope)
    return fail(Fault::denied, "{}: {} is outside of the managedScope of {}", change.key, object->handle, name_);
  if (object->kind != change.key.kind)
    return fail(Fault::denied, "{}: {} is {}", change.key, object->handle,
                object->kind.empty() ? "of no kind that is managed" : "of kind " + object->kind);
  PLUMB_CHECK(authorise_place(change.key, object->handle));
  if (change.does(Action::move)) return authorise_place(change.key, change.handle_after);
  return {};
}

Result<Job> ActiveDirectory::prepare(const Change& change, std::size_t index, const std::string& operation) {
  Job job{.index = index, .id = change.id, .steps = {}};
  if (change.actions.size() == 1 && change.does(Action::forget)) return job;
  job.password = password_reference(change);
  const WriteContext context{marker_text(installation_, operation), mirror_.encrypted()};
  if (change.does(Action::create)) {
    PLUMB_CHECK(authorise_creation(change));
    PLUMB_TRY(job.steps, writes_for(change, "", "", context, secrets_));
    return job;
  }
  // Made by an earlier level of the same plan, when its id was not known.
  if (const auto created = created_.find(change.key); job.id.empty() && created != created_.end())
    job.id = created->second;
  PLUMB_CHECK(authorise(change, job.id));
  PLUMB_TRY(job.steps, writes_for(change, job.id, seen(job.id)->handle, context, secrets_));
  return job;
}

Result<void> ActiveDirectory::confirm_one(const Change& change, const Job& job, const std::vector<Entry>& fresh) const {
  const auto found = std::find_if(fresh.begin(), fresh.end(), [&](const Entry& each) { return each.id == job.id; });
  const std::string handle = seen(job.id)->handle;
  if (found == fresh.end()) return fail(Fault::conflict, "{}: {} is gone", change.key, handle);
  if (dn_key(found->dn) != dn_key(handle))
    return fail(Fault::conflict, "{}: {} was moved to {} meanwhile", change.key, handle, found->dn);
  const LiveObject live = live_object(*found, {}, mirror_.surroundings());
  if (!live.protection.empty())
    return fail(Fault::denied, "{}: {} is protected: {}", change.key, handle, live.protection);
  if (change.does(Action::remove) && created_by(live).empty())
    return fail(Fault::denied, "{}: {} does not carry the mark of an object that Plumbline created", change.key,
                handle);
  if (change.does(Action::remove) && change.key.kind == "ADUser" && !is_disabled(live))
    return fail(Fault::conflict, "{}: {} was enabled meanwhile", change.key, handle);
  return {};
}

// Names cannot be compared and swapped, and a removal is final: both are looked at right before.
void ActiveDirectory::confirm(std::span<const Change> changes, std::vector<Job>& jobs, std::vector<Outcome>& outcomes,
                              Deadline deadline) {
  const auto concerned = [&](const Job& job) {
    const Change& change = changes[job.index];
    return !job.id.empty() && (change.does(Action::move) || change.does(Action::remove));
  };
  std::vector<std::string> ids;
  for (const Job& job : jobs)
    if (concerned(job)) ids.push_back(job.id);
  if (ids.empty()) return;
  const auto fresh = directory_.find("objectGUID", ids, identifying_attributes(), deadline);
  std::erase_if(jobs, [&](const Job& job) {
    if (!concerned(job)) return false;
    Result<void> checked = fresh ? confirm_one(changes[job.index], job, *fresh) : Failure(fresh.error());
    if (checked) return false;
    outcomes[job.index].id = Failure(std::move(checked).error());
    return true;
  });
}

// Whatever becomes of the further steps: the password is known to the directory now.
void ActiveDirectory::hand_over(const Job& job) {
  if (job.password.empty()) return;
  if (const auto done = secrets_.handed_over(job.password); !done)
    log::warning("password.unmarked", "{}; remove the file before another account of this name is made",
                 done.error().message);
}

// Step by step over all jobs, so that many writes are in flight and the steps of one are in order.
std::function<Directory::Answers()> ActiveDirectory::begin_step(std::size_t step, Begun& begun, Deadline deadline) {
  std::erase_if(begun.jobs, [&](const Job& job) { return step >= job.steps.size(); });
  std::vector<DirectoryWrite> writes;
  writes.reserve(begun.jobs.size());
  begun.names.clear();
  for (Job& job : begun.jobs) {
    writes.push_back(std::move(job.steps[step]));
    if (writes.back().kind != DirectoryWrite::Kind::add) writes.back().id = job.id;
    begun.names.push_back(writes.back().dn);
  }
  if (writes.empty()) return {};
  return directory_.begin_write(std::move(writes), deadline);
}

void ActiveDirectory::end_step(std::size_t step, Begun& begun) {
  Directory::Answers answers = begun.answers();
  PLUMB_ASSERT(answers.size() == begun.jobs.size());
  for (std::size_t i = 0; i < begun.jobs.size(); ++i) {
    Job& job = begun.jobs[i];
    if (answers[i] && job.id.empty()) job.id = *answers[i];
    if (answers[i] && step == 0) hand_over(job);
    const bool added = answers[i] && job.id.empty();
    if (added && step + 1 < job.steps.size())
      answers[i] = fail(Fault::conflict, "{} was created, and its other values follow", begun.names[i]);
    Outcome& outcome = begun.outcomes[job.index];
    outcome.id = answers[i] ? Result<std::string>(job.id) : Failure(std::move(answers[i]).error());
    outcome.half_done = !outcome.id && (step > 0 || added);
    if (!outcome.id) job.steps.clear();
  }
}

void ActiveDirectory::moved(const std::string& id, const std::string& handle_after) {
  Seen object = *seen(id);
  const auto before = Dn::parse(object.handle);
  const auto after = Dn::parse(handle_after);
  if (!before || !after) return;
  object.handle = after->text();
  const bool carries_others = object.kind == "OrganizationalUnit";
  written_[id] = std::move(object);
  if (!carries_others) return;
  for (auto& [other, written] : written_)
    if (other != id && written) written->handle = rebased(written->handle, *before, *after);
  moves_.emplace_back(*before, *after);
}

// Later levels of the same plan build on what this one did.
void ActiveDirectory::note(const Change& change, const Outcome& outcome) {
  // A refusal tells that the object is not as we thought.
  if (!outcome.id) mirror_.doubt(change.id);
  if (!outcome.id || outcome.id->empty()) return;
  if (change.does(Action::create)) {
    written_[*outcome.id] = Seen{change.key.kind, change.handle, "", true};
    created_[change.key] = *outcome.id;
    mirror_.made(*outcome.id);
  } else if (change.does(Action::remove)) {
    written_[*outcome.id] = std::nullopt;
  } else if (change.does(Action::move)) {
    moved(*outcome.id, change.handle_after);
  }
}

std::vector<Outcome> ActiveDirectory::apply(std::span<const Change> changes, std::span<const std::string> operations,
                                            Deadline deadline) {
  return begin(changes, operations, deadline)();
}

std::function<std::vector<Outcome>()> ActiveDirectory::begin(std::span<const Change> changes,
                                                             std::span<const std::string> operations,
                                                             Deadline deadline) {
  PLUMB_ASSERT(changes.size() == operations.size());
  const auto begun = std::make_shared<Begun>();
  begun->changes = changes;
  begun->outcomes.reserve(changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto job = prepare(changes[i], i, operations[i]);
    begun->outcomes.push_back({job ? Result<std::string>(job->id) : Failure(job.error())});
    if (job) begun->jobs.push_back(std::move(*job));
  }
  confirm(changes, begun->jobs, begun->outcomes, deadline);
  begun->answers = begin_step(0, *begun, deadline);
  return [this, begun, deadline] { return end(*begun, deadline); };
}

std::vector<Outcome> ActiveDirectory::end(Begun& begun, Deadline deadline) {
  for (std::size_t step = 0; begun.answers; begun.answers = begin_step(++step, begun, deadline)) end_step(step, begun);
  for (std::size_t i = 0; i < begun.changes.size(); ++i) note(begun.changes[i], begun.outcomes[i]);
  return std::move(begun.outcomes);
}

std::string ActiveDirectory::created_by(const LiveObject& object) const {
  const auto found = object.attributes.find(kMarkerAttribute);
  if (found == object.attributes.end() || found->second.values.empty()) return "";
  return std::string(operation_in(found->second.values.front(), installation_));
}

}  // namespace

std::unique_ptr<Target> make_active_directory(DirectorySettings settings, Directory& directory, SecretStore& secrets,
                                              const Clock& clock, Installation installation, Duration scrub_every) {
  return std::make_unique<ActiveDirectory>(std::move(settings), directory, secrets, clock, std::move(installation),
                                           scrub_every);
}

}  // namespace plumb
