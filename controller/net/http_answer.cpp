#include "controller/net/http_answer.h"

#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "controller/base/text.h"
#include "controller/net/inflate.h"

namespace plumb::net {
namespace {

namespace http = boost::beast::http;
using Code = boost::system::error_code;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_decoded(std::string_view coding) {
  return equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip") ||
         equals_ignoring_case(coding, "deflate");
}

}  // namespace

struct HttpAnswer::Parser {
  std::optional<http::response_parser<http::string_body>> beast;
  std::string pending;  // came, and is not parsed yet
};

HttpAnswer::HttpAnswer() : parser_(std::make_unique<Parser>()) {}
HttpAnswer::~HttpAnswer() = default;

void HttpAnswer::begin(const Expected& expected) {
  expected_ = expected;
  began_ = too_large_ = keeps_ = false;
  interim_bytes_ = 0;
  parser_->pending.clear();
  renew();
}

void HttpAnswer::renew() {
  auto& beast = parser_->beast.emplace();
  beast.header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(expected_.header_limit, 1U << 30)));
  beast.body_limit(expected_.body_limit);
  beast.eager(true);
  beast.skip(expected_.no_body);
}

Result<HttpAnswer::State> HttpAnswer::put(std::string_view bytes) {
  if (bytes.empty()) return State::more;
  began_ = true;
  std::string& pending = parser_->pending;
  Code error;
  if (pending.empty()) {  // most often all of it is used at once, and need not be copied
    const std::size_t used = parser_->beast->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    pending.assign(bytes.substr(used));
  } else {
    pending += bytes;
    if (is_too_short()) return State::more;
    pending.erase(0, parser_->beast->put(boost::asio::buffer(pending), error));
  }
  while (true) {
    if (error && error != http::error::need_more) return broken(error);
    auto& beast = *parser_->beast;
    if (!beast.is_done()) return State::more;
    if (beast.get().result_int() / 100 != 1) return parsed();
    // An interim response: its like must not be able to keep us for ever (RFC 9110, 15.2).
    if (beast.get().result_int() == 101)
      return fail(Fault::invalid, "the answer changes to a protocol that was not asked for");
    interim_bytes_ += 16;
    for (const auto& field : beast.get()) interim_bytes_ += field.name_string().size() + field.value().size();
    if (interim_bytes_ > expected_.header_limit) return broken(http::error::header_limit);
    renew();
    if (pending.empty()) return State::more;
    pending.erase(0, parser_->beast->put(boost::asio::buffer(pending), error));
  }
}

// Beast 1.81 asserts that an empty chunk which is the first, and so the last ("0\r\n\r\n"), is shown to it with 5 bytes
// or more once it has seen its first line. Whatever begins with "0" among chunks goes on for as long.
bool HttpAnswer::is_too_short() const {
  const std::string& pending = parser_->pending;
  return parser_->beast->is_header_done() && parser_->beast->chunked() && pending.size() < 5 && pending.front() == '0';
}

Result<HttpAnswer::State> HttpAnswer::put_end() {
  auto& beast = *parser_->beast;
  Code error;
  if (parser_->pending.empty() && beast.is_header_done()) {
    beast.put_eof(error);
    if (!error && beast.is_done()) return parsed();
  }
  const std::string_view pending = parser_->pending;
  if (!beast.is_header_done() && !pending.empty() &&
      !pending.starts_with(std::string_view("HTTP/").substr(0, pending.size())))
    return broken(http::error::bad_version);
  return fail(Fault::unavailable, "the connection was closed in the middle of the answer");
}

Result<HttpAnswer::State> HttpAnswer::parsed() {
  const auto& message = parser_->beast->get();
  const auto coding = message.find(http::field::transfer_encoding);
  // Any other coding would leave bytes that nobody asked for, or an end that is read in two ways.
  if (coding != message.end() &&
      (!boost::beast::iequals(coding->value(), "chunked") || message.count(http::field::transfer_encoding) > 1))
    return fail(Fault::invalid, "the answer has the transfer coding \"{}\", which is not known",
                printable(view(coding->value())));
  // What comes after the end of the answer belongs to no request: nothing on this connection can be trusted.
  keeps_ = parser_->pending.empty() && message.keep_alive() && !parser_->beast->need_eof();
  return State::done;
}

Result<HttpAnswer::State> HttpAnswer::broken(const boost::system::error_code& error) {
  if (error == Code(http::error::header_limit)) {
    too_large_ = true;
    return fail(Fault::invalid, "the headers of the answer have more than {} bytes", expected_.header_limit);
  }
  if (error == Code(http::error::body_limit)) {
    too_large_ = true;
    return fail(Fault::invalid, "the answer has more than {} bytes", expected_.body_limit);
  }
  return fail(Fault::invalid, "the answer is not HTTP/1.1 ({})", error.message());
}

int HttpAnswer::status() const {
  const auto& beast = *parser_->beast;
  return beast.is_header_done() ? static_cast<int>(beast.get().result_int()) : 0;
}

bool HttpAnswer::keeps_connection() const { return keeps_; }

Result<HttpResponse> HttpAnswer::take() {
  auto message = parser_->beast->release();
  HttpResponse response;
  response.status = static_cast<int>(message.result_int());
  response.reason = view(message.reason());
  response.body = std::move(message.body());
  std::size_t codings = 0;
  for (const auto& field : message) codings += field.name() == http::field::content_encoding ? 1 : 0;
  const bool decoded =
      codings == 1 && !response.body.empty() && is_decoded(view(message[http::field::content_encoding]));
  for (const auto& field : message) {
    if (decoded && field.name() == http::field::content_encoding) continue;
    response.headers.emplace_back(view(field.name_string()), view(field.value()));
  }
  if (!decoded) return response;
  std::string plain;
  const Inflated inflated = inflate(response.body, expected_.body_limit, plain);
  if (inflated == Inflated::too_large) return Failure(broken(http::error::body_limit).error());
  if (inflated == Inflated::cut_off) return fail(Fault::unavailable, "the compressed answer is cut off");
  if (inflated == Inflated::broken) return fail(Fault::invalid, "the compressed answer cannot be decompressed");
  response.body = std::move(plain);
  return response;
}

}  // namespace plumb::net
