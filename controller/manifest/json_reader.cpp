#include "controller/manifest/json_reader.h"

#include <cstdint>
#include <utility>

#include "controller/base/text.h"
#include "controller/manifest/scalar.h"

namespace plumb::manifest {
namespace {

class Reader {
 public:
  Reader(std::string_view text, std::size_t offset, Builder& builder) : text_(text), builder_(builder), at_(offset) {}

  void run() {
    skip_space();
    value();
    skip_space();
    if (at_ < text_.size()) stop("text after the end of the JSON value");
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[noreturn]] void stop(std::string message) { builder_.abandon(at_, std::move(message)); }
  [[noreturn]] void unexpected(std::string_view wanted) {
    if (at_ >= text_.size()) stop(fmt::format("the file ends where {} should be", wanted));
    stop(fmt::format("\"{}\" where {} should be", printable(text_.substr(at_, 1)), wanted));
  }
  void skip_space() {
    const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  void value() {
    switch (peek()) {
      case '{': return object();
      case '[': return array();
      case '"': {
        const std::size_t at = at_;
        return builder_.add(at, 0, Value(string()));
      }
      case 't': return word("true", true);
      case 'f': return word("false", false);
      case 'n': return word("null", nullptr);
      default: return number();
    }
  }

  void word(std::string_view text, Value meaning) {
    if (text_.substr(at_, text.size()) != text) unexpected("a value");
    builder_.add(at_, 0, std::move(meaning));
    at_ += text.size();
  }

  void object() {
    builder_.begin(at_++, 0, true);
    skip_space();
    if (peek() == '}' && at_ < text_.size()) return close();
    while (true) {
      if (peek() != '"') unexpected("a key in double quotes");
      const std::size_t at = at_;
      builder_.add(at, 0, Value(string()));
      skip_space();
      if (peek() != ':') unexpected("\":\"");
      ++at_;
      skip_space();
      value();
      skip_space();
      if (peek() == '}') return close();
      if (peek() != ',') unexpected("\",\" or \"}\"");
      ++at_;
      skip_space();
    }
  }

  void array() {
    builder_.begin(at_++, 0, false);
    skip_space();
    if (peek() == ']') return close();
    while (true) {
      value();
      skip_space();
      if (peek() == ']') return close();
      if (peek() != ',') unexpected("\",\" or \"]\"");
      ++at_;
      skip_space();
    }
  }

  void close() {
    builder_.end();
    ++at_;
  }

  bool digits() {
    const std::size_t from = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > from;
  }

  void number() {
    const std::size_t from = at_;
    if (peek() == '-') ++at_;
    const bool zero = peek() == '0';
    if (!digits()) unexpected("a value");
    if (zero && at_ - from > (text_[from] == '-' ? 2U : 1U)) {
      at_ = from;
      stop("a number does not begin with 0; put it in quotes if it is a text");
    }
    if (peek() == '.') {
      ++at_;
      if (!digits()) unexpected("a digit");
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) unexpected("a digit");
    }
    Value value;
    if (!read_number(text_.substr(from, at_ - from), value))
      builder_.problem(from, "the number is too large; put it in quotes if it is a text");
    builder_.add(from, 0, std::move(value));
  }

  std::uint32_t hex4() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) unexpected("a hexadecimal digit");
      code = code * 16 + static_cast<std::uint32_t>(digit);
    }
    return code;
  }

  static void append(std::string& to, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { to += static_cast<char>(byte); };
    if (code < 0x80) return put(code);
    if (code < 0x800) return put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
    if (code < 0x10000) return put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 0x3F)), put(0x80 | (code >> 6 & 0x3F)), put(0x80 | (code & 0x3F));
  }

  void escape(std::string& to) {
    const std::size_t at = at_++;  // the backslash
    const char c = peek();
    ++at_;
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeaning = "\"\\/\b\f\n\r\t";
    if (const auto index = kLetters.find(c); index != kLetters.npos && c != '\0') {
      to += kMeaning[index];
      return;
    }
    if (c != 'u') {
      at_ = at;
      stop("unknown escape in the text");
    }
    std::uint32_t code = hex4();
    if (code == 0) builder_.problem(at, "a text cannot hold NUL (\\u0000)");
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const std::uint32_t low = hex4();
      code = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : 0xD800;
    }
    if (code >= 0xD800 && code < 0xE000) {
      at_ = at;
      stop("half of a surrogate pair is no character");
    }
    append(to, code);
  }

  static bool is_plain(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; }

  std::string string() {
    const std::size_t from = at_++;
    std::string text;
    while (true) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && is_plain(text_[at_])) ++at_;
      text += text_.substr(begin, at_ - begin);
      if (at_ >= text_.size()) builder_.abandon(from, "the quote that begins here is never closed");
      if (text_[at_] == '"') break;
      if (text_[at_] != '\\') stop("control character in a text; write it as an escape");
      escape(text);
    }
    ++at_;
    return text;
  }

  std::string_view text_;
  Builder& builder_;
  std::size_t at_;
};

}  // namespace

void read_json(std::string_view text, std::size_t offset, Builder& builder) { Reader(text, offset, builder).run(); }

}  // namespace plumb::manifest
