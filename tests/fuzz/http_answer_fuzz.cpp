// What a server says: any bytes, however they are cut, end in one response or one error, the same for every cut and
// within the limits; a response that was written by the RFC is read as it was meant, compressed or chunked or until the
// end; what our own server writes, our client reads; and what we would send is one request. With -DPLUMB_LIBFUZZER it
// is a libFuzzer target (of an answer); otherwise it has a main of its own.
//   http_answer_fuzz [rounds] [seed]
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <zlib.h>

#include "controller/base/assert.h"
#include "controller/base/text.h"
#include "controller/net/http_answer.h"
#include "controller/net/http_message.h"
#include "controller/net/http_wire.h"
#include "controller/net/inflate.h"

namespace {

using namespace plumb;

constexpr std::size_t kHeaderLimit = 2048, kBodyLimit = 4096;

struct Outcome {
  std::optional<HttpResponse> response;
  Fault fault = Fault::internal;  // where there is none
  std::string message;
  bool keeps = false, too_large = false;
};

Outcome failed(const Error& error, const net::HttpAnswer& answer) {
  return {{}, error.fault, error.message, false, answer.too_large()};
}

// The bytes in pieces of at most `piece`, and then the end.
Outcome read(std::string_view bytes, std::size_t piece, bool no_body = false) {
  net::HttpAnswer answer;
  answer.begin({.no_body = no_body, .header_limit = kHeaderLimit, .body_limit = kBodyLimit});
  bool done = false;
  for (std::size_t at = 0; at < bytes.size() && !done; at += piece) {
    const auto state = answer.put(bytes.substr(at, piece));
    if (!state) return failed(state.error(), answer);
    done = *state == net::HttpAnswer::State::done;
    PLUMB_ASSERT(answer.status() >= 0 && answer.status() <= 999);
  }
  if (!done) {
    const auto state = answer.put_end();
    if (!state) return failed(state.error(), answer);
    PLUMB_ASSERT(*state == net::HttpAnswer::State::done);
  }
  Outcome outcome{{}, Fault::internal, "", answer.keeps_connection(), false};
  auto response = answer.take();
  if (!response) return failed(response.error(), answer);
  outcome.response = std::move(*response);
  return outcome;
}

bool is_same(const Outcome& a, const Outcome& b) {
  if (a.response.has_value() != b.response.has_value()) return false;
  if (!a.response) return true;
  return a.response->status == b.response->status && a.response->reason == b.response->reason &&
         a.response->headers == b.response->headers && a.response->body == b.response->body;
}

void check_response(const Outcome& outcome) {
  if (!outcome.response) {
    PLUMB_ASSERT(!outcome.message.empty());
    PLUMB_ASSERT(outcome.fault == Fault::invalid || (outcome.fault == Fault::unavailable && !outcome.too_large));
    return;
  }
  const HttpResponse& response = *outcome.response;
  PLUMB_ASSERT(response.status >= 200 && response.status <= 999);  // interim ones are passed over
  PLUMB_ASSERT(response.body.size() <= kBodyLimit);
  std::size_t size = 0;
  for (const auto& [name, value] : response.headers) {
    PLUMB_ASSERT(net::is_token(name));
    PLUMB_ASSERT(value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos);
    size += name.size() + value.size();
  }
  PLUMB_ASSERT(size <= kHeaderLimit);
}

// Cut in any way it is the same; only what comes after its end may be seen or not, which decides over the connection.
Outcome check_bytes(std::string_view bytes) {
  const Outcome whole = read(bytes, std::max<std::size_t>(bytes.size(), 1));
  check_response(whole);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
    const Outcome cut = read(bytes, piece);
    check_response(cut);
    PLUMB_ASSERT(is_same(whole, cut));
  }
  check_response(read(bytes, 5, true));
  std::string inflated;
  const auto result = net::inflate(bytes, kBodyLimit, inflated);
  PLUMB_ASSERT(inflated.size() <= kBodyLimit);
  PLUMB_ASSERT(result != net::Inflated::whole || !bytes.empty());
  return whole;
}

#ifndef PLUMB_LIBFUZZER
using Random = std::mt19937;

