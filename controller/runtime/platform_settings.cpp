#include "controller/runtime/platform_settings.h"

#include <fmt/format.h>

#include "controller/model/secret_source.h"

namespace plumb::runtime {
namespace {

struct Method {
  std::string_view name;
  PlatformSettings::Login login;
  std::string_view type, account, secret;  // of the Credential
};
constexpr Method kMethods[] = {
    {"basic", PlatformSettings::Login::basic, "basic", "/basic/username", "/basic/passwordFrom"},
    {"login", PlatformSettings::Login::login, "basic", "/basic/username", "/basic/passwordFrom"},
    {"oauth", PlatformSettings::Login::oauth, "oauth2ClientCredentials", "/oauth2ClientCredentials/clientId",
     "/oauth2ClientCredentials/clientSecretFrom"},
};

Result<void> take_credential(const Resource& platform, const Snapshot& snapshot, PlatformSettings& settings) {
  const std::string wanted = text_at(platform.spec, "/authentication/method").value_or("oauth");
  const std::string name = text_at(platform.spec, "/authentication/credentialRef/name").value_or("");
  const Resource* const credential = snapshot.find({"Credential", platform.key.ns, name});
  if (credential == nullptr)
    return fail(Fault::invalid,
                "/spec/authentication/credentialRef/name: there is no Credential \"{}\" in namespace \"{}\"", name,
                platform.key.ns);
  for (const Method& method : kMethods) {
    if (method.name != wanted) continue;
    if (text_at(credential->spec, "/type") != method.type)
      return fail(Fault::invalid, "/spec/authentication/credentialRef: method {} needs a Credential of type {}", wanted,
                  method.type);
    settings.login = method.login;
    settings.account = text_at(credential->spec, method.account).value_or("");
    PLUMB_TRY(settings.secret_from, secret_reference_at(credential->spec, std::string(method.secret)));
    if (settings.account.empty() || settings.secret_from.empty())
      return fail(Fault::invalid, "/spec/authentication/credentialRef: Credential \"{}\" has no {} or {}", name,
                  method.account, method.secret);
    return {};
  }
  return fail(Fault::invalid, "/spec/authentication/method: \"{}\" is none of basic, login and oauth", wanted);
}

}  // namespace

Result<PlatformSettings> platform_settings(const Resource& platform, const Snapshot& snapshot) {
  PlatformSettings settings;
  settings.key = platform.key;
  auto url = parse_url(text_at(platform.spec, "/url").value_or(""));
  if (!url) return in_context("/spec/url", std::move(url).error());
  settings.url = std::move(*url);
  if (!settings.url.query.empty()) return fail(Fault::invalid, "/spec/url: must have no query");
  if (settings.url.scheme != "https" && !is_loopback_host(settings.url.host))
    return fail(Fault::invalid, "/spec/url: secrets go to a Platform over https only; http is for loopback");
  if (settings.url.path.ends_with('/')) settings.url.path.pop_back();
  PLUMB_CHECK(take_credential(platform, snapshot, settings));
  if (const auto text = text_at(platform.spec, "/version")) {
    auto version = parse_platform_version(*text);
    if (!version) return in_context("/spec/version", std::move(version).error());
    settings.version = *version;
  }
  settings.limits.timeout = Duration(int_at(platform.spec, "/timeoutMs").value_or(30000));
  // A document of 15 MB is refused by a Platform; a page of 100 integrations is far smaller.
  settings.limits.body_limit = 32 << 20;
  settings.tls.verify = bool_at(platform.spec, "/tls/rejectUnauthorized").value_or(true);
  settings.tls.server_name = text_at(platform.spec, "/tls/serverName").value_or("");
  if (auto ca = text_at(platform.spec, "/tls/ca"))
    settings.tls.ca = std::make_shared<const std::string>(std::move(*ca));
  if (text_at(platform.spec, "/tls/minimumVersion") == "1.3") settings.tls.minimum = HttpTls::Minimum::tls13;
  return settings;
}

}  // namespace plumb::runtime
