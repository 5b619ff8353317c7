#include "controller/adapters/git/version_range.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "controller/base/text.h"

namespace plumb::git {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// 1, 1.2 or 1.2.3, where "x" or "*" stands for what is left out; how many numbers were given.
struct Partial {
  Version version;
  int given = 0;
};

std::optional<Partial> parse_partial(std::string_view text) {
  if (text.starts_with('v') || text.starts_with('V')) text.remove_prefix(1);
  text = text.substr(0, text.find('+'));
  Partial result;
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    result.version.prerelease = split(text.substr(dash + 1), '.');
    for (const std::string& part : result.version.prerelease)
      if (part.empty()) return std::nullopt;
    text = text.substr(0, dash);
  }
  std::array<std::uint64_t*, 3> numbers = {&result.version.major, &result.version.minor, &result.version.patch};
  const auto parts = split(text, '.');
  if (parts.size() > 3) return std::nullopt;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    if (part == "x" || part == "X" || part == "*") break;
    if (!is_number(part)) return std::nullopt;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), *numbers[i]);
    if (error != std::errc{}) return std::nullopt;
    ++result.given;
  }
  if (!result.version.prerelease.empty() && result.given < 3) return std::nullopt;
  return result;
}

// The first version that no longer begins with the first `kept` numbers.
Version next(const Version& version, int kept) {
  if (kept <= 1) return {version.major + 1, 0, 0, {"0"}};
  if (kept == 2) return {version.major, version.minor + 1, 0, {"0"}};
  return {version.major, version.minor, version.patch + 1, {"0"}};
}

std::strong_ordering compare_parts(const std::string& a, const std::string& b) {
  const bool a_number = is_number(a), b_number = is_number(b);
  if (a_number != b_number) return a_number ? std::strong_ordering::less : std::strong_ordering::greater;
  if (a_number && a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

}  // namespace

std::optional<Version> Version::parse(std::string_view text) {
  auto partial = parse_partial(text);
  if (!partial || partial->given != 3) return std::nullopt;
  return std::move(partial->version);
}

std::strong_ordering Version::operator<=>(const Version& other) const {
  if (const auto order = major <=> other.major; order != 0) return order;
  if (const auto order = minor <=> other.minor; order != 0) return order;
  if (const auto order = patch <=> other.patch; order != 0) return order;
  if (prerelease.empty() || other.prerelease.empty()) return prerelease.empty() <=> other.prerelease.empty();
  return std::lexicographical_compare_three_way(prerelease.begin(), prerelease.end(), other.prerelease.begin(),
                                                other.prerelease.end(), compare_parts);
}

Result<std::vector<VersionRange::Bound>> VersionRange::bounds_of(std::string_view word) {
  using Op = Bound::Op;
  constexpr std::array<std::string_view, 7> kSigns = {">=", "<=", ">", "<", "=", "^", "~"};
  const auto sign = std::ranges::find_if(kSigns, [&](std::string_view each) { return word.starts_with(each); });
  const std::string_view op = sign == kSigns.end() ? "" : *sign;
  const auto partial = parse_partial(word.substr(op.size()));
  if (!partial) return fail(Fault::invalid, "\"{}\" is not a version", printable(word));
  const Version& version = partial->version;
  const int given = partial->given;
  if (given == 0) return std::vector<Bound>{};
  if (op == ">=") return std::vector<Bound>{{Op::greater_equal, version}};
  if (op == "<") return std::vector<Bound>{{Op::less, version}};
  if (op == ">" && given == 3) return std::vector<Bound>{{Op::greater, version}};
  if (op == ">") return std::vector<Bound>{{Op::greater_equal, next(version, given)}};
  if (op == "<=" && given == 3) return std::vector<Bound>{{Op::less_equal, version}};
  if (op == "<=") return std::vector<Bound>{{Op::less, next(version, given)}};
  if (op == "^") {
    const int kept = version.major > 0 || given == 1 ? 1 : version.minor > 0 || given == 2 ? 2 : 3;
    return std::vector<Bound>{{Op::greater_equal, version}, {Op::less, next(version, kept)}};
  }
  if (op == "~") return std::vector<Bound>{{Op::greater_equal, version}, {Op::less, next(version, std::min(given, 2))}};
  if (given == 3) return std::vector<Bound>{{Op::equal, version}};
  return std::vector<Bound>{{Op::greater_equal, version}, {Op::less, next(version, given)}};
}

Result<VersionRange> VersionRange::parse(const std::string& text) {
  VersionRange range;
  std::string rest = text + "||";
  for (std::size_t bar = rest.find("||"); bar != std::string::npos; bar = rest.find("||")) {
    std::istringstream words(rest.substr(0, bar));
    rest.erase(0, bar + 2);
    std::vector<Bound> all;
    int count = 0;
    for (std::string word; words >> word; ++count) {
      PLUMB_TRY(auto bounds, bounds_of(word));
      for (Bound& bound : bounds) {
        const bool own_prerelease = !bound.version.prerelease.empty() && word.find('-') != std::string::npos;
        range.prereleases_ = range.prereleases_ || own_prerelease;
        all.push_back(std::move(bound));
      }
    }
    if (count == 0) return fail(Fault::invalid, "a range such as \">=1.2 <2\", \"^1.4\" or \"1.x\" is needed");
    range.alternatives_.push_back(std::move(all));
  }
  return range;
}

bool VersionRange::holds(const Bound& bound, const Version& version) {
  const auto order = version <=> bound.version;
  switch (bound.op) {
    case Bound::Op::less: return order < 0;
    case Bound::Op::less_equal: return order <= 0;
    case Bound::Op::greater: return order > 0;
    case Bound::Op::greater_equal: return order >= 0;
    case Bound::Op::equal: return order == 0;
  }
  return false;
}

bool VersionRange::contains(const Version& version) const {
  if (!version.prerelease.empty() && !prereleases_) return false;
  return std::ranges::any_of(alternatives_, [&](const std::vector<Bound>& bounds) {
    return std::ranges::all_of(bounds, [&](const Bound& bound) { return holds(bound, version); });
  });
}

}  // namespace plumb::git
