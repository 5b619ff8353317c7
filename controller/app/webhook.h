#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "controller/app/webhook_settings.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/net/http_server.h"
#include "controller/ports/secret_store.h"

namespace plumb::app {

// Answers webhooks. A valid one has a single effect: somebody looks at the source soon, as they would anyway at the
// next interval. Nothing of what it says is used, and the answer tells nothing but whether it was taken.
class WebhookReceiver {
 public:
  // `name` is WebhookSettings::name. Must not block.
  using Poke = std::function<void(const std::string& name)>;
  using Later = std::function<void(Duration delay, std::function<void()> what)>;

  // Fault::invalid if two hooks have one path, and the fault of a secret that cannot be had. `later` calls on the
  // thread of `handle`, and not after the receiver has gone. One caller at a time.
  static Result<std::unique_ptr<WebhookReceiver>> make(std::vector<WebhookSettings> hooks, SecretStore& secrets,
                                                       const Clock& clock, Poke poke, Later later);

  // 202 for a valid hook, 401 for a bad signature, 404 for an unknown path, 405 for what is no POST, 429 for too many.
  // Of valid hooks within a second of a poke, however many, one more poke follows at the end of it.
  net::Response handle(const net::Request& request);

 private:
  struct Hook {
    WebhookSettings settings;
    Secret secret;
    SteadyTime fetched;      // when `secret` was
    SteadyTime quiet_until;  // the next poke is not before
    bool poke_is_due = false;
    double allowance;  // requests that may be looked at now
    SteadyTime allowance_at;
    SteadyTime warned;
  };
  WebhookReceiver(SecretStore& secrets, const Clock& clock, Poke poke, Later later);
  bool within_rate(Hook& hook) const;
  bool authentic(Hook& hook, const net::Request& request);
  void valid(Hook& hook);

  SecretStore& secrets_;
  const Clock& clock_;
  Poke poke_;
  Later later_;
  std::vector<std::unique_ptr<Hook>> hooks_;
};

// Listens for webhooks, one HttpServer for each address. Stops when it is destroyed.
class WebhookServers {
 public:
  // `poke` is called on the servers' threads. `secrets` and `clock` outlive it.
  static Result<std::unique_ptr<WebhookServers>> start(const std::vector<WebhookSettings>& hooks, SecretStore& secrets,
                                                       const Clock& clock, const WebhookReceiver::Poke& poke);
  // "http://127.0.0.1:8787", in the order of the addresses.
  std::vector<std::string> urls() const;

 private:
  struct Listener {
    std::unique_ptr<WebhookReceiver> receiver;
    std::promise<net::HttpServer*> started;   // a hook may come before start() has returned
    std::unique_ptr<net::HttpServer> server;  // goes first
  };
  std::vector<std::unique_ptr<Listener>> listeners_;
};

}  // namespace plumb::app
