#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/model/plan.h"
#include "controller/plan/render.h"

// What all formats of the report share. All texts are printable (plumb::printable); markup is not
// yet escaped. For the files behind render.h only.
namespace plumb::plan {

inline constexpr std::array kActionsShown = {Action::create,  Action::update, Action::move,  Action::enable,
                                             Action::disable, Action::remove, Action::adopt, Action::forget};

// The action that names a change.
Action headline(const Change& change);
char symbol_of(Action action);

struct Counts {
  std::array<std::size_t, 8> by_action{};  // indexed by Action
  std::size_t held = 0, denied = 0, one_way = 0, blocked = 0, unchanged = 0, changes = 0;
  std::size_t access_gained = 0, access_lost = 0, privileged_gained = 0;  // memberships that are listed
  std::size_t drifted = 0, drift_held = 0, drift_stays = 0;  // attributes; of them held, and left by their mode
  std::size_t of(Action action) const { return by_action[static_cast<std::size_t>(action)]; }
};
Counts count(const std::vector<Plan>& plans);
std::string grouped(std::size_t number);                         // "1,204"
std::string counted(std::size_t number, std::string_view noun);  // "1 change", "1,204 changes"

struct ValueLine {
  char sign;  // '+' or '-'
  std::string text;
};
// In place of a value that is not there.
inline constexpr std::string_view kNone = "(none)";
struct FieldView {
  std::string name;
  std::string before, after;     // a single value; shown as they are, quotes included
  std::vector<ValueLine> lines;  // of a set instead
  std::size_t more = 0;          // lines left out
  bool set = false;              // `lines` instead of before and after
};
FieldView view_of(const FieldChange& field, Action action, std::size_t max_values);

// "users/jdoe.yaml:3 changed": the reason, with the place where it does not name it itself.
std::string reason_of(const Change& change);
// "CN=a,DC=x -> CN=b,DC=x" for a move.
std::string place_of(const Change& change);
// "update, move" where the change does more than its symbol says; else empty.
std::string other_actions(const Change& change);
// "held by x": why a change does not go ahead; empty if it does.
std::string withheld(const Plan& plan, const ResourceKey& key);
// "drift" for a change that puts back what somebody else changed; else empty.
std::string drift_mark(const Change& change);

// What is told of one drifted attribute.
struct DriftView {
  std::string attribute;
  std::string there, declared;  // a value; of a set, what is there alone, and what is declared alone
  bool set = false;
  std::string changed;  // "changed 2026-11-20T18:03:12.000Z on DC1"; empty: not known
  std::string fate;     // "put back by this plan", "held until ...: reason"
  bool left = false;    // nothing is written
};
DriftView view_of(const Plan& plan, const Drift& drift, const RenderOptions& options);
// plan.drift, which is sorted by key, object by object.
std::vector<std::span<const Drift>> drift_by_object(const Plan& plan);

// A membership gained or lost, as a line: "CN=a,DC=x gains CN=b,DC=x through CN=c,DC=x".
struct AccessView {
  bool gained = false;
  std::string text;
  std::string privileged;  // "privileged: it is built in (RID 512)"; empty: it is not
};
struct AccessShown {
  std::vector<AccessView> lines;
  std::size_t more = 0;
};
// What the changes do not say themselves: memberships through other groups, and in privileged ones.
AccessShown access_of(const Plan& plan, std::size_t most);

// Whether an approval would let anything through.
bool wants_approval(const Plan& plan);

std::string render_text(const std::vector<Plan>& plans, const RenderOptions& options);
std::string render_markdown(const std::vector<Plan>& plans, const RenderOptions& options);
std::string render_html(const std::vector<Plan>& plans, const RenderOptions& options);

}  // namespace plumb::plan
