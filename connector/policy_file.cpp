#include <algorithm>
#include <array>

#include "connector/files.h"
#include "connector/policy.h"
#include "connector/toml.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;

constexpr std::array<Operation, 5> kOperations = {Operation::read, Operation::write, Operation::password,
                                                  Operation::rights, Operation::authenticate};
const std::vector<std::string> kMethods = {"GET",    "HEAD",    "POST",   "PUT", "PATCH",
                                           "DELETE", "OPTIONS", "CONNECT"};  // the last of an [[http]] that is a proxy

void read_servers(TomlReader& table, DirectoryRule& rule) {
  std::vector<std::string> texts;
  if (!table.read("servers", texts) || texts.empty())
    return table.wrong("servers", R"(is needed: such as ["ldaps://dc1.corp.example:636"])");
  for (const std::string& text : texts) {
    if (auto server = normal_server(text)) {
      rule.servers.push_back(std::move(*server));
    } else {
      table.wrong("servers", server.error().message);
    }
  }
}

void read_names(TomlReader& table, std::string_view key, std::vector<Dn>& into) {
  std::vector<std::string> texts;
  table.read(key, texts);
  for (const std::string& text : texts) {
    auto name = Dn::parse(text);
    if (!name) {
      table.wrong(key, name.error().message);
    } else if (name->empty()) {
      table.wrong(key, "has an empty name, which is the whole of every directory; name the domain");
    } else {
      into.push_back(std::move(*name));
    }
  }
}

void read_operations(TomlReader& table, DirectoryRule& rule) {
  std::vector<std::string> texts = {"read"}, known;
  table.read("operations", texts);
  for (const Operation each : kOperations) known.emplace_back(to_string(each));
  for (const std::string& text : texts) {
    const auto at = std::ranges::find(known, text);
    if (at == known.end()) {
      table.wrong("operations", fmt::format("has \"{}\", which is none of {}{}", printable(text), join(known, ", "),
                                            did_you_mean(text, known)));
    } else {
      rule.operations.insert(kOperations[static_cast<std::size_t>(at - known.begin())]);
    }
  }
}

// What nobody can mean: a rule that looks as if it allowed something and does not, or allows what cannot be seen.
void check_directory(TomlReader& table, const DirectoryRule& rule) {
  if (rule.base_dns.empty()) table.wrong("base_dns", R"(is needed: such as ["DC=corp,DC=example"])");
  for (const Dn& name : rule.write_dns) {
    if (std::ranges::none_of(rule.base_dns, [&](const Dn& base) { return name.within(base); }))
      table.wrong("write_dns", fmt::format("has \"{}\", which is not below any of base_dns", printable(name.text())));
  }
  const bool changes = rule.operations.contains(Operation::write) || rule.operations.contains(Operation::password);
  if (rule.operations.contains(Operation::rights) && !rule.operations.contains(Operation::write))
    table.wrong("operations", "has \"rights\" without \"write\", which it needs");
  if (changes && rule.write_dns.empty())
    table.wrong("write_dns", "is needed where operations has \"write\" or \"password\": where it may be written");
  if (!changes && !rule.write_dns.empty())
    table.wrong("operations", "has neither \"write\" nor \"password\", so that write_dns allows nothing");
}

void read_ca(TomlReader& table, std::string& into) {
  if (table.read("ca_file", into) && !into.starts_with('/')) table.wrong("ca_file", "must be an absolute path");
}

std::optional<std::set<std::string>> read_set(TomlReader& table, std::string_view key) {
  std::vector<std::string> texts;
  if (!table.read(key, texts)) return std::nullopt;
  return std::set<std::string>(texts.begin(), texts.end());
}

DirectoryRule read_directory(TomlReader& table) {
  DirectoryRule rule;
  read_servers(table, rule);
  read_names(table, "base_dns", rule.base_dns);
  read_names(table, "write_dns", rule.write_dns);
  read_operations(table, rule);
  read_ca(table, rule.ca_file);
  table.read("server_names", rule.server_names);
  rule.secrets = read_set(table, "secrets");
  if (const auto accounts = read_set(table, "accounts")) {
    rule.accounts.emplace();
    for (const std::string& each : *accounts) rule.accounts->insert(lower(each));
  }
  check_directory(table, rule);
  return rule;
}

// Dots and escapes are refused in what the person wrote, before parse_url() makes one spelling of them: a rule has to
// mean what it looks like.
void read_url(TomlReader& table, HttpRule& rule) {
  std::string text;
  if (!table.read("url", text)) return table.wrong("url", R"(is needed: such as "https://erp.corp.example/api/")");
  auto url = parse_url(text);
  if (!url) return table.wrong("url", url.error().message);
  if (!url->query.empty() || text.find('#') != std::string::npos)
    return table.wrong("url", "must end with its path: a query or fragment allows nothing");
  if (text.find("/.") != std::string::npos || text.find('%') != std::string::npos)
    return table.wrong("url", "must be written without segments of dots and without escapes (%)");
  rule.url = std::move(*url);
}

void read_methods(TomlReader& table, HttpRule& rule) {
  std::vector<std::string> texts;
  if (!table.read("methods", texts) || texts.empty()) return table.wrong("methods", R"(is needed: such as ["GET"])");
  for (const std::string& text : texts) {
    if (std::ranges::find(kMethods, text) == kMethods.end())
      table.wrong("methods", fmt::format("has \"{}\", which is none of {}", printable(text), join(kMethods, ", ")));
    rule.methods.insert(text);
  }
}

HttpRule read_http(TomlReader& table) {
  HttpRule rule;
  read_url(table, rule);
  read_methods(table, rule);
  read_ca(table, rule.ca_file);
  return rule;
}

// With a server in two rules it would depend on their order what is allowed.
void check_once(TomlReader& file, const std::vector<DirectoryRule>& rules) {
  std::set<std::string> seen;
  for (const DirectoryRule& rule : rules) {
    for (const std::string& server : rule.servers) {
      if (!seen.insert(server).second) file.wrong("directory", fmt::format("lists {} twice; list it once", server));
    }
  }
}

}  // namespace

Result<Policy> parse_policy(std::string_view text, const fs::path& file) {
  const std::string name = file.string();
  PLUMB_TRY(const TomlValue root, parse_toml(text, name));
  Policy policy{.file = file};
  TomlReader reader(root, name);
  for (const TomlValue* each : reader.tables("directory")) {
    TomlReader table(*each, name, "[[directory]]");
    policy.directories.push_back(read_directory(table));
    reader.add(table.finish());
  }
  for (const TomlValue* each : reader.tables("http")) {
    TomlReader table(*each, name, "[[http]]");
    policy.http.push_back(read_http(table));
    reader.add(table.finish());
  }
  check_once(reader, policy.directories);
  if (const auto errors = reader.finish(); !errors.empty()) return fail(Fault::invalid, "{}", join(errors, "\n"));
  return policy;
}

Result<Policy> load_policy(const fs::path& file) {
  const auto text = read_trusted(file);
  if (!text && text.error().fault == Fault::not_found) return Policy{.file = file};
  if (!text) return Failure(text.error());
  return parse_policy(*text, file);
}

}  // namespace plumb::connector
