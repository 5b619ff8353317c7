#include "connector/policy.h"

#include <algorithm>
#include <array>

#include "controller/adapters/ldap/server_url.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

bool allows(const DirectoryRule& rule, Operation operation) { return rule.operations.contains(operation); }

bool within_one(const Dn& name, const std::vector<Dn>& names) {
  return std::ranges::any_of(names, [&](const Dn& each) { return name.within(each); });
}

Failure not_allowed(const Policy& policy, const DirectoryRule& rule, Operation operation) {
  return fail(Fault::denied,
              "this site does not allow the operation \"{0}\" on {1}; to allow it, add \"{0}\" to operations of that "
              "[[directory]] in {2}",
              to_string(operation), rule.servers.front(), policy.file.string());
}

Failure outside(const Policy& policy, const DirectoryRule& rule, const Dn& name, std::string_view what,
                std::string_view list) {
  return fail(
      Fault::denied,
      "this site does not allow to {} \"{}\" on {}; to allow it, add a name above it to {} of that [[directory]] "
      "in {}",
      what, printable(name.text()), rule.servers.front(), list, policy.file.string());
}

Result<void> may_change(const Policy& policy, const DirectoryRule& rule, const Dn& object, Operation operation,
                        std::string_view what) {
  if (!allows(rule, operation)) return not_allowed(policy, rule, operation);
  if (object.empty() || !within_one(object, rule.write_dns)) return outside(policy, rule, object, what, "write_dns");
  return {};
}

// Headers by which some servers and proxies are told another method, host or path than the request line has, or another
// end of the message than it has.
constexpr std::array<std::string_view, 25> kSteering = {"x-http-method-override",
                                                        "x-http-method",
                                                        "x-method-override",
                                                        "x-original-url",
                                                        "x-rewrite-url",
                                                        "x-original-uri",
                                                        "x-original-method",
                                                        "host",
                                                        "x-forwarded-host",
                                                        "x-forwarded-path",
                                                        "x-forwarded-prefix",
                                                        "x-forwarded-uri",
                                                        "x-host",
                                                        "forwarded",
                                                        "transfer-encoding",
                                                        "content-length",
                                                        "connection",
                                                        "upgrade",
                                                        "te",
                                                        "proxy-authorization",
                                                        "x-http-host-override",
                                                        "x-forwarded-server",
                                                        "x-override-url",
                                                        "x-http-path-override",
                                                        "x-envoy-original-path"};

bool is_hex(char c) { return std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos; }

// Why a path cannot be compared with a prefix: servers would read it in more than one way. Empty: it can.
std::string_view ambiguous(std::string_view path) {
  if (!path.starts_with('/')) return "it does not begin with /";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '\\' || c == '?' || c == '#')
      return "it has a character that must be escaped";
  }
  for (std::size_t i = path.find('%'); i != std::string_view::npos; i = path.find('%', i + 1)) {
    if (i + 2 >= path.size() || !is_hex(path[i + 1]) || !is_hex(path[i + 2])) return "it has a % that escapes nothing";
    const std::string code = lower(path.substr(i + 1, 2));
    if (code == "2e" || code == "2f" || code == "5c") return "it has an escaped dot, slash or backslash";
    if (code == "25") return "it is escaped twice";
    if (code == "3b") return "it has an escaped semicolon";  // "..%3b", see below
    if (code[0] < '2' || code == "7f") return "it has an escaped control character";
  }
  // Overlong forms of "." and "/" among them, which careless decoders take for these (CVE-2000-0884).
  const auto decoded = percent_decode(path);
  if (!decoded || !is_utf8(*decoded)) return "it has bytes that are not UTF-8";
  for (const std::string_view wide : {"\xEF\xBC\x8E", "\xEF\xBC\x8F", "\xEF\xBC\xBC"})
    if (decoded->find(wide) != std::string::npos) return "it has a wide dot, slash or backslash";
  for (std::size_t from = 1; from <= path.size();) {
    const std::size_t to = std::min(path.find('/', from), path.size());
    std::string_view segment = path.substr(from, to - from);
    segment = segment.substr(0, segment.find(';'));             // Java servers drop parameters, and then go up: "/..;/"
    while (segment.ends_with("%20")) segment.remove_suffix(3);  // which Windows drops
    if (segment == "." || segment == "..") return "it has a segment of dots";
    from = to + 1;
  }
  return {};
}

// Whole segments: "/api" is "/api" and all below, never "/apiary".
bool path_within(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

Result<void> check_headers(const HttpHeaders& headers) {
  for (const auto& [name, value] : headers) {
    std::string key = lower(name);
    std::ranges::replace(key, '_', '-');  // CGI and its kin take one for the other
    if (std::ranges::find(kSteering, key) != kSteering.end())
      return fail(Fault::denied, "the header {} is not sent: servers may take it for another method, host or path",
                  printable(name));
    const auto ends_line = [](std::string_view text) {
      return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
    };
    if (name.empty() || ends_line(name) || ends_line(value))
      return fail(Fault::denied, "the header {} has a line break in it", printable(name));
  }
  return {};
}

}  // namespace

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::read: return "read";
    case Operation::write: return "write";
    case Operation::password: return "password";
    case Operation::rights: return "rights";
    case Operation::authenticate: return "authenticate";
  }
  return "read";
}

