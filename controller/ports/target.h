#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/attribute.h"
#include "controller/model/live.h"
#include "controller/model/plan.h"
#include "controller/model/status.h"
#include "controller/model/wanted.h"
#include "controller/ports/state_store.h"

namespace plumb {

// Knows one kind of object: what a manifest asks for, and how its attributes are compared. Pure;
// diff, order, policy and retries are the engine's. Thread-safe.
class Reconciler {
 public:
  virtual ~Reconciler() = default;
  virtual std::string_view kind() const = 0;
  virtual std::span<const AttributeRule> rules() const = 0;
  // An error means that the resource cannot be applied as declared; it is held with that message.
  virtual Result<Wanted> project(const Resource& resource, const Snapshot& snapshot) const = 0;

  // All of the object is its manifest's: what that does not say any more goes, whatever else cannot be read, and
  // declaring it again undoes a removal.
  virtual bool is_whole() const { return false; }
  // A removal without a span is one step. Else the first is to disable the object, or to start its clock.
  virtual bool goes_at_once() const { return is_whole(); }
  // What cannot be had again after a removal; empty: nothing.
  virtual std::string_view lost_with_it() const {
    return is_whole() ? "" : "a deleted object cannot be restored by Plumbline: its objectSid and memberships are lost";
  }
  // Handles of the objects that must stay for as long as this one is as it is.
  virtual std::vector<std::string> uses(const LiveObject&) const { return {}; }
};

// What an observation must answer besides the managed scope.
struct Interest {
  std::set<std::string, IgnoreCase> attributes;  // to be read
  std::vector<Identity> identities;              // whether they are taken, anywhere in the target
  std::vector<std::string> ids;                  // objects of ours: find them wherever they are
  std::vector<std::string> handles;              // objects that links name
};

// What the target holds, as far as anybody asked.
struct Observation {
  // Everything in scope, and what the interests so far named. Never null; valid until the next call of its target.
  const Complete<LiveSet>* live = nullptr;
  // Anything may have changed since the last observation. Otherwise only the objects of `changed` (ids) have: they
  // appeared, changed, moved or went.
  bool whole = true;
  std::vector<std::string> changed;
  std::vector<std::string> unreported;  // of those: found by comparing (see Target::scrub)
  // When the server that answers was first looked at; another one may know more, or less.
  SystemTime since{};
  // For people: why everything had to be read again, until all is compared the next time; else empty.
  std::string remark{};
};

// What came of a slice of comparing.
struct Scrubbed {
  bool going = false;    // there are more slices
  bool observe = false;  // the next observation learns something by it
};

// The last change of one attribute, as the target's own records have it.
struct LastChange {
  std::string attribute;
  SystemTime at{};     // by the clock of `server`
  std::string server;  // where it was made
};

struct Outcome {
  Result<std::string> id;  // of the object written; empty: done, the id will be known when observed
  bool half_done = false;  // refused after a part of it was done
};

// One lane's other side: an Active Directory domain, later the integration runtime.
// One caller at a time. Calls block until the deadline at most.
class Target {
 public:
  virtual ~Target() = default;

  virtual std::string_view name() const = 0;  // "Directory/default/corp"
  virtual std::vector<const Reconciler*> kinds() const = 0;
  // Where its objects are, in sentences for people; begins with "in " or "on ".
  virtual std::string_view place() const { return "in the directory"; }

  // Everything in scope, and what `interest` names, as of now, or an error: never a part of it. A target may keep what
  // it saw and ask only for what changed since.
  virtual Result<Observation> observe(const Interest& interest, Deadline deadline) = 0;
  // What else `interest` names, added to the last observation; it does not ask whether anything changed since.
  virtual Result<Observation> look_up(const Interest& interest, Deadline deadline) = 0;

  // What is known of that object decides something that cannot be taken back: the next observation reads it anew.
  virtual void doubt(const std::string&) {}
  // Who may have changed an object when; empty: the target keeps no such records. A read.
  virtual Result<std::vector<LastChange>> last_changes(const std::string&, Deadline) {
    return std::vector<LastChange>{};
  }

  // A target that keeps what it saw may be wrong, as not everything is reported as a change. So it is compared with
  // what is there, all of it from time to time, in slices between observations. Whoever calls it paces it: a slice
  // takes a moment, and the next one may wait for as long as one likes. No slice changes what is observed: what differs
  // is read again by the next observation, and told by that. After an error it begins anew.
  virtual Result<Scrubbed> scrub(Deadline) { return Scrubbed{}; }
  // Somebody will call it whenever it is due. Else an observation that finds it overdue reads everything.
  virtual void expect_scrubs() {}
  // When the next slice is to come; nothing: never, or not before there was an observation.
  virtual std::optional<SystemTime> scrub_due() const { return std::nullopt; }
  // All of what is observed was compared with what was there then, or later; nothing: it is not kept.
  virtual std::optional<SystemTime> verified_up_to() const { return std::nullopt; }

  // Where the last observation was made, as text that outlives the process. A target may be several servers, of which
  // one has not heard yet of what was written to another.
  virtual std::string vantage() const { return ""; }
  // Whether the last observation shows whatever was written from that vantage since: else what it does not show may be
  // there all the same.
  virtual Result<bool> continues(const std::string&, Deadline) { return true; }

  // What it saw, kept between runs. `restore` comes before the first observation, which then goes on from there; a
  // record that cannot be used costs a full read. `unsaved` are the writes that bring the store up to date, all
  // to be committed at once; `saved` once they are durable.
  virtual Result<void> restore(StateStore&) { return {}; }
  virtual std::vector<StateStore::Put> unsaved() { return {}; }
  virtual void saved() {}

  // Carries out changes that do not depend on each other; answers in their order. Every change is
  // checked once more against the last observation: an object that is not in scope, is protected,
  // or was not observed is denied. `operations[i]` goes into the marker of a created object.
  virtual std::vector<Outcome> apply(std::span<const Change> changes, std::span<const std::string> operations,
                                     Deadline deadline) = 0;
  // The same in two halves, so that records can be made durable while the target works: what is returned is called
  // once, for the outcomes, in the order in which they were begun. The changes must stay where they are until then, and
  // none begun in between may depend on them.
  virtual std::function<std::vector<Outcome>()> begin(std::span<const Change> changes,
                                                      std::span<const std::string> operations, Deadline deadline) {
    return [outcomes = apply(changes, operations, deadline)] { return outcomes; };
  }

  // The revision of the manifests that is planned next.
  virtual void note_revision(const std::string&) {}
  // What is to be said of a declared or owned object besides that it is there and as declared. "Ready" among them
  // stands in place of what the engine would say.
  virtual std::vector<Condition> conditions(const ResourceKey&, const Snapshot&) { return {}; }

  // The operation that a live object's marker names; empty: it carries none of this instance.
  virtual std::string created_by(const LiveObject& object) const = 0;
};

}  // namespace plumb
