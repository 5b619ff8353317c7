#pragma once

#include <memory>
#include <string_view>

#include "controller/ports/http_sender.h"

namespace boost::system {
class error_code;
}  // namespace boost::system

namespace plumb::net {

// Bytes of a connection to one response (RFC 9112), however they are cut. Interim responses (1xx) are passed over.
class HttpAnswer {
 public:
  struct Expected {
    bool no_body = false;  // the answer to HEAD, and to CONNECT
    std::size_t header_limit = 0;
    std::size_t body_limit = 0;
  };
  enum class State { more, done };
  HttpAnswer();
  ~HttpAnswer();
  HttpAnswer(const HttpAnswer&) = delete;
  HttpAnswer& operator=(const HttpAnswer&) = delete;

  // Before each response.
  void begin(const Expected& expected);
  // Fault::invalid: this is not HTTP, or more than the limits allow (then too_large() is true).
  Result<State> put(std::string_view bytes);
  // The peer has closed: complete only if the body goes up to there.
  Result<State> put_end();
  bool too_large() const { return too_large_; }
  bool began() const { return began_; }  // a byte has come
  // Whether another request may follow on this connection; once done.
  bool keeps_connection() const;
  // 0 before the headers are complete.
  int status() const;
  // Once done, with the body decoded. Fault::invalid if that cannot be.
  Result<HttpResponse> take();

 private:
  struct Parser;
  void renew();
  bool is_too_short() const;
  Result<State> parsed();
  Result<State> broken(const boost::system::error_code& error);

  std::unique_ptr<Parser> parser_;
  Expected expected_;
  bool began_ = false;
  bool too_large_ = false;
  bool keeps_ = false;
  std::size_t interim_bytes_ = 0;
};

}  // namespace plumb::net
