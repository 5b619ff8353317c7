#include "controller/app/runtime_host.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <map>
#include <random>
#include <thread>

#include "controller/adapters/connector/cluster_sender.h"
#include "controller/api/api.h"
#include "controller/app/beside_hub.h"
#include "controller/app/connector_desk.h"
#include "controller/app/hub_host.h"
#include "controller/app/integration_export.h"
#include "controller/app/lanes.h"
#include "controller/base/digest.h"
#include "controller/base/log.h"
#include "controller/base/log_record.h"
#include "controller/base/phase.h"
#include "controller/base/synchronized.h"
#include "controller/engine/status_book.h"
#include "controller/link/loop_asker.h"
#include "controller/net/http_client.h"
#include "controller/net/http_server.h"
#include "controller/net/loop.h"
#include "controller/runtime/access_tokens.h"
#include "controller/runtime/auth_code.h"
#include "controller/runtime/blocking.h"
#include "controller/runtime/conditions.h"
#include "controller/runtime/failed_calls.h"
#include "controller/runtime/integration_log.h"
#include "controller/runtime/rotation.h"
#include "controller/runtime/secret_cache.h"
#include "controller/runtime/syslog_over_net.h"
#include "controller/runtime/token_vault.h"

namespace plumb::app {
namespace {

constexpr Duration kLookForProbes = std::chrono::seconds(1);
constexpr std::size_t kMostAtOnce = 16;  // probes under way
constexpr std::string_view kCallback = "/oauth/callback";

log::Level level_in_log(runtime::LogLevel level) {
  switch (level) {
    case runtime::LogLevel::error: return log::Level::error;
    case runtime::LogLevel::warn: return log::Level::warning;
    case runtime::LogLevel::info: return log::Level::info;
    case runtime::LogLevel::debug:
    case runtime::LogLevel::trace:
    case runtime::LogLevel::spam: return log::Level::debug;
  }
  return log::Level::error;
}

// An integration that is at debug is so without the rest of the process; what is not to say even what happened (a
// command whose answer is its output) says none of it.
void write_call(runtime::LogLevel level, std::string_view event, const std::string& json) {
  const log::Level in_log = level_in_log(level);
  if (log::enabled(std::max(in_log, log::Level::info))) log::write_record(in_log, event, json);
}

}  // namespace

// In the order in which it is made; what stands on the loop goes once that has stopped.
struct RuntimeHost::Running {
  Running(const Parts& given, net::Egress egress)
      : parts(given),
        client(loop, {.egress = egress}),
        call_log({.clock = given.clock,
                  .sink = write_call,
                  .open_syslog = runtime::syslog_over_net(loop, std::move(egress)),
                  .host = runtime::name_of_this_host(),
                  .pid = ::getpid(),
                  .utc_offset = runtime::local_utc_offset}),
        failed_calls(given.state.store(), loop, given.clock),
        secrets(given.secrets, loop, given.clock),
        tokens(given.state.store(), given.state.key()),
        access_tokens(given.state.store(), given.clock),
        sign_ins(loop, given.clock),
        invoker({.sender = sender,
                 .secrets = secrets,
                 .tokens = tokens,
                 .loop = loop,
                 .clock = given.clock,
                 .record =
                     [this](const runtime::CallRecord& call) {
                       call_log.record(call);
                       failed_calls.note(call);
                     },
                 .detailed = [this](const ResourceKey& key) { return call_log.detailed(key); },
                 // The controller beside us knows, and says why not.
                 .online = [this](const std::string& group) { return hub ? hub->is_online(group) : beside != nullptr; },
                 .random = [engine = std::make_shared<std::mt19937>(std::random_device()())] { return (*engine)(); }}),
        logins({.sender = client, .secrets = secrets, .tokens = tokens, .loop = loop, .clock = given.clock}),
        rotations({.store = given.state.store(),
                   .secrets = secrets,
                   .tokens = tokens,
                   .clock = given.clock,
                   .drop = [this](const ResourceKey& key) { invoker.drop_authenticator(key); }}) {}

