#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "connector/config.h"
#include "connector/files.h"
#include "connector/terminal.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"

namespace plumb::connector {

// What has to be said once, by a person or by options.
struct SetupAnswers {
  std::string server{};  // a host, an address or a URL
  std::string storage = std::string(kStorage);
  Secret token{};
  std::string port{}, protocol{};  // empty: 443, https
  std::string ca_file{};           // see Config; empty: as the config file says, or none
  std::string proxy{};             // "proxy.example:3128", the same
  std::string proxy_username{};
  Secret proxy_password{};
};

// The four questions, in the order of every installation guide: server, storage location, token, port and protocol.
// What cannot be used is asked again, with the reason.
Result<SetupAnswers> ask_setup(const Terminal& terminal);
// "8443", "http 80", "443 https", "http"; into the answers. Fault::invalid with what to write.
Result<void> take_port_and_protocol(std::string_view text, SetupAnswers& answers);

struct SetupPlaces {
  std::filesystem::path root{};  // in front of everything that is written; empty but for tests
  std::filesystem::path config_file = kConfigFile;
  std::filesystem::path policy_file = kPolicyFile;
  Owner owner{};  // of the storage: the service's user
};

// What was made, so that a person sees it and an installation that fails can take it back.
struct SetupDone {
  Config config;                              // as `run` will read it
  std::vector<std::filesystem::path> made{};  // files and folders that were not there, in their order
  std::vector<std::string> warnings{};
  bool kept_former = false;  // the config file that was there is beside it
};

// Checks the answers; then config file (0644, the former one beside it as .old, of which all stays that was not
// answered anew), a policy file that allows nothing where there is none, storage (0700) and in it the token (0600).
// Nothing is written where an answer is wrong.
Result<SetupDone> write_setup(const SetupAnswers& answers, const SetupPlaces& places);
// What the answers say of the proxy, without its password. Fault::invalid for what is no NAME:PORT.
Result<std::optional<HttpProxy>> proxy_of(const SetupAnswers& answers);
// Paths, server, protocol; the token as "(kept until the first connection)".
std::string setup_summary(const SetupDone& done, const SetupPlaces& places);

// A text between quotes in TOML.
std::string toml_text(std::string_view text);

}  // namespace plumb::connector
