#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/base/result.h"

// What goes over a link, one frame to a message (docs/decisions/0015). The agent has dialled; the hub asks.
namespace plumb::link {

constexpr std::size_t kMessageLimit = 256 << 10;  // bytes of one frame
constexpr std::size_t kHeaderSize = 13;
constexpr std::size_t kBodyLimit = kMessageLimit - kHeaderSize;
constexpr int kProtocol = 1, kOldestProtocol = 1;

enum class FrameType : std::uint8_t {
  hello = 1,  // agent: who it is, or the token that makes it somebody
  challenge,  // hub
  proof,      // agent: the signature
  welcome,    // hub: what it is to the hub
  ready,      // agent: has kept that; from here on there is work
  refused,    // hub: why not, and then it closes
  request,    // hub: Method, deadline and so on, with the beginning of the payload
  more,       // hub: the rest of it, numbered from 1
  part,       // agent: a piece of the answer, numbered from 0
  done,       // agent: the end of the answer
  failed,     // agent: an Error in place of the end
  credit,     // hub: so many more bytes of parts may be sent
  cancel,     // hub: nobody waits any more
  beat,       // both: alive; the agent says how it is
  settings,   // hub: log level and the like, at any time
  renewed,    // agent: a new public key, signed with the old one
};

struct Frame {
  FrameType type = FrameType::beat;
  std::uint64_t request = 0;
  std::uint32_t sequence = 0;
  std::string_view body{};  // into the message
};

// Fault::invalid for what is none.
Result<Frame> parse_frame(std::string_view message);
std::string to_message(const Frame& frame);
std::string_view to_string(FrameType type);

// An error as it travels. What a peer says is for people of the other side: it is made printable and cut.
std::string encode_error(const Error& error);
Error decode_error(std::string_view body);

}  // namespace plumb::link
