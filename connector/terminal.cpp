#include "connector/terminal.h"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace plumb::connector {
namespace {

constexpr std::size_t kLongestLine = 8192;  // bytes
constexpr char kCtrlC = 3;

// Echo off while it lives. Signals of the keyboard are off too: the process would end with the terminal left silent.
class Silence {
 public:
  explicit Silence(int terminal) : terminal_(terminal), on_(::tcgetattr(terminal, &before_) == 0) {
    if (!on_) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    ::tcsetattr(terminal_, TCSADRAIN, &silent);
  }
  ~Silence() {
    if (on_) ::tcsetattr(terminal_, TCSADRAIN, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  bool on() const { return on_; }

 private:
  int terminal_;
  termios before_{};
  bool on_;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  while (!text.empty() && kSpace.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
  while (!text.empty() && kSpace.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  return text;
}

}  // namespace

void Terminal::say(std::string_view text) const {
  while (!text.empty()) {
    const auto put = ::write(out_, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;  // nobody reads: the answers matter, not the questions
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

// Byte by byte, so that nothing of the next answer is taken from a pipe.
Result<std::string> Terminal::line() const {
  std::string text;
  text.reserve(kLongestLine);  // it may become a secret, of which growing would leave copies
  for (;;) {
    char c = 0;
    const auto got = ::read(in_, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Fault::unavailable, "reading the answer: {}", std::strerror(errno));
    if (got == 0 && text.empty())
      return fail(Fault::invalid, "the input ended before all was answered; nothing was set up");
    if (got == 0 || c == '\n') return text;
    if (c == kCtrlC) {
      wipe(text);
      return fail(Fault::invalid, "interrupted; nothing was set up");
    }
    if (text.size() == kLongestLine) return fail(Fault::invalid, "the answer is longer than {} bytes", kLongestLine);
    text += c;
  }
}

Result<std::string> Terminal::ask(std::string_view question) const {
  say(question);
  PLUMB_TRY(const std::string text, line());
  return std::string(trimmed(text));
}

Result<Secret> Terminal::ask_hidden(std::string_view question) const {
  const Silence silence(in_);  // before the question: who answers at once is not shown either
  say(question);
  auto text = line();
  if (silence.on()) say("\n");
  if (!text) return Failure(text.error());
  std::string kept(trimmed(*text));
  wipe(*text);
  return Secret(std::move(kept));
}

}  // namespace plumb::connector
