#include "connector/config.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "connector/files.h"
#include "connector/toml.h"
#include "controller/base/text.h"

extern char** environ;

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "PLUMBLINE_CONNECTOR_";

// What the file and the environment say, before it is understood.
struct Words {
  ServerWords server;
  std::string proxy_host, proxy_username, proxy_password_file, level, storage, policy, secrets, token, ca, name;
  std::int64_t proxy_port = 0;
  bool require_tls = false;
};

// Variable -> where its word goes. Those of the file are asked for in read_file.
struct Variable {
  std::string_view name;
  std::string& (*word)(Words&);
};
constexpr std::array<Variable, 11> kVariables = {{
    {"SERVER", [](Words& w) -> std::string& { return w.server.server; }},
    {"PROTOCOL", [](Words& w) -> std::string& { return w.server.protocol; }},
    {"PORT", [](Words& w) -> std::string& { return w.server.port; }},
    {"STORAGE", [](Words& w) -> std::string& { return w.storage; }},
    {"TOKEN_FILE", [](Words& w) -> std::string& { return w.token; }},
    {"POLICY_FILE", [](Words& w) -> std::string& { return w.policy; }},
    {"SECRETS_DIRECTORY", [](Words& w) -> std::string& { return w.secrets; }},
    {"CA_FILE", [](Words& w) -> std::string& { return w.ca; }},
    {"NAME", [](Words& w) -> std::string& { return w.name; }},
    {"LOG_LEVEL", [](Words& w) -> std::string& { return w.level; }},
    {"PROXY_PASSWORD_FILE", [](Words& w) -> std::string& { return w.proxy_password_file; }},
}};
// Not a word: a secret. And the file itself, which the command line asks for.
constexpr std::string_view kProxyPassword = "PLUMBLINE_CONNECTOR_PROXY_PASSWORD";
constexpr std::string_view kConfigVariable = "PLUMBLINE_CONNECTOR_CONFIG";

const std::map<std::string, log::Level, std::less<>> kLevels = {{"debug", log::Level::debug},
                                                                {"info", log::Level::info},
                                                                {"warning", log::Level::warning},
                                                                {"error", log::Level::error}};

using Errors = std::vector<std::string>;

void read_server(TomlReader& file, const std::string& name, Words& words, Config& config) {
  const TomlValue* table = file.table("server");
  if (table == nullptr) return;
  TomlReader server(*table, name, "[server]");
  server.read("url", words.server.server);
  server.read("protocol", words.server.protocol);
  if (std::int64_t port = 0; server.read("port", 1, 65535, port)) words.server.port = std::to_string(port);
  server.read("require_tls", words.require_tls);
  server.read("ca_file", words.ca);
  server.read("dial_timeout", config.dial_timeout);
  server.read("channel_binding", config.channel_binding);
  file.add(server.finish());
}

void read_proxy(TomlReader& file, const std::string& name, Words& words) {
  const TomlValue* table = file.table("proxy");
  if (table == nullptr) return;
  TomlReader proxy(*table, name, "[proxy]");
  if (!proxy.read("host", words.proxy_host)) proxy.wrong("host", "is needed: the proxy's name or address");
  if (!proxy.read("port", 1, 65535, words.proxy_port)) proxy.wrong("port", "is needed: the proxy's port, such as 3128");
  proxy.read("username", words.proxy_username);
  proxy.read("password_file", words.proxy_password_file);
  file.add(proxy.finish());
}

void read_log(TomlReader& file, const std::string& name, Words& words, Config& config) {
  const TomlValue* table = file.table("log");
  if (table == nullptr) return;
  TomlReader log(*table, name, "[log]");
  log.read("level", words.level);
  std::int64_t megabytes = 0, files = 0;
  if (log.read("file_megabytes", 1, 1024, megabytes)) config.log_file_size = static_cast<std::size_t>(megabytes) << 20;
  if (log.read("files", 1, 100, files)) config.log_files = static_cast<std::size_t>(files);
  file.add(log.finish());
}