std::string deflated(const std::string& plain, int window) {
  z_stream z{};
  PLUMB_ASSERT(deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(plain.size() + 256, '\0');
  std::string in = plain;
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  PLUMB_ASSERT(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string some_bytes(Random& random, std::size_t most) {
  std::string bytes(random() % (most + 1), ' ');
  const bool text = random() % 2 == 0;
  for (char& c : bytes) c = static_cast<char>(text ? 'a' + random() % 4 : random() % 256);
  return bytes;
}

std::string chunked(const std::string& body, Random& random) {
  std::string wire;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t size = std::min<std::size_t>(body.size() - at, random() % 300 + 1);
    wire += fmt::format("{:x}{}\r\n", size, random() % 4 == 0 ? ";ext=1" : "");
    wire += body.substr(at, size) + "\r\n";
    at += size;
  }
  return wire + "0\r\n" + (random() % 4 == 0 ? "X-Trailer: t\r\n" : "") + "\r\n";
}

// A response as a server that knows the RFC may write it, and what it means.
struct Written {
  std::string wire;
  HttpResponse means;
  bool may_go_on = true;
};

Written write_response(Random& random) {
  constexpr int kStatuses[] = {200, 201, 302, 400, 404, 429, 500, 503};
  Written made;
  made.means.status = kStatuses[random() % std::size(kStatuses)];
  made.means.reason = random() % 4 == 0 ? "" : "Some Reason";
  made.means.body = some_bytes(random, 1500);
  const bool empty = random() % 8 == 0;
  if (empty) made.means.body.clear();
  std::string sent = made.means.body, head;
  for (int interim = static_cast<int>(random() % 3); interim > 1; --interim)
    made.wire += "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n";
  constexpr int kWindows[] = {0, 15 + 16, 15, -15};
  const int window = sent.empty() ? 0 : kWindows[random() % std::size(kWindows)];
  if (window != 0) {
    sent = deflated(sent, window);
    head += fmt::format("Content-Encoding: {}\r\n", window == 15 + 16 ? "gzip" : "deflate");
  }
  for (auto count = random() % 4; count > 0; --count) {
    made.means.headers.emplace_back(fmt::format("X-{}", random() % 3), fmt::format("v {}", random() % 100));
    head += fmt::format("{}:{}{}\r\n", made.means.headers.back().first, random() % 2 == 0 ? " " : "",
                        made.means.headers.back().second);
  }
  made.wire += fmt::format("HTTP/1.1 {} {}\r\n{}", made.means.status, made.means.reason, head);
  switch (random() % 3) {
    case 0: made.wire += fmt::format("Content-Length: {}\r\n\r\n", sent.size()) + sent; break;
    case 1: made.wire += "Transfer-Encoding: chunked\r\n\r\n" + chunked(sent, random); break;
    default:
      made.wire += "\r\n" + sent;
      made.may_go_on = false;
      break;
  }
  return made;
}

void check_written(const Written& written) {
  const Outcome outcome = check_bytes(written.wire);
  PLUMB_ASSERT(outcome.response.has_value());
  PLUMB_ASSERT(outcome.response->status == written.means.status);
  // Where a server gives none, Beast has the usual one.
  PLUMB_ASSERT(written.means.reason.empty() ? !outcome.response->reason.empty()
                                            : outcome.response->reason == written.means.reason);
  PLUMB_ASSERT(outcome.response->body == written.means.body);
  PLUMB_ASSERT(outcome.keeps == written.may_go_on);
  HttpHeaders headers;
  for (const auto& header : outcome.response->headers)
    if (header.first.starts_with("X-") && header.first != "X-Trailer") headers.push_back(header);
  // Those of one name stand together, in the order in which they were.
  HttpHeaders expected = written.means.headers;
  std::ranges::stable_sort(headers, {}, &HttpHeaders::value_type::first);
  std::ranges::stable_sort(expected, {}, &HttpHeaders::value_type::first);
  PLUMB_ASSERT(headers == expected);
  if (!written.may_go_on) return;
  // More than was asked for: the answer is the same, the connection is not used again. Less: none.
  const Outcome more = read(written.wire + "HTTP/1.1 200 OK\r\n\r\n", written.wire.size() + 100);
  PLUMB_ASSERT(more.response && more.response->body == written.means.body && !more.keeps);
  PLUMB_ASSERT(!read(std::string_view(written.wire).substr(0, written.wire.size() - 1), 50).response);
}

// Of our own server.
void check_own(Random& random) {
  constexpr int kStatuses[] = {200, 204, 304, 404, 500};
  net::Response response{.status = kStatuses[random() % std::size(kStatuses)], .body = some_bytes(random, 300)};
  response.headers.emplace_back("X-" + some_bytes(random, 3), some_bytes(random, 10));
  const bool good =
      net::is_token(response.headers.back().first) && net::is_header_value(response.headers.back().second);
  const Outcome outcome = check_bytes(net::to_wire(response, {.date = "Fri, 27 Nov 2026 17:24:03 GMT"}));
  PLUMB_ASSERT(outcome.response.has_value());
  PLUMB_ASSERT(outcome.response->status == (good ? response.status : 500));
  PLUMB_ASSERT(outcome.response->body == (good && net::may_have_body(response) ? response.body : ""));
}

// What is accepted for sending is one request: as many lines as it has headers, and the sender's own.
void check_sent(Random& random) {
  HttpRequest request{.method = random() % 4 == 0 ? some_bytes(random, 5) : "GET",
                      .url = {"https", "a.example", 443, "/" + some_bytes(random, 6), some_bytes(random, 6)},
                      .headers = {{"X-" + some_bytes(random, 3), some_bytes(random, 10)}},
                      .body = some_bytes(random, 20)};
  if (!net::check_request(request)) return;
  const std::string head = net::request_head(request, random() % 2 == 0, "");
  PLUMB_ASSERT(head.ends_with("\r\n\r\n") && head.find("\r\n\r\n") == head.size() - 4);
  PLUMB_ASSERT(std::ranges::count(head, '\n') == std::ranges::count(head, '\r'));
  const std::string_view line = std::string_view(head).substr(0, head.find("\r\n"));
  PLUMB_ASSERT(std::ranges::count(line, ' ') == 2 && line.ends_with(" HTTP/1.1"));
}

const char* const kSeeds[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.0 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "SSH-2.0-OpenSSH_9.2\r\n",
};
#endif

}  // namespace

#ifdef PLUMB_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_bytes(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
#else
int main(int argc, char** argv) {
  const unsigned long rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20000;
  Random random(argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1);
  for (const char* seed : kSeeds) check_bytes(seed);
  const char* const pieces[] = {"\r\n",
                                "\n",
                                "\r\n\r\n",
                                ":",
                                " ",
                                "0\r\n\r\n",
                                "Content-Length: 1\r\n",
                                "HTTP/1.1 ",
                                "chunked",
                                "100 ",
                                "gzip",
                                "-",
                                "ffffffffffffffff\r\n",
                                "Transfer-Encoding: chunked\r\n"};
  std::size_t read_anyway = 0, refused = 0;
  for (unsigned long round = 0; round < rounds; ++round) {
    const Written written = write_response(random);
    check_written(written);
    check_own(random);
    check_sent(random);
    std::string bytes = random() % 4 == 0 ? kSeeds[random() % std::size(kSeeds)] : written.wire;
    for (auto edits = random() % 3 + 1; edits > 0 && !bytes.empty(); --edits) {
      // Most of it in the head, where there is more to break.
      const std::size_t place = random() % std::min<std::size_t>(bytes.size(), random() % 3 == 0 ? bytes.size() : 150);
      switch (random() % 4) {
        case 0: bytes.insert(place, pieces[random() % std::size(pieces)]); break;
        case 1: bytes.erase(place, random() % 5 + 1); break;
        case 2: bytes[place] = static_cast<char>(random() % 256); break;
        default: bytes.resize(place); break;
      }
    }
    ++(check_bytes(bytes).response ? read_anyway : refused);
  }
  PLUMB_ASSERT(rounds < 1000 || (read_anyway > rounds / 20 && refused > rounds / 20));
  std::printf("%lu responses read as they were meant; of as many that were damaged, %zu read and %zu refused\n", rounds,
              read_anyway, refused);
}
#endif