Result<std::string> normal_server(const std::string& text) {
  PLUMB_TRY(const auto server, ldap::parse_server_url(text));
  std::string host = lower(server.host);
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  if (host.ends_with('.')) host.pop_back();
  return fmt::format("{}://{}:{}", server.ldaps ? "ldaps" : "ldap", host, server.port);
}

Result<const DirectoryRule*> Policy::directory(const std::vector<std::string>& servers) const {
  if (servers.empty()) return fail(Fault::denied, "no server is named");
  std::vector<std::string> wanted;
  for (const std::string& each : servers) {
    PLUMB_TRY(std::string normal, normal_server(each));
    wanted.push_back(std::move(normal));
  }
  for (const DirectoryRule& rule : directories) {
    const auto listed = [&](const std::string& each) {
      return std::ranges::find(rule.servers, each) != rule.servers.end();
    };
    if (std::ranges::all_of(wanted, listed)) return &rule;
  }
  return fail(Fault::denied,
              "this site does not allow work at {}; to allow it, list {} in servers of one [[directory]] in {}",
              join(wanted, ", "), wanted.size() == 1 ? "it" : "all of them", file.string());
}

Result<void> Policy::may_read(const DirectoryRule& rule, const Dn& base) const {
  if (!allows(rule, Operation::read)) return not_allowed(*this, rule, Operation::read);
  if (base.empty() || !within_one(base, rule.base_dns)) return outside(*this, rule, base, "read", "base_dns");
  return {};
}

Result<void> Policy::may_write(const DirectoryRule& rule, const Dn& object) const {
  return may_change(*this, rule, object, Operation::write, "write");
}

Result<void> Policy::may_set_password(const DirectoryRule& rule, const Dn& object) const {
  return may_change(*this, rule, object, Operation::password, "set the password of");
}

Result<void> Policy::may_set_rights(const DirectoryRule& rule, const Dn& object) const {
  return may_change(*this, rule, object, Operation::rights, "write what gives power to");
}

Result<void> Policy::may_call_server(const DirectoryRule& rule, const std::string& name) const {
  if (name.empty()) return {};
  const auto is_of = [&](const std::string& server) {
    const auto url = ldap::parse_server_url(server);
    return url && equals_ignoring_case(url->host, name);
  };
  const bool known =
      std::ranges::any_of(rule.servers, is_of) ||
      std::ranges::any_of(rule.server_names, [&](const auto& each) { return equals_ignoring_case(each, name); });
  if (known) return {};
  return fail(Fault::denied,
              "this site does not allow {} to show a certificate of {}; to allow it, add it to server_names of that "
              "[[directory]] in {}",
              rule.servers.front(), printable(name), file.string());
}

Result<void> Policy::may_use_secret(const DirectoryRule& rule, const std::string& name) const {
  if (!rule.secrets || rule.secrets->contains(name)) return {};
  return fail(
      Fault::denied,
      "this site does not allow the secret {} at {}; to allow it, add it to secrets of that [[directory]] in {}",
      printable(name), rule.servers.front(), file.string());
}

Result<void> Policy::may_bind_as(const DirectoryRule& rule, const std::string& account) const {
  if (!rule.accounts || rule.accounts->contains(lower(account))) return {};
  return fail(
      Fault::denied,
      "this site does not allow to bind as {} at {}; to allow it, add it to accounts of that [[directory]] in {}",
      printable(account), rule.servers.front(), file.string());
}

Result<void> Policy::may_authenticate(const DirectoryRule& rule) const {
  if (!allows(rule, Operation::authenticate)) return not_allowed(*this, rule, Operation::authenticate);
  return {};
}

Result<const HttpRule*> Policy::may_send(std::string_view method, const Url& url, const HttpHeaders& headers) const {
  // The query is not shown: it may hold a key.
  const std::string shown = fmt::format("{}://{}{}", url.scheme, url.authority(), url.path);
  if (const std::string_view why = ambiguous(url.path); !why.empty())
    return fail(Fault::denied, "{}: the path cannot be compared with what this site allows: {}", printable(shown), why);
  if (std::ranges::any_of(url.query, [](unsigned char c) { return c <= 0x20 || c >= 0x7f || c == '#'; }))
    return fail(Fault::denied, "{}: the query has a character that must be escaped", printable(shown));
  const HttpRule* other_methods = nullptr;
  for (const HttpRule& rule : http) {
    if (!same_origin(rule.url, url) || !path_within(url.path, rule.url.path)) continue;
    if (rule.methods.contains(std::string(method))) {
      PLUMB_CHECK(check_headers(headers));
      return &rule;
    }
    other_methods = &rule;
  }
  if (other_methods != nullptr)
    return fail(
        Fault::denied,
        "this site does not allow {} at {}; to allow it, add \"{}\" to methods of the [[http]] with url = \"{}\" "
        "in {}",
        printable(method), printable(shown), printable(method), to_string(other_methods->url), file.string());
  return fail(Fault::denied,
              "this site does not allow requests to {}; to allow them, add an [[http]] with a url it begins with to {}",
              printable(shown), file.string());
}

}  // namespace plumb::connector
