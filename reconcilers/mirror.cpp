#include "reconcilers/mirror.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "controller/base/assert.h"
#include "controller/base/log.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "reconcilers/spec.h"

namespace plumb {
namespace {

// A right may be given to us, which no change number tells of.
constexpr Duration kAbsentFor = std::chrono::minutes(10);
// Entries turned into objects at one go.
constexpr std::size_t kChunk = 1000;
// Entries in a slice of a scrub: some 50 ms of a domain controller, which is how long a commit may wait for it.
constexpr std::size_t kSlice = 250;

bool has_class(const Entry& entry, std::string_view name) {
  const auto found = entry.attributes.find("objectClass");
  return found != entry.attributes.end() &&
         std::any_of(found->second.values.begin(), found->second.values.end(),
                     [&](const std::string& each) { return equals_ignoring_case(each, name); });
}

std::string absent_key(std::string_view attribute, std::string_view value) {
  const bool name = equals_ignoring_case(attribute, "distinguishedName");
  return lower(attribute) + '\n' + (name ? dn_key(value) : fold_case(value));
}

// Of the names, those that are not below another.
std::vector<std::string> roots_of(const std::vector<Dn>& names) {
  std::vector<std::string> roots;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool covered = [&] {
      for (std::size_t j = 0; j < names.size(); ++j)
        if (j != i && names[i].within(names[j]) && (!names[j].within(names[i]) || j < i)) return true;
      return false;
    }();
    if (!covered) roots.push_back(names[i].text());
  }
  return roots;
}

}  // namespace

Mirror::Mirror(DirectorySettings settings, Directory& directory, const Clock& clock, Options options)
    : settings_(std::move(settings)), directory_(directory), clock_(clock), options_(std::move(options)) {
  surroundings_ = {&settings_, options_.installation, "", {}};
}

ReadScope Mirror::scope() const {
  return {.bases = roots_of(settings_.managed_scope),
          .classes = {},  // a container that is renamed takes others along, too
          .attributes = std::vector<std::string>(asked_.begin(), asked_.end())};
}

bool Mirror::in_scope(const Entry& entry) const {
  const auto dn = Dn::parse(entry.dn);
  return dn && spec::in_scope(*dn, settings_.managed_scope);
}

bool Mirror::may_hold_others(const Entry& entry) const {
  return !has_class(entry, "user") && !has_class(entry, "group") && !has_class(entry, "contact");
}

// Who must not be written is only known to who sees the whole domain and knows himself in it.
Result<void> Mirror::check_domain(const Directory::About& about) const {
  const std::string base = settings_.base_dns.front().text();
  if (dn_key(base) != dn_key(about.domain_dn))
    return fail(Fault::invalid,
                "{}: the first of baseDNs is {}, and the domain of {} is {}: write baseDNs: [\"{}\"] (a part of it to "
                "work in is a managedScope); privileged accounts elsewhere in the domain could not be told otherwise",
                options_.target, printable(base), printable(about.server), printable(about.domain_dn),
                printable(about.domain_dn));
  if (about.domain_sid.empty())
    return fail(Fault::denied,
                "{}: the objectSid of {} cannot be read, so it cannot be told which accounts are privileged; let the "
                "account of the Credential read it",
                options_.target, printable(about.domain_dn));
  if (about.bound_as_id.empty())
    return fail(Fault::denied,
                "{}: cannot tell which account we are bound as, so cannot protect it; name it in the Credential by its "
                "DN or its userPrincipalName, and let it read itself",
                options_.target);
  return {};
}

// Once for each process and each full read: what is restored must be of the same account.
Result<void> Mirror::look_around(Deadline deadline) {
  PLUMB_TRY(Directory::About about, directory_.about(deadline));
  PLUMB_CHECK(check_domain(about));
  if (live_ && about.bound_as_id != surroundings_.bound_as_id) live_.reset();
  about_ = std::move(about);
  return {};
}

LiveSet Mirror::take_set() {
  LiveSet set = std::move(*live_).take();
  live_.reset();
  return set;
}

void Mirror::put_set(LiveSet set) {
  live_ = Complete<LiveSet>::proven(
      std::move(set), fmt::format("{}; {} changes since, up to cursor {}", read_evidence_, changes_, cursor_));
}

