#include "reconcilers/active_directory.h"

#include <algorithm>
#include <map>
#include <set>

#include "controller/base/assert.h"
#include "controller/base/log.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "reconcilers/attributes.h"
#include "reconcilers/directory_writes.h"
#include "reconcilers/live_objects.h"
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
  ActiveDirectory(DirectorySettings settings, Directory& directory, SecretStore& secrets, std::string instance)
      : settings_(std::move(settings)),
        directory_(directory),
        secrets_(secrets),
        name_(to_string(settings_.key)),
        instance_(std::move(instance)) {}

  std::string_view name() const override { return name_; }
  std::vector<const Reconciler*> kinds() const override { return directory_kinds(); }
  Result<Observation> observe(const Interest& interest, Deadline deadline) override;
  Result<Observation> look_up(const Interest& interest, Deadline deadline) override;
  std::vector<Outcome> apply(std::span<const Change> changes, std::span<const std::string> operations,
                             Deadline deadline) override;
  std::string created_by(const LiveObject& object) const override;

 private:
  struct Reader {
    std::vector<std::string> fetch;
    std::set<std::string, IgnoreCase> asked;
    Surroundings surroundings;
  };
  Result<Surroundings> look_around(Deadline deadline);
  Result<void> check_domain(const Directory::About& about) const;
  Result<void> find_privileged(const Directory::About& about, Surroundings& surroundings, Deadline deadline);
  Result<void> find_elsewhere(const Interest& interest, const Reader& reading, LiveSet& set, Deadline deadline);
  std::vector<std::string> scope_roots() const;
  void remember(const LiveSet& set);

  Result<void> authorise(const Change& change, const std::string& id) const;
  Result<void> authorise_creation(const Change& change) const;
  Result<void> authorise_place(const ResourceKey& key, const std::string& handle) const;
  Result<Job> prepare(const Change& change, std::size_t index, const std::string& operation);
  void confirm(std::span<const Change> changes, std::vector<Job>& jobs, std::vector<Outcome>& outcomes,
               Deadline deadline);
  Result<void> confirm_one(const Change& change, const Job& job, const std::vector<Entry>& fresh) const;
  void hand_over(const Job& job);
  void write_all(std::vector<Job> jobs, std::vector<Outcome>& outcomes, Deadline deadline);
  void note(const Change& change, const Outcome& outcome);
  void moved(const std::string& id, const std::string& handle_after);

  DirectorySettings settings_;
  Directory& directory_;
  SecretStore& secrets_;
  std::string name_, instance_;

  // As of the last observation, and of the writes since.
  std::map<std::string, Seen, std::less<>> seen_;
  std::map<ResourceKey, std::string> created_;
  Surroundings surroundings_;
  std::set<std::string, IgnoreCase> asked_;
  std::optional<Complete<LiveSet>> live_;
  bool encrypted_ = false;
};

const std::vector<std::string>& read_classes() {
  static const std::vector<std::string> kClasses = {"user", "group", "organizationalUnit"};
  return kClasses;
}

// Of the scopes, those that are not below another.
std::vector<std::string> ActiveDirectory::scope_roots() const {
  std::vector<std::string> roots;
  const std::vector<Dn>& scope = settings_.managed_scope;
  for (std::size_t i = 0; i < scope.size(); ++i) {
    const bool covered = [&] {
      for (std::size_t j = 0; j < scope.size(); ++j)
        if (j != i && scope[i].within(scope[j]) && (!scope[j].within(scope[i]) || j < i)) return true;
      return false;
    }();
    if (!covered) roots.push_back(scope[i].text());
  }
  return roots;
}

Result<Surroundings> ActiveDirectory::look_around(Deadline deadline) {
  PLUMB_TRY(const Directory::About about, directory_.about(deadline));
  encrypted_ = about.encrypted;
  PLUMB_CHECK(check_domain(about));
  Surroundings surroundings{&settings_, instance_, about.bound_as_id, {}};
  PLUMB_CHECK(find_privileged(about, surroundings, deadline));
  return surroundings;
}

