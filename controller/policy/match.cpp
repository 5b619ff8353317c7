#include <algorithm>

#include "controller/policy/state.h"

namespace plumb::policy {
namespace {

// "*" stands for any text, "?" for one character. Steps back to the last "*" only, so that it takes
// at most length times length steps.
bool fits(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool fits_any(const std::vector<std::string>& patterns, std::string_view text) {
  return patterns.empty() ||
         std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) { return fits(pattern, text); });
}

bool within_any(const std::vector<Dn>& subtrees, const std::string& handle) {
  if (handle.empty()) return false;
  const auto dn = Dn::parse(handle);
  // Where a name cannot be read, the guard looks at the change rather than past it.
  if (!dn) return true;
  return std::any_of(subtrees.begin(), subtrees.end(), [&](const Dn& subtree) { return dn->within(subtree); });
}

// What creates an object is looked at as a creation alone: the password that it sets, say, is no
// reset of one.
bool acts(const std::set<Action>& wanted, const std::vector<Action>& actions) {
  if (wanted.empty()) return true;
  if (std::find(actions.begin(), actions.end(), Action::create) != actions.end())
    return wanted.contains(Action::create);
  return std::any_of(actions.begin(), actions.end(), [&](Action action) { return wanted.contains(action); });
}

}  // namespace

bool matches(const Match& match, const Subject& subject) {
  if (!fits_any(match.targets, subject.target)) return false;
  if (!match.kinds.empty() && !match.kinds.contains(subject.key.kind)) return false;
  if (!acts(match.actions, subject.actions)) return false;
  if (!fits_any(match.namespaces, subject.key.ns) || !fits_any(match.names, subject.key.name)) return false;
  if (!match.fields.empty() &&
      std::none_of(subject.fields.begin(), subject.fields.end(),
                   [&](const FieldChange& field) { return match.fields.contains(field.name); }))
    return false;
  return match.within.empty() || within_any(match.within, subject.handle) ||
         within_any(match.within, subject.handle_after);
}

std::uint64_t weight(const Match& match, const Limit& limit, const Subject& subject) {
  if (limit.counts == Limit::Counts::changes) return 1;
  std::uint64_t values = 0;
  for (const FieldChange& field : subject.fields)
    if (match.fields.empty() || match.fields.contains(field.name))
      values += limit.counts == Limit::Counts::removed_values ? field.removed.size() : field.added.size();
  return values;
}

}  // namespace plumb::policy
