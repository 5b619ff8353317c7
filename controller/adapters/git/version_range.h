#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace plumb::git {

// A version by semver.org 2.0.0, with or without a "v" in front. Build metadata does not order.
struct Version {
  std::uint64_t major = 0, minor = 0, patch = 0;
  std::vector<std::string> prerelease;  // empty: a release, which comes after its pre-releases

  static std::optional<Version> parse(std::string_view text);
  std::strong_ordering operator<=>(const Version& other) const;
  bool operator==(const Version& other) const { return (*this <=> other) == std::strong_ordering::equal; }
};

// ">=1.2 <2", "^1.4", "~1.4.2", "1.x", "1.2.3", "*", alternatives by "||". Pre-releases are taken only
// where the range names one.
class VersionRange {
 public:
  static Result<VersionRange> parse(const std::string& text);
  bool contains(const Version& version) const;

 private:
  struct Bound {
    enum class Op { less, less_equal, greater, greater_equal, equal };
    Op op = Op::equal;
    Version version;
  };
  static bool holds(const Bound& bound, const Version& version);
  static Result<std::vector<Bound>> bounds_of(std::string_view word);

  std::vector<std::vector<Bound>> alternatives_;  // one must hold in full
  bool prereleases_ = false;
};

}  // namespace plumb::git
