#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb::connector {

// A file in TOML as values that know where they stand. Dates, floats and inline mixtures are kept as `other`: nothing
// that the agent reads is one.
struct TomlValue {
  enum class Type { text, number, flag, list, table, other };
  Type type = Type::other;
  std::uint32_t line = 0, column = 0;  // from 1; 0: of no place in the file
  std::string text{};
  std::int64_t number = 0;
  bool flag = false;
  std::vector<TomlValue> list{};
  std::map<std::string, TomlValue, std::less<>> table{};
};

// The whole file, which is a table. `name` stands in errors, as name:line:column. Fault::invalid.
Result<TomlValue> parse_toml(std::string_view text, const std::string& name);

// Reads one table into fields, and collects everything that is wrong with it, each with its place. What is not there
// leaves the field as it is. A key that nobody asked for is an error that names the nearest one that is known.
class TomlReader {
 public:
  // Both outlive the reader. `what` names the table in errors: "[proxy]"; empty for the file itself.
  TomlReader(const TomlValue& table, const std::string& name, std::string what = "");

  // Each is true where the key is there and right.
  bool read(std::string_view key, std::string& into);
  bool read(std::string_view key, bool& into);
  bool read(std::string_view key, Duration& into);  // "10s"; at least a millisecond
  bool read(std::string_view key, std::vector<std::string>& into);
  bool read(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t& into);
  const TomlValue* table(std::string_view key);
  std::vector<const TomlValue*> tables(std::string_view key);  // [[key]]

  // An error at the key's place, or at the table's where it is not there.
  void wrong(std::string_view key, std::string_view why);
  void add(std::vector<std::string> errors);
  // All that was wrong, unknown keys included, in the order of the file's reading; empty: nothing.
  std::vector<std::string> finish();

 private:
  const TomlValue* take(std::string_view key, TomlValue::Type type, std::string_view expected);

  const TomlValue& table_;
  const std::string& name_;
  const std::string what_;
  std::vector<std::string> known_, errors_;
};

}  // namespace plumb::connector
