#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/assert.h"
#include "controller/base/ed25519.h"
#include "controller/link/directory_codec.h"
#include "controller/link/frame.h"
#include "controller/link/greeting.h"
#include "controller/link/http_codec.h"
#include "controller/link/log_codec.h"
#include "controller/link/sign_in_codec.h"
#include "controller/link/wire.h"

// All that decodes what came over a link, for fuzzing.
namespace plumb::test {

struct CodecCounts {
  unsigned long decoded = 0, refused = 0;
};

// Any bytes are decoded to something or refused; what was decoded is encoded and decoded again without a change.
template <class Decode, class Encode>
void round_trip(std::string_view bytes, Decode decode, Encode encode, CodecCounts& counts) {
  const auto first = decode(bytes);
  ++(first ? counts.decoded : counts.refused);
  if (!first) return;
  const std::string again = encode(*first);
  const auto second = decode(again);
  PLUMB_ASSERT(second && encode(*second) == again);
}

inline void check_codecs(std::string_view bytes, CodecCounts& counts) {
  const auto encoded = [](const auto& value) { return link::encode(value); };
  round_trip(
      bytes, link::parse_frame, [](const link::Frame& frame) { return link::to_message(frame); }, counts);
  round_trip(
      bytes, link::decode_sign_in, [](const auto& ask) { return link::encode(ask.opening, ask.request); }, counts);
  round_trip(
      bytes, link::decode_http_ask, [](const auto& ask) { return link::encode(ask.request, ask.route, ask.limits); },
      counts);
  round_trip(bytes, link::decode_opening, encoded, counts);
  round_trip(bytes, link::decode_health, encoded, counts);
  round_trip(bytes, link::decode_settings, encoded, counts);
  round_trip(bytes, link::decode_hello, encoded, counts);
  round_trip(bytes, link::decode_challenge, encoded, counts);
  round_trip(bytes, link::decode_welcome, encoded, counts);
  round_trip(bytes, link::decode_renewal, encoded, counts);
  (void)link::decode_http_end(bytes, "");
  (void)link::decode_sign_in_answer(bytes);
  (void)link::decode_refusal(bytes);
  (void)link::decode_error(bytes);
  (void)link::decode_files(bytes);
  for (int what = 0; what < 5; ++what) {
    link::Reader in(bytes);
    if (what == 0) (void)link::get_scope(in);
    if (what == 1) (void)link::get_writes(in);
    if (what == 2) (void)link::get_answers(in);
    if (what == 3) (void)link::get_history(in);
    if (what == 4) (void)link::get_about(in);
  }
  // However a stream of entries is cut, the same comes out of it.
  link::EntryStream whole, pieces;
  std::vector<Entry> all, some;
  const bool good = whole.add(bytes, all).has_value();
  bool same = true;
  for (std::size_t at = 0; at < bytes.size() && same; at += 7) same = pieces.add(bytes.substr(at, 7), some).has_value();
  PLUMB_ASSERT(good == same && (!good || all.size() == some.size()));
}

// What is decoded, to be damaged.
inline std::vector<std::string> codec_seeds() {
  return {
      link::to_message({link::FrameType::part, 7, 3, "body"}),
      link::encode(link::DirectoryOpening{.servers = {"ldaps://dc1"}, .username = "u", .base_dn = "DC=x"}),
      link::encode(link::AgentHealth{.memory_bytes = 5}),
      link::encode(link::AgentSettings{"info", true}),
      link::encode(link::Challenge{std::string(link::kNonceSize, 'n'), true}),
      link::encode(link::Welcome{.id = "0123456789abcdef0123456789abcdef", .connector = "a/b", .log_level = "info"}),
      link::encode(link::Renewal{std::string(kEd25519Size, 'k'), std::string(2 * kEd25519Size, 's')}),
      link::encode(HttpRequest{.method = "GET", .url = "https://x/"}, HttpRoute{}, HttpLimits{}),
  };
}

}  // namespace plumb::test
