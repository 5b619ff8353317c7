// Peers that do not keep to RFC 6455.

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/http_peer.h"
#include "tests/support/web_socket_world.h"
#include "tests/unit/net/raw_client.h"
#include "tests/unit/net/raw_frames.h"

namespace plumb::net {
namespace {

using namespace std::chrono_literals;
using test::frame;
using test::frame_saying;
using test::HttpPeer;
using test::RawClient;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

std::string closing(int code, std::string_view reason = "") {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
  return frame(kClose, payload += reason);
}

// The code of the goodbye that is the only thing a server has sent; 0: there is none.
int code_of(const std::string& bytes) {
  if (bytes.size() < 4 || bytes[0] != '\x88') return 0;
  return static_cast<unsigned char>(bytes[2]) << 8 | static_cast<unsigned char>(bytes[3]);
}

class HostileWebSockets : public ::testing::Test {
 protected:
  test::WebSocketWorld world_;
};

struct Case {
  const char* name;
  std::string bytes;
  int code;  // that the server ends with
};

std::vector<Case> cases() {
  const std::string bit63 = frame_saying(std::uint64_t{1} << 63, kBinary, "x");
  return {
      {"first reserved bit", frame(kBinary, "x", {.reserved = 4}), 1002},
      {"second reserved bit", frame(kBinary, "x", {.reserved = 2}), 1002},
      {"third reserved bit", frame(kBinary, "x", {.reserved = 1}), 1002},
      {"reserved bit of a ping", frame(kPing, "x", {.reserved = 4}), 1002},
      {"reserved opcode", frame(3, "x"), 1002},
      {"last reserved opcode", frame(7, "x"), 1002},
      {"reserved opcode of control", frame(11, "x"), 1002},
      {"last opcode", frame(15, "x"), 1002},
      {"fragmented ping", frame(kPing, "x", {.fin = false}), 1002},
      {"fragmented close", frame(kClose, "", {.fin = false}), 1002},
      {"long ping", frame(kPing, std::string(126, 'x')), 1002},
      {"long close", closing(1000, std::string(124, 'x')), 1002},
      {"continuation without a start", frame(kContinuation, "x"), 1002},
      {"start within a message", frame(kBinary, "x", {.fin = false}) + frame(kBinary, "y"), 1002},
      {"continuation after the end",
       frame(kBinary, "x", {.fin = false}) + frame(kContinuation, "y") + frame(kContinuation, "z"), 1002},
      {"unmasked", frame(kBinary, "x", {.masked = false}), 1002},
      {"unmasked ping", frame(kPing, "x", {.masked = false}), 1002},
      {"2^63 bytes", bit63, 1009},
      {"2^64-1 bytes", frame_saying(~std::uint64_t{0}, kBinary, "x"), 1009},
      {"fragments of 2^64 bytes", frame(kBinary, "xy", {.fin = false}) + frame_saying(~std::uint64_t{0}, 0, "x"), 1009},
      {"one byte too many", frame(kBinary, std::string(1001, 'x')), 1009},
      {"fragments with one byte too many",
       frame(kBinary, std::string(1000, 'x'), {.fin = false}) + frame(kContinuation, "x"), 1009},
      {"length longer than it need be", frame(kBinary, "x", {.length_bytes = 2}), 1002},
      {"length much longer than it need be", frame(kBinary, "x", {.length_bytes = 8}), 1002},
      {"text", frame(kText, "x"), 1003},
      {"text in fragments", frame(kText, "x", {.fin = false}) + frame(kContinuation, "x"), 1003},
      {"text that is none", frame(kText, "\xff"), 1007},
      {"close with one byte", frame(kClose, "x"), 1002},
      {"close 0", closing(0), 1002},
      {"close 999", closing(999), 1002},
      {"close 1004", closing(1004), 1002},
      {"close 1005", closing(1005), 1002},
      {"close 1006", closing(1006), 1002},
      {"close 1015", closing(1015), 1002},
      {"close 1016", closing(1016), 1002},
      {"close 2999", closing(2999), 1002},
      {"close with a reason that is no text", closing(1000, "\xc3\x28"), 1002},
      {"another protocol", "GET / HTTP/1.1\r\n\r\n", 1002},
  };
}

TEST_F(HostileWebSockets, AServerEndsWithTheCodeOfTheRfc) {
  world_.serve({.options = {.message_limit = 1000}});
  std::size_t number = 0;
  for (const auto& each : cases()) {
    RawClient peer(world_.port());
    test::open_raw(peer);
    peer.send(each.bytes);
    EXPECT_EQ(code_of(peer.read_all()), each.code) << each.name;
    const auto server = world_.served(number++);
    EXPECT_NE(world_.why(server), "") << each.name;
    world_.on_loop([&] {
      EXPECT_EQ(server->ended->fault, Fault::invalid) << each.name << ": " << server->ended->message;
      EXPECT_TRUE(server->messages.empty() || each.name == std::string("continuation after the end")) << each.name;
    });
  }
}

TEST_F(HostileWebSockets, WhatTheRfcAllowsIsTaken) {
  world_.serve({.options = {.message_limit = 1000}, .echo = true});
  RawClient peer(world_.port());
  test::open_raw(peer);
  peer.send(frame(kBinary, "a", {.fin = false}) + frame(kPing, "p") + frame(kContinuation, "") + frame(kPong, "q") +
            frame(kContinuation, "b", {.fin = true}));
  // "a" was to be continued by an empty last one; the next has no start.
  EXPECT_EQ(test::read_frames(peer, 2), "pa");
  for (const int code : {1000, 1001, 1003, 1007, 1011, 3000, 4999, 5000}) {
    RawClient other(world_.port());
    test::open_raw(other);
    other.send(closing(code, "why"));
    EXPECT_EQ(code_of(other.read_all()), code);
  }
  RawClient bare(world_.port());
  test::open_raw(bare);
  bare.send(frame(kClose, ""));
  EXPECT_THAT(bare.read_all(), StartsWith("\x88"));
  EXPECT_THAT(world_.why(world_.served(1)), HasSubstr("the peer closed the connection (1000: why)"));
}

TEST_F(HostileWebSockets, APingIsAnsweredWithWhatItHas) {
  world_.serve({});
  RawClient peer(world_.port());
  test::open_raw(peer);
  peer.send(frame(kPing, "what") + frame(kPing, std::string(125, 'x')));
  EXPECT_EQ(test::read_frames(peer, 2), "what" + std::string(125, 'x'));
}

TEST_F(HostileWebSockets, AReasonCannotSteerATerminal) {
  world_.serve({});
  RawClient peer(world_.port());
  test::open_raw(peer);
  peer.send(closing(1000, "\x1b[2J"));
  EXPECT_THAT(world_.why(world_.served(0)), HasSubstr("(1000: \\x1b[2J)"));
}

TEST_F(HostileWebSockets, AClientRefusesMaskedFramesAndOthers) {
  world_.serve({});
  for (const auto& bytes : {frame(kBinary, "x"), frame(kBinary, "x", {.reserved = 4, .masked = false}),
                            frame_saying(std::uint64_t{1} << 63, kBinary, "x", {.masked = false})}) {
    HttpPeer peer([&](HttpPeer::Connection& connection) {
      RawClient behind(world_.port());
      behind.send(connection.head());
      connection.send(test::read_101(behind) + bytes);
      connection.client_closes();
    });
    const auto end = world_.dial({}, peer.port());
    EXPECT_THAT(world_.why(end), StartsWith("invalid: "));
    EXPECT_TRUE(end->messages.empty());
  }
}

TEST_F(HostileWebSockets, OneThatStopsInTheMiddleOfAMessageIsGivenUp) {
  world_.serve({.options = {.ping_interval = 50ms, .idle_limit = 200ms}});
  RawClient peer(world_.port());
  test::open_raw(peer);
  peer.send(frame(kBinary, std::string(1000, 'x')).substr(0, 500));
  EXPECT_THAT(world_.why(world_.served(0)), StartsWith("timeout: "));
}

TEST_F(HostileWebSockets, OneThatGoesOnSendingAfterItsEndIsCutOff) {
  world_.serve({});
  RawClient peer(world_.port());
  test::open_raw(peer);
  peer.send(frame(kText, "x"));
  const std::string much = frame(kBinary, std::string(60000, 'x'));
  EXPECT_TRUE(test::comes([&] { return !peer.send(much); }));
}

// Frames by chance: right ones, such with one thing wrong, and noise.
class FrameMaker {
 public:
  explicit FrameMaker(unsigned seed) : random_(seed) {}
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  std::string next() {
    if (below(20) == 0) return noise(below(40));
    constexpr int kOpcodes[] = {kBinary, kBinary, kBinary, kBinary, kPing, kPong, kContinuation, kText, kClose, 5};
    const FrameWish wish{.fin = below(8) != 0,
                         .reserved = below(30) == 0 ? static_cast<int>(below(8)) : 0,
                         .masked = below(40) != 0,
                         .length_bytes = below(30) == 0 ? 8 : -1};
    const int opcode = kOpcodes[below(below(6) == 0 ? 10 : 6)];
    const std::string payload = noise(below(4) == 0 ? below(3000) : below(126));
    const std::uint64_t says = below(40) == 0 ? random_() : payload.size();
    return frame_saying(says, opcode, payload, wish);
  }

