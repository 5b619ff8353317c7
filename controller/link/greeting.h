#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"

// How an agent and the hub get to know each other. Bodies are JSON, so that versions can add members; what is not known
// is passed over, and what is missing or of another type is an error.
namespace plumb::link {

constexpr std::size_t kNonceSize = 32;

// Where the agent runs, for people. Each text at most 256 bytes.
struct AgentFacts {
  std::string host, os, arch, version;
  std::vector<std::string> capabilities;  // "directory", "http", "sign-in", "logs"
  friend bool operator==(const AgentFacts&, const AgentFacts&) = default;
};

struct Hello {
  int protocol = 0, oldest = 0;  // the newest and the oldest that the agent speaks
  std::string id;                // of the identity; empty: it has none, and `token` and `public_key` make one
  std::string token{};
  std::string public_key{};  // 32 bytes
  std::uint64_t counter = 0;
  std::uint64_t epoch = 0;  // the highest hub that it has worked for
  std::string nonce;
  AgentFacts facts;
};
std::string encode(const Hello& hello);
Result<Hello> decode_hello(std::string_view body);

struct Challenge {
  std::string nonce;
  bool bound = false;  // the hub knows the TLS exporter of this connection, and it is to be signed
};
std::string encode(const Challenge& challenge);
Result<Challenge> decode_challenge(std::string_view body);

// What is signed: nothing of it can be used for another connection, connector or hub.
struct Transcript {
  std::string_view hub_nonce, agent_nonce, binding /* TLS exporter, or empty */, subject /* id, or the token's id */;
  std::uint64_t counter = 0, epoch = 0;  // as in the Hello
};
std::string to_sign(const Transcript& transcript);

struct Welcome {
  std::string id, connector;  // "namespace/name"
  std::uint64_t epoch = 0, counter = 0;
  std::string hub_version, log_level;
  SystemTime now{};
  Duration beat = std::chrono::seconds(10);
};
std::string encode(const Welcome& welcome);
Result<Welcome> decode_welcome(std::string_view body);

struct Refusal {
  // Words for programs: InvalidToken, UnknownIdentity, BadSignature, Cloned, Archived, VersionTooOld, NoTls, Revoked,
  // Busy.
  std::string reason;
  std::string message;
  Duration retry_after{};  // zero: the agent's own backoff
};
std::string encode(const Refusal& refusal);
Refusal decode_refusal(std::string_view body);

// How an agent is, every few seconds.
struct AgentHealth {
  std::uint64_t cpu_milliseconds = 0, memory_bytes = 0;  // of the process: since its start, now
  std::uint64_t working = 0, served = 0, failed = 0, refused = 0;
  std::int64_t clock = 0;  // of the agent, milliseconds since 1970; 0: unknown
  std::string last_error{};
  friend bool operator==(const AgentHealth&, const AgentHealth&) = default;
};
std::string encode(const AgentHealth& health);
Result<AgentHealth> decode_health(std::string_view body);

struct AgentSettings {
  std::string log_level;   // "info"
  bool renew_key = false;  // make a new key, and tell it
  friend bool operator==(const AgentSettings&, const AgentSettings&) = default;
};
std::string encode(const AgentSettings& settings);
Result<AgentSettings> decode_settings(std::string_view body);

// A new key of an agent that is online: signed with the new one, so that nobody can claim a key of somebody else's. The
// link itself proves the old one.
struct Renewal {
  std::string public_key, signature;
};
std::string encode(const Renewal& renewal);
Result<Renewal> decode_renewal(std::string_view body);
std::string to_sign(std::string_view id, std::string_view new_public_key);

}  // namespace plumb::link
