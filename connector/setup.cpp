#include "connector/setup.h"

#include <algorithm>
#include <sstream>

#include "connector/storage.h"
#include "connector/toml.h"
#include "connector/toml_edit.h"
#include "connector/unit_file.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "# Written by plumbline-connector setup.";
constexpr const char* kProxyPassword = "proxy-password";

Result<void> check_storage(const std::string& storage) {
  if (!storage.starts_with('/'))
    return fail(Fault::invalid, "the storage location \"{}\" must be an absolute path, such as {}", printable(storage),
                kStorage);
  if (std::ranges::any_of(storage, [](unsigned char c) { return c < 0x20 || c == 0x7f; }) || !is_utf8(storage))
    return fail(Fault::invalid, "the storage location has a control character");
  const fs::path path = fs::path(storage).lexically_normal();
  // One folder below the root is a system's: its mode would be changed to 0700.
  if (std::distance(path.begin(), path.end()) < 3)
    return fail(Fault::invalid, "the storage location {} must be a folder of its own, such as {}", path.string(),
                kStorage);
  return {};
}

Result<void> check_token(const Secret& token) {
  if (token.empty()) return fail(Fault::invalid, "a token is needed: plumbline connector token create makes one");
  const auto odd = [](unsigned char c) { return c <= 0x20 || c >= 0x7f; };
  if (std::ranges::any_of(token.reveal(), odd))
    return fail(Fault::invalid, "the token has spaces or characters that no token has; copy it again");
  return {};
}

Result<std::string> ask_server(const Terminal& terminal) {
  for (;;) {
    PLUMB_TRY(std::string server, terminal.ask("Server address or URL: "));
    if (server.empty()) {
      terminal.say("  The server is needed: a name, an address or a URL such as https://plumbline.example\n");
      continue;
    }
    const auto place = server_place({.server = server});
    if (place) return server;
    terminal.say("  " + place.error().message + "\n");
  }
}

Result<std::string> ask_storage(const Terminal& terminal) {
  for (;;) {
    PLUMB_TRY(std::string storage, terminal.ask(fmt::format("Storage location [{}]: ", kStorage)));
    if (storage.empty()) return std::string(kStorage);
    const auto good = check_storage(storage);
    if (good) return storage;
    terminal.say("  " + good.error().message + "\n");
  }
}

Result<Secret> ask_token(const Terminal& terminal) {
  for (;;) {
    PLUMB_TRY(Secret token, terminal.ask_hidden("Token (not shown): "));
    const auto good = check_token(token);
    if (good) return token;
    terminal.say("  " + good.error().message + "\n");
  }
}

Result<void> ask_port(const Terminal& terminal, SetupAnswers& answers) {
  const auto said = server_place({.server = answers.server});
  const std::string preset = said ? fmt::format("{} {}", said->url.port, said->url.scheme) : "443 https";
  for (;;) {
    PLUMB_TRY(const std::string text, terminal.ask(fmt::format("Port and protocol [{}]: ", preset)));
    auto taken = take_port_and_protocol(text, answers);
    if (taken) {
      if (auto place = server_place({answers.server, answers.protocol, answers.port}); place)
        return {};
      else
        taken = Failure(place.error());
    }
    terminal.say("  " + taken.error().message + "\n");
  }
}

// `before` with what was answered in it.
std::string config_text(std::string text, const Config& config, const SetupAnswers& answers,
                        const SetupPlaces& places) {
  const auto set = [&](std::string_view table, std::string_view key, const std::string& value) {
    text = with_toml_key(text, table, key, toml_text(value));
  };
  set("", "storage", config.storage.string());
  if (places.policy_file != kPolicyFile) set("", "policy_file", places.policy_file.string());
  set("server", "url", config.server.scheme + "://" + config.server.authority());
  for (const char* key : {"protocol", "port"}) text = with_toml_key(text, "server", key, std::nullopt);
  if (!answers.ca_file.empty()) set("server", "ca_file", answers.ca_file);
  if (!config.proxy) return text;
  set("proxy", "host", config.proxy->host);
  text = with_toml_key(text, "proxy", "port", std::to_string(config.proxy->port));
  const std::string& name = answers.proxy_username;
  const std::string file = answers.proxy_password.empty() ? "" : (config.storage / kProxyPassword).string();
  for (const auto& [key, word] : {std::pair{"username", name}, std::pair{"password_file", file}})
    text = with_toml_key(text, "proxy", key, word.empty() ? std::nullopt : std::optional(toml_text(word)));
  return text;
}