  ~Running() {
    server.reset();
    loop.stop();
  }

  void publish(std::shared_ptr<const runtime::RegistryView> next) {
    view = next;
    rotations.publish(next);  // first: nobody is to take up what is dropped
    look_for_rotations();
    call_log.publish(next);
    invoker.publish(next);
    if (api) api->publish(next);
    if (hub) hub->publish(*next);
    // What was probed of another manifest says nothing of this one.
    probes.with([&](auto& known) {
      std::erase_if(known, [&](const auto& each) {
        const runtime::Registered* const now = view->find(each.first);
        return now == nullptr || now->digest != each.second.digest;
      });
    });
  }

  void look_for_rotations() {
    if (std::exchange(looks_for_rotations, true)) return;
    loop.later(kLookForProbes, [this] {
      looks_for_rotations = false;
      look_for_rotations();
      if (rotations.look() && changed) changed();
    });
  }

  // Somebody may sign in by a command beside this process.
  void look_for_logins() {
    bool other = false;
    for (const auto& [key, object] : view->objects) {
      if (key.kind != "Integration") continue;
      const std::string token = runtime::consent_needed(*view, *object);
      if (token.empty()) continue;
      const bool there = tokens.version(token) != 0;
      const auto [known, fresh] = signed_in.try_emplace(key, there);
      other = other || (!fresh && known->second != there);
      known->second = there;
    }
    if (other) changed();
  }

  void look_for_probes() {
    if (!changed) return;
    loop.later(kLookForProbes, [this] { look_for_probes(); });
    if (view == nullptr) return;
    look_for_logins();
    const SteadyTime now = parts.clock.steady();
    for (const auto& [key, object] : view->objects) {
      if (key.kind != "Integration" || probing >= kMostAtOnce) continue;
      const auto settings = runtime::probe_settings(object->spec);
      if (settings.mode == runtime::ProbeSettings::Mode::off) continue;
      const bool due = probes.with([&](auto& known) {
        const auto [found, fresh] = known.try_emplace(key, Probe{object->digest, {}, now});
        if (!fresh && now < found->second.next) return false;
        found->second.next = now + settings.interval;
        return true;
      });
      if (due) probe_one(key, object->digest);
    }
  }

  void probe_one(const ResourceKey& key, const std::string& digest) {
    ++probing;
    invoker.probe(key, [this, key, digest](const runtime::Invoked& probed) {
      --probing;
      const auto result = probe_result(probed);
      const bool other = probes.with([&](auto& known) {
        const auto found = known.find(key);
        if (found == known.end() || found->second.digest != digest || found->second.result == result) return false;
        found->second.result = result;
        return true;
      });
      if (!other) return;
      log::info("probe.changed", "{}: {}{}{}", key, result.reason, result.message.empty() ? "" : ": ", result.message);
      if (changed) changed();
    });
  }

  void begin_login(const ResourceKey& key, runtime::Logins::Begun done) {
    invoker.auth_settings(key, [this, done = std::move(done)](Result<runtime::AuthSettings> settings) {
      if (!settings) return done(tl::unexpected(runtime::AuthFailure{std::move(settings).error(), {}}));
      logins.begin(std::move(*settings), redirect_uri, done);
    });
  }

  api::ApiParts api_parts() {
    api::ApiParts all = integration_parts();
    if (desk == nullptr) return all;
    all.connectors = desk->parts();
    all.metrics = [this] { return desk->metrics(); };
    return all;
  }

