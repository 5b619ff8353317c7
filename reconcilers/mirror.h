#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "controller/base/clock.h"
#include "controller/ports/directory.h"
#include "controller/ports/state_store.h"
#include "controller/ports/target.h"
#include "reconcilers/directory_settings.h"
#include "reconcilers/live_objects.h"
#include "reconcilers/privileged.h"

namespace plumb {

// What a domain holds, followed instead of read again: one full read, then changes by the directory's own change
// numbers. When nothing changed, an observation is one operation of the directory.
//
// It holds everything in the managed scope, of all classes, and what was looked up elsewhere or was in scope once; both
// are followed wherever they go. What no server reports it works out itself: what is below a renamed or moved OU (also
// below one that comes into the scope), links to what was renamed or deleted wherever that is (see LiveSet), protection
// by place or by privileged groups. Not seen until the next scrub: rights that were given to us or taken. An object
// whose write was refused is read again (`doubt`).
//
// A cursor that the directory refuses, an attribute not asked for so far, other settings, another account and a record
// that cannot be used each cost a full read, which takes over nothing from before. Nothing is taken for gone but by a
// full read or a deletion that the directory reports; where it does not let us see deletions, the scrub comes more
// often.
//
// The scrub compares everything with the mirror at an interval, page by page between observations (see Target::scrub).
// It only ever raises doubts, at once of what a page shows otherwise, and once all pages were read of what was in none;
// what is doubted is read by its id in the next observation. So it does not matter what changes meanwhile, nor which is
// newer, a page or the mirror. Where no slices are to be expected, everything is read anew in the observation in which
// it falls due.
//
// One caller at a time. `directory` and `clock` must outlive it.
class Mirror {
 public:
  struct Options {
    std::string target;        // its name: "Directory/default/corp"
    std::string installation;  // the id of this one
    Duration scrub_every = std::chrono::hours(24);
    // Where the account cannot see deletions. Until then what was deleted seems to be there still: a write to it fails,
    // and it is read again.
    Duration scrub_blind_every = std::chrono::minutes(10);
  };
  Mirror(DirectorySettings settings, Directory& directory, const Clock& clock, Options options);
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  // As Target has them. After an error the next observation goes on from what is known, and tells what this one did
  // not.
  Result<Observation> observe(const Interest& interest, Deadline deadline);
  Result<Observation> look_up(const Interest& interest, Deadline deadline);
  Result<Scrubbed> scrub(Deadline deadline);
  std::optional<SystemTime> scrub_due() const;
  void expect_scrubs() { scrubs_expected_ = true; }
  Result<void> restore(StateStore& store);
  std::vector<StateStore::Put> unsaved() const;
  void saved();

  const LiveSet& set() const { return **live_; }  // there has been an observation
  bool observed() const { return live_.has_value(); }
  const Surroundings& surroundings() const { return surroundings_; }
  bool encrypted() const { return about_ && about_->encrypted; }
  // When the last full read, or the last scrub that went through, began; nothing: never.
  std::optional<SystemTime> verified_at() const { return verified_at_; }

  // See Target.
  std::string vantage() const { return cursor_; }
  Result<bool> continues(const std::string& vantage, Deadline deadline);

  // What we know is different from what we saw: it is read again by the next observation.
  void doubt(const std::string& id);
  // We made it: nothing can have been below it before.
  void made(const std::string& id) { made_.insert(id); }

 private:
  using Names = std::set<std::string, IgnoreCase>;
  // What an observation learns, all of it read before any of it counts.
  struct Delta {
    std::vector<Entry> entries;
    std::vector<std::string> removed;
    std::optional<Privileged> privileged;
    std::string cursor;
    std::uint64_t changes = 0;
  };
  // A scrub that is under way.
  struct Sweep {
    std::unique_ptr<Directory::Pages> pages;  // null: all were read
    SystemTime began{};
    std::unordered_set<std::string> seen;  // ids that were in a page
    std::vector<std::string> unseen;       // ids of the mirror that were in none, to be doubted
    std::size_t differed = 0;
  };

  Result<void> look_around(Deadline deadline);
  Result<void> check_domain(const Directory::About& about) const;
  Result<void> read_everything(const Names& asked, Deadline deadline);
  Result<void> follow(Deadline deadline);
  Duration scrub_every() const;
  std::size_t slice() const;
  Result<void> compare_page(Deadline deadline);
  void doubt_unseen();
  void end_sweep();
  void doubt_by_sweep(const std::string& id);
  void note_unreported(const std::string& id, const LiveSet& set);
  Result<void> read_below_newcomers(Delta& delta, Deadline deadline);
  Result<void> read_privileged_again(Delta& delta, Deadline deadline);
  Result<void> read_doubted(Delta& delta, Deadline deadline);
  void take_in(Delta delta);
  Result<void> meet_strangers(Deadline deadline);
  void judge_again(LiveSet& set, const std::set<std::string>& ids);
  void note_privileged(Privileged privileged, std::set<std::string>& touched);
  Result<void> find_missing(const Interest& interest, Deadline deadline);
  Result<void> find(std::string_view attribute, const std::vector<std::string>& values, Deadline deadline);
  Observation observation();
  LiveSet take_set();
  void put_set(LiveSet set);
  bool may_hold_others(const Entry& entry) const;
  bool in_scope(const Entry& entry) const;
  ReadScope scope() const;
  std::string settings_digest() const;
  std::string head() const;
  Result<void> restore_from(const std::string& head, std::span<const StateStore::Item> items);
  std::string record_key(std::uint32_t number) const;

  DirectorySettings settings_;
  Directory& directory_;
  const Clock& clock_;
  Options options_;

  std::optional<Complete<LiveSet>> live_;
  std::optional<Directory::About> about_;
  Surroundings surroundings_;
  std::set<std::string, std::less<>> privileged_groups_;
  Names asked_;
  std::string cursor_, read_evidence_, remark_;
  std::uint64_t changes_ = 0;  // since the full read
  std::optional<SystemTime> verified_at_;
  SystemTime since_{};  // when the server that is followed was first read
  std::optional<Sweep> sweep_;
  bool scrubs_expected_ = false;

  // Not told yet.
  bool whole_ = true;
  std::set<std::string> changed_, unreported_;
  // Of our own writes since the last observation.
  std::set<std::string> doubted_, made_;
  // By the scrub: of doubted_, and whether who is privileged is read again.
  std::set<std::string> doubted_by_sweep_;
  bool privileged_doubted_ = false;
  // Targets of links that are not there under that name (keys), and whether there may be more.
  std::set<std::string> nowhere_;
  bool new_targets_ = false;
  // Names that were looked up and are not there, until something changes or this time is over.
  std::set<std::string> absent_;
  SteadyTime absent_since_{};

  // In the store.
  bool head_saved_ = false;
  std::uint32_t stored_numbers_ = 0;  // above all numbers of records there
};

}  // namespace plumb
