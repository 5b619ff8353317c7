#include "controller/runtime/invoker.h"

#include <algorithm>
#include <random>

#include "controller/base/text.h"
#include "controller/runtime/invoker_call.h"
#include "controller/runtime/invoker_result.h"

namespace plumb::runtime {
namespace {

// Tokens are renewed half a minute before they expire: looked at often enough for that.
constexpr Duration kRenewEvery = std::chrono::seconds(5);
constexpr std::string_view kUserAgent = "plumbline";

bool has_header(const HttpHeaders& headers, std::string_view name) {
  return std::ranges::any_of(headers, [&](const auto& each) { return equals_ignoring_case(each.first, name); });
}

// The call that the model formed, at the server of the integration.
HttpRequest request_of(openapi::Prepared prepared, const Url& base, const std::string& base_path) {
  HttpRequest request{.method = std::move(prepared.method), .url = base};
  request.url.path = base_path + prepared.path;
  request.url.query = std::move(prepared.query);
  request.headers = std::move(prepared.headers);
  request.body = std::move(prepared.body);
  if (!prepared.content_type.empty()) request.headers.emplace_back("Content-Type", std::move(prepared.content_type));
  if (!prepared.cookies.empty()) {
    std::string cookies;
    for (const auto& [name, value] : prepared.cookies)
      cookies.append(cookies.empty() ? "" : "; ").append(name).append("=").append(value);
    request.headers.emplace_back("Cookie", std::move(cookies));
  }
  if (!has_header(request.headers, "Accept")) request.headers.emplace_back("Accept", "application/json, */*;q=0.8");
  if (!has_header(request.headers, "User-Agent")) request.headers.emplace_back("User-Agent", kUserAgent);
  return request;
}

// Whether the credentials go with an operation; a text where it cannot be called with those that there are.
Result<bool> takes_credentials(const IntegrationSettings& settings, const openapi::Operation& operation) {
  if (!settings.scheme) {
    if (std::ranges::all_of(operation.security, [](const auto& all_of) { return !all_of.empty(); }) &&
        !operation.security.empty())
      return fail(Fault::invalid, "needs security scheme \"{}\", and /spec/authentication/credentialRef is missing",
                  join(operation.security.front(), "\" and \""));
    return false;
  }
  if (settings.scheme_for_all) return true;
  if (operation.security.empty()) return false;
  bool without = false;
  std::vector<std::string> others;
  for (const auto& all_of : operation.security) {
    if (std::ranges::find(all_of, settings.scheme->name) != all_of.end()) return true;
    without = without || all_of.empty();
    others.push_back(join(all_of, "+"));
  }
  if (without) return false;
  return fail(Fault::invalid, "takes security scheme {}, and the Integration has credentials for \"{}\"",
              join(others, " or "), settings.scheme->name);
}

}  // namespace

struct Invoker::State : std::enable_shared_from_this<Invoker::State> {
  explicit State(std::shared_ptr<const InvokerParts> given) : parts(std::move(given)) {}

  std::shared_ptr<const InvokerParts> parts;
  std::map<ResourceKey, std::shared_ptr<const Live>> live;
  bool renewing = false;

  // The integration, if it can be called at all.
  Result<std::shared_ptr<const Live>> usable(const ResourceKey& key) const {
    const auto found = live.find(key);
    if (found == live.end()) return fail(Fault::not_found, "there is no {}", key);
    const IntegrationSettings& settings = *found->second->settings;
    if (!settings.enabled) return fail(Fault::denied, "{} is disabled", key);
    if (!settings.platform.empty())
      return fail(Fault::invalid, "{} lives on IntegrationPlatform \"{}\": it is called there", key, settings.platform);
    if (!settings.problems.empty())
      return fail(Fault::invalid, "{} is not configured: {}", key, text_of(settings.problems));
    if (const std::string group = settings.cluster(); !group.empty() && !(parts->online && parts->online(group)))
      return fail(Fault::unavailable, "{}: no connector online in cluster {}", key, settings.route.cluster);
    return found->second;
  }

  Result<CallPlan> plan(Invocation& invocation) const {
    PLUMB_TRY(auto target, usable(invocation.integration));
    const IntegrationSettings& settings = *target->settings;
    const auto& operations = target->operations->model().operations;
    const auto operation = operations.find(invocation.operation);
    if (operation == operations.end()) {
      std::vector<std::string> names;
      for (const auto& [id, each] : operations) names.push_back(id);
      return fail(Fault::not_found, "{} has no operation \"{}\"{}", invocation.integration,
                  printable(invocation.operation), did_you_mean(invocation.operation, names));
    }
    const auto what = [&] { return fmt::format("{} of {}", invocation.operation, invocation.integration); };
    auto prepared = target->operations->prepare(operation->second, invocation.arguments);
    if (!prepared) return fail(Fault::invalid, "{}: bad arguments: {}", what(), text_of(prepared.error()));
    const auto authorised = takes_credentials(settings, operation->second);
    if (!authorised) return in_context(what(), authorised.error());
    const auto elsewhere = settings.operation_bases.find(invocation.operation);
    const bool usual = elsewhere == settings.operation_bases.end();
    CallPlan made{.request = request_of(std::move(*prepared), usual ? settings.base : elsewhere->second.first,
                                        usual ? settings.base_path : elsewhere->second.second),
                  .authorised = *authorised,
                  .timeout = std::min(settings.timeout, invocation.timeout.value_or(settings.timeout)),
                  .operation = std::move(invocation.operation),
                  .request_id = std::move(invocation.request_id),
                  .actor = std::move(invocation.actor)};
    made.live = std::move(target);
    return made;
  }