  api::ApiParts integration_parts() {
    return {.tokens = access_tokens,
            .clock = parts.clock,
            .invoke = [this](runtime::Invocation invocation,
                             runtime::Invoker::Done done) { invoker.invoke(std::move(invocation), std::move(done)); },
            .status = [this](const ResourceKey& key) { return status_of(key); },
            .audit = [this](const api::Event& event) { audit(event); },
            .failures = [this](const ResourceKey& key) { return runtime::FailedCalls::of(parts.state.store(), key); },
            .begin_login = [this](const ResourceKey& key,
                                  runtime::Logins::Begun done) { begin_login(key, std::move(done)); },
            .finish_login = [this](const runtime::LoginAnswer& answer,
                                   runtime::Logins::Finished done) { logins.finish(answer, std::move(done)); },
            .sign_in = [this](runtime::SignInAttempt attempt,
                              runtime::SignIns::Done done) { sign_ins.begin(std::move(attempt), std::move(done)); },
            .log_level = [this](const ResourceKey& key) { return call_log.active(key); },
            .set_log_level = [this](const ResourceKey& key, runtime::LogLevel level,
                                    SystemTime until) { return call_log.set_level(key, level, until); },
            .exported = [](const runtime::RegistryView& now, const ResourceKey& key) -> Result<Value> {
              PLUMB_TRY(auto made, export_applied(now, key));
              return std::move(made.service);
            }};
  }

  std::optional<Status> status_of(const ResourceKey& key) const {
    const auto statuses = engine::read_status(parts.state.store(), to_string(key));
    if (!statuses) return {};
    const auto found = std::ranges::find(*statuses, key, &Status::key);
    return found == statuses->end() ? std::nullopt : std::optional(*found);
  }

  Result<void> open_hub(const RuntimeOptions& options) {
    if (options.hub_version.empty()) {
      if (options.state.empty()) return {};
      beside = std::make_unique<BesideHub>(options.state, loop);
      asker.to(beside->asker());
      return {};
    }
    PLUMB_TRY(hub, HubHost::open({.loop = loop,
                                  .state = parts.state,
                                  .clock = parts.clock,
                                  .version = options.hub_version,
                                  .socket = options.state.empty() ? options.state : hub_socket(options.state),
                                  .tell = [this](const link::HubEvent& event) { note_connector(event); },
                                  .changed =
                                      [this] {
                                        if (changed) changed();
                                        if (connectors_changed) connectors_changed();
                                      }}));
    asker.to(hub->asker());
    desk = std::make_unique<ConnectorDesk>(ConnectorDesk::Parts{.loop = loop,
                                                                .state = parts.state,
                                                                .clock = parts.clock,
                                                                .hub = *hub,
                                                                .folder = options.state,
                                                                .version = options.hub_version,
                                                                .view = [this] { return view; }});
    return loop.call([this] {
      hub->begin();
      desk->begin();
    });
  }

  void note_connector(const link::HubEvent& event) {
    const bool known = !event.connector.name.empty();
    audit({.actor = known ? to_string(event.connector) : "connector",
           .action = event.action,
           .subject = known ? to_string(event.connector) : "",
           .message = event.message,
           .security = event.security});
  }

  void audit(const api::Event& event) {
    const std::string text =
        fmt::format("{} {}{}{}", event.actor, event.subject, event.message.empty() ? "" : ": ", event.message);
    if (event.security) {
      log::warning("security." + event.action, "{}", text);
    } else {
      log::info(event.action, "{}", text);
    }
    AuditRecord record;
    record.stage = AuditRecord::Stage::note;
    record.target = to_string(runtime_key());
    record.actor = event.actor;
    record.key = parse_key(event.subject);
    record.security = event.security;
    record.message =
        fmt::format("{}: {}{}{}", event.action, event.subject, event.message.empty() ? "" : ": ", event.message);
    if (!audit_log) {
      auto opened = parts.state.open_audit(parts.clock);
      if (!opened) return log::warning("audit.lost", "{}", opened.error().message);
      audit_log.emplace(std::move(*opened));
    }
    if (const auto kept = audit_log->append({std::move(record)}); !kept)
      log::warning("audit.lost", "{}", kept.error().message);
  }

  struct Probe {
    std::string digest;  // of the manifest that was probed
    std::optional<runtime::ProbeResult> result;
    SteadyTime next;
  };

