#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/result.h"
#include "controller/base/url.h"
#include "controller/ports/http_sender.h"

namespace plumb::connector {

inline constexpr std::string_view kConfigFile = "/etc/plumbline-connector/connector.toml";
inline constexpr std::string_view kPolicyFile = "/etc/plumbline-connector/policy.toml";
inline constexpr std::string_view kSecretsFolder = "/etc/plumbline-connector/secrets";
inline constexpr std::string_view kStorage = "/var/lib/plumbline-connector";

// Where the controller is and how the agent lives on its machine. What it may do is in the Policy.
struct Config {
  Url server{};                      // "https://plumbline.example:443"; the path is "/"
  bool plain = false;                // http: everybody on the way reads and changes what is sent. Never but on demand
  std::string ca_file{};             // PEM in place of the system's authorities; empty: these
  std::optional<HttpProxy> proxy{};  // to the controller
  std::filesystem::path storage = kStorage;
  std::filesystem::path policy_file = kPolicyFile;
  std::filesystem::path secrets_directory = kSecretsFolder;  // what "connector:NAME" is a file of
  std::filesystem::path token_file{};                        // used once; storage/token where nothing else is said
  std::string name_hint{};                                   // what the agent would like to be called; the host's name
  Duration dial_timeout = std::chrono::seconds(10);
  bool channel_binding = true;  // off only where something on the way ends TLS (RFC 9266)
  log::Level log_level = log::Level::info;
  std::size_t log_file_size = 10 << 20;  // bytes, of storage/log/connector.log and of storage/audit.jsonl
  std::size_t log_files = 5;             // older ones are deleted

  std::vector<std::string> warnings{};  // for the log and the terminal

  std::filesystem::path log_file() const { return storage / "log" / "connector.log"; }
  std::filesystem::path audit_file() const { return storage / "audit.jsonl"; }
  std::filesystem::path status_file() const { return storage / "status.json"; }
};

using Environment = std::map<std::string, std::string, std::less<>>;
// Of this process: PLUMBLINE_CONNECTOR_* and CREDENTIALS_DIRECTORY.
Environment process_environment();
// Of the machine, without the domain.
std::string host_name();

// The file with the environment over it (docs/connector.md has both). A file that is not there is one without a word in
// it: all can be said by the environment. Fault::invalid with every mistake, each on a line with its place and what to
// do; Fault::denied for a file that others may write to.
Result<Config> load_config(const std::filesystem::path& file, const Environment& environment);

// What a person says of the server: a URL, which then says all, or a host name or address ("[::1]", "::1") with a port
// behind it or without. `protocol` and `port` may be empty: https, and 443 or 80.
struct ServerWords {
  std::string server, protocol, port;
};
struct ServerPlace {
  Url url;
  std::vector<std::string> warnings;
};
Result<ServerPlace> server_place(const ServerWords& words);

}  // namespace plumb::connector
