#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/web_socket_world.h"
#include "tests/unit/net/raw_client.h"

namespace plumb::test {

inline std::string upgrade_request(std::string_view instead = "", std::string_view with = "") {
  std::string request =
      "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n"
      "Sec-WebSocket-Protocol: other, plumbline.test.v1\r\n\r\n";
  if (const auto at = request.find(instead); !instead.empty()) request.replace(at, instead.size(), with);
  return request;
}

inline std::string read_101(RawClient& peer) {
  std::string answer = peer.read_response();
  if (!answer.starts_with("HTTP/1.1 101 ")) throw std::runtime_error("not opened: " + answer);
  return answer;
}

inline std::string open_raw(RawClient& peer) {
  peer.send(upgrade_request());
  return read_101(peer);
}

struct FrameWish {
  bool fin = true;
  int reserved = 0;  // the three bits
  bool masked = true;
  int length_bytes = -1;  // 0, 2 or 8; else the shortest
};

// One frame as RFC 6455, 5.2 has it, or as it forbids. `length` is what it says of itself.
inline std::string frame_saying(std::uint64_t length, int opcode, std::string_view payload, FrameWish wish = {}) {
  std::string out;
  out += static_cast<char>((wish.fin ? 0x80 : 0) | wish.reserved << 4 | opcode);
  const int bytes = wish.length_bytes >= 0 ? wish.length_bytes : length < 126 ? 0 : length < 65536 ? 2 : 8;
  const int mask = wish.masked ? 0x80 : 0;
  out += static_cast<char>(mask | (bytes == 0 ? static_cast<int>(length) : bytes == 2 ? 126 : 127));
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(length >> (8 * i));
  const std::string_view key("\x01\x7f\x80\xfe", 4);
  if (wish.masked) out += key;
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += wish.masked ? static_cast<char>(payload[i] ^ key[i % 4]) : payload[i];
  return out;
}
inline std::string frame(int opcode, std::string_view payload, FrameWish wish = {}) {
  return frame_saying(payload.size(), opcode, payload, wish);
}

// The payloads of so many frames of a server, one after the other.
inline std::string read_frames(RawClient& peer, std::size_t count) {
  const auto read = [&](std::size_t size) {
    std::string bytes(size, '\0');
    if (size > 0 && ::recv(peer.fd(), bytes.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size))
      throw std::runtime_error("the connection has ended");
    return bytes;
  };
  std::string all;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t size = static_cast<unsigned char>(read(2)[1]);
    if (const int more = size == 126 ? 2 : size == 127 ? 8 : 0; more > 0) {
      size = 0;
      for (const char each : read(static_cast<std::size_t>(more))) size = size << 8 | static_cast<unsigned char>(each);
    }
    all += read(size);
  }
  return all;
}

}  // namespace plumb::test
