#include "reconcilers/directory_settings.h"

#include <algorithm>

#include "controller/base/text.h"
#include "controller/model/secret_source.h"
#include "controller/model/setting.h"
#include "reconcilers/spec.h"

namespace plumb {
namespace {

using Tls = DirectorySettings::Tls;
using Bind = DirectorySettings::Bind;

Result<void> read_names(const Value& spec, std::string_view pointer, std::vector<Dn>& names) {
  const std::size_t count = texts_at(spec, pointer).size();
  for (std::size_t i = 0; i < count; ++i) {
    PLUMB_TRY(Dn dn, spec::dn_at(spec, fmt::format("{}/{}", pointer, i)));
    names.push_back(std::move(dn));
  }
  return {};
}

Result<void> read_credential(const Resource& directory, const Snapshot& snapshot, DirectorySettings& settings) {
  const std::string name = text_at(directory.spec, "/credentialRef/name").value_or("");
  const Resource* const credential = snapshot.find({"Credential", directory.key.ns, name});
  if (credential == nullptr)
    return fail(Fault::invalid, "/spec/credentialRef/name: there is no Credential \"{}\" in namespace \"{}\"", name,
                directory.key.ns);
  const Value& spec = credential->spec;
  const std::string type = text_at(spec, "/type").value_or("");
  if (at(spec, "/" + type) == nullptr)
    return fail(Fault::invalid, "{}: type is {}, so /spec/{} is needed", credential->key, type, type);
  if (type == "ldapBind") {
    settings.bind = Bind::simple;
    settings.username = text_at(spec, "/ldapBind/username").value_or("");
    auto reference = secret_reference_at(spec, "/ldapBind/passwordFrom");
    if (!reference) return in_context(to_string(credential->key), std::move(reference).error());
    settings.password_from = std::move(*reference);
    if (settings.username.empty() || settings.password_from.empty())
      return fail(Fault::invalid, "{}: username and passwordFrom are needed", credential->key);
    return {};
  }
  settings.bind = Bind::gssapi;
  settings.principal = text_at(spec, "/kerberosKeytab/principal").value_or("");
  settings.keytab_file = text_at(spec, "/kerberosKeytab/keytabFile").value_or("");
  settings.krb5_config_file = text_at(spec, "/kerberosKeytab/krb5ConfigFile").value_or("");
  if (settings.principal.empty() || settings.keytab_file.empty())
    return fail(Fault::invalid, "{}: principal and keytabFile are needed", credential->key);
  return {};
}

Result<void> check_transport(const DirectorySettings& settings) {
  if (settings.tls == Tls::none && settings.bind == Bind::simple)
    return fail(Fault::invalid,
                "/spec/tls/mode: None would send the password in the clear; use LDAPS or StartTLS, or a Credential of "
                "type kerberosKeytab, which signs and seals");
  for (const std::string& server : settings.servers) {
    const bool ldaps = lower(server).starts_with("ldaps://");
    if (ldaps != (settings.tls == Tls::ldaps))
      return fail(Fault::invalid, "/spec/servers: {} does not go with tls.mode {}: use {}", server,
                  settings.tls == Tls::ldaps       ? "LDAPS"
                  : settings.tls == Tls::start_tls ? "StartTLS"
                                                   : "None",
                  ldaps ? "ldap://, or LDAPS" : "ldaps://, or StartTLS");
  }
  return {};
}

Result<void> check_scope(const DirectorySettings& settings) {
  for (const Dn& root : settings.managed_scope)
    if (!spec::in_scope(root, settings.base_dns))
      return fail(Fault::invalid, "/spec/managedScope: {} is not below any of the baseDNs", root.text());
  return {};
}

Result<Schedule> read_schedule(const Value& spec) {
  const auto expression = text_at(spec, "/schedule/cron");
  const auto zone_name = text_at(spec, "/schedule/timeZone");
  if (expression.has_value() == (at(spec, "/schedule/interval") != nullptr))
    return fail(Fault::invalid, "/spec/schedule: either interval or cron is needed");
  if (!expression) {
    if (zone_name) return fail(Fault::invalid, "/spec/schedule/timeZone: goes with cron; an interval needs none");
    PLUMB_TRY(const Duration interval, span_at(spec, "/schedule/interval", Duration()));
    if (interval < std::chrono::seconds(1))
      return fail(Fault::invalid, "/spec/schedule/interval: must be a second or more");
    return Schedule::every(interval);
  }
  auto cron = Cron::parse(*expression);
  if (!cron) return in_context("/spec/schedule/cron", std::move(cron).error());
  auto zone = TimeZone::find(zone_name.value_or("UTC"));
  if (!zone) return in_context("/spec/schedule/timeZone", std::move(zone).error());
  return Schedule::by(std::move(*cron), std::move(*zone));
}

constexpr Duration kShortestToken = std::chrono::minutes(1), kLongestToken = std::chrono::days(7);

Result<SignInSettings> read_sign_in(const Value& spec, const DirectorySettings& settings) {
  if (settings.tls == Tls::none)
    return fail(Fault::invalid, "/spec/signIn: people sign in over TLS only; tls.mode has to be LDAPS or StartTLS");
  SignInSettings sign_in;
  sign_in.login_attributes = texts_at(spec, "/signIn/loginAttributes");
  if (sign_in.login_attributes.empty()) sign_in.login_attributes = {"sAMAccountName", "userPrincipalName"};
  PLUMB_CHECK(read_names(spec, "/signIn/baseDNs", sign_in.base_dns));
  for (const Dn& base : sign_in.base_dns)
    if (!spec::in_scope(base, settings.base_dns))
      return fail(Fault::invalid, "/spec/signIn/baseDNs: {} is not below any of the baseDNs", base.text());
  if (sign_in.base_dns.empty()) sign_in.base_dns = settings.base_dns;
  PLUMB_TRY(sign_in.token_lifetime, span_at(spec, "/signIn/tokenLifetime", std::chrono::hours(8)));
  if (sign_in.token_lifetime < kShortestToken || sign_in.token_lifetime > kLongestToken)
    return fail(Fault::invalid, "/spec/signIn/tokenLifetime: must be from {} to {}", format_duration(kShortestToken),
                format_duration(kLongestToken));
  sign_in.prefix = text_at(spec, "/signIn/prefix").value_or("");
  sign_in.wrong_passwords = static_cast<int>(int_at(spec, "/signIn/wrongPasswords").value_or(3));
  return sign_in;
}

}  // namespace

Result<DirectorySettings> directory_settings(const Resource& directory, const Snapshot& snapshot) {
  const Value& spec = directory.spec;
  DirectorySettings settings;
  settings.key = directory.key;
  settings.servers = texts_at(spec, "/servers");
  if (settings.servers.empty()) return fail(Fault::invalid, "/spec/servers: at least one is needed");
  PLUMB_CHECK(read_names(spec, "/baseDNs", settings.base_dns));
  PLUMB_CHECK(read_names(spec, "/managedScope", settings.managed_scope));
  PLUMB_CHECK(read_names(spec, "/protected/distinguishedNames", settings.protected_dns));
  if (settings.base_dns.empty()) return fail(Fault::invalid, "/spec/baseDNs: at least one is needed");
  if (settings.managed_scope.empty()) return fail(Fault::invalid, "/spec/managedScope: at least one is needed");

  if (const auto group = text_at(spec, "/connectorGroup")) settings.connector_group = directory.key.ns + "/" + *group;
  const std::string mode = text_at(spec, "/tls/mode").value_or("LDAPS");
  settings.tls = mode == "LDAPS" ? Tls::ldaps : mode == "StartTLS" ? Tls::start_tls : Tls::none;
  settings.ca_file = text_at(spec, "/tls/caFile").value_or("");
  settings.server_name = text_at(spec, "/tls/serverName").value_or("");
  PLUMB_CHECK(read_credential(directory, snapshot, settings));
  PLUMB_CHECK(check_transport(settings));
  if (settings.connector_group.empty() && settings.password_from.starts_with("connector:"))
    return fail(Fault::invalid,
                "/spec/credentialRef/name: the password of Credential \"{}\" is at a connector's site; that takes a "
                "connectorGroup",
                text_at(spec, "/credentialRef/name").value_or(""));
  PLUMB_CHECK(check_scope(settings));

  PLUMB_TRY(settings.connect_timeout, span_at(spec, "/timeouts/connect", std::chrono::seconds(5)));
  PLUMB_TRY(settings.operation_timeout, span_at(spec, "/timeouts/operation", std::chrono::seconds(30)));
  PLUMB_TRY(settings.read_timeout, span_at(spec, "/timeouts/read", std::chrono::seconds(120)));
  if (at(spec, "/schedule") != nullptr) {
    PLUMB_TRY(settings.schedule, read_schedule(spec));
  }
  if (bool_at(spec, "/signIn/enabled").value_or(false)) {
    PLUMB_TRY(settings.sign_in, read_sign_in(spec, settings));
  }
  settings.page_size = static_cast<int>(int_at(spec, "/pageSize").value_or(1000));
  settings.writes_in_flight = static_cast<std::size_t>(int_at(spec, "/writesInFlight").value_or(32));
  for (std::string& name : texts_at(spec, "/protected/accounts")) settings.protected_accounts.insert(std::move(name));

  PLUMB_TRY(spec::Defaults defaults, spec::defaults_of(directory));
  settings.adoption = defaults.adoption;
  settings.deletion = std::move(defaults.deletion);
  settings.deletion_policy = std::move(defaults.deletion_policy);
  settings.upn_suffix = std::move(defaults.upn_suffix);
  if (settings.upn_suffix.empty())
    return fail(Fault::invalid, "/spec/upnSuffix: is needed, as {} is not made of DC parts",
                settings.base_dns.front().text());
  return settings;
}

}  // namespace plumb