// Who must not be written is only known to who sees the whole domain and knows himself in it.
Result<void> ActiveDirectory::check_domain(const Directory::About& about) const {
  const std::string base = settings_.base_dns.front().text();
  if (dn_key(base) != dn_key(about.domain_dn))
    return fail(Fault::invalid,
                "{}: the first of baseDNs is {}, and the domain of {} is {}: write baseDNs: [\"{}\"] (a part of it to "
                "work in is a managedScope); privileged accounts elsewhere in the domain could not be told otherwise",
                name_, printable(base), printable(about.server), printable(about.domain_dn),
                printable(about.domain_dn));
  if (about.domain_sid.empty())
    return fail(Fault::denied,
                "{}: the objectSid of {} cannot be read, so it cannot be told which accounts are privileged; let the "
                "account of the Credential read it",
                name_, printable(about.domain_dn));
  if (about.bound_as_id.empty())
    return fail(Fault::denied,
                "{}: cannot tell which account we are bound as, so cannot protect it; name it in the Credential by its "
                "DN or its userPrincipalName, and let it read itself",
                name_);
  return {};
}

// Everybody in a group that the directory itself guards, and in groups inside of those. adminCount
// tells the same, but later: the directory sets it once an hour, and Samba never.
Result<void> ActiveDirectory::find_privileged(const Directory::About& about, Surroundings& surroundings,
                                              Deadline deadline) {
  std::vector<std::string> sids = privileged_builtin_sids();
  for (const std::uint32_t rid : privileged_domain_rids()) sids.push_back(fmt::format("{}-{}", about.domain_sid, rid));
  const std::vector<std::string> fetch = {"member", "objectSid", "sAMAccountName"};
  PLUMB_TRY(std::vector<Entry> groups, directory_.find("objectSid", sids, fetch, deadline));
  const auto first = [](const Entry& entry, std::string_view name) -> std::string {
    const auto found = entry.attributes.find(name);
    return found == entry.attributes.end() || found->second.values.empty() ? entry.dn : found->second.values.front();
  };
  // These two are in every domain: where one is not seen, its members are not either.
  for (const std::string& sid : {std::string("S-1-5-32-544"), fmt::format("{}-512", about.domain_sid)})
    if (std::none_of(groups.begin(), groups.end(), [&](const Entry& each) { return first(each, "objectSid") == sid; }))
      return fail(Fault::denied,
                  "{}: the group {} ({}) cannot be read, so it cannot be told which accounts are privileged; let the "
                  "account of the Credential read it",
                  name_, sid, sid.ends_with("-512") ? "Domain Admins" : "Administrators");
  std::set<std::string> expanded;  // keys of names
  std::vector<std::pair<std::string, std::string>> next;
  for (const Entry& group : groups) {
    expanded.insert(dn_key(group.dn));
    if (const auto member = group.attributes.find("member"); member != group.attributes.end())
      for (const std::string& dn : member->second.values) next.emplace_back(dn, first(group, "sAMAccountName"));
  }
  while (!next.empty()) {
    std::map<std::string, std::string> group_of;
    std::vector<std::string> names;
    for (auto& [dn, group] : next)
      if (expanded.insert(dn_key(dn)).second) {
        group_of.emplace(dn_key(dn), group);
        names.push_back(dn);
      }
    next.clear();
    if (names.empty()) break;
    PLUMB_TRY(const std::vector<Entry> members, directory_.find("distinguishedName", names, fetch, deadline));
    for (const Entry& member : members) {
      const std::string& group = group_of[dn_key(member.dn)];
      surroundings.privileged.emplace(member.id, group);
      if (const auto inner = member.attributes.find("member"); inner != member.attributes.end())
        for (const std::string& dn : inner->second.values) next.emplace_back(dn, group);
    }
  }
  return {};
}

Result<Observation> ActiveDirectory::observe(const Interest& interest, Deadline deadline) {
  PLUMB_TRY(Surroundings surroundings, look_around(deadline));
  Reader reading{.fetch = {}, .asked = interest.attributes, .surroundings = surroundings};
  reading.asked.erase("unicodePwd");  // is never given, and never asked for
  for (const std::string& name : identifying_attributes()) reading.asked.insert(name);
  reading.fetch.assign(reading.asked.begin(), reading.asked.end());

  const ReadScope scope{.bases = scope_roots(), .classes = read_classes(), .attributes = reading.fetch};
  PLUMB_TRY(Complete<std::vector<Entry>> read, directory_.read_all(scope, deadline));
  const std::string evidence = read.evidence();
  LiveSet set;
  for (const Entry& entry : *read) set.add(live_object(entry, reading.asked, surroundings));
  PLUMB_CHECK(find_elsewhere(interest, reading, set, deadline));
  surroundings_ = std::move(surroundings);
  asked_ = std::move(reading.asked);
  remember(set);
  live_ = Complete<LiveSet>::proven(std::move(set), evidence);
  return Observation{.live = &*live_};
}

