#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/base/url.h"
#include "controller/model/dn.h"
#include "controller/ports/http_sender.h"

namespace plumb::connector {

// read: searches and comparisons. write: add, modify, move, delete. password: setting one. rights: writing attributes
// that give power (see sets_rights). authenticate: trying the password of a person.
enum class Operation { read, write, password, rights, authenticate };
std::string_view to_string(Operation operation);

// One directory that the site lets the controller work in.
struct DirectoryRule {
  std::vector<std::string> servers{};  // normal form, "ldaps://dc1.corp.example:636"
  std::vector<Dn> base_dns{};
  std::vector<Dn> write_dns{};  // each within one of base_dns
  std::set<Operation> operations{};
  std::string ca_file{};                    // empty: the system's authorities. The controller has no say in it
  std::vector<std::string> server_names{};  // that their certificates may bear besides those in `servers`
  // Files of the secrets directory, and names to bind by; nothing: any.
  std::optional<std::set<std::string>> secrets{};
  std::optional<std::set<std::string>> accounts{};  // lower case
};

// URLs of one origin with a common beginning of their path.
struct HttpRule {
  Url url{};  // the path ends in "/" or is one whole path
  std::set<std::string> methods{};
  std::string ca_file{};
};

// What the site allows, whatever the controller asks for. All that is not named is refused, with Fault::denied and what
// a person would add where. A value: read once, then shared by threads.
struct Policy {
  std::filesystem::path file{};
  std::vector<DirectoryRule> directories{};
  std::vector<HttpRule> http{};

  bool serves_nothing() const { return directories.empty() && http.empty(); }

  // The rule that lists every one of the servers; a port that is not written is that of the scheme.
  Result<const DirectoryRule*> directory(const std::vector<std::string>& servers) const;
  Result<void> may_read(const DirectoryRule& rule, const Dn& base) const;
  // For a move: ask for the old and for the new name.
  Result<void> may_write(const DirectoryRule& rule, const Dn& object) const;
  Result<void> may_set_password(const DirectoryRule& rule, const Dn& object) const;
  Result<void> may_set_rights(const DirectoryRule& rule, const Dn& object) const;
  Result<void> may_authenticate(const DirectoryRule& rule) const;
  // `name`: what the certificate of the server must bear; empty: the name that is connected to.
  Result<void> may_call_server(const DirectoryRule& rule, const std::string& name) const;
  Result<void> may_use_secret(const DirectoryRule& rule, const std::string& name) const;
  Result<void> may_bind_as(const DirectoryRule& rule, const std::string& account) const;
  // The rule that lets this request through. `url` is what goes onto the wire and `headers` what goes with it: those
  // that servers take for another method, host or path are refused.
  Result<const HttpRule*> may_send(std::string_view method, const Url& url, const HttpHeaders& headers = {}) const;
};

// Whatever the text says, in one spelling. Fault::invalid.
Result<std::string> normal_server(const std::string& text);

// Every mistake at once, each with its place. Fault::denied where others may write to the file. A file that is not
// there is a policy that serves nothing.
Result<Policy> load_policy(const std::filesystem::path& file);
Result<Policy> parse_policy(std::string_view text, const std::filesystem::path& file);

}  // namespace plumb::connector