// Whether a text says what was answered: one that a person wrote may say it in another way, or be no TOML.
bool says(const std::string& text, const Config& config) {
  const auto root = parse_toml(text, "");
  if (!root) return false;
  const auto storage = root->table.find("storage"), server = root->table.find("server");
  if (storage == root->table.end() || storage->second.text != config.storage.string()) return false;
  if (server == root->table.end()) return false;
  const auto& said = server->second.table;
  const auto url = said.find("url");
  return url != said.end() && !said.contains("port") && !said.contains("protocol") &&
         url->second.text == config.server.scheme + "://" + config.server.authority();
}

std::string new_config(const std::optional<std::string>& before, const Config& config, const SetupAnswers& answers,
                       const SetupPlaces& places) {
  if (before) {
    const std::string changed = config_text(*before, config, answers, places);
    if (says(changed, config)) return changed;
  }
  return config_text(fmt::format("{} All keys: docs/connector.md\n", kFirstLine), config, answers, places);
}

// Files and folders in the order in which they come to be there.
class Making {
 public:
  explicit Making(fs::path root) : root_(std::move(root)) {}

  fs::path at(const fs::path& path) const { return root_.empty() ? path : root_ / path.relative_path(); }
  Result<void> folder(const fs::path& path, mode_t mode) {
    if (exists(path)) return {};
    if (const fs::path above = path.parent_path(); above != path) PLUMB_CHECK(folder(above, 0755));
    PLUMB_CHECK(make_folder(at(path), mode));
    made_.push_back(path);
    return {};
  }
  Result<void> file(const fs::path& path, std::string_view content, mode_t mode) {
    const bool there = exists(path);
    PLUMB_CHECK(write_file(at(path), content, mode));
    if (!there) made_.push_back(path);
    return {};
  }
  void add(const fs::path& path) { made_.push_back(path); }
  bool exists(const fs::path& path) const {
    std::error_code error;
    return fs::exists(at(path), error);
  }
  std::vector<fs::path> made() && { return std::move(made_); }

 private:
  fs::path root_;
  std::vector<fs::path> made_;
};

Result<void> write_storage(const SetupAnswers& answers, const Config& config, const SetupPlaces& places,
                           Making& making) {
  // Those above it are root's; it is made by prepare_storage, which gives it away.
  PLUMB_CHECK(making.folder(config.storage.parent_path(), 0755));
  PLUMB_TRY(const bool made, prepare_storage(making.at(config.storage), places.owner));
  if (made) making.add(config.storage);
  // A copy: the file that it was in is root's, and the service cannot read that.
  if (!answers.proxy_password.empty())
    PLUMB_CHECK(write_secret(making.at(config.storage / kProxyPassword), answers.proxy_password, places.owner));
  return write_secret(making.at(config.storage / "token"), answers.token, places.owner);
}

}  // namespace

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

Result<void> take_port_and_protocol(std::string_view text, SetupAnswers& answers) {
  std::string words(text);
  std::ranges::replace_if(
      words, [](char c) { return c == ',' || c == '/' || c == ':'; }, ' ');
  std::istringstream in(words);
  std::string port, protocol;
  for (std::string word; in >> word;) {
    const bool number = word.find_first_not_of("0123456789") == std::string::npos;
    std::string& into = number ? port : protocol;
    if (!into.empty()) return fail(Fault::invalid, "write one port and one protocol, such as 443 https");
    into = lower(word);
  }
  if (!protocol.empty() && protocol != "https" && protocol != "http")
    return fail(Fault::invalid, "\"{}\" is neither https nor http; write for example 443 https", printable(protocol));
  if (port == "80" && protocol.empty() && answers.server.find("://") == std::string::npos)
    return fail(Fault::invalid,
                "80 is the port of plain http, which everybody on the way can read; if that is meant, write "
                "80 http, else 443 https");
  answers.port = std::move(port);
  answers.protocol = std::move(protocol);
  return {};
}

