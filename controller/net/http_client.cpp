#include "controller/net/http_client.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "controller/net/http_connection.h"
#include "controller/net/http_wire.h"

namespace plumb::net {
namespace {

using Connection = std::shared_ptr<HttpConnection>;
using Exchange = std::shared_ptr<HttpExchange>;
using Stage = HttpFailure::Stage;

std::string origin_of(const Url& url) {
  std::string key;
  key.reserve(url.host.size() + 16);
  ((key += url.scheme) += ' ') += url.host;
  return (key += ' ') += std::to_string(url.port);
}

// What is kept for a route as long as somebody has it.
struct Kept {
  std::shared_ptr<const HttpRoute> route;
  std::shared_ptr<TlsClient> tls{};
  std::unordered_map<std::string, std::vector<Connection>> idle{};  // by origin, the last used at the end
};

}  // namespace

struct HttpClient::Running : std::enable_shared_from_this<Running> {
  Running(Loop& on, HttpClientOptions with)
      : options(std::move(with)),
        loop(on),
        io(on.context()),
        resolver(on, options.look_up ? options.look_up : Resolver::system),
        sweeper(io) {}

  void send(const Exchange& exchange) {
    exchanges.insert(exchange);
    exchange->began = std::chrono::steady_clock::now();
    exchange->timer.expires_after(exchange->limits.timeout);
    exchange->timer.async_wait([exchange, weak = weak_from_this()](Code error) {
      const auto self = weak.lock();
      // One that went off just before the answer came is of no interest.
      if (!error && self && self->exchanges.contains(exchange)) self->time_out(exchange);
    });
    if (auto checked = refusal_of_exchange(*exchange, options.egress); checked) {
      const auto failure = std::make_shared<HttpFailure>(std::move(*checked));
      asio::post(io, [exchange, failure, weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->answer(exchange, tl::unexpected(std::move(*failure)));
      });
      return;
    }
    start(exchange, true);
  }

  // `from_kept`: over a connection that waits for one, if there is any.
  void start(const Exchange& exchange, bool from_kept) {
    Kept& there = kept_of(exchange->route);
    const std::string key = origin_of(exchange->request.url);
    if (from_kept) {
      const bool idempotent = is_idempotent(exchange->request.method);
      while (const auto connection = take_idle(there, key)) {
        // It cannot be sent again, so that it is worth a look whether the target has closed.
        if (!idempotent && connection->is_stale()) {
          drop(connection);
          continue;
        }
        return connection->reuse(exchange);
      }
    }
    open(exchange, there, key);
  }

  void open(const Exchange& exchange, Kept& there, const std::string& key) {
    const auto refuse = [&](Stage stage, Error error) {
      const auto failure = std::make_shared<HttpFailure>(HttpFailure{stage, exchange->sent, std::move(error)});
      asio::post(io, [exchange, failure, weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->answer(exchange, tl::unexpected(std::move(*failure)));
      });
    };
    if (connections.size() >= options.connection_limit && !drop_one_idle())
      return refuse(Stage::connect,
                    {Fault::unavailable, fmt::format("{} connections are open already", connections.size()), {}});
    const bool tls = exchange->request.url.scheme == "https";
    if (tls && !there.tls) {
      auto made = TlsClient::make(exchange->route->tls);
      if (!made) return refuse(Stage::tls, std::move(made).error());
      there.tls = std::move(*made);
    }
    const auto connection = std::make_shared<HttpConnection>(HttpConnection::World{io, owner, resolver, options.egress},
                                                             tls ? there.tls : nullptr);
    connection->key = key;
    connections.insert(connection);
    ++opened;
    connection->open(exchange);
  }

  Kept& kept_of(const std::shared_ptr<const HttpRoute>& route) {
    const auto [at, made] = routes.try_emplace(route.get());
    if (made) {
      at->second.route = route;
      sweep_later();
    }
    return at->second;
  }

  static Connection take_idle(Kept& there, const std::string& key) {
    const auto at = there.idle.find(key);
    if (at == there.idle.end() || at->second.empty()) return {};
    Connection connection = std::move(at->second.back());
    at->second.pop_back();
    return connection;
  }

  void ended(const Connection& connection, const Exchange& exchange, HttpSender::Answer answered, bool reusable) {
    if (reusable) {
      keep(connection, exchange->route);
    } else {
      connections.erase(connection);
      if (may_repeat(*connection, *exchange, answered)) {
        exchange->repeated = true;
        return start(exchange, false);
      }
    }
    answer(exchange, std::move(answered));
  }

  static bool may_repeat(const HttpConnection& connection, const HttpExchange& exchange,
                         const HttpSender::Answer& answered) {
    return !answered && connection.reused() && !connection.answer_began() && !exchange.repeated &&
           answered.error().error.fault == Fault::unavailable && is_idempotent(exchange.request.method);
  }

