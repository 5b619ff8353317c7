#include "connector/toml.h"

#include <algorithm>
#include <sstream>

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "controller/base/text.h"

namespace plumb::connector {
namespace {

TomlValue value_of(const toml::node& node);

TomlValue table_of(const toml::table& table) {
  TomlValue value{.type = TomlValue::Type::table};
  for (const auto& [key, each] : table) {
    TomlValue member = value_of(each);
    // What is said of a member is said of the line that its name is in.
    member.line = key.source().begin.line;
    member.column = key.source().begin.column;
    value.table.emplace(std::string(key.str()), std::move(member));
  }
  return value;
}

TomlValue value_of(const toml::node& node) {
  TomlValue value;
  if (const auto* table = node.as_table()) {
    value = table_of(*table);
  } else if (const auto* list = node.as_array()) {
    value.type = TomlValue::Type::list;
    for (const auto& each : *list) value.list.push_back(value_of(each));
  } else if (const auto* text = node.as_string()) {
    value.type = TomlValue::Type::text;
    value.text = text->get();
  } else if (const auto* number = node.as_integer()) {
    value.type = TomlValue::Type::number;
    value.number = number->get();
  } else if (const auto* flag = node.as_boolean()) {
    value.type = TomlValue::Type::flag;
    value.flag = flag->get();
  }
  value.line = node.source().begin.line;
  value.column = node.source().begin.column;
  return value;
}

std::string place(const std::string& name, const TomlValue& at) {
  return at.line == 0 ? name : fmt::format("{}:{}:{}", name, at.line, at.column);
}

}  // namespace

Result<TomlValue> parse_toml(std::string_view text, const std::string& name) {
  const toml::parse_result parsed = toml::parse(text, std::string_view(name));
  if (!parsed) {
    const auto& error = parsed.error();
    return fail(Fault::invalid, "{}:{}:{}: {}", name, error.source().begin.line, error.source().begin.column,
                printable(error.description()));
  }
  return table_of(parsed.table());
}

TomlReader::TomlReader(const TomlValue& table, const std::string& name, std::string what)
    : table_(table), name_(name), what_(std::move(what)) {}

const TomlValue* TomlReader::take(std::string_view key, TomlValue::Type type, std::string_view expected) {
  known_.emplace_back(key);
  const auto at = table_.table.find(key);
  if (at == table_.table.end()) return nullptr;
  if (at->second.type == type) return &at->second;
  wrong(key, fmt::format("must be {}", expected));
  return nullptr;
}

bool TomlReader::read(std::string_view key, std::string& into) {
  const TomlValue* value = take(key, TomlValue::Type::text, "a text in quotes");
  if (value == nullptr) return false;
  if (value->text.find('\0') != std::string::npos || value->text.find('\n') != std::string::npos) {
    wrong(key, "must be one line of text");
    return false;
  }
  into = value->text;
  return true;
}

bool TomlReader::read(std::string_view key, bool& into) {
  const TomlValue* value = take(key, TomlValue::Type::flag, "true or false, without quotes");
  if (value != nullptr) into = value->flag;
  return value != nullptr;
}

bool TomlReader::read(std::string_view key, Duration& into) {
  const TomlValue* value = take(key, TomlValue::Type::text, "a time such as \"10s\"");
  if (value == nullptr) return false;
  const auto span = parse_duration(value->text);
  if (!span || *span <= Duration::zero()) {
    wrong(key, span ? "must be longer than nothing" : span.error().message);
    return false;
  }
  into = *span;
  return true;
}

bool TomlReader::read(std::string_view key, std::vector<std::string>& into) {
  constexpr std::string_view kExpected = R"(a list of texts such as ["one", "two"])";
  const TomlValue* value = take(key, TomlValue::Type::list, kExpected);
  if (value == nullptr) return false;
  std::vector<std::string> texts;
  for (const TomlValue& each : value->list) {
    if (each.type != TomlValue::Type::text) {
      wrong(key, fmt::format("must be {}", kExpected));
      return false;
    }
    texts.push_back(each.text);
  }
  into = std::move(texts);
  return true;
}

bool TomlReader::read(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t& into) {
  const std::string expected = fmt::format("a number from {} to {}", least, most);
  const TomlValue* value = take(key, TomlValue::Type::number, expected);
  if (value == nullptr) return false;
  if (value->number < least || value->number > most) {
    wrong(key, fmt::format("must be {}", expected));
    return false;
  }
  into = value->number;
  return true;
}

const TomlValue* TomlReader::table(std::string_view key) {
  return take(key, TomlValue::Type::table, fmt::format("a table: a line [{}] and its keys below", key));
}

std::vector<const TomlValue*> TomlReader::tables(std::string_view key) {
  const std::string expected = fmt::format("a list of tables: a line [[{}]] for each, and its keys below", key);
  const TomlValue* value = take(key, TomlValue::Type::list, expected);
  std::vector<const TomlValue*> found;
  if (value == nullptr) return found;
  for (const TomlValue& each : value->list) {
    if (each.type != TomlValue::Type::table) {
      wrong(key, fmt::format("must be {}", expected));
      return {};
    }
    found.push_back(&each);
  }
  return found;
}

void TomlReader::wrong(std::string_view key, std::string_view why) {
  const auto at = table_.table.find(key);
  const std::string where = place(name_, at == table_.table.end() ? table_ : at->second);
  errors_.push_back(fmt::format("{}: {}{}{} {}", where, what_, what_.empty() ? "" : " ", key, why));
}

void TomlReader::add(std::vector<std::string> errors) { std::ranges::move(errors, std::back_inserter(errors_)); }

std::vector<std::string> TomlReader::finish() {
  for (const auto& [key, value] : table_.table) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    const std::string near = did_you_mean(key, known_);
    errors_.push_back(fmt::format("{}: {}{}there is no key \"{}\"{}", place(name_, value), what_,
                                  what_.empty() ? "" : ": ", printable(key),
                                  near.empty() ? fmt::format("; known are {}", join(known_, ", ")) : near));
  }
  return std::move(errors_);
}

}  // namespace plumb::connector
