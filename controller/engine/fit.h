#pragma once

#include <span>
#include <string>

#include "controller/model/live.h"
#include "controller/model/plan.h"
#include "controller/ports/target.h"

namespace plumb::engine {

// How what a change was planned against compares with an object as it is now.
enum class Fit {
  before,   // as it was: the change can be made
  after,    // as it will be: nothing is left to do
  neither,  // somebody else changed it
};

struct FieldFit {
  Fit fit = Fit::neither;
  std::string now;  // neither: what is there instead, for a person
};

// A field that is written blindly (a password) cannot be compared and always fits as before.
// `live` resolves names in links to ids.
FieldFit fit_of(const FieldChange& field, const LiveObject& object, const AttributeRule& rule, const LiveSet& live);

struct ChangeFit {
  Fit fit = Fit::neither;
  std::string why;  // neither: what is different, for a person
};
// Of a change to an existing object: its place and all its fields. Where a part is before and a part is
// after, it is neither.
ChangeFit fit_of(const Change& change, const LiveObject& object, std::span<const AttributeRule> rules,
                 const LiveSet& live);

// The rules of a kind; none for one that is not of `kinds`.
std::span<const AttributeRule> rules_of(std::span<const Reconciler* const> kinds, std::string_view kind);

// Whether carrying out the change means to write to the target (else it is a matter of the inventory).
bool touches_target(const Change& change);

}  // namespace plumb::engine