Observation Mirror::observation() {
  Observation seen{
      .live = &*live_, .whole = whole_, .changed = {}, .unreported = {}, .since = since_, .remark = remark_};
  if (!whole_) {
    seen.changed.assign(changed_.begin(), changed_.end());
    seen.unreported.assign(unreported_.begin(), unreported_.end());
  }
  whole_ = false;
  changed_.clear();
  unreported_.clear();
  return seen;
}

Result<Observation> Mirror::observe(const Interest& interest, Deadline deadline) {
  Names asked = interest.attributes;
  asked.erase("unicodePwd");  // is never given, and never asked for
  for (const std::string& name : identifying_attributes()) asked.insert(name);
  const bool covered = std::includes(asked_.begin(), asked_.end(), asked.begin(), asked.end(), IgnoreCase());
  asked.insert(asked_.begin(), asked_.end());

  if (live_ && !about_) PLUMB_CHECK(look_around(deadline));
  const auto due = scrub_due();
  const bool overdue = due && !scrubs_expected_ && *due <= clock_.now();
  if (!live_ || !covered || overdue) {
    PLUMB_CHECK(read_everything(asked, deadline));
  } else {
    PLUMB_CHECK(follow(deadline));
  }
  made_.clear();
  PLUMB_CHECK(meet_strangers(deadline));
  PLUMB_CHECK(find_missing(interest, deadline));
  return observation();
}

Result<Observation> Mirror::look_up(const Interest& interest, Deadline deadline) {
  PLUMB_ASSERT(live_);
  PLUMB_CHECK(find_missing(interest, deadline));
  return Observation{
      .live = &*live_, .whole = false, .changed = {}, .unreported = {}, .since = since_, .remark = remark_};
}

// The cursor comes first: what changes during the read is reported again.
Result<void> Mirror::read_everything(const Names& asked, Deadline deadline) {
  const SystemTime began = clock_.now();
  PLUMB_TRY(std::string cursor, directory_.cursor(deadline));
  PLUMB_TRY(const bool goes_on, cursor_.empty() ? Result<bool>(false) : directory_.continues(cursor_, deadline));
  PLUMB_CHECK(look_around(deadline));
  PLUMB_TRY(Privileged privileged, find_privileged(directory_, *about_, options_.target, deadline));
  ReadScope all = scope();
  all.attributes.assign(asked.begin(), asked.end());
  PLUMB_TRY(Complete<std::vector<Entry>> read, directory_.read_all(all, deadline));
  PLUMB_TRY(const bool all_of_one, directory_.continues(cursor, deadline));
  if (!all_of_one)
    return fail(Fault::unavailable, "another domain controller went on with the read, which begins anew next time");

  asked_ = asked;
  cursor_ = std::move(cursor);
  surroundings_ = {&settings_, options_.installation, about_->bound_as_id, std::move(privileged.members)};
  privileged_groups_ = std::move(privileged.groups);
  read_evidence_ = fmt::format("{} (full read at {})", read.evidence(), format_time(began));
  std::vector<Entry> entries = std::move(read).take();
  LiveSet set;
  std::vector<LiveObject> chunk;
  for (Entry& entry : entries) {
    chunk.push_back(live_object(std::exchange(entry, {}), asked_, surroundings_));
    if (chunk.size() < kChunk && &entry != &entries.back()) continue;
    set.update(chunk);
    chunk.clear();
  }
  entries = {};
  malloc_trim(0);  // an entry as it is read takes several times what is kept of it
  verified_at_ = began;
  if (!goes_on) since_ = began;
  remark_.clear();
  changes_ = 0;
  whole_ = true;
  sweep_.reset();
  changed_.clear();
  unreported_.clear();
  doubted_.clear();
  doubted_by_sweep_.clear();
  privileged_doubted_ = false;
  absent_.clear();
  nowhere_.clear();
  new_targets_ = true;
  head_saved_ = false;
  put_set(std::move(set));
  return {};
}

Result<void> Mirror::follow(Deadline deadline) {
  auto changes = directory_.changes_since(cursor_, scope(), deadline);
  if (!changes && changes.error().fault == Fault::conflict) {
    log::warning("mirror.refused", "{}: everything is read again: {}", options_.target, changes.error().message);
    auto read = read_everything(Names(asked_), deadline);
    if (!read)
      return in_context("reading everything again, because " + changes.error().message, std::move(read).error());
    remark_ = fmt::format("everything was read again at {}: {}", format_time(*verified_at_), changes.error().message);
    return {};
  }
  PLUMB_CHECK(changes);
  Delta delta{.entries = std::move(changes->changed),
              .removed = std::move(changes->removed),
              .privileged = {},
              .cursor = std::move(changes->cursor)};
  delta.changes = delta.entries.size() + delta.removed.size();
  if (delta.changes == 0 && delta.cursor == cursor_ && doubted_.empty() && !privileged_doubted_) return {};
  PLUMB_CHECK(read_below_newcomers(delta, deadline));
  PLUMB_CHECK(read_privileged_again(delta, deadline));
  PLUMB_CHECK(read_doubted(delta, deadline));
  take_in(std::move(delta));
  return {};
}