Errors read_file(const TomlValue& root, const std::string& name, Words& words, Config& config) {
  TomlReader file(root, name);
  file.read("storage", words.storage);
  file.read("policy_file", words.policy);
  file.read("secrets_directory", words.secrets);
  file.read("token_file", words.token);
  file.read("name", words.name);
  read_server(file, name, words, config);
  read_proxy(file, name, words);
  read_log(file, name, words, config);
  return file.finish();
}

// A server of the environment is another one than the file's: what the file says of its port is not about it.
Errors read_environment(const Environment& environment, Words& words) {
  Errors errors;
  std::vector<std::string> known = {std::string(kProxyPassword), std::string(kConfigVariable)};
  if (environment.contains(std::string(kPrefix) + "SERVER")) words.server = {};
  for (const Variable& variable : kVariables) {
    known.push_back(std::string(kPrefix) + std::string(variable.name));
    const auto at = environment.find(known.back());
    if (at != environment.end() && !at->second.empty()) variable.word(words) = at->second;
  }
  for (const auto& [name, value] : environment) {
    if (name.starts_with(kPrefix) && std::ranges::find(known, name) == known.end())
      errors.push_back(
          fmt::format("environment: there is no variable {}{}", printable(name), did_you_mean(name, known)));
  }
  return errors;
}

void take_path(const std::string& word, std::string_view what, fs::path& into, Errors& errors) {
  if (word.empty()) return;
  if (word.front() != '/' || word.find('\n') != std::string::npos) {
    errors.push_back(fmt::format("{} \"{}\" must be an absolute path", what, printable(word)));
  } else {
    into = fs::path(word).lexically_normal();
  }
}

Result<void> take_proxy(const Words& words, const Environment& environment, Config& config) {
  if (words.proxy_host.empty()) return {};
  HttpProxy proxy{
      .host = words.proxy_host, .port = static_cast<std::uint16_t>(words.proxy_port), .username = words.proxy_username};
  const auto variable = environment.find(kProxyPassword);
  if (variable != environment.end()) {
    proxy.password = std::make_shared<const Secret>(std::string(variable->second));
  } else if (!words.proxy_password_file.empty()) {
    auto secret = read_secret(words.proxy_password_file);
    if (!secret) return in_context("the proxy's password", secret.error());
    proxy.password = std::make_shared<const Secret>(std::move(*secret));
  }
  if (proxy.password && proxy.username.empty())
    return fail(Fault::invalid, "[proxy] has a password and no username; add username = \"...\"");
  config.proxy = std::move(proxy);
  return {};
}

void take_server(const Words& words, const std::string& file, Config& config, Errors& errors) {
  if (words.server.server.empty()) {
    errors.push_back(
        fmt::format("{}: no server is named; run plumbline-connector setup, or write url = "
                    "\"https://plumbline.example\" below [server]",
                    file));
    return;
  }
  auto place = server_place(words.server);
  if (!place) {
    errors.push_back(place.error().message);
    return;
  }
  config.server = std::move(place->url);
  config.plain = config.server.scheme == "http";
  std::ranges::move(place->warnings, std::back_inserter(config.warnings));
  if (config.plain && words.require_tls)
    errors.push_back(fmt::format("{} is plain http, which require_tls forbids; write https", to_string(config.server)));
}

