#include "controller/manifest/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace plumb::manifest {
namespace {

using Kind = PlainScalar::Kind;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_octal(char c) { return c >= '0' && c <= '7'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

template <class Test>
bool all(std::string_view text, Test test) {
  return !text.empty() && std::all_of(text.begin(), text.end(), test);
}
template <class Test>
bool all_with_underscores(std::string_view text, Test test) {
  return all(text, [&](char c) { return c == '_' || test(c); });
}

// word, Word and WORD: the spellings both versions list. Others ("nULL", "oN") are texts in both.
bool is_word(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size() || text.empty()) return false;
  const auto up = [](char c) { return static_cast<char>(c - 'a' + 'A'); };
  if (text == lower) return true;
  if (text.front() != up(lower.front())) return false;
  if (text.substr(1) == lower.substr(1)) return true;
  return std::equal(text.begin(), text.end(), lower.begin(), [&](char a, char b) { return a == up(b); });
}

PlainScalar ambiguous(std::string_view yaml_1_1, std::string_view yaml_1_2) {
  return {Kind::ambiguous, {}, yaml_1_1, yaml_1_2};
}

PlainScalar integer(std::string_view digits, int base, bool negative) {
  std::uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  const std::uint64_t limit = (std::uint64_t{1} << 63) - (negative ? 0 : 1);
  if (error != std::errc() || end != digits.data() + digits.size() || magnitude > limit)
    return {Kind::unusable, {}, {}, {}};
  const auto value = negative ? static_cast<std::int64_t>(~magnitude + 1) : static_cast<std::int64_t>(magnitude);
  return {Kind::integer, Value(value), {}, {}};
}

PlainScalar read_word(std::string_view text) {
  if (text.empty() || text == "~" || is_word(text, "null")) return {Kind::null, Value(nullptr), {}, {}};
  if (is_word(text, "true")) return {Kind::boolean, Value(true), {}, {}};
  if (is_word(text, "false")) return {Kind::boolean, Value(false), {}, {}};
  for (const std::string_view word : {"y", "yes", "n", "no", "on", "off"})
    if (is_word(text, word)) return ambiguous("a boolean", "a text");
  return {};
}

// Base 60 of YAML 1.1: 12:30:45, 190:20:30.15.
bool is_sexagesimal(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos || !is_digit(text.front()) || !all_with_underscores(text.substr(0, colon), is_digit))
    return false;
  std::string_view rest = text.substr(colon);
  bool fraction = false;
  if (const auto dot = rest.find('.'); dot != rest.npos) {
    fraction = true;
    if (dot + 1 < rest.size() && !all_with_underscores(rest.substr(dot + 1), is_digit)) return false;
    rest = rest.substr(0, dot);
  }
  while (!rest.empty()) {
    if (rest.front() != ':') return false;
    const std::size_t next = std::min(rest.find(':', 1), rest.size());
    const std::string_view part = rest.substr(1, next - 1);
    if (part.size() > 2 || !all(part, is_digit) || (part.size() == 2 && part.front() > '5')) return false;
    rest.remove_prefix(next);
  }
  return fraction || text.front() != '0';  // the integer form does not begin with 0
}

PlainScalar read_float(std::string_view text, std::string_view unsigned_text) {
  const std::size_t exponent = std::min(unsigned_text.find_first_of("eE"), unsigned_text.size());
  const std::string_view mantissa = unsigned_text.substr(0, exponent);
  const std::size_t dot = mantissa.find('.');
  const std::string_view whole = mantissa.substr(0, std::min(dot, mantissa.size()));
  const std::string_view fraction = dot == mantissa.npos ? std::string_view() : mantissa.substr(dot + 1);
  if (whole.empty() && fraction.empty()) return {};
  if ((!whole.empty() && !all_with_underscores(whole, is_digit)) ||
      (!fraction.empty() && !all_with_underscores(fraction, is_digit)))
    return {};
  if (!whole.empty() && whole.front() == '_') return {};
  bool signed_exponent = true;
  if (exponent < unsigned_text.size()) {
    std::string_view digits = unsigned_text.substr(exponent + 1);
    signed_exponent = !digits.empty() && (digits.front() == '+' || digits.front() == '-');
    if (signed_exponent) digits.remove_prefix(1);
    if (!all(digits, is_digit)) return {};
  }
  const bool underscores = mantissa.find('_') != mantissa.npos;
  if (underscores) return dot == mantissa.npos ? PlainScalar{} : ambiguous("a number", "a text");
  if (dot == mantissa.npos || !signed_exponent) return ambiguous("a text", "a number");
  std::string plain(text.front() == '+' ? text.substr(1) : text);
  double value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  if (error != std::errc() || end != plain.data() + plain.size()) return {Kind::unusable, {}, {}, {}};
  return {Kind::real, Value(value), {}, {}};
}

PlainScalar read_numeric(std::string_view text) {
  const bool has_sign = text.front() == '+' || text.front() == '-';
  const std::string_view rest = text.substr(has_sign ? 1 : 0);
  if (rest.empty()) return {};
  if (is_word(rest, ".inf") || rest == ".Inf" || rest == ".INF") return {Kind::unusable, {}, {}, {}};
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return {Kind::unusable, {}, {}, {}};
  if (!is_digit(rest.front()) && rest.front() != '.') return {};
  if (all(rest, is_digit) && (rest.front() != '0' || rest.size() == 1)) return integer(rest, 10, text.front() == '-');
  const std::string_view digits = rest.size() > 2 ? rest.substr(2) : std::string_view();
  if (rest.starts_with("0x") && all_with_underscores(digits, is_hex)) {
    if (has_sign || digits.find('_') != digits.npos) return ambiguous("a hexadecimal number", "a text");
    return integer(digits, 16, false);
  }
  if (rest.starts_with("0b") && all_with_underscores(digits, [](char c) { return c == '0' || c == '1'; }))
    return ambiguous("a binary number", "a text");
  if (rest.starts_with("0o") && all(digits, is_octal)) return ambiguous("a text", "an octal number");
  if (rest.front() == '0' && all(rest, is_digit))
    return all(rest, is_octal) ? ambiguous("an octal number", "a decimal number") : ambiguous("a text", "a number");
  if (rest.front() != '.' && all_with_underscores(rest, is_digit)) {
    if (rest.front() != '0' || all_with_underscores(rest, is_octal)) return ambiguous("a number", "a text");
    return {};
  }
  if (is_sexagesimal(rest)) return ambiguous("a number in base 60", "a text");
  return read_float(text, rest);
}

}  // namespace

PlainScalar read_plain(std::string_view text) {
  if (text.empty()) return {Kind::null, Value(nullptr), {}, {}};
  const char first = text.front();
  if (is_digit(first) || first == '+' || first == '-' || first == '.') return read_numeric(text);
  if (text.size() <= 5) return read_word(text);
  return {};
}

bool read_number(std::string_view text, Value& value) {
  if (text.find_first_of(".eE") == text.npos) {
    const bool negative = text.front() == '-';
    const PlainScalar read = integer(text.substr(negative ? 1 : 0), 10, negative);
    value = read.value;
    return read.kind == Kind::integer;
  }
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  value = number;
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(number);
}

}  // namespace plumb::manifest
