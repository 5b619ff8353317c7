#include "controller/link/http_codec.h"

#include <algorithm>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/link/frame.h"
#include "controller/link/wire.h"

namespace plumb::link {
namespace {

constexpr std::uint64_t kLargestBody = 64U << 20U;  // of an answer, whatever the controller would take

void put(Writer& out, const HttpHeaders& headers) {
  out.u32(static_cast<std::uint32_t>(headers.size()));
  for (const auto& [name, value] : headers) out.text(name).text(value);
}

HttpHeaders get_headers(Reader& in) {
  HttpHeaders headers(in.count(8));
  for (auto& [name, value] : headers) {
    name = in.string();
    value = in.string();
  }
  return headers;
}

void put(Writer& out, const std::shared_ptr<const std::string>& text) {
  out.flag(text != nullptr);
  if (text != nullptr) out.text(*text);
}
void put(Writer& out, const std::shared_ptr<const Secret>& secret) {
  out.flag(secret != nullptr);
  if (secret != nullptr) out.text(secret->reveal());
}
std::shared_ptr<const std::string> get_shared(Reader& in) {
  return in.flag() ? std::make_shared<const std::string>(in.string()) : nullptr;
}
std::shared_ptr<const Secret> get_secret(Reader& in) {
  return in.flag() ? std::make_shared<const Secret>(in.string()) : nullptr;
}

void put(Writer& out, const HttpRoute& route) {
  out.flag(route.tls.verify);
  put(out, route.tls.ca);
  put(out, route.tls.certificate);
  put(out, route.tls.key);
  out.text(route.tls.server_name).flag(route.tls.minimum == HttpTls::Minimum::tls13).flag(route.proxy.has_value());
  if (!route.proxy) return;
  out.text(route.proxy->host).u32(route.proxy->port).text(route.proxy->username);
  put(out, route.proxy->password);
}

HttpRoute get_route(Reader& in) {
  HttpRoute route;
  route.tls.verify = in.flag();
  route.tls.ca = get_shared(in);
  route.tls.certificate = get_shared(in);
  route.tls.key = get_secret(in);
  route.tls.server_name = in.string();
  route.tls.minimum = in.flag() ? HttpTls::Minimum::tls13 : HttpTls::Minimum::tls12;
  if (!in.flag()) return route;
  HttpProxy proxy;
  proxy.host = in.string();
  const std::uint32_t port = in.u32();
  if (port > 0xFFFF) in.spoil();
  proxy.port = static_cast<std::uint16_t>(port);
  proxy.username = in.string();
  proxy.password = get_secret(in);
  route.proxy = std::move(proxy);
  return route;
}

Url get_url(Reader& in) {
  Url url;
  url.scheme = in.string();
  url.host = in.string();
  const std::uint32_t port = in.u32();
  if (port > 0xFFFF) in.spoil();
  url.port = static_cast<std::uint16_t>(port);
  url.path = in.string();
  url.query = in.string();
  return url;
}

void put_time(Writer& out, std::chrono::microseconds time) { out.u64(static_cast<std::uint64_t>(time.count())); }
std::chrono::microseconds get_time(Reader& in) {
  const std::uint64_t value = in.u64();
  if (value > 1ULL << 50U) in.spoil();
  return std::chrono::microseconds(in.good() ? static_cast<std::int64_t>(value) : 0);
}

}  // namespace

std::string route_digest(const HttpRoute& route) {
  Writer out;
  put(out, route);
  std::string text = out.take();
  std::string digest = sha256(text);
  wipe(text);
  return digest;
}

std::string encode(const HttpRequest& request, const HttpRoute& route, const HttpLimits& limits) {
  Writer out;
  const Url& url = request.url;
  out.text(request.method).text(url.scheme).text(url.host).u32(url.port).text(url.path).text(url.query);
  put(out, request.headers);
  out.text(request.body);
  put(out, route);
  out.u64(static_cast<std::uint64_t>(limits.timeout.count())).u64(limits.body_limit).u64(limits.header_limit);
  return out.take();
}

Result<HttpAsk> decode_http_ask(std::string_view payload) {
  Reader in(payload);
  HttpAsk ask;
  ask.request.method = in.string();
  ask.request.url = get_url(in);
  ask.request.headers = get_headers(in);
  ask.request.body = in.string();
  ask.route = get_route(in);
  const std::uint64_t timeout = in.u64();
  ask.limits.body_limit = std::min<std::uint64_t>(in.u64(), kLargestBody);
  ask.limits.header_limit = in.u64();
  if (!in.at_end() || timeout > 1ULL << 32U || ask.limits.header_limit > 1U << 20U)
    return fail(Fault::invalid, "an HTTP request that cannot be read");
  ask.limits.timeout = Duration(static_cast<Duration::rep>(timeout));
  // In its one form, or it would be read here as one and sent as another.
  const auto parsed = parse_url(to_string(ask.request.url));
  if (!parsed || *parsed != ask.request.url) return fail(Fault::invalid, "a URL that is not in its plain form");
  return ask;
}

std::string encode_end(const HttpSender::Answer& answer) {
  Writer out;
  out.flag(answer.has_value());
  if (!answer) {
    out.u8(static_cast<std::uint8_t>(answer.error().stage))
        .flag(answer.error().sent)
        .text(encode_error(answer.error().error));
    return out.take();
  }
  out.u32(static_cast<std::uint32_t>(answer->status)).text(answer->reason);
  put(out, answer->headers);
  for (const auto time : {answer->timing.resolve, answer->timing.connect, answer->timing.tls, answer->timing.first_byte,
                          answer->timing.total})
    put_time(out, time);
  return out.take();
}

Result<HttpSender::Answer> decode_http_end(std::string_view end, std::string body) {
  Reader in(end);
  const bool answered = in.flag();
  if (!answered) {
    HttpFailure failure;
    const std::uint8_t stage = in.u8();
    failure.sent = in.flag();
    failure.error = decode_error(in.text());
    if (!in.at_end() || stage > static_cast<std::uint8_t>(HttpFailure::Stage::site))
      return fail(Fault::invalid, "the connector's answer cannot be read");
    failure.stage = static_cast<HttpFailure::Stage>(stage);
    return HttpSender::Answer(tl::unexpected(std::move(failure)));
  }
  HttpResponse response;
  response.status = static_cast<int>(in.u32());
  response.reason = printable(in.text());
  response.headers = get_headers(in);
  for (auto* const time : {&response.timing.resolve, &response.timing.connect, &response.timing.tls,
                           &response.timing.first_byte, &response.timing.total})
    *time = get_time(in);
  if (!in.at_end() || response.status < 100 || response.status > 999)
    return fail(Fault::invalid, "the connector's answer cannot be read");
  response.body = std::move(body);
  return HttpSender::Answer(std::move(response));
}

}  // namespace plumb::link