// What was moved into the scope took along what is below, of which nothing is reported.
Result<void> Mirror::read_below_newcomers(Delta& delta, Deadline deadline) {
  std::vector<Dn> newcomers;
  for (const Entry& entry : delta.entries) {
    if (!may_hold_others(entry) || !in_scope(entry) || made_.contains(entry.id)) continue;
    const LiveObject* const known = set().by_id(entry.id);
    if (known != nullptr && known->in_scope) continue;
    PLUMB_TRY(Dn dn, Dn::parse(entry.dn));
    newcomers.push_back(std::move(dn));
  }
  if (newcomers.empty()) return {};
  ReadScope below = scope();
  below.bases = roots_of(newcomers);
  PLUMB_TRY(Complete<std::vector<Entry>> read, directory_.read_all(below, deadline));
  std::vector<Entry> entries = std::move(read).take();
  std::move(entries.begin(), entries.end(), std::back_inserter(delta.entries));
  return {};
}

Result<void> Mirror::read_privileged_again(Delta& delta, Deadline deadline) {
  const auto guarded = [&](const std::string& id) { return privileged_groups_.contains(id); };
  if (!privileged_doubted_ &&
      std::none_of(delta.entries.begin(), delta.entries.end(), [&](const Entry& each) { return guarded(each.id); }) &&
      std::none_of(delta.removed.begin(), delta.removed.end(), guarded))
    return {};
  PLUMB_TRY(delta.privileged, find_privileged(directory_, *about_, options_.target, deadline));
  return {};
}

// What is outside of the scope may be below something that we do not hold and that was moved.
Result<void> Mirror::read_doubted(Delta& delta, Deadline deadline) {
  const bool moved_outside = std::any_of(delta.entries.begin(), delta.entries.end(), [&](const Entry& entry) {
    return may_hold_others(entry) && !in_scope(entry);
  });
  if (moved_outside) {
    set().for_each([&](const LiveSet::View& each) {
      if (!each.in_scope()) doubted_.insert(each.id());
    });
    for (std::string& id : set().strangers()) doubted_.insert(std::move(id));
  }
  const auto reported = [&](const std::string& id) { doubted_.erase(id), doubted_by_sweep_.erase(id); };
  for (const Entry& entry : delta.entries) reported(entry.id);
  for (const std::string& id : delta.removed) reported(id);
  if (doubted_.empty()) return {};
  const std::vector<std::string> ids(doubted_.begin(), doubted_.end());
  PLUMB_TRY(std::vector<Entry> entries, directory_.find("objectGUID", ids, scope().attributes, deadline));
  for (Entry& entry : entries) {
    doubted_.erase(entry.id);
    delta.entries.push_back(std::move(entry));
  }
  for (const std::string& id : doubted_) delta.removed.push_back(id);
  doubted_.clear();
  return {};
}

void Mirror::note_privileged(Privileged privileged, std::set<std::string>& touched) {
  auto& before = surroundings_.privileged;
  for (const auto& [id, group] : privileged.members)
    if (const auto was = before.find(id); was == before.end() || was->second != group) touched.insert(id);
  for (const auto& [id, group] : before)
    if (!privileged.members.contains(id)) touched.insert(id);
  before = std::move(privileged.members);
  privileged_groups_ = std::move(privileged.groups);
}

// Scope and protection depend on more than what is read of an object.
void Mirror::judge_again(LiveSet& set, const std::set<std::string>& ids) {
  std::vector<LiveObject> differ;
  for (const std::string& id : ids) {
    const LiveObject* const object = set.by_id(id);
    if (object == nullptr) continue;
    LiveObject judged = *object;
    judge(judged, surroundings_);
    if (judged != *object) differ.push_back(std::move(judged));
  }
  for (std::string& id : set.update(differ)) changed_.insert(std::move(id));
}

