#include "controller/app/console.h"

#include <sstream>

#include <gtest/gtest.h>

namespace plumb::app {
namespace {

struct Streams {
  std::ostringstream out, err;
  Console console{.out = out, .err = err, .colour = false, .interactive = false, .read_line = {}};
};

TEST(ConsoleTable, ColumnsAreAsWideAsTheirWidestCellInCharacters) {
  EXPECT_EQ(table({"NAME", "X"}, {{"Öberg", "1"}, {"a", "2"}}), "NAME    X\nÖberg   1\na       2\n");
}

TEST(ConsoleAge, IsShortAndNeverNegative) {
  const SystemTime now{std::chrono::hours(1000)};
  EXPECT_EQ(age(now - std::chrono::seconds(5), now), "5s");
  EXPECT_EQ(age(now - std::chrono::minutes(5), now), "5m");
  EXPECT_EQ(age(now - std::chrono::hours(5), now), "5h");
  EXPECT_EQ(age(now - std::chrono::hours(24 * 5), now), "5d");
  EXPECT_EQ(age(now + std::chrono::hours(1), now), "0s");
}

TEST(ConsoleErrors, CannotSteerATerminal) {
  Streams streams;
  print_error(streams.console, "user \x1b[2J said so");
  EXPECT_EQ(streams.err.str(), "error: user \\x1b[2J said so\n");
}

TEST(ConsoleErrors, AreAllPrintedAndCounted) {
  Streams streams;
  print_diagnostics(streams.console, {{Severity::error, {"a.yaml", 1, 2}, "/spec", "wrong"},
                                      {Severity::warning, {"b.yaml", 0, 0}, "", "odd"},
                                      {Severity::error, {"c.yaml", 3, 4}, "", "worse"}});
  EXPECT_EQ(streams.err.str(),
            "error: a.yaml:1:2: /spec: wrong\nwarning: b.yaml: odd\nerror: c.yaml:3:4: worse\n2 errors\n");
}

TEST(ConsoleProgress, IsSilentWhereNobodyWatches) {
  Streams streams;
  {
    Progress progress(streams.console, "applying");
    progress.update(1, 2);
  }
  EXPECT_EQ(streams.err.str(), "");
}

}  // namespace
}  // namespace plumb::app