  void keep(const Connection& connection, const std::shared_ptr<const HttpRoute>& route) {
    auto& idle = kept_of(route).idle[connection->key];
    if (idle.size() >= options.idle_limit) return drop(connection);
    connection->waiting_since = std::chrono::steady_clock::now();
    idle.push_back(connection);
  }

  void lost(const Connection& connection) {
    for (auto& [route, there] : routes) {
      if (const auto at = there.idle.find(connection->key); at != there.idle.end()) std::erase(at->second, connection);
    }
    connections.erase(connection);
  }

  void drop(const Connection& connection) {
    connection->close();
    connections.erase(connection);
  }

  bool drop_one_idle() {
    for (auto& [route, there] : routes) {
      for (auto& [key, idle] : there.idle) {
        if (idle.empty()) continue;
        drop(idle.front());
        idle.erase(idle.begin());
        return true;
      }
    }
    return false;
  }

  void time_out(const Exchange& exchange) {
    Error error{Fault::timeout,
                fmt::format("timeout after {} ms: {}", exchange->limits.timeout.count(), shown(exchange->request)),
                {}};
    if (const auto connection = exchange->connection.lock()) return connection->fail_now(std::move(error));
    answer(exchange, tl::unexpected(HttpFailure{Stage::connect, exchange->sent, std::move(error)}));
  }

  void answer(const Exchange& exchange, HttpSender::Answer answered) {
    if (exchanges.erase(exchange) == 0) return;
    exchange->timer.cancel();
    if (answered) {
      exchange->timing.total =
          std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - exchange->began);
      answered->timing = exchange->timing;
    }
    const Done done = std::move(exchange->done);
    done(std::move(answered));
  }

  void sweep_later() {
    if (sweeping || routes.empty()) return;
    sweeping = true;
    sweeper.expires_after(std::max<Duration>(options.idle_timeout / 4, Duration(1)));
    sweeper.async_wait([weak = weak_from_this()](Code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      self->sweeping = false;
      self->sweep();
      self->sweep_later();
    });
  }

  // Closes what has waited for long, and what no request can come for because nobody else has its route.
  void sweep() {
    const auto oldest = std::chrono::steady_clock::now() - options.idle_timeout;
    for (auto& [route, there] : routes) {
      const bool orphaned = there.route.use_count() == 1;
      for (auto& [key, idle] : there.idle) {
        std::erase_if(idle, [&](const Connection& each) {
          if (!orphaned && each->waiting_since > oldest) return false;
          drop(each);
          return true;
        });
      }
      std::erase_if(there.idle, [](const auto& each) { return each.second.empty(); });
    }
    std::erase_if(routes,
                  [](const auto& each) { return each.second.route.use_count() == 1 && each.second.idle.empty(); });
  }

  void close() {
    for (const auto& connection : connections) connection->close();
    for (const auto& exchange : exchanges) exchange->timer.cancel();
    sweeper.cancel();
    connections.clear();
    exchanges.clear();
    routes.clear();
  }

  const HttpClientOptions options;
  Loop& loop;
  asio::io_context& io;
  Resolver resolver;
  // Connections are closed before this goes.
  const HttpConnection::Owner owner{
      [this](const Connection& connection, const Exchange& exchange, HttpSender::Answer answered, bool reusable) {
        ended(connection, exchange, std::move(answered), reusable);
      },
      [this](const Connection& connection) { lost(connection); }};
  const std::shared_ptr<const HttpRoute> plain = std::make_shared<const HttpRoute>();  // where none is given
  std::unordered_map<const HttpRoute*, Kept> routes;  // each is held, so that its address is not another's
  std::unordered_set<Connection> connections;
  std::unordered_set<Exchange> exchanges;
  asio::steady_timer sweeper;
  bool sweeping = false;
  std::uint64_t opened = 0;
};

HttpClient::HttpClient(Loop& loop, HttpClientOptions options)
    : running_(std::make_shared<Running>(loop, std::move(options))) {}

HttpClient::~HttpClient() { running_->close(); }

void HttpClient::send(HttpRequest request, std::shared_ptr<const HttpRoute> route, const HttpLimits& limits,
                      Done done) {
  const auto exchange = std::make_shared<HttpExchange>(running_->io);
  exchange->request = std::move(request);
  exchange->route = route ? std::move(route) : running_->plain;
  exchange->limits = limits;
  exchange->done = std::move(done);
  running_->send(exchange);
}

HttpClient::Counts HttpClient::counts() const {
  Counts counts{.open = running_->connections.size(), .opened = running_->opened};
  for (const auto& [route, there] : running_->routes) {
    for (const auto& [key, idle] : there.idle) counts.idle += idle.size();
  }
  return counts;
}

}  // namespace plumb::net