Result<Observation> ActiveDirectory::look_up(const Interest& interest, Deadline deadline) {
  PLUMB_ASSERT(live_);
  Reader reading{.fetch = {}, .asked = asked_, .surroundings = surroundings_};
  reading.fetch.assign(reading.asked.begin(), reading.asked.end());
  const std::string evidence = live_->evidence();
  LiveSet set = std::move(*live_).take();
  const auto found = find_elsewhere(interest, reading, set, deadline);
  remember(set);
  live_ = Complete<LiveSet>::proven(std::move(set), evidence);
  PLUMB_CHECK(found);
  return Observation{.live = &*live_};
}

// What was not found in scope may be elsewhere in the domain.
Result<void> ActiveDirectory::find_elsewhere(const Interest& interest, const Reader& reading, LiveSet& set,
                                             Deadline deadline) {
  const auto find = [&](std::string_view attribute, const std::vector<std::string>& values) -> Result<void> {
    if (values.empty()) return {};
    PLUMB_TRY(const std::vector<Entry> entries, directory_.find(attribute, values, reading.fetch, deadline));
    for (const Entry& entry : entries) set.add(live_object(entry, reading.asked, reading.surroundings));
    return {};
  };
  std::vector<std::string> ids;
  for (const std::string& id : interest.ids)
    if (!id.empty() && set.by_id(id) == nullptr) ids.push_back(id);
  PLUMB_CHECK(find("objectGUID", ids));

  std::map<std::string, std::vector<std::string>, IgnoreCase> names;
  for (const Identity& identity : interest.identities)
    if (set.by_identity(identity) == nullptr) names[identity.attribute].push_back(identity.value);
  for (const std::string& handle : interest.handles)
    if (set.by_handle(handle) == nullptr) names["distinguishedName"].push_back(handle);
  for (auto& [attribute, values] : names) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    PLUMB_CHECK(find(attribute, values));
  }
  return {};
}

void ActiveDirectory::remember(const LiveSet& set) {
  seen_.clear();
  created_.clear();
  for (const LiveObject& object : set.objects())
    seen_[object.id] = {object.kind, object.handle, object.protection, object.in_scope};
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
  const auto found = seen_.find(id);
  if (id.empty() || found == seen_.end())
    return fail(Fault::denied, "{}: its object was not seen in the last observation", change.key);
  const Seen& seen = found->second;
  if (!seen.protection.empty())
    return fail(Fault::denied, "{}: {} is protected: {}", change.key, seen.handle, seen.protection);
  if (!seen.in_scope)
    return fail(Fault::denied, "{}: {} is outside of the managedScope of {}", change.key, seen.handle, name_);
  if (seen.kind != change.key.kind)
    return fail(Fault::denied, "{}: {} is {}", change.key, seen.handle,
                seen.kind.empty() ? "of no kind that is managed" : "of kind " + seen.kind);
  PLUMB_CHECK(authorise_place(change.key, seen.handle));
  if (change.does(Action::move)) return authorise_place(change.key, change.handle_after);
  return {};
}

Result<Job> ActiveDirectory::prepare(const Change& change, std::size_t index, const std::string& operation) {
  Job job{.index = index, .id = change.id, .steps = {}};
  if (change.actions.size() == 1 && change.does(Action::forget)) return job;
  job.password = password_reference(change);
  const WriteContext context{marker_text(instance_, operation), encrypted_};
  if (change.does(Action::create)) {
    PLUMB_CHECK(authorise_creation(change));
    PLUMB_TRY(job.steps, writes_for(change, "", "", context, secrets_));
    return job;
  }
  // Made by an earlier level of the same plan, when its id was not known.
  if (const auto created = created_.find(change.key); job.id.empty() && created != created_.end())
    job.id = created->second;
  PLUMB_CHECK(authorise(change, job.id));
  PLUMB_TRY(job.steps, writes_for(change, job.id, seen_.find(job.id)->second.handle, context, secrets_));
  return job;
}

