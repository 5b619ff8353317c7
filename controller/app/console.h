#pragma once

#include <functional>
#include <iosfwd>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "controller/app/options.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"

// How the commands speak to people: results to `out`, everything else to `err`.
namespace plumb::app {

struct Console {
  std::ostream& out;
  std::ostream& err;
  bool colour = false;       // of out
  bool interactive = false;  // somebody can be asked, and is shown progress
  // An answer from standard input; empty at its end and when asked to stop.
  std::function<std::string(const std::stop_token& stop)> read_line;
};

// The console of this process; NO_COLOR and --color decide on colour.
Console process_console(const GlobalOptions& options);

inline constexpr int kOk = 0, kFailed = 1, kChanges = 2;

// "error: ..." to err; what came from outside is made printable.
void print_error(Console& console, std::string_view message);
void print_error(Console& console, const Error& error);
void print_warning(Console& console, std::string_view message);
// Every diagnostic as "error: file:line:column: ..." to err, and their number.
void print_diagnostics(Console& console, const Diagnostics& diagnostics);

// "\r  12/40" while somebody watches; removed by `done`.
class Progress {
 public:
  Progress(Console& console, std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(std::size_t done, std::size_t of);

 private:
  Console& console_;
  std::string what_;
  bool shown_ = false;
};

// Rows below upper-case headers, columns as wide as their widest cell, three spaces between.
std::string table(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows);

// "3m", "5h", "12d": how long ago, as kubectl shows ages.
std::string age(SystemTime from, SystemTime now);

}  // namespace plumb::app