void Mirror::take_in(Delta delta) {
  std::set<std::string> touched;
  if (delta.privileged) note_privileged(std::move(*delta.privileged), touched);
  LiveSet set = take_set();
  for (const std::string& id : delta.removed)
    if (set.erase(id)) changed_.insert(id), note_unreported(id, set);
  std::map<std::string, LiveObject> now;  // of several readings the last
  for (Entry& entry : delta.entries) {
    LiveObject object = live_object(std::move(entry), asked_, surroundings_);
    if (object.in_scope || set.contains(object.id)) {
      now[object.id] = std::move(object);
    } else {
      set.leave(object.id, object.handle);
    }
  }
  std::vector<LiveObject> objects;
  for (auto& [id, object] : now) {
    // All below has another name.
    if (const LiveObject* const old = set.by_id(id); old != nullptr && old->handle != object.handle)
      set.for_each_below(id, [&](const LiveSet::View& each) { touched.insert(each.id()), changed_.insert(each.id()); });
    objects.push_back(std::move(object));
  }
  for (std::string& id : set.update(objects)) {
    note_unreported(id, set);
    changed_.insert(std::move(id));
  }
  doubted_by_sweep_.clear();
  privileged_doubted_ = false;
  judge_again(set, touched);
  cursor_ = std::move(delta.cursor);
  changes_ += delta.changes;
  absent_.clear();
  new_targets_ = true;
  head_saved_ = false;
  put_set(std::move(set));
}

// A link is read as a name. To follow what is outside of the scope, its id must be known; a name that nothing has was
// given up between two readings, and whoever holds it is read again, once.
Result<void> Mirror::meet_strangers(Deadline deadline) {
  if (!new_targets_) return {};
  std::vector<std::string> handles = set().unknown_targets();
  std::erase_if(handles, [&](const std::string& handle) { return nowhere_.contains(dn_key(handle)); });
  if (!handles.empty()) {
    const std::vector<std::string> fetch = {"objectClass"};
    PLUMB_TRY(const std::vector<Entry> entries, directory_.find("distinguishedName", handles, fetch, deadline));
    LiveSet set = take_set();
    std::set<std::string> found;
    for (const Entry& entry : entries) {
      found.insert(dn_key(entry.dn));
      set.meet(entry.id, entry.dn);
    }
    for (const std::string& handle : handles) {
      if (found.contains(dn_key(handle)) || !nowhere_.insert(dn_key(handle)).second) continue;
      for (std::string& id : set.holders_of(handle)) doubted_.insert(std::move(id));
    }
    put_set(std::move(set));
  }
  new_targets_ = false;
  return {};
}

Duration Mirror::scrub_every() const {
  const bool blind = about_ && !about_->sees_deletions;
  return blind ? std::min(options_.scrub_every, options_.scrub_blind_every) : options_.scrub_every;
}

std::size_t Mirror::slice() const { return std::min(kSlice, static_cast<std::size_t>(settings_.page_size)); }

std::optional<SystemTime> Mirror::scrub_due() const {
  if (!live_ || !about_) return std::nullopt;
  // A clock that was set back has seen nothing of what comes.
  if (sweep_ || !verified_at_ || clock_.now() < *verified_at_) return clock_.now();
  return *verified_at_ + scrub_every();
}

Result<Scrubbed> Mirror::scrub(Deadline deadline) {
  const auto due = scrub_due();
  if (!due || clock_.now() < *due) return Scrubbed{};
  // An observation has no more to read again than a slice brought.
  if (!doubted_by_sweep_.empty()) return Scrubbed{.going = true, .observe = true};
  if (!sweep_) {
    sweep_ = Sweep{.pages = directory_.read_pages(scope(), slice()), .began = clock_.now()};
    privileged_doubted_ = true;
  }
  if (sweep_->pages != nullptr) {
    if (auto compared = compare_page(deadline); !compared) {
      sweep_.reset();
      return in_context("comparing everything with the domain", std::move(compared).error());
    }
  } else if (!sweep_->unseen.empty()) {
    doubt_unseen();
  } else {
    end_sweep();
    return Scrubbed{.going = false, .observe = true};
  }
  return Scrubbed{.going = true, .observe = !doubted_by_sweep_.empty()};
}