Result<void> ActiveDirectory::confirm_one(const Change& change, const Job& job, const std::vector<Entry>& fresh) const {
  const auto found = std::find_if(fresh.begin(), fresh.end(), [&](const Entry& each) { return each.id == job.id; });
  const std::string& handle = seen_.find(job.id)->second.handle;
  if (found == fresh.end()) return fail(Fault::conflict, "{}: {} is gone", change.key, handle);
  if (dn_key(found->dn) != dn_key(handle))
    return fail(Fault::conflict, "{}: {} was moved to {} meanwhile", change.key, handle, found->dn);
  const LiveObject live = live_object(*found, {}, surroundings_);
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
void ActiveDirectory::write_all(std::vector<Job> jobs, std::vector<Outcome>& outcomes, Deadline deadline) {
  for (std::size_t step = 0; !jobs.empty(); ++step) {
    std::erase_if(jobs, [&](const Job& job) { return step >= job.steps.size(); });
    std::vector<DirectoryWrite> writes;
    writes.reserve(jobs.size());
    for (Job& job : jobs) {
      writes.push_back(std::move(job.steps[step]));
      if (writes.back().kind != DirectoryWrite::Kind::add) writes.back().id = job.id;
    }
    if (writes.empty()) return;
    auto answers = directory_.write(writes, deadline);
    PLUMB_ASSERT(answers.size() == writes.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      Job& job = jobs[i];
      if (answers[i] && job.id.empty()) job.id = *answers[i];
      if (answers[i] && step == 0) hand_over(job);
      if (answers[i] && job.id.empty() && step + 1 < job.steps.size())
        answers[i] = fail(Fault::conflict, "{} was created, and its other values follow", writes[i].dn);
      outcomes[job.index].id = answers[i] ? Result<std::string>(job.id) : Failure(std::move(answers[i]).error());
      if (!outcomes[job.index].id) job.steps.clear();
    }
  }
}

void ActiveDirectory::moved(const std::string& id, const std::string& handle_after) {
  const auto before = Dn::parse(seen_.find(id)->second.handle);
  const auto after = Dn::parse(handle_after);
  if (!before || !after) return;
  const bool carries_others = seen_.find(id)->second.kind == "OrganizationalUnit";
  seen_.find(id)->second.handle = after->text();
  if (!carries_others) return;
  for (auto& [other, seen] : seen_) {
    const auto dn = Dn::parse(seen.handle);
    if (other == id || !dn || !dn->within(*before)) continue;
    Dn rebased = *after;
    const std::size_t own = dn->rdns().size() - before->rdns().size();
    for (std::size_t i = own; i-- > 0;) rebased = rebased.child(dn->rdns()[i].attribute, dn->rdns()[i].value);
    seen.handle = rebased.text();
  }
}

// Later levels of the same plan build on what this one did.
void ActiveDirectory::note(const Change& change, const Outcome& outcome) {
  if (!outcome.id || outcome.id->empty()) return;
  if (change.does(Action::create)) {
    seen_[*outcome.id] = {change.key.kind, change.handle, "", true};
    created_[change.key] = *outcome.id;
  } else if (change.does(Action::remove)) {
    seen_.erase(*outcome.id);
  } else if (change.does(Action::move)) {
    moved(*outcome.id, change.handle_after);
  }
}

std::vector<Outcome> ActiveDirectory::apply(std::span<const Change> changes, std::span<const std::string> operations,
                                            Deadline deadline) {
  PLUMB_ASSERT(changes.size() == operations.size());
  std::vector<Outcome> outcomes;
  outcomes.reserve(changes.size());
  std::vector<Job> jobs;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto job = prepare(changes[i], i, operations[i]);
    outcomes.push_back({job ? Result<std::string>(job->id) : Failure(job.error())});
    if (job) jobs.push_back(std::move(*job));
  }
  confirm(changes, jobs, outcomes, deadline);
  write_all(std::move(jobs), outcomes, deadline);
  for (std::size_t i = 0; i < changes.size(); ++i) note(changes[i], outcomes[i]);
  return outcomes;
}

std::string ActiveDirectory::created_by(const LiveObject& object) const {
  const auto found = object.attributes.find(kMarkerAttribute);
  if (found == object.attributes.end() || found->second.values.empty()) return "";
  Marker marker = parse_marker(found->second.values.front());
  return marker.instance == instance_ ? std::move(marker.operation) : "";
}

}  // namespace

std::unique_ptr<Target> make_active_directory(DirectorySettings settings, Directory& directory, SecretStore& secrets,
                                              const Clock&, std::string instance) {
  return std::make_unique<ActiveDirectory>(std::move(settings), directory, secrets, std::move(instance));
}

}  // namespace plumb
