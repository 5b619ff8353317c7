#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "controller/net/http_server.h"
#include "controller/net/stream.h"

namespace plumb::net {

// One connection of an HttpServer, on its thread. Keeps itself alive while it waits for something.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  struct Server {  // of the sessions, which keep it
    const HttpServerOptions options;
    const HttpServer::AsyncHandler handler;
    const Clock& clock;
    const std::function<void(HttpSession*)> ended;  // once for each session
    // It is to be a WebSocket: what has come on the stream behind the request is `read_ahead`.
    const std::function<void(Stream stream, const Request&, std::string read_ahead)> upgraded;
    const std::function<bool()> may_upgrade;  // there are not too many of them
    const std::string& date();                // of the Date header

    std::string date_made{};
    std::int64_t date_second = -1;
  };

  // `tls` is null for none.
  HttpSession(asio::ip::tcp::socket socket, asio::ssl::context* tls, std::shared_ptr<Server> server);
  ~HttpSession();
  void start();
  // Ends now if it is between requests, else after the response that is under way.
  void finish();
  // Ends now.
  void abort();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  enum class Phase { handshake, idle, reading, handling, writing, streaming, closing, ended };
  struct Pending;

  void read_request();
  void read_more();
  void on_bytes(Code error, std::size_t size);
  void parse(std::string_view bytes);
  void parsed(Code error);
  bool continue_expected() const;
  Request take_request();
  void answer();
  void upgrade(const Request& request);
  void refuse(Code error);
  void reply(Response response);
  void send(Response response, bool keep_alive, bool with_body = true);
  void on_sent(Code error, bool keep_alive);
  void stream(Response response);
  void next_piece();
  void on_piece(Result<std::string> piece);
  void write_piece(std::string piece);
  void end_stream();
  void watch_peer();
  void close_gently();
  void drain();
  void wait_at_most(Duration limit);
  void on_timeout();
  template <class F>
  auto bound(F function);

  Stream stream_;
  const std::shared_ptr<Server> server_;
  asio::steady_timer timer_;
  Phase phase_ = Phase::handshake;
  bool finishing_ = false;
  bool continued_ = false;  // "100 Continue" was sent for this request
  std::size_t drained_ = 0;
  std::array<char, 8192> chunk_{};
  std::string pending_;  // received, not parsed yet
  std::string out_;
  std::string body_;  // sent after `out_` where it is large
  std::string peer_;
  bool keep_alive_ = false;  // of the request that is being handled
  bool with_body_ = true;
  bool chunks_ = false;        // the client knows them
  BodySource source_;          // of the answer that is being streamed
  bool piece_wanted_ = false;  // it was asked for, and has not come
  std::optional<Parser> parser_;
};

}  // namespace plumb::net