bool is_address(const Url& url) {
  return url.host.find(':') != std::string::npos || url.host.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace

Environment process_environment() {
  Environment found;
  for (char** each = environ; each != nullptr && *each != nullptr; ++each) {
    const std::string_view line(*each);
    const auto equals = line.find('=');
    const std::string_view name = line.substr(0, equals);
    if (equals == std::string_view::npos || (!name.starts_with(kPrefix) && name != "CREDENTIALS_DIRECTORY")) continue;
    found.emplace(name, line.substr(equals + 1));
  }
  return found;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "connector";
  const std::string_view whole(name.data());
  return std::string(whole.substr(0, whole.find('.')));
}

Result<ServerPlace> server_place(const ServerWords& words) {
  const std::string protocol = words.protocol.empty() ? "https" : lower(words.protocol);
  if (protocol != "https" && protocol != "http")
    return fail(Fault::invalid, "the protocol \"{}\" is neither https nor http", printable(words.protocol));
  ServerPlace place;
  std::string text = words.server;
  if (text.find("://") != std::string::npos) {
    if (!words.port.empty() || !words.protocol.empty())
      place.warnings.push_back(
          fmt::format("the server is a URL, which says protocol and port: \"{}\" is not heeded",
                      printable(words.protocol + (words.protocol.empty() ? "" : " ") + words.port)));
  } else {
    const bool bare_ipv6 = std::ranges::count(text, ':') > 1 && !text.starts_with('[');
    if (bare_ipv6) text = "[" + text + "]";
    const std::string_view behind =
        std::string_view(text).substr(text.rfind(']') == std::string::npos ? 0 : text.rfind(']'));
    const bool has_port = behind.find(':') != std::string_view::npos;
    if (has_port && !words.port.empty() && !text.ends_with(":" + words.port))
      return fail(Fault::invalid, "the server \"{}\" has another port than {}; say it once", printable(text),
                  printable(words.port));
    text = protocol + "://" + text + (has_port || words.port.empty() ? "" : ":" + words.port);
  }
  PLUMB_TRY(place.url, parse_url(text));
  if (place.url.path != "/" || !place.url.query.empty())
    return fail(Fault::invalid, "the server is its protocol, host and port alone: {}://{}", place.url.scheme,
                place.url.authority());
  if (place.url.scheme == "http") {
    place.warnings.push_back(
        "PLAIN HTTP: everybody on the way to the server can read and change what is sent, and take the token. Use "
        "https "
        "unless this is a test");
  } else if (is_address(place.url)) {
    place.warnings.push_back(fmt::format(
        "{} is an address: its certificate has to name the address (subjectAltName IP), which few do; use the name",
        place.url.host));
  }
  return place;
}

Result<Config> load_config(const fs::path& file, const Environment& environment) {
  Config config{.name_hint = host_name()};
  Words words;
  Errors errors;
  const std::string name = file.string();
  const auto text = read_trusted(file);
  if (!text && text.error().fault != Fault::not_found) return Failure(text.error());
  if (text) {
    PLUMB_TRY(const TomlValue root, parse_toml(*text, name));
    errors = read_file(root, name, words, config);
  }
  std::ranges::move(read_environment(environment, words), std::back_inserter(errors));
  if (const auto credentials = environment.find("CREDENTIALS_DIRECTORY"); credentials != environment.end())
    config.secrets_directory = credentials->second;

  take_path(words.storage, "storage", config.storage, errors);
  take_path(words.policy, "policy_file", config.policy_file, errors);
  take_path(words.secrets, "secrets_directory", config.secrets_directory, errors);
  config.token_file = config.storage / "token";
  take_path(words.token, "token_file", config.token_file, errors);
  fs::path ca;
  take_path(words.ca, "ca_file", ca, errors);
  config.ca_file = ca.string();
  if (!words.name.empty()) config.name_hint = words.name;
  if (!words.level.empty()) {
    if (const auto level = kLevels.find(lower(words.level)); level != kLevels.end()) {
      config.log_level = level->second;
    } else {
      errors.push_back(
          fmt::format("the log level \"{}\" is none of debug, info, warning and error", printable(words.level)));
    }
  }
  take_server(words, name, config, errors);
  if (auto proxy = take_proxy(words, environment, config); !proxy) errors.push_back(proxy.error().message);
  if (!errors.empty()) return fail(Fault::invalid, "{}", join(errors, "\n"));
  return config;
}

}  // namespace plumb::connector