  Parts parts;
  net::Loop loop;
  net::HttpClient client;
  std::unique_ptr<BesideHub> beside;  // null: connectors are not with another process
  link::LateAsker asker;              // until connectors can dial in, nobody answers
  remote::ClusterSender sender{client, asker};
  std::unique_ptr<HubHost> hub;  // null: none can dial in. Goes after all that may still ask through it
  std::unique_ptr<ConnectorDesk> desk;
  runtime::IntegrationLog call_log;
  runtime::FailedCalls failed_calls;
  runtime::SecretCache secrets;
  runtime::TokenVault tokens;
  runtime::AccessTokens access_tokens;
  runtime::SignIns sign_ins;
  runtime::Invoker invoker;
  runtime::Logins logins;
  runtime::Rotations rotations;
  bool looks_for_rotations = false;
  std::map<ResourceKey, bool> signed_in;  // those that a person signs in for
  std::optional<engine::AuditLog> audit_log;
  std::optional<api::Api> api;
  std::string redirect_uri;
  std::shared_ptr<const runtime::RegistryView> view;  // of the loop's thread
  Synchronized<std::map<ResourceKey, Probe>> probes;
  std::size_t probing = 0;
  std::function<void()> changed, connectors_changed;
  std::unique_ptr<net::HttpServer> server;
};

runtime::ProbeResult probe_result(const runtime::Invoked& probed) {
  if (probed.ok) return {true, "Answered", ""};
  if (probed.result.is_string())
    return {false, probed.fault == Fault::denied ? "Denied" : "Unreachable", std::string(probed.result.get_string())};
  const auto status = int_at(probed.result, "/status").value_or(0);
  const bool token = text_at(probed.result, "/phase") == "token";
  const bool refused = token || status == 401 || status == 403 || status == 407;
  return {false, refused ? "Unauthorized" : "Failing",
          fmt::format("{} {} answered {} {}", text_at(probed.result, "/method").value_or(""),
                      text_at(probed.result, "/url").value_or(""), status,
                      text_at(probed.result, "/statusText").value_or(""))};
}

RuntimeHost::RuntimeHost(std::unique_ptr<Running> running) : running_(std::move(running)) {}
RuntimeHost::~RuntimeHost() = default;

Result<std::unique_ptr<RuntimeHost>> RuntimeHost::start(const RuntimeOptions& options, const Parts& parts) {
  auto egress = net::Egress::parse(options.egress);
  if (!egress) return in_context("--allow-egress", std::move(egress).error());
  auto running = std::make_unique<Running>(parts, std::move(*egress));
  PLUMB_CHECK(running->open_hub(options));
  parts.registry.subscribe([host = running.get()](std::shared_ptr<const runtime::RegistryView> view) {
    host->loop.post([host, view = std::move(view)] { host->publish(view); });
  });
  return std::unique_ptr<RuntimeHost>(new RuntimeHost(std::move(running)));
}

void RuntimeHost::sign_in_by(runtime::SignIns::Directories directories) {
  running_->sign_ins.publish(std::move(directories));
}

Result<std::string> RuntimeHost::serve(const RuntimeOptions& options) {
  net::HttpServerOptions server{.listen = options.api, .connection_limit = 1024};
  if (options.certificate.empty() != options.key.empty())
    return fail(Fault::invalid, "--api-certificate and --api-key go together");
  if (!options.certificate.empty()) server.tls = net::TlsFiles{options.certificate.string(), options.key.string()};
  Running* const host = running_.get();
  if (host->hub) server.web_socket = host->hub->acceptor();
  PLUMB_CHECK(host->loop.call([host] {
    host->api.emplace(host->api_parts());
    if (host->view != nullptr) host->api->publish(host->view);
  }));
  PLUMB_TRY(host->server, net::HttpServer::start(
                              server, host->parts.clock,
                              net::HttpServer::AsyncHandler([host](net::Request request, net::HttpServer::Reply reply) {
                                host->api->handle(std::move(request), std::move(reply));
                              }),
                              &host->loop));
  const std::string url = host->server->url();
  PLUMB_CHECK(host->loop.call([host, url] { host->redirect_uri = url + std::string(kCallback); }));
  return url;
}

link::Asker* RuntimeHost::asker() const { return running_->hub ? &running_->hub->asker() : nullptr; }

std::vector<std::string> RuntimeHost::wait_for(const std::set<std::string>& groups, Duration limit,
                                               const std::stop_token& stop) {
  constexpr Duration kLook = std::chrono::milliseconds(50);
  const Deadline deadline = Deadline::in(running_->parts.clock, limit);
  std::vector<std::string> missing;
  while (true) {
    missing.clear();
    bool may_come = false;
    std::ignore = running_->loop.call([&] {
      for (const std::string& group : groups) {
        if (running_->hub && running_->hub->is_online(group)) continue;
        missing.push_back(group);
        may_come = may_come || (running_->hub && running_->hub->may_come(group));
      }
    });
    const bool over =
        !may_come || stop.stop_requested() || deadline.left(running_->parts.clock.steady()) == Duration::zero();
    if (over) return missing;
    std::this_thread::sleep_for(kLook);
  }
}

void RuntimeHost::probe_all(std::function<void()> changed) {
  running_->loop.post([host = running_.get(), changed = std::move(changed)] {
    host->changed = changed;
    host->look_for_probes();
  });
}

void RuntimeHost::watch_connectors(std::function<void()> changed) {
  running_->loop.post([host = running_.get(), changed = std::move(changed)] { host->connectors_changed = changed; });
}

void RuntimeHost::stop_probing() {
  std::ignore = running_->loop.call(
      [host = running_.get()] { host->changed = host->connectors_changed = {}; });  // fails once it has stopped
}

std::optional<runtime::ProbeResult> RuntimeHost::last_probe(const ResourceKey& integration) const {
  return running_->probes.with([&](const auto& known) -> std::optional<runtime::ProbeResult> {
    const auto found = known.find(integration);
    return found == known.end() ? std::nullopt : found->second.result;
  });
}

runtime::Invoked RuntimeHost::invoke(runtime::Invocation invocation, Duration limit) {
  return runtime::invoke_and_wait(running_->loop, running_->invoker, std::move(invocation),
                                  Deadline::in(running_->parts.clock, limit));
}

runtime::Invoked RuntimeHost::probe(const ResourceKey& integration, Duration limit) {
  return runtime::probe_and_wait(running_->loop, running_->invoker, integration,
                                 Deadline::in(running_->parts.clock, limit));
}

Result<void> RuntimeHost::login(const ResourceKey& integration, const std::string& listen, Duration limit,
                                const std::function<void(const std::string& url)>& show) {
  PLUMB_TRY(const std::string url, serve({.egress = {}, .api = listen, .certificate = {}, .key = {}}));
  Running* const host = running_.get();
  // Kept by whoever still has to answer, also after this has given up.
  auto begun = std::make_shared<std::promise<Result<std::string>>>();
  auto signed_in = std::make_shared<std::promise<Result<void>>>();
  PLUMB_CHECK(host->loop.call([&] {
    auto parts = host->api_parts();
    parts.finish_login = [host, signed_in](const runtime::LoginAnswer& answer, runtime::Logins::Finished done) {
      host->logins.finish(answer, [signed_in, done](auto finished) {
        try {
          if (finished) {
            signed_in->set_value({});
          } else if (finished.error().error.fault != Fault::denied) {
            signed_in->set_value(tl::unexpected(finished.error().error));
          }
        } catch (const std::future_error&) {  // somebody came back twice
        }
        done(std::move(finished));
      });
    };
    host->api.emplace(std::move(parts));
    if (host->view != nullptr) host->api->publish(host->view);
    host->begin_login(integration, [begun](auto answer) {
      begun->set_value(answer ? Result<std::string>(answer->url)
                              : Result<std::string>(tl::unexpected(answer.error().error)));
    });
  }));
  auto started = begun->get_future();
  if (started.wait_for(limit) != std::future_status::ready)
    return fail(Fault::timeout, "the authorization server did not answer within {}", format_duration(limit));
  PLUMB_TRY(const std::string where, started.get());
  show(where);
  auto finished = signed_in->get_future();
  if (finished.wait_for(limit) != std::future_status::ready)
    return fail(Fault::timeout, "nobody signed in within {}", format_duration(limit));
  return finished.get();
}

}  // namespace plumb::app
