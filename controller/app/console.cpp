#include "controller/app/console.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "controller/base/text.h"

namespace plumb::app {
namespace {

bool wants_colour(const GlobalOptions& options) {
  if (options.colour != GlobalOptions::Colour::automatic) return options.colour == GlobalOptions::Colour::always;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (no_color != nullptr && *no_color != '\0') return false;
  return ::isatty(STDOUT_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

// In characters, not bytes: continuation bytes of UTF-8 take no place.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// A terminal has something to read when a whole line was typed.
std::string read_line(const std::stop_token& stop) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (!stop.stop_requested() && ::poll(&input, 1, 100) == 0) continue;
  std::string line;
  if (!stop.stop_requested()) std::getline(std::cin, line);
  return line;
}

}  // namespace

Console process_console(const GlobalOptions& options) {
  return {.out = std::cout,
          .err = std::cerr,
          .colour = wants_colour(options),
          .interactive = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0,
          .read_line = read_line};
}

void print_error(Console& console, std::string_view message) {
  console.out.flush();
  console.err << "error: " << printable(message, true) << '\n';
}

void print_error(Console& console, const Error& error) { print_error(console, error.message); }

void print_warning(Console& console, std::string_view message) {
  console.out.flush();
  console.err << "warning: " << printable(message, true) << '\n';
}

void print_diagnostics(Console& console, const Diagnostics& diagnostics) {
  std::size_t errors = 0;
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity == Severity::error) {
      ++errors;
      print_error(console, to_string(diagnostic));
    } else {
      Diagnostic without_severity = diagnostic;  // print_warning says it
      without_severity.severity = Severity::error;
      print_warning(console, to_string(without_severity));
    }
  }
  if (errors > 1) console.err << errors << " errors\n";
}

Progress::Progress(Console& console, std::string what) : console_(console), what_(std::move(what)) {}

Progress::~Progress() {
  if (shown_) console_.err << "\r\x1b[K" << std::flush;
}

void Progress::update(std::size_t done, std::size_t of) {
  if (!console_.interactive) return;
  shown_ = true;
  console_.err << "\r\x1b[K" << what_ << ": " << done << " of " << of << std::flush;
}

std::string table(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& header : headers) widths.push_back(width(header));
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width(row[i]) + 3, ' ');
    }
    text += '\n';
  };
  add(headers);
  for (const auto& row : rows) add(row);
  return text;
}

std::string age(SystemTime from, SystemTime now) {
  const auto seconds = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(now - from).count());
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

}  // namespace plumb::app