Result<SetupAnswers> ask_setup(const Terminal& terminal) {
  SetupAnswers answers;
  PLUMB_TRY(answers.server, ask_server(terminal));
  PLUMB_TRY(answers.storage, ask_storage(terminal));
  PLUMB_TRY(answers.token, ask_token(terminal));
  PLUMB_CHECK(ask_port(terminal, answers));
  return answers;
}

Result<std::optional<HttpProxy>> proxy_of(const SetupAnswers& answers) {
  if (answers.proxy.empty()) {
    if (!answers.proxy_username.empty() || !answers.proxy_password.empty())
      return fail(Fault::invalid, "a name or password for the proxy needs --proxy NAME:PORT");
    return std::nullopt;
  }
  const std::string_view text = answers.proxy;
  const bool is_url = text.find("://") != std::string_view::npos;
  const auto url = parse_url(is_url ? answers.proxy : "http://" + answers.proxy);
  std::string_view behind_name = is_url ? text.substr(text.find("://") + 3) : text;
  if (behind_name.find(']') != std::string_view::npos) behind_name = behind_name.substr(behind_name.find(']'));
  const bool has_port = behind_name.find(':') != std::string_view::npos && !behind_name.ends_with(':');
  if (!url || url->scheme != "http" || url->path != "/" || !url->query.empty() || !has_port)
    return fail(Fault::invalid, "the proxy \"{}\" is no name and port; write for example proxy.example:3128",
                printable(answers.proxy));
  if (answers.proxy_username.empty() && !answers.proxy_password.empty())
    return fail(Fault::invalid, "the proxy has a password and no name; add --proxy-username NAME");
  return HttpProxy{.host = url->host, .port = url->port, .username = answers.proxy_username};
}

Result<SetupDone> write_setup(const SetupAnswers& answers, const SetupPlaces& places) {
  if (answers.server.empty()) return fail(Fault::invalid, "the server is needed: --server plumbline.example");
  PLUMB_TRY(auto place, server_place({answers.server, answers.protocol, answers.port}));
  PLUMB_CHECK(check_storage(answers.storage));
  PLUMB_CHECK(check_token(answers.token));
  SetupDone done{.warnings = std::move(place.warnings)};
  done.config.server = std::move(place.url);
  done.config.plain = done.config.server.scheme == "http";
  done.config.storage = fs::path(answers.storage).lexically_normal();
  if (!done.config.storage.has_filename()) done.config.storage = done.config.storage.parent_path();
  done.config.policy_file = places.policy_file;
  done.config.ca_file = answers.ca_file;
  if (!answers.ca_file.empty() && !answers.ca_file.starts_with('/'))
    return fail(Fault::invalid, "--ca-file {} must be an absolute path", printable(answers.ca_file));
  PLUMB_TRY(done.config.proxy, proxy_of(answers));

  Making making(places.root);
  PLUMB_CHECK(write_storage(answers, done.config, places, making));
  PLUMB_CHECK(making.folder(places.config_file.parent_path(), 0755));
  const auto before = read_plain(making.at(places.config_file));
  const std::string text = new_config(before ? std::optional(*before) : std::nullopt, done.config, answers, places);
  done.kept_former = before && *before != text;
  if (done.kept_former) PLUMB_CHECK(making.file(places.config_file.string() + ".old", *before, 0644));
  PLUMB_CHECK(making.file(places.config_file, text, 0644));
  if (!making.exists(places.policy_file)) {
    PLUMB_CHECK(making.folder(places.policy_file.parent_path(), 0755));
    PLUMB_CHECK(making.file(places.policy_file, packaged_policy(), 0644));
  }
  done.made = std::move(making).made();
  return done;
}

std::string setup_summary(const SetupDone& done, const SetupPlaces& places) {
  std::string text;
  for (const std::string& warning : done.warnings) text += fmt::format("warning: {}\n", warning);
  text += fmt::format("  server    {}://{} (port {})\n", done.config.server.scheme, done.config.server.authority(),
                      done.config.server.port);
  text +=
      fmt::format("  config    {}{}\n", places.config_file.string(), done.kept_former ? " (the former one: .old)" : "");
  text += fmt::format("  policy    {}\n", places.policy_file.string());
  text += fmt::format("  storage   {}\n", done.config.storage.string());
  text += "  token     (kept there until the first connection)\n";
  return text;
}

}  // namespace plumb::connector