Result<void> Mirror::compare_page(Deadline deadline) {
  PLUMB_TRY(auto page, sweep_->pages->next(deadline));
  if (!page) {
    sweep_->pages.reset();
    set().for_each([&](const LiveSet::View& each) {
      if (!sweep_->seen.contains(each.id())) sweep_->unseen.push_back(each.id());
    });
    sweep_->seen = {};
    return {};
  }
  for (Entry& entry : *page) {
    const LiveObject there = live_object(std::move(entry), asked_, surroundings_);
    const LiveObject* const known = set().by_id(there.id);
    if (known == nullptr || *known != there) doubt_by_sweep(there.id);
    sweep_->seen.insert(there.id);
  }
  set().release_decoded();
  return {};
}

void Mirror::doubt_unseen() {
  std::vector<std::string>& unseen = sweep_->unseen;
  for (std::size_t i = 0; i < slice() && !unseen.empty(); ++i) {
    // It may have gone meanwhile, as was reported.
    if (set().contains(unseen.back())) doubt_by_sweep(unseen.back());
    unseen.pop_back();
  }
}

void Mirror::doubt_by_sweep(const std::string& id) {
  doubted_.insert(id);
  doubted_by_sweep_.insert(id);
}

// A doubt that was founded.
void Mirror::note_unreported(const std::string& id, const LiveSet& set) {
  if (!doubted_by_sweep_.contains(id)) return;
  unreported_.insert(id);
  if (sweep_) ++sweep_->differed;
  const LiveObject* const is = set.by_id(id);
  log::warning("mirror.differs", "{}: {} was not as the mirror had it, without being reported as changed; repaired",
               options_.target, is == nullptr ? id : is->handle);
}

void Mirror::end_sweep() {
  log::info("mirror.verified", "{}: all {} objects compared, {} differed; verified up to {}", options_.target,
            set().size(), sweep_->differed, format_time(sweep_->began));
  verified_at_ = sweep_->began;
  remark_.clear();
  read_evidence_ = fmt::format("all of it compared page by page from {} on", format_time(sweep_->began));
  changes_ = 0;
  sweep_.reset();
  absent_.clear();
  nowhere_.clear();
  new_targets_ = true;
  head_saved_ = false;
  put_set(take_set());
}

// What was not found may be elsewhere in the domain.
Result<void> Mirror::find_missing(const Interest& interest, Deadline deadline) {
  if (clock_.steady() - absent_since_ >= kAbsentFor) {
    absent_.clear();
    absent_since_ = clock_.steady();
  }
  const auto unknown = [&](std::string_view attribute, const std::string& value) {
    return !absent_.contains(absent_key(attribute, value));
  };
  std::vector<std::string> ids;
  for (const std::string& id : interest.ids)
    if (!id.empty() && !set().contains(id) && unknown("objectGUID", id)) ids.push_back(id);
  PLUMB_CHECK(find("objectGUID", ids, deadline));

  std::map<std::string, std::vector<std::string>, IgnoreCase> names;
  for (const Identity& identity : interest.identities)
    if (unknown(identity.attribute, identity.value) && set().by_identity(identity) == nullptr)
      names[identity.attribute].push_back(identity.value);
  for (const std::string& handle : interest.handles)
    if (unknown("distinguishedName", handle) && set().by_handle(handle) == nullptr)
      names["distinguishedName"].push_back(handle);
  for (auto& [attribute, values] : names) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    PLUMB_CHECK(find(attribute, values, deadline));
  }
  return {};
}

Result<void> Mirror::find(std::string_view attribute, const std::vector<std::string>& values, Deadline deadline) {
  if (values.empty()) return {};
  PLUMB_TRY(std::vector<Entry> entries, directory_.find(attribute, values, scope().attributes, deadline));
  for (const std::string& value : values) absent_.insert(absent_key(attribute, value));
  if (entries.empty()) return {};
  std::vector<LiveObject> objects;
  for (Entry& entry : entries) objects.push_back(live_object(std::move(entry), asked_, surroundings_));
  LiveSet set = take_set();
  set.update(objects);
  put_set(std::move(set));
  return {};
}

// The cursor says who told what we hold, and the vantage is one of an earlier time.
Result<bool> Mirror::continues(const std::string& vantage, Deadline deadline) {
  PLUMB_TRY(const bool since_then, directory_.continues(vantage, deadline));
  if (!since_then || vantage == cursor_) return since_then;
  return directory_.continues(cursor_, deadline);
}

void Mirror::doubt(const std::string& id) {
  if (!id.empty()) doubted_.insert(id);
}

}  // namespace plumb
