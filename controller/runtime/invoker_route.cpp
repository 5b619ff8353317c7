#include "controller/runtime/invoker_route.h"

#include <algorithm>

#include "controller/base/digest.h"
#include "controller/runtime/redirects.h"

namespace plumb::runtime {
namespace {

bool same(const Secret& a, const Secret& b) { return equal_in_constant_time(a.reveal(), b.reveal()); }

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

Result<Secret> pem_of(const Secret& secret) {
  const std::string_view text = trimmed(secret.reveal());
  std::string pem;
  if (text.starts_with("-----BEGIN ")) {
    pem = secret.reveal();
  } else if (text.starts_with("data:")) {
    const auto comma = text.find(',');
    if (comma == std::string_view::npos || !text.substr(0, comma).ends_with(";base64"))
      return fail(Fault::invalid, "is a data: URL that is not base64");
    auto decoded = from_base64(text.substr(comma + 1));
    if (!decoded) return fail(Fault::invalid, "is a data: URL whose base64 cannot be read");
    pem = std::move(*decoded);
  } else {
    return fail(Fault::invalid, "is neither PEM nor a data: URL");
  }
  Secret made(std::move(pem));
  if (!trimmed(made.reveal()).starts_with("-----BEGIN ") || made.reveal().find("-----END ") == std::string_view::npos)
    return fail(Fault::invalid, "is not PEM");
  if (made.reveal().find("ENCRYPTED") != std::string_view::npos)
    return fail(Fault::invalid, "is an encrypted key: give it without a passphrase");
  return made;
}

// One get(): the secrets that have come so far.
struct RouteKeeper::Gathering {
  std::shared_ptr<RouteKeeper> keeper;
  Done done;
  Secrets got;
  std::size_t missing;
  std::optional<Error> error{};

  void took(std::size_t which, Result<std::shared_ptr<const Secret>> secret) {
    if (secret) {
      got[which] = std::move(*secret);
    } else if (!error) {
      error = std::move(secret).error();
    }
    if (--missing > 0) return;
    if (error) return done(Failure(std::move(*error)));
    done(keeper->made_of(std::move(got)));
  }
};

RouteKeeper::RouteKeeper(const IntegrationSettings& settings, SecretReader& secrets) : secrets_(secrets) {
  const ChosenRoute& way = settings.route;
  plain_.tls = settings.tls;
  plain_.cluster = settings.cluster();
  if (way.mode == ChosenRoute::Mode::proxy)
    plain_.proxy = HttpProxy{.host = way.proxy_host, .port = way.proxy_port, .username = way.username};
  const auto want = [&](Use use, const std::string& reference) {
    if (!reference.empty()) wanted_.push_back({use, reference});
  };
  want(Use::certificate, settings.certificate);
  want(Use::key, settings.key);
  want(Use::authorities, settings.authorities);
  if (plain_.proxy) {
    want(Use::proxy_username, way.username_secret);
    want(Use::proxy_password, way.password_secret);
  }
  if (wanted_.empty()) ready_ = std::make_shared<const HttpRoute>(plain_);
}

void RouteKeeper::get(Done done) {
  if (ready_) return done(ready_);
  auto gathering = std::make_shared<Gathering>(Gathering{.keeper = shared_from_this(),
                                                         .done = std::move(done),
                                                         .got = Secrets(wanted_.size()),
                                                         .missing = wanted_.size()});
  for (std::size_t i = 0; i < wanted_.size(); ++i)
    secrets_.get(wanted_[i].reference, [gathering, i](Result<std::shared_ptr<const Secret>> secret) {
      gathering->took(i, std::move(secret));
    });
}

Result<RouteKeeper::Route> RouteKeeper::made_of(Secrets got) {
  const bool unchanged = held_ && std::ranges::equal(got, held_secrets_, [](const auto& a, const auto& b) {
                           return a == b || same(*a, *b);
                         });
  if (!unchanged) {
    PLUMB_TRY(held_, made_anew(got));
  }
  held_secrets_ = std::move(got);
  return held_;
}

Result<RouteKeeper::Route> RouteKeeper::made_anew(const Secrets& got) const {
  HttpRoute route = plain_;
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    const auto& [use, reference] = wanted_[i];
    if (use == Use::proxy_username) route.proxy->username = got[i]->reveal();
    if (use == Use::proxy_password) route.proxy->password = got[i];
    if (use == Use::proxy_username || use == Use::proxy_password) continue;
    auto pem = pem_of(*got[i]);
    if (!pem) return in_context(fmt::format("secret {}", reference), std::move(pem).error());
    if (use == Use::key) {
      route.tls.key = std::make_shared<const Secret>(std::move(*pem));
    } else {
      // Certificates are no secrets: they go over the wire in clear.
      auto text = std::make_shared<const std::string>(pem->reveal());
      (use == Use::certificate ? route.tls.certificate : route.tls.ca) = std::move(text);
    }
  }
  return Route(std::make_shared<const HttpRoute>(std::move(route)));
}

const RouteKeeper::Route& RouteKeeper::foreign(const Route& route) {
  if (foreign_of_ != route) {
    foreign_ = std::make_shared<const HttpRoute>(foreign_route(*route));
    foreign_of_ = route;
  }
  return foreign_;
}

void RouteKeeper::forget() {
  for (const Wanted& each : wanted_) secrets_.forget(each.reference);
}

}  // namespace plumb::runtime
