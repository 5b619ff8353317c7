#pragma once

#include <set>

#include "controller/link/hub.h"

// For the files of the hub alone.
namespace plumb::link {

struct Hub::Session {
  enum class Stage { greeting, proving, welcomed, online };
  SessionId id = 0;
  Stage stage = Stage::greeting;
  std::string peer, binding, hub_nonce;
  bool loopback = false, tls = false;
  SteadyTime opened{}, heard{}, beaten{};  // beaten: when we last said that we are there
  Hello hello{};
  std::optional<EnrolmentToken> token{};  // that the agent came with
  std::optional<Identity> identity{};
  ResourceKey connector{};
  bool renewing = false;
  std::size_t payload = 0, kept = 0;  // bytes: of questions, and of answers that nobody has taken
  SteadyTime beats_since{};
  std::size_t beats = 0;                // since then
  SteadyTime last_choice_until{};       // somebody complained of it
  std::set<std::uint64_t> questions{};  // also those that nobody waits for, until the agent has answered
};

struct Hub::Question {
  std::shared_ptr<Sink> sink;  // null: nobody waits any more
  SessionId session = 0;
  SteadyTime until{};
  std::uint64_t credit = 0;  // bytes that the agent may still send
  std::uint32_t next = 0;    // sequence
  std::string group{};       // that was asked
  std::size_t payload = 0;   // bytes of the question
  std::size_t kept = 0;      // of parts that nobody has taken yet, each with what it costs besides its bytes
};

}  // namespace plumb::link
