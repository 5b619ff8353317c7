#pragma once

#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/value.h"
#include "controller/net/http_server.h"

namespace plumb::app {

// Where and how somebody may say that a source has changed; spec.webhook of a GitRepository.
struct WebhookSettings {
  std::string name;                       // of the source, for `poke` and the log: "GitRepository/default/company"
  std::string listen = "127.0.0.1:8787";  // hooks of several sources may share an address
  std::string path;                       // "/hooks/company"
  std::optional<net::TlsFiles> tls{};
  enum class Provider {
    github,   // X-Hub-Signature-256: sha256=<hex of HMAC-SHA-256>
    gitlab,   // X-Gitlab-Token: <the secret itself>
    gitea,    // X-Gitea-Signature, X-Forgejo-Signature: <hex of HMAC-SHA-256>; or as GitHub
    generic,  // as `signature` says
  };
  Provider provider = Provider::github;
  std::string secret_from;  // a SecretStore reference

  struct Signature {
    std::string header = "X-Signature";
    enum class Algorithm { sha256, sha512 } algorithm = Algorithm::sha256;
    enum class Encoding { hex, base64 } encoding = Encoding::hex;
    std::string prefix{};            // in front of the signature: "sha256="
    std::string timestamp_header{};  // not empty: "<seconds since 1970>.<body>" is signed, and must be recent
    Duration tolerance = std::chrono::minutes(5);
  };
  Signature signature{};
};

// From `webhook`, the mapping at spec.webhook; `path` defaults to "/hooks/<resource_name>". Fault::invalid with the
// JSON Pointer of what is wrong.
Result<WebhookSettings> webhook_settings(std::string name, std::string_view resource_name, const Value& webhook);

}  // namespace plumb::app
