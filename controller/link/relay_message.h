#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/link/asker.h"
#include "controller/link/wire.h"

// For the files of the relay alone: what its messages look like.
namespace plumb::link {

constexpr std::uint8_t kRelayVersion = 2;
constexpr std::size_t kRelayPiece = 256U << 10U;  // bytes of a payload in one message

enum class RelayType : std::uint8_t { ask = 1, more, credit, cancel, assigned, part, done };

inline Writer relay_message(RelayType type, std::uint64_t id, std::size_t room = 0) {
  Writer out;
  out.out().reserve(1 + 8 + room);  // there may be a password in it, of which no copy is to be left behind
  out.u8(static_cast<std::uint8_t>(type)).u64(id);
  return out;
}

}  // namespace plumb::link