  void start(Invocation invocation, Done done) {
    auto made = plan(invocation);
    if (made) return run_call(parts, std::move(*made), std::move(done));
    Invoked refused = refusal(made.error());
    if (parts->record) {
      CallRecord record{.integration = std::move(invocation.integration),
                        .operation = std::move(invocation.operation),
                        .request_id = std::move(invocation.request_id),
                        .actor = std::move(invocation.actor)};
      record.fault = refused.fault;
      record.error = made.error().message;
      record.result = refused.result;
      parts->record(record);
    }
    done(std::move(refused));
  }

  void renew_from_now_on() {
    if (std::exchange(renewing, true)) return;
    parts->loop.later(kRenewEvery, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->renewing = false;
      bool any = false;
      for (const auto& [key, each] : self->live) {
        any = any || each->settings->scheme.has_value();
        const auto authenticator = each->connection->authenticator;
        if (authenticator && each->settings->enabled) authenticator->renew_if_due();
      }
      if (any) self->renew_from_now_on();
    });
  }
};

Invoker::Invoker(InvokerParts parts) {
  if (!parts.random)
    parts.random = [generator = std::mt19937(std::random_device()())]() mutable {
      return static_cast<std::uint32_t>(generator());
    };
  state_ = std::make_shared<State>(std::make_shared<const InvokerParts>(std::move(parts)));
}

Invoker::~Invoker() = default;

void Invoker::publish(std::shared_ptr<const RegistryView> view) {
  std::map<ResourceKey, std::shared_ptr<const Live>> live;
  const auto& objects = view->objects;
  for (auto each = objects.lower_bound({"Integration", "", ""});
       each != objects.end() && each->first.kind == "Integration"; ++each) {
    const LiveSources sources = live_sources(*view, *each->second);
    const auto before = state_->live.find(each->first);
    const Live* old = before == state_->live.end() ? nullptr : before->second.get();
    live.emplace_hint(live.end(), each->first,
                      old != nullptr && old->version == version_of(sources) ? before->second
                                                                            : make_live(sources, old, *state_->parts));
  }
  state_->live = std::move(live);
  state_->renew_from_now_on();
}

void Invoker::invoke(Invocation invocation, Done done) { state_->start(std::move(invocation), std::move(done)); }

void Invoker::probe(const ResourceKey& integration, Done done, bool asked_for) {
  auto target = state_->usable(integration);
  if (!target) return done(refusal(target.error()));
  const IntegrationSettings& settings = *(*target)->settings;
  using Mode = ProbeSettings::Mode;
  switch (settings.probe.mode) {
    case Mode::off: {
      if (asked_for) break;
      Invoked untouched;
      untouched.ok = true;
      return done(std::move(untouched));
    }
    case Mode::operation:
      return invoke({.integration = integration, .operation = settings.probe.operation, .actor = "probe"},
                    std::move(done));
    case Mode::head: break;
  }
  openapi::Prepared head{.method = "HEAD", .path = settings.base_path.empty() ? "/" : ""};
  CallPlan plan{.request = request_of(std::move(head), settings.base, settings.base_path),
                .authorised = settings.scheme.has_value(),
                .timeout = settings.timeout,
                .actor = "probe"};
  plan.live = std::move(*target);
  run_call(state_->parts, std::move(plan), [done = std::move(done)](Invoked invoked) {
    if (invoked.reached)
      invoked.ok = shows_ready(Mode::head, static_cast<int>(int_at(invoked.result, "/status").value_or(0)));
    done(std::move(invoked));
  });
}

std::shared_ptr<const IntegrationSettings> Invoker::settings(const ResourceKey& integration) const {
  const auto found = state_->live.find(integration);
  return found == state_->live.end() ? nullptr : found->second->settings;
}

void Invoker::drop_authenticator(const ResourceKey& integration) {
  const auto found = state_->live.find(integration);
  if (found == state_->live.end()) return;
  Connection& connection = *found->second->connection;
  if (connection.authenticator) connection.authenticator->drop();
  connection.authenticator.reset();
  connection.authenticated_by.reset();
  // At once, so that its token is renewed without anybody asking.
  const auto& route = connection.routes->ready();
  if (route && found->second->settings->problems.empty()) authenticator_of(*found->second, route, *state_->parts);
}

void Invoker::auth_settings(const ResourceKey& integration, std::function<void(Result<AuthSettings>)> done) const {
  auto target = state_->usable(integration);
  if (!target) return done(Failure(std::move(target).error()));
  const Live& live = **target;
  if (!live.settings->scheme) return done(fail(Fault::invalid, "{} has no authentication", integration));
  live.connection->routes->get([target = std::move(*target), done = std::move(done)](Result<RouteKeeper::Route> route) {
    if (!route) return done(Failure(std::move(route).error()));
    done(auth_settings_of(*target, *route));
  });
}

}  // namespace plumb::runtime
