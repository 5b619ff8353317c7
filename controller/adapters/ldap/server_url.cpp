#include "controller/adapters/ldap/server_url.h"

#include <charconv>

#include "controller/base/text.h"

namespace plumb::ldap {

Result<ServerUrl> parse_server_url(const std::string& url) {
  const auto bad = [&](std::string_view why) {
    return fail(Fault::invalid, "server \"{}\": {}; expected ldaps://host[:port] or ldap://host[:port]", printable(url),
                why);
  };
  ServerUrl parsed;
  std::string_view rest = url;
  const std::string scheme = lower(rest.substr(0, rest.find("://")));
  if (scheme != "ldaps" && scheme != "ldap") return bad("no such scheme");
  parsed.ldaps = scheme == "ldaps";
  parsed.port = parsed.ldaps ? 636 : 389;
  rest.remove_prefix(scheme.size() + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    if (end == std::string_view::npos) return bad("no end of the address");
    parsed.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return bad("text after the address");
    port = rest.empty() ? rest : rest.substr(1);
  } else {
    const auto colon = rest.find(':');
    parsed.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon + 1);
  }
  if (parsed.host.empty() || parsed.host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                           "0123456789-._:") != std::string::npos)
    return bad("not a host name");
  if (!port.empty()) {
    const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
    if (fault != std::errc() || end != port.data() + port.size() || parsed.port < 1 || parsed.port > 65535)
      return bad("no such port");
  }
  return parsed;
}

Result<void> check_options(const Options& options) {
  if (options.servers.empty()) return fail(Fault::invalid, "no server is named");
  for (const std::string& url : options.servers) {
    PLUMB_TRY(const auto server, parse_server_url(url));
    if (server.ldaps != (options.tls == Options::Tls::ldaps))
      return fail(
          Fault::invalid, "server {}: {}", printable(url),
          server.ldaps ? "ldaps:// needs TLS mode LDAPS" : "ldap:// needs TLS mode StartTLS, or none with Kerberos");
  }
  if (options.tls == Options::Tls::none && options.bind == Options::Bind::simple)
    return fail(Fault::invalid, "a simple bind without TLS would show the password to everyone on the way");
  if (options.bind == Options::Bind::simple && options.username.empty())
    return fail(Fault::invalid, "an anonymous bind can neither read nor write a domain: a user name is needed");
  return {};
}

}  // namespace plumb::ldap