 private:
  using FrameWish = test::FrameWish;
  std::string noise(unsigned size) {
    std::string bytes(size, '\0');
    for (char& each : bytes) each = static_cast<char>(random_());
    return bytes;
  }
  std::mt19937_64 random_;
};

TEST_F(HostileWebSockets, FramesByChanceNeitherStopTheServerNorStay) {
  constexpr unsigned kPeers = 1000;
  world_.serve({.options = {.message_limit = 2000}, .limit = 50, .echo = true});
  FrameMaker make(20261128);
  std::size_t frames = 0;
  for (unsigned i = 0; i < kPeers; ++i) {
    RawClient peer(world_.port());
    // Those that have gone are still being ended.
    if (!test::comes([&] { return world_.open_at_server() < 40; })) FAIL() << "they stay, at peer " << i;
    peer.send(test::upgrade_request());
    if (!peer.read_response().starts_with("HTTP/1.1 101")) continue;
    std::string bytes;
    for (unsigned count = 1 + make.below(12); count > 0; --count, ++frames) bytes += make.next();
    // In one piece or in two, with or without a goodbye.
    const std::size_t cut = make.below(2) == 0 ? make.below(static_cast<unsigned>(bytes.size()) + 1) : 0;
    if (!peer.send(bytes.substr(0, cut)) || !peer.send(bytes.substr(cut))) continue;
    if (make.below(3) == 0) peer.end();
  }
  EXPECT_GT(frames, 3000u);
  EXPECT_TRUE(world_.eventually([&] {
    return std::all_of(world_.all_served().begin(), world_.all_served().end(),
                       [](const auto& each) { return each->endings == 1; });
  }));
  // None is left that would count, and the server is as good as before.
  EXPECT_GT(world_.all_served().size(), 500u);
  std::vector<test::WebSocketEndPtr> good;
  ASSERT_TRUE(test::comes([&] { return world_.try_dial(world_.url()).has_value(); }));
  for (int i = 0; i < 45; ++i) good.push_back(world_.dial());
  for (const auto& each : good) world_.send(each, "hello");
  for (const auto& each : good) EXPECT_TRUE(world_.gets(each, 1));
}

}  // namespace
}  // namespace plumb::net
